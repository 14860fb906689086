//! What the server adds to new objects.

use serde_json::{Value, json};

use super::auth::User;
use super::namespaces;
use super::resources::Resource;
use super::store::{Store, moment};

/// Fills in a new object.
pub(crate) fn on_create(store: &Store, resource: &Resource, object: &mut Value, user: &User, now_ms: u64) {
    let name = object["metadata"]["name"].as_str().unwrap_or("").to_owned();
    match (&*resource.group, &*resource.plural) {
        ("", "namespaces") => {
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(name);
            object["spec"] = json!({ "finalizers": ["kubernetes"] });
            object["status"] = json!({ "phase": "Active" });
        }
        ("", "pods") => {
            pod_spec(&mut object["spec"]);
            object["status"] = json!({ "phase": "Pending", "qosClass": "BestEffort" });
        }
        ("", "secrets") => {
            namespaces::encode_string_data(object);
            default(object, "type", json!("Opaque"));
        }
        ("", "services") => service(store, object),
        ("", "persistentvolumes") => object["status"] = json!({ "phase": "Pending" }),
        ("", "persistentvolumeclaims") => object["status"] = json!({ "phase": "Pending" }),
        ("apps", "deployments" | "statefulsets" | "replicasets") => {
            default(&mut object["spec"], "replicas", json!(1));
            pod_spec(&mut object["spec"]["template"]["spec"]);
        }
        ("apps", "daemonsets") => pod_spec(&mut object["spec"]["template"]["spec"]),
        ("certificates.k8s.io", "certificatesigningrequests") => {
            object["spec"]["username"] = json!(user.name);
            object["spec"]["groups"] = json!(user.groups);
        }
        ("storage.k8s.io", "storageclasses") => {
            default(object, "reclaimPolicy", json!("Delete"));
            default(object, "volumeBindingMode", json!("Immediate"));
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition(object, now_ms),
        _ => {}
    }
}

fn default(object: &mut Value, name: &str, value: Value) {
    if object.is_null() {
        *object = json!({});
    }
    if let Some(map) = object.as_object_mut()
        && map.get(name).is_none_or(Value::is_null)
    {
        map.insert(name.to_owned(), value);
    }
}

fn pod_spec(spec: &mut Value) {
    default(spec, "restartPolicy", json!("Always"));
    default(spec, "terminationGracePeriodSeconds", json!(30));
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "schedulerName", json!("default-scheduler"));
}

fn service(store: &Store, object: &mut Value) {
    default(&mut object["spec"], "type", json!("ClusterIP"));
    for port in object["spec"]["ports"].as_array_mut().into_iter().flatten() {
        let target = port["port"].clone();
        default(port, "protocol", json!("TCP"));
        default(port, "targetPort", target);
    }
    if object["spec"]["type"] != "ExternalName"
        && object["spec"]["clusterIP"].as_str().is_none_or(str::is_empty)
    {
        let next = store.version();
        let address = format!("10.96.{}.{}", next / 250 % 250, next % 250 + 2);
        object["spec"]["clusterIP"] = json!(address);
        object["spec"]["clusterIPs"] = json!([address]);
    }
}

/// A custom resource definition is in force at once.
fn definition(object: &mut Value, now_ms: u64) {
    let names = object["spec"]["names"].clone();
    if let Some(kind) = names["kind"].as_str() {
        default(&mut object["spec"]["names"], "singular", json!(kind.to_lowercase()));
        default(&mut object["spec"]["names"], "listKind", json!(format!("{kind}List")));
    }
    let stored: Vec<Value> = object["spec"]["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|version| version["storage"] == true)
        .map(|version| version["name"].clone())
        .collect();
    let condition = |kind: &str, reason: &str, message: &str| json!({ "type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": moment(now_ms) });
    object["status"] = json!({
        "acceptedNames": object["spec"]["names"], "storedVersions": stored,
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
    });
}
