//! Looking at objects: names, labels, selectors, taints, readiness.

use serde_json::Value;

pub(super) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or("")
}

pub(super) fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or("")
}

pub(super) fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or("")
}

pub(super) fn items<'v>(value: &'v Value) -> impl Iterator<Item = &'v Value> + use<'v> {
    value.as_array().into_iter().flatten()
}

pub(super) fn is_going(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// The controlling owner.
pub(super) fn owner(object: &Value) -> Option<&Value> {
    items(&object["metadata"]["ownerReferences"]).find(|owner| owner["controller"].as_bool() == Some(true))
}

pub(super) fn is_owned_by(object: &Value, uid: &str) -> bool {
    owner(object).is_some_and(|owner| owner["uid"] == uid)
}

pub(super) fn node_of(pod: &Value) -> &str {
    pod["spec"]["nodeName"].as_str().unwrap_or("")
}

pub(super) fn is_mirror(pod: &Value) -> bool {
    pod["metadata"]["annotations"].get("kubernetes.io/config.mirror").is_some()
}

/// Whether a condition is true.
pub(super) fn has(object: &Value, condition: &str) -> bool {
    items(&object["status"]["conditions"]).any(|c| c["type"] == condition && c["status"] == "True")
}

pub(super) fn is_ready(pod: &Value) -> bool {
    pod["status"]["phase"] == "Running" && has(pod, "Ready") && !is_going(pod)
}

pub(super) fn is_finished(pod: &Value) -> bool {
    matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

/// Whether a label selector (`matchLabels`, `matchExpressions`) takes labels. An empty one takes all, none takes nothing.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    if selector.is_null() {
        return false;
    }
    let equal = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    equal && items(&selector["matchExpressions"]).all(|expression| expressed(expression, labels))
}

fn expressed(expression: &Value, labels: &Value) -> bool {
    let value = labels.get(expression["key"].as_str().unwrap_or(""));
    let is_in = || value.is_some_and(|value| items(&expression["values"]).any(|one| one == value));
    match expression["operator"].as_str().unwrap_or("") {
        "In" => is_in(),
        "NotIn" => !is_in(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// Whether a pod's node selector and required node affinity take a node.
pub(super) fn may_run_on(spec: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let selected = spec["nodeSelector"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let mut terms = items(&required["nodeSelectorTerms"]).peekable();
    selected
        && (terms.peek().is_none()
            || terms.any(|term| {
                items(&term["matchExpressions"]).all(|expression| expressed(expression, labels))
                    && items(&term["matchFields"])
                        .all(|field| items(&field["values"]).any(|value| value == &node["metadata"]["name"]))
            }))
}

/// Whether a list of tolerations takes a taint.
pub(super) fn tolerates(tolerations: &Value, taint: &Value) -> bool {
    items(tolerations).any(|toleration| {
        let effect = toleration["effect"].as_str().unwrap_or("");
        let key = toleration["key"].as_str().unwrap_or("");
        let same_key = key.is_empty() || taint["key"] == key;
        let same_value = toleration["operator"] == "Exists"
            || toleration["value"].as_str().unwrap_or("") == taint["value"].as_str().unwrap_or("");
        (effect.is_empty() || taint["effect"] == effect) && same_key && same_value
    })
}

/// A container of a pod's running template is of this program.
pub(super) fn runs(pod: &Value, program: &str) -> bool {
    items(&pod["spec"]["containers"]).any(|container| {
        let image = container["image"].as_str().unwrap_or("");
        let image = image.rsplit('/').next().unwrap_or(image);
        image.split([':', '@']).next().is_some_and(|name| name.ends_with(program))
    })
}

/// Sets a condition; the time of its transition stays unless the status changes.
pub(super) fn set_condition(object: &mut Value, new: Value) {
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = Value::Array(Vec::new());
    }
    let Some(conditions) = object["status"]["conditions"].as_array_mut() else { return };
    match conditions.iter_mut().find(|old| old["type"] == new["type"]) {
        Some(old)
            if old["status"] == new["status"]
                && old["reason"] == new["reason"]
                && old["message"] == new["message"] => {}
        Some(old) => *old = new,
        None => conditions.push(new),
    }
}

/// A number or a percentage of a total; a percentage rounds up or down.
pub(super) fn share(value: &Value, total: i64, round_up: bool) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => match text.strip_suffix('%') {
            Some(percent) => {
                let product = percent.parse::<i64>().ok()? * total;
                Some(if round_up { (product + 99) / 100 } else { product / 100 })
            }
            None => text.parse().ok(),
        },
        _ => None,
    }
}
