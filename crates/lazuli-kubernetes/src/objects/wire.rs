//! Requests about objects: what [`Rest`] sends, counted, with the provider's errors.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use kube::Client;
use lazuli_core::Json;
use lazuli_core::provider::ProviderError;
use serde_json::json;

use crate::api::{ApiError, Rest, Selector};

/// A client that counts.
pub(crate) struct Wire {
    rest: Rest,
    requests: AtomicUsize,
    /// Collections that were read as a whole, by path, with their objects by name: who looks into them asks no more.
    read: BTreeMap<String, BTreeMap<String, Json>>,
}

impl Wire {
    pub(crate) fn new(client: &Client) -> Self {
        Wire { rest: Rest::from(client.clone()), requests: AtomicUsize::new(0), read: BTreeMap::new() }
    }

    /// Reads a collection as a whole, for everybody who looks into it later.
    pub(crate) async fn read(&mut self, collection: &str) -> Result<(), ProviderError> {
        let objects = self.list(collection, Selector::default()).await?;
        let named = |object: Json| Some((object.pointer("/metadata/name")?.as_str()?.to_owned(), object));
        self.read.insert(collection.to_owned(), objects.into_iter().filter_map(named).collect());
        Ok(())
    }

    /// Requests so far; a list counts once.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    fn count(&self) -> &Rest {
        self.requests.fetch_add(1, Ordering::Relaxed);
        &self.rest
    }

    /// What is at the path; `None` when nothing is.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Json>, ProviderError> {
        if let Some((collection, name)) = path.rsplit_once('/')
            && let Some(objects) = self.read.get(collection)
        {
            return Ok(objects.get(name).cloned());
        }
        self.count().get(path).await.map_err(ApiError::looking)
    }

    /// All objects of a collection. An API that is not served has none.
    pub(crate) async fn list(&self, path: &str, selector: Selector<'_>) -> Result<Vec<Json>, ProviderError> {
        if let (Some(objects), Selector { fields: None, labels: Some(label) }) =
            (self.read.get(path), selector)
        {
            let has = |object: &&Json| !object["metadata"]["labels"][label].is_null();
            return Ok(objects.values().filter(has).cloned().collect());
        }
        match self.count().list(path, selector).await {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            listed => listed.map_err(ApiError::looking),
        }
    }

    /// Server-side apply: what `object` says is so afterwards, whoever said otherwise.
    pub(crate) async fn apply(&self, path: &str, object: &Json) -> Result<Json, ProviderError> {
        self.count().apply(path, object, false).await.map_err(ApiError::changing)
    }

    /// Writes a changed object; fails with a conflict when someone wrote it since it was read.
    pub(crate) async fn replace(&self, path: &str, object: &Json) -> Result<Json, ProviderError> {
        self.count().replace(path, object).await.map_err(ApiError::changing)
    }

    /// Begins to delete the object with this uid; true when it was there.
    pub(crate) async fn delete(&self, path: &str, uid: Option<&str>) -> Result<bool, ProviderError> {
        let mut options = json!({ "propagationPolicy": "Background" });
        if let Some(uid) = uid {
            options["preconditions"] = json!({ "uid": uid });
        }
        self.count().delete(path, &options).await.map_err(ApiError::changing)
    }
}

/// Whether trying again may help: the way there, too many requests, a server in trouble, a webhook that is not up yet.
pub(crate) fn is_transient(error: &ProviderError) -> bool {
    match error.status {
        None => matches!(error.code.as_str(), "ClusterUnreachable" | "AnswerLost"),
        Some(status) => matches!(status, 429 | 500 | 502..=504),
    }
}
