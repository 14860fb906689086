//! A state from elsewhere in place of this one: a backup, or what another computer has.

use std::path::{Path, PathBuf};

use lazuli_core::recorded::RecordedWorld;

use crate::backup;
use crate::document::{self, Head, Refusal};
use crate::error::StateError;
use crate::file;
use crate::key::KeySources;
use crate::local::{Committed, LocalBackend, OpenOptions};
use crate::lock::{Holder, OnWait};
use crate::seal::Keyring;

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// What was written; not `written` when the state was the same already.
    pub committed: Committed,
    /// Where the journal of a run that did not finish lies now.
    pub set_aside: Option<PathBuf>,
}

impl LocalBackend {
    /// The state file as it lies on disk, checked and still encrypted, and whether a run that did not finish left
    /// something that is not in it; `None` when there is no state.
    ///
    /// # Errors
    /// When it is damaged, newer than this release, or missing although there was one.
    pub fn pull(&self) -> Result<Option<(Vec<u8>, bool)>, StateError> {
        let Some(bytes) = file::read(self.path())? else {
            if backup::list(self.path()).is_empty() {
                return Ok(None);
            }
            return Err(self.missing("backups of it are there".to_owned()));
        };
        let head = document::check(&bytes).map_err(|refusal| self.refuse(refusal))?;
        if let Some(backup) = backup::newer_than(self.path(), &head.lineage, head.serial) {
            return Err(StateError::Older { state: self.path().to_owned(), serial: head.serial, backup });
        }
        Ok(Some((bytes, self.journal_path().exists())))
    }

    /// Puts a whole state in place of this one. Everything is checked before anything is written; the version before
    /// becomes a backup. `name` says where the bytes came from.
    ///
    /// # Errors
    /// When the bytes are no whole state or their key is not there. Without `force` also when they are of another state,
    /// not newer than this one, or when a run did not finish.
    pub fn push(
        &self,
        bytes: &[u8],
        name: &Path,
        force: bool,
        options: OpenOptions,
        on_wait: Option<OnWait<'_>>,
    ) -> Result<Pushed, StateError> {
        let keyring = Keyring::new(options.keys.clone());
        let mut world = document::decode(bytes, &keyring).map_err(|refusal| no_state(refusal, name))?;
        let (_, lock, keys) = self.lock(options, on_wait)?;
        let current = file::read(self.path())?;
        let head = match current.as_deref().map(document::check) {
            None if !force && !backup::list(self.path()).is_empty() => {
                let newest = backup::newest_good(self.path());
                newest.and_then(|newest| document::check(&std::fs::read(newest.file).ok()?).ok())
            }
            None => None,
            Some(Ok(head)) => Some(head),
            Some(Err(_)) if force => None,
            Some(Err(refusal)) => return Err(self.refuse(refusal)),
        };
        let is_whole = head.is_some();
        let journal = self.open_journal(&keys, head.as_ref());
        if let (Some(left), false) = (&journal, force) {
            return Err(StateError::Unfinished { journal: self.journal_path(), run: left.clone() });
        }
        if let Some(head) = &head {
            if self.is_same(&world, bytes, current.as_deref(), &keys) {
                let committed = Committed { serial: head.serial, written: false, backup: None };
                return Ok(Pushed { committed, set_aside: None });
            }
            if head.lineage != world.lineage && !force {
                return Err(StateError::OtherLineage {
                    file: name.to_owned(),
                    lineage: world.lineage,
                    state: self.path().to_owned(),
                    state_lineage: head.lineage.clone(),
                });
            }
        }
        let newest = backup::newer_than(self.path(), &world.lineage, 0).map_or(0, |backup| backup.serial);
        let present = head.filter(|head| current.is_some() && head.lineage == world.lineage);
        let present = present.map(|head| head.serial);
        let lowest = present.map_or(newest, |present| newest.max(present + 1));
        let highest = present.map_or(newest, |present| newest.max(present));
        if world.serial < lowest && !force {
            return Err(StateError::NotNewer {
                file: name.to_owned(),
                serial: world.serial,
                state: self.path().to_owned(),
                state_serial: highest,
            });
        }
        // A version that is lost, damaged or overwritten came after the newest backup: no saved plan made for it may fit.
        let is_lost = match &current {
            None => newest > 0,
            Some(_) => !is_whole || present.is_some_and(|present| present < newest),
        };
        let serial = match (is_lost, world.serial < lowest) {
            (true, _) => world.serial.max(highest + 2),
            (false, true) => highest + 1,
            (false, false) => world.serial,
        };
        let written = match serial == world.serial {
            true => bytes.to_vec(),
            false => {
                world.serial = serial;
                document::encode(&world, &keyring)?
            }
        };
        lock.ensure_held()?;
        let set_aside = journal.is_some().then(|| self.set_journal_aside()).transpose()?;
        let backup = backup::keep(self.path())?;
        file::write_atomic(self.path(), &written)?;
        file::remove(&self.journal_path())?;
        file::write_atomic(&self.folder().join("lineage"), format!("{}\n", world.lineage).as_bytes())?;
        Ok(Pushed { committed: Committed { serial, written: true, backup }, set_aside })
    }

    /// Whether what is there is the same version of the same state and records the same, in its place. A key that is
    /// missing says no.
    fn is_same(
        &self,
        world: &RecordedWorld,
        bytes: &[u8],
        current: Option<&[u8]>,
        keys: &KeySources,
    ) -> bool {
        let Some(current) = current else { return false };
        backup::newer_than(self.path(), &world.lineage, world.serial).is_none()
            && (current == bytes
                || document::decode(current, &Keyring::new(keys.clone()))
                    .is_ok_and(|current| current == *world))
    }

    /// The run whose journal holds something that is not in the state; the inner `None` when it cannot be read.
    fn open_journal(&self, keys: &KeySources, head: Option<&Head>) -> Option<Option<Box<Holder>>> {
        match self.load_journal(&Keyring::new(keys.clone())) {
            Ok(None) => None,
            Ok(Some(journal)) => {
                let is_past = head.is_some_and(|head| {
                    head.lineage == journal.header.lineage && journal.header.serial < head.serial
                });
                (!is_past && !journal.records.is_empty()).then(|| Some(Box::new(journal.header.run)))
            }
            Err(_) => Some(None),
        }
    }

    fn set_journal_aside(&self) -> Result<PathBuf, StateError> {
        let journal = self.journal_path();
        let mut number = 1;
        loop {
            let aside = journal.with_file_name(format!("journal.aside.{number}"));
            if !aside.exists() {
                std::fs::rename(&journal, &aside).map_err(StateError::io("write", &aside))?;
                file::sync_folder(self.folder())?;
                return Ok(aside);
            }
            number += 1;
        }
    }
}

fn no_state(refusal: Refusal, name: &Path) -> StateError {
    match refusal {
        Refusal::Damaged(found) => StateError::NoState { file: name.to_owned(), found },
        Refusal::Newer(found) => {
            StateError::Newer { file: name.to_owned(), found, supported: document::FORMAT_VERSION }
        }
        Refusal::Key(error) => error,
    }
}
