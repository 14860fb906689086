//! Azure's cloud provider: the cloud-controller-manager on the control plane, which makes load balancers, routes and
//! removes Nodes whose machines are gone, and the cloud-node-manager on every node, which tells the node its zone,
//! addresses and provider id and takes away the taint `uninitialized`.

use lazuli_core::Json;
use serde_json::json;

use super::parts::{
    NAMESPACE, agent_tolerations, bind, cluster_role, host_path, objects, one_at_a_time, spread,
};
use super::{ClusterFacts, Objects, PodNetwork, parts};

/// Releases of the cloud provider by Kubernetes minor. A newer minor than the last takes the last: it is made for one
/// minor more, and a cluster without a cloud provider is worse.
const RELEASES: [(u64, &str); 15] = [
    (22, "v1.1.27"),
    (23, "v1.23.30"),
    (24, "v1.24.22"),
    (25, "v1.25.24"),
    (26, "v1.26.22"),
    (27, "v1.27.21"),
    (28, "v1.28.14"),
    (29, "v1.29.15"),
    (30, "v1.30.15"),
    (31, "v1.31.12"),
    (32, "v1.32.17"),
    (33, "v1.33.12"),
    (34, "v1.34.9"),
    (35, "v1.35.4"),
    (36, "v1.36.0"),
];

/// Since when the images are in the newer of Microsoft's two places.
const NEW_PLACE_SINCE: u64 = 32;

const CONTROLLER: &str = "cloud-controller-manager";
const AGENT: &str = "cloud-node-manager";

/// The port of the controller's health check, on the node.
const PORT: u16 = 10_268;

/// The layer `cloud_provider`.
pub fn cloud_provider(facts: &ClusterFacts) -> Objects {
    objects([
        parts::service_account(CONTROLLER),
        controller_role(),
        bind("system:cloud-controller-manager", "system:cloud-controller-manager", CONTROLLER),
        authentication_reader(),
        controller(facts),
        parts::service_account(AGENT),
        agent_role(),
        bind(AGENT, AGENT, AGENT),
        agent(facts),
    ])
}

fn image(facts: &ClusterFacts, name: &str) -> String {
    let minor = facts.kubernetes.minor();
    let release =
        RELEASES.iter().rev().find(|(of, _)| *of <= minor).map_or(RELEASES[0].1, |(_, release)| release);
    let place = if minor >= NEW_PLACE_SINCE { "oss/v2" } else { "oss" };
    format!("mcr.microsoft.com/{place}/kubernetes/azure-{name}:{release}")
}

fn controller_role() -> Json {
    const READ: &[&str] = &["get", "list", "watch"];
    cluster_role(
        "system:cloud-controller-manager",
        &[
            ("", &["nodes"], &["get", "list", "watch", "update", "patch", "delete"]),
            ("", &["nodes/status"], &["patch"]),
            ("", &["services"], &["get", "list", "watch", "update", "patch"]),
            ("", &["services/status"], &["list", "watch", "update", "patch"]),
            ("", &["events"], &["create", "update", "patch"]),
            ("", &["serviceaccounts"], &["create", "get", "list", "watch", "update"]),
            ("", &["serviceaccounts/token"], &["create"]),
            ("", &["persistentvolumes"], &["get", "list", "watch", "update"]),
            ("", &["endpoints"], &["create", "get", "list", "watch", "update"]),
            ("", &["secrets", "configmaps"], READ),
            ("coordination.k8s.io", &["leases"], &["create", "get", "update"]),
            ("discovery.k8s.io", &["endpointslices"], READ),
        ],
    )
}

/// Lets the controller check requests to its own port by the cluster's rules.
fn authentication_reader() -> Json {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": "system:cloud-controller-manager:extension-apiserver-authentication-reader",
            "namespace": NAMESPACE,
        },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": "extension-apiserver-authentication-reader",
        },
        "subjects": [{ "kind": "ServiceAccount", "name": CONTROLLER, "namespace": NAMESPACE }],
    })
}

fn controller_args(facts: &ClusterFacts) -> Vec<String> {
    let routes = facts.network == PodNetwork::AzureRoutes;
    let mut args = vec![
        "--cloud-provider=azure".to_owned(),
        "--cloud-config=/etc/kubernetes/azure.json".to_owned(),
        format!("--cluster-name={}", facts.name),
        // Nodes are told about themselves by the agent; ranges of pod addresses are given out by the controller
        // manager of Kubernetes.
        "--controllers=*,-cloud-node,-node-ipam".to_owned(),
        // The controller of routes wants both, or it does not start.
        format!("--allocate-node-cidrs={routes}"),
        format!("--configure-cloud-routes={routes}"),
    ];
    if routes {
        args.push(format!("--cluster-cidr={}", facts.pod_cidr));
        args.push("--route-reconciliation-period=10s".to_owned());
    }
    args.extend(["--leader-elect=true".to_owned(), format!("--secure-port={PORT}"), "--v=2".to_owned()]);
    args
}

fn controller(facts: &ClusterFacts) -> Json {
    let mut container = json!({
        "name": CONTROLLER,
        "image": image(facts, CONTROLLER),
        "imagePullPolicy": "IfNotPresent",
        "command": [CONTROLLER],
        "args": controller_args(facts),
        // A second replica waits for a second node, instead of failing at this port of the first one's.
        "ports": [{ "name": "https", "containerPort": PORT, "protocol": "TCP" }],
        "resources": {
            "requests": { "cpu": "100m", "memory": "128Mi" },
            "limits": { "memory": "2Gi" },
        },
        "livenessProbe": {
            "httpGet": { "path": "/healthz", "port": PORT, "scheme": "HTTPS" },
            "initialDelaySeconds": 20,
            "periodSeconds": 10,
            "timeoutSeconds": 5,
        },
        "volumeMounts": [
            { "name": "kubernetes", "mountPath": "/etc/kubernetes", "readOnly": true },
            { "name": "authorities", "mountPath": "/etc/ssl", "readOnly": true },
        ],
    });
    parts::behind_a_proxy(&mut container, facts);
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": CONTROLLER,
            "namespace": NAMESPACE,
            "labels": { "component": CONTROLLER },
        },
        "spec": {
            "replicas": facts.replicas(),
            "strategy": one_at_a_time(),
            "selector": { "matchLabels": { "component": CONTROLLER } },
            "template": {
                "metadata": { "labels": { "component": CONTROLLER, "tier": "control-plane" } },
                "spec": {
                    "serviceAccountName": CONTROLLER,
                    "priorityClassName": "system-node-critical",
                    "hostNetwork": true,
                    "nodeSelector": { "node-role.kubernetes.io/control-plane": "" },
                    "tolerations": parts::controller_tolerations(facts),
                    "topologySpreadConstraints": spread("component", CONTROLLER),
                    "containers": [container],
                    "volumes": [
                        host_path("kubernetes", "/etc/kubernetes", "Directory"),
                        host_path("authorities", "/etc/ssl", "Directory"),
                    ],
                },
            },
        },
    })
}

fn agent_role() -> Json {
    cluster_role(
        AGENT,
        &[
            ("", &["nodes"], &["get", "list", "watch", "update", "patch"]),
            ("", &["nodes/status"], &["patch"]),
        ],
    )
}

fn agent(facts: &ClusterFacts) -> Json {
    // With routes a node is not to be used before its own route is there.
    let wait = facts.network == PodNetwork::AzureRoutes;
    let container = json!({
        "name": AGENT,
        "image": image(facts, AGENT),
        "imagePullPolicy": "IfNotPresent",
        "command": [AGENT],
        "args": ["--node-name=$(NODE_NAME)", format!("--wait-routes={wait}"), "--v=2"],
        "env": [{
            "name": "NODE_NAME",
            "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "spec.nodeName" } },
        }],
        "resources": {
            "requests": { "cpu": "50m", "memory": "50Mi" },
            "limits": { "memory": "512Mi" },
        },
    });
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": { "name": AGENT, "namespace": NAMESPACE, "labels": { "component": AGENT } },
        "spec": {
            "selector": { "matchLabels": { "component": AGENT } },
            "template": {
                "metadata": { "labels": { "component": AGENT } },
                "spec": {
                    "serviceAccountName": AGENT,
                    "priorityClassName": "system-node-critical",
                    // The node's name is its host name, which a pod sees only here; and there is no pod network yet.
                    "hostNetwork": true,
                    "nodeSelector": { "kubernetes.io/os": "linux" },
                    "tolerations": agent_tolerations(),
                    "containers": [container],
                },
            },
        },
    })
}
