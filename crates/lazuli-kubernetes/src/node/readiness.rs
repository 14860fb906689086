//! Whether a node is what was wanted, and if not, why not.

use lazuli_core::Json;

use super::desired::Member;

/// The static pods of a control-plane node, by what their names begin with.
pub(super) const STATIC_PODS: [&str; 4] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// The taint that only the cloud provider takes away.
const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";

/// The taint and the condition of a node to which the cloud provider has made no route yet.
const NO_ROUTE: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NetworkUnavailable");

const ZONE: &str = "topology.kubernetes.io/zone";

/// What is to be said of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It is as wanted.
    Ready,
    /// Not yet; the sentence is shown while waiting: `waiting for the network`.
    NotYet(String),
    /// It never will be.
    Never(String),
}

/// Judges a node by its object and, of a control-plane node, by its static pods (those that exist).
///
/// The first node of a cluster is ready without network and cloud provider: they come after it, through its API.
pub fn judge(member: &Member, node: Option<&Json>, static_pods: &[Json]) -> Readiness {
    let Some(node) = node else {
        return Readiness::NotYet("waiting for the kubelet to register".to_owned());
    };
    let version = node.pointer("/status/nodeInfo/kubeletVersion").and_then(Json::as_str);
    match version {
        None => return registered("waiting for its first report"),
        Some(version) if version != member.version => {
            return Readiness::Never(format!(
                "its kubelet is {version}, but {} was wanted: the OS image has another version",
                member.version
            ));
        }
        Some(_) => {}
    }
    if let Some(pod) = member.is_control_plane().then(|| missing_pod(static_pods)).flatten() {
        return registered(&format!("waiting for {pod}"));
    }
    let network = waits_for_network(node);
    if member.first {
        return match not_ready(node).filter(|_| !network) {
            Some(why) => registered(&why),
            None => Readiness::Ready,
        };
    }
    if network {
        return registered("waiting for the network");
    }
    if taints(node).any(|taint| taint["key"] == UNINITIALIZED) {
        return registered("waiting for the cloud provider");
    }
    if let Some(why) = not_ready(node) {
        return registered(&why);
    }
    if waits_for_route(node) {
        return registered("waiting for the route to its pods: cloud-controller-manager makes it");
    }
    of_the_cloud(member, node).unwrap_or(Readiness::Ready)
}

/// What the cloud provider writes: which machine it is, and in which zone.
fn of_the_cloud(member: &Member, node: &Json) -> Option<Readiness> {
    if let Some(wanted) = &member.provider_id {
        match node.pointer("/spec/providerID").and_then(Json::as_str) {
            None => return Some(registered("waiting for the cloud provider to name its machine")),
            Some(id) if !id.eq_ignore_ascii_case(wanted) => {
                return Some(Readiness::Never(format!(
                    "it is the machine {id}, but {wanted} was made for it: another machine has this name"
                )));
            }
            Some(_) => {}
        }
    }
    let wanted = member.zone.as_ref()?;
    match node["metadata"]["labels"][ZONE].as_str() {
        None => Some(registered("waiting for the cloud provider to name its zone")),
        Some(zone) if zone != wanted => {
            Some(Readiness::Never(format!("it is in the zone {zone}, but {wanted} was wanted")))
        }
        Some(_) => None,
    }
}

fn registered(what: &str) -> Readiness {
    Readiness::NotYet(format!("kubelet registered, {what}"))
}

fn ready(object: &Json) -> Option<&Json> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "Ready")
}

/// True when the node's own kubelet cannot be heard: what runs there will not confirm that it has stopped.
pub(super) fn is_unreachable(node: &Json) -> bool {
    ready(node).is_some_and(|condition| condition["status"] == "Unknown")
}

/// True when the node reports Ready.
pub(super) fn is_ready(object: &Json) -> bool {
    ready(object).is_some_and(|condition| condition["status"] == "True")
}

fn not_ready(node: &Json) -> Option<String> {
    let Some(condition) = ready(node) else { return Some("waiting for its first report".to_owned()) };
    let message = condition["message"].as_str().unwrap_or("it does not say why");
    match condition["status"].as_str() {
        Some("True") => None,
        Some("Unknown") => Some(format!("but it is silent since then: {message}")),
        _ => Some(format!("not ready: {message}")),
    }
}

fn waits_for_network(node: &Json) -> bool {
    let Some(condition) = ready(node) else { return false };
    let message = condition["message"].as_str().unwrap_or_default().to_ascii_lowercase();
    let words = ["networkpluginnotready", "network plugin", "networkready=false", "cni "];
    condition["status"] == "False" && words.iter().any(|word| message.contains(word))
}

/// No pod is scheduled there until the taint is gone.
fn waits_for_route(node: &Json) -> bool {
    let mut conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    taints(node).any(|taint| taint["key"] == NO_ROUTE.0)
        || conditions.any(|condition| condition["type"] == NO_ROUTE.1 && condition["status"] == "True")
}

pub(super) fn taints(node: &Json) -> impl Iterator<Item = &Json> {
    node["spec"]["taints"].as_array().into_iter().flatten()
}

fn missing_pod(pods: &[Json]) -> Option<&'static str> {
    let is_there = |name: &&str| {
        let mut of_name = pods.iter().filter(|pod| {
            let full = pod["metadata"]["name"].as_str().unwrap_or_default();
            full.strip_prefix(*name).is_some_and(|rest| rest.starts_with('-'))
        });
        of_name.any(is_ready)
    };
    STATIC_PODS.into_iter().find(|name| !is_there(name))
}

#[cfg(test)]
mod tests {
    use lazuli_core::Json;
    use serde_json::json;

    use super::{Readiness, STATIC_PODS, judge};
    use crate::node::Member;

    fn member(more: Json) -> Member {
        let mut body = json!({"node": "web-1", "role": "worker", "version": "v1.34.2", "zone": "eastus2-1",
            "providerId": "azure:///subscriptions/s/vm/web-1"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Member::of(&json!({"properties": body})).unwrap()
    }

    fn node(ready: &str, message: &str) -> Json {
        json!({
            "metadata": {"name": "web-1", "labels": {"topology.kubernetes.io/zone": "eastus2-1"}},
            "spec": {"providerID": "azure:///subscriptions/S/vm/web-1"},
            "status": {"nodeInfo": {"kubeletVersion": "v1.34.2"},
                "conditions": [{"type": "Ready", "status": ready, "message": message}]},
        })
    }

    fn with(mut node: Json, pointer: &str, value: Json) -> Json {
        *node.pointer_mut(pointer).unwrap() = value;
        node
    }

    #[test]
    fn a_node_is_judged_in_a_sentence() {
        let no_network =
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady";
        let taint = json!({"providerID": null, "taints": [{"key": "node.cloudprovider.kubernetes.io/uninitialized"}]});
        let table = [
            ("nothing", None, "joining"),
            ("ready", Some(node("True", "kubelet is posting ready status")), ""),
            ("no network", Some(node("False", no_network)), ""),
            ("no cloud", Some(with(node("True", ""), "/spec", taint)), ""),
            (
                "no route",
                Some(with(
                    node("True", ""),
                    "/status/conditions",
                    json!([{"type": "Ready", "status": "True"}, {"type": "NetworkUnavailable", "status": "True"}]),
                )),
                "",
            ),
            (
                "no route, tainted",
                Some(with(
                    node("True", ""),
                    "/spec",
                    json!({"taints": [{"key": "node.kubernetes.io/network-unavailable"}]}),
                )),
                "",
            ),
            ("no machine", Some(with(node("True", ""), "/spec", json!({}))), ""),
            ("other machine", Some(with(node("True", ""), "/spec/providerID", json!("azure:///x"))), ""),
            (
                "other zone",
                Some(with(
                    node("True", ""),
                    "/metadata/labels",
                    json!({"topology.kubernetes.io/zone": "eastus2-3"}),
                )),
                "",
            ),
            (
                "other version",
                Some(with(node("True", ""), "/status/nodeInfo/kubeletVersion", json!("v1.33.0"))),
                "",
            ),
            ("full disk", Some(node("False", "disk is full")), ""),
            ("silent", Some(node("Unknown", "Kubelet stopped posting node status.")), ""),
        ];
        let text: Vec<String> = table
            .iter()
            .map(|(name, node, _)| format!("{name}: {:?}", judge(&member(json!({})), node.as_ref(), &[])))
            .collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn the_first_node_is_ready_without_network_and_cloud_but_not_without_its_pods() {
        let first = member(json!({"role": "init", "first": true}));
        let node = with(node("False", "cni plugin not initialized"), "/spec", json!({}));
        let mut pods: Vec<Json> = STATIC_PODS
            .iter()
            .map(|name| {
                json!({"metadata": {"name": format!("{name}-web-1")},
                    "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
            })
            .collect();
        assert_eq!(judge(&first, Some(&node), &pods), Readiness::Ready);
        pods.remove(1);
        let waiting = Readiness::NotYet("kubelet registered, waiting for kube-apiserver".to_owned());
        assert_eq!(judge(&first, Some(&node), &pods), waiting);
        let later = member(json!({"role": "control_plane"}));
        assert!(matches!(judge(&later, Some(&node), &pods), Readiness::NotYet(_)));
    }
}
