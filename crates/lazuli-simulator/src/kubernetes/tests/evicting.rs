use super::*;

const EVICTION: &str = "/api/v1/namespaces/default/pods/web-1/eviction";

fn eviction(options: Value) -> Value {
    json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "web-1", "namespace": "default" },
        "deleteOptions": options })
}

fn cluster_with(budget: Value) -> Cluster {
    let mut cluster = cluster();
    cluster.store.create("v1/pods", pod("web-1", "w-1"), NOW);
    cluster.store.create("v1/pods", pod("web-2", "w-2"), NOW);
    cluster.store.create("policy/v1/poddisruptionbudgets", budget, NOW);
    cluster
}

fn exists(cluster: &Cluster) -> bool {
    cluster.store.get("v1/pods", "default", "web-1").is_some()
}

#[test]
fn a_budget_without_room_refuses_as_the_real_server_does() {
    let mut cluster = cluster_with(budget(0, 2, 2));
    let (status, body) = ask(&mut cluster, &format!("POST {EVICTION}"), eviction(json!({})));
    assert_eq!(status, 429);
    assert_eq!(
        body,
        json!({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Cannot evict pod as it would violate the pod's disruption budget.","reason":"TooManyRequests","details":{"causes":[{"reason":"DisruptionBudget","message":"The disruption budget web needs 2 healthy pods and has 2 currently"}]},"code":429})
    );
    assert!(exists(&cluster));
}

#[test]
fn each_eviction_takes_from_the_budget() {
    let mut cluster = cluster_with(budget(1, 2, 1));
    let (status, body) = ask(&mut cluster, &format!("POST {EVICTION}"), eviction(json!({})));
    assert_eq!((status, &body["status"]), (201, &json!("Success")));
    assert!(!exists(&cluster));
    let (status, _) = ask(
        &mut cluster,
        "POST /api/v1/namespaces/default/pods/web-2/eviction",
        json!({ "metadata": { "name": "web-2" } }),
    );
    assert_eq!(status, 429);
    let (status, _) = ask(&mut cluster, &format!("POST {EVICTION}"), eviction(json!({})));
    assert_eq!(status, 404);
}

#[test]
fn a_dry_run_evicts_nobody_but_a_misspelt_one_does() {
    let mut cluster = cluster_with(budget(1, 2, 1));
    let (status, _) = ask(&mut cluster, &format!("POST {EVICTION}"), eviction(json!({ "dryRun": ["All"] })));
    assert_eq!((status, exists(&cluster)), (201, true));
    // The real server ignores fields it does not know, and so evicts.
    let misspelt = json!({ "metadata": { "name": "web-1" }, "delete_options": { "dryRun": ["All"] } });
    let (status, _) = ask(&mut cluster, &format!("POST {EVICTION}"), misspelt);
    assert_eq!((status, exists(&cluster)), (201, false));
}

#[test]
fn a_pod_that_is_not_ready_does_not_count_while_enough_others_are() {
    let mut cluster = cluster_with(budget(0, 2, 2));
    cluster.store.edit("v1/pods", "default", "web-1", |pod| {
        pod["status"]["conditions"][0]["status"] = json!("False");
    });
    assert_eq!(ask(&mut cluster, &format!("POST {EVICTION}"), eviction(json!({}))).0, 201);
}

#[test]
fn a_budget_that_nobody_has_looked_at_yet_refuses() {
    let mut fresh = budget(1, 2, 1);
    fresh["status"] = json!({});
    let mut cluster = cluster_with(fresh);
    let (status, body) = ask(&mut cluster, &format!("POST {EVICTION}"), eviction(json!({})));
    assert_eq!(status, 429);
    assert_eq!(
        body["details"]["causes"][0]["message"],
        "The disruption budget web is still being processed by the server."
    );
}
