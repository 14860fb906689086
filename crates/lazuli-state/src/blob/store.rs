//! The store of a state in Azure Blob, and what the holder of its lock may do.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::Bytes;
use azure_storage_blob::models::HttpRange;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::Place;
use super::lease::Lease;
use super::log::{BlobLog, Journal};
use super::refusal::{Reason, Refusal};
use super::requests::{Blobs, Content};
use super::worker::Worker;
use crate::backup;
use crate::error::StateError;
use crate::lock::{Holder, OnWait, Standing};
use crate::store::{Held, Log, Placed, Store};

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

    fn name(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.place.key)
    }

    /// The name of the blob at an address of ours.
    fn name_at(&self, address: &Path) -> String {
        let (text, state) = (address.to_string_lossy(), self.state.to_string_lossy());
        self.name(text.strip_prefix(&*state).unwrap_or_default())
    }

    fn get(&self, suffix: &'static str) -> Result<Option<Content>, StateError> {
        let (blobs, name, place) = (self.blobs.clone(), self.name(suffix), self.place.address(suffix));
        self.worker.wait_for(async move { read(&blobs, &name, &place).await })
    }

    /// Takes both leases, or says that somebody else has the lock.
    fn try_take(&self, id: &str) -> Result<Option<Instant>, StateError> {
        let (blobs, duration) = (self.blobs.clone(), self.place.lease);
        let (state, journal) = (self.name(""), self.name(".journal"));
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

async fn read(blobs: &Blobs, name: &str, place: &Path) -> Result<Option<Content>, StateError> {
    match blobs.get(name).await {
        Ok(content) => Ok(Some(content)),
        Err(refusal) if refusal.reason == Reason::NoBlob => Ok(None),
        Err(refusal) => Err(refusal.into_error("read", place)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
        let (blobs, name, place) = (self.blobs.clone(), self.name(".journal"), self.journal.clone());
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
        let (blobs, prefix) = (self.blobs.clone(), self.name(".backup."));
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
        let (blobs, name, place) = (self.blobs.clone(), self.name_at(backup), backup.to_owned());
        let content = self.worker.wait_for(async move { read(&blobs, &name, &place).await })?;
        Ok(content.map(|content| content.bytes.to_vec()))
    }

    fn beginnings(&self, backups: Vec<PathBuf>) -> Result<Vec<(PathBuf, Vec<u8>)>, StateError> {
        let all: Vec<_> = backups.into_iter().map(|backup| (self.name_at(&backup), backup)).collect();
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
            name: self.name(".journal"),
            place: self.journal.clone(),
            holder: spell(holder),
            end: Mutex::default(),
        });
        let names = [self.name(".journal"), self.name("")];
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
        let (blobs, name, place) = (self.blobs.clone(), self.name(".journal"), self.journal.clone());
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
        let (blobs, state, journal) = (self.blobs.clone(), self.name(""), self.name(".journal"));
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

/// The blobs of a state, leased.
#[derive(Debug)]
struct LeasedBlobs {
    place: Place,
    state: PathBuf,
    /// The journal's name and the state's.
    names: [String; 2],
    seen: Arc<Mutex<Option<Content>>>,
    journal: Arc<Journal>,
    heart: Option<AbortHandle>,
}

impl LeasedBlobs {
    /// Writes beside the journal who has the lock.
    fn sign(&self) -> Result<(), StateError> {
        let journal = self.journal.clone();
        self.journal.worker.wait_for(async move {
            let lease = Some(journal.lease.id.as_str());
            let named = journal.blobs.name_holder(&journal.name, lease, Some(&journal.holder)).await;
            named.map_err(|refusal| journal.lease.error(refusal, "lock", &journal.place))
        })
    }

    /// Puts a new blob; `Taken` when there is one.
    fn put_new(&self, suffix: &str, bytes: Bytes) -> Result<Placed, StateError> {
        let (name, place) = (format!("{}{suffix}", self.place.key), self.place.address(suffix));
        let journal = self.journal.clone();
        self.journal.worker.wait_for(async move {
            journal.lease.ensure_held()?;
            match journal.blobs.put(&name, &bytes, None, None).await {
                Ok(_) => Ok(Placed::At(place)),
                Err(refusal) if refusal.reason == Reason::Condition => Ok(Placed::Taken),
                Err(refusal) => Err(refusal.into_error("write", &place)),
            }
        })
    }

    /// Replaces a blob that has no lease of its own by one with these bytes.
    fn replace(&self, address: &Path, bytes: &[u8]) -> Result<(), StateError> {
        let (text, state) = (address.to_string_lossy(), self.state.to_string_lossy());
        let name = format!("{}{}", self.place.key, text.strip_prefix(&*state).unwrap_or_default());
        let (bytes, place) = (Bytes::copy_from_slice(bytes), address.to_owned());
        let journal = self.journal.clone();
        self.journal.worker.wait_for(async move {
            let there = match journal.blobs.properties(&name).await {
                Ok(there) => Some(there.etag),
                Err(refusal) if refusal.reason == Reason::NoBlob => None,
                Err(refusal) => return Err(refusal.into_error("read", &place)),
            };
            journal.lease.ensure_held()?;
            let put = journal.blobs.put(&name, &bytes, there.as_ref(), None).await;
            put.map(drop).map_err(|refusal| refusal.into_error("write", &place))
        })
    }
}

impl Held for LeasedBlobs {
    fn ensure_held(&self) -> Result<(), StateError> {
        self.journal.lease.ensure_held()
    }

    fn write_state(&self, bytes: &[u8]) -> Result<(), StateError> {
        let (name, place) = (self.place.key.clone(), self.state.clone());
        let (journal, seen) = (self.journal.clone(), self.seen.clone());
        let bytes = Bytes::copy_from_slice(bytes);
        self.journal.worker.wait_for(async move {
            let known = lock(&seen).as_ref().map(|content| content.etag.clone());
            let etag = match known {
                Some(etag) => etag,
                None => {
                    let there = journal.blobs.properties(&name).await;
                    there.map_err(|refusal| refusal.into_error("read", &place))?.etag
                }
            };
            journal.lease.ensure_held()?;
            let put = journal.blobs.put(&name, &bytes, Some(&etag), Some(&journal.lease.id)).await;
            let etag = put.map_err(|refusal| journal.lease.error(refusal, "write", &place))?;
            *lock(&seen) = Some(Content { bytes, etag });
            Ok(())
        })
    }

    fn write_lineage(&self, text: &[u8], replace: bool) -> Result<(), StateError> {
        match replace {
            true => self.replace(&self.place.address(".lineage"), text),
            false => self.put_new(".lineage", Bytes::copy_from_slice(text)).map(drop),
        }
    }

    fn keep_as_backup(&self, number: u64) -> Result<Option<Placed>, StateError> {
        let seen = lock(&self.seen).as_ref().map(|content| content.bytes.clone());
        match seen.filter(|bytes| !bytes.is_empty()) {
            None => Ok(None),
            Some(bytes) => self.put_new(&format!(".backup.{number}"), bytes).map(Some),
        }
    }

    fn add_backup(&self, number: u64, bytes: &[u8]) -> Result<Placed, StateError> {
        self.put_new(&format!(".backup.{number}"), Bytes::copy_from_slice(bytes))
    }

    fn replace_backup(&self, backup: &Path, bytes: &[u8]) -> Result<(), StateError> {
        self.replace(backup, bytes)
    }

    fn remove_backup(&self, backup: &Path) -> Result<(), StateError> {
        let (text, state) = (backup.to_string_lossy(), self.state.to_string_lossy());
        let name = format!("{}{}", self.place.key, text.strip_prefix(&*state).unwrap_or_default());
        let (journal, place) = (self.journal.clone(), backup.to_owned());
        self.journal.worker.wait_for(async move {
            journal.lease.ensure_held()?;
            let deleted = journal.blobs.delete(&name).await;
            deleted.map_err(|refusal| refusal.into_error("remove", &place))
        })
    }

    fn begin_journal(&self) -> Box<dyn Log> {
        Box::new(BlobLog { journal: self.journal.clone(), is_new: true })
    }

    fn remove_journal(&self) -> Result<(), StateError> {
        self.journal.clear()
    }

    fn set_journal_aside(&self) -> Result<PathBuf, StateError> {
        let journal = self.journal.clone();
        let content = self
            .journal
            .worker
            .wait_for(async move { read(&journal.blobs, &journal.name, &journal.place).await })?;
        let bytes = content.map(|content| content.bytes).unwrap_or_default();
        let mut number = 1;
        loop {
            if let Placed::At(aside) = self.put_new(&format!(".journal.aside.{number}"), bytes.clone())? {
                self.journal.clear()?;
                return Ok(aside);
            }
            number += 1;
        }
    }
}

impl Drop for LeasedBlobs {
    fn drop(&mut self) {
        if let Some(heart) = &self.heart {
            heart.abort();
        }
        if self.ensure_held().is_err() {
            return; // there is nothing to give back
        }
        let (journal, names) = (self.journal.clone(), self.names.clone());
        let _ = self.journal.worker.wait_for(async move {
            let [of_journal, of_state] = &names;
            let id = journal.lease.id.as_str();
            let limit = Duration::from_secs(4);
            // the name goes first: afterwards it is somebody else's; the journal's lease last: it is the lock
            let _ = tokio::time::timeout(limit, journal.blobs.name_holder(of_journal, Some(id), None)).await;
            for name in [of_state, of_journal] {
                let _ = journal.blobs.release(name, id).await; // it ends by itself too
            }
            Ok(())
        });
    }
}
