//! What happens in a cluster from day to day.

use serde_json::{Value, json};

use super::stage::{HOST, Stage, compute, net};
use crate::kubernetes::exec::exec;

fn labels(app: &str) -> Value {
    json!({ "app": app })
}

fn workload(kind: &str, name: &str, replicas: u64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name, "namespace": "default" },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": labels(name) },
            "template": { "metadata": { "labels": labels(name) }, "spec": { "containers": [{ "name": "c", "image": format!("example/{name}:1") }] } },
        },
    })
}

/// A daemon on every node, with the image of a program.
fn daemon(name: &str, image: &str) -> Value {
    let mut set = workload("DaemonSet", name, 0);
    set["metadata"]["namespace"] = json!("kube-system");
    set["spec"]["template"]["spec"] = json!({ "hostNetwork": true, "tolerations": [{ "operator": "Exists" }], "containers": [{ "name": "c", "image": image }] });
    set
}

/// Three control-plane nodes and three workers in three zones, initialised by the cloud node manager.
fn cluster() -> Stage {
    let mut stage = Stage::new();
    stage.init("cp-1");
    stage.join("cp-2", "2", true);
    stage.join("cp-3", "3", true);
    for (name, zone) in [("w-1", "1"), ("w-2", "2"), ("w-3", "3")] {
        stage.join(name, zone, false);
    }
    stage.create(
        "apps/v1/daemonsets",
        daemon("cloud-node-manager", "mcr.example/azure-cloud-node-manager:v1.34.0"),
    );
    stage
}

fn places(stage: &Stage, prefix: &str) -> Vec<String> {
    let mut nodes: Vec<String> = stage
        .pods(prefix)
        .iter()
        .map(|pod| {
            format!(
                "{} {}",
                pod["spec"]["nodeName"].as_str().unwrap_or("-"),
                pod["status"]["phase"].as_str().unwrap_or("-")
            )
        })
        .collect();
    nodes.sort();
    nodes
}

#[test]
fn the_cloud_node_manager_initialises_nodes() {
    let stage = cluster();
    let node = stage.cluster().store.get("v1/nodes", "", "w-2").expect("a node");
    let id = compute("virtualMachines/w-2");
    assert_eq!(node["spec"]["providerID"], format!("azure://{id}"));
    assert_eq!(node["metadata"]["labels"]["topology.kubernetes.io/zone"], "eastus2-2");
    assert_eq!(
        node["spec"]["taints"].as_array().map(Vec::len),
        Some(1),
        "only its own: {}",
        node["spec"]["taints"]
    );
    assert_eq!(places(&stage, "kube-proxy-").len(), 6);
}

#[test]
fn pods_are_spread_and_a_drained_node_gives_its_own_to_others() {
    let mut stage = cluster();
    stage.create("apps/v1/deployments", workload("Deployment", "web", 3));
    assert_eq!(places(&stage, "web-"), ["w-1 Running", "w-2 Running", "w-3 Running"]);
    let budget = json!({ "metadata": { "name": "web", "namespace": "default" }, "spec": { "minAvailable": 2, "selector": { "matchLabels": labels("web") } } });
    stage.create("policy/v1/poddisruptionbudgets", budget);
    let allowed = |stage: &Stage| {
        stage.cluster().store.get("policy/v1/poddisruptionbudgets", "default", "web").expect("it")["status"]["disruptionsAllowed"].clone()
    };
    assert_eq!(allowed(&stage), 1);
    stage.edit("v1/nodes", "", "w-1", |node| node["spec"]["unschedulable"] = json!(true));
    stage.slow_down();
    let pod = stage.pods("web-").into_iter().find(|pod| pod["spec"]["nodeName"] == "w-1").expect("a pod");
    let name = pod["metadata"]["name"].as_str().expect("a name").to_owned();
    stage.edit("v1/pods", "default", &name, |pod| {
        pod["metadata"]["deletionTimestamp"] = json!("2026-06-01T00:00:00Z")
    });
    stage.pass(1_000);
    assert_eq!(allowed(&stage), 0, "one is going, its successor is not ready");
    stage.pass(30_000);
    assert_eq!(allowed(&stage), 1);
    let places = places(&stage, "web-");
    assert!(places.len() == 3 && places.iter().all(|place| !place.starts_with("w-1")), "{places:?}");
}

#[test]
fn a_rolling_update_replaces_all_pods() {
    let mut stage = cluster();
    stage.create("apps/v1/deployments", workload("Deployment", "web", 4));
    stage.edit("apps/v1/deployments", "default", "web", |web| {
        web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("example/web:2")
    });
    let pods = stage.pods("web-");
    assert!(
        pods.len() == 4 && pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == "example/web:2")
    );
    let web = stage.cluster().store.get("apps/v1/deployments", "default", "web").expect("it");
    assert_eq!((&web["status"]["readyReplicas"], &web["status"]["updatedReplicas"]), (&json!(4), &json!(4)));
    stage.edit("apps/v1/deployments", "default", "web", |web| web["spec"]["replicas"] = json!(1));
    assert_eq!(stage.pods("web-").len(), 1);
    let mut image =
        daemon("cloud-node-manager", "mcr.example/azure-cloud-node-manager:v1.34.1")["spec"]["template"]
            .clone();
    stage.edit("apps/v1/daemonsets", "kube-system", "cloud-node-manager", |set| {
        set["spec"]["template"] = image.take()
    });
    assert!(stage.pods("cloud-node-manager-").iter().all(|pod| {
        pod["spec"]["containers"][0]["image"].as_str().is_some_and(|image| image.ends_with(":v1.34.1"))
    }));
}

#[test]
fn a_node_whose_machine_is_gone_is_unknown_after_a_while_and_its_pods_move_later() {
    let mut stage = cluster();
    stage.create("apps/v1/deployments", workload("Deployment", "web", 3));
    stage.slow_down();
    stage.delete(&compute("virtualMachines/w-1"));
    stage.pass(39_000);
    assert!(stage.nodes().contains(&"w-1 True".to_owned()));
    stage.pass(2_000);
    assert!(stage.nodes().contains(&"w-1 Unknown".to_owned()), "{:?}", stage.nodes());
    stage.pass(310_000);
    let running = places(&stage, "web-")
        .into_iter()
        .filter(|place| place.ends_with("Running") && !place.starts_with("w-1"))
        .count();
    assert_eq!(running, 3, "{:?}", places(&stage, "web-"));
    stage.create(
        "apps/v1/daemonsets",
        daemon("cloud-controller-manager", "mcr.example/azure-cloud-controller-manager:v1.34.0"),
    );
    stage.pass(60_000);
    assert_eq!(stage.nodes().len(), 5, "the cloud controller manager removes what has no machine");
}

fn etcdctl(stage: &mut Stage, node: &str, words: &str) -> (String, String, i32) {
    let now = stage.now;
    let argv: Vec<String> = format!("etcdctl --endpoints https://127.0.0.1:2379 --cacert /x {words} -w json")
        .split(' ')
        .map(str::to_owned)
        .collect();
    let cluster = stage.world.clusters.get_mut(HOST).expect("a cluster");
    let output = exec(cluster, "kube-system", &format!("etcd-{node}"), "etcd", &argv, now);
    stage.pass(0);
    (output.stdout, output.stderr, output.exit)
}

#[test]
fn etcd_members_are_listed_and_removed_and_the_api_server_of_a_removed_one_ends() {
    let mut stage = cluster();
    let (list, _, exit) = etcdctl(&mut stage, "cp-1", "member list");
    assert_eq!(exit, 0);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let id =
        list["members"].as_array().expect("members").iter().find(|m| m["name"] == "cp-3").expect("it")["ID"]
            .as_u64()
            .expect("an id");
    let (_, error, exit) = etcdctl(&mut stage, "cp-2", &format!("move-leader {id:x}"));
    assert_eq!((error.as_str(), exit), ("Error: no leader endpoint given at [127.0.0.1:2379]\n", 128));
    assert_eq!(etcdctl(&mut stage, "cp-1", &format!("move-leader {id:x}")).2, 0);
    assert_eq!(etcdctl(&mut stage, "cp-1", &format!("member remove {id:x}")).2, 0);
    assert_eq!(stage.cluster().control().servers.len(), 2);
    assert_eq!(
        etcdctl(&mut stage, "cp-1", &format!("member remove {id:x}")).1.lines().last(),
        Some("Error: etcdserver: member not found")
    );
    assert_eq!(etcdctl(&mut stage, "cp-3", "endpoint health").2, 1);
}

#[test]
fn a_cluster_that_loses_its_quorum_stops_and_goes_on_when_it_is_back() {
    let mut stage = cluster();
    stage.delete(&compute("virtualMachines/cp-3"));
    assert!(stage.cluster().is_available());
    stage.delete(&compute("virtualMachines/cp-2"));
    assert!(!stage.cluster().is_available());
    stage.create("apps/v1/deployments", workload("Deployment", "web", 3));
    assert!(stage.pods("web-").is_empty(), "nobody acts");
    assert!(etcdctl(&mut stage, "cp-1", "member list").1.contains("context deadline exceeded"));
    stage.delete(&compute("virtualMachines/cp-1"));
    stage.pass(0);
    assert!(stage.world.clusters.is_empty(), "without a control plane nothing is left of it");
}

#[test]
fn a_namespace_ends_with_all_that_is_in_it() {
    let mut stage = cluster();
    stage.create("v1/namespaces", json!({ "metadata": { "name": "team" } }));
    let mut web = workload("Deployment", "web", 2);
    web["metadata"]["namespace"] = json!("team");
    stage.create("apps/v1/deployments", web);
    assert_eq!(stage.pods("web-").len(), 2);
    assert!(stage.cluster().store.get("v1/serviceaccounts", "team", "default").is_some());
    stage.edit("v1/namespaces", "", "team", |team| {
        team["metadata"]["deletionTimestamp"] = json!("2026-06-01T00:00:00Z")
    });
    assert!(stage.pods("web-").is_empty());
    assert!(stage.cluster().store.get("v1/namespaces", "", "team").is_none());
}

#[test]
fn a_service_gets_a_load_balancer_and_gives_it_back() {
    let mut stage = cluster();
    let mut manager = workload("Deployment", "cloud-controller-manager", 1);
    manager["metadata"]["namespace"] = json!("kube-system");
    manager["spec"]["template"]["spec"] = json!({ "hostNetwork": true, "tolerations": [{ "operator": "Exists" }], "containers": [{
        "name": "c", "image": "mcr.example/azure-cloud-controller-manager:v1.34.0",
        "args": ["--cluster-name=demo", "--allocate-node-cidrs=true", "--configure-cloud-routes=true"],
    }] });
    stage.create("apps/v1/deployments", manager);
    let service = json!({ "metadata": { "name": "web", "namespace": "default" }, "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }], "selector": { "app": "web" } } });
    stage.create("v1/services", service);
    let address = stage.cluster().store.get("v1/services", "default", "web").expect("it")["status"]["loadBalancer"]["ingress"][0]["ip"].clone();
    assert!(address.is_string(), "an address");
    let balancer = |stage: &Stage| stage.world.get(&crate::ids::key(&net("loadBalancers/demo"))).is_some();
    let rules = |stage: &Stage| {
        let group = stage
            .world
            .get(&crate::ids::key(&net("networkSecurityGroups/workers")))
            .expect("a group")
            .body
            .clone();
        group["properties"]["securityRules"].as_array().map_or(0, Vec::len)
    };
    assert!(balancer(&stage));
    assert_eq!(rules(&stage), 1);
    let table = stage.world.get(&crate::ids::key(&net("routeTables/routes"))).expect("a table").body.clone();
    assert_eq!(table["properties"]["routes"].as_array().map(Vec::len), Some(6));
    stage.edit("v1/services", "default", "web", |web| {
        web["metadata"]["deletionTimestamp"] = json!("2026-06-01T00:00:00Z")
    });
    assert!(stage.cluster().store.get("v1/services", "default", "web").is_none());
    assert!(!balancer(&stage));
    assert_eq!(rules(&stage), 0);
}

#[test]
fn a_claim_gets_a_disk_in_the_zone_of_its_pod_and_takes_it_along() {
    let mut stage = cluster();
    let mut driver = workload("Deployment", "csi-azuredisk-controller", 1);
    driver["metadata"]["namespace"] = json!("kube-system");
    driver["spec"]["template"]["spec"] = json!({ "hostNetwork": true, "tolerations": [{ "operator": "Exists" }], "containers": [{ "name": "azuredisk", "image": "mcr.example/azuredisk-csi:v1.34.4" }] });
    stage.create("apps/v1/deployments", driver);
    stage.create("storage.k8s.io/v1/storageclasses", json!({ "metadata": { "name": "disk" }, "provisioner": "disk.csi.azure.com", "volumeBindingMode": "WaitForFirstConsumer", "reclaimPolicy": "Delete" }));
    let mut set = workload("StatefulSet", "db", 2);
    set["spec"]["volumeClaimTemplates"] = json!([{ "metadata": { "name": "data" }, "spec": { "storageClassName": "disk", "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "10Gi" } } } }]);
    stage.create("apps/v1/statefulsets", set);
    assert!(
        stage.pods("db-").iter().all(|pod| pod["status"]["phase"] == "Running")
            && stage.pods("db-").len() == 2,
        "{:#?}",
        stage.pods("db-")
    );
    let disks = |stage: &Stage| {
        let of = |key: &String| key.contains("/disks/pvc-");
        stage.world.below("/subscriptions/s").iter().filter(|key| of(key)).count()
    };
    assert_eq!(disks(&stage), 2);
    assert_eq!(stage.cluster().store.count("storage.k8s.io/v1/volumeattachments"), 2);
    stage.edit("apps/v1/statefulsets", "default", "db", |db| db["spec"]["replicas"] = json!(0));
    assert_eq!(stage.cluster().store.count("storage.k8s.io/v1/volumeattachments"), 0);
    assert_eq!(disks(&stage), 2, "claims stay");
    for claim in ["data-db-0", "data-db-1"] {
        stage.edit("v1/persistentvolumeclaims", "default", claim, |claim| {
            claim["metadata"]["deletionTimestamp"] = json!("2026-06-01T00:00:00Z")
        });
    }
    assert_eq!(disks(&stage), 0);
    assert_eq!(stage.cluster().store.count("v1/persistentvolumes"), 0);
}
