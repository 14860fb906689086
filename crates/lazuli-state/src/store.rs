//! What the logic of a state needs of the place where it is kept: the difference between one backend and another.
//!
//! Places are paths: of files, or the addresses of blobs. They are for messages and for asking about a backup again.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::error::StateError;
use crate::lock::{Holder, OnWait, Standing};

/// Where a state and its companions are kept: everything that takes no lock.
pub(crate) trait Store: Debug + Send + Sync {
    /// The state.
    fn state(&self) -> &Path;
    /// Its journal.
    fn journal(&self) -> &Path;
    /// Whether people on other computers use it, so that a key which only one of them has will not do.
    fn is_shared(&self) -> bool;
    /// The state's bytes; `None` when there is none.
    fn read_state(&self) -> Result<Option<Vec<u8>>, StateError>;
    /// The journal's bytes; `None` when there is none.
    fn read_journal(&self) -> Result<Option<Vec<u8>>, StateError>;
    /// Whether there is a journal.
    fn has_journal(&self) -> Result<bool, StateError>;
    /// The lineage that was chosen for a state that is not written yet, as it stands there.
    fn read_lineage(&self) -> Result<Option<Vec<u8>>, StateError>;
    /// The earlier versions with their numbers, oldest first.
    fn backups(&self) -> Result<Vec<(u64, PathBuf)>, StateError>;
    /// The bytes of an earlier version; `None` when it is gone.
    fn read_backup(&self, backup: &Path) -> Result<Option<Vec<u8>>, StateError>;
    /// As many of the first bytes of each of these backups as tell which state it is.
    fn beginnings(&self, backups: Vec<PathBuf>) -> Result<Vec<(PathBuf, Vec<u8>)>, StateError>;
    /// Takes the lock, waiting at most `timeout`. It is given up when the last reference is dropped.
    fn take(
        &self,
        holder: &Holder,
        timeout: Duration,
        on_wait: Option<OnWait<'_>>,
    ) -> Result<Arc<dyn Held>, StateError>;
    /// Who holds the lock.
    fn standing(&self) -> Result<Standing, StateError>;
    /// Takes the lock away from whoever holds it: what that run still writes is refused.
    fn force_open(&self) -> Result<(), StateError>;
}

/// The held lock: everything that writes. Whoever has lost the lock gets an error from each of these, and nothing changes.
pub(crate) trait Held: Debug + Send + Sync {
    /// Fails when the lock is known to be lost.
    fn ensure_held(&self) -> Result<(), StateError>;
    /// Replaces the state as a whole.
    fn write_state(&self, bytes: &[u8]) -> Result<(), StateError>;
    /// Puts the lineage of a state that is not written yet; without `replace` only when there is none.
    fn write_lineage(&self, text: &[u8], replace: bool) -> Result<(), StateError>;
    /// Keeps the state as it is now under a number, unless that is taken; `None` when there is no state.
    fn keep_as_backup(&self, number: u64) -> Result<Option<Placed>, StateError>;
    /// Keeps these bytes as a backup under a number, unless that is taken.
    fn add_backup(&self, number: u64, bytes: &[u8]) -> Result<Placed, StateError>;
    /// Replaces a backup.
    fn replace_backup(&self, backup: &Path, bytes: &[u8]) -> Result<(), StateError>;
    /// Removes a backup.
    fn remove_backup(&self, backup: &Path) -> Result<(), StateError>;
    /// Makes durable that the state and the place of its journal are there, also when a run that was killed put them there.
    fn sync_names(&self) -> Result<(), StateError> {
        Ok(())
    }
    /// A journal without a line, in place of what an earlier run left. Nothing is written before the first line is.
    fn begin_journal(&self) -> Box<dyn Log>;
    /// Removes the journal, when there is one.
    fn remove_journal(&self) -> Result<(), StateError>;
    /// Puts the journal where it is not read any more.
    fn set_journal_aside(&self) -> Result<PathBuf, StateError>;
}

/// Where a backup was put.
#[derive(Debug)]
pub(crate) enum Placed {
    /// There.
    At(PathBuf),
    /// Nowhere: the number is taken.
    Taken,
}

/// An open journal.
pub(crate) trait Log: Debug + Send {
    /// Appends, and returns when it is durable.
    fn append(&mut self, text: &[u8]) -> Result<(), StateError>;
}
