//! What a new API server makes of its own accord: namespaces, the service `kubernetes`, roles and bindings.

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::namespaces;

/// Fills a new cluster. `service_ip` is the address of the service `kubernetes`, the first of the service subnet.
pub(crate) fn bootstrap(cluster: &mut Cluster, service_ip: &str, now_ms: u64) {
    let ca_pem = cluster.control().ca_pem.clone();
    let store = &mut cluster.store;
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let namespace = json!({ "kind": "Namespace", "apiVersion": "v1",
            "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name } },
            "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" } });
        store.create("v1/namespaces", namespace, now_ms);
        namespaces::furnish(store, name, &ca_pem, now_ms);
    }
    let service = json!({ "kind": "Service", "apiVersion": "v1",
        "metadata": { "name": "kubernetes", "namespace": "default",
            "labels": { "component": "apiserver", "provider": "kubernetes" } },
        "spec": { "type": "ClusterIP", "clusterIP": service_ip, "clusterIPs": [service_ip],
            "ports": [{ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 }] } });
    store.create("v1/services", service, now_ms);
    for (name, rules) in roles() {
        let role = json!({ "kind": "ClusterRole", "apiVersion": "rbac.authorization.k8s.io/v1",
            "metadata": { "name": name, "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" } },
            "rules": rules });
        store.create("rbac.authorization.k8s.io/v1/clusterroles", role, now_ms);
    }
    for (name, group) in [
        ("cluster-admin", "system:masters"),
        ("system:basic-user", "system:authenticated"),
        ("system:discovery", "system:authenticated"),
    ] {
        let binding = json!({ "kind": "ClusterRoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1",
            "metadata": { "name": name, "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" } },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group }] });
        store.create("rbac.authorization.k8s.io/v1/clusterrolebindings", binding, now_ms);
    }
}

fn roles() -> Vec<(&'static str, Value)> {
    let workloads = json!([
        "pods",
        "pods/log",
        "services",
        "configmaps",
        "endpoints",
        "persistentvolumeclaims",
        "serviceaccounts",
        "events",
        "replicationcontrollers"
    ]);
    let apps = json!([
        "deployments",
        "deployments/scale",
        "daemonsets",
        "replicasets",
        "replicasets/scale",
        "statefulsets",
        "statefulsets/scale",
        "controllerrevisions"
    ]);
    let read = json!(["get", "list", "watch"]);
    let write = json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]);
    let rule = |groups: Value, resources: Value, verbs: &Value| json!({ "apiGroups": groups, "resources": resources, "verbs": verbs });
    let rest = |verbs: &Value| {
        vec![
            rule(json!([""]), workloads.clone(), verbs),
            rule(json!(["apps"]), apps.clone(), verbs),
            rule(json!(["batch"]), json!(["jobs", "cronjobs"]), verbs),
            rule(json!(["policy"]), json!(["poddisruptionbudgets"]), verbs),
            rule(json!(["networking.k8s.io"]), json!(["ingresses", "networkpolicies"]), verbs),
            rule(json!([""]), json!(["namespaces", "resourcequotas", "limitranges"]), &read),
        ]
    };
    let mut edit = rest(&write);
    edit.push(rule(json!([""]), json!(["secrets", "pods/exec", "pods/eviction"]), &write));
    let mut admin = edit.clone();
    admin.push(rule(json!(["rbac.authorization.k8s.io"]), json!(["roles", "rolebindings"]), &write));
    let all = json!(["*"]);
    vec![
        ("cluster-admin", json!([rule(json!(["*"]), json!(["*"]), &all)])),
        ("admin", json!(admin)),
        ("edit", json!(edit)),
        ("view", json!(rest(&read))),
        (
            "system:basic-user",
            json!([rule(
                json!(["authorization.k8s.io", "authentication.k8s.io"]),
                json!(["selfsubjectaccessreviews", "selfsubjectreviews"]),
                &json!(["create"])
            )]),
        ),
        (
            "system:discovery",
            json!([{ "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez",
            "/openapi", "/openapi/*", "/readyz", "/version", "/version/"], "verbs": ["get"] }]),
        ),
        (
            "system:node-bootstrapper",
            json!([rule(
                json!(["certificates.k8s.io"]),
                json!(["certificatesigningrequests"]),
                &json!(["create", "get", "list", "watch"])
            )]),
        ),
        ("system:node", json!([])),
        (
            "system:kubelet-api-admin",
            json!([rule(json!([""]), json!(["nodes", "nodes/proxy", "nodes/stats", "nodes/log"]), &all)]),
        ),
    ]
}
