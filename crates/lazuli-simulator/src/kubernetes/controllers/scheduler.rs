//! A bare scheduler: which nodes take a pod, and of those the one with the fewest of its kind.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use super::look::{items, may_run_on, name, namespace, selects, set_condition, tolerates};
use super::view::Pod;
use super::{Round, condition};

const ZONE: &str = "topology.kubernetes.io/zone";
/// Pods a kubelet takes.
const PODS_PER_NODE: usize = 110;

pub(super) fn act(round: &mut Round<'_>) {
    let view = round.view;
    let mut waiting = view.waiting().peekable();
    if waiting.peek().is_none() {
        return;
    }
    let nodes: Vec<Arc<Value>> = round.store.list("v1/nodes", None).cloned().collect();
    let zone_of: HashMap<&str, &str> = nodes
        .iter()
        .map(|node| (name(node), node["metadata"]["labels"][ZONE].as_str().unwrap_or("")))
        .collect();
    let zone_of = |node: &str| zone_of.get(node).copied().unwrap_or("");
    let mut placed: Vec<(&Pod, &str)> = Vec::new();
    for pod in waiting {
        let spec = &pod.object["spec"];
        let repelled = Repelled::by(round, pod, &placed, &nodes);
        let group = Group::of(round, pod, &placed, zone_of);
        let load = |node: &str| {
            let there = view.on(node).filter(|pod| !pod.is_finished).count();
            there + placed.iter().filter(|(_, on)| *on == node).count()
        };
        let fits = |node: &&Arc<Value>| {
            takes(node, spec)
                && load(name(node)) < PODS_PER_NODE
                && super::volumes::may_be_used_on(round, &pod.object, node)
                && !repelled.from(node)
        };
        let best = nodes
            .iter()
            .filter(fits)
            .min_by_key(|node| (group.at(zone_of(name(node))), group.at(name(node)), load(name(node))));
        match best.map(|node| name(node)) {
            Some(node) => {
                placed.push((pod, node));
                bind(round, &pod.object, node);
            }
            None => refuse(round, &pod.object, nodes.len()),
        }
    }
}

/// How many pods of one controller there are in each zone and on each node.
#[derive(Default)]
struct Group<'a>(HashMap<&'a str, usize>);

impl<'a> Group<'a> {
    fn of(
        round: &Round<'a>,
        pod: &Pod,
        placed: &[(&Pod, &'a str)],
        zone_of: impl Fn(&str) -> &'a str,
    ) -> Self {
        let mut group = Self::default();
        if pod.owner.is_empty() {
            return group;
        }
        let there = round.view.owned_by(&pod.owner).filter(|pod| !pod.node.is_empty() && !pod.is_finished);
        let new = placed.iter().filter(|(other, _)| other.owner == pod.owner).map(|(_, node)| *node);
        for node in there.map(|pod| pod.node.as_str()).chain(new) {
            for place in [node, zone_of(node)] {
                *group.0.entry(place).or_default() += 1;
            }
        }
        group
    }

    fn at(&self, place: &str) -> usize {
        self.0.get(place).copied().unwrap_or(0)
    }
}

/// Where required anti-affinity does not let a pod go: topology keys with the values that are taken.
struct Repelled<'a>(Vec<(&'a str, Vec<&'a Value>)>);

impl<'a> Repelled<'a> {
    fn by(round: &Round<'a>, pod: &'a Pod, placed: &[(&Pod, &str)], nodes: &'a [Arc<Value>]) -> Self {
        let affinity = &pod.object["spec"]["affinity"]["podAntiAffinity"];
        let terms = items(&affinity["requiredDuringSchedulingIgnoredDuringExecution"]);
        let taken = terms.map(|term| {
            let key = term["topologyKey"].as_str().unwrap_or("kubernetes.io/hostname");
            let is_meant = |other: &Pod| {
                namespace(&other.object) == namespace(&pod.object)
                    && selects(&term["labelSelector"], &other.object["metadata"]["labels"])
            };
            let there = round.view.pods().filter(|other| !other.node.is_empty() && !other.is_finished);
            let there = there.filter(|other| is_meant(other)).map(|other| other.node.as_str());
            let new = placed.iter().filter(|(other, _)| is_meant(other)).map(|(_, node)| *node);
            let on: BTreeSet<&str> = there.chain(new).collect();
            let node = |other: &str| nodes.binary_search_by(|node| name(node).cmp(other)).ok();
            let values = on.into_iter().filter_map(node).map(|at| &nodes[at]["metadata"]["labels"][key]);
            (key, values.collect())
        });
        Self(taken.collect())
    }

    fn from(&self, node: &Value) -> bool {
        self.0.iter().any(|(key, taken)| taken.contains(&&node["metadata"]["labels"][*key]))
    }
}

/// Whether a node takes a pod. Whether it is ready is not asked, as the real one does not: taints say that.
fn takes(node: &Value, spec: &Value) -> bool {
    let unschedulable = node["spec"]["unschedulable"].as_bool() == Some(true);
    let cordon = json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" });
    (!unschedulable || tolerates(&spec["tolerations"], &cordon))
        && may_run_on(spec, node)
        && items(&node["spec"]["taints"])
            .filter(|taint| taint["effect"] != "PreferNoSchedule")
            .all(|taint| tolerates(&spec["tolerations"], taint))
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
