//! A namespace for a team, with what it may use at most.

use std::collections::BTreeMap;

use lazuli_core::Json;
use serde_json::{Map, json};

use super::Objects;
use super::parts::objects;

/// A namespace and its limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceSpec {
    /// The name.
    pub name: String,
    /// Processors that all pods may request together, as Kubernetes writes it (`8`, `500m`).
    pub cpu: Option<String>,
    /// Memory that all pods may request together (`32Gi`).
    pub memory: Option<String>,
    /// GPUs that all pods may request together; `Some(0)` forbids them.
    pub gpu: Option<u64>,
    /// Labels of the namespace.
    pub labels: BTreeMap<String, String>,
}

/// The name of the quota in the namespace.
const QUOTA: &str = "lazuli";

/// The namespace, and a quota when anything is limited. Requests are limited, so a pod must say what it requests of
/// what is limited.
pub fn namespace(spec: &NamespaceSpec) -> Objects {
    let mut metadata = json!({ "name": spec.name });
    if !spec.labels.is_empty() {
        metadata["labels"] = json!(spec.labels);
    }
    let mut all = vec![json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })];
    let limits = [
        ("requests.cpu", spec.cpu.clone()),
        ("requests.memory", spec.memory.clone()),
        ("requests.nvidia.com/gpu", spec.gpu.map(|gpu| gpu.to_string())),
    ];
    let hard: Map<String, Json> = limits
        .into_iter()
        .filter_map(|(resource, limit)| Some((resource.to_owned(), Json::String(limit?))))
        .collect();
    if !hard.is_empty() {
        all.push(json!({
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": { "name": QUOTA, "namespace": spec.name },
            "spec": { "hard": hard },
        }));
    }
    objects(all)
}
