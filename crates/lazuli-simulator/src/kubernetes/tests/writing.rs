use super::*;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str) -> Value {
    json!({ "metadata": { "name": name }, "data": { "a": "1" } })
}

#[test]
fn an_object_is_made_once_and_replaced_only_by_who_saw_its_latest_version() {
    let mut cluster = cluster();
    let (status, made) = ask(&mut cluster, &format!("POST {MAPS}"), map("x"));
    assert_eq!(
        (status, &made["kind"], &made["metadata"]["namespace"]),
        (201, &json!("ConfigMap"), &json!("default"))
    );
    let (status, refused) = ask(&mut cluster, &format!("POST {MAPS}"), map("x"));
    assert_eq!(status, 409);
    assert_eq!(
        refused,
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 409,
            "message": "configmaps \"x\" already exists", "reason": "AlreadyExists",
            "details": { "name": "x", "kind": "configmaps" } })
    );
    let mut newer = made.clone();
    newer["data"]["a"] = json!("2");
    assert_eq!(ask(&mut cluster, &format!("PUT {MAPS}/x"), newer.clone()).0, 200);
    let (status, refused) = ask(&mut cluster, &format!("PUT {MAPS}/x"), newer);
    assert_eq!((status, &refused["reason"]), (409, &json!("Conflict")));
    assert_eq!(
        refused["message"],
        "Operation cannot be fulfilled on configmaps \"x\": the object has been modified; please apply your changes to \
         the latest version and try again"
    );
}

#[test]
fn what_changes_nothing_leaves_the_version_alone() {
    let mut cluster = cluster();
    ask(&mut cluster, &format!("POST {MAPS}"), map("x"));
    let before = cluster.store.version();
    let patch = json!({ "data": { "a": "1" } });
    assert_eq!(ask_as(&mut cluster, &User::admin(), &format!("PATCH {MAPS}/x"), MERGE, patch).0, 200);
    assert_eq!(cluster.store.version(), before);
}

#[test]
fn a_dry_run_answers_and_keeps_nothing() {
    let mut cluster = cluster();
    let before = cluster.store.version();
    assert_eq!(ask(&mut cluster, &format!("POST {MAPS}?dryRun=All"), map("x")).0, 201);
    assert_eq!(ask(&mut cluster, &format!("GET {MAPS}/x"), Value::Null).0, 404);
    assert_eq!(cluster.store.version(), before);
    ask(&mut cluster, &format!("POST {MAPS}"), map("x"));
    let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"] });
    assert_eq!(ask(&mut cluster, &format!("DELETE {MAPS}/x"), options).0, 200);
    assert_eq!(ask(&mut cluster, &format!("GET {MAPS}/x"), Value::Null).0, 200);
    assert_eq!(ask(&mut cluster, &format!("POST {MAPS}?dryRun=Some"), map("y")).0, 400);
}

#[test]
fn a_finalizer_holds_an_object_until_it_is_done() {
    let mut cluster = cluster();
    let mut held = map("x");
    held["metadata"]["finalizers"] = json!(["example.com/wait"]);
    ask(&mut cluster, &format!("POST {MAPS}"), held);
    let (status, left) = ask(&mut cluster, &format!("DELETE {MAPS}/x"), Value::Null);
    assert_eq!((status, &left["metadata"]["deletionTimestamp"]), (200, &json!("2026-01-01T00:00:00Z")));
    let done = json!({ "metadata": { "finalizers": null } });
    assert_eq!(ask_as(&mut cluster, &User::admin(), &format!("PATCH {MAPS}/x"), MERGE, done).0, 200);
    assert_eq!(ask(&mut cluster, &format!("GET {MAPS}/x"), Value::Null).0, 404);
}

#[test]
fn a_namespace_takes_everything_in_it_along() {
    let mut cluster = cluster();
    ask(&mut cluster, "POST /api/v1/namespaces", json!({ "metadata": { "name": "team" } }));
    ask(&mut cluster, "POST /api/v1/namespaces/team/configmaps", map("x"));
    assert_eq!(ask(&mut cluster, "GET /api/v1/namespaces/team/serviceaccounts/default", Value::Null).0, 200);
    let mut held = map("held");
    held["metadata"]["finalizers"] = json!(["example.com/wait"]);
    ask(&mut cluster, "POST /api/v1/namespaces/team/configmaps", held);
    let (_, left) = ask(&mut cluster, "DELETE /api/v1/namespaces/team", Value::Null);
    assert_eq!(left["status"]["phase"], "Terminating");
    let (status, refused) = ask(&mut cluster, "POST /api/v1/namespaces/team/configmaps", map("late"));
    assert_eq!(status, 403);
    assert_eq!(
        refused["message"],
        "configmaps \"late\" is forbidden: unable to create new content in namespace team because it is being terminated"
    );
    assert_eq!(refused["details"]["causes"][0]["reason"], "NamespaceTerminating");
    let done = json!({ "metadata": { "finalizers": [] } });
    ask_as(&mut cluster, &User::admin(), "PATCH /api/v1/namespaces/team/configmaps/held", MERGE, done);
    assert_eq!(ask(&mut cluster, "GET /api/v1/namespaces/team", Value::Null).0, 404);
    let (status, refused) = ask(&mut cluster, "POST /api/v1/namespaces/team/configmaps", map("x"));
    assert_eq!((status, &refused["message"]), (404, &json!("namespaces \"team\" not found")));
}

#[test]
fn what_is_wrong_with_a_request_is_said_as_the_real_server_says_it() {
    let mut cluster = cluster();
    let mut said = Vec::new();
    for (request, kind, body) in [
        ("GET /api/v1/nodes/x", "", Value::Null),
        ("GET /apis/apps/v1/namespaces/default/deployments/x", "", Value::Null),
        ("GET /apis/apps/v1/gadgets", "", Value::Null),
        ("POST /api/v1/namespaces/default/configmaps", "application/json", json!({ "metadata": {} })),
        ("POST /api/v1/namespaces/default/configmaps", "application/json", map("Not_A_Name")),
        ("POST /api/v1/namespaces/default/configmaps", "application/vnd.kubernetes.protobuf", json!({})),
        (
            "POST /api/v1/namespaces/default/configmaps?fieldValidation=Strict",
            "application/json",
            json!({ "metadata": { "name": "x", "label": {} } }),
        ),
        (
            "POST /api/v1/namespaces/default/configmaps",
            "application/json",
            json!({ "metadata": { "name": "x", "namespace": "other" } }),
        ),
        ("PUT /api/v1/namespaces/default/configmaps/x", "application/json", map("y")),
        ("PATCH /api/v1/namespaces/default/configmaps/x", MERGE, json!({})),
        ("PUT /api/v1/namespaces/default/configmaps", "application/json", json!({})),
        ("GET /api/v1/namespaces/default/pods?fieldSelector=spec.image%3Dx", "", Value::Null),
        ("PATCH /api/v1/namespaces/default/configmaps/x?force=true", APPLY, map("x")),
        (
            "POST /api/v1/namespaces/default/pods",
            "application/json",
            json!({ "metadata": { "name": "x" }, "spec": {} }),
        ),
    ] {
        let (status, body) = ask_as(&mut cluster, &User::admin(), request, kind, body);
        said.push(format!("{request}: {status} {}", body["message"].as_str().unwrap_or("")));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn generated_names_differ() {
    let mut cluster = cluster();
    let body = json!({ "metadata": { "generateName": "x-" } });
    let (_, a) = ask(&mut cluster, &format!("POST {MAPS}"), body.clone());
    let (_, b) = ask(&mut cluster, &format!("POST {MAPS}"), body);
    assert_ne!(a["metadata"]["name"], b["metadata"]["name"]);
    assert_eq!(a["metadata"]["name"].as_str().map(str::len), Some(7));
}

#[test]
fn status_is_written_apart_from_the_rest() {
    let mut cluster = cluster();
    ask(&mut cluster, "POST /api/v1/nodes", node("w-1"));
    let patch = json!({ "spec": { "unschedulable": true }, "status": { "phase": "x" } });
    let (_, after) =
        ask_as(&mut cluster, &User::admin(), "PATCH /api/v1/nodes/w-1", STRATEGIC, patch.clone());
    assert_eq!((&after["spec"]["unschedulable"], &after["status"]["phase"]), (&json!(true), &Value::Null));
    let patch = json!({ "spec": { "unschedulable": null }, "status": { "phase": "x" } });
    let (_, after) = ask_as(&mut cluster, &User::admin(), "PATCH /api/v1/nodes/w-1/status", STRATEGIC, patch);
    assert_eq!((&after["spec"]["unschedulable"], &after["status"]["phase"]), (&json!(true), &json!("x")));
}

#[test]
fn a_custom_resource_definition_adds_a_resource_and_takes_its_objects_along() {
    let mut cluster = cluster();
    let definition = json!({ "metadata": { "name": "gadgets.example.com" }, "spec": { "group": "example.com",
        "scope": "Namespaced", "names": { "plural": "gadgets", "kind": "Gadget" },
        "versions": [{ "name": "v1", "served": true, "storage": true, "schema": {} }] } });
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let (_, made) = ask(&mut cluster, &format!("POST {crds}"), definition);
    assert_eq!(made["status"]["conditions"][1]["type"], "Established");
    let gadgets = "/apis/example.com/v1/namespaces/default/gadgets";
    let gadget = json!({ "apiVersion": "example.com/v1", "kind": "Gadget", "metadata": { "name": "g" }, "spec": { "size": 1 } });
    assert_eq!(ask(&mut cluster, &format!("POST {gadgets}"), gadget).0, 201);
    let (status, _) =
        ask_as(&mut cluster, &User::admin(), &format!("PATCH {gadgets}/g"), STRATEGIC, json!({}));
    assert_eq!(status, 415);
    let (_, groups) = ask(&mut cluster, "GET /apis/example.com/v1", Value::Null);
    assert_eq!(groups["resources"][0]["kind"], "Gadget");
    ask(&mut cluster, &format!("DELETE {crds}/gadgets.example.com"), Value::Null);
    assert_eq!(ask(&mut cluster, &format!("GET {gadgets}/g"), Value::Null).0, 404);
    assert!(cluster.store.get("example.com/v1/gadgets", "default", "g").is_none());
}

#[test]
fn a_running_pod_is_given_time_and_what_an_object_owns_goes_with_it() {
    let mut cluster = cluster();
    let pods = "/api/v1/namespaces/default/pods";
    let mut slow = pod("slow", "w-1");
    slow["spec"]["terminationGracePeriodSeconds"] = json!(30);
    cluster.store.create("v1/pods", slow, NOW);
    let (_, left) = ask(&mut cluster, &format!("DELETE {pods}/slow"), Value::Null);
    assert_eq!(left["metadata"]["deletionTimestamp"], "2026-01-01T00:00:30Z");
    let (_, left) = ask(&mut cluster, &format!("DELETE {pods}/slow"), json!({ "gracePeriodSeconds": 0 }));
    assert_eq!(left["metadata"]["name"], "slow");
    assert_eq!(ask(&mut cluster, &format!("GET {pods}/slow"), Value::Null).0, 404);

    let set = json!({ "metadata": { "name": "web", "namespace": "default" }, "spec": {} });
    let set = cluster.store.create("apps/v1/replicasets", set, NOW);
    let mut owned = pod("owned", "");
    owned["metadata"]["ownerReferences"][0]["uid"] = set["metadata"]["uid"].clone();
    cluster.store.create("v1/pods", owned, NOW);
    ask(&mut cluster, "DELETE /apis/apps/v1/namespaces/default/replicasets/web", Value::Null);
    assert_eq!(ask(&mut cluster, &format!("GET {pods}/owned"), Value::Null).0, 404);
}
