//! The journal as an append blob, and what is known of it between two requests.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use azure_core::Bytes;
use azure_core::http::Etag;

use super::lease::Lease;
use super::requests::{Blobs, MOST_APPENDED};
use super::worker::Worker;
use crate::error::StateError;
use crate::store::Log;

/// Where the journal ends, and in which version of the blob.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) etag: Etag,
    pub(super) length: u64,
}

/// The journal's blob as a run that holds the lock uses it.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) blobs: Arc<Blobs>,
    pub(super) worker: Arc<Worker>,
    pub(super) lease: Arc<Lease>,
    pub(super) name: String,
    pub(super) place: PathBuf,
    /// The run, as it stands beside the journal.
    pub(super) holder: String,
    pub(super) end: Mutex<Option<End>>,
}

impl Journal {
    /// Makes the journal empty, unless it is.
    pub(super) fn clear(self: &Arc<Self>) -> Result<(), StateError> {
        let this = self.clone();
        self.worker.wait_for(async move {
            this.lease.ensure_held()?;
            let end = this.known_end().await?;
            if end.length == 0 {
                return Ok(());
            }
            let lease = Some(this.lease.id.as_str());
            let made = this.blobs.put_empty_log(&this.name, Some(&end.etag), lease, Some(&this.holder)).await;
            let etag = made.map_err(|refusal| this.lease.error(refusal, "empty", &this.place))?;
            this.set_end(End { etag, length: 0 });
            Ok(())
        })
    }

    fn append(self: &Arc<Self>, text: Bytes) -> Result<(), StateError> {
        let this = self.clone();
        self.worker.wait_for(async move {
            let mut end = this.known_end().await?;
            for start in (0..text.len()).step_by(MOST_APPENDED) {
                this.lease.ensure_held()?;
                let piece = text.slice(start..text.len().min(start + MOST_APPENDED));
                let appended = this.blobs.append(&this.name, &piece, end.length, &this.lease.id).await;
                let etag = appended.map_err(|refusal| this.lease.error(refusal, "append to", &this.place))?;
                end = End { etag, length: end.length + piece.len() as u64 };
                this.set_end(end.clone());
            }
            Ok(())
        })
    }

    async fn known_end(&self) -> Result<End, StateError> {
        let known = self.end.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(end) = known {
            return Ok(end);
        }
        let found = self.blobs.properties(&self.name).await;
        let found = found.map_err(|refusal| refusal.into_error("read", &self.place))?;
        let end = End { etag: found.etag, length: found.length };
        self.set_end(end.clone());
        Ok(end)
    }

    fn set_end(&self, end: End) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }
}

/// A journal of one run.
#[derive(Debug)]
pub(super) struct BlobLog {
    pub(super) journal: Arc<Journal>,
    pub(super) is_new: bool,
}

impl Log for BlobLog {
    fn append(&mut self, text: &[u8]) -> Result<(), StateError> {
        if std::mem::take(&mut self.is_new) {
            self.journal.clear()?;
        }
        self.journal.append(Bytes::copy_from_slice(text))
    }
}
