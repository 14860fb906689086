//! What belongs to a set, written down in the cluster: a config map in `kube-system`.

use std::collections::BTreeSet;

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;
use serde_json::json;

use super::SET_LABEL;
use super::set::{Key, SetName};
use super::wire::Wire;
use crate::api::Selector;

/// The label of all inventories.
pub(crate) const INVENTORY_LABEL: &str = "lazuli.dev/inventory";
const COLLECTION: &str = "/api/v1/namespaces/kube-system/configmaps";

/// What a set has, or may have after a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inventory {
    pub(super) set: SetName,
    pub(super) keys: BTreeSet<Key>,
    /// Whether all of it was waited for to be ready, the last time it was applied: not while that goes on, nor when it ended
    /// without success or was left. So a set that is wanted to be ready differs until it has been.
    pub(super) waited: bool,
}

fn name(set: &SetName) -> String {
    format!("lazuli-{}", set.slug())
}

pub(super) fn path(set: &SetName) -> String {
    format!("{COLLECTION}/{}", name(set))
}

impl Inventory {
    pub(super) async fn read(wire: &Wire, set: &SetName) -> Result<Option<Self>, ProviderError> {
        Ok(wire.get(&path(set)).await?.as_ref().and_then(Self::parse).filter(|found| &found.set == set))
    }

    pub(super) async fn all(wire: &Wire) -> Result<Vec<Self>, ProviderError> {
        let selector = Selector { labels: Some(INVENTORY_LABEL), fields: None };
        Ok(wire.list(COLLECTION, selector).await?.iter().filter_map(Self::parse).collect())
    }

    pub(super) async fn write(&self, wire: &Wire) -> Result<(), ProviderError> {
        let keys: Vec<String> = self.keys.iter().map(Key::to_string).collect();
        let object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name(&self.set),
                "namespace": "kube-system",
                "labels": { INVENTORY_LABEL: "true", SET_LABEL: self.set.slug() },
            },
            "data": {
                "set": self.set.to_string(),
                "wait": self.waited.to_string(),
                "objects": keys.join("\n"),
            },
        });
        wire.apply(&path(&self.set), &object).await.map(|_| ())
    }

    fn parse(object: &Json) -> Option<Self> {
        let data = &object["data"];
        let keys = data["objects"].as_str().unwrap_or("").lines().filter_map(Key::parse).collect();
        Some(Inventory { set: SetName::parse(data["set"].as_str()?)?, keys, waited: data["wait"] != "false" })
    }
}
