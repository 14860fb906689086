//! Looking at sets: few requests for many objects.

use std::collections::BTreeMap;

use futures::FutureExt;
use kube::Client;
use lazuli_core::Json;
use lazuli_core::provider::ProviderError;

use super::SET_LABEL;
use super::api_resource::Paths;
use super::inventory::Inventory;
use super::put::each;
use super::set::{Key, SetName, body};
use super::wire::Wire;
use crate::api::Selector;
use crate::manifests::Objects;

/// Objects of one kind in one namespace from which on they are listed instead of read one by one.
const MANY: usize = 4;

/// Sets that were looked at.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The bodies of the sets that are there, with the objects that exist, as the server has them.
    pub sets: BTreeMap<SetName, Json>,
    /// How many requests it took.
    pub requests: usize,
}

/// Looks at one set; `None` when it is not there.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn observe(client: &Client, set: &SetName) -> Result<Option<Json>, ProviderError> {
    let (wire, paths) = (Wire::new(client), Paths::default());
    let Some(found) = Inventory::read(&wire, set).await? else { return Ok(None) };
    let live = live(&wire, &paths, &found.keys.iter().collect::<Vec<_>>()).await?;
    Ok(Some(body(&live, found.waited)))
}

/// Looks at all sets of a cluster: one request for what they are, one for the objects of each kind and namespace with
/// many of them, and one for each other object.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn observe_all(client: &Client) -> Result<Observed, ProviderError> {
    let wire = Wire::new(client);
    let sets = all(&wire).await?;
    Ok(Observed { sets, requests: wire.requests() })
}

/// The bodies of all sets, see [`observe_all`].
pub(crate) async fn all(wire: &Wire) -> Result<BTreeMap<SetName, Json>, ProviderError> {
    let inventories = Inventory::all(wire).await?;
    let keys: Vec<&Key> = inventories.iter().flat_map(|inventory| &inventory.keys).collect();
    let all = live(wire, &Paths::default(), &keys).await?;
    let mut sets = BTreeMap::new();
    for inventory in &inventories {
        // In two sets at once only while it moves from one to the other.
        let objects: Objects = inventory
            .keys
            .iter()
            .filter_map(|key| all.get_key_value(&key.to_string()))
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect();
        sets.insert(inventory.set.clone(), body(&objects, inventory.waited));
    }
    Ok(sets)
}

/// Those of the objects that exist.
pub(super) async fn live(wire: &Wire, paths: &Paths, keys: &[&Key]) -> Result<Objects, ProviderError> {
    let mut groups: BTreeMap<(&str, &str, Option<&str>), Vec<&Key>> = BTreeMap::new();
    for key in keys {
        groups.entry((&key.api_version, &key.kind, key.namespace.as_deref())).or_default().push(key);
    }
    let (many, few): (Vec<_>, Vec<_>) = groups.into_values().partition(|group| group.len() >= MANY);
    let listed =
        each(&many.iter().map(|group| group[0]).collect::<Vec<_>>(), |key| list(wire, paths, key).boxed())
            .await?;
    let mut single: Vec<&Key> = few.into_iter().flatten().collect();
    let mut found = Objects::new();
    for (group, mut objects) in many.into_iter().zip(listed) {
        for key in group {
            match objects.remove(&key.name) {
                Some(object) => {
                    found.insert(key.to_string(), seen(object, key));
                }
                // Gone, or without its label.
                None => single.push(key),
            }
        }
    }
    let read = each(&single, |key| read(wire, paths, key).boxed()).await?;
    found.extend(read.into_iter().flatten());
    Ok(found)
}

async fn list(wire: &Wire, paths: &Paths, key: &Key) -> Result<BTreeMap<String, Json>, ProviderError> {
    let Some(path) = paths.collection(wire, key).await? else { return Ok(BTreeMap::new()) };
    let objects = wire.list(&path, Selector { labels: Some(SET_LABEL), fields: None }).await?;
    let named = |object: Json| Some((object.pointer("/metadata/name")?.as_str()?.to_owned(), object));
    Ok(objects.into_iter().filter_map(named).collect())
}

async fn read(wire: &Wire, paths: &Paths, key: &Key) -> Result<Option<(String, Json)>, ProviderError> {
    let Some(path) = paths.object(wire, key).await? else { return Ok(None) };
    Ok(wire.get(&path).await?.map(|object| (key.to_string(), seen(object, key))))
}

/// The object without what nobody applies: its status, the server's bookkeeping, the label of its set. Lists leave out
/// what their items are.
fn seen(mut object: Json, key: &Key) -> Json {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
        fields.insert("apiVersion".to_owned(), Json::from(key.api_version.as_str()));
        fields.insert("kind".to_owned(), Json::from(key.kind.as_str()));
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if let Some(labels) = metadata.get_mut("labels").and_then(Json::as_object_mut) {
            labels.remove(SET_LABEL);
            if labels.is_empty() {
                metadata.remove("labels");
            }
        }
    }
    object
}
