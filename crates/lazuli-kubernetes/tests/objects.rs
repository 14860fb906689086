//! Sets of objects against a small API server in memory, on a paused clock.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod cluster;

use std::time::Duration;

use cluster::{Heard, Server, ready};
use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};
use lazuli_kubernetes::manifests::{Objects, collect};
use lazuli_kubernetes::objects::{ObjectSet, Patience, SetName, delete, observe, observe_all, put};
use proptest::prelude::*;
use serde_json::json;

const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";
const MAP: &str = "/api/v1/namespaces/shop/configmaps/settings";
const INVENTORY: &str = "/api/v1/namespaces/kube-system/configmaps/lazuli-addon.shop";

fn named(name: &str) -> SetName {
    SetName::new("Lazuli.Kubernetes/clusters/addons", name).unwrap()
}

fn set(name: &str, documents: &[Json]) -> ObjectSet {
    ObjectSet { name: named(name), objects: collect(documents, Some("shop")).unwrap(), wait: true }
}

fn namespace() -> Json {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
}

fn web(image: &str) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

fn map(name: &str, color: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"color": color}})
}

async fn apply(server: &Server, set: &ObjectSet, heard: &Heard) -> Result<Json, ProviderError> {
    put(&server.client(), set, None, Patience::default(), heard).await
}

async fn applied(server: &Server, set: &ObjectSet) -> Json {
    apply(server, set, &Heard::default()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_set_is_applied_in_an_order_that_works() {
    let server = Server::new();
    server.serve("shop.example/v1", "stores", "Store", true);
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "stores.shop.example"},
        "spec": {"group": "shop.example", "scope": "Namespaced", "names": {"kind": "Store", "plural": "stores"}},
    });
    let store = json!({"apiVersion": "shop.example/v1", "kind": "Store", "metadata": {"name": "main"}});
    let hook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "shop"},
    });
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}});
    let documents = [hook, store, web("web:1"), account, map("settings", "blue"), namespace(), definition];
    let body = applied(&server, &set("shop", &documents)).await;
    insta::assert_snapshot!(server.changes().join("\n"));
    insta::assert_json_snapshot!(
        "what_a_set_answers",
        body["properties"]["objects"].as_object().unwrap().keys().collect::<Vec<_>>()
    );
    let deployment = &body["properties"]["objects"]["apps/v1/Deployment/shop/web"];
    assert!(deployment["status"].is_null() && deployment["metadata"]["managedFields"].is_null());
    assert_eq!(server.get(WEB).unwrap()["metadata"]["labels"]["lazuli.dev/set"], "addon.shop");
}

#[tokio::test(start_paused = true)]
async fn applying_again_changes_nothing() {
    let server = Server::new();
    let set = set("shop", &[namespace(), web("web:1"), map("settings", "blue")]);
    let first = applied(&server, &set).await;
    let before = server.get(WEB);
    assert_eq!(applied(&server, &set).await, first);
    assert_eq!(server.get(WEB), before);
}

#[tokio::test(start_paused = true)]
async fn what_others_made_is_not_taken_over_until_it_is_given() {
    let server = Server::new();
    applied(&server, &set("other", &[namespace(), map("moves", "red")])).await;
    let other = set("hand", &[web("web:1"), map("settings", "blue")]);
    applied(&server, &other).await;
    for path in [WEB, MAP] {
        server.change(path, |object| object["metadata"]["labels"] = json!({"team": "shop"}));
    }
    let before = server.paths();
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    let documents = [web("web:2"), map("settings", "green"), map("moves", "red"), map("new", "x"), account];
    let wanted = set("shop", &documents);
    let error = apply(&server, &wanted, &Heard::default()).await.unwrap_err();
    assert_eq!(error.outcome, Outcome::Nothing);
    assert_eq!(server.paths(), before, "nothing was made");
    insta::assert_snapshot!(format!("{error}\n{}", error.advice.clone().unwrap_or_default()));
    for path in [WEB, MAP] {
        server.change(path, |object| object["metadata"]["labels"]["lazuli.dev/set"] = json!("addon.shop"));
    }
    applied(&server, &wanted).await;
    assert_eq!(server.get(MAP).unwrap()["data"]["color"], "green");
}

#[tokio::test(start_paused = true)]
async fn what_a_set_no_longer_has_is_deleted_and_what_others_took_stays() {
    let server = Server::new();
    let before =
        set("shop", &[namespace(), map("settings", "blue"), map("colors", "red"), map("taken", "x")]);
    applied(&server, &before).await;
    server.change("/api/v1/namespaces/shop/configmaps/taken", |map| {
        map["metadata"]["labels"]["lazuli.dev/set"] = json!("addon.other");
    });
    let heard = Heard::default();
    apply(&server, &set("shop", &[namespace(), map("settings", "blue")]), &heard).await.unwrap();
    let left: Vec<String> = server.paths().into_iter().filter(|path| path.contains("/shop/")).collect();
    assert_eq!(left, [MAP, "/api/v1/namespaces/shop/configmaps/taken"]);
    assert!(
        heard.text().contains("leaving ConfigMap shop/taken: it does not belong to addon/shop"),
        "{}",
        heard.text()
    );
    assert_eq!(
        server.get(INVENTORY).unwrap()["data"]["objects"],
        "v1/ConfigMap/shop/settings\nv1/Namespace/-/shop"
    );
}

#[tokio::test(start_paused = true)]
async fn the_objects_last_applied_are_pruned_even_without_an_inventory() {
    let server = Server::new();
    let before = set("shop", &[namespace(), map("settings", "blue"), map("colors", "red")]);
    applied(&server, &before).await;
    server.remove(INVENTORY);
    let after = set("shop", &[namespace(), map("settings", "blue")]);
    put(&server.client(), &after, Some(&before.objects), Patience::default(), &Heard::default())
        .await
        .unwrap();
    assert_eq!(server.get("/api/v1/namespaces/shop/configmaps/colors"), None);
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_apply_left_is_found_again() {
    let server = Server::new();
    server.fail(&format!("PATCH {WEB}"), 403, "no such image allowed");
    let heard = Heard::default();
    let error = apply(&server, &set("shop", &[namespace(), map("lost", "x"), web("web:1")]), &heard)
        .await
        .unwrap_err();
    assert_eq!(error.message, "Deployment shop/web: no such image allowed");
    applied(&server, &set("shop", &[namespace(), map("settings", "blue")])).await;
    assert_eq!(server.get("/api/v1/namespaces/shop/configmaps/lost"), None);
}

#[tokio::test(start_paused = true)]
async fn what_was_applied_and_never_became_ready_is_not_what_was_wanted() {
    let server = Server::new().slow();
    let wanted = set("shop", &[namespace(), web("web:1")]);
    let waited = async || {
        observe(&server.client(), &named("shop")).await.unwrap().unwrap()["properties"]["wait"].clone()
    };
    let error = apply(&server, &wanted, &Heard::default()).await.unwrap_err();
    assert_eq!(error.code, "NotReady", "{error}");
    assert_eq!(waited().await, false, "so it is applied again");

    server.change(WEB, |web| web["status"] = ready(&web.clone(), 1));
    applied(&server, &wanted).await;
    assert_eq!(waited().await, true);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_moves_to_another_set_is_not_lost() {
    let server = Server::new();
    applied(&server, &set("a", &[namespace(), map("settings", "blue"), map("own", "x")])).await;
    applied(&server, &set("b", &[map("settings", "blue")])).await;
    applied(&server, &set("a", &[namespace(), map("own", "x")])).await;
    assert_eq!(server.get(MAP).unwrap()["metadata"]["labels"]["lazuli.dev/set"], "addon.b");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_changed_in_place_is_made_anew_if_it_is_ours() {
    let server = Server::new();
    applied(&server, &set("shop", &[namespace(), web("web:1")])).await;
    let before = server.get(WEB).unwrap();
    let mut other = web("web:1");
    other["spec"]["selector"]["matchLabels"]["app"] = json!("shop");
    let heard = Heard::default();
    apply(&server, &set("shop", &[namespace(), other]), &heard).await.unwrap();
    let after = server.get(WEB).unwrap();
    assert_eq!(after["spec"]["selector"]["matchLabels"]["app"], "shop");
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert!(
        heard.text().contains("Deployment shop/web: cannot be changed in place, deleting it"),
        "{}",
        heard.text()
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_or_holds_data_is_not_made_anew() {
    let class = |sku: &str| {
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "default"},
            "provisioner": "disk.csi.azure.com", "parameters": {"skuName": sku},
        })
    };
    let server = Server::new();
    applied(&server, &set("shop", &[class("Standard_LRS")])).await;
    server.change("/apis/storage.k8s.io/v1/storageclasses/default", |class| {
        class["metadata"]["labels"] = json!({});
    });
    let foreign = apply(&server, &set("shop", &[class("Premium_LRS")]), &Heard::default()).await.unwrap_err();
    assert!(foreign.advice.unwrap().contains("was not made by Lazuli"));
    let claim = |size: &str| {
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
            "spec": {"resources": {"requests": {"storage": size}}},
        })
    };
    applied(&server, &set("shop", &[namespace(), claim("1Gi")])).await;
    let data =
        apply(&server, &set("shop", &[namespace(), claim("2Gi")]), &Heard::default()).await.unwrap_err();
    assert!(data.advice.unwrap().contains("data would be lost"));
    assert!(server.get("/api/v1/namespaces/shop/persistentvolumeclaims/data").is_some());
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_workloads_and_says_for_which() {
    let server = Server::new().slow();
    let later = server.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        later.change(WEB, |web| web["status"] = ready(&web.clone(), 1));
    });
    let heard = Heard::default();
    let begun = tokio::time::Instant::now();
    apply(&server, &set("shop", &[namespace(), web("web:1")]), &heard).await.unwrap();
    assert_eq!(begun.elapsed().as_secs() / 10, 3);
    insta::assert_snapshot!(heard.text());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_says_why_and_prunes_nothing() {
    let server = Server::new();
    applied(&server, &set("shop", &[namespace(), web("web:1"), map("old", "x")])).await;
    server.change(WEB, |web| {
        web["status"] =
            json!({"observedGeneration": 9, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1});
    });
    server.put("/api/v1/namespaces/shop/pods/web-1", json!({
        "metadata": {"name": "web-1", "labels": {"app": "web"}},
        "status": {"containerStatuses": [{
            "name": "web",
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"web:1\""}},
        }]},
    }));
    server.put("/api/v1/namespaces/shop/events/1", json!({
        "metadata": {"name": "1"}, "type": "Warning", "reason": "Failed", "lastTimestamp": "2026-01-01T00:00:00Z",
        "message": "manifest unknown", "involvedObject": {"name": "web-1"},
    }));
    let server = server.slow();
    let error =
        apply(&server, &set("shop", &[namespace(), web("web:1")]), &Heard::default()).await.unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.advice.clone().unwrap()));
    assert_eq!(error.outcome, Outcome::Unknown);
    assert!(server.get("/api/v1/namespaces/shop/configmaps/old").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_failed_is_not_waited_for() {
    let server = Server::new();
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}});
    let path = "/apis/batch/v1/namespaces/shop/jobs/migrate";
    let later = server.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        later.change(path, |job| {
            job["status"] =
                json!({"conditions": [{"type": "Failed", "status": "True", "message": "backoff limit"}]});
        });
    });
    let error = apply(&server, &set("shop", &[namespace(), job]), &Heard::default()).await.unwrap_err();
    assert_eq!(error.message, "Job shop/migrate failed: backoff limit");
}

#[tokio::test(start_paused = true)]
async fn a_server_in_trouble_is_asked_again() {
    let server = Server::new();
    for _ in 0..3 {
        server.fail(&format!("PATCH {MAP}"), 500, "failed calling webhook");
    }
    let heard = Heard::default();
    apply(&server, &set("shop", &[namespace(), map("settings", "blue")]), &heard).await.unwrap();
    assert_eq!(heard.text().matches("failed calling webhook; trying again").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_nobody_serves_is_an_error_that_says_so() {
    let odd = json!({"apiVersion": "odd.example/v1", "kind": "Odd", "metadata": {"name": "one"}});
    let error = apply(&Server::new(), &set("odd", &[odd]), &Heard::default()).await.unwrap_err();
    assert_eq!(error.message, "the cluster has no kind Odd in odd.example/v1, which Odd one is of");
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_served_a_moment_after_its_definition() {
    let server = Server::new();
    let later = server.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(9)).await;
        later.serve("odd.example/v1", "odds", "Odd", false);
    });
    let odd = json!({"apiVersion": "odd.example/v1", "kind": "Odd", "metadata": {"name": "one"}});
    applied(&server, &set("odd", &[odd])).await;
    assert!(server.get("/apis/odd.example/v1/odds/one").is_some());
}

#[tokio::test(start_paused = true)]
async fn drift_is_seen_and_what_is_gone_is_left_out() {
    let server = Server::new();
    let set = set("shop", &[namespace(), web("web:1"), map("settings", "blue")]);
    applied(&server, &set).await;
    server.change(WEB, |web| web["spec"]["replicas"] = json!(5));
    server.remove(MAP);
    let seen = observe(&server.client(), &set.name).await.unwrap().unwrap();
    let objects: Objects = serde_json::from_value(seen["properties"]["objects"].clone()).unwrap();
    assert_eq!(objects.keys().collect::<Vec<_>>(), ["apps/v1/Deployment/shop/web", "v1/Namespace/-/shop"]);
    assert_eq!(objects["apps/v1/Deployment/shop/web"]["spec"]["replicas"], 5);
    // And applying brings it back.
    let body = applied(&server, &set).await;
    assert_eq!(body["properties"]["objects"]["apps/v1/Deployment/shop/web"]["spec"]["replicas"], 2);
    assert_eq!(observe(&server.client(), &named("none")).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn many_objects_take_few_requests() {
    let server = Server::new();
    let many: Vec<Json> = (0..40).map(|n| map(&format!("m{n}"), "x")).chain([namespace()]).collect();
    applied(&server, &set("a", &many)).await;
    applied(&server, &set("b", &[web("web:1")])).await;
    // Somebody took a label away: still ours by the inventory.
    server.change("/api/v1/namespaces/shop/configmaps/m7", |map| map["metadata"]["labels"] = json!({}));
    server.requests();
    let observed = observe_all(&server.client()).await.unwrap();
    let counts: Vec<(String, usize)> = observed
        .sets
        .iter()
        .map(|(name, body)| (name.to_string(), body["properties"]["objects"].as_object().unwrap().len()))
        .collect();
    assert_eq!(counts, [("addon/a".to_owned(), 41), ("addon/b".to_owned(), 1)]);
    // Inventories, the list, the namespace, the Deployment, the one without its label.
    assert_eq!(server.requests().len(), 5);
    assert_eq!(observed.requests, 5);
}

#[tokio::test(start_paused = true)]
async fn a_set_goes_in_reverse_and_namespaces_go_last() {
    let server = Server::new();
    let system = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}});
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": "x",
    });
    let set = set("shop", &[namespace(), system, web("web:1"), map("settings", "blue"), class]);
    applied(&server, &set).await;
    server.changes();
    let heard = Heard::default();
    delete(&server.client(), &set.name, None, Patience::default(), &heard).await.unwrap();
    insta::assert_snapshot!(server.changes().join("\n"));
    assert!(heard.text().contains("leaving Namespace kube-system"));
    // Once more: there is nothing, and that is fine.
    delete(&server.client(), &set.name, None, Patience::default(), &heard).await.unwrap();
    assert_eq!(observe(&server.client(), &set.name).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_holds_a_deletion_up_is_named() {
    let server = Server::new();
    applied(&server, &set("shop", &[namespace(), map("settings", "blue")])).await;
    server.change(MAP, |map| map["metadata"]["finalizers"] = json!(["shop.example/keep"]));
    let error = delete(&server.client(), &named("shop"), None, Patience::default(), &Heard::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.message,
        "ConfigMap shop/settings is being deleted and still there (finalizers: shop.example/keep)"
    );
    assert!(server.get(INVENTORY).is_some());
}

proptest! {
    #[test]
    fn any_name_becomes_a_label_and_different_names_become_different_ones(a in "\\PC{1,80}", b in "\\PC{1,80}") {
        let slug = |name: &str| named(name).slug();
        for name in [&a, &b] {
            let slug = slug(name);
            prop_assert!(slug.len() <= 63, "{slug}");
            let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            prop_assert!(edge(slug.chars().next()) && edge(slug.chars().last()), "{slug}");
            prop_assert!(slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)), "{slug}");
            prop_assert!(!slug.contains("..") && !slug.contains(".-") , "{slug}");
        }
        prop_assert_eq!(a == b, slug(&a) == slug(&b));
    }
}
