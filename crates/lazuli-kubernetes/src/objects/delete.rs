//! Deleting a set, and what a set no longer has.

use std::collections::BTreeSet;

use futures::FutureExt;
use kube::Client;
use lazuli_core::provider::{ProviderError, Watch};
use tokio::time::Instant;

use super::api_resource::Paths;
use super::apply::{Work, belongs};
use super::inventory::{self, Inventory};
use super::put::{Patience, each};
use super::set::{Key, SetName};
use super::wire::Wire;
use super::{order, ownership};
use crate::manifests::Objects;

/// Deletes a set, namespaces last, and returns when all of it is gone. What belongs to others by now is left alone; a
/// set that is not there is success. `recorded` are its objects as last applied, if that is known.
///
/// # Errors
/// What the API server refused, or what was still there in the end and what holds it.
pub async fn delete(
    client: &Client,
    set: &SetName,
    recorded: Option<&Objects>,
    patience: Patience,
    watch: &dyn Watch,
) -> Result<(), ProviderError> {
    let (wire, paths) = (Wire::new(client), Paths::default());
    let found = Inventory::read(&wire, set).await?;
    let mut keys: BTreeSet<Key> = found.map(|inventory| inventory.keys).unwrap_or_default();
    keys.extend(recorded.into_iter().flat_map(Objects::keys).filter_map(|key| Key::parse(key)));
    let work = Work { wire: &wire, paths: &paths, set, deadline: Instant::now() + patience.accepted, watch };
    remove(&work, keys).await?;
    wire.delete(&inventory::path(set), None).await.map(|_| ())
}

/// Deletes those of the objects that belong to the set, in an order that works, and waits until they are gone.
pub(super) async fn remove(
    work: &Work<'_>,
    keys: impl IntoIterator<Item = Key>,
) -> Result<(), ProviderError> {
    for group in order::groups_to_delete(keys) {
        let deleted: Vec<Option<(&Key, String)>> =
            each(&group.iter().collect::<Vec<_>>(), |key| begin(work, key).boxed()).await?;
        for (key, path) in deleted.into_iter().flatten() {
            work.gone(key, &path).await?;
        }
    }
    Ok(())
}

/// Begins to delete an object; answers its path when it is to be waited for.
async fn begin<'k>(work: &Work<'_>, key: &'k Key) -> Result<Option<(&'k Key, String)>, ProviderError> {
    // A kind that is not served any more has no objects.
    let Some(path) = work.paths.object(work.wire, key).await? else { return Ok(None) };
    let Some(live) = work.wire.get(&path).await? else { return Ok(None) };
    if !belongs(&live, work.set) {
        work.watch.progress(&format!(
            "leaving {}: it does not belong to {} (any more)",
            key.words(),
            work.set
        ));
        return Ok(None);
    }
    if ownership::is_made_by_kubernetes(key) {
        work.watch.progress(&format!("leaving {}: the cluster cannot be without it", key.words()));
        return Ok(None);
    }
    work.watch.progress(&format!("deleting {}", key.words()));
    work.delete(key, &path, &live).await?;
    Ok(Some((key, path)))
}
