//! A lock that is stuck. A lock ends with its process, at once or, in Azure Blob, soon after; so this is for a process that
//! hangs, or for a file system that remembers the lock of a machine that is gone.

use crate::backend::Backend;
use crate::error::StateError;
use crate::lock::{Holder, Standing};

/// What became of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlocked {
    /// Nobody held it; the run that was killed and left its name, if one did.
    WasFree(Option<Holder>),
    /// It was taken away from this run, which cannot write the state any more.
    TakenFrom(Option<Holder>),
}

impl Backend {
    /// Takes the lock away from the run `id`. `runs` tells whether the process of a holder is seen to run on this computer.
    ///
    /// # Errors
    /// Without `force`: when another run holds it, or this one still runs.
    pub fn unlock(
        &self,
        id: &str,
        runs: &dyn Fn(&Holder) -> bool,
        force: bool,
    ) -> Result<Unlocked, StateError> {
        let holder = match self.store.standing()? {
            Standing::Free(left) => return Ok(Unlocked::WasFree(left)),
            Standing::Held(holder) => holder,
        };
        let refuse = |why: String, advice: String| StateError::StaysLocked {
            state: self.path().to_owned(),
            why,
            advice,
        };
        match &holder {
            Some(holder) if holder.id != id => {
                return Err(refuse(
                    format!("it is held by another run than {id}: {holder}, lock id {}", holder.id),
                    "if that is the one, give its id".to_owned(),
                ));
            }
            Some(holder) if !force && runs(holder) => {
                return Err(refuse(
                    format!("it is held by {holder}, and that process still runs"),
                    format!(
                        "stop it, and the lock is free: kill -INT {}; only when it hangs: --force, after which it cannot write the state any more",
                        holder.pid
                    ),
                ));
            }
            None if !force => {
                return Err(refuse(
                    "who holds it left no name".to_owned(),
                    "it may just have begun: try again; --force takes the lock away from whoever it is"
                        .to_owned(),
                ));
            }
            _ => {}
        }
        self.store.force_open()?;
        Ok(Unlocked::TakenFrom(holder))
    }
}
