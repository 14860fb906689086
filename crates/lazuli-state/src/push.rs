//! A state from elsewhere in place of this one: a backup, or what another computer has.

use std::path::{Path, PathBuf};

use lazuli_core::recorded::RecordedWorld;

use crate::backend::{Backend, Committed, OpenOptions};
use crate::backup;
use crate::document::{self, Head, Refusal};
use crate::error::StateError;
use crate::key::KeySources;
use crate::lock::{Holder, OnWait};

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// What was written; not `written` when the state was the same already.
    pub committed: Committed,
    /// Where the journal of a run that did not finish lies now.
    pub set_aside: Option<PathBuf>,
}

impl Backend {
    /// The state as it is kept, checked and still encrypted, and whether a run that did not finish left
    /// something that is not in it; `None` when there is no state.
    ///
    /// # Errors
    /// When it is damaged, newer than this release, or missing although there was one.
    pub fn pull(&self) -> Result<Option<(Vec<u8>, bool)>, StateError> {
        let Some(bytes) = self.store.read_state()? else {
            if !self.has_backups()? {
                return Ok(None);
            }
            return Err(self.missing("backups of it are there".to_owned()));
        };
        let head = document::check(&bytes).map_err(|refusal| self.refuse(refusal))?;
        if let Some(backup) = backup::newer_than(&*self.store, &head.lineage, head.serial)? {
            return Err(StateError::Older { state: self.path().to_owned(), serial: head.serial, backup });
        }
        Ok(Some((bytes, self.store.has_journal()?)))
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
        let keyring = self.keyring(options.keys.clone());
        let mut world = document::decode(bytes, &keyring).map_err(|refusal| no_state(refusal, name))?;
        let (_, lock, keys) = self.lock(options, on_wait)?;
        let current = self.store.read_state()?;
        let head = match current.as_deref().map(document::check) {
            None if !force && self.has_backups()? => {
                let newest = backup::newest_good(&*self.store);
                newest.and_then(|newest| document::check(&self.store.read_backup(&newest.file).ok()??).ok())
            }
            None => None,
            Some(Ok(head)) => Some(head),
            Some(Err(_)) if force => None,
            Some(Err(refusal)) => return Err(self.refuse(refusal)),
        };
        let is_whole = head.is_some();
        let journal = self.open_journal(&keys, head.as_ref());
        if let (Some(left), false) = (&journal, force) {
            return Err(StateError::Unfinished {
                journal: self.store.journal().to_owned(),
                run: left.clone(),
            });
        }
        if let Some(head) = &head {
            if self.is_same(&world, bytes, current.as_deref(), &keys)? {
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
        let newest = backup::newer_than(&*self.store, &world.lineage, 0)?.map_or(0, |backup| backup.serial);
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
        let set_aside = journal.is_some().then(|| lock.set_journal_aside()).transpose()?;
        let backup = backup::keep(&*self.store, &*lock)?;
        lock.write_state(&written)?;
        lock.remove_journal()?;
        lock.write_lineage(format!("{}\n", world.lineage).as_bytes(), true)?;
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
    ) -> Result<bool, StateError> {
        let Some(current) = current else { return Ok(false) };
        let records_the_same = || {
            let current = document::decode(current, &self.keyring(keys.clone()));
            current.is_ok_and(|current| current == *world)
        };
        Ok(backup::newer_than(&*self.store, &world.lineage, world.serial)?.is_none()
            && (current == bytes || records_the_same()))
    }

    /// The run whose journal holds something that is not in the state; the inner `None` when it cannot be read.
    fn open_journal(&self, keys: &KeySources, head: Option<&Head>) -> Option<Option<Box<Holder>>> {
        match self.load_journal(&self.keyring(keys.clone())) {
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
