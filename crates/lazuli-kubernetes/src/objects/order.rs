//! What comes before what.

use std::collections::BTreeMap;

use super::set::Key;

/// The place of a kind in the order of applying: definitions, namespaces, what pods need, what runs them, what needs
/// running pods. Deleting goes the other way round, with namespaces at the very end.
pub(super) fn rank(key: &Key) -> u8 {
    match (key.group(), key.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => 0,
        ("", "Namespace") => 1,
        ("", "ServiceAccount" | "ResourceQuota" | "LimitRange")
        | ("scheduling.k8s.io" | "node.k8s.io" | "storage.k8s.io", _) => 2,
        ("rbac.authorization.k8s.io", "ClusterRole" | "Role") => 3,
        ("rbac.authorization.k8s.io", _) => 4,
        ("", "Secret" | "ConfigMap" | "PersistentVolume" | "PersistentVolumeClaim")
        | ("policy" | "networking.k8s.io", _) => 5,
        ("", "Service") => 6,
        ("", _) | ("apps" | "batch" | "autoscaling", _) => 7,
        // Before what serves them is up, these would stop everything else of their kind.
        ("admissionregistration.k8s.io" | "apiregistration.k8s.io", _) => 9,
        // Custom resources: their definitions may come from the set, and their webhooks too.
        _ => 8,
    }
}

/// The keys in groups that may go at the same time, in the order of applying.
pub(super) fn groups(keys: impl IntoIterator<Item = Key>) -> Vec<Vec<Key>> {
    let mut groups: BTreeMap<u8, Vec<Key>> = BTreeMap::new();
    for key in keys {
        groups.entry(rank(&key)).or_default().push(key);
    }
    groups.into_values().collect()
}

/// The keys in groups that may go at the same time, in the order of deleting: what was applied last goes first,
/// definitions when their objects are gone, namespaces last.
pub(super) fn groups_to_delete(keys: impl IntoIterator<Item = Key>) -> Vec<Vec<Key>> {
    let mut groups: BTreeMap<std::cmp::Reverse<u8>, Vec<Key>> = BTreeMap::new();
    for key in keys {
        let place = match rank(&key) {
            1 => 0,
            0 => 1,
            rank => rank,
        };
        groups.entry(std::cmp::Reverse(place)).or_default().push(key);
    }
    groups.into_values().collect()
}
