//! Requests to Azure Blob, each with a time limit, a bounded number of attempts, and no hidden ones.

use std::collections::HashMap;
use std::future::Future;
use std::num::NonZero;
use std::time::Duration;

use azure_core::Bytes;
use azure_core::http::{ClientOptions, Etag, RequestContent, RetryOptions, Transport};
use azure_storage_blob::models::{
    AppendBlobClientAppendBlockOptions, AppendBlobClientAppendBlockResultHeaders as _,
    AppendBlobClientCreateOptions, AppendBlobClientCreateResultHeaders as _, BlobClientAcquireLeaseOptions,
    BlobClientBreakLeaseOptions, BlobClientDownloadOptions, BlobClientGetPropertiesResultHeaders as _,
    BlobClientSetMetadataOptions, BlobClientUploadOptions, BlobContainerClientListBlobsOptions, HttpRange,
    LeaseDuration, LeaseState,
};
use azure_storage_blob::{BlobClient, BlobContainerClient, BlobContainerClientOptions};
use futures::TryStreamExt as _;

use super::Place;
use super::refusal::{Reason, Refusal};
use crate::error::StateError;

/// How long one attempt may take, and a second more for each of these many bytes.
const LIMIT: Duration = Duration::from_secs(10);
const BYTES_PER_SECOND: usize = 1 << 20;

/// The pauses between attempts; there is one attempt more than pauses.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(600),
    Duration::from_millis(1500),
    Duration::from_millis(3000),
];

/// The most that is appended at once.
pub(super) const MOST_APPENDED: usize = 4 << 20;

/// More than any state has: the library shall not cut it up.
const ALL: u64 = 1 << 30;

/// Metadata that names who holds the lock.
pub(super) const HOLDER: &str = "lazuli_holder";

/// A blob's bytes and which version of it they are.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) bytes: Bytes,
    pub(super) etag: Etag,
}

/// What is known of a blob without its bytes.
#[derive(Debug, Clone)]
pub(super) struct Properties {
    pub(super) etag: Etag,
    pub(super) length: u64,
    pub(super) is_leased: bool,
    pub(super) is_leased_for_good: bool,
    pub(super) holder: Option<String>,
}

type Answer<T> = Result<T, Refusal>;

/// The container, seen through one credential.
pub(super) struct Blobs {
    container: BlobContainerClient,
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blobs({})", self.container.url())
    }
}

impl Blobs {
    pub(super) fn new(place: &Place) -> Result<Self, StateError> {
        let refuse = |answer: String| StateError::Remote {
            doing: "use",
            place: place.address(""),
            answer,
            advice: "check endpoint and container_name of the backend".to_owned(),
        };
        let mut url = place.endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| refuse("the endpoint is no address below which there can be blobs".to_owned()))?
            .pop_if_empty()
            .push(&place.container);
        let client_options = ClientOptions {
            transport: Some(Transport::new(place.http.clone())),
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        let options = BlobContainerClientOptions { client_options, ..BlobContainerClientOptions::default() };
        let container = BlobContainerClient::new(url, Some(place.credential.clone()), Some(options))
            .map_err(|error| refuse(error.to_string()))?;
        Ok(Blobs { container })
    }

    fn blob(&self, name: &str) -> BlobClient {
        self.container.blob_client(name)
    }

    /// The blob's bytes.
    pub(super) async fn get(&self, name: &str) -> Answer<Content> {
        self.get_range(name, None).await
    }

    /// Some of the blob's bytes.
    pub(super) async fn get_range(&self, name: &str, range: Option<HttpRange>) -> Answer<Content> {
        let limit = LIMIT * 6;
        attempts(limit, || async {
            // in one request, so that all bytes are of one version
            let options = BlobClientDownloadOptions {
                partition_size: NonZero::new(ALL as usize),
                range: range.clone(),
                ..BlobClientDownloadOptions::default()
            };
            let answer = self.blob(name).download(Some(options)).await?;
            let etag = known(answer.properties.etag)?;
            Ok(Content { bytes: answer.body.collect().await?, etag })
        })
        .await
    }

    /// What is known of the blob.
    pub(super) async fn properties(&self, name: &str) -> Answer<Properties> {
        attempts(LIMIT, || async {
            let answer = self.blob(name).get_properties(None).await?;
            Ok(Properties {
                etag: known(answer.etag()?)?,
                length: answer.content_length()?.unwrap_or_default(),
                is_leased: matches!(answer.lease_state()?, Some(LeaseState::Leased | LeaseState::Breaking)),
                is_leased_for_good: answer.duration()? == Some(LeaseDuration::Infinite),
                holder: answer.metadata()?.remove(HOLDER),
            })
        })
        .await
    }

    /// Writes a block blob: in place of the version `replaces`, or as a new one.
    pub(super) async fn put(
        &self,
        name: &str,
        bytes: &Bytes,
        replaces: Option<&Etag>,
        lease: Option<&str>,
    ) -> Answer<Etag> {
        let put = attempts(limit_for(bytes.len()), || async {
            let options = BlobClientUploadOptions {
                blob_content_type: Some("application/json".to_owned()),
                partition_size: NonZero::new(ALL), // in one request
                if_match: replaces.cloned(),
                if_none_match: replaces.is_none().then(|| "*".into()),
                lease_id: lease.map(str::to_owned),
                ..BlobClientUploadOptions::default()
            };
            let answer = self.blob(name).upload(bytes.clone().into(), Some(options)).await?;
            known(answer.etag)
        })
        .await;
        match put {
            // the lost answer may have been a good one
            Err(refusal) if refusal.reason == Reason::Condition && refusal.unsure => {
                let there = self.get(name).await?;
                if there.bytes == *bytes { Ok(there.etag) } else { Err(refusal) }
            }
            other => other,
        }
    }

    /// Makes an empty append blob: in place of the version `replaces`, or as a new one.
    pub(super) async fn put_empty_log(
        &self,
        name: &str,
        replaces: Option<&Etag>,
        lease: Option<&str>,
        holder: Option<&str>,
    ) -> Answer<Etag> {
        let put = attempts(LIMIT, || async {
            let options = AppendBlobClientCreateOptions {
                if_match: replaces.cloned(),
                if_none_match: replaces.is_none().then(|| "*".into()),
                lease_id: lease.map(str::to_owned),
                metadata: Some(naming(holder)),
                ..AppendBlobClientCreateOptions::default()
            };
            let answer = self.blob(name).append_blob_client().create(Some(options)).await?;
            known(answer.etag()?)
        })
        .await;
        match put {
            Err(refusal) if refusal.reason == Reason::Condition && refusal.unsure => {
                let there = self.properties(name).await?;
                if there.length == 0 { Ok(there.etag) } else { Err(refusal) }
            }
            other => other,
        }
    }

    /// Appends at `position`, where the blob must end. Answers that were lost are made good by reading.
    pub(super) async fn append(&self, name: &str, bytes: &Bytes, position: u64, lease: &str) -> Answer<Etag> {
        let appended = attempts(limit_for(bytes.len()), || async {
            let options = AppendBlobClientAppendBlockOptions {
                append_position: i64::try_from(position).ok(),
                lease_id: Some(lease.to_owned()),
                ..AppendBlobClientAppendBlockOptions::default()
            };
            let body = RequestContent::from(bytes.to_vec());
            let client = self.blob(name).append_blob_client();
            let answer = client.append_block(body, bytes.len() as u64, Some(options)).await?;
            known(answer.etag()?)
        })
        .await;
        match appended {
            Err(refusal) if refusal.reason == Reason::Condition && refusal.unsure => {
                let end = position + bytes.len() as u64;
                let there = self.properties(name).await?;
                if there.length != end {
                    return Err(refusal);
                }
                let last = self.get_range(name, Some((position..end).into())).await?;
                if last.bytes == *bytes { Ok(there.etag) } else { Err(refusal) }
            }
            other => other,
        }
    }

    /// Removes a blob, if it is there.
    pub(super) async fn delete(&self, name: &str) -> Answer<()> {
        let deleted = attempts(LIMIT, || async { self.blob(name).delete(None).await.map(drop) }).await;
        match deleted {
            Err(refusal) if refusal.reason == Reason::NoBlob => Ok(()),
            other => other,
        }
    }

    /// The names of the blobs that begin with `prefix`.
    pub(super) async fn list(&self, prefix: &str) -> Answer<Vec<String>> {
        attempts(LIMIT * 3, || async {
            let options = BlobContainerClientListBlobsOptions {
                prefix: Some(prefix.to_owned()),
                ..BlobContainerClientListBlobsOptions::default()
            };
            let all: Vec<_> = self.container.list_blobs(Some(options))?.try_collect().await?;
            Ok(all.into_iter().filter_map(|blob| blob.name).collect())
        })
        .await
    }

    /// Takes the lease under an id of our own: to ask again does no harm.
    pub(super) async fn acquire(&self, name: &str, lease: &str, duration: Duration) -> Answer<()> {
        attempts(LIMIT, || async {
            let options = BlobClientAcquireLeaseOptions {
                proposed_lease_id: Some(lease.to_owned()),
                ..BlobClientAcquireLeaseOptions::default()
            };
            let seconds = i32::try_from(duration.as_secs()).unwrap_or(60);
            self.blob(name).acquire_lease(seconds, Some(options)).await.map(drop)
        })
        .await
    }

    /// Renews the lease, in one attempt of at most `limit`: who renews has a clock to watch.
    pub(super) async fn renew(&self, name: &str, lease: &str, limit: Duration) -> Answer<()> {
        attempt(limit, || async { self.blob(name).renew_lease(lease.to_owned(), None).await.map(drop) }).await
    }

    /// Gives the lease back, in one attempt: it ends by itself otherwise.
    pub(super) async fn release(&self, name: &str, lease: &str) -> Answer<()> {
        let limit = Duration::from_secs(4);
        attempt(limit, || async { self.blob(name).release_lease(lease.to_owned(), None).await.map(drop) })
            .await
    }

    /// Ends whatever lease there is, at once. None is fine too.
    pub(super) async fn break_lease(&self, name: &str) -> Answer<()> {
        let broken = attempts(LIMIT, || async {
            let options = BlobClientBreakLeaseOptions {
                break_period: Some(0),
                ..BlobClientBreakLeaseOptions::default()
            };
            self.blob(name).break_lease(Some(options)).await.map(drop)
        })
        .await;
        match broken {
            Err(refusal) if matches!(refusal.reason, Reason::LeaseLost | Reason::NoBlob) => Ok(()),
            other => other,
        }
    }

    /// Writes down who holds the lock.
    pub(super) async fn name_holder(
        &self,
        name: &str,
        lease: Option<&str>,
        holder: Option<&str>,
    ) -> Answer<()> {
        attempts(LIMIT, || async {
            let options = BlobClientSetMetadataOptions {
                lease_id: lease.map(str::to_owned),
                ..BlobClientSetMetadataOptions::default()
            };
            self.blob(name).set_metadata(&naming(holder), Some(options)).await.map(drop)
        })
        .await
    }
}

fn naming(holder: Option<&str>) -> HashMap<String, String> {
    holder.map(|holder| (HOLDER.to_owned(), holder.to_owned())).into_iter().collect()
}

/// A version that the service always tells.
fn known(etag: Option<Etag>) -> azure_core::Result<Etag> {
    etag.ok_or_else(|| {
        azure_core::Error::with_message(
            azure_core::error::ErrorKind::DataConversion,
            "an answer without etag",
        )
    })
}

fn limit_for(bytes: usize) -> Duration {
    LIMIT + Duration::from_secs((bytes / BYTES_PER_SECOND) as u64)
}

async fn attempt<T, F>(limit: Duration, send: impl Fn() -> F) -> Answer<T>
where
    F: Future<Output = azure_core::Result<T>>,
{
    match tokio::time::timeout(limit, send()).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Refusal::of(&error)),
        Err(_) => Err(Refusal::timeout(limit.as_secs())),
    }
}

/// Tries again what may pass, and remembers that an answer was lost.
async fn attempts<T, F>(limit: Duration, send: impl Fn() -> F) -> Answer<T>
where
    F: Future<Output = azure_core::Result<T>>,
{
    let mut unsure = false;
    let mut pauses = PAUSES.iter();
    loop {
        match attempt(limit, &send).await {
            Err(refusal) if refusal.reason == Reason::Passing => match pauses.next() {
                Some(pause) => {
                    unsure = true;
                    tokio::time::sleep(*pause).await;
                }
                None => return Err(Refusal { unsure: true, ..refusal }),
            },
            Err(refusal) => return Err(Refusal { unsure, ..refusal }),
            done => return done,
        }
    }
}
