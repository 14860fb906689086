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
        "the state file {} is missing, but {shown}{}",
        .state.display(), of_backup(.backup.as_ref())
    )]
    Missing {
        /// The state.
        state: PathBuf,
        /// What shows that there was one.
        shown: String,
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
    /// The state file is older than a backup of it.
    #[error(
        "the state file {} is version {serial}, but its backup {} is version {}: an older file lies in its place",
        .state.display(), .backup.file.display(), .backup.serial
    )]
    Older {
        /// The state.
        state: PathBuf,
        /// Its version.
        serial: u64,
        /// The backup.
        backup: GoodBackup,
    },
    /// What is to be pushed is no state.
    #[error("{} is no whole state: {found}", .file.display())]
    NoState {
        /// Where it came from.
        file: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// What is to be pushed is another state.
    #[error("{} is of state {lineage}, and {} is {state_lineage}", .file.display(), .state.display())]
    OtherLineage {
        /// Where it came from.
        file: PathBuf,
        /// Its lineage.
        lineage: String,
        /// The state.
        state: PathBuf,
        /// The state's lineage.
        state_lineage: String,
    },
    /// What is to be pushed is older than the state, or another one of the same version.
    #[error("{} is version {serial}, and {} is {} version {state_serial}", .file.display(), .state.display(), if .serial == .state_serial { "another" } else { "already" })]
    NotNewer {
        /// Where it came from.
        file: PathBuf,
        /// Its version.
        serial: u64,
        /// The state.
        state: PathBuf,
        /// The state's version.
        state_serial: u64,
    },
    /// Something would be lost that a run began.
    #[error("a run did not finish and left {}{}", .journal.display(), .run.as_ref().map_or_else(String::new, |run| format!(": {run}")))]
    Unfinished {
        /// Its journal.
        journal: PathBuf,
        /// The run, when the journal can be read.
        run: Option<Box<Holder>>,
    },
    /// The lock is not this run's any more.
    #[error("the lock of the state {} {why}", .state.display())]
    LockLost {
        /// The state.
        state: PathBuf,
        /// How: `was taken away from this run with force-unlock`.
        why: String,
    },
    /// The lock is not given up.
    #[error("the state {} stays locked: {why}", .state.display())]
    StaysLocked {
        /// The state.
        state: PathBuf,
        /// Why.
        why: String,
        /// What to do.
        advice: String,
    },
    /// A key that only this user has, where others must be able to read.
    #[error(
        "this state is kept where others use it too, and the key in this user's own folder is only yours"
    )]
    KeyNotShared,
    /// Azure Blob refused, or could not be asked.
    #[error("cannot {doing} {}: {answer}", .place.display())]
    Remote {
        /// What was being done: `read`, `write`, `lock`.
        doing: &'static str,
        /// The blob.
        place: PathBuf,
        /// What was answered.
        answer: String,
        /// What to do.
        advice: String,
    },
    /// Something was written by somebody who did not have the lock.
    #[error("{} was changed by somebody else while this run had the lock", .place.display())]
    Overwritten {
        /// The blob.
        place: PathBuf,
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

/// Whether this is the address of a blob and no file.
fn is_blob(place: &Path) -> bool {
    place.to_str().is_some_and(|text| text.starts_with("https://"))
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
            StateError::OtherLineage { .. } => "LZ2013",
            StateError::Older { .. } => "LZ2014",
            StateError::NotNewer { .. } => "LZ2015",
            StateError::Unfinished { .. } => "LZ2016",
            StateError::LockLost { .. } => "LZ2017",
            StateError::StaysLocked { .. } => "LZ2018",
            StateError::NoState { .. } => "LZ2019",
            StateError::KeyNotShared => "LZ2030",
            StateError::Remote { .. } => "LZ2031",
            StateError::Overwritten { .. } => "LZ2032",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            StateError::Locked { state, holder } => {
                let id = holder.as_ref().map_or_else(String::new, |holder| format!(" (lock id {})", holder.id));
                let soon = if is_blob(state) { ", half a minute later at the latest" } else { "" };
                format!("wait for it with --lock-timeout=5m, or stop that run; the lock ends with its process{soon}{id}")
            }
            StateError::Damaged { state, backup: Some(good), .. } | StateError::Missing { state, backup: Some(good), .. }
                if is_blob(state) =>
            {
                format!(
                    "look at the backup: az storage blob download --auth-mode login --blob-url '{}' --file backup.state; then restore it: lazuli state push --force backup.state",
                    good.file.display()
                )
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
            StateError::Older { state, backup, .. } if is_blob(state) => format!(
                "put the newer one back: az storage blob download --auth-mode login --blob-url '{}' --file newer.state; lazuli state push newer.state",
                backup.file.display()
            ),
            StateError::Older { state, backup, .. } => format!(
                "put the newer one back: cp {} {}; or, when the older one is what you want: lazuli state push --force {}",
                backup.file.display(), state.display(), state.display()
            ),
            StateError::NoState { .. } => "push what `lazuli state pull` printed, or a backup; the state was not touched".into(),
            StateError::OtherLineage { .. } => {
                "push it in the project it belongs to; --force replaces this state, whose resources stay in Azure".into()
            }
            StateError::NotNewer { .. } => {
                "pull again and repeat your change; --force makes it the next version, and what is recorded only in the present one is forgotten".into()
            }
            StateError::Unfinished { .. } => {
                "run `lazuli apply` first: it finishes what was begun; with --force that is forgotten, and the journal set aside".into()
            }
            StateError::LockLost { .. } => {
                "what was recorded before is in the journal; run `lazuli apply` when the other run is over".into()
            }
            StateError::StaysLocked { advice, .. } | StateError::Remote { advice, .. } => advice.clone(),
            StateError::KeyNotShared => {
                "set LAZULI_PASSPHRASE or LAZULI_KEY_FILE, the same for all who use it; a state that has your own key gets another with `lazuli state rekey` before it moves here".into()
            }
            StateError::Overwritten { .. } => {
                "nothing of it was written over; what this run recorded is in its journal. See who else writes there, then run `lazuli plan`".into()
            }
            StateError::Io { .. } => "check permissions and free space; nothing was changed".into(),
        }
    }

    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StateError {
        let path = path.to_owned();
        move |source| StateError::Io { doing, path, source }
    }
}
