//! A backend and the state in it: opening, running, committing, wherever it is kept.
//!
//! Every serial names exactly one world. A journal that a run left behind makes the world one version newer than the
//! file says; before another run appends anything, that world is written as this version.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lazuli_core::Address;
use lazuli_core::plan::Operation;
use lazuli_core::recorded::{Recorded, RecordedWorld};

use crate::backup;
use crate::blob::{BlobStore, Place};
use crate::document;
use crate::error::StateError;
use crate::frame::{self, JournalHeader};
use crate::journal::RunJournal;
use crate::key::KeySources;
use crate::local::Files;
use crate::lock::{Holder, OnWait};
use crate::seal::{Keyring, Sealer};
use crate::store::{Held, Store};

/// Where a state and its companions are kept.
#[derive(Debug, Clone)]
pub struct Backend {
    pub(crate) store: Arc<dyn Store>,
}

/// Who opens a state and how.
#[derive(Debug)]
pub struct OpenOptions {
    /// The command: `apply`.
    pub command: String,
    /// `user@host`.
    pub who: String,
    /// The time, RFC 3339, UTC.
    pub now: String,
    /// How long to wait for another run.
    pub lock_timeout: Duration,
    /// Where keys are.
    pub keys: KeySources,
}

/// What a run that did not finish left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The run.
    pub run: Holder,
    /// How many records it made durable.
    pub records: usize,
}

/// An operation that was begun and whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The resource.
    pub address: Address,
    /// What was begun.
    pub operation: Operation,
    /// Where the provider tells how it goes, when it accepted the request.
    pub url: Option<String>,
    /// True for an object set aside by a replacement.
    pub deposed: bool,
}

/// A state as it was read.
#[derive(Debug)]
pub struct Snapshot {
    /// The world, a journal that was left behind included.
    pub world: RecordedWorld,
    /// The run that left one.
    pub leftover: Option<Leftover>,
}

/// A state that is open and locked.
#[derive(Debug)]
pub struct OpenState {
    pub(crate) backend: Backend,
    pub(crate) world: Arc<RecordedWorld>,
    pub(crate) leftover: Option<Leftover>,
    pub(crate) keyring: Arc<Keyring>,
    run: Holder,
    journal: Option<Arc<RunJournal>>,
    pub(crate) lock: Arc<dyn Held>,
}

/// What became of a run's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The version of the state now.
    pub serial: u64,
    /// Whether the file was written; false when nothing had changed.
    pub written: bool,
    /// The version before, when there was one and another was written.
    pub backup: Option<PathBuf>,
}

impl Backend {
    /// The state in the file at `path`, with the folder `.lazuli` beside it.
    pub fn local(path: impl Into<PathBuf>) -> Self {
        Backend { store: Arc::new(Files::new(path.into())) }
    }

    /// The state in a blob. Nothing is sent yet.
    ///
    /// # Errors
    /// When the operating system gives no thread for it.
    pub fn azure_blob(place: Place) -> Result<Self, StateError> {
        Ok(Backend { store: Arc::new(BlobStore::new(place)?) })
    }

    /// The state: a file, or the address of a blob.
    pub fn path(&self) -> &Path {
        self.store.state()
    }

    /// Whether there are earlier versions of it.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub fn has_backups(&self) -> Result<bool, StateError> {
        Ok(!self.store.backups()?.is_empty())
    }

    /// Whether opening it takes a passphrase: the one case in which a person may be asked for something.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn wants_passphrase(&self) -> Result<bool, StateError> {
        let bytes = self.store.read_state()?.unwrap_or_default();
        Ok(document::encryption(&bytes).is_some_and(|header| header.wants_passphrase()))
    }

    /// The keys that will do here: what others use cannot be sealed with a key that only this user has.
    pub(crate) fn keyring(&self, keys: KeySources) -> Keyring {
        Keyring::new(KeySources { shared: keys.shared || self.store.is_shared(), ..keys })
    }

    /// Reads without locking or writing anything: for commands that only look.
    ///
    /// # Errors
    /// When state or journal cannot be used.
    pub fn read(&self, keys: KeySources) -> Result<Snapshot, StateError> {
        let keyring = self.keyring(keys);
        let mut attempts = 0;
        loop {
            match self.load(&keyring) {
                // a run may just be going from one version to the next: between the reads they do not match
                Err(
                    StateError::ForeignJournal { .. } | StateError::Missing { .. } | StateError::Older { .. },
                ) if attempts < 3 => attempts += 1,
                Ok(mut snapshot) => {
                    if snapshot.world.lineage.is_empty() {
                        snapshot.world.lineage = self.chosen_lineage()?.unwrap_or_default();
                    }
                    return Ok(snapshot);
                }
                failed => return failed,
            }
        }
    }

    /// The lineage that was chosen for a state that is not written yet, when one was.
    fn chosen_lineage(&self) -> Result<Option<String>, StateError> {
        let text = self.store.read_lineage()?.unwrap_or_default();
        let lineage = String::from_utf8_lossy(&text).trim().parse::<uuid::Uuid>();
        Ok(lineage.ok().map(|lineage| lineage.to_string()))
    }

    /// Locks the state and reads it.
    ///
    /// # Errors
    /// When another run holds the lock, or state or journal cannot be used. Nothing was changed then.
    pub fn open(&self, options: OpenOptions, on_wait: Option<OnWait<'_>>) -> Result<OpenState, StateError> {
        let (run, lock, keys) = self.lock(options, on_wait)?;
        let keyring = Arc::new(self.keyring(keys));
        let Snapshot { mut world, leftover } = self.load(&keyring)?;
        if world.lineage.is_empty() {
            world.lineage = self.first_lineage(&*lock)?;
        }
        let backend = self.clone();
        Ok(OpenState { backend, world: Arc::new(world), leftover, keyring, run, journal: None, lock })
    }

    /// Locks the state without reading it.
    pub(crate) fn lock(
        &self,
        options: OpenOptions,
        on_wait: Option<OnWait<'_>>,
    ) -> Result<(Holder, Arc<dyn Held>, KeySources), StateError> {
        let run = Holder {
            id: uuid::Uuid::new_v4().to_string(),
            who: options.who,
            pid: std::process::id(),
            since: options.now,
            command: options.command,
        };
        let lock = self.store.take(&run, options.lock_timeout, on_wait)?;
        Ok((run, lock, options.keys))
    }

    /// The lineage of a state that is not written yet: chosen once, so that a plan and the apply after it agree.
    fn first_lineage(&self, held: &dyn Held) -> Result<String, StateError> {
        let new = uuid::Uuid::new_v4().to_string();
        for replace in [false, true] {
            held.write_lineage(format!("{new}\n").as_bytes(), replace)?;
            if let Some(lineage) = self.chosen_lineage()? {
                return Ok(lineage);
            }
        }
        Ok(new)
    }

    /// Replaces the state, the previous generation kept, then removes the journal that is now part of it.
    fn write(
        &self,
        world: &RecordedWorld,
        keyring: &Keyring,
        held: &dyn Held,
    ) -> Result<Option<PathBuf>, StateError> {
        let bytes = document::encode(world, keyring)?;
        held.ensure_held()?;
        let backup = backup::keep(&*self.store, held)?;
        held.write_state(&bytes)?;
        held.remove_journal()?;
        Ok(backup)
    }
}

impl Snapshot {
    /// Every operation whose end is not known, in order of address.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        unfinished(&self.world)
    }
}

fn unfinished(world: &RecordedWorld) -> Vec<Unfinished> {
    let of = |recorded: &Recorded, deposed| {
        let pending = recorded.pending.as_ref()?;
        let (address, operation) = (recorded.address.clone(), pending.operation);
        Some(Unfinished { address, operation, url: pending.url.clone(), deposed })
    };
    let current = world.resources.values().filter_map(|r| of(r, false));
    current.chain(world.deposed.iter().filter_map(|r| of(r, true))).collect()
}

impl OpenState {
    /// The world at the start of this run, what an earlier run left behind included.
    pub fn world(&self) -> &Arc<RecordedWorld> {
        &self.world
    }

    /// The run that did not finish, when there was one.
    pub fn leftover(&self) -> Option<&Leftover> {
        self.leftover.as_ref()
    }

    /// Every operation whose end is not known, in order of address.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        unfinished(&self.world)
    }

    /// The key in use, or a new one: to seal files that belong to this state, such as a saved plan.
    ///
    /// # Errors
    /// When no key was given and none can be made.
    pub fn sealer(&self) -> Result<Arc<Sealer>, StateError> {
        self.keyring.current()
    }

    /// The journal of this run. What an earlier run left behind is written into the state first.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn journal(&mut self) -> Result<Arc<RunJournal>, StateError> {
        if let Some(journal) = &self.journal {
            return Ok(journal.clone());
        }
        if self.leftover.take().is_some() {
            self.backend.write(&self.world, &self.keyring, &*self.lock)?;
        }
        self.lock.sync_names()?; // before a journal that goes on from it takes the place of the one before
        let header = JournalHeader {
            journal: frame::FORMAT_VERSION,
            lineage: self.world.lineage.clone(),
            serial: self.world.serial,
            run: self.run.clone(),
        };
        let world = RecordedWorld::clone(&self.world);
        let journal = RunJournal::new(header, self.keyring.clone(), Arc::downgrade(&self.lock), world);
        Ok(self.journal.insert(Arc::new(journal)).clone())
    }

    /// Writes what an earlier run left behind into the state, and removes its journal.
    ///
    /// # Errors
    /// When the state cannot be written. The journal is still there then, and nothing is lost.
    pub fn fold(&mut self) -> Result<(), StateError> {
        if self.leftover.take().is_some() {
            self.backend.write(&self.world, &self.keyring, &*self.lock)?;
        } else if self.journal.is_none() && self.backend.store.has_journal()? {
            self.lock.sync_names()?; // all of it is in the state, which must not go before it
            self.lock.remove_journal()?;
        }
        Ok(())
    }

    /// Ends the run: writes what its records made of the world, when they changed it, and removes the journal. The
    /// state stays locked until `self` is dropped.
    ///
    /// # Errors
    /// When the state cannot be written. The journal is still there then, and nothing is lost.
    pub fn commit(&mut self) -> Result<Committed, StateError> {
        let Some(journal) = self.journal.take() else {
            return Ok(Committed { serial: self.world.serial, written: false, backup: None });
        };
        let (world, records) = journal.close();
        if records == 0 || world == *self.world {
            self.lock.ensure_held()?;
            self.lock.remove_journal()?;
            return Ok(Committed { serial: self.world.serial, written: false, backup: None });
        }
        self.replace(world)
    }

    /// Writes another world as the next version: for commands that edit the state.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn replace(&mut self, world: RecordedWorld) -> Result<Committed, StateError> {
        let world = RecordedWorld { serial: self.world.serial + 1, ..world };
        let backup = self.backend.write(&world, &self.keyring, &*self.lock)?;
        let serial = world.serial;
        self.world = Arc::new(world);
        self.leftover = None;
        Ok(Committed { serial, written: true, backup })
    }
}
