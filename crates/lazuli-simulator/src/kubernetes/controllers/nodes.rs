//! Machines and Nodes: which kubelets are heard of, whether the network is there, addresses for pods, cloud facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::look::{has, items, name, node_of, runs, set_condition, uid};
use super::{Begun, Machine, NO_NETWORK, Round, condition, mirror_pods, scaled};
use crate::kubernetes::Cluster;
use crate::world::World;

/// A Node whose kubelet is silent for so long is Unknown, in real milliseconds.
const GRACE_MS: u64 = 40_000;
/// From a usable network until the kubelet says Ready.
const NETWORK_MS: u64 = 3_000;
/// A learner that could not be promoted is tried again.
const AGAIN_MS: u64 = 2_000;
const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";

/// Tells the control plane which machines run, and lets API servers come up and go down with them. Says when a
/// silent node becomes Unknown, or a learner is promoted.
pub(super) fn observe(
    world: &mut World,
    cluster: &mut Cluster,
    machines: &mut BTreeMap<String, Machine>,
    now: u64,
) -> Option<u64> {
    let mut control = cluster.control().clone();
    let speed = control.state.speed;
    let is_running = |node: &str| machines.get(node).is_some_and(|machine| machine.facts.is_running);
    control.running =
        machines.values().filter(|m| m.facts.is_running).map(|m| m.kubelet.name.clone()).collect();
    control.etcd.observe(is_running, now);
    let mut due = None;
    let mut sooner = |moment: u64| due = Some(due.map_or(moment, |due: u64| due.min(moment)));
    let mut ready = Vec::new();
    for machine in machines.values_mut() {
        let Some(promote_ms) = machine.kubelet.promote_ms else { continue };
        let name = &machine.kubelet.name;
        if promote_ms > now {
            sooner(promote_ms);
            continue;
        }
        // A member that somebody removed meanwhile never votes; kubeadm gives up.
        let is_promoted = match control.etcd.members.get(name).map(|member| member.id) {
            Some(id) => control.etcd.promote(id).is_ok() || !control.etcd.members[name].is_learner,
            None => true,
        };
        if is_promoted {
            machine.kubelet.promote_ms = None;
            ready.push(name.clone());
        } else {
            sooner(now + scaled(speed, AGAIN_MS).max(1));
        }
    }
    let up = |node: &str| {
        let votes =
            control.etcd.members.get(node).is_some_and(|member| member.is_running && !member.is_learner);
        votes && machines.get(node).is_some_and(|machine| machine.kubelet.promote_ms.is_none())
    };
    let mut leaves = std::mem::take(&mut control.servers);
    leaves.append(&mut control.state.starting);
    leaves.retain(|node, _| machines.contains_key(node));
    for (node, leaf) in leaves {
        let list = if up(&node) { &mut control.servers } else { &mut control.state.starting };
        list.insert(node, leaf);
    }
    let oldest =
        control.servers.keys().filter_map(|node| machines.get(node)).map(|machine| &machine.kubelet.version);
    if let Some(version) = oldest.min_by_key(|version| crate::kubernetes::machine::parse_version(version)) {
        control.version.clone_from(version);
    }
    silence(&mut control.state.silent, cluster, machines, now);
    let grace = scaled(speed, GRACE_MS);
    control.state.silent.values().map(|since| since + grace).filter(|due| *due > now).for_each(sooner);
    if control != *cluster.control() {
        *cluster.control_mut() = control;
    }
    for node in ready {
        let Some(machine) = machines.get(&node) else { continue };
        mirror_pods(&mut cluster.store, &machine.facts, &machine.kubelet, now);
        let kubelet = machine.kubelet.clone();
        world.edit(&machine.facts.key, |resource| {
            if let Some(machine) = resource.machine.as_mut() {
                machine.node = Some(kubelet);
                machine.console.push("[   140.2] cloud-init[1187]: This node has joined the cluster and a new control plane instance was created".to_owned());
            }
        });
    }
    due
}

/// Keeps account of the nodes whose kubelet is not heard of.
fn silence(
    silent: &mut BTreeMap<String, u64>,
    cluster: &Cluster,
    machines: &BTreeMap<String, Machine>,
    now: u64,
) {
    let nodes: BTreeSet<&str> = cluster.store.list("v1/nodes", None).map(|node| name(node)).collect();
    silent.retain(|node, _| nodes.contains(node.as_str()));
    for node in nodes {
        match machines.get(node).is_some_and(|machine| machine.facts.is_running) {
            true => drop(silent.remove(node)),
            false => drop(silent.entry(node.to_owned()).or_insert(now)),
        }
    }
}

/// What the programs on and around a node say of it.
struct Cloud<'a> {
    /// Nodes on which a cloud node manager runs.
    managed: BTreeSet<&'a str>,
    /// Nodes on which a pod runs that brings a network.
    networked: BTreeSet<&'a str>,
    /// Whether the cloud controller manager runs anywhere.
    is_controlled: bool,
}

fn cloud<'a>(round: &Round<'_>, pods: &'a [Arc<Value>]) -> Cloud<'a> {
    let mut cloud = Cloud { managed: BTreeSet::new(), networked: BTreeSet::new(), is_controlled: false };
    for pod in pods.iter().filter(|pod| pod["status"]["phase"] == "Running") {
        let node = node_of(pod);
        if round.running(node).is_none() {
            continue;
        }
        if runs(pod, "cloud-node-manager") {
            cloud.managed.insert(node);
        }
        if runs(pod, "cloud-controller-manager") {
            cloud.is_controlled = true;
        }
        if items(&pod["spec"]["volumes"]).any(|volume| {
            let path = volume["hostPath"]["path"].as_str().unwrap_or("");
            path.trim_end_matches('/') == "/etc/cni/net.d"
        }) {
            cloud.networked.insert(node);
        }
    }
    cloud
}

pub(super) fn act(round: &mut Round<'_>, pods: &[Arc<Value>]) {
    let cloud = cloud(round, pods);
    let nodes: Vec<Arc<Value>> = round.store.list("v1/nodes", None).cloned().collect();
    allocate(round, &nodes);
    for node in &nodes {
        let node_name = name(node);
        match round.state.silent.get(node_name).copied() {
            None => attend(round, node, &cloud),
            Some(since) => miss(round, node, since, cloud.is_controlled),
        }
    }
}

/// A kubelet that runs: its network comes, the cloud's facts come, taints go.
fn attend(round: &mut Round<'_>, node: &Value, cloud: &Cloud<'_>) {
    let node_name = name(node);
    let Some(machine) = round.machines.get(node_name) else { return };
    let has_range = node["spec"]["podCIDR"].is_string();
    let has_network = (machine.kubelet.has_cni_template && has_range) || cloud.networked.contains(node_name);
    let is_ready = has(node, "Ready");
    // A network that is there stays, even when the pod that brought it is being replaced.
    let becomes_ready = is_ready || (has_network && round.is_over(uid(node), Begun::Network, NETWORK_MS));
    let is_tainted = |key: &str| items(&node["spec"]["taints"]).any(|taint| taint["key"] == key);
    let initialises = cloud.managed.contains(node_name) && is_tainted(UNINITIALIZED);
    let has_spare_taint = is_tainted("node.kubernetes.io/unreachable")
        || is_tainted("node.cloudprovider.kubernetes.io/shutdown")
        || (becomes_ready && is_tainted("node.kubernetes.io/not-ready"));
    let was_unknown = items(&node["status"]["conditions"]).any(|c| c["status"] == "Unknown");
    // Most nodes, most of the time.
    if is_ready == becomes_ready && !was_unknown && !initialises && !has_spare_taint {
        return;
    }
    let now = round.now;
    let facts = &machine.facts;
    let unready = condition("Ready", "False", "KubeletNotReady", NO_NETWORK, now);
    let ready = condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", now);
    round.store.edit("v1/nodes", "", node_name, |node| {
        if was_unknown {
            for (kind, reason, message) in PRESSURES {
                set_condition(node, condition(kind, "False", reason, message, now));
            }
        }
        set_condition(node, if becomes_ready { ready } else { unready });
        let mut gone = vec!["node.kubernetes.io/unreachable", "node.cloudprovider.kubernetes.io/shutdown"];
        if becomes_ready {
            gone.push("node.kubernetes.io/not-ready");
        }
        if initialises {
            gone.push(UNINITIALIZED);
            node["spec"]["providerID"] = json!(facts.provider_id());
            node["status"]["addresses"] = json!([
                { "type": "InternalIP", "address": facts.address }, { "type": "Hostname", "address": facts.name },
            ]);
            for (key, value) in [
                ("topology.kubernetes.io/region", &facts.location),
                ("failure-domain.beta.kubernetes.io/region", &facts.location),
                ("topology.kubernetes.io/zone", &facts.zone),
                ("failure-domain.beta.kubernetes.io/zone", &facts.zone),
                ("node.kubernetes.io/instance-type", &facts.size),
                ("beta.kubernetes.io/instance-type", &facts.size),
            ] {
                node["metadata"]["labels"][key] = json!(value);
            }
        }
        untaint(node, &gone);
    });
}

const PRESSURES: [(&str, &str, &str); 3] = [
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
];

fn untaint(node: &mut Value, keys: &[&str]) {
    let Some(taints) = node["spec"].get_mut("taints").and_then(Value::as_array_mut) else { return };
    taints.retain(|taint| !keys.iter().any(|key| taint["key"] == *key));
    if taints.is_empty()
        && let Some(spec) = node["spec"].as_object_mut()
    {
        spec.remove("taints");
    }
}

fn taint(node: &mut Value, key: &str, effect: &str) {
    if !node["spec"]["taints"].is_array() {
        node["spec"]["taints"] = json!([]);
    }
    let Some(taints) = node["spec"]["taints"].as_array_mut() else { return };
    if !taints.iter().any(|taint| taint["key"] == key && taint["effect"] == effect) {
        taints.push(json!({ "key": key, "effect": effect }));
    }
}

/// A kubelet that is silent: after a while its Node is Unknown, and gone when the cloud has no such machine.
fn miss(round: &mut Round<'_>, node: &Value, since: u64, is_controlled: bool) {
    let unknown_ms = since + round.scaled(GRACE_MS);
    if unknown_ms > round.now {
        round.at(unknown_ms);
        return;
    }
    let node_name = name(node);
    let exists = round.machines.contains_key(node_name);
    if is_controlled && !exists && node["spec"]["providerID"].is_string() {
        round.store.remove("v1/nodes", "", node_name);
        return;
    }
    let now = round.now;
    round.store.edit("v1/nodes", "", node_name, |node| {
        for kind in ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"] {
            set_condition(
                node,
                condition(kind, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", now),
            );
        }
        untaint(node, &["node.kubernetes.io/not-ready"]);
        taint(node, "node.kubernetes.io/unreachable", "NoSchedule");
        taint(node, "node.kubernetes.io/unreachable", "NoExecute");
        if is_controlled && exists {
            taint(node, "node.cloudprovider.kubernetes.io/shutdown", "NoSchedule");
        }
    });
}

/// Gives every node its part of the pods' range, when the controller manager is to.
fn allocate(round: &mut Round<'_>, nodes: &[Arc<Value>]) {
    const PART: u8 = 24;
    let Ok(range) = round.state.pod_cidr.parse::<ipnet::Ipv4Net>() else { return };
    if nodes.iter().all(|node| node["spec"]["podCIDR"].is_string()) {
        return;
    }
    let taken: BTreeSet<&str> = nodes.iter().filter_map(|node| node["spec"]["podCIDR"].as_str()).collect();
    let Ok(parts) = range.subnets(PART.max(range.prefix_len())) else { return };
    let mut free = parts.map(|part| part.to_string()).filter(|part| !taken.contains(part.as_str()));
    for node in nodes.iter().filter(|node| !node["spec"]["podCIDR"].is_string()) {
        let Some(part) = free.next() else { return };
        round.store.edit("v1/nodes", "", name(node), |node| {
            node["spec"]["podCIDR"] = json!(part);
            node["spec"]["podCIDRs"] = json!([part]);
        });
    }
}
