//! Volumes on Azure disks: claims get a disk, disks are attached where their pods are, and go by their policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Round;
use super::look::{is_finished, is_going, items, name, namespace, node_of, uid};
use crate::request::Method;
use crate::{arm, ids, json, random};

const DRIVER: &str = "disk.csi.azure.com";
const CLAIMS: &str = "v1/persistentvolumeclaims";
const VOLUMES: &str = "v1/persistentvolumes";
const ATTACHMENTS: &str = "storage.k8s.io/v1/volumeattachments";
const CSI_NODES: &str = "storage.k8s.io/v1/csinodes";
const PROTECTION: &str = "kubernetes.io/pvc-protection";
const ZONE: &str = "topology.kubernetes.io/zone";

/// The names of the claims of a pod.
fn claims_of(pod: &Value) -> impl Iterator<Item = &str> {
    items(&pod["spec"]["volumes"]).filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
}

/// The volume of a claim.
fn volume_of(round: &Round<'_>, space: &str, claim: &str) -> Option<Arc<Value>> {
    let claim = round.store.get(CLAIMS, space, claim)?;
    round.store.get(VOLUMES, "", claim["spec"]["volumeName"].as_str()?).cloned()
}

/// Whether all volumes of a pod are attached to its node.
pub(super) fn are_ready(round: &Round<'_>, pod: &Value, node: &str) -> bool {
    claims_of(pod).all(|claim| {
        volume_of(round, namespace(pod), claim).is_some_and(|volume| {
            let is_disk = volume["spec"]["csi"]["driver"] == DRIVER;
            !is_disk
                || round
                    .store
                    .get(ATTACHMENTS, "", &attachment_name(name(&volume), node))
                    .is_some_and(|a| a["status"]["attached"] == true)
        })
    })
}

/// Whether the volumes that a pod has already can be attached to a node: disks stay in their zone.
pub(super) fn may_be_used_on(round: &Round<'_>, pod: &Value, node: &Value) -> bool {
    claims_of(pod).all(|claim| {
        let Some(volume) = volume_of(round, namespace(pod), claim) else { return true };
        let terms = &volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"];
        let zones: Vec<&str> = items(terms)
            .flat_map(|term| items(&term["matchExpressions"]))
            .flat_map(|expression| items(&expression["values"]))
            .filter_map(Value::as_str)
            .collect();
        let here = node["metadata"]["labels"][ZONE].as_str().unwrap_or("");
        zones.is_empty() || zones.contains(&here) || (zones == [""] && !here.contains('-'))
    })
}

fn attachment_name(volume: &str, node: &str) -> String {
    format!("csi-{}", random::sha256_hex(format!("{volume}{DRIVER}{node}").as_bytes()))
}

pub(super) fn act(round: &mut Round<'_>) {
    register(round);
    let is_served = round.view.disk_controllers().any(|pod| round.running(&pod.node).is_some());
    let view = round.view;
    let pods: Vec<&Arc<Value>> = view.claimants().collect();
    protect(round, &pods);
    if is_served {
        provision(round, &pods);
        attach(round, &pods);
        reclaim(round);
    }
}

/// The driver on a node registers itself.
fn register(round: &mut Round<'_>) {
    let (view, changes, now) = (round.view, round.changes, round.now);
    let mut nodes: BTreeSet<&str> = changes.nodes.iter().map(String::as_str).collect();
    nodes.extend(changes.pods.iter().filter_map(|key| view.pod(key)).map(|pod| pod.node.as_str()));
    for node in nodes {
        let is_registered = round.store.get(CSI_NODES, "", node).is_some();
        let Some(owner) = round.store.get("v1/nodes", "", node).map(|node| uid(node).to_owned()) else {
            round.store.remove(CSI_NODES, "", node);
            continue;
        };
        if is_registered || !view.on(node).any(|pod| pod.is_running && pod.drives_disks && pod.is_daemon) {
            continue;
        }
        let object = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
            "metadata": { "name": node, "ownerReferences": [{ "apiVersion": "v1", "kind": "Node", "name": node, "uid": owner }] },
            "spec": { "drivers": [{ "name": DRIVER, "nodeID": node, "topologyKeys": ["topology.disk.csi.azure.com/zone"], "allocatable": { "count": 8 } }] },
        });
        round.store.create(CSI_NODES, object, now);
    }
}

/// A claim does not go while a pod uses it.
fn protect(round: &mut Round<'_>, pods: &[&Arc<Value>]) {
    let claims: Vec<Arc<Value>> = round.store.list(CLAIMS, None).cloned().collect();
    if claims.is_empty() {
        return;
    }
    let used: BTreeSet<(&str, &str)> = pods
        .iter()
        .filter(|pod| !is_finished(pod))
        .flat_map(|pod| claims_of(pod).map(|claim| (namespace(pod), claim)))
        .collect();
    for claim in &claims {
        let (space, own_name) = (namespace(claim), name(claim));
        if is_going(claim) {
            if !used.contains(&(space, own_name)) {
                round.store.remove(CLAIMS, space, own_name);
            }
        } else if items(&claim["metadata"]["finalizers"]).next().is_none() {
            round
                .store
                .edit(CLAIMS, space, own_name, |claim| claim["metadata"]["finalizers"] = json!([PROTECTION]));
        }
    }
}

/// The class of a claim, when it is of Azure's disks.
fn class_of(round: &Round<'_>, claim: &Value) -> Option<Arc<Value>> {
    let classes = "storage.k8s.io/v1/storageclasses";
    let class = match claim["spec"]["storageClassName"].as_str() {
        Some(class) => round.store.get(classes, "", class)?.clone(),
        None => round
            .store
            .list(classes, None)
            .find(|class| {
                class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
            })?
            .clone(),
    };
    (class["provisioner"] == DRIVER).then_some(class)
}

/// Makes disks for claims that wait; those that wait for a consumer get theirs in the zone of its node.
fn provision(round: &mut Round<'_>, pods: &[&Arc<Value>]) {
    let mut consumers: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| !node_of(pod).is_empty() && !is_going(pod)) {
        for claim in claims_of(pod) {
            consumers.insert((namespace(pod), claim), node_of(pod));
        }
    }
    for claim in round.store.list(CLAIMS, None).cloned().collect::<Vec<_>>() {
        if claim["spec"]["volumeName"].is_string() || is_going(&claim) {
            continue;
        }
        let Some(class) = class_of(round, &claim) else { continue };
        let consumer = consumers.get(&(namespace(&claim), name(&claim))).copied();
        if class["volumeBindingMode"] == "WaitForFirstConsumer" && consumer.is_none() {
            continue;
        }
        let label = |node: &Value| node["metadata"]["labels"][ZONE].as_str().map(str::to_owned);
        let zone = match consumer {
            Some(node) => {
                Some(round.store.get("v1/nodes", "", node).and_then(|node| label(node)).unwrap_or_default())
            }
            // Nobody knows yet where it is needed: any zone that has a node will do, and it waits until one has.
            None => {
                let zones: BTreeSet<String> =
                    round.store.list("v1/nodes", None).filter_map(|node| label(node)).collect();
                let luck: usize = uid(&claim).bytes().map(usize::from).sum();
                zones.iter().nth(luck.checked_rem(zones.len()).unwrap_or_default()).cloned()
            }
        };
        if let Some(zone) = zone {
            make(round, &claim, &class, &zone);
        }
    }
}

fn make(round: &mut Round<'_>, claim: &Value, class: &Value, zone: &str) {
    let own_name = format!("pvc-{}", uid(claim));
    let Some(id) =
        super::cloud::in_group(round, "resourceGroup", &format!("Microsoft.Compute/disks/{own_name}"))
    else {
        return;
    };
    let asked = claim["spec"]["resources"]["requests"]["storage"].as_str().unwrap_or("1Gi");
    let size = gibibytes(asked);
    let sku = ["skuName", "skuname", "storageaccounttype"]
        .iter()
        .find_map(|key| class["parameters"][*key].as_str());
    let mut body = json!({
        "location": super::cloud::location(round), "sku": { "name": sku.unwrap_or("StandardSSD_LRS") },
        "tags": {
            "k8s-azure-created-by": "kubernetes-azure-dd", "kubernetes.io-created-for-pv-name": own_name,
            "kubernetes.io-created-for-pvc-name": name(claim), "kubernetes.io-created-for-pvc-namespace": namespace(claim),
        },
        "properties": { "creationData": { "createOption": "Empty" }, "diskSizeGB": size },
    });
    if let Some((_, number)) = zone.rsplit_once('-') {
        body["zones"] = json!([number]);
    }
    let now = round.now;
    if arm::as_controller(round.world, now, Method::Put, &id, "2025-01-02", Some(&body)).is_err() {
        return;
    }
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": { "name": own_name, "annotations": { "pv.kubernetes.io/provisioned-by": DRIVER }, "finalizers": ["external-provisioner.volume.kubernetes.io/finalizer", "kubernetes.io/pv-protection"] },
        "spec": {
            "accessModes": claim["spec"]["accessModes"], "capacity": { "storage": format!("{size}Gi") },
            "claimRef": { "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name(claim), "namespace": namespace(claim), "uid": uid(claim) },
            "csi": { "driver": DRIVER, "fsType": "ext4", "volumeHandle": id },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "topology.disk.csi.azure.com/zone", "operator": "In", "values": [if zone.contains('-') { zone } else { "" }] }] }] } },
            "persistentVolumeReclaimPolicy": class["reclaimPolicy"].as_str().unwrap_or("Delete"),
            "storageClassName": name(class), "volumeMode": "Filesystem",
        },
        "status": { "phase": "Bound" },
    });
    if round.store.get(VOLUMES, "", &own_name).is_none() {
        round.store.create(VOLUMES, volume, now);
    }
    let modes = claim["spec"]["accessModes"].clone();
    round.store.edit(CLAIMS, namespace(claim), name(claim), |claim| {
        claim["spec"]["volumeName"] = json!(own_name);
        claim["spec"]["storageClassName"] = json!(name(class));
        claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = json!("yes");
        claim["status"] =
            json!({ "phase": "Bound", "accessModes": modes, "capacity": { "storage": format!("{size}Gi") } });
    });
}

/// `10Gi`, `1Ti`, `500Mi` in whole gibibytes.
fn gibibytes(text: &str) -> u64 {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().unwrap_or(1);
    match &text[digits.len()..] {
        "Ti" => number * 1024,
        "Mi" => number.div_ceil(1024),
        "Ki" => 1,
        "" => number.div_ceil(1 << 30).max(1),
        _ => number,
    }
}

/// Attaches disks where their pods are, and detaches them where no pod is left.
fn attach(round: &mut Round<'_>, pods: &[&Arc<Value>]) {
    let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
    for pod in pods.iter().filter(|pod| !node_of(pod).is_empty() && !is_finished(pod)) {
        for claim in claims_of(pod) {
            if let Some(volume) =
                volume_of(round, namespace(pod), claim).filter(|v| v["spec"]["csi"]["driver"] == DRIVER)
            {
                wanted.insert((name(&volume).to_owned(), node_of(pod).to_owned()));
            }
        }
    }
    let mut held = BTreeSet::new();
    for attachment in round.store.list(ATTACHMENTS, None).cloned().collect::<Vec<_>>() {
        let volume = attachment["spec"]["source"]["persistentVolumeName"].as_str().unwrap_or("").to_owned();
        let node = attachment["spec"]["nodeName"].as_str().unwrap_or("").to_owned();
        if attachment["spec"]["attacher"] != DRIVER {
            continue;
        }
        if wanted.contains(&(volume.clone(), node.clone())) {
            held.insert(volume);
        } else {
            detach(round, &volume);
            round.store.remove(ATTACHMENTS, "", name(&attachment));
        }
    }
    let now = round.now;
    for (volume, node) in wanted {
        let Some(machine) = round.machines.get(&node) else { continue };
        // A disk is in one place at a time.
        if held.contains(&volume) {
            continue;
        }
        let Some(disk) = round
            .store
            .get(VOLUMES, "", &volume)
            .and_then(|v| v["spec"]["csi"]["volumeHandle"].as_str())
            .map(str::to_owned)
        else {
            continue;
        };
        plug(round.world, &machine.facts.key, &disk);
        held.insert(volume.clone());
        let object = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
            "metadata": { "name": attachment_name(&volume, &node), "annotations": { "csi.alpha.kubernetes.io/node-id": node }, "finalizers": ["external-attacher/disk-csi-azure-com"] },
            "spec": { "attacher": DRIVER, "nodeName": node, "source": { "persistentVolumeName": volume } },
            "status": { "attached": true, "attachmentMetadata": {} },
        });
        round.store.create(ATTACHMENTS, object, now);
    }
}

fn plug(world: &mut crate::world::World, machine: &str, disk: &str) {
    let mut owner = None;
    world.edit(machine, |machine| {
        let disks = json::list(&machine.body, "properties.storageProfile.dataDisks");
        let lun = (0..64).find(|lun| disks.iter().all(|disk| disk["lun"] != *lun)).unwrap_or(64);
        let mut disks = disks.to_vec();
        disks.push(json!({
            "lun": lun, "name": ids::last(disk), "createOption": "Attach", "caching": "ReadOnly", "toBeDetached": false,
            "deleteOption": "Detach", "managedDisk": { "id": disk },
        }));
        json::set(&mut machine.body, "properties.storageProfile.dataDisks", Value::Array(disks));
        owner = Some(machine.id.clone());
    });
    world.edit(&ids::key(disk), |disk| disk.body["managedBy"] = json!(owner));
}

fn detach(round: &mut Round<'_>, volume: &str) {
    let Some(disk) = round
        .store
        .get(VOLUMES, "", volume)
        .and_then(|v| v["spec"]["csi"]["volumeHandle"].as_str())
        .map(str::to_owned)
    else {
        return;
    };
    let key = ids::key(&disk);
    let machine = round.world.get(&key).and_then(|disk| json::text(&disk.body, "managedBy")).map(ids::key);
    if let Some(machine) = machine {
        round.world.edit(&machine, |machine| {
            let disks = json::list(&machine.body, "properties.storageProfile.dataDisks");
            let left = disks
                .iter()
                .filter(|disk| json::text(disk, "managedDisk.id").is_none_or(|id| ids::key(id) != key));
            let left = left.cloned().collect();
            json::set(&mut machine.body, "properties.storageProfile.dataDisks", Value::Array(left));
        });
    }
    round.world.edit(&key, |disk| json::remove(&mut disk.body, "managedBy"));
}

/// A volume whose claim is gone is released, and deleted with its disk when its policy says so.
fn reclaim(round: &mut Round<'_>) {
    let attached: BTreeSet<String> = round
        .store
        .list(ATTACHMENTS, None)
        .filter_map(|attachment| {
            attachment["spec"]["source"]["persistentVolumeName"].as_str().map(str::to_owned)
        })
        .collect();
    for volume in round.store.list(VOLUMES, None).cloned().collect::<Vec<_>>() {
        let claim = &volume["spec"]["claimRef"];
        let (space, claim_name) =
            (claim["namespace"].as_str().unwrap_or(""), claim["name"].as_str().unwrap_or(""));
        if volume["spec"]["csi"]["driver"] != DRIVER || claim_name.is_empty() {
            continue;
        }
        if round
            .store
            .get(CLAIMS, space, claim_name)
            .is_some_and(|found| claim["uid"].is_null() || found["metadata"]["uid"] == claim["uid"])
        {
            continue;
        }
        round.store.edit(VOLUMES, "", name(&volume), |volume| volume["status"]["phase"] = json!("Released"));
        let deletes = volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete" || is_going(&volume);
        if !deletes || attached.contains(name(&volume)) {
            continue;
        }
        let disk = volume["spec"]["csi"]["volumeHandle"].as_str().unwrap_or("").to_owned();
        let keeps_disk = volume["spec"]["persistentVolumeReclaimPolicy"] != "Delete";
        let now = round.now;
        let is_gone = keeps_disk
            || round.world.get(&ids::key(&disk)).is_none()
            || arm::as_controller(round.world, now, Method::Delete, &disk, "2025-01-02", None).is_ok();
        if is_gone {
            round.store.remove(VOLUMES, "", name(&volume));
        }
    }
}
