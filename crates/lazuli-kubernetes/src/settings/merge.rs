//! Saying something about a document without taking away what others said.

use lazuli_core::Json;
use serde_json::json;

use crate::version::KubeadmApi;

/// Makes `live` say what `wanted` says. What was said before and is said no longer goes; everything else stays. Lists
/// are one value.
pub(super) fn merge(live: &mut Json, wanted: &Json, previous: Option<&Json>) {
    let Some(wanted) = wanted.as_object() else {
        *live = wanted.clone();
        return;
    };
    if !live.is_object() {
        *live = json!({});
    }
    let Some(fields) = live.as_object_mut() else { return };
    let previous = previous.and_then(Json::as_object);
    fields
        .retain(|name, _| wanted.contains_key(name) || !previous.is_some_and(|said| said.contains_key(name)));
    for (name, value) in wanted {
        let before = previous.and_then(|said| said.get(name));
        match fields.get_mut(name) {
            Some(there) if value.is_object() => merge(there, value, before),
            _ => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Brings a cluster configuration into the form of another version of kubeadm's API: since v1beta4 extra arguments are
/// lists, and how long the API server may take to start is not the cluster's business any more. There is no way back:
/// Kubernetes does not go back either.
pub(super) fn to_api(configuration: &mut Json, api: KubeadmApi) {
    let from = configuration["apiVersion"].as_str().unwrap_or_default();
    if api != KubeadmApi::V1beta4 || from.ends_with("/v1beta4") || from.is_empty() {
        return;
    }
    for place in ["/apiServer", "/controllerManager", "/scheduler", "/etcd/local"] {
        let Some(component) = configuration.pointer_mut(place).and_then(Json::as_object_mut) else {
            continue;
        };
        if let Some(Json::Object(args)) = component.get("extraArgs") {
            let list = args.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
            component.insert("extraArgs".to_owned(), list);
        }
        component.remove("timeoutForControlPlane");
    }
    configuration["apiVersion"] = json!(api.api_version());
}
