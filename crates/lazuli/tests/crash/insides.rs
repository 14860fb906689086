//! What is inside of the clusters of the simulated Azure, against what Lazuli has recorded of them.

use std::collections::BTreeSet;

use lazuli_kubernetes::pki::{CertificateAuthority, derived};
use serde_json::Value as Json;

use crate::verdict::stem;

/// Objects that controllers make and remake as they like.
const FLEETING: [&str; 9] = [
    "v1/pods",
    "v1/events",
    "v1/endpoints",
    "apps/v1/replicasets",
    "apps/v1/controllerrevisions",
    "certificates.k8s.io/v1/certificatesigningrequests",
    "coordination.k8s.io/v1/leases",
    "discovery.k8s.io/v1/endpointslices",
    "events.k8s.io/v1/events",
];

fn clusters(world: &Json) -> impl Iterator<Item = &Json> {
    world["clusters"].as_object().into_iter().flat_map(serde_json::Map::values)
}

fn objects<'w>(cluster: &'w Json, resource: &str) -> impl Iterator<Item = &'w Json> {
    cluster["store"]["objects"][resource].as_array().into_iter().flatten()
}

fn name(object: &Json) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// The virtual machines of the world, by name.
fn machines(world: &Json) -> BTreeSet<String> {
    let all = world["resources"].as_object().into_iter().flatten();
    let machines = all.filter(|(_, resource)| resource["kind"] == "Microsoft.Compute/virtualMachines");
    machines.filter_map(|(id, _)| Some(id.rsplit_once('/')?.1.to_owned())).collect()
}

/// The names of the recorded objects of these types below `Lazuli.Kubernetes/clusters/<cluster>`.
fn recorded(state: &Json, types: &[&str]) -> BTreeSet<String> {
    let ids = state["resources"].as_array().into_iter().flatten().filter_map(|r| r["id"].as_str());
    let inside = ids.filter_map(|id| {
        let id = id.to_lowercase();
        let (_, rest) = id.split_once("/lazuli.kubernetes/clusters/")?;
        let parts: Vec<&str> = rest.split('/').collect();
        types.contains(parts.get(1)?).then(|| parts.last().map(|&name| name.to_owned())).flatten()
    });
    inside.collect()
}

/// The nodes of all clusters are the machines and what is recorded of them, all of them fit; etcd has their members and no
/// others; no permission to join is left.
pub(crate) fn nothing_orphaned(state: &Json, world: &Json) -> Result<(), String> {
    let machines = machines(world);
    let control_plane = recorded(state, &["controlplanemembers"]);
    let equal = |what: &str, found: &BTreeSet<String>, wanted: &BTreeSet<String>| match found == wanted {
        true => Ok(()),
        false => Err(format!("{what} are {found:?}, and should be {wanted:?}")),
    };
    equal("the recorded members", &recorded(state, &["members", "controlplanemembers"]), &machines)?;
    equal("the recorded registrations", &recorded(state, &["registrations"]), &machines)?;
    if machines.is_empty() {
        return Ok(()); // nobody is left who would serve an API
    }
    for cluster in clusters(world) {
        let nodes: BTreeSet<String> = objects(cluster, "v1/nodes").map(name).collect();
        equal("the nodes", &nodes, &machines)?;
        let etcd = cluster["control"]["etcd"]["members"].as_object().into_iter().flatten();
        equal("the members of etcd", &etcd.clone().map(|(name, _)| name.clone()).collect(), &control_plane)?;
        for (name, member) in etcd {
            if member["is_learner"] != false || member["is_running"] != true {
                return Err(format!("the member {name} of etcd is {member}"));
            }
        }
        for node in objects(cluster, "v1/nodes") {
            let ready = |condition: &Json| condition["type"] == "Ready" && condition["status"] == "True";
            let is_ready = node["status"]["conditions"].as_array().into_iter().flatten().any(ready);
            if !is_ready || node["spec"]["unschedulable"] == true {
                let (spec, status) = (&node["spec"], &node["status"]["conditions"]);
                return Err(format!("the node {} is not fit: {spec} {status}", name(node)));
            }
        }
        for secret in objects(cluster, "v1/secrets") {
            if secret["type"] == "bootstrap.kubernetes.io/token" || name(secret) == "kubeadm-certs" {
                return Err(format!("the secret {} is left", name(secret)));
            }
        }
    }
    Ok(())
}

/// All objects in all clusters, but for the fleeting ones; of nodes also what they are.
pub(crate) fn exist(world: &Json) -> Vec<String> {
    let mut all = Vec::new();
    for cluster in clusters(world).filter(|_| !machines(world).is_empty()) {
        for (resource, list) in cluster["store"]["objects"].as_object().into_iter().flatten() {
            if FLEETING.contains(&resource.as_str()) {
                continue;
            }
            for object in list.as_array().into_iter().flatten() {
                let namespace = object["metadata"]["namespace"].as_str().unwrap_or("-");
                let mut text = format!("{resource} {namespace} {}", stem(&name(object)));
                if resource == "v1/nodes" {
                    let version = &object["status"]["nodeInfo"]["kubeletVersion"];
                    let labels = &object["metadata"]["labels"];
                    let machine = &labels["node.kubernetes.io/instance-type"];
                    text +=
                        &format!(" {version} {machine} {} {}", labels["colour"], object["spec"]["taints"]);
                }
                all.push(text);
            }
        }
    }
    all.sort();
    all
}

/// What of the clusters' secrets can be told from outside: the key of each authority, line by line, and what Lazuli derives
/// from it for every node there is or was.
pub(crate) fn secrets(world: &Json) -> Vec<String> {
    let mut all = Vec::new();
    for cluster in clusters(world) {
        let pem = |name: &str| cluster["control"][name].as_str().unwrap_or_default();
        let key = pem("ca_key_pem");
        all.extend(key.lines().filter(|line| line.len() > 32 && !line.starts_with('-')).map(str::to_owned));
        let Ok(authority) = CertificateAuthority::from_pem(pem("ca_pem"), key) else { continue };
        let nodes = objects(cluster, "v1/nodes").map(name);
        let nodes: BTreeSet<String> = machines(world).into_iter().chain(nodes).collect();
        for node in nodes {
            let token = derived::bootstrap_token(&authority, &node);
            all.push(token.secret().to_owned());
            all.push(derived::certificate_key(&authority, &node).hex().expose().to_owned());
        }
    }
    all
}
