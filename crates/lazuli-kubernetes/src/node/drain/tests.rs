use std::time::Duration;

use lazuli_core::Json;
use serde_json::json;

use super::{Drain, DrainError};
use crate::node::pods::DrainRules;
use crate::scripted::{Api, Told, budget, list, ok, refuse};

fn pod(name: &str, owner: &str) -> Json {
    json!({"metadata": {"namespace": "shop", "name": name, "uid": format!("uid-{name}"),
        "ownerReferences": [{"kind": owner, "name": "set", "controller": true}]}, "spec": {}, "status": {}})
}

fn stopping(name: &str) -> Json {
    let mut pod = pod(name, "ReplicaSet");
    pod["metadata"]["deletionTimestamp"] = json!("2026-11-28T00:00:00Z");
    pod
}

fn drain(timeout: u64) -> Drain {
    Drain { rules: DrainRules::default(), timeout: Duration::from_secs(timeout), unreachable: false }
}

const PODS: &str = "/api/v1/namespaces/shop/pods";

#[tokio::test(start_paused = true)]
async fn pods_are_evicted_and_waited_for_and_a_budget_is_named() {
    let api = Api::new();
    api.on(
        "GET /api/v1/pods",
        [list(vec![pod("web-0", "ReplicaSet"), pod("web-1", "ReplicaSet"), pod("log", "DaemonSet")])],
    );
    api.on("GET /apis/apps/v1/namespaces/shop/daemonsets/set", [ok(json!({}))]);
    api.on(&format!("POST {PODS}/web-0/eviction"), [budget(), budget(), ok(json!({}))]);
    let gone = || refuse(404, "NotFound", "gone");
    let there = || ok(pod("web-0", "ReplicaSet"));
    api.on(&format!("GET {PODS}/web-0"), [there(), there(), ok(stopping("web-0")), gone()]);
    // the one that comes after web-1 has its name: the old one is gone
    let mut another = pod("web-1", "ReplicaSet");
    another["metadata"]["uid"] = json!("another");
    api.on(&format!("GET {PODS}/web-1"), [ok(stopping("web-1")), ok(another)]);
    let told = Told::default();
    drain(600).run(&api.rest(), "node-1", &told).await.unwrap();
    let eviction = api.sent().into_iter().find(|(_, line, _)| line.contains("web-0/eviction")).unwrap().2;
    assert_eq!(
        eviction,
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web-0", "namespace": "shop"},
            "deleteOptions": {"preconditions": {"uid": "uid-web-0"}}})
    );
    insta::assert_snapshot!(format!("{}\n\n{}", api.told("").join("\n"), told.lines().join("\n")));
}

#[tokio::test(start_paused = true)]
async fn when_the_time_is_over_every_pod_that_is_left_is_named() {
    let api = Api::new();
    api.on("GET /api/v1/pods", [list(vec![pod("web-0", "ReplicaSet"), pod("slow", "ReplicaSet")])]);
    api.on(&format!("POST {PODS}/web-0/eviction"), [budget()]);
    api.on(&format!("GET {PODS}/web-0"), [ok(pod("web-0", "ReplicaSet"))]);
    api.on(&format!("GET {PODS}/slow"), [ok(stopping("slow"))]);
    let error = drain(60).run(&api.rest(), "node-1", &Told::default()).await.unwrap_err();
    insta::assert_snapshot!(error.to_string());
    assert_eq!(api.told(&format!("POST {PODS}/web-0")).len(), 13, "every five seconds for a minute");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_evicted_when_a_pod_may_not_go() {
    let api = Api::new();
    let mut alone = pod("alone", "ReplicaSet");
    alone["metadata"]["ownerReferences"] = Json::Null;
    api.on("GET /api/v1/pods", [list(vec![pod("web-0", "ReplicaSet"), alone])]);
    let rules = DrainRules { force: false, ..DrainRules::default() };
    let error = Drain { rules, ..drain(60) }.run(&api.rest(), "node-1", &Told::default()).await.unwrap_err();
    assert!(matches!(&error, DrainError::Forbidden(pods) if pods[0].pod == "shop/alone"), "{error}");
    assert_eq!(api.told("POST"), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn evictions_are_of_the_version_that_the_server_knows() {
    let api = Api::new();
    api.on("GET /api/v1/pods", [list(vec![pod("web-0", "ReplicaSet")])]);
    let eviction =
        json!({"name": "pods/eviction", "group": "policy", "version": "v1beta1", "kind": "Eviction"});
    api.on("GET /api/v1", [ok(json!({"resources": [{"name": "pods"}, eviction]}))]);
    drain(60).run(&api.rest(), "node-1", &Told::default()).await.unwrap();
    let sent = api.sent().into_iter().find(|(_, line, _)| line.starts_with("POST")).unwrap();
    assert_eq!(sent.2["apiVersion"], "policy/v1beta1");
}

#[tokio::test(start_paused = true)]
async fn on_a_silent_node_pods_get_a_second_and_are_not_waited_for() {
    let api = Api::new();
    api.on("GET /api/v1/pods", [list(vec![pod("web-0", "ReplicaSet")])]);
    api.on(&format!("GET {PODS}/web-0"), [ok(stopping("web-0"))]);
    Drain { unreachable: true, ..drain(60) }.run(&api.rest(), "node-1", &Told::default()).await.unwrap();
    let (at, _, eviction) = api.sent().pop().unwrap();
    assert_eq!((at, &eviction["deleteOptions"]["gracePeriodSeconds"]), (0, &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_another_kind_ends_it() {
    let api = Api::new();
    api.on("GET /api/v1/pods", [list(vec![pod("web-0", "ReplicaSet")])]);
    api.on(&format!("POST {PODS}/web-0/eviction"), [refuse(403, "Forbidden", "a webhook says no")]);
    let error = drain(60).run(&api.rest(), "node-1", &Told::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "shop/web-0 cannot be evicted: a webhook says no");
}
