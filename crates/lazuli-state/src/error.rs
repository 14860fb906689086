//! What can go wrong. Every variant has a code with a page in `docs/errors`.

use std::path::{Path, PathBuf};

use crate::lock::Holder;

/// Why a state, a journal or a sealed file cannot be used. Nothing was changed when one of these is returned.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another run holds the lock.
    #[error("the state {} is locked by another run{}", .state.display(), .holder.as_ref().map_or_else(String::new, |h| format!(": {h}")))]
    Locked {
        /// The state.
        state: PathBuf,
        /// Who holds it; `None` when it has only just begun or left nothing readable.
        holder: Option<Box<Holder>>,
    },
    /// The state file is not as it was written.
    #[error("the state file {} is damaged: {found}{}", .state.display(), of_backup(.backup.as_ref()))]
    Damaged {
        /// The state.
        state: PathBuf,
        /// What is wrong with it.
        found: String,
        /// The newest backup that is whole.
        backup: Option<GoodBackup>,
    },
    /// The state file is gone while something shows that there was one.
    #[error(
        "the state file {} is missing, but its journal belongs to version {serial} of it{}",
        .state.display(), of_backup(.backup.as_ref())
    )]
    Missing {
        /// The state.
        state: PathBuf,
        /// The version the journal belongs to.
        serial: u64,
        /// The newest backup that is whole.
        backup: Option<GoodBackup>,
    },
    /// A newer Lazuli wrote it.
    #[error("{} has format version {found}; this Lazuli reads up to {supported}", .file.display())]
    Newer {
        /// The state or journal.
        file: PathBuf,
        /// Its version.
        found: u64,
        /// Ours.
        supported: u64,
    },
    /// The key that encrypted it was not given.
    #[error("the key is not available: {wanted}")]
    KeyMissing {
        /// Where the key comes from, according to the header.
        source_name: &'static str,
        /// What is needed.
        wanted: String,
    },
    /// The key does not fit.
    #[error("the {source_name} is not the one this was encrypted with")]
    WrongKey {
        /// Where the key came from.
        source_name: &'static str,
    },
    /// The file that should hold a key does not.
    #[error("the key file {} cannot be used: {found}", .file.display())]
    KeyFile {
        /// The key file.
        file: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// Something encrypted was altered.
    #[error("{what} was altered after it was encrypted, or is not complete")]
    Altered {
        /// What it is: `the plan file`, `the journal`.
        what: &'static str,
    },
    /// A record in the journal is not as it was written.
    #[error("the journal {} is damaged at byte {offset}: {found}", .journal.display())]
    JournalDamaged {
        /// The journal.
        journal: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        found: String,
    },
    /// The journal is of another state, or of a later version of this one.
    #[error(
        "the journal {} belongs to version {serial} of state {lineage}, but the state is version {state_serial} of {state_lineage}",
        .journal.display()
    )]
    ForeignJournal {
        /// The journal.
        journal: PathBuf,
        /// The lineage it names.
        lineage: String,
        /// The version it names.
        serial: u64,
        /// The state's lineage.
        state_lineage: String,
        /// The state's version.
        state_serial: u64,
    },
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was being done: `read`, `write`, `lock`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

/// A backup that can be restored by copying it over the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodBackup {
    /// The file.
    pub file: PathBuf,
    /// The version of the state in it.
    pub serial: u64,
}

fn of_backup(backup: Option<&GoodBackup>) -> String {
    match backup {
        Some(good) => {
            format!("; the newest whole backup is {} (version {})", good.file.display(), good.serial)
        }
        None => "; no whole backup was found".to_owned(),
    }
}

impl StateError {
    /// The code with a page in `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            StateError::Locked { .. } => "LZ2001",
            StateError::Damaged { .. } => "LZ2003",
            StateError::Newer { .. } => "LZ2004",
            StateError::KeyMissing { .. } => "LZ2005",
            StateError::WrongKey { .. } => "LZ2006",
            StateError::JournalDamaged { .. } => "LZ2007",
            StateError::ForeignJournal { .. } => "LZ2008",
            StateError::Io { .. } => "LZ2009",
            StateError::KeyFile { .. } => "LZ2010",
            StateError::Missing { .. } => "LZ2011",
            StateError::Altered { .. } => "LZ2012",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            StateError::Locked { .. } => {
                "wait for it with --lock-timeout=5m, or stop that run; the lock ends with its process".into()
            }
            StateError::Damaged { state, backup: Some(good), .. } | StateError::Missing { state, backup: Some(good), .. } => {
                format!("look at the backup, then restore it: cp {} {}", good.file.display(), state.display())
            }
            StateError::Damaged { .. } | StateError::Missing { .. } => {
                "restore the state file from your own backups, or from version control".into()
            }
            StateError::Newer { .. } => "use the Lazuli that wrote it, or a later one".into(),
            StateError::KeyMissing { .. } | StateError::WrongKey { .. } => {
                "give the key it was encrypted with: LAZULI_PASSPHRASE, LAZULI_KEY_FILE, or the key file of the person who made it".into()
            }
            StateError::KeyFile { .. } => "a key file holds at least 32 bytes that nobody can guess: head -c 32 /dev/urandom | base64".into(),
            StateError::Altered { .. } => "make it again; never edit it by hand".into(),
            StateError::JournalDamaged { journal, .. } => {
                format!("keep a copy of {} and of the state, and see docs/errors/LZ2007.md", journal.display())
            }
            StateError::ForeignJournal { journal, .. } => {
                format!("restore the state it belongs to, or move {} away if that run is of no interest any more", journal.display())
            }
            StateError::Io { .. } => "check permissions and free space; nothing was changed".into(),
        }
    }

    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StateError {
        let path = path.to_owned();
        move |source| StateError::Io { doing, path, source }
    }
}
