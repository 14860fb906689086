//! The lock of a local state: the operating system's, so that it ends with its process however that ends.
//!
//! `lock` is only locked, never written or removed; who holds it stands in `lock.json` beside it. What a killed run
//! leaves there says nothing: the lock itself decides.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::StateError;
use crate::file;

/// How often a lock is tried while waiting for it.
const EVERY: Duration = Duration::from_millis(50);

/// A run: who, where, since when, doing what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// A name for this run, unique.
    pub id: String,
    /// `user@host`.
    pub who: String,
    /// Its process.
    pub pid: u32,
    /// When it began, RFC 3339, UTC.
    pub since: String,
    /// The command: `apply`.
    pub command: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`lazuli {}` of {}, process {}, since {}", self.command, self.who, self.pid, self.since)
    }
}

/// Told who holds the lock when one has to wait for it.
pub type OnWait<'a> = &'a mut dyn FnMut(Option<&Holder>);

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    info: PathBuf,
}

impl Lock {
    /// Takes the lock in `folder`, waiting at most `timeout`.
    pub(crate) fn take(
        folder: &Path,
        state: &Path,
        holder: &Holder,
        timeout: Duration,
        on_wait: Option<OnWait<'_>>,
    ) -> Result<Lock, StateError> {
        let path = folder.join("lock");
        let info = folder.join("lock.json");
        let wrap = || StateError::io("lock", &path);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(wrap())?;
        let began = Instant::now();
        let mut on_wait = on_wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(e)) => return Err(wrap()(e)),
                Err(TryLockError::WouldBlock) if began.elapsed() >= timeout => {
                    let holder = read_holder(&info).map(Box::new);
                    return Err(StateError::Locked { state: state.to_owned(), holder });
                }
                Err(TryLockError::WouldBlock) => {
                    if let Some(tell) = on_wait.take() {
                        tell(read_holder(&info).as_ref());
                    } else {
                        std::thread::sleep(EVERY.min(timeout.saturating_sub(began.elapsed())));
                    }
                }
            }
        }
        let text = serde_json::to_vec(holder).unwrap_or_default(); // impossible to fail: plain data
        file::write_atomic(&info, &text)?;
        Ok(Lock { file, info })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.info); // before letting go: afterwards it is somebody else's
        let _ = self.file.unlock();
    }
}

fn read_holder(info: &Path) -> Option<Holder> {
    serde_json::from_slice(&std::fs::read(info).ok()?).ok()
}
