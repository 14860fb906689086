//! DaemonSets: one pod on every node that takes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Round;
use super::look::{is_going, items, may_run_on, name, namespace, share, tolerates, uid};
use crate::kubernetes::deletion;
use crate::random;

/// Taints that every daemon's pod tolerates.
const TOLERATED: [(&str, &str); 7] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ("node.kubernetes.io/not-ready", "NoSchedule"),
];

/// What is known of a set between rounds.
#[derive(Debug, Default)]
pub(super) struct Daemons {
    /// The generation that the rest is about.
    generation: Value,
    hash: String,
    tolerations: Value,
    /// Nodes that take a pod of the set, and whether there is one on each.
    wanted: BTreeMap<String, bool>,
}

pub(super) fn act(round: &mut Round<'_>) {
    let sets: Vec<Arc<Value>> = round.store.list("apps/v1/daemonsets", None).cloned().collect();
    round.daemons.retain(|known, _| sets.iter().any(|set| uid(set) == known));
    for set in sets.iter().filter(|set| !is_going(set)) {
        let mut daemons = round.daemons.remove(uid(set)).unwrap_or_default();
        keep(round, set, &mut daemons);
        round.daemons.insert(uid(set).to_owned(), daemons);
    }
}

/// A short name for a template.
pub(super) fn template_hash(template: &Value) -> String {
    random::sha256_hex(template.to_string().as_bytes()).chars().take(10).collect()
}

/// A new pod of a template, not yet bound.
pub(super) fn pod_of(
    owner: &Value,
    kind: &str,
    template: &Value,
    pod_name: &str,
    label: (&str, &str),
) -> Value {
    let mut metadata = json!({
        "name": pod_name, "namespace": namespace(owner), "labels": template["metadata"]["labels"],
        "generateName": format!("{}-", name(owner)),
        "ownerReferences": [{ "apiVersion": "apps/v1", "kind": kind, "name": name(owner), "uid": uid(owner), "controller": true, "blockOwnerDeletion": true }],
    });
    metadata["labels"][label.0] = json!(label.1);
    if template["metadata"]["annotations"].is_object() {
        metadata["annotations"] = template["metadata"]["annotations"].clone();
    }
    let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": { "phase": "Pending" } });
    let spec = &mut pod["spec"];
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("serviceAccountName", json!("default")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("schedulerName", json!("default-scheduler")),
    ] {
        if spec.get(field).is_none() {
            spec[field] = value;
        }
    }
    pod
}

fn tolerations(template: &Value) -> Value {
    let mut tolerations: Vec<Value> = items(&template["spec"]["tolerations"]).cloned().collect();
    tolerations.extend(
        TOLERATED.iter().map(|(key, effect)| json!({ "key": key, "operator": "Exists", "effect": effect })),
    );
    if template["spec"]["hostNetwork"].as_bool() == Some(true) {
        tolerations.push(json!({ "key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule" }));
    }
    Value::Array(tolerations)
}

fn keep(round: &mut Round<'_>, set: &Value, daemons: &mut Daemons) {
    let (view, template, now) = (round.view, &set["spec"]["template"], round.now);
    let own_changes = round.changes.owners.get(uid(set));
    let mut concerned: BTreeSet<String> = round.changes.nodes.clone();
    concerned.extend(own_changes.into_iter().flatten().cloned());
    if daemons.generation != set["metadata"]["generation"] || daemons.hash.is_empty() {
        daemons.generation = set["metadata"]["generation"].clone();
        daemons.hash = template_hash(template);
        daemons.tolerations = tolerations(template);
        concerned.extend(round.store.list("v1/nodes", None).map(|node| name(node).to_owned()));
        concerned.extend(view.owned_by(uid(set)).map(|pod| pod.node.clone()));
    }
    if own_changes.is_none() && concerned.is_empty() {
        return;
    }
    let Daemons { hash, tolerations, wanted, .. } = daemons;
    let mut new = Vec::new();
    for node_name in &concerned {
        let node = round.store.get("v1/nodes", "", node_name).cloned();
        let mut has_pod = false;
        for pod in view.on(node_name).filter(|pod| pod.owner == uid(set)) {
            let is_spare = std::mem::replace(&mut has_pod, true);
            let is_misplaced = || node.as_ref().is_some_and(|node| is_misplaced(node, template, tolerations));
            if !pod.is_going && (is_spare || is_misplaced()) {
                go(round, &pod.object);
            }
        }
        if node.is_some_and(|node| is_wanted(&node, template, tolerations)) {
            wanted.insert(node_name.clone(), has_pod);
            if !has_pod {
                new.push(node_name);
            }
        } else {
            wanted.remove(node_name);
        }
    }
    for node in new {
        let seed = format!("{} {node} {}", uid(set), round.store.version());
        let pod_name = format!("{}-{}", name(set), suffix(&seed));
        let mut pod = pod_of(set, "DaemonSet", template, &pod_name, ("controller-revision-hash", hash));
        pod["spec"]["nodeName"] = json!(node);
        pod["spec"]["tolerations"] = tolerations.clone();
        round.store.create("v1/pods", pod, now);
    }
    let owned = view.owned(uid(set));
    let ready = owned.map_or(0, |owned| owned.ready);
    let rolls = set["spec"]["updateStrategy"]["type"] != "OnDelete";
    if rolls && owned.is_some_and(|owned| owned.has_others(hash)) {
        let at_once = share(
            &set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"],
            wanted.len() as i64,
            true,
        )
        .unwrap_or(1)
        .max(1);
        let mut left = at_once - (wanted.len() as i64 - ready as i64);
        for pod in view.owned_by(uid(set)).filter(|pod| pod.revision != *hash && !pod.is_going) {
            if pod.is_ready {
                if left <= 0 {
                    continue;
                }
                left -= 1;
            }
            go(round, &pod.object);
        }
    }
    let updated = owned.map_or(0, |owned| owned.of_revision(hash));
    let scheduled = wanted.values().filter(|has_pod| **has_pod).count();
    let mut status = json!({
        "currentNumberScheduled": scheduled, "desiredNumberScheduled": wanted.len(), "numberMisscheduled": 0,
        "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": updated,
        "observedGeneration": set["metadata"]["generation"],
    });
    let unavailable = wanted.len().saturating_sub(ready);
    if unavailable > 0 {
        status["numberUnavailable"] = json!(unavailable);
    }
    if set["status"] != status {
        round.store.edit("apps/v1/daemonsets", namespace(set), name(set), |set| set["status"] = status);
    }
}

/// Whether a node takes a pod of a template.
fn is_wanted(node: &Value, template: &Value, tolerations: &Value) -> bool {
    let mut taints = items(&node["spec"]["taints"]).filter(|taint| taint["effect"] != "PreferNoSchedule");
    may_run_on(&template["spec"], node) && taints.all(|taint| tolerates(tolerations, taint))
}

/// Whether a node no longer takes a pod that is there: a selector changed, or a taint that evicts came.
fn is_misplaced(node: &Value, template: &Value, tolerations: &Value) -> bool {
    let evicts = items(&node["spec"]["taints"])
        .any(|taint| taint["effect"] == "NoExecute" && !tolerates(tolerations, taint));
    evicts || !may_run_on(&template["spec"], node)
}

/// Five characters as Kubernetes appends them.
pub(super) fn suffix(seed: &str) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let hash = random::sha256_hex(seed.as_bytes());
    let digit =
        |at: usize| usize::from_str_radix(hash.get(at * 4..at * 4 + 4).unwrap_or("0"), 16).unwrap_or(0);
    (0..5).map(|at| char::from(LETTERS[digit(at) % LETTERS.len()])).collect()
}

/// Tells a pod to go.
pub(super) fn go(round: &mut Round<'_>, pod: &Value) {
    let now = round.now;
    deletion::begin(round.store, "v1/pods", namespace(pod), name(pod), None, now);
}
