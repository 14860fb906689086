//! The columns of tables, by resource.

use serde_json::{Value, json};

use super::resources::Resource;
use super::table::age;

/// A column: how it is called and what its cell says of an object.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// `string` or `integer`.
    pub(crate) kind: &'static str,
    /// Whether it is shown by `-o wide` only.
    pub(crate) is_wide: bool,
    pub(crate) cell: fn(&Value, u64) -> Value,
}

const fn text(name: &'static str, cell: fn(&Value, u64) -> Value) -> Column {
    Column { name, kind: "string", is_wide: false, cell }
}

const fn number(name: &'static str, cell: fn(&Value, u64) -> Value) -> Column {
    Column { name, kind: "integer", is_wide: false, cell }
}

const fn wide(name: &'static str, cell: fn(&Value, u64) -> Value) -> Column {
    Column { name, kind: "string", is_wide: true, cell }
}

const NAME: Column = text("Name", |object, _| object["metadata"]["name"].clone());
const AGE: Column = text("Age", |object, now| age(&object["metadata"]["creationTimestamp"], now));

/// The columns of a resource; name and age for those that have none of their own.
pub(crate) fn of(resource: &Resource) -> &'static [Column] {
    match (&*resource.group, &*resource.plural) {
        ("", "nodes") => NODES,
        ("", "pods") => PODS,
        ("", "namespaces") => NAMESPACES,
        ("", "configmaps") => CONFIG_MAPS,
        ("", "secrets") => SECRETS,
        ("", "services") => SERVICES,
        ("apps", "deployments") => DEPLOYMENTS,
        ("apps", "replicasets") => REPLICA_SETS,
        ("apps", "daemonsets") => DAEMON_SETS,
        ("apps", "statefulsets") => STATEFUL_SETS,
        ("policy", "poddisruptionbudgets") => BUDGETS,
        ("rbac.authorization.k8s.io", "clusterrolebindings" | "rolebindings") => BINDINGS,
        ("storage.k8s.io", "volumeattachments") => ATTACHMENTS,
        ("certificates.k8s.io", "certificatesigningrequests") => REQUESTS,
        _ => &[NAME, AGE],
    }
}

const NODES: &[Column] = &[
    NAME,
    text("Status", |node, _| {
        let mut status = match condition(node, "Ready") {
            Some("True") => "Ready",
            Some(_) => "NotReady",
            None => "Unknown",
        }
        .to_owned();
        if node["spec"]["unschedulable"] == true {
            status.push_str(",SchedulingDisabled");
        }
        json!(status)
    }),
    text("Roles", |node, _| {
        let labels = node["metadata"]["labels"].as_object();
        let mut roles: Vec<&str> = labels
            .into_iter()
            .flatten()
            .filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"))
            .filter(|role| !role.is_empty())
            .collect();
        roles.sort_unstable();
        json!(if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") })
    }),
    AGE,
    text("Version", |node, _| node["status"]["nodeInfo"]["kubeletVersion"].clone()),
    wide("Internal-IP", |node, _| address(node, "InternalIP")),
    wide("External-IP", |node, _| address(node, "ExternalIP")),
    wide("OS-Image", |node, _| or_unknown(&node["status"]["nodeInfo"]["osImage"])),
    wide("Kernel-Version", |node, _| or_unknown(&node["status"]["nodeInfo"]["kernelVersion"])),
    wide("Container-Runtime", |node, _| or_unknown(&node["status"]["nodeInfo"]["containerRuntimeVersion"])),
];

const PODS: &[Column] = &[
    NAME,
    text("Ready", |pod, _| {
        let containers = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
        let statuses = pod["status"]["containerStatuses"].as_array();
        let ready = statuses.into_iter().flatten().filter(|status| status["ready"] == true).count();
        json!(format!("{ready}/{containers}"))
    }),
    text("Status", |pod, _| {
        if !pod["metadata"]["deletionTimestamp"].is_null() {
            return json!("Terminating");
        }
        if let Some(reason) = pod["status"]["reason"].as_str() {
            return json!(reason);
        }
        let statuses = pod["status"]["containerStatuses"].as_array();
        let waiting = statuses.into_iter().flatten().find_map(|status| {
            status["state"]["waiting"]["reason"].as_str().or(status["state"]["terminated"]["reason"].as_str())
        });
        json!(waiting.unwrap_or_else(|| pod["status"]["phase"].as_str().unwrap_or("Unknown")))
    }),
    text("Restarts", |pod, _| {
        let statuses = pod["status"]["containerStatuses"].as_array();
        let restarts: u64 = statuses.into_iter().flatten().filter_map(|s| s["restartCount"].as_u64()).sum();
        json!(restarts.to_string())
    }),
    AGE,
    wide("IP", |pod, _| or_none(&pod["status"]["podIP"])),
    wide("Node", |pod, _| or_none(&pod["spec"]["nodeName"])),
    wide("Nominated Node", |pod, _| or_none(&pod["status"]["nominatedNodeName"])),
    wide("Readiness Gates", |_, _| json!("<none>")),
];

const NAMESPACES: &[Column] =
    &[NAME, text("Status", |namespace, _| namespace["status"]["phase"].clone()), AGE];

const CONFIG_MAPS: &[Column] = &[
    NAME,
    number("Data", |map, _| {
        json!(
            ["data", "binaryData"]
                .iter()
                .map(|part| map[part].as_object().map_or(0, |data| data.len()))
                .sum::<usize>()
        )
    }),
    AGE,
];

const SECRETS: &[Column] = &[
    NAME,
    text("Type", |secret, _| secret["type"].clone()),
    number("Data", |secret, _| json!(secret["data"].as_object().map_or(0, |data| data.len()))),
    AGE,
];

const SERVICES: &[Column] = &[
    NAME,
    text("Type", |service, _| service["spec"]["type"].clone()),
    text("Cluster-IP", |service, _| or_none(&service["spec"]["clusterIP"])),
    text("External-IP", |service, _| {
        let address = &service["status"]["loadBalancer"]["ingress"][0];
        let address = address["ip"].as_str().or(address["hostname"].as_str());
        json!(address.unwrap_or(if service["spec"]["type"] == "LoadBalancer" {
            "<pending>"
        } else {
            "<none>"
        }))
    }),
    text("Port(s)", |service, _| {
        let ports = service["spec"]["ports"].as_array().into_iter().flatten().map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match port["nodePort"].as_u64() {
                Some(node) => format!("{}:{node}/{protocol}", port["port"]),
                None => format!("{}/{protocol}", port["port"]),
            }
        });
        let ports: Vec<String> = ports.collect();
        json!(if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") })
    }),
    AGE,
    wide("Selector", |service, _| {
        let selector = service["spec"]["selector"].as_object().into_iter().flatten();
        let parts: Vec<String> =
            selector.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or(""))).collect();
        json!(if parts.is_empty() { "<none>".to_owned() } else { parts.join(",") })
    }),
];

const DEPLOYMENTS: &[Column] = &[
    NAME,
    text("Ready", |object, _| {
        json!(format!(
            "{}/{}",
            count(object, "readyReplicas"),
            object["spec"]["replicas"].as_i64().unwrap_or(1)
        ))
    }),
    number("Up-to-date", |object, _| json!(count(object, "updatedReplicas"))),
    number("Available", |object, _| json!(count(object, "availableReplicas"))),
    AGE,
    wide("Containers", |object, _| containers(object, "name")),
    wide("Images", |object, _| containers(object, "image")),
];

const REPLICA_SETS: &[Column] = &[
    NAME,
    number("Desired", |object, _| json!(object["spec"]["replicas"].as_i64().unwrap_or(1))),
    number("Current", |object, _| json!(count(object, "replicas"))),
    number("Ready", |object, _| json!(count(object, "readyReplicas"))),
    AGE,
];

const STATEFUL_SETS: &[Column] = &[
    NAME,
    text("Ready", |object, _| {
        json!(format!(
            "{}/{}",
            count(object, "readyReplicas"),
            object["spec"]["replicas"].as_i64().unwrap_or(1)
        ))
    }),
    AGE,
];

const DAEMON_SETS: &[Column] = &[
    NAME,
    number("Desired", |object, _| json!(count(object, "desiredNumberScheduled"))),
    number("Current", |object, _| json!(count(object, "currentNumberScheduled"))),
    number("Ready", |object, _| json!(count(object, "numberReady"))),
    number("Up-to-date", |object, _| json!(count(object, "updatedNumberScheduled"))),
    number("Available", |object, _| json!(count(object, "numberAvailable"))),
    text("Node Selector", |object, _| {
        let selector = object["spec"]["template"]["spec"]["nodeSelector"].as_object().into_iter().flatten();
        let parts: Vec<String> =
            selector.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or(""))).collect();
        json!(if parts.is_empty() { "<none>".to_owned() } else { parts.join(",") })
    }),
    AGE,
    wide("Containers", |object, _| containers(object, "name")),
    wide("Images", |object, _| containers(object, "image")),
];

const BUDGETS: &[Column] = &[
    NAME,
    text("Min Available", |object, _| or_not_available(&object["spec"]["minAvailable"])),
    text("Max Unavailable", |object, _| or_not_available(&object["spec"]["maxUnavailable"])),
    number("Allowed Disruptions", |object, _| json!(count(object, "disruptionsAllowed"))),
    AGE,
];

const BINDINGS: &[Column] = &[
    NAME,
    text("Role", |object, _| {
        let role = &object["roleRef"];
        json!(format!("{}/{}", role["kind"].as_str().unwrap_or(""), role["name"].as_str().unwrap_or("")))
    }),
    AGE,
];

const ATTACHMENTS: &[Column] = &[
    NAME,
    text("Attacher", |object, _| object["spec"]["attacher"].clone()),
    text("PV", |object, _| object["spec"]["source"]["persistentVolumeName"].clone()),
    text("Node", |object, _| object["spec"]["nodeName"].clone()),
    text("Attached", |object, _| json!(object["status"]["attached"] == true)),
    AGE,
];

const REQUESTS: &[Column] = &[
    NAME,
    AGE,
    text("SignerName", |object, _| object["spec"]["signerName"].clone()),
    text("Requestor", |object, _| object["spec"]["username"].clone()),
    text("Condition", |object, _| {
        let mut words: Vec<&str> = object["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|condition| condition["type"].as_str())
            .collect();
        if object["status"]["certificate"].is_string() {
            words.push("Issued");
        }
        json!(if words.is_empty() { "Pending".to_owned() } else { words.join(",") })
    }),
];

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)?["status"].as_str()
}

fn address(node: &Value, kind: &str) -> Value {
    let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
    let found = addresses.into_iter().find(|address| address["type"] == kind);
    found.map_or_else(|| json!("<none>"), |address| address["address"].clone())
}

fn containers(object: &Value, field: &str) -> Value {
    let list = object["spec"]["template"]["spec"]["containers"].as_array().into_iter().flatten();
    json!(list.filter_map(|container| container[field].as_str()).collect::<Vec<_>>().join(","))
}

fn count(object: &Value, field: &str) -> i64 {
    object["status"][field].as_i64().unwrap_or(0)
}

fn or_none(value: &Value) -> Value {
    match value.as_str() {
        None | Some("") => json!("<none>"),
        Some(text) => json!(text),
    }
}

fn or_unknown(value: &Value) -> Value {
    if value.is_string() { value.clone() } else { json!("<unknown>") }
}

fn or_not_available(value: &Value) -> Value {
    match value {
        Value::Null => json!("N/A"),
        Value::String(text) => json!(text),
        other => json!(other.to_string()),
    }
}
