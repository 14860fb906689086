//! What an object must be to be taken.

use serde_json::Value;

use super::resources::Resource;
use super::status::Refusal;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
     and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Checks the type that an object says it has, and fills it in.
pub(crate) fn kind(resource: &Resource, object: &mut Value) -> Result<(), Refusal> {
    if !object.is_object() {
        return Err(Refusal::bad_request("the object provided is unrecognized (must be of type Object)"));
    }
    let (version, kind) = (resource.api_version(), &*resource.kind);
    let said = (object["apiVersion"].as_str(), object["kind"].as_str());
    if said.0.is_some_and(|said| said != version) || said.1.is_some_and(|said| said != kind) {
        return Err(Refusal::bad_request(format!(
            "the API version in the data ({}, Kind={}) does not match the expected API version ({version}, Kind={kind})",
            said.0.unwrap_or(""),
            said.1.unwrap_or("")
        )));
    }
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(serde_json::Map::new());
    }
    Ok(())
}

/// Drops, or refuses when validation is strict, fields that no object has.
pub(crate) fn unknown_fields(
    resource: &Resource,
    object: &mut Value,
    is_strict: bool,
) -> Result<(), Refusal> {
    const METADATA: &[&str] = &[
        "annotations",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "labels",
        "managedFields",
        "name",
        "namespace",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    ];
    const TOP: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];
    let mut unknown = Vec::new();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        unknown.extend(
            metadata
                .keys()
                .filter(|name| !METADATA.contains(&name.as_str()))
                .map(|n| format!("metadata.{n}")),
        );
        metadata.retain(|name, _| METADATA.contains(&name.as_str()));
    }
    if resource.has_status()
        && !resource.is_custom
        && let Some(map) = object.as_object_mut()
    {
        unknown.extend(map.keys().filter(|name| !TOP.contains(&name.as_str())).cloned());
        map.retain(|name, _| TOP.contains(&name.as_str()));
    }
    if unknown.is_empty() || !is_strict {
        return Ok(());
    }
    let list: Vec<String> = unknown.iter().map(|name| format!("unknown field \"{name}\"")).collect();
    Err(Refusal::bad_request(format!(
        "{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
        resource.kind,
        resource.version,
        resource.kind,
        list.join(", ")
    )))
}

/// Checks the name of a new object, and values that nobody can mean.
pub(crate) fn new_object(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or("");
    let is_path_segment = &*resource.group == "rbac.authorization.k8s.io";
    let is_subdomain = |name: &str| {
        name.len() <= 253
            && name.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            })
    };
    if !is_path_segment && !is_subdomain(name) {
        let why = format!("Invalid value: \"{name}\": {SUBDOMAIN}");
        return Err(Refusal::invalid(resource, name, "FieldValueInvalid", "metadata.name", &why));
    }
    labels(resource, object)?;
    required(resource, object, name)
}

fn required(resource: &Resource, object: &Value, name: &str) -> Result<(), Refusal> {
    let missing =
        |field: &str| Err(Refusal::invalid(resource, name, "FieldValueRequired", field, "Required value"));
    match (&*resource.group, &*resource.plural) {
        ("apps", "deployments" | "daemonsets" | "statefulsets" | "replicasets") => {
            if !object["spec"]["selector"].is_object() {
                return missing("spec.selector");
            }
            let labels = &object["spec"]["template"]["metadata"]["labels"];
            let probe = serde_json::json!({ "metadata": { "labels": labels } });
            let selector = super::selector::Selector::of_object(&object["spec"]["selector"]);
            if !selector.matches(&probe) {
                let why = format!("Invalid value: {labels}: `selector` does not match template `labels`");
                return Err(Refusal::invalid(
                    resource,
                    name,
                    "FieldValueInvalid",
                    "spec.template.metadata.labels",
                    &why,
                ));
            }
            containers(resource, name, &object["spec"]["template"]["spec"], "spec.template.spec")
        }
        ("", "pods") => containers(resource, name, &object["spec"], "spec"),
        ("rbac.authorization.k8s.io", "clusterrolebindings" | "rolebindings")
            if object["roleRef"]["name"].as_str().is_none_or(str::is_empty) =>
        {
            missing("roleRef.name")
        }
        ("policy", "poddisruptionbudgets")
            if !object["spec"]["minAvailable"].is_null() && !object["spec"]["maxUnavailable"].is_null() =>
        {
            let why = "Invalid value: minAvailable and maxUnavailable cannot be both set";
            Err(Refusal::invalid(resource, name, "FieldValueInvalid", "spec", why))
        }
        _ => Ok(()),
    }
}

fn containers(resource: &Resource, name: &str, spec: &Value, at: &str) -> Result<(), Refusal> {
    let list = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        let field = format!("{at}.containers");
        return Err(Refusal::invalid(resource, name, "FieldValueRequired", &field, "Required value"));
    }
    for (at_index, container) in list.iter().enumerate() {
        for field in ["name", "image"] {
            if container[field].as_str().is_none_or(str::is_empty) {
                let field = format!("{at}.containers[{at_index}].{field}");
                return Err(Refusal::invalid(resource, name, "FieldValueRequired", &field, "Required value"));
            }
        }
    }
    Ok(())
}

fn labels(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or("");
    for (key, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
        let Some(text) = value.as_str() else {
            return Err(Refusal::bad_request(format!(
                "{} in version \"{}\" cannot be handled as a {}: json: cannot unmarshal {} into Go struct field \
                 ObjectMeta.metadata.labels of type string",
                resource.kind,
                resource.version,
                resource.kind,
                if value.is_boolean() { "bool" } else { "number" }
            )));
        };
        let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
        let is_good = text.len() <= 63
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            && ends(text.chars().next())
            && ends(text.chars().last());
        if !is_good || key.is_empty() {
            let why = format!(
                "Invalid value: \"{text}\": a valid label must be an empty string or consist of alphanumeric characters, \
                 '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  \
                 or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            );
            return Err(Refusal::invalid(resource, name, "FieldValueInvalid", "metadata.labels", &why));
        }
    }
    Ok(())
}

/// Checks that a change leaves alone what cannot be changed.
pub(crate) fn change(resource: &Resource, before: &Value, after: &Value) -> Result<(), Refusal> {
    let name = before["metadata"]["name"].as_str().unwrap_or("");
    labels(resource, after)?;
    let fixed = |pointer: &str, field: &str, why: &str| {
        if before.pointer(pointer) == after.pointer(pointer) {
            return Ok(());
        }
        let value = after.pointer(pointer).cloned().unwrap_or_default();
        let why = format!("Invalid value: {value}: {why}");
        Err(Refusal::invalid(resource, name, "FieldValueInvalid", field, &why))
    };
    match (&*resource.group, &*resource.plural) {
        ("rbac.authorization.k8s.io", "clusterrolebindings" | "rolebindings") => {
            fixed("/roleRef", "roleRef", "cannot change roleRef")
        }
        ("apps", "deployments" | "daemonsets" | "statefulsets" | "replicasets") => {
            fixed("/spec/selector", "spec.selector", "field is immutable")?;
            required(resource, after, name)
        }
        ("storage.k8s.io", "storageclasses") => {
            fixed("/provisioner", "provisioner", "field is immutable")?;
            fixed("/parameters", "parameters", "field is immutable")
        }
        ("", "configmaps" | "secrets") if before["immutable"] == true => {
            fixed("/data", "data", "field is immutable when `immutable` is set")
        }
        ("", "secrets") => fixed("/type", "type", "field is immutable"),
        ("", "nodes") if before["spec"]["providerID"].is_string() => {
            let why = "node updates may only change labels, taints, or capacity (or configSource, if the \
                       DynamicKubeletConfig feature gate is enabled)";
            if before["spec"]["providerID"] == after["spec"]["providerID"] {
                return Ok(());
            }
            Err(Refusal::invalid(
                resource,
                name,
                "FieldValueForbidden",
                "spec.providerID",
                &format!("Forbidden: {why}"),
            ))
        }
        _ => Ok(()),
    }
}
