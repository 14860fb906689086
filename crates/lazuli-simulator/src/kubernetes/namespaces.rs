//! Namespaces: what comes with them, and how they go.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::deletion;
use super::resources::{self, Resource};
use super::status::Refusal;
use super::store::Store;

/// Refuses to add to a namespace that does not exist or is on its way out.
pub(crate) fn check(store: &Store, resource: &Resource, namespace: &str, name: &str) -> Result<(), Refusal> {
    let of = resources::built_in("v1/namespaces").ok_or_else(Refusal::no_such_resource)?;
    let found =
        store.get("v1/namespaces", "", namespace).ok_or_else(|| Refusal::not_found(&of, namespace))?;
    if found["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    Err(Refusal::forbidden(resource, name, &why).with_causes(vec![json!({
        "reason": "NamespaceTerminating", "message": format!("namespace {namespace} is being terminated"),
        "field": "metadata.namespace",
    })]))
}

/// What the controllers put into a new namespace: its service account and the authority to trust.
pub(crate) fn furnish(store: &mut Store, namespace: &str, ca_pem: &str, now_ms: u64) {
    if store.get("v1/serviceaccounts", namespace, "default").is_none() {
        let account = json!({ "kind": "ServiceAccount", "apiVersion": "v1",
            "metadata": { "name": "default", "namespace": namespace } });
        store.create("v1/serviceaccounts", account, now_ms);
    }
    match store.get("v1/configmaps", namespace, "kube-root-ca.crt") {
        None => {
            let map = json!({ "kind": "ConfigMap", "apiVersion": "v1",
                "metadata": { "name": "kube-root-ca.crt", "namespace": namespace }, "data": { "ca.crt": ca_pem } });
            store.create("v1/configmaps", map, now_ms);
        }
        Some(map) if map["data"]["ca.crt"] != ca_pem => {
            store.edit("v1/configmaps", namespace, "kube-root-ca.crt", |map| {
                map["data"]["ca.crt"] = json!(ca_pem);
            });
        }
        Some(_) => {}
    }
}

/// Empties namespaces that are on their way out, and removes those that are empty.
pub(crate) fn settle(store: &mut Store, now_ms: u64) {
    let leaving: Vec<String> = store
        .list("v1/namespaces", None)
        .filter(|namespace| !namespace["metadata"]["deletionTimestamp"].is_null())
        .filter_map(|namespace| namespace["metadata"]["name"].as_str().map(str::to_owned))
        .collect();
    for namespace in leaving {
        let inside: Vec<(String, String)> = store
            .resources()
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .into_iter()
            .flat_map(|path| {
                let names: Vec<_> = store
                    .list(&path, Some(&namespace))
                    .filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned))
                    .collect();
                names.into_iter().map(move |name| (path.clone(), name))
            })
            .collect();
        let mut is_empty = true;
        for (path, name) in inside {
            let is_gone = deletion::begin(store, &path, &namespace, &name, None, now_ms).is_none();
            is_empty &= is_gone;
        }
        if is_empty {
            store.remove("v1/namespaces", "", &namespace);
        }
    }
}

/// Turns `stringData` of a secret into data.
pub(crate) fn encode_string_data(secret: &mut Value) {
    let Some(Value::Object(text)) = secret.as_object_mut().and_then(|map| map.remove("stringData")) else {
        return;
    };
    for (name, value) in text {
        secret["data"][name] = json!(STANDARD.encode(value.as_str().unwrap_or("")));
    }
}
