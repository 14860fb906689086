//! Pods on their nodes: they start, they end, and nobody mourns those whose node or owner is gone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::look::{
    has, is_finished, is_going, is_mirror, items, name, namespace, node_of, owner, set_condition, tolerates,
    uid,
};
use super::view::PodKey;
use super::{Begun, Round, condition};
use crate::kubernetes::moment;
use crate::random;

/// From being bound until running and ready, in real milliseconds.
const START_MS: u64 = 2_500;
/// From being told to end until being gone.
const END_MS: u64 = 2_000;
/// Pods stay on an unreachable node for so long.
const UNREACHABLE_MS: u64 = 300_000;

pub(super) fn act(round: &mut Round<'_>) {
    let view = round.view;
    let mut concerned: BTreeSet<&PodKey> = round.changes.pods.iter().chain(view.open()).collect();
    for node in round.state.silent.keys() {
        concerned.extend(view.keys_on(node));
    }
    for pod in concerned.into_iter().filter_map(|key| view.pod(key)).map(|pod| &pod.object) {
        let node = node_of(pod);
        if !node.is_empty() && round.store.get("v1/nodes", "", node).is_none() {
            // The pod garbage collector: its node is no more.
            round.begun.retain(|(of, _), _| of != uid(pod));
            round.store.remove("v1/pods", namespace(pod), name(pod));
        } else if is_going(pod) {
            end(round, pod, node);
        } else if is_orphan(round, pod) {
            round.store.remove("v1/pods", namespace(pod), name(pod));
        } else if !node.is_empty() && !is_finished(pod) {
            live(round, pod, node);
        }
    }
    for set in round.store.list("apps/v1/replicasets", None).cloned().collect::<Vec<_>>() {
        if is_orphan(round, &set) {
            round.store.remove("apps/v1/replicasets", namespace(&set), name(&set));
        }
    }
}

/// Whether the controller of something is gone.
fn is_orphan(round: &Round<'_>, object: &Value) -> bool {
    owner(object).is_some_and(|owner| !round.view.is_owner(owner["uid"].as_str().unwrap_or("")))
}

fn end(round: &mut Round<'_>, pod: &Value, node: &str) {
    let has_finalizers = items(&pod["metadata"]["finalizers"]).next().is_some();
    // Nobody but its kubelet ends a pod, unless it never had one.
    let is_attended = node.is_empty() || is_finished(pod) || round.running(node).is_some();
    if has_finalizers || !is_attended {
        return;
    }
    let is_immediate = node.is_empty() || pod["metadata"]["deletionGracePeriodSeconds"].as_u64() == Some(0);
    if is_immediate || round.is_over(uid(pod), Begun::End, END_MS) {
        round.begun.remove(&(uid(pod).to_owned(), Begun::Start));
        round.store.remove("v1/pods", namespace(pod), name(pod));
    }
}

/// A bound pod: it starts when its node can run it; on a silent node it is told to go after a while.
fn live(round: &mut Round<'_>, pod: &Value, node_name: &str) {
    let Some(node) = round.store.get("v1/nodes", "", node_name).cloned() else { return };
    let now = round.now;
    if round.running(node_name).is_none() {
        miss(round, pod, &node);
        return;
    }
    let is_ready = has(pod, "Ready");
    if pod["status"]["phase"] == "Running" && is_ready {
        return;
    }
    // On the host's network a pod needs no network of the cluster.
    let has_network = pod["spec"]["hostNetwork"].as_bool() == Some(true) || has(&node, "Ready");
    let volumes = super::volumes::are_ready(round, pod, node_name);
    if !has_network || !volumes || !round.is_over(uid(pod), Begun::Start, START_MS) {
        return;
    }
    let host =
        node["status"]["addresses"].as_array().into_iter().flatten().find(|a| a["type"] == "InternalIP");
    let machine = round.machines.get(node_name);
    let host = host
        .and_then(|a| a["address"].as_str())
        .or(machine.map(|m| m.facts.address.as_str()))
        .unwrap_or("")
        .to_owned();
    let address =
        if pod["spec"]["hostNetwork"].as_bool() == Some(true) { host.clone() } else { address(pod, &node) };
    round.store.edit("v1/pods", namespace(pod), name(pod), |pod| {
        let containers: Vec<Value> = items(&pod["spec"]["containers"])
            .map(|container| {
                json!({
                    "name": container["name"], "image": container["image"], "imageID": "", "ready": true, "started": true,
                    "restartCount": 0, "containerID": format!("containerd://{}", random::sha256_hex(uid(pod).as_bytes())),
                    "lastState": {}, "state": { "running": { "startedAt": moment(now) } },
                })
            })
            .collect();
        pod["status"]["phase"] = json!("Running");
        pod["status"]["hostIP"] = json!(host);
        pod["status"]["hostIPs"] = json!([{ "ip": host }]);
        pod["status"]["podIP"] = json!(address);
        pod["status"]["podIPs"] = json!([{ "ip": address }]);
        pod["status"]["qosClass"] = json!("BestEffort");
        pod["status"]["startTime"] = json!(moment(now));
        pod["status"]["containerStatuses"] = Value::Array(containers);
        for kind in ["PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"] {
            set_condition(pod, state(kind, "True", now));
        }
    });
}

/// A condition of a pod has no heartbeat.
pub(super) fn state(kind: &str, status: &str, now: u64) -> Value {
    let mut made = condition(kind, status, "", "", now);
    if let Some(fields) = made.as_object_mut() {
        fields.remove("reason");
        fields.remove("message");
        fields.insert("lastHeartbeatTime".to_owned(), Value::Null);
        fields.insert("lastProbeTime".to_owned(), Value::Null);
        fields.remove("lastHeartbeatTime");
    }
    made
}

fn address(pod: &Value, node: &Value) -> String {
    let range = node["spec"]["podCIDR"].as_str().and_then(|range| range.parse::<ipnet::Ipv4Net>().ok());
    let base =
        range.map_or(u32::from(std::net::Ipv4Addr::new(10, 244, 0, 0)), |range| u32::from(range.network()));
    let hash = u32::from_str_radix(uid(pod).get(..4).unwrap_or("0"), 16).unwrap_or(0);
    std::net::Ipv4Addr::from(base + 2 + hash % 250).to_string()
}

/// Nobody hears of a pod on a silent node: it is not ready, and later it is to go.
fn miss(round: &mut Round<'_>, pod: &Value, node: &Value) {
    let Some(since) = round.state.silent.get(name(node)).copied() else { return };
    let unreachable = items(&node["spec"]["taints"])
        .find(|taint| taint["key"] == "node.kubernetes.io/unreachable" && taint["effect"] == "NoExecute");
    let Some(taint) = unreachable else { return };
    let (now, evict_ms) = (round.now, since + round.scaled(UNREACHABLE_MS));
    if has(pod, "Ready") {
        round.store.edit("v1/pods", namespace(pod), name(pod), |pod| {
            set_condition(pod, state("Ready", "False", now))
        });
    }
    if is_mirror(pod) || tolerates(&pod["spec"]["tolerations"], taint) {
        return;
    }
    if evict_ms > now {
        round.at(evict_ms);
        return;
    }
    super::daemons::go(round, pod);
}
