use lazuli_core::Json;
use serde_json::json;

use super::{Claims, delete_service, delete_volume, list};
use crate::scripted::{Api, Reply, Told, list as page, ok, refuse};

const PVS: &str = "/api/v1/persistentvolumes";

fn service(name: &str, spec: Json, finalizers: Json) -> Json {
    json!({"metadata": {"namespace": "shop", "name": name, "finalizers": finalizers}, "spec": spec,
        "status": {"loadBalancer": {"ingress": [{"ip": "20.1.2.3"}]}}})
}

fn volume(name: &str, driver: &str, policy: &str) -> Json {
    json!({"metadata": {"name": name}, "spec": {
        "csi": {"driver": driver, "volumeHandle": format!("/disks/{name}")}, "capacity": {"storage": "10Gi"},
        "claimRef": {"namespace": "shop", "name": "data-db-0", "uid": "u1"},
        "persistentVolumeReclaimPolicy": policy}})
}

fn gone() -> Reply {
    refuse(404, "NotFound", "not found")
}

#[tokio::test(start_paused = true)]
async fn only_what_azure_has_made_for_the_cluster_is_listed() {
    let api = Api::new();
    api.on(
        "GET /api/v1/services",
        [page(vec![
            service("web", json!({"type": "LoadBalancer"}), json!([])),
            service(
                "other-class",
                json!({"type": "LoadBalancer", "loadBalancerClass": "metallb"}),
                json!([]),
            ),
            service("inside", json!({"type": "ClusterIP"}), Json::Null),
            service(
                "going",
                json!({"type": "ClusterIP"}),
                json!(["service.kubernetes.io/load-balancer-cleanup"]),
            ),
        ])],
    );
    api.on(
        &format!("GET {PVS}"),
        [page(vec![
            volume("pvc-1", "disk.csi.azure.com", "Delete"),
            volume("pvc-2", "file.csi.azure.com", "Delete"),
            volume("pvc-3", "disk.csi.azure.com", "Retain"),
        ])],
    );
    let Claims { services, volumes } = list(&api.client()).await.unwrap();
    let ids: Vec<String> = services.iter().map(super::Service::id).collect();
    assert_eq!(ids, ["shop~web", "shop~going"]);
    let told: Vec<(&str, bool, Json)> =
        volumes.iter().map(|v| (v.name.as_str(), v.goes(), v.body())).collect();
    insta::assert_snapshot!(format!("{}\n{told:#?}", services[0].body()));
}

#[tokio::test(start_paused = true)]
async fn a_service_is_waited_for_until_its_balancer_is_gone_and_its_trouble_is_told() {
    let api = Api::new();
    let path = "GET /api/v1/namespaces/shop/services/web";
    let held = || ok(service("web", json!({"type": "LoadBalancer"}), json!([])));
    api.on(path, [held(), held(), gone()]);
    let watch = Told::default();
    delete_service(&api.rest(), "shop~web", &watch).await.unwrap();
    assert_eq!(api.told("GET").len(), 3);

    let api = Api::new();
    api.on(path, [held()]);
    let event = json!({"reason": "SyncLoadBalancerFailed", "message": "AuthorizationFailed: no role"});
    api.on("GET /api/v1/events", [page(vec![event])]);
    let error = delete_service(&api.rest(), "shop~web", &watch).await.unwrap_err();
    assert!(error.message.contains("SyncLoadBalancerFailed: AuthorizationFailed"), "{error}");
    assert!(api.sent().last().unwrap().0 < 600, "before the step's own time is over");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_gone_already_is_no_error() {
    let api = Api::new();
    api.on("DELETE /api/v1/namespaces/shop/services/web", [gone()]);
    delete_service(&api.rest(), "shop~web", &Told::default()).await.unwrap();
}

fn database() -> Api {
    let api = Api::new();
    api.on(
        "GET /api/v1/nodes",
        [page(vec![
            json!({"metadata": {"name": "n1"}, "spec": {}}),
            json!({"metadata": {"name": "n2"}, "spec": {"unschedulable": true}}),
        ])],
    );
    let claim = || ok(json!({"metadata": {"name": "data-db-0", "uid": "u1"}}));
    let going = || ok(json!({"metadata": {"name": "data-db-0", "uid": "u1", "deletionTimestamp": "x"}}));
    // in the end the controller of the pod makes a claim of the same name: another one
    let anew = || ok(json!({"metadata": {"name": "data-db-0", "uid": "u2"}}));
    api.on("GET /api/v1/namespaces/shop/persistentvolumeclaims/data-db-0", [claim(), going(), anew()]);
    let user = |name: &str, claim: &str| {
        json!({"metadata": {"name": name}, "spec": {"volumes": [
        {"name": "data", "persistentVolumeClaim": {"claimName": claim}}]}})
    };
    api.on(
        "GET /api/v1/namespaces/shop/pods",
        [page(vec![user("db-0", "data-db-0"), user("db-1", "data-db-1")]), page(vec![])],
    );
    api
}

#[tokio::test(start_paused = true)]
async fn a_volume_goes_with_its_claim_and_its_pods_once_no_pod_can_start() {
    let api = database();
    let held = || ok(volume("pvc-1", "disk.csi.azure.com", "Delete"));
    api.on(&format!("GET {PVS}/pvc-1"), [held(), held(), held(), held(), gone()]);
    let watch = Told::default();
    delete_volume(&api.rest(), "pvc-1", false, &watch).await.unwrap();
    let writes = api.sent().into_iter().map(|(_, line, _)| line).filter(|line| !line.starts_with("GET"));
    insta::assert_snapshot!(writes.collect::<Vec<_>>().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_retained_volume_goes_only_when_it_is_asked_for() {
    let api = database();
    let held = || ok(volume("pvc-1", "disk.csi.azure.com", "Retain"));
    api.on(&format!("GET {PVS}/pvc-1"), [held(), held(), gone()]);
    let error = delete_volume(&api.rest(), "pvc-1", false, &Told::default()).await.unwrap_err();
    assert_eq!(error.code, "VolumeRetained");
    let wrote = |api: &Api| api.sent().iter().any(|(_, line, _)| !line.starts_with("GET"));
    assert!(!wrote(&api), "nothing was touched");

    delete_volume(&api.rest(), "pvc-1", true, &Told::default()).await.unwrap();
    let (_, line, body) =
        api.sent().into_iter().find(|(_, line, _)| line.starts_with(&format!("PATCH {PVS}"))).unwrap();
    assert_eq!(body["spec"]["persistentVolumeReclaimPolicy"], "Delete", "{line}");
}

/// The writes of a delete of the volume, in order, with the replicas that were set.
async fn writes_of(api: &Api) -> Vec<String> {
    delete_volume(&api.rest(), "pvc-1", false, &Told::default()).await.unwrap();
    let sent = api.sent().into_iter().filter(|(_, line, _)| !line.starts_with("GET"));
    let line = |(_, line, body): (u64, String, Json)| match body["spec"]["replicas"].as_i64() {
        Some(replicas) => format!("{} replicas {replicas}", line.split('?').next().unwrap()),
        None => line.split('?').next().unwrap().to_owned(),
    };
    sent.map(line).collect()
}

fn owned(kind: &str, name: &str) -> Json {
    json!([{"kind": kind, "name": name, "controller": true}])
}

#[tokio::test(start_paused = true)]
async fn who_would_make_a_claim_anew_is_scaled_to_nothing_first() {
    let held = || ok(volume("pvc-1", "disk.csi.azure.com", "Delete"));
    let user = |owner: Json, volume: Json| json!({"metadata": {"name": "db-0", "ownerReferences": owner}, "spec": {"volumes": [volume]}});
    let claimed = json!({"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}});
    let apps = "/apis/apps/v1/namespaces/shop";

    let api = Api::new();
    api.on("GET /api/v1/nodes", [page(vec![])]);
    api.on("GET /api/v1/namespaces/shop/pods", [page(vec![user(owned("StatefulSet", "db"), claimed)])]);
    api.on(&format!("GET {apps}/statefulsets/db"), [ok(json!({"metadata": {}, "spec": {"replicas": 3}}))]);
    let claim = || ok(json!({"metadata": {"name": "data-db-0", "uid": "u1"}}));
    api.on("GET /api/v1/namespaces/shop/persistentvolumeclaims/data-db-0", [claim(), gone()]);
    api.on(&format!("GET {PVS}/pvc-1"), [held(), held(), gone()]);
    let writes = writes_of(&api).await;
    assert_eq!(
        writes,
        [
            format!("PATCH {apps}/statefulsets/db replicas 0"),
            "DELETE /api/v1/namespaces/shop/persistentvolumeclaims/data-db-0".to_owned(),
            "DELETE /api/v1/namespaces/shop/pods/db-0".to_owned(),
        ]
    );

    // A claim that lives with its pod, below a Deployment.
    let api = Api::new();
    api.on("GET /api/v1/nodes", [page(vec![])]);
    let own = json!({"metadata": {"name": "data-db", "ownerReferences": owned("ReplicaSet", "db-5d")},
        "spec": {"volumes": [{"name": "0", "ephemeral": {"volumeClaimTemplate": {}}}]}});
    api.on("GET /api/v1/namespaces/shop/pods", [page(vec![own])]);
    let set = json!({"metadata": {"ownerReferences": owned("Deployment", "db")}, "spec": {"replicas": 1}});
    api.on(&format!("GET {apps}/replicasets/db-5d"), [ok(set)]);
    api.on(&format!("GET {apps}/deployments/db"), [ok(json!({"metadata": {}, "spec": {"replicas": 1}}))]);
    api.on("GET /api/v1/namespaces/shop/persistentvolumeclaims/data-db-0", [claim(), gone()]);
    api.on(&format!("GET {PVS}/pvc-1"), [held(), held(), gone()]);
    let writes = writes_of(&api).await;
    assert_eq!(writes[0], format!("PATCH {apps}/deployments/db replicas 0"));
    assert_eq!(writes.last().unwrap(), "DELETE /api/v1/namespaces/shop/pods/data-db");
}
