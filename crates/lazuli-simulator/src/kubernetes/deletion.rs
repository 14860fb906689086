//! How objects go: at once, after a grace period, or when the last finalizer is done; and what goes with them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::resources::CRDS;
use super::store::{Store, moment};

/// Begins to delete an object. `grace` in seconds overrides that of a pod. Returns what is left of it, if anything.
pub(crate) fn begin(
    store: &mut Store,
    path: &str,
    namespace: &str,
    name: &str,
    grace: Option<i64>,
    now_ms: u64,
) -> Option<Arc<Value>> {
    let object = Arc::clone(store.get(path, namespace, name)?);
    let grace = match path {
        "v1/pods" => pod_grace(&object, grace),
        _ => 0,
    };
    let has_finalizers =
        object["metadata"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
    if path == "v1/namespaces" {
        return store.edit(path, namespace, name, |object| {
            if object["metadata"]["deletionTimestamp"].is_null() {
                object["metadata"]["deletionTimestamp"] = json!(moment(now_ms));
                object["status"]["phase"] = json!("Terminating");
            }
        });
    }
    if grace == 0 && !has_finalizers {
        finish(store, path, namespace, name, now_ms);
        return None;
    }
    let before = object["metadata"]["deletionGracePeriodSeconds"].as_i64();
    if before.is_some_and(|before| before <= grace) {
        return Some(object); // a period is only ever shortened
    }
    store.edit(path, namespace, name, |object| {
        object["metadata"]["deletionTimestamp"] = json!(moment(now_ms + grace.unsigned_abs() * 1000));
        object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    })
}

fn pod_grace(pod: &Value, asked: Option<i64>) -> i64 {
    let is_placed = pod["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    let is_over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !is_placed || is_over {
        return 0;
    }
    asked.or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(30).max(0)
}

/// Whether an object that is being deleted has nothing to wait for any more.
pub(crate) fn is_done(object: &Value) -> bool {
    let metadata = &object["metadata"];
    !metadata["deletionTimestamp"].is_null()
        && metadata["finalizers"].as_array().is_none_or(Vec::is_empty)
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
}

/// Removes an object and everything that it owns.
pub(crate) fn finish(store: &mut Store, path: &str, namespace: &str, name: &str, now_ms: u64) {
    let Some(object) = store.remove(path, namespace, name) else { return };
    if path == CRDS {
        let plural = object["spec"]["names"]["plural"].as_str().unwrap_or("").to_owned();
        let group = object["spec"]["group"].as_str().unwrap_or("").to_owned();
        let kept: Vec<String> = store
            .resources()
            .filter(|path| path.starts_with(&format!("{group}/")) && path.ends_with(&format!("/{plural}")))
            .map(str::to_owned)
            .collect();
        for path in kept {
            for (namespace, name) in names(store, &path, |_| true) {
                store.remove(&path, &namespace, &name);
            }
        }
    }
    if !owns(path) {
        return;
    }
    let Some(uid) = object["metadata"]["uid"].as_str() else { return };
    let paths: Vec<String> = store.resources().map(str::to_owned).collect();
    for path in paths {
        let owned = names(store, &path, |object| {
            let owners = object["metadata"]["ownerReferences"].as_array();
            owners.is_some_and(|owners| owners.len() == 1 && owners[0]["uid"] == uid)
        });
        for (namespace, name) in owned {
            begin(store, &path, &namespace, &name, None, now_ms);
        }
    }
}

/// Lets go of everything that an object owns, before it is deleted with `propagationPolicy: Orphan`.
pub(crate) fn orphan(store: &mut Store, uid: &str) {
    let paths: Vec<String> = store.resources().map(str::to_owned).collect();
    for path in paths {
        let is_owned = |object: &Value| {
            object["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|o| o["uid"] == uid)
        };
        for (namespace, name) in names(store, &path, is_owned) {
            store.edit(&path, &namespace, &name, |object| {
                if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
                    owners.retain(|owner| owner["uid"] != uid);
                }
            });
        }
    }
}

fn names(store: &Store, path: &str, is_meant: impl Fn(&Value) -> bool) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    store
        .list(path, None)
        .filter(|object| is_meant(object))
        .map(|object| (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"])))
        .collect()
}

/// Whether objects of a resource usually own others; pods, secrets and the like do not, and there are many of them.
fn owns(path: &str) -> bool {
    !matches!(
        path,
        "v1/pods"
            | "v1/secrets"
            | "v1/configmaps"
            | "v1/events"
            | "v1/endpoints"
            | "v1/serviceaccounts"
            | "coordination.k8s.io/v1/leases"
            | "discovery.k8s.io/v1/endpointslices"
            | "storage.k8s.io/v1/volumeattachments"
    )
}
