//! Another key: everything that is kept is sealed anew, so that the old key opens nothing any more.
//!
//! Backups come first and the state last. A run that is stopped in between can be repeated: what the new key opens
//! already is done.

use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::{Committed, OpenState};
use crate::backup;
use crate::document::{self, Refusal};
use crate::error::StateError;
use crate::key::KeySources;

/// What a change of keys did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rekeyed {
    /// The version of the state that was written.
    pub committed: Committed,
    /// Whether the state holds anything to be sealed at all.
    pub sealed: bool,
    /// The new key, in words: `passphrase`.
    pub key: &'static str,
    /// Backups that were sealed anew.
    pub resealed: Vec<PathBuf>,
    /// Backups without secrets, which needed nothing.
    pub clear: Vec<PathBuf>,
    /// Backups that were damaged and are removed, for what they hold is sealed with nobody knows which key.
    pub removed: Vec<PathBuf>,
    /// Backups of yet another key, or of a newer release, which are as they were.
    pub untouched: Vec<PathBuf>,
}

impl OpenState {
    /// Seals the state and its backups with a new key. What an earlier run left behind becomes part of the state.
    ///
    /// # Errors
    /// When the new key cannot be used, before anything is written; or when something cannot be written: then the state
    /// still has its old key, and the same can be tried again.
    pub fn rekey(&mut self, new: KeySources) -> Result<Rekeyed, StateError> {
        let store = &*self.backend.store;
        let keyring = Arc::new(self.backend.keyring(new));
        let key = keyring.current()?.header().source.name();
        let world =
            lazuli_core::recorded::RecordedWorld { serial: self.world.serial + 1, ..(*self.world).clone() };
        let bytes = document::encode(&world, &keyring)?;
        let before = store.read_state()?;
        let before = before.map(|bytes| document::decode(&bytes, &self.keyring.afresh()));
        let before = before.transpose().map_err(|refusal| self.backend.refuse(refusal))?;
        let before = before.map(|world| document::encode(&world, &keyring)).transpose()?;
        self.lock.ensure_held()?;

        let (old, again) = (self.keyring.afresh(), keyring.afresh());
        let mut done = Rekeyed {
            committed: Committed { serial: world.serial, written: true, backup: None },
            sealed: document::encryption(&bytes).is_some(),
            key,
            resealed: Vec::new(),
            clear: Vec::new(),
            removed: Vec::new(),
            untouched: Vec::new(),
        };
        for (_, backup) in store.backups()? {
            let Some(bytes) = store.read_backup(&backup)? else { continue };
            match document::decode(&bytes, &old) {
                Ok(_) if document::encryption(&bytes).is_none() => done.clear.push(backup),
                Ok(world) => {
                    self.lock.replace_backup(&backup, &document::encode(&world, &keyring)?)?;
                    done.resealed.push(backup);
                }
                Err(Refusal::Damaged(_)) => {
                    self.lock.remove_backup(&backup)?;
                    done.removed.push(backup);
                }
                Err(_) if document::decode(&bytes, &again).is_ok() => done.resealed.push(backup),
                Err(_) => done.untouched.push(backup),
            }
        }
        if let Some(before) = before {
            done.committed.backup = backup::add(store, &*self.lock, &before)?;
        }
        self.lock.write_state(&bytes)?;
        self.lock.remove_journal()?;
        self.world = Arc::new(world);
        self.leftover = None;
        self.keyring = keyring;
        Ok(done)
    }
}
