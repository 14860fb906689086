//! Machines and Nodes: which kubelets are heard of, whether the network is there, addresses for pods, cloud facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::look::{has, items, name, set_condition, uid};
use super::{Begun, Machine, NO_NETWORK, Round, condition, mirror_pods, scaled};
use crate::kubernetes::{Cluster, ControlPlane, Kubelet, Leaf, Store};
use crate::world::World;

/// A Node whose kubelet is silent for so long is Unknown, in real milliseconds.
const GRACE_MS: u64 = 40_000;
/// From a usable network until the kubelet says Ready.
const NETWORK_MS: u64 = 3_000;
/// A learner that could not be promoted is tried again.
const AGAIN_MS: u64 = 2_000;
const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";

/// Tells the control plane which machines run, and lets API servers come up and go down with them. `changed` are the
/// nodes that are others than before, or whose machines are. Says when a silent node becomes Unknown, or a learner is
/// promoted.
pub(super) fn observe(
    world: &mut World,
    cluster: &mut Cluster,
    machines: &mut BTreeMap<String, Machine>,
    changed: &BTreeSet<String>,
    now: u64,
) -> Option<u64> {
    let mut control = cluster.control().clone();
    let speed = control.state.speed;
    let is_running = |node: &str| machines.get(node).is_some_and(|machine| machine.facts.is_running);
    for node in changed {
        match is_running(node) {
            true => drop(control.running.insert(node.clone())),
            false => drop(control.running.remove(node)),
        }
    }
    control.etcd.observe(is_running, now);
    let mut due = None;
    let mut sooner = |moment: u64| due = Some(due.map_or(moment, |due: u64| due.min(moment)));
    let mut ready = Vec::new();
    let members: BTreeSet<String> =
        control.servers.keys().chain(control.state.starting.keys()).cloned().collect();
    for name in &members {
        let Some(machine) = machines.get_mut(name) else { continue };
        let Some(promote_ms) = machine.kubelet.promote_ms else { continue };
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
    lead(&mut control);
    let oldest =
        control.servers.keys().filter_map(|node| machines.get(node)).map(|machine| &machine.kubelet.version);
    if let Some(version) = oldest.min_by_key(|version| crate::kubernetes::machine::parse_version(version)) {
        control.version.clone_from(version);
    }
    let has_other_authorities = authorities(&control) != authorities(cluster.control());
    let all: BTreeSet<String>;
    let changed = match has_other_authorities {
        true => {
            all = machines.keys().chain(changed).cloned().collect();
            &all
        }
        false => changed,
    };
    let mut silent = std::mem::take(&mut control.state.silent);
    silence(&mut silent, &control, &cluster.store, machines, changed, now);
    control.state.silent = silent;
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

/// The controller manager that leads goes on leading until its node is gone; then one of the others does.
fn lead(control: &mut ControlPlane) {
    let of_cluster = &control.ca_pem;
    let leads = |leaf: &Leaf| leaf.authorities(of_cluster) == of_cluster;
    if !control.servers.values().any(leads)
        && let Some(next) = control.servers.values().next()
    {
        control.ca_pem = next.ca_pem.clone();
    }
}

/// The authorities of all API servers.
fn authorities(control: &ControlPlane) -> BTreeSet<(&str, &[String])> {
    control.servers.values().map(|leaf| (&*leaf.authority.signs, &*leaf.authority.trusts)).collect()
}

/// Whether a kubelet and the API servers that it may meet accept each other's certificates. From 1.31 the kubelet of a
/// control-plane node meets that of its own machine only.
fn is_trusted(kubelet: &Kubelet, control: &ControlPlane) -> bool {
    let gets_on = |leaf: &Leaf| leaf.authority.gets_on_with(&kubelet.authority);
    let minor = crate::kubernetes::machine::parse_version(&kubelet.version).map_or(0, |version| version.1);
    match kubelet.is_control_plane && minor >= 31 {
        true => control.servers.get(&kubelet.name).is_none_or(gets_on),
        false => control.servers.values().all(gets_on),
    }
}

/// Keeps account of the nodes whose kubelet is not heard of.
fn silence(
    silent: &mut BTreeMap<String, u64>,
    control: &ControlPlane,
    store: &Store,
    machines: &BTreeMap<String, Machine>,
    changed: &BTreeSet<String>,
    now: u64,
) {
    silent.retain(|node, _| store.get("v1/nodes", "", node).is_some());
    let is_heard = |machine: &Machine| machine.facts.is_running && is_trusted(&machine.kubelet, control);
    for node in changed {
        let exists = store.get("v1/nodes", "", node).is_some();
        match exists && !machines.get(node).is_some_and(is_heard) {
            true => drop(silent.entry(node.clone()).or_insert(now)),
            false => drop(silent.remove(node)),
        }
    }
}

pub(super) fn act(round: &mut Round<'_>) {
    let is_controlled = round.view.cloud_controllers().any(|pod| round.running(&pod.node).is_some());
    let mut concerned: BTreeSet<String> = round.changes.nodes.clone();
    concerned.extend(round.state.silent.keys().cloned());
    concerned.extend(std::mem::take(round.unconnected));
    allocate(round, &concerned);
    for node_name in &concerned {
        let Some(node) = round.store.get("v1/nodes", "", node_name).cloned() else { continue };
        match round.state.silent.get(node_name).copied() {
            None => attend(round, &node),
            Some(since) => miss(round, &node, since, is_controlled),
        }
    }
}

/// A kubelet that runs: its network comes, the cloud's facts come, taints go.
fn attend(round: &mut Round<'_>, node: &Value) {
    let node_name = name(node);
    let Some(machine) = round.machines.get(node_name) else { return };
    let has_range = node["spec"]["podCIDR"].is_string();
    let has_network = (machine.kubelet.has_cni_template && has_range) || round.view.is_networked(node_name);
    let is_ready = has(node, "Ready");
    // A network that is there stays, even when the pod that brought it is being replaced.
    let becomes_ready = is_ready || (has_network && round.is_over(uid(node), Begun::Network, NETWORK_MS));
    if has_network && !becomes_ready {
        round.unconnected.insert(node_name.to_owned());
    }
    let is_tainted = |key: &str| items(&node["spec"]["taints"]).any(|taint| taint["key"] == key);
    let initialises = is_tainted(UNINITIALIZED) && round.view.is_managed(node_name);
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
fn allocate(round: &mut Round<'_>, concerned: &BTreeSet<String>) {
    const PART: u8 = 24;
    let Ok(range) = round.state.pod_cidr.parse::<ipnet::Ipv4Net>() else { return };
    let lacks = |node: &&String| {
        let node = round.store.get("v1/nodes", "", node);
        node.is_some_and(|node| !node["spec"]["podCIDR"].is_string())
    };
    let lacking: Vec<&String> = concerned.iter().filter(lacks).collect();
    if lacking.is_empty() {
        return;
    }
    let nodes: Vec<Arc<Value>> = round.store.list("v1/nodes", None).cloned().collect();
    let taken: BTreeSet<&str> = nodes.iter().filter_map(|node| node["spec"]["podCIDR"].as_str()).collect();
    let Ok(parts) = range.subnets(PART.max(range.prefix_len())) else { return };
    let mut free = parts.map(|part| part.to_string()).filter(|part| !taken.contains(part.as_str()));
    for node in lacking {
        let Some(part) = free.next() else {
            round.unconnected.insert(node.clone());
            continue;
        };
        round.store.edit("v1/nodes", "", node, |node| {
            node["spec"]["podCIDR"] = json!(part);
            node["spec"]["podCIDRs"] = json!([part]);
        });
    }
}
