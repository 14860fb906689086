//! What the holder of the lock may do, each with the lease and the version it replaces.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_core::Bytes;
use tokio::task::AbortHandle;

use super::Place;
use super::log::{BlobLog, Journal};
use super::refusal::Reason;
use super::requests::Content;
use super::store::{lock, read};
use crate::error::StateError;
use crate::store::{Held, Log, Placed};

/// The blobs of a state, leased.
#[derive(Debug)]
pub(super) struct LeasedBlobs {
    pub(super) place: Place,
    pub(super) state: PathBuf,
    /// The journal's name and the state's.
    pub(super) names: [String; 2],
    /// The state as it was last read or written here.
    pub(super) seen: Arc<Mutex<Option<Content>>>,
    pub(super) journal: Arc<Journal>,
    pub(super) heart: Option<AbortHandle>,
}

impl LeasedBlobs {
    /// Writes beside the journal who has the lock.
    pub(super) fn sign(&self) -> Result<(), StateError> {
        let journal = self.journal.clone();
        self.journal.worker.wait_for(async move {
            let lease = Some(journal.lease.id.as_str());
            let named = journal.blobs.name_holder(&journal.name, lease, Some(&journal.holder)).await;
            named.map_err(|refusal| journal.lease.error(refusal, "lock", &journal.place))
        })
    }

    /// Puts a new blob; `Taken` when there is one.
    fn put_new(&self, suffix: &str, bytes: Bytes) -> Result<Placed, StateError> {
        let (name, place) = (self.place.name(suffix), self.place.address(suffix));
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
        let name = self.place.name_at(address);
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
        let name = self.place.name_at(backup);
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
