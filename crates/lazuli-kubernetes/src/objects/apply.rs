//! One object: server-side apply, with patience for a server in trouble, and what cannot be changed in place.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use tokio::time::{Instant, sleep};

use super::SET_LABEL;
use super::api_resource::Paths;
use super::set::{Key, SetName};
use super::wire::{Wire, is_transient};

/// How long between two looks at something that takes its time.
pub(super) const PACE: Duration = Duration::from_secs(2);

/// What the work on a set is done with.
pub(crate) struct Work<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) paths: &'a Paths,
    pub(crate) set: &'a SetName,
    pub(crate) deadline: Instant,
    pub(crate) watch: &'a dyn Watch,
}

impl Work<'_> {
    /// Applies the manifest; an object that cannot be changed in this way is made anew if it is ours.
    pub(super) async fn apply(&self, key: &Key, manifest: &Json) -> Result<(), ProviderError> {
        let object = labelled(manifest, self.set);
        let path = self.path(key).await?;
        match self.patiently(key, || self.wire.apply(&path, &object)).await {
            Ok(_) => Ok(()),
            Err(error) if is_immutable(&error) => {
                self.recreate(key, &path, error).await?;
                self.patiently(key, || self.wire.apply(&path, &object)).await.map(|_| ())
            }
            Err(error) => Err(self.explain(key, error)),
        }
    }

    /// The object's path. A kind may be served only a moment after its definition is there.
    async fn path(&self, key: &Key) -> Result<String, ProviderError> {
        loop {
            if let Some(path) = self.paths.object(self.wire, key).await? {
                return Ok(path);
            }
            if Instant::now() + PACE > self.deadline {
                let message = format!(
                    "the cluster has no kind {} in {}, which {} is of",
                    key.kind,
                    key.api_version,
                    key.words()
                );
                return Err(ProviderError::own("UnknownKind", message, Outcome::Nothing).advise(
                    "Apply its definition (a CustomResourceDefinition) in the same set or in one that comes before, or \
                     use an apiVersion that this version of Kubernetes serves.",
                ));
            }
            self.watch.progress(&format!("waiting for the kind {} to be served", key.kind));
            sleep(PACE).await;
        }
    }

    /// Does it again while trying again may help.
    pub(super) async fn patiently<T, F>(&self, key: &Key, attempt: impl Fn() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let mut pause = Duration::from_millis(500);
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                // Two writers at once, which server-side apply says so.
                Err(error) if is_transient(&error) || error.code == "Conflict" => error,
                Err(error) => return Err(error),
            };
            let wait = error.retry_after.unwrap_or(pause);
            if Instant::now() + wait > self.deadline {
                return Err(error);
            }
            self.watch.progress(&format!("{}: {}; trying again", key.words(), error.message));
            sleep(wait).await;
            pause = (pause * 2).min(Duration::from_secs(15));
        }
    }

    /// Deletes an object whose fields cannot be changed, if it is ours to delete.
    async fn recreate(&self, key: &Key, path: &str, error: ProviderError) -> Result<(), ProviderError> {
        let keeps_data = matches!(
            key.kind.as_str(),
            "PersistentVolumeClaim" | "PersistentVolume" | "Namespace" | "CustomResourceDefinition"
        );
        if keeps_data {
            return Err(self.explain(key, error).advise(format!(
                "{} cannot be changed in this way, and Lazuli does not delete it since data would be lost. Take the \
                 change back, or move the data and delete it yourself, then apply again.",
                key.words()
            )));
        }
        let Some(live) = self.wire.get(path).await? else { return Ok(()) };
        if !belongs(&live, self.set) {
            return Err(self.explain(key, error).advise(format!(
                "{} was not made by Lazuli, so it is not deleted to be made anew. Delete it yourself, then apply again.",
                key.words()
            )));
        }
        self.watch
            .progress(&format!("{}: cannot be changed in place, deleting it to make it anew", key.words()));
        self.delete(key, path, &live).await?;
        self.gone(key, path).await
    }

    /// Begins to delete an object that was looked at.
    pub(super) async fn delete(&self, key: &Key, path: &str, live: &Json) -> Result<(), ProviderError> {
        let uid = live.pointer("/metadata/uid").and_then(Json::as_str);
        match self.patiently(key, || self.wire.delete(path, uid)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explain(key, error)),
        }
    }

    /// Waits until the object is gone.
    pub(super) async fn gone(&self, key: &Key, path: &str) -> Result<(), ProviderError> {
        loop {
            let Some(live) = self.wire.get(path).await? else { return Ok(()) };
            let finalizers: Vec<&str> = ["/metadata/finalizers", "/spec/finalizers"]
                .iter()
                .filter_map(|place| live.pointer(place)?.as_array())
                .flatten()
                .filter_map(Json::as_str)
                .collect();
            let reason = match finalizers.is_empty() {
                true => String::new(),
                false => format!(" (finalizers: {})", finalizers.join(", ")),
            };
            if Instant::now() + PACE > self.deadline {
                let message = format!("{} is being deleted and still there{reason}", key.words());
                return Err(ProviderError::own("StillThere", message, Outcome::Unknown).advise(
                    "Whoever put the finalizers there must take them away: look whether that controller runs. Then run it \
                     again: it goes on from here.",
                ));
            }
            self.watch.progress(&format!("waiting for {} to be gone{reason}", key.words()));
            sleep(PACE).await;
        }
    }

    fn explain(&self, key: &Key, mut error: ProviderError) -> ProviderError {
        error.message = format!("{}: {}", key.words(), error.message);
        error
    }
}

/// The manifest with the label of its set, without what only the server may say.
fn labelled(manifest: &Json, set: &SetName) -> Json {
    let mut object = manifest.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
        metadata.remove("uid");
    }
    if !object["metadata"]["labels"].is_object() {
        object["metadata"]["labels"] = serde_json::json!({});
    }
    object["metadata"]["labels"][SET_LABEL] = Json::from(set.slug());
    object
}

/// Whether the live object says that it belongs to the set.
pub(super) fn belongs(live: &Json, set: &SetName) -> bool {
    live["metadata"]["labels"][SET_LABEL].as_str() == Some(set.slug().as_str())
}

/// The API server's ways to say that a field can never be changed.
fn is_immutable(error: &ProviderError) -> bool {
    const WORDS: [&str; 6] = [
        "field is immutable",
        "updates to parameters are forbidden",
        "updates to provisioner are forbidden",
        "cannot change roleRef",
        "may not change once set",
        "updates to statefulset spec for fields other than",
    ];
    error.status == Some(422)
        && (WORDS.iter().any(|words| error.message.contains(words)) || error.message.contains("is immutable"))
}
