//! The same against a real API server: what a server in memory may have got wrong. `ci/kubernetes.sh` starts one and
//! sets `LAZULI_KUBECONFIG`; without it there is nothing to do. There are no nodes: nothing waits for pods.
//! `ci/kubernetes-simulated.sh` runs those that a simulated cluster passes as well.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod cluster;

use std::time::Duration;

use cluster::Heard;
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, WatchEvent, WatchParams};
use lazuli_core::Json;
use lazuli_kubernetes::api::Rest;
use lazuli_kubernetes::manifests::{
    BindingSpec, BindingTarget, ClusterFacts, DefaultClass, NamespaceSpec, PodNetwork, cloud_provider,
    collect, namespace, network_azure_routes, role_binding, storage_azuredisk,
};
use lazuli_kubernetes::objects::{ObjectSet, Patience, SetName, delete, observe, observe_all, put};
use lazuli_kubernetes::settings;
use serde_json::json;

async fn client() -> Option<kube::Client> {
    let file = std::env::var_os("LAZULI_KUBECONFIG")?;
    let kubeconfig = kube::config::Kubeconfig::read_from(file).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    Some(kube::Client::try_from(config).unwrap())
}

/// The client, or an end of the test that says why.
macro_rules! connect {
    () => {
        match client().await {
            Some(client) => client,
            None => return,
        }
    };
}

fn set(ty: &str, name: &str, objects: lazuli_kubernetes::manifests::Objects) -> ObjectSet {
    ObjectSet { name: SetName::new(ty, name).unwrap(), objects, wait: false }
}

fn patience() -> Patience {
    Patience { accepted: Duration::from_secs(60), ready: Duration::from_secs(5) }
}

async fn apply(client: &kube::Client, set: &ObjectSet, heard: &Heard) -> Json {
    put(client, set, None, patience(), heard).await.unwrap()
}

async fn gone(client: &kube::Client, set: &ObjectSet) {
    delete(client, &set.name, None, patience(), &Heard::default()).await.unwrap();
    assert_eq!(observe(client, &set.name).await.unwrap(), None);
}

fn map(namespace: &str, name: &str, data: Json) -> Json {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data,
    })
}

fn space(name: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn web(namespace: &str, app: &str) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": app}},
            "template": {
                "metadata": {"labels": {"app": app}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    })
}

/// What the set says of itself that drift is measured by.
fn spec(body: &Json, key: &str, pointer: &str) -> Json {
    body["properties"]["objects"][key].pointer(pointer).unwrap().clone()
}

#[tokio::test]
#[ignore = "needs a real API server: run ci/kubernetes.sh"]
async fn apply_drift_prune_delete() {
    let client = connect!();
    let rest = Rest::from(client.clone());
    let objects = |data: Json, more: &[Json]| {
        let own = [space("real-a"), map("real-a", "settings", data), web("real-a", "web")];
        collect(&[&own[..], more].concat(), None).unwrap()
    };
    let first =
        set("addons", "real-a", objects(json!({"a": "1", "b": "2"}), &[map("real-a", "old", json!({}))]));
    apply(&client, &first, &Heard::default()).await;

    // Again: the server sees no change.
    let path = "/api/v1/namespaces/real-a/configmaps/settings";
    let version = |object: Json| object["metadata"]["resourceVersion"].clone();
    let before = version(rest.get(path).await.unwrap().unwrap());
    apply(&client, &first, &Heard::default()).await;
    assert_eq!(version(rest.get(path).await.unwrap().unwrap()), before);

    // Drift: somebody changes a field of ours and adds one of their own.
    rest.merge(path, &json!({"data": {"a": "changed", "theirs": "x"}})).await.unwrap();
    let seen = observe(&client, &first.name).await.unwrap().unwrap();
    assert_eq!(spec(&seen, "v1/ConfigMap/real-a/settings", "/data/a"), "changed");

    // Fields that go from the manifest go, others' stay; objects that go are pruned.
    let second = set("addons", "real-a", objects(json!({"a": "1"}), &[]));
    let body = apply(&client, &second, &Heard::default()).await;
    let data = json!({"a": "1", "theirs": "x"});
    assert_eq!(spec(&body, "v1/ConfigMap/real-a/settings", "/data"), data);
    assert_eq!(rest.get("/api/v1/namespaces/real-a/configmaps/old").await.unwrap(), None);
    gone(&client, &second).await;
    assert_eq!(rest.get("/api/v1/namespaces/real-a").await.unwrap(), None);
}

#[tokio::test]
#[ignore = "needs a real API server: run ci/kubernetes.sh"]
async fn what_is_immutable_is_made_anew() {
    let client = connect!();
    let class = |sku: &str| {
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "real-b"},
            "provisioner": "disk.csi.azure.com", "parameters": {"skuName": sku},
        })
    };
    let job = |image: &str| {
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "real-b"},
            "spec": {"template": {"spec": {
                "restartPolicy": "Never", "containers": [{"name": "once", "image": image}],
            }}},
        })
    };
    let role = |name: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "real-b"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}],
        })
    };
    let objects = |documents: &[Json]| set("addons", "real-b", collect(documents, None).unwrap());
    let space = space("real-b");
    apply(
        &client,
        &objects(&[space.clone(), web("real-b", "a"), class("Premium_LRS"), job("a"), role("view")]),
        &Heard::default(),
    )
    .await;
    let heard = Heard::default();
    let after = objects(&[space, web("real-b", "b"), class("StandardSSD_LRS"), job("b"), role("edit")]);
    let body = apply(&client, &after, &heard).await;
    for what in
        ["Deployment real-b/web", "StorageClass real-b", "Job real-b/once", "ClusterRoleBinding real-b"]
    {
        assert!(heard.text().contains(&format!("{what}: cannot be changed in place")), "{}", heard.text());
    }
    assert_eq!(
        spec(&body, "storage.k8s.io/v1/StorageClass/-/real-b", "/parameters/skuName"),
        "StandardSSD_LRS"
    );
    gone(&client, &after).await;
}

#[tokio::test]
#[ignore = "needs a real API server: run ci/kubernetes.sh"]
async fn definitions_come_before_their_objects_and_go_after_them() {
    let client = connect!();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "stores.real.example"},
        "spec": {
            "group": "real.example", "scope": "Namespaced",
            "names": {"kind": "Store", "plural": "stores", "singular": "store", "listKind": "StoreList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                }},
            }],
        },
    });
    let store = json!({
        "apiVersion": "real.example/v1", "kind": "Store", "metadata": {"name": "main", "namespace": "real-c"},
        "spec": {"color": "blue"},
    });
    let all = set("addons", "real-c", collect(&[store, space("real-c"), definition], None).unwrap());
    let body = apply(&client, &all, &Heard::default()).await;
    assert_eq!(spec(&body, "real.example/v1/Store/real-c/main", "/spec/color"), "blue");
    gone(&client, &all).await;
}

#[tokio::test]
#[ignore = "needs a real API server: run ci/kubernetes.sh"]
async fn our_own_layers_are_accepted_and_seen_in_few_requests() {
    let client = connect!();
    let facts = ClusterFacts {
        name: "real".into(),
        kubernetes: "1.34.2".parse().unwrap(),
        control_planes: 3,
        control_plane_taints: vec![],
        pod_cidr: "192.168.0.0/16".into(),
        network: PodNetwork::AzureRoutes,
        proxy: None,
    };
    let class = DefaultClass { sku: "Premium_LRS".into(), zone_redundant: true };
    let layers = [
        set("layers", "cloud_provider", cloud_provider(&facts)),
        set("layers", "network", network_azure_routes(&facts)),
        set("layers", "storage", storage_azuredisk(&facts, Some(&class)).unwrap()),
    ];
    for layer in &layers {
        let body = apply(&client, layer, &Heard::default()).await;
        assert_eq!(body["properties"]["objects"].as_object().unwrap().len(), layer.objects.len());
    }
    let observed = observe_all(&client).await.unwrap();
    assert!(layers.iter().all(|layer| observed.sets.contains_key(&layer.name)));
    // No controller of theirs runs: it says so instead of waiting forever.
    let waiting = ObjectSet { wait: true, ..layers[0].clone() };
    let error = put(&client, &waiting, None, patience(), &Heard::default()).await.unwrap_err();
    assert!(
        error.message.contains("Deployment kube-system/cloud-controller-manager is not ready"),
        "{error}"
    );
    for layer in &layers {
        gone(&client, layer).await;
    }
}

#[tokio::test]
#[ignore = "needs a real API server: run ci/kubernetes.sh"]
async fn quotas_hold() {
    let client = connect!();
    let rest = Rest::from(client.clone());
    let spec = NamespaceSpec {
        name: "real-d".into(),
        cpu: Some("1".into()),
        memory: Some("1Gi".into()),
        gpu: Some(0),
        ..NamespaceSpec::default()
    };
    let team = set("namespaces", "real-d", namespace(&spec));
    apply(&client, &team, &Heard::default()).await;
    let pod = |name: &str, cpu: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [{
                "name": "a", "image": "a", "resources": {"requests": {"cpu": cpu, "memory": "1Mi"}},
            }]},
        })
    };
    // The quota counts once its controller has seen it.
    let quota = "/api/v1/namespaces/real-d/resourcequotas/lazuli";
    for _ in 0..100 {
        if rest.get(quota).await.unwrap().unwrap()["status"]["used"].is_object() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let pods = "/api/v1/namespaces/real-d/pods";
    rest.create(pods, &pod("fits", "500m")).await.unwrap();
    let refused = rest.create(pods, &pod("too-much", "600m")).await.unwrap_err();
    assert!(refused.to_string().contains("exceeded quota: lazuli"), "{refused}");
    rest.delete(&format!("{pods}/fits"), &json!({"gracePeriodSeconds": 0})).await.unwrap();
    gone(&client, &team).await;
}

#[tokio::test]
#[ignore = "needs a real API server: run ci/kubernetes.sh"]
async fn bindings_let_in() {
    let client = connect!();
    let rest = Rest::from(client.clone());
    let spec = NamespaceSpec { name: "real-e".into(), ..NamespaceSpec::default() };
    let team = set("namespaces", "real-e", namespace(&spec));
    apply(&client, &team, &Heard::default()).await;
    let may = async |verb: &str| {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": "rita", "resourceAttributes": {"namespace": "real-e", "verb": verb, "resource": "pods"}},
        });
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        rest.create(path, &review).await.unwrap()["status"]["allowed"] == true
    };
    let binding = BindingSpec {
        name: "viewers".into(),
        target: BindingTarget::Namespace("real-e".into()),
        role: "view".into(),
        users: vec!["rita".into()],
        groups: vec![],
        service_accounts: vec!["real-e:default".into()],
    };
    assert!(!may("list").await);
    let viewers = set("roleBindings", "viewers", role_binding(&binding).unwrap());
    apply(&client, &viewers, &Heard::default()).await;
    for _ in 0..50 {
        if may("list").await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(may("list").await && !may("delete").await);
    gone(&client, &viewers).await;
    gone(&client, &team).await;
}

#[tokio::test]
#[ignore = "needs a real API server: run ci/kubernetes.sh"]
async fn settings_are_kept_and_changed() {
    let client = connect!();
    let rest = Rest::from(client.clone());
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nclusterName: real\nkind: ClusterConfiguration\nkubernetesVersion: \
                v1.34.2\nscheduler: {}\n";
    let maps = "/api/v1/namespaces/kube-system/configmaps";
    for (name, key, text) in [
        ("kubeadm-config", "ClusterConfiguration", text),
        ("kubelet-config", "kubelet", "kind: KubeletConfiguration\n"),
    ] {
        rest.apply(&format!("{maps}/{name}"), &map("kube-system", name, json!({key: text})), false)
            .await
            .unwrap();
    }
    let wanted = |version: &str| {
        json!({
            "kubernetesVersion": version, "clusterConfiguration": {"clusterName": "real"},
            "kubelet": {"kind": "KubeletConfiguration"},
        })
    };
    let path = format!("{maps}/kubeadm-config");
    let version = async || rest.get(&path).await.unwrap().unwrap()["metadata"]["resourceVersion"].clone();
    let before = version().await;
    settings::put(&client, &wanted("v1.34.2"), None, &settings::Trust::default(), &Heard::default())
        .await
        .unwrap();
    assert_eq!(version().await, before);
    // Two at once, and somebody else on top: nobody's change is lost.
    let (other, heard) = (json!({"metadata": {"annotations": {"theirs": "x"}}}), Heard::default());
    let new = wanted("v1.34.3");
    let never_rotated = settings::Trust::default();
    let (a, b, c) = tokio::join!(
        settings::put(&client, &new, None, &never_rotated, &heard),
        settings::put(&client, &new, None, &never_rotated, &heard),
        rest.merge(&path, &other),
    );
    assert_eq!(
        (a.unwrap()["kubernetesVersion"].clone(), b.is_ok(), c.is_ok()),
        (json!("v1.34.3"), true, true)
    );
    let live = rest.get(&path).await.unwrap().unwrap();
    assert_eq!(live["metadata"]["annotations"]["theirs"], "x");
    assert!(live["data"]["ClusterConfiguration"].as_str().unwrap().contains("scheduler"));
    for name in ["kubeadm-config", "kubelet-config"] {
        rest.delete(&format!("{maps}/{name}"), &json!({})).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a real API server: run ci/kubernetes.sh"]
async fn a_watch_tells_of_what_comes_and_goes() {
    let client = connect!();
    let rest = Rest::from(client.clone());
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(client.clone(), "default");
    let parameters = WatchParams::default().fields("metadata.name=real-f");
    let mut events = maps.watch(&parameters, "0").await.unwrap().boxed();
    let path = "/api/v1/namespaces/default/configmaps/real-f";
    let mut told = Vec::new();
    for step in ["create", "change", "delete"] {
        match step {
            "delete" => drop(rest.delete(path, &json!({})).await.unwrap()),
            step => {
                drop(rest.apply(path, &map("default", "real-f", json!({"step": step})), false).await.unwrap())
            }
        }
        let event = tokio::time::timeout(Duration::from_secs(30), events.try_next()).await.unwrap().unwrap();
        told.push(match event {
            Some(WatchEvent::Added(_)) => "added",
            Some(WatchEvent::Modified(_)) => "modified",
            Some(WatchEvent::Deleted(_)) => "deleted",
            _ => "something else",
        });
    }
    assert_eq!(told, ["added", "modified", "deleted"]);
}

#[tokio::test]
#[ignore = "needs a real API server: run ci/kubernetes.sh"]
async fn a_bootstrap_token_is_accepted() {
    let client = connect!();
    let rest = Rest::from(client.clone());
    let token = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
        "stringData": {
            "token-id": "abcdef", "token-secret": "0123456789abcdef", "expiration": "2099-01-01T00:00:00Z",
            "usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true",
            "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
        },
    });
    let path = "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef";
    rest.apply(path, &token, false).await.unwrap();
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": {"token": "abcdef.0123456789abcdef"},
    });
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let mut user = Json::Null;
    for _ in 0..50 {
        user = rest.create(reviews, &review).await.unwrap()["status"].clone();
        if user["authenticated"] == true {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(user["user"]["username"], "system:bootstrap:abcdef");
    rest.delete(path, &json!({})).await.unwrap();
}
