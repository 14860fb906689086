//! Label and field selectors.

use serde_json::Value;

use super::resources::Resource;
use super::status::Refusal;

/// Which objects of a resource are meant.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    /// JSON pointers and the values they must, or must not, have.
    fields: Vec<(String, bool, String)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Absent,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector`.
    pub(crate) fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Self, Refusal> {
        let mut selector = Self::default();
        for text in requirements(labels) {
            let requirement = Requirement::parse(text).ok_or_else(|| {
                Refusal::bad_request(format!(
                    "unable to parse requirement: found '{text}', expected: identifier"
                ))
            })?;
            selector.labels.push(requirement);
        }
        for text in fields.split(',').filter(|text| !text.is_empty()) {
            let (label, is_equal, value) = match (text.split_once("!="), text.split_once('=')) {
                (Some((label, value)), _) => (label, false, value),
                (None, Some((label, value))) => (label, true, value.trim_start_matches('=')),
                (None, None) => {
                    return Err(Refusal::bad_request(format!(
                        "invalid selector: '{text}'; can't understand '{text}'"
                    )));
                }
            };
            if !is_supported(resource, label) {
                return Err(Refusal::bad_request(format!(
                    "Unable to find \"{}/{}, Resource={}\" that match label selector \"{labels}\", field selector \
                     \"{fields}\": field label not supported: {label}",
                    resource.group, resource.version, resource.plural
                )));
            }
            selector.fields.push((format!("/{}", label.replace('.', "/")), is_equal, value.to_owned()));
        }
        Ok(selector)
    }

    /// The `matchLabels` and `matchExpressions` of an object.
    pub(crate) fn of_object(selector: &Value) -> Self {
        let mut labels: Vec<Requirement> = selector["matchLabels"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| Requirement {
                key: key.clone(),
                operator: Operator::In,
                values: vec![value.as_str().unwrap_or("").to_owned()],
            })
            .collect();
        for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
            let operator = match expression["operator"].as_str() {
                Some("NotIn") => Operator::NotIn,
                Some("Exists") => Operator::Exists,
                Some("DoesNotExist") => Operator::Absent,
                _ => Operator::In,
            };
            let values = expression["values"].as_array().into_iter().flatten();
            labels.push(Requirement {
                key: expression["key"].as_str().unwrap_or("").to_owned(),
                operator,
                values: values.filter_map(Value::as_str).map(str::to_owned).collect(),
            });
        }
        Self { labels, fields: Vec::new() }
    }

    /// The one name that is asked for, when a field selector says so.
    pub(crate) fn name(&self) -> Option<&str> {
        self.fields
            .iter()
            .find(|(pointer, is_equal, _)| *is_equal && pointer == "/metadata/name")
            .map(|(_, _, value)| value.as_str())
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|requirement| requirement.matches(labels))
            && self.fields.iter().all(|(pointer, is_equal, wanted)| {
                let is = match object.pointer(pointer) {
                    Some(Value::String(text)) => text == wanted,
                    Some(Value::Null) => wanted.is_empty(),
                    Some(other) => wanted.parse::<Value>().is_ok_and(|wanted| wanted == *other),
                    None => wanted.is_empty() || (wanted == "false" && pointer == "/spec/unschedulable"),
                };
                is == *is_equal
            })
    }
}

impl Requirement {
    fn parse(text: &str) -> Option<Self> {
        let set = |list: &str| {
            let list = list.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(list.split(',').map(|value| value.trim().to_owned()).collect::<Vec<_>>())
        };
        let make = |key: &str, operator, values| {
            let key = key.trim();
            let is_valid = !key.is_empty()
                && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
            is_valid.then(|| Self { key: key.to_owned(), operator, values })
        };
        if let Some((key, list)) = text.split_once(" notin ").or_else(|| text.split_once(" notin(")) {
            let list = if list.trim_start().starts_with('(') { list.to_owned() } else { format!("({list}") };
            return make(key, Operator::NotIn, set(&list)?);
        }
        if let Some((key, list)) = text.split_once(" in ").or_else(|| text.split_once(" in(")) {
            let list = if list.trim_start().starts_with('(') { list.to_owned() } else { format!("({list}") };
            return make(key, Operator::In, set(&list)?);
        }
        if let Some((key, value)) = text.split_once("!=") {
            return make(key, Operator::NotIn, vec![value.trim().to_owned()]);
        }
        if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            return make(key, Operator::In, vec![value.trim().to_owned()]);
        }
        match text.trim().strip_prefix('!') {
            Some(key) => make(key, Operator::Absent, Vec::new()),
            None => make(text, Operator::Exists, Vec::new()),
        }
    }

    fn matches(&self, labels: &Value) -> bool {
        let value = labels.get(&self.key).and_then(Value::as_str);
        match self.operator {
            Operator::In => value.is_some_and(|value| self.values.iter().any(|wanted| wanted == value)),
            Operator::NotIn => value.is_none_or(|value| self.values.iter().all(|wanted| wanted != value)),
            Operator::Exists => value.is_some(),
            Operator::Absent => value.is_none(),
        }
    }
}

/// Splits at the commas that are not within parentheses.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|text| !text.is_empty())
}

fn is_supported(resource: &Resource, label: &str) -> bool {
    let more: &[&str] = match &*resource.plural {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "nodes" => &["spec.unschedulable"],
        "namespaces" => &["status.phase"],
        "secrets" => &["type"],
        "jobs" => &["status.successful"],
        "replicasets" => &["status.replicas"],
        "services" => &["spec.clusterIP", "spec.type"],
        "certificatesigningrequests" => &["spec.signerName"],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        _ => &[],
    };
    matches!(label, "metadata.name" | "metadata.namespace") || more.contains(&label)
}

#[cfg(test)]
mod tests {
    use super::super::{resources, store::Store};
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_select_as_kubernetes_does() {
        let pods = resources::find(&Store::new(""), "", "v1", "pods").unwrap();
        let pod = json!({ "metadata": { "name": "a", "labels": { "app": "web", "tier": "front" } },
            "spec": { "nodeName": "n-1" }, "status": { "phase": "Running" } });
        for (labels, fields, expected) in [
            ("", "", true),
            ("app=web", "", true),
            ("app==web,tier!=back", "", true),
            ("app in (web, api),!gone", "", true),
            ("app notin (web)", "", false),
            ("tier", "spec.nodeName=n-1", true),
            ("missing", "", false),
            ("missing!=x", "", true),
            ("", "spec.nodeName=n-2", false),
            ("", "status.phase!=Running", false),
            ("", "status.phase!=Succeeded,status.phase!=Failed", true),
            ("", "spec.nodeName=", false),
            ("", "metadata.name==a", true),
        ] {
            let selector = Selector::parse(&pods, labels, fields).unwrap();
            assert_eq!(selector.matches(&pod), expected, "{labels} {fields}");
        }
        let refusal = Selector::parse(&pods, "", "spec.image=x").unwrap_err();
        assert_eq!(
            refusal.message,
            "Unable to find \"/v1, Resource=pods\" that match label selector \"\", field selector \"spec.image=x\": \
             field label not supported: spec.image"
        );
    }

    #[test]
    fn a_selector_of_an_object_reads_both_forms() {
        let selector = Selector::of_object(&json!({ "matchLabels": { "a": "1" },
            "matchExpressions": [{ "key": "b", "operator": "NotIn", "values": ["2"] },
                                 { "key": "c", "operator": "DoesNotExist" }] }));
        let labels = |labels: Value| json!({ "metadata": { "labels": labels } });
        assert!(selector.matches(&labels(json!({ "a": "1" }))));
        assert!(!selector.matches(&labels(json!({ "a": "1", "b": "2" }))));
        assert!(!selector.matches(&labels(json!({ "a": "1", "c": "" }))));
    }
}
