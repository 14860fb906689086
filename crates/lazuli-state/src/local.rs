//! States in files: the state, and beside it the folder `.lazuli` with lock and journal.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::backup;
use crate::error::StateError;
use crate::file::{self, create_atomic, folder_of, sync_folder, write_atomic};
use crate::lock::{Holder, Lock, OnWait, Standing};
use crate::store::{Held, Log, Placed, Store};

/// The files of one state.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    state: PathBuf,
    folder: PathBuf,
    journal: PathBuf,
}

impl Files {
    /// The files of the state at `path`.
    pub(crate) fn new(state: PathBuf) -> Self {
        let mut folder = state.with_file_name(".lazuli");
        match state.file_name() {
            Some(name) if name != "lazuli.state" => folder.push(name), // several states may share a folder
            _ => {}
        }
        Files { journal: folder.join("journal"), state, folder }
    }

    fn lineage(&self) -> PathBuf {
        self.folder.join("lineage")
    }

    /// Removes what killed runs had not finished writing. The lock is held: nobody else writes these files.
    fn remove_unfinished(&self) {
        let state = self.state.file_name().unwrap_or_default().to_string_lossy();
        let backups = format!("{state}.backup.");
        let is_state = |name: &str| name == state || backup::number(name, &backups).is_some();
        file::remove_unfinished(folder_of(&self.state), is_state);
        file::remove_unfinished(&self.folder, |name| ["lock.json", "lineage"].contains(&name));
    }

    fn backup(&self, number: u64) -> PathBuf {
        let name = self.state.file_name().unwrap_or_default().to_string_lossy();
        self.state.with_file_name(format!("{name}.backup.{number}"))
    }
}

impl Store for Files {
    fn state(&self) -> &Path {
        &self.state
    }

    fn journal(&self) -> &Path {
        &self.journal
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn read_state(&self) -> Result<Option<Vec<u8>>, StateError> {
        file::read(&self.state)
    }

    fn read_journal(&self) -> Result<Option<Vec<u8>>, StateError> {
        file::read(&self.journal)
    }

    fn has_journal(&self) -> Result<bool, StateError> {
        Ok(self.journal.exists())
    }

    fn read_lineage(&self) -> Result<Option<Vec<u8>>, StateError> {
        file::read(&self.lineage())
    }

    fn backups(&self) -> Result<Vec<(u64, PathBuf)>, StateError> {
        let prefix = format!("{}.backup.", self.state.file_name().unwrap_or_default().to_string_lossy());
        let Ok(entries) = std::fs::read_dir(folder_of(&self.state)) else { return Ok(Vec::new()) };
        let mut found: Vec<(u64, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let number = backup::number(name.to_str()?, &prefix)?;
                Some((number, self.state.with_file_name(&name)))
            })
            .collect();
        found.sort();
        Ok(found)
    }

    fn read_backup(&self, backup: &Path) -> Result<Option<Vec<u8>>, StateError> {
        file::read(backup)
    }

    fn beginnings(&self, backups: Vec<PathBuf>) -> Result<Vec<(PathBuf, Vec<u8>)>, StateError> {
        let beginning = |file: PathBuf| {
            let mut bytes = Vec::new();
            File::open(&file).ok()?.take(backup::BEGINNING).read_to_end(&mut bytes).ok()?;
            Some((file, bytes))
        };
        Ok(backups.into_iter().filter_map(beginning).collect())
    }

    fn take(
        &self,
        holder: &Holder,
        timeout: Duration,
        on_wait: Option<OnWait<'_>>,
    ) -> Result<Arc<dyn Held>, StateError> {
        std::fs::create_dir_all(&self.folder).map_err(StateError::io("create", &self.folder))?;
        let lock = Lock::take(&self.folder, &self.state, holder, timeout, on_wait)?;
        self.remove_unfinished();
        Ok(Arc::new(LockedFiles { files: self.clone(), lock }))
    }

    fn standing(&self) -> Result<Standing, StateError> {
        Lock::standing(&self.folder)
    }

    fn force_open(&self) -> Result<(), StateError> {
        if cfg!(not(unix)) {
            return Err(StateError::StaysLocked {
                state: self.state.clone(),
                why: "this system has no way to take a lock away from a process".to_owned(),
                advice: "end the process that holds it".to_owned(),
            });
        }
        Lock::force_open(&self.folder)
    }
}

#[derive(Debug)]
struct LockedFiles {
    files: Files,
    lock: Lock,
}

impl Held for LockedFiles {
    fn ensure_held(&self) -> Result<(), StateError> {
        self.lock.ensure_held()
    }

    fn write_state(&self, bytes: &[u8]) -> Result<(), StateError> {
        write_atomic(&self.files.state, bytes)
    }

    fn write_lineage(&self, text: &[u8], replace: bool) -> Result<(), StateError> {
        let path = self.files.lineage();
        if replace { write_atomic(&path, text) } else { create_atomic(&path, text).map(drop) }
    }

    fn keep_as_backup(&self, number: u64) -> Result<Option<Placed>, StateError> {
        let (state, backup) = (&self.files.state, self.files.backup(number));
        match std::fs::hard_link(state, &backup) {
            Ok(()) => Ok(Some(Placed::At(backup))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(Some(Placed::Taken)),
            // a file system without hard links
            Err(_) => file::read(state)?.map(|bytes| self.add_backup(number, &bytes)).transpose(),
        }
    }

    fn add_backup(&self, number: u64, bytes: &[u8]) -> Result<Placed, StateError> {
        let backup = self.files.backup(number);
        Ok(if create_atomic(&backup, bytes)? { Placed::At(backup) } else { Placed::Taken })
    }

    fn replace_backup(&self, backup: &Path, bytes: &[u8]) -> Result<(), StateError> {
        write_atomic(backup, bytes)
    }

    fn remove_backup(&self, backup: &Path) -> Result<(), StateError> {
        file::remove(backup)
    }

    fn sync_names(&self) -> Result<(), StateError> {
        let home = folder_of(&self.files.state);
        let mut folder = self.files.folder.as_path();
        while folder != home {
            folder = folder_of(folder);
            sync_folder(folder)?;
        }
        Ok(())
    }

    fn begin_journal(&self) -> Box<dyn Log> {
        Box::new(FileLog { path: self.files.journal.clone(), file: None })
    }

    fn remove_journal(&self) -> Result<(), StateError> {
        file::remove(&self.files.journal)
    }

    fn set_journal_aside(&self) -> Result<PathBuf, StateError> {
        let journal = &self.files.journal;
        let mut number = 1;
        loop {
            let aside = journal.with_file_name(format!("journal.aside.{number}"));
            if !aside.exists() {
                std::fs::rename(journal, &aside).map_err(StateError::io("write", &aside))?;
                sync_folder(&self.files.folder)?;
                return Ok(aside);
            }
            number += 1;
        }
    }
}

#[derive(Debug)]
struct FileLog {
    path: PathBuf,
    file: Option<File>,
}

impl Log for FileLog {
    fn append(&mut self, text: &[u8]) -> Result<(), StateError> {
        let wrap = || StateError::io("write", &self.path);
        let is_new = self.file.is_none();
        let file = match self.file.take() {
            Some(file) => file,
            None => create(&self.path).map_err(wrap())?,
        };
        (&file).write_all(text).and_then(|()| file.sync_data()).map_err(wrap())?;
        if is_new {
            sync_folder(folder_of(&self.path))?;
        }
        self.file = Some(file);
        Ok(())
    }
}

/// A new file that only its owner can read; what a run left behind without a single durable record is overwritten.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
