use super::*;

fn apply(cluster: &mut Cluster, query: &str, body: Value) -> (u16, Value) {
    let request = format!("PATCH /api/v1/namespaces/default/configmaps/x?{query}");
    ask_as(cluster, &User::admin(), &request, APPLY, body)
}

fn map(data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" }, "data": data })
}

#[test]
fn applying_makes_what_is_missing_and_says_who_owns_it() {
    let mut cluster = cluster();
    let (status, made) = apply(&mut cluster, "fieldManager=lazuli", map(json!({ "a": "1" })));
    assert_eq!(status, 201);
    assert_eq!(
        made["metadata"]["managedFields"],
        json!([{ "manager": "lazuli", "operation": "Apply", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": { "f:data": { ".": {}, "f:a": {} } } }])
    );
    let before = cluster.store.version();
    assert_eq!(apply(&mut cluster, "fieldManager=lazuli", map(json!({ "a": "1" }))).0, 200);
    assert_eq!(cluster.store.version(), before, "applying the same again changes nothing");
}

#[test]
fn a_field_of_somebody_else_is_taken_by_force_only() {
    let mut cluster = cluster();
    apply(&mut cluster, "fieldManager=lazuli", map(json!({ "a": "1", "b": "1" })));
    let patch = json!({ "data": { "a": "2" } });
    ask_as(
        &mut cluster,
        &User::admin(),
        "PATCH /api/v1/namespaces/default/configmaps/x?fieldManager=kubectl-edit",
        MERGE,
        patch,
    );
    let (status, refused) =
        apply(&mut cluster, "fieldManager=lazuli&force=false", map(json!({ "a": "1", "b": "1" })));
    assert_eq!(status, 409);
    assert_eq!(
        refused["message"],
        "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using v1 at 2026-01-01T00:00:00Z: .data.a"
    );
    assert_eq!(
        refused["details"]["causes"],
        json!([{ "reason": "FieldManagerConflict", "field": ".data.a",
            "message": "conflict with \"kubectl-edit\" using v1 at 2026-01-01T00:00:00Z" }])
    );
    let (status, after) = apply(&mut cluster, "fieldManager=lazuli&force=true", map(json!({ "a": "1" })));
    assert_eq!((status, &after["data"]), (200, &json!({ "a": "1" })), "b is no longer wanted by anybody");
    let owners = after["metadata"]["managedFields"].as_array().map(Vec::len);
    assert_eq!(owners, Some(1));
}

#[test]
fn a_dry_run_of_apply_shows_what_would_be_and_keeps_nothing() {
    let mut cluster = cluster();
    apply(&mut cluster, "fieldManager=lazuli", map(json!({ "a": "1" })));
    let (status, shown) = apply(&mut cluster, "fieldManager=lazuli&dryRun=All", map(json!({ "a": "2" })));
    assert_eq!((status, &shown["data"]["a"]), (200, &json!("2")));
    let (_, kept) = ask(&mut cluster, "GET /api/v1/namespaces/default/configmaps/x", Value::Null);
    assert_eq!(kept["data"]["a"], "1");
}

#[test]
fn yaml_is_understood() {
    let mut cluster = cluster();
    let request = Request::new(Method::Patch, "/api/v1/namespaces/default/configmaps/x?fieldManager=me")
        .with_header("content-type", APPLY);
    let request = Request {
        body: b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: \"1\"}\n".to_vec(),
        ..request
    };
    let reply = handle(&mut cluster, &request, &User::admin(), NOW);
    assert_eq!((reply.status(), &reply.value()["data"]["a"]), (201, &json!("1")));
}
