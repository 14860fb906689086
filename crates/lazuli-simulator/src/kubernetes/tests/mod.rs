//! Stories about a simulated cluster, told to its API.

mod access;
mod applying;
mod connections;
mod evicting;
mod kubectl;
mod reading;
mod writing;

use serde_json::{Value, json};

use super::{Cluster, ControlPlane, Leaf, Reply, User, bootstrap, handle};
use crate::request::{Method, Request};

/// The first moment of 2026.
const NOW: u64 = 1_767_225_600_000;
const HOST: &str = "api.example.internal";

/// A cluster as the first API server leaves it, without certificates.
fn cluster() -> Cluster {
    let mut control = ControlPlane { version: "v1.34.2".to_owned(), ..ControlPlane::default() };
    control.servers.insert(
        "cp-1".to_owned(),
        Leaf {
            cert_pem: String::new(),
            key_pem: String::new(),
            accounts: Default::default(),
            ca_pem: String::new(),
            authority: Default::default(),
            front_proxy_pem: String::new(),
            front_proxy: Default::default(),
        },
    );
    let mut cluster = Cluster::new(HOST, control, &super::seed_of("1", HOST));
    bootstrap(&mut cluster, "10.96.0.1", NOW);
    cluster
}

fn node(name: &str) -> Value {
    json!({ "kind": "Node", "apiVersion": "v1",
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name, "pool": "a" } },
        "status": {
            "addresses": [{ "type": "InternalIP", "address": "10.0.0.4" }, { "type": "Hostname", "address": name }],
            "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady" }],
            "nodeInfo": { "kubeletVersion": "v1.34.2", "osImage": "Ubuntu 24.04.1 LTS", "kernelVersion": "6.8.0",
                "containerRuntimeVersion": "containerd://1.7.24" } } })
}

/// A pod that runs on a node and goes at once when it is deleted.
fn pod(name: &str, node: &str) -> Value {
    json!({ "kind": "Pod", "apiVersion": "v1",
        "metadata": { "name": name, "namespace": "default", "labels": { "app": "web" },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": true }] },
        "spec": { "nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [{ "name": "web", "image": "web:1" }] },
        "status": { "phase": "Running", "podIP": "10.244.1.2",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": "web", "ready": true, "restartCount": 0 }] } })
}

/// A disruption budget as its controller leaves it.
fn budget(allowed: i64, healthy: i64, desired: i64) -> Value {
    json!({ "kind": "PodDisruptionBudget", "apiVersion": "policy/v1",
        "metadata": { "name": "web", "namespace": "default" },
        "spec": { "minAvailable": desired, "selector": { "matchLabels": { "app": "web" } } },
        "status": { "observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": healthy,
            "desiredHealthy": desired, "expectedPods": healthy } })
}

/// One request of an administrator, `POST /api/v1/namespaces`.
fn ask(cluster: &mut Cluster, request: &str, body: Value) -> (u16, Value) {
    ask_as(cluster, &User::admin(), request, "application/json", body)
}

fn ask_as(cluster: &mut Cluster, user: &User, request: &str, kind: &str, body: Value) -> (u16, Value) {
    let reply = send(cluster, user, request, &[("content-type", kind)], body);
    (reply.status(), reply.value())
}

fn send(cluster: &mut Cluster, user: &User, request: &str, headers: &[(&str, &str)], body: Value) -> Reply {
    let (verb, target) = request.split_once(' ').unwrap();
    let mut sent = Request::new(Method::parse(verb).unwrap(), target).with_header("user-agent", "test/1");
    for (name, value) in headers {
        sent = sent.with_header(name, value);
    }
    if !body.is_null() {
        sent = sent.with_json(&body);
    }
    handle(cluster, &sent, user, NOW)
}

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
