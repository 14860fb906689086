//! States in Azure Blob: the state is a blob, its journal an append blob, its lock a lease.
//!
//! | blob | what |
//! |---|---|
//! | `KEY` | the state; empty as long as nothing was applied |
//! | `KEY.journal` | the journal; empty when no run is open; its metadata names who holds the lock |
//! | `KEY.backup.N` | earlier versions |
//! | `KEY.lineage` | the lineage of a state that is not written yet |
//!
//! The lock is a finite lease on the journal, renewed by a heartbeat; the state is leased under the same id. So the service
//! itself refuses whatever a run still sends that has lost its lock, be the request late, repeated or overtaken: each write
//! carries the lease and says what it replaces (an etag, or the position to append at). A request whose answer was lost is
//! repeated under the same condition; when the condition does not hold any more, reading tells whether the first one arrived.

mod lease;
mod leased;
mod log;
mod refusal;
mod requests;
mod store;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::{HttpClient, Url};

pub(crate) use store::BlobStore;

/// How long a lease lasts that is not renewed: how long others wait when a run is killed, and how long a run may be cut off.
pub const LEASE: Duration = Duration::from_secs(30);

/// Where a state is kept in Azure Blob, and how to get there.
#[derive(Debug, Clone)]
pub struct Place {
    /// The storage account's blob service: `https://ACCOUNT.blob.core.windows.net`.
    pub endpoint: Url,
    /// The container, which must exist.
    pub container: String,
    /// The name of the state's blob: `prod.state`.
    pub key: String,
    /// What mints tokens for storage.
    pub credential: Arc<dyn TokenCredential>,
    /// What sends requests. It is used on a runtime of its own.
    pub http: Arc<dyn HttpClient>,
    /// How long the lock's lease lasts: 15 to 60 seconds, usually [`LEASE`].
    pub lease: Duration,
}

impl Place {
    /// The address of the blob that has this after its name: `.journal`.
    fn address(&self, suffix: &str) -> PathBuf {
        let endpoint = self.endpoint.as_str().trim_end_matches('/');
        format!("{endpoint}/{}/{}{suffix}", self.container, self.key).into()
    }

    /// The name of the blob that has this after the state's name.
    fn name(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.key)
    }

    /// The name of the blob at an address of this place.
    fn name_at(&self, address: &Path) -> String {
        let (text, state) = (address.to_string_lossy(), self.address(""));
        self.name(text.strip_prefix(&*state.to_string_lossy()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
