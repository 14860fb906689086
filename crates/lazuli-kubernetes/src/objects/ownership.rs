//! Whose an object is that exists before a set has it: Lazuli changes only what it made or was given.

use futures::FutureExt;
use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};

use super::SET_LABEL;
use super::apply::Work;
use super::put::each;
use super::set::Key;

/// How many objects an error names.
const NAMED: usize = 5;

/// Refuses a set that would take over objects of others. `new` are the objects that the set has not had so far; asked
/// before anything is written. An object of another set may come over: it moves.
///
/// # Errors
/// When one of them exists and is of no set.
pub(super) async fn check(work: &Work<'_>, new: &[&Key]) -> Result<(), ProviderError> {
    let found = each(new, |key| foreign(work, key).boxed()).await?;
    let foreign: Vec<String> =
        new.iter().zip(found).filter(|(_, foreign)| *foreign).map(|(key, _)| key.words()).collect();
    let Some(first) = new.iter().find(|key| foreign.first().is_some_and(|words| *words == key.words()))
    else {
        return Ok(());
    };
    let more = foreign.len().saturating_sub(NAMED);
    let names = foreign.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let and = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!(
        "{names}{and} exist{} in the cluster already and {} not made by Lazuli",
        if foreign.len() == 1 { "s" } else { "" },
        if foreign.len() == 1 { "was" } else { "were" },
    );
    let space = first.namespace.as_ref().map(|space| format!(" -n {space}")).unwrap_or_default();
    Err(ProviderError::own("ObjectExists", message, Outcome::Nothing).advise(format!(
        "Nothing was changed. To let Lazuli have {}: `kubectl label{space} {}/{} {SET_LABEL}={}`, then apply again, which \
         makes of it what the configuration says. Otherwise give one of the two another name.",
        if foreign.len() == 1 { "it" } else { "them, label each like this one" },
        first.kind.to_lowercase(),
        first.name,
        work.set.slug(),
    )))
}

/// Whether the object is there and of no set.
async fn foreign(work: &Work<'_>, key: &Key) -> Result<bool, ProviderError> {
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
