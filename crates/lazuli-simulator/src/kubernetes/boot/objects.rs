//! What `kubeadm init` and a fresh API server leave in a cluster.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};

use crate::kubernetes::{Store, moment, yaml};

/// What the objects say.
pub(super) struct Facts<'a> {
    pub(super) version: &'a str,
    pub(super) endpoint: &'a str,
    pub(super) ca_pem: &'a str,
    pub(super) cluster_configuration: Value,
    pub(super) kubelet_configuration: Option<Value>,
    pub(super) proxy_configuration: Option<Value>,
    pub(super) service_address: &'a str,
    pub(super) dns_domain: &'a str,
}

/// Makes all of them.
pub(super) fn plant(store: &mut Store, facts: &Facts<'_>, now: u64) {
    for (name, value) in
        [("system-node-critical", 2_000_001_000_u64), ("system-cluster-critical", 2_000_000_000)]
    {
        let class = json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": name }, "value": value, "preemptionPolicy": "PreemptLowerPriority" });
        store.create("scheduling.k8s.io/v1/priorityclasses", class, now);
    }
    config_maps(store, facts, now);
    access(store, now);
    dns_service(store, facts, now);
    kube_proxy(store, facts, now);
    core_dns(store, facts, now);
}

fn create(store: &mut Store, resource: &str, now: u64, object: Value) {
    store.create(resource, object, now);
}

fn config_map(namespace: &str, name: &str, data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": namespace }, "data": data })
}

fn config_maps(store: &mut Store, facts: &Facts<'_>, now: u64) {
    let kubelet = facts.kubelet_configuration.clone().unwrap_or_else(|| {
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "cgroupDriver": "systemd",
            "clusterDNS": [dns_address(facts.service_address)], "clusterDomain": facts.dns_domain,
            "rotateCertificates": true, "staticPodPath": "/etc/kubernetes/manifests",
        })
    });
    let cluster = yaml::text(&facts.cluster_configuration);
    create(
        store,
        "v1/configmaps",
        now,
        config_map("kube-system", "kubeadm-config", json!({ "ClusterConfiguration": cluster })),
    );
    create(
        store,
        "v1/configmaps",
        now,
        config_map("kube-system", "kubelet-config", json!({ "kubelet": yaml::text(&kubelet) })),
    );
    let info = json!({
        "apiVersion": "v1", "kind": "Config", "contexts": null, "current-context": "", "preferences": {}, "users": null,
        "clusters": [{ "name": "", "cluster": {
            "certificate-authority-data": STANDARD.encode(facts.ca_pem), "server": format!("https://{}", facts.endpoint),
        } }],
    });
    create(
        store,
        "v1/configmaps",
        now,
        config_map("kube-public", "cluster-info", json!({ "kubeconfig": yaml::text(&info) })),
    );
}

fn account(namespace: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": namespace } })
}

/// The DNS service has the tenth address of the range.
fn dns_address(service: &str) -> String {
    match service.parse::<std::net::Ipv4Addr>() {
        Ok(address) => std::net::Ipv4Addr::from(u32::from(address) + 9).to_string(),
        Err(_) => "10.96.0.10".to_owned(),
    }
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str], names: &[&str]) -> Value {
    let mut rule = json!({ "apiGroups": groups, "resources": resources, "verbs": verbs });
    if !names.is_empty() {
        rule["resourceNames"] = json!(names);
    }
    rule
}

fn group(name: &str) -> Value {
    json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name })
}

fn service_account(name: &str) -> Value {
    json!({ "kind": "ServiceAccount", "name": name, "namespace": "kube-system" })
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// What kubeadm adds to the roles that every API server has, and those of its add-ons.
fn access(store: &mut Store, now: u64) {
    let read = &["get", "list", "watch"][..];
    let certificates = |which: &str| rule(&["certificates.k8s.io"], &[which], &["create"], &[]);
    let client = "system:certificates.k8s.io:certificatesigningrequests:nodeclient";
    let own_client = "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient";
    let services = ["services", "endpoints", "nodes", "endpointslices"];
    let names = ["endpoints", "services", "pods", "namespaces", "endpointslices"];
    let roles = [
        ("system:node-proxier", rule(&["", "discovery.k8s.io"], &services, read, &[])),
        ("system:coredns", rule(&["", "discovery.k8s.io"], &names, &["list", "watch"], &[])),
        (client, certificates("certificatesigningrequests/nodeclient")),
        (own_client, certificates("certificatesigningrequests/selfnodeclient")),
        ("kubeadm:get-nodes", rule(&[""], &["nodes"], &["get"], &[])),
    ];
    for (name, rule) in roles {
        let role = json!({ "apiVersion": RBAC, "kind": "ClusterRole", "metadata": { "name": name }, "rules": [rule] });
        create(store, "rbac.authorization.k8s.io/v1/clusterroles", now, role);
    }
    let token = "system:bootstrappers:kubeadm:default-node-token";
    let bindings = [
        ("kubeadm:cluster-admins", "cluster-admin", group("kubeadm:cluster-admins")),
        ("kubeadm:get-nodes", "kubeadm:get-nodes", group(token)),
        ("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", group(token)),
        ("kubeadm:node-autoapprove-bootstrap", client, group(token)),
        ("kubeadm:node-autoapprove-certificate-rotation", own_client, group("system:nodes")),
        ("kubeadm:node-proxier", "system:node-proxier", service_account("kube-proxy")),
        ("system:coredns", "system:coredns", service_account("coredns")),
    ];
    for (name, role, subject) in bindings {
        let binding = json!({
            "apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": { "name": name }, "subjects": [subject],
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        });
        create(store, "rbac.authorization.k8s.io/v1/clusterrolebindings", now, binding);
    }
    let anonymous =
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous" });
    let local = [
        ("kube-public", "kubeadm:bootstrap-signer-clusterinfo", "cluster-info", vec![anonymous]),
        (
            "kube-system",
            "kubeadm:kubelet-config",
            "kubelet-config",
            vec![group("system:nodes"), group(token)],
        ),
        (
            "kube-system",
            "kubeadm:nodes-kubeadm-config",
            "kubeadm-config",
            vec![group(token), group("system:nodes")],
        ),
        ("kube-system", "kube-proxy", "kube-proxy", vec![group(token)]),
    ];
    for (namespace, name, map, subjects) in local {
        let rules = [rule(&[""], &["configmaps"], &["get"], &[map])];
        let role = json!({ "apiVersion": RBAC, "kind": "Role", "metadata": { "name": name, "namespace": namespace }, "rules": rules });
        create(store, "rbac.authorization.k8s.io/v1/roles", now, role);
        let binding = json!({
            "apiVersion": RBAC, "kind": "RoleBinding", "metadata": { "name": name, "namespace": namespace },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name }, "subjects": subjects,
        });
        create(store, "rbac.authorization.k8s.io/v1/rolebindings", now, binding);
    }
    for name in ["coredns", "kube-proxy"] {
        create(store, "v1/serviceaccounts", now, account("kube-system", name));
    }
}

fn dns_service(store: &mut Store, facts: &Facts<'_>, now: u64) {
    let address = dns_address(facts.service_address);
    let port = |name: &str, port: u16, protocol: &str| json!({ "name": name, "port": port, "protocol": protocol, "targetPort": port });
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kube-dns", "namespace": "kube-system",
            "labels": { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS" },
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "selector": { "k8s-app": "kube-dns" },
            "ports": [port("dns", 53, "UDP"), port("dns-tcp", 53, "TCP"), port("metrics", 9153, "TCP")],
        },
        "status": { "loadBalancer": {} },
    });
    create(store, "v1/services", now, service);
}

fn kube_proxy(store: &mut Store, facts: &Facts<'_>, now: u64) {
    let configuration = facts.proxy_configuration.clone().unwrap_or_else(|| {
        let pods = facts.cluster_configuration["networking"]["podSubnet"].as_str().unwrap_or("");
        json!({ "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "clusterCIDR": pods, "mode": "" })
    });
    let data = json!({ "config.conf": yaml::text(&configuration), "kubeconfig.conf": "apiVersion: v1\nkind: Config\n" });
    create(store, "v1/configmaps", now, config_map("kube-system", "kube-proxy", data));
    let labels = json!({ "k8s-app": "kube-proxy" });
    let set = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": { "name": "kube-proxy", "namespace": "kube-system", "labels": labels },
        "spec": {
            "selector": { "matchLabels": labels }, "revisionHistoryLimit": 10,
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 1 } },
            "template": { "metadata": { "labels": labels }, "spec": {
                "containers": [{ "name": "kube-proxy", "image": format!("registry.k8s.io/kube-proxy:{}", facts.version), "command": ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=$(NODE_NAME)"] }],
                "hostNetwork": true, "nodeSelector": { "kubernetes.io/os": "linux" }, "priorityClassName": "system-node-critical",
                "serviceAccountName": "kube-proxy", "tolerations": [{ "operator": "Exists" }],
            } },
        },
    });
    create(store, "apps/v1/daemonsets", now, set);
}

fn core_dns(store: &mut Store, facts: &Facts<'_>, now: u64) {
    let domain = facts.dns_domain;
    let corefile = format!(
        ".:53 {{\n    errors\n    health {{\n       lameduck 5s\n    }}\n    ready\n    kubernetes {domain} in-addr.arpa ip6.arpa {{\n       pods insecure\n       fallthrough in-addr.arpa ip6.arpa\n       ttl 30\n    }}\n    prometheus :9153\n    forward . /etc/resolv.conf {{\n       max_concurrent 1000\n    }}\n    cache 30\n    loop\n    reload\n    loadbalance\n}}\n"
    );
    create(
        store,
        "v1/configmaps",
        now,
        config_map("kube-system", "coredns", json!({ "Corefile": corefile })),
    );
    let labels = json!({ "k8s-app": "kube-dns" });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "coredns", "namespace": "kube-system", "labels": labels },
        "spec": {
            "replicas": 2, "selector": { "matchLabels": labels },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": 1 } },
            "template": { "metadata": { "labels": labels }, "spec": {
                "containers": [{ "name": "coredns", "image": format!("registry.k8s.io/coredns/coredns:{}", core_dns_version(facts.version)), "args": ["-conf", "/etc/coredns/Corefile"] }],
                "nodeSelector": { "kubernetes.io/os": "linux" }, "priorityClassName": "system-cluster-critical", "serviceAccountName": "coredns",
                "tolerations": [{ "key": "CriticalAddonsOnly", "operator": "Exists" }, { "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }],
            } },
        },
    });
    create(store, "apps/v1/deployments", now, deployment);
}

/// The version of CoreDNS that kubeadm of a version installs.
fn core_dns_version(version: &str) -> &'static str {
    match crate::kubernetes::machine::parse_version(version) {
        Some((_, minor, _)) if minor >= 34 => "v1.12.1",
        Some((_, 33, _)) => "v1.12.0",
        Some((_, 31 | 32, _)) => "v1.11.3",
        _ => "v1.11.1",
    }
}

/// A bootstrap token of kubeadm's own configuration, good for a day.
pub(super) fn token(store: &mut Store, token: &str, now: u64) {
    let Some((id, secret)) = token.split_once('.') else { return };
    let encoded = |text: &str| STANDARD.encode(text);
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": { "name": format!("bootstrap-token-{id}"), "namespace": "kube-system" },
        "data": {
            "token-id": encoded(id), "token-secret": encoded(secret), "expiration": encoded(&moment(now + 24 * 3_600_000)),
            "usage-bootstrap-authentication": encoded("true"), "usage-bootstrap-signing": encoded("true"),
            "auth-extra-groups": encoded("system:bootstrappers:kubeadm:default-node-token"),
        },
    });
    create(store, "v1/secrets", now, object);
}

/// The detached signature by which a joining node knows cluster-info: a JWS whose payload is left out.
pub(crate) fn signature(id: &str, secret: &str, payload: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "HS256", "kid": id }).to_string());
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{header}..{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}
