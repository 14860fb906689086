//! Applying a set.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use kube::Client;
use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use tokio::time::Instant;

use super::api_resource::Paths;
use super::apply::Work;
use super::inventory::Inventory;
use super::set::{Key, ObjectSet, body};
use super::wire::Wire;
use super::{observe, order, ownership, ready};
use crate::manifests::Objects;

/// How long a set may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the API server to take the objects, or for them to be gone.
    pub accepted: Duration,
    /// From then on, for everything to be ready.
    pub ready: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { accepted: Duration::from_secs(5 * 60), ready: Duration::from_secs(15 * 60) }
    }
}

/// Requests at a time.
const AT_ONCE: usize = 8;

/// Applies a set, unless it would take over an object of others: definitions first, then namespaces, then the rest in an order that works; waits until all is ready;
/// then deletes what the set had and no longer has. `previous` are the objects of the set as last applied. Doing it
/// again changes nothing; after a crash at any point, doing it again ends in the same.
///
/// Answers the body of the set as it is in the cluster.
///
/// # Errors
/// What the API server refused, or what did not become ready in time and why.
pub async fn put(
    client: &Client,
    set: &ObjectSet,
    previous: Option<&Objects>,
    patience: Patience,
    watch: &dyn Watch,
) -> Result<Json, ProviderError> {
    let (wire, paths) = (Wire::new(client), Paths::default());
    let wanted = keys(&set.objects)?;
    let before = Inventory::read(&wire, &set.name).await?;
    let mut had: BTreeSet<Key> = before.as_ref().map(|inventory| inventory.keys.clone()).unwrap_or_default();
    had.extend(previous.into_iter().flat_map(Objects::keys).filter_map(|key| Key::parse(key)));

    let accepted = Instant::now() + patience.accepted;
    let work = Work { wire: &wire, paths: &paths, set: &set.name, deadline: accepted, watch };
    ownership::check(&work, &wanted.difference(&had).collect::<Vec<_>>()).await?;

    // Written before anything is made: what a crash leaves is found again, and that it was not waited for.
    let during =
        Inventory { set: set.name.clone(), keys: had.union(&wanted).cloned().collect(), waited: false };
    if before.as_ref() != Some(&during) {
        during.write(&wire).await?;
    }
    for group in order::groups(wanted.iter().cloned()) {
        let total = group.len();
        watch.progress(&match total {
            1 => format!("applying {}", group[0].words()),
            _ => format!("applying {} and {} more", group[0].words(), total - 1),
        });
        let group: Vec<&Key> = group.iter().collect();
        each(&group, |key| one(&work, set, key).boxed()).await?;
        // Objects of a kind can only be made once the kind is there, wait or not.
        let definitions: Vec<&Key> =
            group.into_iter().filter(|key| key.kind == "CustomResourceDefinition").collect();
        ready::wait(&work, &definitions).await?;
    }
    if set.wait {
        let work = Work { deadline: Instant::now() + patience.ready, ..work };
        ready::wait(&work, &wanted.iter().collect::<Vec<_>>()).await?;
    }
    let gone: Vec<Key> = had.difference(&wanted).cloned().collect();
    if !gone.is_empty() {
        let work = Work {
            wire: &wire,
            paths: &paths,
            set: &set.name,
            deadline: Instant::now() + patience.accepted,
            watch,
        };
        super::delete::remove(&work, gone).await?;
    }
    let after = Inventory { keys: wanted.clone(), waited: set.wait, ..during.clone() };
    if after != during {
        after.write(&wire).await?;
    }
    let live = observe::live(&wire, &paths, &wanted.iter().collect::<Vec<_>>()).await?;
    Ok(body(&live, set.wait))
}

fn keys(objects: &Objects) -> Result<BTreeSet<Key>, ProviderError> {
    objects
        .keys()
        .map(|text| {
            Key::parse(text).ok_or_else(|| {
                ProviderError::own(
                    "BadKey",
                    format!("`{text}` is not the key of an object"),
                    Outcome::Nothing,
                )
            })
        })
        .collect()
}

/// Applies one object of a set.
async fn one(work: &Work<'_>, set: &ObjectSet, key: &Key) -> Result<(), ProviderError> {
    match set.objects.get(&key.to_string()) {
        Some(manifest) => work.apply(key, manifest).await,
        None => Ok(()),
    }
}

/// Runs the requests of many keys, a few at a time, and keeps what they answer.
pub(super) async fn each<'k, 'a, T>(
    keys: &[&'k Key],
    one: impl Fn(&'k Key) -> BoxFuture<'a, Result<T, ProviderError>>,
) -> Result<Vec<T>, ProviderError> {
    // Made before they run: a future that keeps the closure could not move between threads.
    let requests: Vec<_> = keys.iter().copied().map(one).collect();
    stream::iter(requests).buffered(AT_ONCE).try_collect().await
}
