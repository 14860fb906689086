//! The store of a state in Azure Blob: reading it, and taking its lock.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::Bytes;
use azure_storage_blob::models::HttpRange;
use tokio::time::Instant;

use super::Place;
use super::lease::Lease;
use super::leased::LeasedBlobs;
use super::log::Journal;
use super::refusal::{Reason, Refusal};
use super::requests::{Blobs, Content};
use super::worker::Worker;
use crate::backup;
use crate::error::StateError;
use crate::lock::{Holder, OnWait, Standing};
use crate::store::{Held, Store};

/// How often a lock is tried while waiting for it.
const EVERY: Duration = Duration::from_secs(1);

/// How often the lease on the state is tried while that on the journal is ours.
const TRIES: usize = 5;

/// A state in Azure Blob.
#[derive(Debug)]
pub(crate) struct BlobStore {
    place: Place,
    state: PathBuf,
    journal: PathBuf,
    blobs: Arc<Blobs>,
    worker: Arc<Worker>,
    /// The state as it was last read or written here: what the next write replaces.
    seen: Arc<Mutex<Option<Content>>>,
}

impl BlobStore {
    pub(crate) fn new(place: Place) -> Result<Self, StateError> {
        Ok(BlobStore {
            state: place.address(""),
            journal: place.address(".journal"),
            blobs: Arc::new(Blobs::new(&place)?),
            worker: Arc::new(Worker::start()?),
            seen: Arc::default(),
            place,
        })
    }

    fn get(&self, suffix: &'static str) -> Result<Option<Content>, StateError> {
        let (blobs, name, place) = (self.blobs.clone(), self.place.name(suffix), self.place.address(suffix));
        self.worker.wait_for(async move { read(&blobs, &name, &place).await })
    }

    /// Takes both leases, or says that somebody else has the lock.
    fn try_take(&self, id: &str) -> Result<Option<Instant>, StateError> {
        let (blobs, duration) = (self.blobs.clone(), self.place.lease);
        let (state, journal) = (self.place.name(""), self.place.name(".journal"));
        let (state_place, journal_place) = (self.state.clone(), self.journal.clone());
        let id = id.to_owned();
        self.worker.wait_for(async move {
            let wrap = |refusal: Refusal| refusal.into_error("lock", &journal_place);
            let mut asked = Instant::now();
            match blobs.acquire(&journal, &id, duration).await {
                Ok(()) => {}
                Err(refusal) if refusal.reason == Reason::Leased => return Ok(None),
                Err(refusal) if refusal.reason == Reason::NoBlob => {
                    match blobs.put_empty_log(&journal, None, None, None).await {
                        Ok(_) => {}
                        Err(refusal) if matches!(refusal.reason, Reason::Condition | Reason::LeaseLost) => {}
                        Err(refusal) => return Err(wrap(refusal)),
                    }
                    asked = Instant::now();
                    match blobs.acquire(&journal, &id, duration).await {
                        Ok(()) => {}
                        Err(refusal) if refusal.reason == Reason::Leased => return Ok(None),
                        Err(refusal) => return Err(wrap(refusal)),
                    }
                }
                Err(refusal) => return Err(wrap(refusal)),
            }
            let leased = lease_state(&blobs, &state, &id, duration).await;
            if let Err(refusal) = leased {
                let _ = blobs.release(&journal, &id).await; // it ends by itself too
                return Err(refusal.into_error("lock", &state_place));
            }
            Ok(Some(asked))
        })
    }
}

/// The state goes with the journal: whoever has the journal's lease takes the state from one who had it before.
async fn lease_state(blobs: &Blobs, name: &str, id: &str, duration: Duration) -> Result<(), Refusal> {
    let mut tries = 0;
    loop {
        tries += 1;
        match blobs.acquire(name, id, duration).await {
            Err(refusal) if refusal.reason == Reason::NoBlob && tries < TRIES => {
                // empty, so that there is something to have a lease on
                match blobs.put(name, &Bytes::new(), None, None).await {
                    Err(refusal) if !matches!(refusal.reason, Reason::Condition | Reason::LeaseLost) => {
                        return Err(refusal);
                    }
                    _ => {}
                }
            }
            Err(refusal) if refusal.reason == Reason::Leased && tries < TRIES => {
                if blobs.properties(name).await?.is_leased_for_good {
                    return Err(refusal);
                }
                blobs.break_lease(name).await?;
            }
            other => return other,
        }
    }
}

pub(super) async fn read(blobs: &Blobs, name: &str, place: &Path) -> Result<Option<Content>, StateError> {
    match blobs.get(name).await {
        Ok(content) => Ok(Some(content)),
        Err(refusal) if refusal.reason == Reason::NoBlob => Ok(None),
        Err(refusal) => Err(refusal.into_error("read", place)),
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plain text for a header: JSON in which everything that is not ASCII is escaped.
fn spell(holder: &Holder) -> String {
    let text = crate::frame::json(holder);
    let mut plain = String::with_capacity(text.len());
    let mut units = [0; 2];
    for c in text.chars() {
        if c.is_ascii() {
            plain.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                plain.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    plain
}

impl Store for BlobStore {
    fn state(&self) -> &Path {
        &self.state
    }

    fn journal(&self) -> &Path {
        &self.journal
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn read_state(&self) -> Result<Option<Vec<u8>>, StateError> {
        let content = self.get("")?;
        let bytes = content.as_ref().map(|content| content.bytes.to_vec());
        *lock(&self.seen) = content;
        Ok(bytes.filter(|bytes| !bytes.is_empty()))
    }

    fn read_journal(&self) -> Result<Option<Vec<u8>>, StateError> {
        let content = self.get(".journal")?.filter(|content| !content.bytes.is_empty());
        Ok(content.map(|content| content.bytes.to_vec()))
    }

    fn has_journal(&self) -> Result<bool, StateError> {
        let (blobs, name, place) = (self.blobs.clone(), self.place.name(".journal"), self.journal.clone());
        self.worker.wait_for(async move {
            match blobs.properties(&name).await {
                Ok(found) => Ok(found.length > 0),
                Err(refusal) if refusal.reason == Reason::NoBlob => Ok(false),
                Err(refusal) => Err(refusal.into_error("read", &place)),
            }
        })
    }

    fn read_lineage(&self) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.get(".lineage")?.map(|content| content.bytes.to_vec()))
    }

    fn backups(&self) -> Result<Vec<(u64, PathBuf)>, StateError> {
        let (blobs, prefix) = (self.blobs.clone(), self.place.name(".backup."));
        let place = self.place.address(".backup.*");
        let listed = {
            let prefix = prefix.clone();
            self.worker.wait_for(async move {
                blobs.list(&prefix).await.map_err(|refusal| refusal.into_error("list", &place))
            })?
        };
        let numbers = listed.iter().filter_map(|name| backup::number(name, &prefix));
        let mut found: Vec<(u64, PathBuf)> =
            numbers.map(|number| (number, self.place.address(&format!(".backup.{number}")))).collect();
        found.sort();
        Ok(found)
    }

    fn read_backup(&self, backup: &Path) -> Result<Option<Vec<u8>>, StateError> {
        let (blobs, name, place) = (self.blobs.clone(), self.place.name_at(backup), backup.to_owned());
        let content = self.worker.wait_for(async move { read(&blobs, &name, &place).await })?;
        Ok(content.map(|content| content.bytes.to_vec()))
    }

    fn beginnings(&self, backups: Vec<PathBuf>) -> Result<Vec<(PathBuf, Vec<u8>)>, StateError> {
        let all: Vec<_> = backups.into_iter().map(|backup| (self.place.name_at(&backup), backup)).collect();
        let blobs = self.blobs.clone();
        self.worker.wait_for(async move {
            let asked = all.into_iter().map(|(name, backup)| {
                let blobs = blobs.clone();
                async move {
                    match blobs.get_range(&name, Some(HttpRange::from(0..backup::BEGINNING))).await {
                        Ok(content) => Ok(Some((backup, content.bytes.to_vec()))),
                        Err(refusal) if refusal.reason == Reason::NoBlob => Ok(None),
                        Err(refusal) => Err(refusal.into_error("read", &backup)),
                    }
                }
            });
            Ok(futures::future::try_join_all(asked).await?.into_iter().flatten().collect())
        })
    }

    fn take(
        &self,
        holder: &Holder,
        timeout: Duration,
        on_wait: Option<OnWait<'_>>,
    ) -> Result<Arc<dyn Held>, StateError> {
        let (began, mut on_wait) = (std::time::Instant::now(), on_wait);
        let asked = loop {
            if let Some(asked) = self.try_take(&holder.id)? {
                break asked;
            }
            let by = match self.standing()? {
                Standing::Free(_) => None,
                Standing::Held(by) => by,
            };
            if began.elapsed() >= timeout {
                return Err(StateError::Locked { state: self.state.clone(), holder: by.map(Box::new) });
            }
            match on_wait.take() {
                Some(tell) => tell(by.as_ref()),
                None => std::thread::sleep(EVERY.min(timeout.saturating_sub(began.elapsed()))),
            }
        };
        let lease = Lease::new(holder.id.clone(), self.place.lease, self.state.clone(), asked);
        let journal = Arc::new(Journal {
            blobs: self.blobs.clone(),
            worker: self.worker.clone(),
            lease: Arc::new(lease),
            name: self.place.name(".journal"),
            place: self.journal.clone(),
            holder: spell(holder),
            end: Mutex::default(),
        });
        let names = [self.place.name(".journal"), self.place.name("")];
        let (keeper, blobs) = (journal.lease.clone(), self.blobs.clone());
        let heart = self.worker.spawn({
            let names = names.clone();
            async move { keeper.keep(blobs, names).await }
        });
        let leased = LeasedBlobs {
            place: self.place.clone(),
            state: self.state.clone(),
            names,
            seen: self.seen.clone(),
            journal,
            heart,
        };
        leased.sign()?;
        Ok(Arc::new(leased))
    }

    fn standing(&self) -> Result<Standing, StateError> {
        let (blobs, name, place) = (self.blobs.clone(), self.place.name(".journal"), self.journal.clone());
        self.worker.wait_for(async move {
            let found = match blobs.properties(&name).await {
                Ok(found) => found,
                Err(refusal) if refusal.reason == Reason::NoBlob => return Ok(Standing::Free(None)),
                Err(refusal) => return Err(refusal.into_error("read", &place)),
            };
            let holder = found.holder.and_then(|text| serde_json::from_str(&text).ok());
            Ok(if found.is_leased { Standing::Held(holder) } else { Standing::Free(holder) })
        })
    }

    fn force_open(&self) -> Result<(), StateError> {
        let (blobs, state, journal) = (self.blobs.clone(), self.place.name(""), self.place.name(".journal"));
        let place = self.journal.clone();
        self.worker.wait_for(async move {
            // the journal last: whoever takes the lock now must find the state free already
            for name in [&state, &journal] {
                let broken = blobs.break_lease(name).await;
                broken.map_err(|refusal| refusal.into_error("unlock", &place))?;
            }
            let _ = blobs.name_holder(&journal, None, None).await; // whoever has it now writes its own name
            Ok(())
        })
    }
}
