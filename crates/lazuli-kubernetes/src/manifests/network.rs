//! What a cluster with `cni = "azure_routes"` needs inside.
//!
//! The network itself is outside: each node gives its pods addresses from its own range through containerd's CNI
//! template, Azure's route table leads to the ranges, and the cloud provider keeps the table. What is left is the way
//! out. Pods have addresses that only the cluster's subnets can route: Azure's NAT gateway and load balancers translate
//! addresses of network interfaces only, and peered networks know nothing of the ranges. So what a pod sends to anywhere
//! but another pod must carry its node's address. The bridge plugin's own masquerading cannot be told of other nodes'
//! pods and would hide who is talking inside the cluster; an agent on each node does it by the range of all pods.

use serde_json::json;

use super::parts::{NAMESPACE, agent_tolerations, objects};
use super::{ClusterFacts, Objects};

const NAME: &str = "ip-masq-agent";
const IMAGE: &str = "registry.k8s.io/networking/ip-masq-agent:v2.9.3";

/// The layer `network` for `cni = "azure_routes"`.
pub fn network_azure_routes(facts: &ClusterFacts) -> Objects {
    // Read as YAML, of which JSON is a part.
    let config =
        json!({ "nonMasqueradeCIDRs": [facts.pod_cidr], "masqLinkLocal": true, "resyncInterval": "60s" });
    let container = json!({
        "name": NAME,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--masq-chain=IP-MASQ", "--nomasq-all-reserved-ranges=false"],
        "securityContext": {
            "privileged": false,
            "capabilities": { "add": ["NET_ADMIN", "NET_RAW"] },
        },
        "resources": {
            "requests": { "cpu": "10m", "memory": "16Mi" },
            "limits": { "memory": "128Mi" },
        },
        "volumeMounts": [{ "name": "config", "mountPath": "/etc/config", "readOnly": true }],
    });
    objects([
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": NAME, "namespace": NAMESPACE },
            "data": { "ip-masq-agent": config.to_string() },
        }),
        json!({
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": { "name": NAME, "namespace": NAMESPACE, "labels": { "k8s-app": NAME } },
            "spec": {
                "selector": { "matchLabels": { "k8s-app": NAME } },
                "template": {
                    "metadata": { "labels": { "k8s-app": NAME } },
                    "spec": {
                        "priorityClassName": "system-node-critical",
                        "hostNetwork": true,
                        "automountServiceAccountToken": false,
                        "nodeSelector": { "kubernetes.io/os": "linux" },
                        "tolerations": agent_tolerations(),
                        "containers": [container],
                        "volumes": [{ "name": "config", "configMap": { "name": NAME } }],
                    },
                },
            },
        }),
    ])
}
