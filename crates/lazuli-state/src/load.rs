//! Reading a state with its journal: both whole, of the same version, and not older than what is known of it.

use lazuli_core::recorded::RecordedWorld;

use crate::backend::{Backend, Leftover, Snapshot};
use crate::backup;
use crate::document;
use crate::error::StateError;
use crate::frame;

use crate::replay::Replay;
use crate::seal::Keyring;

impl Backend {
    /// State and journal together. A state that does not exist is empty, its lineage empty too unless a journal has one.
    pub(crate) fn load(&self, keyring: &Keyring) -> Result<Snapshot, StateError> {
        let state = match self.store.read_state()? {
            Some(bytes) => Some(document::decode(&bytes, keyring).map_err(|refusal| self.refuse(refusal))?),
            None => None,
        };
        let Some(journal) = self.load_journal(keyring)? else {
            if state.is_none() && self.has_backups()? {
                return Err(self.missing("backups of it are there".to_owned()));
            }
            let world = state.unwrap_or_default();
            self.ensure_newest(&world)?;
            return Ok(Snapshot { world, leftover: None });
        };
        let header = journal.header;
        let world = match state {
            Some(world) => world,
            None if header.serial == 0 => {
                RecordedWorld { lineage: header.lineage.clone(), ..RecordedWorld::default() }
            }
            None => {
                return Err(self.missing(format!("its journal belongs to version {} of it", header.serial)));
            }
        };
        if header.lineage == world.lineage && header.serial < world.serial {
            self.ensure_newest(&world)?;
            // The run was stopped after it wrote the state and before it removed its journal: all of it is in the state.
            return Ok(Snapshot { world, leftover: None });
        }
        if header.lineage != world.lineage || header.serial != world.serial {
            return Err(StateError::ForeignJournal {
                journal: self.store.journal().to_owned(),
                lineage: header.lineage,
                serial: header.serial,
                state_lineage: world.lineage,
                state_serial: world.serial,
            });
        }
        self.ensure_newest(&world)?;
        if journal.records.is_empty() {
            return Ok(Snapshot { world, leftover: None });
        }
        let leftover = Some(Leftover { run: header.run, records: journal.records.len() });
        let mut replay = Replay::new(world);
        journal.records.into_iter().for_each(|record| replay.apply(record));
        replay.world_mut().serial += 1;
        Ok(Snapshot { world: replay.into_world(), leftover })
    }

    /// Fails when a backup is newer than the state: somebody put an older file in its place.
    fn ensure_newest(&self, world: &RecordedWorld) -> Result<(), StateError> {
        match backup::newer_than(&*self.store, &world.lineage, world.serial)? {
            None => Ok(()),
            Some(backup) => {
                Err(StateError::Older { state: self.path().to_owned(), serial: world.serial, backup })
            }
        }
    }

    pub(crate) fn missing(&self, shown: String) -> StateError {
        StateError::Missing {
            state: self.path().to_owned(),
            shown,
            backup: backup::newest_good(&*self.store),
        }
    }

    pub(crate) fn load_journal(&self, keyring: &Keyring) -> Result<Option<frame::Journal>, StateError> {
        let path = self.store.journal().to_owned();
        let Some(bytes) = self.store.read_journal()? else { return Ok(None) };
        frame::decode(&bytes, keyring).map_err(|refusal| match refusal {
            frame::Refusal::Damaged { offset, found } => {
                StateError::JournalDamaged { journal: path, offset: offset as u64, found }
            }
            frame::Refusal::Newer(found) => {
                StateError::Newer { file: path, found, supported: frame::FORMAT_VERSION }
            }
            frame::Refusal::Key(error) => error,
        })
    }

    pub(crate) fn refuse(&self, refusal: document::Refusal) -> StateError {
        let state = self.path().to_owned();
        match refusal {
            document::Refusal::Damaged(found) => {
                StateError::Damaged { backup: backup::newest_good(&*self.store), state, found }
            }
            document::Refusal::Newer(found) => {
                StateError::Newer { file: state, found, supported: document::FORMAT_VERSION }
            }
            document::Refusal::Key(error) => error,
        }
    }
}
