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
    path: PathBuf,
    info: PathBuf,
    state: PathBuf,
}

/// Whether somebody holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody. A run that was killed may have left its name.
    Free(Option<Holder>),
    /// A run; who, when that can be read.
    Held(Option<Holder>),
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
        let open = || File::options().create(true).truncate(false).write(true).open(&path).map_err(wrap());
        let mut file = open()?;
        let began = Instant::now();
        let mut on_wait = on_wait;
        loop {
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => break,
                Ok(()) => file = open()?, // it was forced open just now: this is no longer the file that counts
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
                        file = open()?;
                    }
                }
            }
        }
        let text = serde_json::to_vec(holder).unwrap_or_default(); // impossible to fail: plain data
        file::write_atomic(&info, &text)?;
        Ok(Lock { file, path, info, state: state.to_owned() })
    }

    /// Fails when somebody forced the lock open: whoever holds it now must not meet writes of ours.
    pub(crate) fn ensure_held(&self) -> Result<(), StateError> {
        if is_at(&self.file, &self.path) {
            Ok(())
        } else {
            Err(StateError::LockLost {
                state: self.state.clone(),
                why: "was taken away from this run with force-unlock".to_owned(),
            })
        }
    }

    /// Who holds the lock in `folder`.
    pub(crate) fn standing(folder: &Path) -> Result<Standing, StateError> {
        let path = folder.join("lock");
        let holder = read_holder(&folder.join("lock.json"));
        let file = match File::options().write(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Standing::Free(holder)),
            Err(e) => return Err(StateError::io("lock", &path)(e)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Standing::Free(holder)),
            Err(TryLockError::WouldBlock) => Ok(Standing::Held(holder)),
            Err(TryLockError::Error(e)) => Err(StateError::io("lock", &path)(e)),
        }
    }

    /// Takes the lock in `folder` away from whoever holds it.
    pub(crate) fn force_open(folder: &Path) -> Result<(), StateError> {
        file::remove(&folder.join("lock"))?;
        file::remove(&folder.join("lock.json"))
    }
}

/// Whether an open file is the one at a path. A lock that was forced open is on a file that is at no path any more.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let open = file.metadata().map(identity);
        open.is_ok_and(|open| std::fs::metadata(path).map(identity).is_ok_and(|there| there == open))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path); // an open file cannot be removed there
        true
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.info); // before letting go: afterwards it is somebody else's
        }
        let _ = self.file.unlock();
    }
}

fn read_holder(info: &Path) -> Option<Holder> {
    serde_json::from_slice(&std::fs::read(info).ok()?).ok()
}
