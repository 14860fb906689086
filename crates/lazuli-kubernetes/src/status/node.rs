//! One node, from its object.

use lazuli_core::Json;
use time::{Duration, OffsetDateTime};

use super::moment;

/// What kubeadm gives certificates of control-plane nodes when they join: a year.
const CERTIFICATES: Duration = Duration::days(365);

/// A node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// True for nodes of the control plane.
    pub control_plane: bool,
    /// Whether it is ready.
    pub ready: Condition,
    /// The kubelet's version, `v1.34.2`.
    pub version: String,
    /// Its zone, `eastus2-1`; empty when it has none.
    pub zone: String,
    /// True when nothing new is scheduled onto it.
    pub cordoned: bool,
    /// When it joined.
    pub joined: Option<OffsetDateTime>,
    /// Of a control-plane node, when the certificates end that kubeadm made when it joined.
    pub certificates_end: Option<OffsetDateTime>,
}

/// Whether a node is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It is.
    Ready,
    /// It says that it is not, or says nothing any more.
    NotReady {
        /// `False` or `Unknown`.
        status: String,
        /// For how many seconds.
        seconds: u64,
        /// Why, in Kubernetes' words.
        reason: String,
    },
}

/// A node's status; `None` for what is no node.
pub fn node(object: &Json, now: OffsetDateTime) -> Option<NodeStatus> {
    let metadata = &object["metadata"];
    let label = |name: &str| metadata["labels"][name].as_str();
    let control_plane = label("node-role.kubernetes.io/control-plane").is_some();
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    let joined = moment(&metadata["creationTimestamp"]);
    Some(NodeStatus {
        name: metadata["name"].as_str()?.to_owned(),
        control_plane,
        ready: condition(ready, now),
        version: object["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap_or_default().to_owned(),
        zone: label("topology.kubernetes.io/zone").unwrap_or_default().to_owned(),
        cordoned: object["spec"]["unschedulable"].as_bool().unwrap_or(false),
        joined,
        certificates_end: joined.filter(|_| control_plane).map(|joined| joined + CERTIFICATES),
    })
}

fn condition(ready: Option<&Json>, now: OffsetDateTime) -> Condition {
    let Some(ready) = ready else {
        let reason = "its kubelet has not reported yet".to_owned();
        return Condition::NotReady { status: "Unknown".to_owned(), seconds: 0, reason };
    };
    if ready["status"] == "True" {
        return Condition::Ready;
    }
    let since = moment(&ready["lastTransitionTime"]).unwrap_or(now);
    let text = |name: &str| ready[name].as_str().unwrap_or_default();
    let reason = match (text("reason"), text("message")) {
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    Condition::NotReady {
        status: text("status").to_owned(),
        seconds: u64::try_from((now - since).whole_seconds()).unwrap_or(0),
        reason,
    }
}

/// True for a node that has been out of order for at least so many seconds.
pub fn is_lost(node: &NodeStatus, after: u64) -> bool {
    matches!(&node.ready, Condition::NotReady { seconds, .. } if *seconds >= after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn a_node_tells_how_it_is_since_when_and_until_when_its_certificates_hold() {
        let now = datetime!(2026-11-28 12:00 UTC);
        let object = json!({
            "metadata": {
                "name": "prod-cp-1-a41c",
                "creationTimestamp": "2026-01-10T00:00:00Z",
                "labels": {"node-role.kubernetes.io/control-plane": "", "topology.kubernetes.io/zone": "eastus2-1"},
            },
            "spec": {"unschedulable": true},
            "status": {
                "nodeInfo": {"kubeletVersion": "v1.34.2"},
                "conditions": [{
                    "type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-11-28T11:50:00Z",
                    "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.",
                }],
            },
        });
        let status = node(&object, now).unwrap();
        assert_eq!(
            status,
            NodeStatus {
                name: "prod-cp-1-a41c".into(),
                control_plane: true,
                ready: Condition::NotReady {
                    status: "Unknown".into(),
                    seconds: 600,
                    reason: "NodeStatusUnknown: Kubelet stopped posting node status.".into(),
                },
                version: "v1.34.2".into(),
                zone: "eastus2-1".into(),
                cordoned: true,
                joined: Some(datetime!(2026-01-10 00:00 UTC)),
                certificates_end: Some(datetime!(2027-01-10 00:00 UTC)),
            }
        );
        assert!(is_lost(&status, 600) && !is_lost(&status, 601));
    }
}
