use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use lazuli_core::Json;
use lazuli_core::provider::Outcome;
use lazuli_core::resource::ResourceId;
use serde_json::json;
use time::macros::datetime;

use super::{Cluster, create, delete, update};
use crate::api::{BootLog, LoadBalancer, NoBootLog, NoLoadBalancer};
use crate::keyring::ClusterId;
use crate::node::Lists;
use crate::node::registration::tests::keys;
use crate::scripted::{Api, FakeEtcd, Reply, Told, budget, list, ok, refuse};

fn cluster(api: &Api, etcd: &FakeEtcd) -> Cluster {
    let id = ResourceId::new(
        "/subscriptions/s/resourceGroups/g/providers/Lazuli.Kubernetes/clusters/prod/members/x",
    );
    Cluster {
        id: ClusterId::of(&id).unwrap(),
        rest: api.rest(),
        keys: keys(),
        exec: Arc::new(etcd.clone()),
        load_balancer: Arc::new(NoLoadBalancer),
        leaving: Default::default(),
        lists: Lists::default(),
        now: Arc::new(|| datetime!(2026-11-28 12:00 UTC)),
        drain_timeout: None,
    }
}

const VM: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/";

fn body(name: &str, more: Json) -> Json {
    let mut properties = json!({"node": name, "role": "worker", "version": "v1.34.2", "zone": "eastus2-1",
        "labels": {"pool": "general"}, "taints": [], "cordoned": false, "providerId": format!("azure://{VM}{name}"),
        "drainTimeoutSeconds": 60, "startupTimeoutSeconds": 1200, "minReadySeconds": 0});
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"properties": properties})
}

fn node(name: &str, ready: &str, message: &str) -> Json {
    json!({
        "metadata": {"name": name, "resourceVersion": "1", "creationTimestamp": "2026-11-28T11:00:00Z",
            "labels": {"topology.kubernetes.io/zone": "eastus2-1", "pool": "general"}},
        "spec": {"providerID": format!("azure://{VM}{name}")},
        "status": {"nodeInfo": {"kubeletVersion": "v1.34.2"},
            "conditions": [{"type": "Ready", "status": ready, "message": message}]},
    })
}

fn control_plane(name: &str, made: &str) -> Json {
    let mut node = node(name, "True", "");
    node["metadata"]["creationTimestamp"] = json!(made);
    node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = json!("");
    node
}

fn member_of(mut node: Json, body: &Json) -> Json {
    node["metadata"]["annotations"] = json!({"lazuli.dev/member": body["properties"].to_string()});
    node
}

const NETWORK: &str = "container runtime network not ready: NetworkReady=false";

#[tokio::test(start_paused = true)]
async fn a_node_is_waited_for_and_its_token_taken_back() {
    let api = Api::new();
    let wanted = body("web-1", json!({"labels": {"pool": "general", "node-role.kubernetes.io/worker": ""}}));
    let mut labelled = node("web-1", "True", "");
    labelled["metadata"]["labels"]["node-role.kubernetes.io/worker"] = json!("");
    api.on(
        "GET /api/v1/nodes",
        [
            Reply::Unreachable,
            list(vec![]),
            list(vec![node("web-1", "False", NETWORK)]),
            list(vec![labelled.clone()]),
        ],
    );
    api.on("PATCH /api/v1/nodes/web-1", [ok(labelled.clone()), ok(member_of(labelled, &wanted))]);
    let told = Told::default();
    let made = create(&cluster(&api, &FakeEtcd::default()), &wanted, &NoBootLog, &told).await.unwrap();
    assert_eq!(made["properties"]["ready"], true);
    let patches: Vec<Json> = api
        .sent()
        .into_iter()
        .filter(|(_, line, _)| line.starts_with("PATCH /api/v1/nodes"))
        .map(|sent| sent.2)
        .collect();
    assert_eq!(patches[0]["metadata"]["labels"], json!({"node-role.kubernetes.io/worker": ""}));
    assert_eq!(api.told("DELETE").len(), 1);
    assert_eq!(
        told.lines(),
        [
            "joining: waiting for the kubelet to register",
            "joining: kubelet registered, waiting for the network",
        ]
    );
}

struct Log;

#[async_trait::async_trait]
impl BootLog for Log {
    async fn read(&self, vm: &ResourceId) -> Option<String> {
        Some(format!("{}\n[ 12.3] kubeadm: error: token expired ({})\n", "noise\n".repeat(100), vm.name()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_never_joins_says_why_with_its_boot_log_and_its_token_is_kept_alive() {
    let api = Api::new();
    api.on("GET /api/v1/nodes", [list(vec![])]);
    let wanted = body("web-1", json!({}));
    let error =
        create(&cluster(&api, &FakeEtcd::default()), &wanted, &Log, &Told::default()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.outcome), ("NodeNotReady", Outcome::Nothing));
    let lines: Vec<&str> = error.message.lines().collect();
    assert_eq!(
        lines[0],
        "the node web-1 did not become ready: after 1200 s it is still waiting for the kubelet to register"
    );
    assert_eq!(*lines.last().unwrap(), "[ 12.3] kubeadm: error: token expired (web-1)");
    assert!(lines.len() < 30, "{}", lines.len());
    // At once, since nobody knows how long its machine took to be made, and then again and again.
    let renewed = api.told("PATCH /api/v1/namespaces/kube-system/secrets/bootstrap-token");
    let at: Vec<&str> = renewed.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(at, ["0", "604"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_with_another_version_is_not_waited_for() {
    let api = Api::new();
    api.on("GET /api/v1/nodes", [list(vec![node("web-1", "True", "")])]);
    let wanted = body("web-1", json!({"version": "v1.35.0"}));
    let error = create(&cluster(&api, &FakeEtcd::default()), &wanted, &NoBootLog, &Told::default())
        .await
        .unwrap_err();
    insta::assert_snapshot!(error.to_string());
    assert_eq!(api.told("GET").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_must_stay_ready() {
    let api = Api::new();
    let nodes = |ready: &str| list(vec![node("web-1", ready, "disk")]);
    api.on("GET /api/v1/nodes", [nodes("True"), nodes("False"), nodes("True")]);
    // it is ready in time, and then has all of its thirty seconds
    let wanted = body("web-1", json!({"minReadySeconds": 30, "startupTimeoutSeconds": 10}));
    api.on("PATCH /api/v1/nodes/web-1", [ok(member_of(node("web-1", "True", ""), &wanted))]);
    create(&cluster(&api, &FakeEtcd::default()), &wanted, &NoBootLog, &Told::default()).await.unwrap();
    let patched = api.sent().into_iter().find(|(_, line, _)| line.starts_with("PATCH")).unwrap().0;
    assert!((30..40).contains(&patched), "{patched}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_nodes_are_waited_for_with_few_lists() {
    let api = Api::new();
    let name = |i: usize| format!("web-{i}");
    let all = |ready: &str| list((0..1000).map(|i| node(&name(i), ready, NETWORK)).collect());
    api.on("GET /api/v1/nodes", std::iter::repeat_n(all("False"), 10).chain([all("True")]));
    let cluster = cluster(&api, &FakeEtcd::default());
    let told = Told::default();
    let bodies: Vec<Json> = (0..1000).map(|i| body(&name(i), json!({}))).collect();
    for (i, body) in bodies.iter().enumerate() {
        let made = member_of(node(&name(i), "True", ""), body);
        api.on(&format!("PATCH /api/v1/nodes/{}", name(i)), [ok(made)]);
    }
    let made = join_all(bodies.iter().map(|body| create(&cluster, body, &NoBootLog, &told))).await;
    assert!(made.iter().all(Result::is_ok));
    assert_eq!(api.told("GET /api/v1/nodes").len(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_node_waits_for_its_pods_and_its_vote() {
    let api = Api::new();
    let wanted = body("cp-2", json!({"role": "control_plane", "labels": {}}));
    let there = control_plane("cp-2", "2026-11-28T12:00:00Z");
    api.on("GET /api/v1/nodes", [list(vec![control_plane("cp-1", "2026-11-28T11:00:00Z"), there.clone()])]);
    let pod = |name: &str| {
        ok(json!({"metadata": {"name": format!("{name}-cp-2")},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}))
    };
    for name in crate::node::readiness::STATIC_PODS {
        let path = format!("GET /api/v1/namespaces/kube-system/pods/{name}-cp-2");
        let late = (name == "etcd").then(|| refuse(404, "NotFound", "no"));
        api.on(&path, late.into_iter().chain([pod(name)]));
    }
    api.on("PATCH /api/v1/nodes/cp-2", [ok(member_of(there, &wanted))]);
    let etcd = FakeEtcd::of(&["cp-1", "cp-2"]);
    etcd.state().members[1].2 = true;
    let (told, cluster) = (Told::default(), cluster(&api, &etcd));
    let promote = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        etcd.state().members[1].2 = false;
    };
    let (made, ()) = tokio::join!(create(&cluster, &wanted, &NoBootLog, &told), promote);
    made.unwrap();
    assert_eq!(
        told.lines(),
        [
            "joining: kubelet registered, waiting for etcd",
            "joining: kubelet registered, waiting for etcd to be filled",
        ]
    );
    assert_eq!(api.told("DELETE /api/v1/namespaces/kube-system/secrets").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn labels_are_changed_in_place_and_a_conflict_is_tried_again() {
    let api = Api::new();
    let before = body("web-1", json!({"labels": {"pool": "general", "old": "1"}}));
    let after = body("web-1", json!({"labels": {"pool": "gpu"}, "cordoned": true}));
    let mut live = member_of(node("web-1", "True", ""), &before);
    live["metadata"]["labels"]["old"] = json!("1");
    api.on("GET /api/v1/nodes/web-1", [ok(live)]);
    let conflict = refuse(409, "Conflict", "the object has been modified");
    api.on("PATCH /api/v1/nodes/web-1", [conflict, ok(member_of(node("web-1", "True", ""), &after))]);
    update(&cluster(&api, &FakeEtcd::default()), &after, Some(&before)).await.unwrap();
    let patch = api.sent().pop().unwrap().2;
    assert_eq!(patch["metadata"]["labels"], json!({"pool": "gpu", "old": null}));
    assert_eq!(patch["spec"], json!({"unschedulable": true}));
    assert!(patch["metadata"]["annotations"]["lazuli.dev/member"].is_string());
}

fn pod(name: &str) -> Json {
    json!({"metadata": {"namespace": "shop", "name": name, "uid": name,
        "ownerReferences": [{"kind": "ReplicaSet", "name": "x", "controller": true}]}})
}

#[tokio::test(start_paused = true)]
async fn a_worker_leaves_cordoned_drained_and_without_volumes() {
    let api = Api::new();
    let found = member_of(node("web-1", "True", ""), &body("web-1", json!({})));
    api.on("GET /api/v1/nodes/web-1", [ok(found)]);
    api.on("GET /api/v1/nodes", [list(vec![])]);
    api.on("GET /api/v1/pods", [list(vec![pod("web")])]);
    let attached = json!({"spec": {"nodeName": "web-1", "source": {"persistentVolumeName": "pvc-1"}}});
    api.on("GET /apis/storage.k8s.io/v1/volumeattachments", [list(vec![attached]), list(vec![])]);
    let told = Told::default();
    delete(&cluster(&api, &FakeEtcd::default()), "web-1", false, &told).await.unwrap();
    insta::assert_snapshot!(format!("{}\n\n{}", api.told("").join("\n"), told.lines().join("\n")));
    let last = api.sent().pop().unwrap();
    assert_eq!(last.2, json!({"metadata": {"annotations": {"lazuli.dev/member": null}}}));
}

#[tokio::test(start_paused = true)]
async fn volumes_of_pods_that_stay_are_not_waited_for() {
    let api = Api::new();
    let found = member_of(node("web-1", "True", ""), &body("web-1", json!({})));
    api.on("GET /api/v1/nodes/web-1", [ok(found)]);
    api.on("GET /api/v1/nodes", [list(vec![])]);
    let mut cache = pod("cache-x");
    cache["metadata"]["ownerReferences"][0]["kind"] = json!("DaemonSet");
    cache["spec"]["volumes"] = json!([{"name": "scratch", "ephemeral": {}},
        {"name": "own", "persistentVolumeClaim": {"claimName": "own"}}]);
    api.on("GET /apis/apps/v1/namespaces/shop/daemonsets/x", [ok(json!({}))]);
    api.on("GET /api/v1/pods", [list(vec![cache])]);
    let claim = |volume: &str| ok(json!({"spec": {"volumeName": volume}}));
    api.on("GET /api/v1/namespaces/shop/persistentvolumeclaims/cache-x-scratch", [claim("pvc-1")]);
    api.on("GET /api/v1/namespaces/shop/persistentvolumeclaims/own", [claim("pvc-2")]);
    let of =
        |volume: &str| json!({"spec": {"nodeName": "web-1", "source": {"persistentVolumeName": volume}}});
    let staying = vec![of("pvc-1"), of("pvc-2")];
    let leaving = [staying.clone(), vec![of("pvc-3")]].concat();
    api.on("GET /apis/storage.k8s.io/v1/volumeattachments", [list(leaving), list(staying)]);
    let told = Told::default();
    delete(&cluster(&api, &FakeEtcd::default()), "web-1", false, &told).await.unwrap();
    let waited: Vec<String> = told.lines().into_iter().filter(|line| line.contains("volumes")).collect();
    assert_eq!(waited.len(), 1, "{waited:?}");
    assert!(waited[0].ends_with("waiting for volumes to be detached: pvc-3"), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_takes_too_long_names_the_budget_and_how_to_go_on() {
    let api = Api::new();
    let found = member_of(node("web-1", "True", ""), &body("web-1", json!({})));
    api.on("GET /api/v1/nodes/web-1", [ok(found)]);
    api.on("GET /api/v1/nodes", [list(vec![])]);
    api.on("GET /api/v1/pods", [list(vec![pod("web")])]);
    api.on("POST /api/v1/namespaces/shop/pods/web/eviction", [budget()]);
    api.on("GET /api/v1/namespaces/shop/pods/web", [ok(pod("web"))]);
    let error =
        delete(&cluster(&api, &FakeEtcd::default()), "web-1", false, &Told::default()).await.unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.advice.clone().unwrap_or_default()));
    assert_eq!(api.told("PATCH").len(), 1, "it stays cordoned");
}

fn three(api: &Api) {
    let nodes = [
        control_plane("cp-1", "2026-11-28T09:00:00Z"),
        control_plane("cp-2", "2026-11-28T10:00:00Z"),
        control_plane("cp-3", "2026-11-28T11:00:00Z"),
    ];
    let body = body("cp-1", json!({"role": "control_plane"}));
    api.on("GET /api/v1/nodes/cp-1", [ok(member_of(nodes[0].clone(), &body))]);
    api.on("GET /api/v1/nodes", [list(nodes.to_vec())]);
    api.on("GET /api/v1/pods", [list(vec![])]);
    api.on("GET /apis/storage.k8s.io/v1/volumeattachments", [list(vec![])]);
}

#[tokio::test(start_paused = true)]
async fn the_leader_hands_over_to_the_newest_before_it_leaves() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1", "cp-2", "cp-3"]));
    three(&api);
    delete(&cluster(&api, &etcd), "cp-1", true, &Told::default()).await.unwrap();
    assert_eq!(etcd.state().changes, ["cp-1: move-leader 3", "cp-3: member remove 1"]);
    assert_eq!(etcd.state().members.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_nobody_can_log_in_to_leaves_as_it_is() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1", "cp-2", "cp-3"]));
    three(&api);
    etcd.state().silent.push("cp-1");
    let told = Told::default();
    delete(&cluster(&api, &etcd), "cp-1", true, &told).await.unwrap();
    assert_eq!(etcd.state().changes, ["cp-3: member remove 1"]);
    assert!(
        told.lines().iter().any(|line| line.contains("its leadership stays until it is out")),
        "{:?}",
        told.lines()
    );
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_etcd_takes_for_unhealthy_is_asked_again() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1", "cp-2", "cp-3"]));
    three(&api);
    etcd.state().leader = 2;
    etcd.state().refusals.extend(["etcdserver: unhealthy cluster"; 3]);
    delete(&cluster(&api, &etcd), "cp-1", true, &Told::default()).await.unwrap();
    assert_eq!(etcd.state().changes.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_evicted_when_etcd_would_lose_its_quorum() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1", "cp-2", "cp-3"]));
    three(&api);
    etcd.state().members[1].3 = false;
    let error = delete(&cluster(&api, &etcd), "cp-1", true, &Told::default()).await.unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.advice.clone().unwrap_or_default()));
    assert_eq!(error.outcome, Outcome::Nothing);
    assert!(api.told("PATCH").is_empty() && etcd.state().changes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_control_plane_node_leaves_etcd_though_nothing_on_it_answers() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1", "cp-2", "cp-3"]));
    let mut dead = control_plane("cp-1", "2026-11-28T09:00:00Z");
    dead["status"]["conditions"][0]["status"] = json!("Unknown");
    let body = body("cp-1", json!({"role": "control_plane"}));
    api.on("GET /api/v1/nodes/cp-1", [ok(member_of(dead, &body))]);
    three(&api);
    etcd.state().members[0].3 = false;
    etcd.state().leader = 2;
    delete(&cluster(&api, &etcd), "cp-1", true, &Told::default()).await.unwrap();
    assert_eq!(etcd.state().changes, ["cp-3: member remove 1"]);
    assert!(api.told("GET /apis/storage.k8s.io").is_empty(), "nobody there could detach a volume");
}

#[tokio::test(start_paused = true)]
async fn a_member_of_etcd_leaves_though_its_node_was_removed_by_hand() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-0", "cp-2", "cp-3"]));
    three(&api);
    etcd.state().members[0].3 = false;
    etcd.state().leader = 2;
    delete(&cluster(&api, &etcd), "cp-0", true, &Told::default()).await.unwrap();
    assert_eq!(etcd.state().changes, ["cp-3: member remove 1"]);
    assert!(api.told("PATCH").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_member_of_etcd_whose_machine_was_deleted_makes_room_for_the_next_one() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-0", "cp-2", "cp-3"]));
    three(&api);
    let told = Told::default();
    super::make_room(&cluster(&api, &etcd), &told).await.unwrap();
    assert!(etcd.state().changes.is_empty(), "it answers, whatever its node is called");
    etcd.state().members[0].3 = false;
    etcd.state().leader = 2;
    super::make_room(&cluster(&api, &etcd), &told).await.unwrap();
    assert_eq!(etcd.state().changes, ["cp-3: member remove 1"]);
    assert!(told.lines()[0].starts_with("taking cp-0 out of etcd"), "{:?}", told.lines());
    // The node is there, so the machine may come back.
    etcd.state().members[0].3 = false;
    super::make_room(&cluster(&api, &etcd), &told).await.unwrap();
    assert_eq!(etcd.state().changes.len(), 1);
    // Unless it is the one whose place is to be taken.
    etcd.state().members.push(("cp-1".to_owned(), 7, false, true));
    let of = Cluster { leaving: ["cp-2".to_owned()].into(), ..cluster(&api, &etcd) };
    super::make_room(&of, &told).await.unwrap();
    assert_eq!(etcd.state().changes[1..], ["cp-3: member remove 2"]);
}

/// Remembers what etcd was like when a node was taken out.
struct Balancer(FakeEtcd, std::sync::Mutex<Vec<(String, usize)>>);

#[async_trait::async_trait]
impl LoadBalancer for Balancer {
    async fn take_out(&self, _cluster: &ClusterId, node: &str) -> Result<(), String> {
        tokio::time::sleep(Duration::from_secs(40)).await;
        let members = self.0.state().members.len();
        self.1.lock().unwrap().push((node.to_owned(), members));
        if members == 2 { Err("403 Forbidden".to_owned()) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn connections_stop_before_etcd_is_left_and_one_that_cannot_be_asked_stops_nothing() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1", "cp-2", "cp-3"]));
    three(&api);
    let balancer = Arc::new(Balancer(etcd.clone(), Default::default()));
    let of = Cluster { load_balancer: balancer.clone(), ..cluster(&api, &etcd) };
    delete(&of, "cp-1", true, &Told::default()).await.unwrap();
    let told = Told::default();
    delete(&of, "cp-2", true, &told).await.unwrap();
    delete(&of, "web-1", false, &told).await.unwrap();
    assert_eq!(*balancer.1.lock().unwrap(), [("cp-1".to_owned(), 3), ("cp-2".to_owned(), 2)]);
    assert!(told.lines().iter().any(|line| line.contains("403 Forbidden")), "{:?}", told.lines());
    // Who may not leave keeps its connections.
    delete(&of, "cp-3", true, &told).await.unwrap_err();
    assert_eq!(balancer.1.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_member_of_etcd_that_never_starts_makes_room_and_one_that_is_late_stays() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1", "cp-2", "cp-3"]));
    three(&api);
    let (of, told) = (cluster(&api, &etcd), Told::default());
    let late = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        let mut state = etcd.state();
        (state.members[3].0, state.members[3].3) = ("cp-4".to_owned(), true);
    };
    etcd.state().members.push((String::new(), 4, true, false));
    let (made, ()) = tokio::join!(super::make_room(&of, &told), late);
    made.unwrap();
    assert!(etcd.state().changes.is_empty(), "it has come: {:?}", etcd.state().changes);
    assert_eq!(told.lines(), ["waiting for the member of etcd at 10.0.0.4 to start"]);
    etcd.state().members.pop();

    for learner in [true, false] {
        etcd.state().changes.clear();
        etcd.state().members.push((String::new(), 5, learner, false));
        let begun = tokio::time::Instant::now();
        super::make_room(&of, &told).await.unwrap();
        assert_eq!(etcd.state().changes, ["cp-3: member remove 5"], "learner: {learner}");
        assert!(
            begun.elapsed() >= Duration::from_secs(300),
            "kubeadm may still start it: {:?}",
            begun.elapsed()
        );
        assert_eq!(
            told.lines().last().unwrap(),
            "taking the member at 10.0.0.5 out of etcd: it never started"
        );
    }
    // Never at the price of the quorum: two that answer of four are none.
    etcd.state().changes.clear();
    etcd.state().members.push((String::new(), 6, false, false));
    etcd.state().members[0].3 = false;
    let error = super::make_room(&of, &told).await.unwrap_err();
    assert!(error.message.contains("lost its quorum: 2 of 4"), "{error}");
    assert!(etcd.state().changes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_member_of_etcd_never_started_takes_it_along() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1", "cp-2", "cp-3"]));
    let mut broken = control_plane("cp-4", "2026-11-28T11:30:00Z");
    broken["status"]["addresses"] = json!([{"type": "InternalIP", "address": "10.0.0.4"}]);
    let others = ["cp-1", "cp-2", "cp-3"].map(|name| control_plane(name, "2026-11-28T09:00:00Z"));
    let body = body("cp-4", json!({"role": "control_plane"}));
    api.on("GET /api/v1/nodes/cp-4", [ok(member_of(broken.clone(), &body))]);
    api.on("GET /api/v1/nodes", [list(others.into_iter().chain([broken]).collect())]);
    three(&api);
    etcd.state().members.push((String::new(), 4, true, false));
    let begun = tokio::time::Instant::now();
    delete(&cluster(&api, &etcd), "cp-4", true, &Told::default()).await.unwrap();
    assert!(etcd.state().changes[0].ends_with("member remove 4"), "{:?}", etcd.state().changes);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_last_member_of_etcd_never_leaves() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1"]));
    three(&api);
    let error = delete(&cluster(&api, &etcd), "cp-1", true, &Told::default()).await.unwrap_err();
    assert_eq!(error.code, "EtcdQuorum");
    assert!(error.message.contains("last member"), "{error}");
    assert!(api.told("PATCH").is_empty() && etcd.state().changes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_cut_off_is_not_the_one_that_is_asked() {
    let (api, etcd) = (Api::new(), FakeEtcd::of(&["cp-1", "cp-2", "cp-3"]));
    three(&api);
    etcd.state().leader = 2;
    etcd.state().cut_off = vec!["cp-3"];
    delete(&cluster(&api, &etcd), "cp-1", true, &Told::default()).await.unwrap();
    assert_eq!(etcd.state().changes, ["cp-2: member remove 1"]);
    etcd.state().cut_off = vec!["cp-1", "cp-2", "cp-3"];
    let error = delete(&cluster(&api, &etcd), "cp-1", true, &Told::default()).await.unwrap_err();
    assert!(
        error.message.ends_with("etcd refused `member list -w json`: context deadline exceeded"),
        "{error}"
    );
}
