//! Whose an object is that exists before a set has it: Lazuli changes only what it made or was given.

use std::time::Duration;

use futures::FutureExt;
use kube::Client;
use lazuli_core::Json;
use lazuli_core::journal::JournalError;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use tokio::time::Instant;

use super::SET_LABEL;
use super::api_resource::Paths;
use super::apply::Work;
use super::inventory::Inventory;
use super::put::each;
use super::set::{Key, SetName};
use super::wire::Wire;
use crate::manifests::Objects;

/// How long a question may be repeated.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many objects an error names.
const NAMED: usize = 5;

/// The objects of a set that would be taken over from others, and how that is told: asked while planning, of sets that
/// are to get `objects`.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn foreign(
    client: &Client,
    set: &SetName,
    objects: &Objects,
) -> Result<Option<ProviderError>, ProviderError> {
    let (wire, paths) = (Wire::new(client), Paths::default());
    let had = Inventory::read(&wire, set).await?.map(|inventory| inventory.keys).unwrap_or_default();
    let wanted: Vec<Key> = objects.keys().filter_map(|key| Key::parse(key)).collect();
    let new: Vec<&Key> = wanted.iter().filter(|key| !had.contains(key)).collect();
    let deadline = Instant::now() + PATIENCE;
    let work = Work { wire: &wire, paths: &paths, set, deadline, watch: &Unheard };
    of_others(&work, &new).await
}

/// Refuses a set that would take over objects of others. `new` are the objects that the set has not had so far; asked
/// before anything is written. An object of another set may come over: it moves.
///
/// # Errors
/// When one of them exists and is of no set.
pub(super) async fn check(work: &Work<'_>, new: &[&Key]) -> Result<(), ProviderError> {
    of_others(work, new).await?.map_or(Ok(()), Err)
}

async fn of_others(work: &Work<'_>, new: &[&Key]) -> Result<Option<ProviderError>, ProviderError> {
    let found = each(new, |key| is_foreign(work, key).boxed()).await?;
    let foreign: Vec<&Key> =
        new.iter().zip(found).filter(|(_, foreign)| *foreign).map(|(key, _)| *key).collect();
    let Some(first) = foreign.first() else { return Ok(None) };
    let more = foreign.len().saturating_sub(NAMED);
    let names = foreign.iter().take(NAMED).map(|key| key.words()).collect::<Vec<_>>().join(", ");
    let and = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!(
        "{names}{and} exist{} in the cluster already and {} not made by Lazuli",
        if foreign.len() == 1 { "s" } else { "" },
        if foreign.len() == 1 { "was" } else { "were" },
    );
    let space = first.namespace.as_ref().map(|space| format!(" -n {space}")).unwrap_or_default();
    let error = ProviderError::own("ObjectExists", message, Outcome::Nothing).advise(format!(
        "Nothing was changed. To let Lazuli have {}: `kubectl label{space} {}/{} {SET_LABEL}={}`, then apply again, which \
         makes of it what the configuration says. Otherwise give one of the two another name.",
        if foreign.len() == 1 { "it" } else { "them, label each like this one" },
        first.kind.to_lowercase(),
        first.name,
        work.set.slug(),
    ));
    Ok(Some(error))
}

/// For questions, of which nobody is told how they go.
struct Unheard;

#[async_trait::async_trait]
impl Watch for Unheard {
    async fn accepted(&self, _: &str) -> Result<(), JournalError> {
        Ok(())
    }

    fn progress(&self, _: &str) {}
}

/// Whether the object is there and of no set.
async fn is_foreign(work: &Work<'_>, key: &Key) -> Result<bool, ProviderError> {
    if is_made_by_kubernetes(key) {
        return Ok(false);
    }
    // A kind that is not served yet has no objects.
    let Some(path) = work.paths.object(work.wire, key).await? else { return Ok(false) };
    let live: Option<Json> = work.patiently(key, || work.wire.get(&path)).await?;
    Ok(live.is_some_and(|live| live["metadata"]["labels"][SET_LABEL].is_null()))
}

/// What every cluster has without anybody's doing, and what sets may say more about.
pub(super) fn is_made_by_kubernetes(key: &Key) -> bool {
    let name = key.name.as_str();
    match key.kind.as_str() {
        "Namespace" => matches!(name, "default" | "kube-system" | "kube-public" | "kube-node-lease"),
        "ServiceAccount" => name == "default",
        _ => false,
    }
}
