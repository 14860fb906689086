//! A bare scheduler: which nodes take a pod, and of those the one with the fewest of its kind.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::look::{
    has, is_finished, is_going, items, may_run_on, name, namespace, node_of, owner, selects, set_condition,
    tolerates, uid,
};
use super::{Round, condition};

const ZONE: &str = "topology.kubernetes.io/zone";
/// Pods a kubelet takes.
const PODS_PER_NODE: usize = 110;

pub(super) fn act(round: &mut Round<'_>, pods: &[Arc<Value>]) {
    let waiting: Vec<&Arc<Value>> =
        pods.iter().filter(|pod| node_of(pod).is_empty() && !is_going(pod) && !is_finished(pod)).collect();
    if waiting.is_empty() {
        return;
    }
    let nodes: Vec<Arc<Value>> = round.store.list("v1/nodes", None).cloned().collect();
    let zone_of: HashMap<&str, &str> = nodes
        .iter()
        .map(|node| (name(node), node["metadata"]["labels"][ZONE].as_str().unwrap_or("")))
        .collect();
    let mut load = Load::default();
    for pod in pods.iter().filter(|pod| !node_of(pod).is_empty() && !is_finished(pod)) {
        load.add(pod, node_of(pod), zone_of.get(node_of(pod)).copied().unwrap_or(""));
    }
    let mut placed: Vec<(&Arc<Value>, &str)> = Vec::new();
    for pod in waiting {
        let fits = |node: &&Arc<Value>| {
            takes(node, &pod["spec"])
                && load.nodes.get(name(node)).copied().unwrap_or(0) < PODS_PER_NODE
                && super::volumes::may_be_used_on(round, pod, node)
                && !is_repelled(pod, node, pods, &placed, &nodes)
        };
        let group = owner(pod).and_then(|owner| owner["uid"].as_str()).unwrap_or_else(|| uid(pod));
        let best = nodes.iter().filter(fits).min_by_key(|node| {
            let zone = zone_of.get(name(node)).copied().unwrap_or("");
            (
                load.of(group, zone),
                load.of(group, name(node)),
                load.nodes.get(name(node)).copied().unwrap_or(0),
            )
        });
        match best.map(|node| name(node)) {
            Some(node) => {
                load.add(pod, node, zone_of.get(node).copied().unwrap_or(""));
                placed.push((pod, node));
                bind(round, pod, node);
            }
            None => refuse(round, pod, nodes.len()),
        }
    }
}

/// How many pods there are on each node, and how many of each group in each zone and on each node.
#[derive(Default)]
struct Load {
    nodes: HashMap<String, usize>,
    groups: HashMap<(String, String), usize>,
}

impl Load {
    fn add(&mut self, pod: &Value, node: &str, zone: &str) {
        *self.nodes.entry(node.to_owned()).or_default() += 1;
        if let Some(group) = owner(pod).and_then(|owner| owner["uid"].as_str()) {
            for place in [node, zone] {
                *self.groups.entry((group.to_owned(), place.to_owned())).or_default() += 1;
            }
        }
    }

    fn of(&self, group: &str, place: &str) -> usize {
        self.groups.get(&(group.to_owned(), place.to_owned())).copied().unwrap_or(0)
    }
}

fn takes(node: &Value, spec: &Value) -> bool {
    let unschedulable = node["spec"]["unschedulable"].as_bool() == Some(true);
    let cordon = json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" });
    has(node, "Ready")
        && (!unschedulable || tolerates(&spec["tolerations"], &cordon))
        && may_run_on(spec, node)
        && items(&node["spec"]["taints"])
            .filter(|taint| taint["effect"] != "PreferNoSchedule")
            .all(|taint| tolerates(&spec["tolerations"], taint))
}

/// Required anti-affinity: another pod that is selected shares the topology.
fn is_repelled(
    pod: &Value,
    node: &Value,
    pods: &[Arc<Value>],
    placed: &[(&Arc<Value>, &str)],
    nodes: &[Arc<Value>],
) -> bool {
    let terms = &pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    items(terms).any(|term| {
        let key = term["topologyKey"].as_str().unwrap_or("kubernetes.io/hostname");
        let here = &node["metadata"]["labels"][key];
        let shares = |other: &str| {
            let at = nodes.binary_search_by(|node| name(node).cmp(other));
            at.is_ok_and(|at| &nodes[at]["metadata"]["labels"][key] == here)
        };
        let is_meant = |other: &Value| {
            namespace(other) == namespace(pod)
                && selects(&term["labelSelector"], &other["metadata"]["labels"])
        };
        pods.iter().any(|other| {
            !node_of(other).is_empty() && !is_finished(other) && is_meant(other) && shares(node_of(other))
        }) || placed.iter().any(|(other, node)| is_meant(other) && shares(node))
    })
}

fn bind(round: &mut Round<'_>, pod: &Value, node: &str) {
    let now = round.now;
    round.store.edit("v1/pods", namespace(pod), name(pod), |pod| {
        pod["spec"]["nodeName"] = json!(node);
        set_condition(pod, super::pods::state("PodScheduled", "True", now));
    });
}

fn refuse(round: &mut Round<'_>, pod: &Value, nodes: usize) {
    let message = format!(
        "0/{nodes} nodes are available: {nodes} node(s) were not ready, had untolerated taints, were unschedulable, or didn't match the pod. preemption: 0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling."
    );
    let now = round.now;
    round.store.edit("v1/pods", namespace(pod), name(pod), |pod| {
        set_condition(pod, condition("PodScheduled", "False", "Unschedulable", &message, now));
    });
}
