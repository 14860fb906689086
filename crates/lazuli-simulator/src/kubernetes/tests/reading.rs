use super::*;
use crate::kubernetes::Watch;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

#[test]
fn a_list_comes_in_pages_and_goes_on_where_it_stopped() {
    let mut cluster = cluster();
    for at in 0..5 {
        cluster.store.create("v1/nodes", node(&format!("w-{at}")), NOW);
    }
    let (_, first) = ask(&mut cluster, "GET /api/v1/nodes?limit=2", Value::Null);
    assert_eq!((&first["kind"], &first["metadata"]["remainingItemCount"]), (&json!("NodeList"), &json!(3)));
    cluster.store.create("v1/nodes", node("w-9"), NOW);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, rest) = ask(&mut cluster, &format!("GET /api/v1/nodes?limit=9&continue={token}"), Value::Null);
    let names: Vec<&str> =
        rest["items"].as_array().unwrap().iter().map(|n| n["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["w-2", "w-3", "w-4", "w-9"]);
    assert_eq!(rest["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let (status, _) = ask(&mut cluster, "GET /api/v1/nodes?continue=nonsense", Value::Null);
    assert_eq!(status, 400);
}

#[test]
fn kubectl_gets_tables() {
    let mut cluster = cluster();
    let mut cordoned = node("w-1");
    cordoned["spec"] = json!({ "unschedulable": true });
    cordoned["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = json!("");
    cluster.store.create("v1/nodes", cordoned, NOW - 125_000);
    cluster.store.create("v1/pods", pod("web-1", "w-1"), NOW - 3_600_000);
    let mut rows = Vec::new();
    for path in [
        "/api/v1/nodes",
        "/api/v1/namespaces/default/pods",
        "/api/v1/namespaces/default/pods/web-1",
        "/api/v1/namespaces",
    ] {
        let table =
            send(&mut cluster, &User::admin(), &format!("GET {path}"), &[("accept", TABLE)], Value::Null)
                .value();
        assert_eq!(table["kind"], "Table");
        rows.push(format!("{path} {}", table["rows"][0]["cells"]));
    }
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn discovery_says_the_same_in_both_forms() {
    let mut cluster = cluster();
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let core = send(&mut cluster, &User::admin(), "GET /api", &[("accept", accept)], Value::Null).value();
    let pods = core["items"][0]["versions"][0]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|resource| resource["resource"] == "pods")
        .unwrap();
    assert_eq!(
        pods["subresources"][0],
        json!({ "subresource": "eviction", "verbs": ["create"],
        "responseKind": { "group": "policy", "version": "v1", "kind": "Eviction" } })
    );
    let (_, legacy) = ask(&mut cluster, "GET /api/v1", Value::Null);
    let names: Vec<&str> =
        legacy["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"pods/eviction") && names.contains(&"nodes/status"), "{names:?}");
    let (_, groups) = ask(&mut cluster, "GET /apis", Value::Null);
    let named: Vec<&str> =
        groups["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert!(named.contains(&"policy") && !named.contains(&""), "{named:?}");
}

fn watch(cluster: &mut Cluster, query: &str) -> Box<Watch> {
    match send(cluster, &User::admin(), &format!("GET /api/v1/pods?watch=true&{query}"), &[], Value::Null) {
        Reply::Watch(watch) => watch,
        other => panic!("{other:?}"),
    }
}

fn told(events: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    events
        .iter()
        .map(|e| format!("{} {}", text(&e["type"]), text(&e["object"]["metadata"]["name"])))
        .collect()
}

#[test]
fn a_watch_tells_what_enters_changes_and_leaves_its_selection() {
    let mut cluster = cluster();
    cluster.store.create("v1/pods", pod("old", "w-1"), NOW);
    let from = cluster.store.version();
    let mut here = watch(&mut cluster, &format!("resourceVersion={from}&fieldSelector=spec.nodeName%3Dw-1"));
    let mut all = watch(&mut cluster, "");
    assert_eq!(told(&all.events(&cluster.store, NOW)), ["ADDED old"]);
    cluster.store.create("v1/pods", pod("new", "w-1"), NOW);
    cluster.store.create("v1/pods", pod("elsewhere", "w-2"), NOW);
    cluster.store.edit("v1/pods", "default", "new", |pod| pod["status"]["phase"] = json!("Failed"));
    cluster.store.edit("v1/pods", "default", "old", |pod| pod["spec"]["nodeName"] = json!("w-2"));
    cluster.store.remove("v1/pods", "default", "new");
    assert_eq!(
        told(&here.events(&cluster.store, NOW)),
        ["ADDED new", "MODIFIED new", "DELETED old", "DELETED new"]
    );
    assert!(here.events(&cluster.store, NOW).is_empty());
    assert_eq!(all.events(&cluster.store, NOW).len(), 5);
}

#[test]
fn a_watch_that_slept_too_long_is_told_to_list_again() {
    let mut cluster = cluster();
    let mut watch = watch(&mut cluster, "resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=100");
    assert!(watch.events(&cluster.store, NOW).is_empty());
    let bookmark = watch.events(&cluster.store, NOW + 60_000);
    assert_eq!(bookmark[0]["type"], "BOOKMARK");
    assert!(watch.is_over(NOW + 100_000));
    let restarted: Value = serde_json::to_value(&cluster).unwrap();
    let mut cluster: Cluster = serde_json::from_value(restarted).unwrap();
    let mut watch = self::watch(&mut cluster, "resourceVersion=1");
    let events = watch.events(&cluster.store, NOW);
    assert_eq!(events[0]["type"], "ERROR");
    assert_eq!(
        (&events[0]["object"]["code"], &events[0]["object"]["reason"]),
        (&json!(410), &json!("Expired"))
    );
}

#[test]
fn a_thousand_nodes_and_their_pods_are_listed_quickly() {
    let mut cluster = cluster();
    for at in 0..1000 {
        cluster.store.create("v1/nodes", node(&format!("w-{at}")), NOW);
        for pod_at in 0..5 {
            cluster.store.create("v1/pods", pod(&format!("p-{at}-{pod_at}"), &format!("w-{at}")), NOW);
        }
    }
    let began = std::time::Instant::now();
    for _ in 0..20 {
        let reply = send(&mut cluster, &User::admin(), "GET /api/v1/nodes", &[], Value::Null);
        assert_eq!(reply.status(), 200);
        let reply = send(
            &mut cluster,
            &User::admin(),
            "GET /api/v1/pods?fieldSelector=spec.nodeName%3Dw-7",
            &[],
            Value::Null,
        );
        assert_eq!(reply.value()["items"].as_array().map(Vec::len), Some(5));
    }
    // Unoptimised and on a busy machine; the point is that nothing is quadratic.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
