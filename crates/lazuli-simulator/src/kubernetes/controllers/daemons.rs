//! DaemonSets: one pod on every node that takes it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Round;
use super::look::{
    by_owner, is_going, is_ready, items, may_run_on, name, namespace, node_of, share, tolerates, uid,
};
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

pub(super) fn act(round: &mut Round<'_>, pods: &[Arc<Value>]) {
    let sets: Vec<Arc<Value>> = round.store.list("apps/v1/daemonsets", None).cloned().collect();
    if sets.is_empty() {
        return;
    }
    let nodes: Vec<Arc<Value>> = round.store.list("v1/nodes", None).cloned().collect();
    let owned = by_owner(pods);
    for set in sets.iter().filter(|set| !is_going(set)) {
        keep(round, set, &nodes, owned.get(uid(set)).map_or(&[], Vec::as_slice));
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

fn keep(round: &mut Round<'_>, set: &Value, nodes: &[Arc<Value>], owned: &[&Arc<Value>]) {
    let template = &set["spec"]["template"];
    let hash = template_hash(template);
    let mut tolerations: Vec<Value> = items(&template["spec"]["tolerations"]).cloned().collect();
    tolerations.extend(
        TOLERATED.iter().map(|(key, effect)| json!({ "key": key, "operator": "Exists", "effect": effect })),
    );
    if template["spec"]["hostNetwork"].as_bool() == Some(true) {
        tolerations.push(json!({ "key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule" }));
    }
    let tolerations = Value::Array(tolerations);
    let mut wanted: BTreeMap<&str, &Arc<Value>> = BTreeMap::new();
    for node in nodes {
        let taints = || items(&node["spec"]["taints"]).filter(|taint| taint["effect"] != "PreferNoSchedule");
        if may_run_on(&template["spec"], node) && taints().all(|taint| tolerates(&tolerations, taint)) {
            wanted.insert(name(node), node);
        }
    }
    let mut there: HashMap<&str, &Arc<Value>> = HashMap::new();
    let now = round.now;
    for pod in owned {
        let is_spare = there.insert(node_of(pod), pod).is_some();
        if !is_going(pod) && (is_spare || is_misplaced(nodes, pod, template, &tolerations)) {
            go(round, pod);
        }
    }
    for node in wanted.keys().filter(|node| !there.contains_key(*node)) {
        let seed = format!("{} {node} {}", uid(set), round.store.version());
        let pod_name = format!("{}-{}", name(set), suffix(&seed));
        let mut pod = pod_of(set, "DaemonSet", template, &pod_name, ("controller-revision-hash", &hash));
        pod["spec"]["nodeName"] = json!(node);
        pod["spec"]["tolerations"] = tolerations.clone();
        round.store.create("v1/pods", pod, now);
    }
    let is_current = |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"] == hash.as_str();
    let ready = owned.iter().filter(|pod| is_ready(pod)).count();
    let rolls = set["spec"]["updateStrategy"]["type"] != "OnDelete";
    if rolls {
        let at_once = share(
            &set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"],
            wanted.len() as i64,
            true,
        )
        .unwrap_or(1)
        .max(1);
        let mut left = at_once - (wanted.len() as i64 - ready as i64);
        for pod in owned.iter().filter(|pod| !is_current(pod) && !is_going(pod)) {
            if is_ready(pod) {
                if left <= 0 {
                    continue;
                }
                left -= 1;
            }
            go(round, pod);
        }
    }
    let updated = owned.iter().filter(|pod| is_current(pod) && !is_going(pod)).count();
    let scheduled = owned.iter().filter(|pod| wanted.contains_key(node_of(pod))).count();
    round.store.edit("apps/v1/daemonsets", namespace(set), name(set), |set| {
        let generation = set["metadata"]["generation"].clone();
        let mut status = json!({
            "currentNumberScheduled": scheduled.min(wanted.len()), "desiredNumberScheduled": wanted.len(), "numberMisscheduled": 0,
            "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": updated, "observedGeneration": generation,
        });
        let unavailable = wanted.len().saturating_sub(ready);
        if unavailable > 0 {
            status["numberUnavailable"] = json!(unavailable);
        }
        set["status"] = status;
    });
}

/// A pod whose node no longer takes it: a selector changed, or a taint that evicts came.
fn is_misplaced(nodes: &[Arc<Value>], pod: &Value, template: &Value, tolerations: &Value) -> bool {
    let at = nodes.binary_search_by(|node| name(node).cmp(node_of(pod)));
    let Ok(at) = at else { return false };
    let evicts = items(&nodes[at]["spec"]["taints"])
        .any(|taint| taint["effect"] == "NoExecute" && !tolerates(tolerations, taint));
    evicts || !may_run_on(&template["spec"], &nodes[at])
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
