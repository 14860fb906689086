//! Nodes → `control_plane` and `worker_pool` blocks.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lazuli_cluster::spec::Update;
use lazuli_core::Json;
use lazuli_kubernetes::survey::Survey;

use super::cluster::{Node, string};
use super::hcl::{self, quoted};

/// The block of a pool of nodes, in the order of their slots.
pub(super) fn pool_block(
    pool: &str,
    nodes: &[&Node<'_>],
    inside: Option<&Survey>,
    unknown: &mut Vec<String>,
) -> String {
    let Some(first) = nodes.first() else { return String::new() };
    let properties = &first.vm["properties"];
    let head =
        if pool == "cp" { "control_plane".to_owned() } else { format!("worker_pool {}", quoted(pool)) };
    let last = nodes.iter().filter_map(|node| node.slot.parse::<usize>().ok()).max().unwrap_or(0);
    if last != nodes.len() {
        unknown
            .push(format!("pool {pool} has {} of {last} nodes: the next plan makes the others", nodes.len()));
    }
    let mut text = format!("{head} {{\ncount = {last}\n");
    let _ = writeln!(text, "instance_type = {}", string(&properties["hardwareProfile"]["vmSize"]));
    let zones: BTreeSet<&str> = nodes.iter().filter_map(|node| node.vm["zones"][0].as_str()).collect();
    if zones.is_empty() || (zones.len() < 3 && nodes.len() >= 3) {
        let zones: Vec<Json> = zones.into_iter().map(Json::from).collect();
        let _ = writeln!(text, "zones = {}", hcl::value(&Json::from(zones), &mut |_| None));
    }
    if properties["securityProfile"]["encryptionAtHost"] == true {
        text.push_str("encryption_at_host = true\n");
    }
    let members: Vec<(&Node<'_>, &Json)> =
        nodes.iter().filter_map(|node| Some((*node, inside?.members.get(node.name)?))).collect();
    text.push_str(&membership(&members, pool == "cp"));
    let storage = &properties["storageProfile"];
    text.push_str(&disk("os_disk", &storage["osDisk"], 128));
    if pool == "cp" {
        text.push_str(&disk("etcd_disk", &storage["dataDisks"][0], ETCD_GB));
    }
    if properties["priority"] == "Spot" {
        let price = &properties["billingProfile"]["maxPrice"];
        let price = if price.is_number() { price.to_string() } else { "-1".to_owned() };
        let _ = writeln!(text, "spot {{\nmax_price = {price}\n}}");
    }
    text + "}\n\n"
}

/// GiB of the disk of etcd, when nobody says.
const ETCD_GB: i64 = 256;

/// The block of a disk, when it is another one than nobody asking gets.
fn disk(block: &str, disk: &Json, usual_gb: i64) -> String {
    let size = disk["diskSizeGB"].as_i64().filter(|size| *size != usual_gb);
    let sku = disk["managedDisk"]["storageAccountType"].as_str().filter(|sku| *sku != "Premium_LRS");
    if size.is_none() && sku.is_none() {
        return String::new();
    }
    let mut text = format!("{block} {{\n");
    if let Some(size) = size {
        let _ = writeln!(text, "size_gb = {size}");
    }
    if let Some(sku) = sku {
        let _ = writeln!(text, "type = {}", quoted(sku));
    }
    text + "}\n"
}

/// What nodes of a control plane are tainted with, unless they are for everybody.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// What the members of a pool were configured with. They are alike, but for those that are out of scheduling.
fn membership(members: &[(&Node<'_>, &Json)], control_plane: bool) -> String {
    let Some((_, first)) = members.first() else { return String::new() };
    let mut text = String::new();
    let plain = |value: &Json| hcl::value(value, &mut |_| None);
    if first["labels"].as_object().is_some_and(|labels| !labels.is_empty()) {
        let _ = writeln!(text, "labels = {}", plain(&first["labels"]));
    }
    let cordoned = members.iter().filter(|(_, member)| member["cordoned"] == true);
    let cordoned: Vec<Json> = cordoned.map(|(node, _)| node.slot.as_str().into()).collect();
    if !cordoned.is_empty() {
        let _ = writeln!(text, "cordon = {}", plain(&Json::from(cordoned)));
    }
    let (usual, own): (Vec<&Json>, Vec<&Json>) =
        first["taints"].as_array().into_iter().flatten().partition(|taint| {
            control_plane && taint["key"] == CONTROL_PLANE && taint["effect"] == "NoSchedule"
        });
    if control_plane && usual.is_empty() {
        text.push_str("schedulable = true\n");
    }
    for taint in own {
        let _ = writeln!(text, "taint {} {{", string(&taint["key"]));
        if taint["value"].as_str().is_some_and(|value| !value.is_empty()) {
            let _ = writeln!(text, "value = {}", string(&taint["value"]));
        }
        let _ = writeln!(text, "effect = {}\n}}", string(&taint["effect"]));
    }
    let other = |name: &str, usual: u64| first[name].as_u64().filter(|seconds| *seconds != usual);
    let ready = other("minReadySeconds", Update::DEFAULT.min_ready_seconds);
    let drain = other("drainTimeoutSeconds", Update::DRAIN_TIMEOUT);
    if ready.is_some() || drain.is_some() {
        text.push_str("update {\n");
        if let Some(seconds) = ready {
            let _ = writeln!(text, "min_ready_seconds = {seconds}");
        }
        if let Some(seconds) = drain {
            let _ = writeln!(text, "drain_timeout = \"{seconds}s\"");
        }
        text.push_str("}\n");
    }
    text
}
