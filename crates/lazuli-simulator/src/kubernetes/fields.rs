//! Sets of fields, in the form of `managedFields[].fieldsV1`: `{"f:spec": {"f:replicas": {}}}`.
//!
//! Belongs here: which fields an object has, and sums, differences and removals of such sets. Not here: who owns
//! them (`ownership`).

use serde_json::{Map, Value, json};

/// A set of fields.
pub(crate) type Fields = Map<String, Value>;

/// How the entries of a list belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// One value.
    Atomic,
    /// Entries with keys.
    Keyed(&'static [&'static str]),
    /// A set of scalars.
    Set,
}

/// How the published types merge a list of that name. Lists of custom resources are atomic unless they say otherwise,
/// which is not looked at: `custom` is true for them.
pub(crate) fn list_kind(field: &str, list: &[Value], custom: bool) -> ListKind {
    let has = |name: &str| list.first().is_some_and(|entry| entry.get(name).is_some());
    match field {
        "finalizers" => ListKind::Set,
        "ownerReferences" => ListKind::Keyed(&["uid"]),
        _ if custom => ListKind::Atomic,
        "podCIDRs" => ListKind::Set,
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "webhooks"
        | "imagePullSecrets"
        | "drivers"
            if list.iter().all(|entry| entry.get("name").is_some()) =>
        {
            ListKind::Keyed(&["name"])
        }
        "ports" if has("containerPort") => ListKind::Keyed(&["containerPort", "protocol"]),
        "ports" if has("port") => ListKind::Keyed(&["port", "protocol"]),
        "conditions" | "addresses" if list.iter().all(|entry| entry.get("type").is_some()) => {
            ListKind::Keyed(&["type"])
        }
        "volumeMounts" => ListKind::Keyed(&["mountPath"]),
        "volumeDevices" => ListKind::Keyed(&["devicePath"]),
        "hostAliases" | "podIPs" => ListKind::Keyed(&["ip"]),
        "topologySpreadConstraints" => ListKind::Keyed(&["topologyKey", "whenUnsatisfiable"]),
        _ => ListKind::Atomic,
    }
}

/// Maps that are owned as a whole.
pub(crate) fn is_atomic_map(field: &str) -> bool {
    matches!(
        field,
        "selector"
            | "nodeSelector"
            | "labelSelector"
            | "matchLabels"
            | "namespaceSelector"
            | "objectSelector"
            | "resourceFieldRef"
            | "fieldRef"
            | "secretKeyRef"
            | "configMapKeyRef"
            | "claimRef"
            | "roleRef"
            | "involvedObject"
            | "targetRef"
            | "secretRef"
            | "scopeSelector"
    )
}

/// The path element of a list's entry.
pub(crate) fn element(kind: ListKind, entry: &Value) -> String {
    match kind {
        ListKind::Keyed(keys) => {
            let mut key = Map::new();
            for name in keys {
                let value = match (entry.get(*name), *name) {
                    (Some(value), _) => value.clone(),
                    (None, "protocol") => json!("TCP"),
                    (None, _) => continue,
                };
                key.insert((*name).to_owned(), value);
            }
            format!("k:{}", Value::Object(key))
        }
        ListKind::Set | ListKind::Atomic => format!("v:{entry}"),
    }
}

/// The fields of an object that somebody can own: not its type, name, or what the server sets.
pub(crate) fn of_object(object: &Value, custom: bool) -> Fields {
    let mut fields = of_value(object, custom);
    for name in ["f:apiVersion", "f:kind"] {
        fields.remove(name);
    }
    if let Some(Value::Object(metadata)) = fields.get_mut("f:metadata") {
        for name in [
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "managedFields",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            metadata.remove(&format!("f:{name}"));
        }
        metadata.remove(".");
        if metadata.is_empty() {
            fields.remove("f:metadata");
        }
    }
    for name in ["f:spec", "f:status", "f:data"] {
        if let Some(Value::Object(inner)) = fields.get_mut(name)
            && name != "f:data"
        {
            inner.remove(".");
        }
    }
    fields.remove(".");
    fields
}

fn of_value(value: &Value, custom: bool) -> Fields {
    let mut fields = Fields::new();
    if let Value::Object(map) = value {
        for (name, inner) in map {
            fields.insert(format!("f:{name}"), Value::Object(of_field(name, inner, custom)));
        }
    }
    fields
}

fn of_field(name: &str, value: &Value, custom: bool) -> Fields {
    match value {
        Value::Object(map) if !map.is_empty() && !is_atomic_map(name) => {
            let mut fields = of_value(value, custom);
            if is_plain_map(name) {
                fields.insert(".".to_owned(), json!({}));
            }
            fields
        }
        Value::Array(list) => {
            let kind = list_kind(name, list, custom);
            if kind == ListKind::Atomic || list.is_empty() {
                return Fields::new();
            }
            let mut fields = Fields::from_iter([(".".to_owned(), json!({}))]);
            for entry in list {
                let mut inner = if kind == ListKind::Set { Fields::new() } else { of_value(entry, custom) };
                if !inner.is_empty() {
                    inner.insert(".".to_owned(), json!({}));
                }
                fields.insert(element(kind, entry), Value::Object(inner));
            }
            fields
        }
        _ => Fields::new(),
    }
}

/// Maps from names of the user's choice, whose existence is a field of its own.
fn is_plain_map(name: &str) -> bool {
    matches!(
        name,
        "labels" | "annotations" | "data" | "binaryData" | "capacity" | "allocatable" | "limits" | "requests"
    )
}

/// Whether a set ends here.
fn is_leaf(fields: &Value) -> bool {
    fields.as_object().is_none_or(Map::is_empty)
}

/// Everything that is in either.
pub(crate) fn union(a: &mut Fields, b: &Fields) {
    for (name, theirs) in b {
        match (a.get_mut(name), theirs) {
            (Some(Value::Object(mine)), Value::Object(theirs)) => union(mine, theirs),
            _ => drop(a.insert(name.clone(), theirs.clone())),
        }
    }
}

/// Takes out of `a` every leaf that is in `b`.
pub(crate) fn subtract(a: &mut Fields, b: &Fields) {
    for (name, theirs) in b {
        let Some(mine) = a.get_mut(name) else { continue };
        if is_leaf(theirs) || is_leaf(mine) {
            if is_leaf(theirs) {
                a.remove(name);
            }
        } else if let (Value::Object(inner), Value::Object(theirs)) = (mine, theirs) {
            subtract(inner, theirs);
            if inner.is_empty() || inner.keys().all(|name| name == ".") && !theirs.contains_key(".") {
                a.remove(name);
            }
        }
    }
}

/// The paths of all leaves.
pub(crate) fn leaves(fields: &Fields) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    walk(fields, &mut Vec::new(), &mut found);
    found
}

fn walk(fields: &Fields, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for (name, inner) in fields {
        if name == "." {
            found.push(path.clone());
            continue;
        }
        path.push(name.clone());
        match inner {
            Value::Object(inner) if !inner.is_empty() => walk(inner, path, found),
            _ => found.push(path.clone()),
        }
        path.pop();
    }
}

/// Whether a path is in a set, as a leaf or as something that contains leaves.
pub(crate) fn contains(fields: &Fields, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match fields.get(first) {
        Some(Value::Object(inner)) => rest.is_empty() || contains(inner, rest),
        _ => false,
    }
}

/// A set of the one path.
pub(crate) fn single(path: &[String]) -> Fields {
    let mut fields = Fields::new();
    if let Some((first, rest)) = path.split_first() {
        fields.insert(first.clone(), Value::Object(single(rest)));
    }
    fields
}

/// The value at a path of an object.
pub(crate) fn value_at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    let Some((first, rest)) = path.split_first() else { return Some(object) };
    let inner = match first.split_once(':')? {
        ("f", name) => object.get(name)?,
        ("k", key) => {
            let key: Value = serde_json::from_str(key).ok()?;
            object.as_array()?.iter().find(|entry| has_key(entry, &key))?
        }
        (_, value) => {
            let value: Value = serde_json::from_str(value).ok()?;
            object.as_array()?.iter().find(|entry| **entry == value)?
        }
    };
    value_at(inner, rest)
}

/// Removes what is at a path of an object, and lists and maps that are empty for it.
pub(crate) fn remove_at(object: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    let Some((sort, text)) = first.split_once(':') else { return };
    match (sort, object) {
        ("f", Value::Object(map)) => {
            if rest.is_empty() {
                map.remove(text);
            } else if let Some(inner) = map.get_mut(text) {
                remove_at(inner, rest);
                let is_empty = matches!(inner, Value::Object(map) if map.is_empty())
                    || matches!(inner, Value::Array(list) if list.is_empty());
                if is_empty {
                    map.remove(text);
                }
            }
        }
        (sort, Value::Array(list)) => {
            let Ok(key) = serde_json::from_str::<Value>(text) else { return };
            let at =
                list.iter().position(|entry| if sort == "k" { has_key(entry, &key) } else { *entry == key });
            match at {
                Some(at) if rest.is_empty() => drop(list.remove(at)),
                Some(at) => remove_at(&mut list[at], rest),
                None => {}
            }
        }
        _ => {}
    }
}

fn has_key(entry: &Value, key: &Value) -> bool {
    key.as_object().into_iter().flatten().all(|(name, value)| match entry.get(name) {
        Some(found) => found == value,
        None => name == "protocol" && value == "TCP",
    })
}

/// A path as people read it: `.spec.containers[name="web"].image`.
pub(crate) fn display(path: &[String]) -> String {
    let mut text = String::new();
    for element in path {
        match element.split_once(':') {
            Some(("f", name)) => {
                text.push('.');
                text.push_str(name);
            }
            Some(("k", key)) => {
                let key: Value = serde_json::from_str(key).unwrap_or_default();
                let parts: Vec<String> = key
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                text.push_str(&format!("[{}]", parts.join(",")));
            }
            Some((_, value)) => text.push_str(&format!("[={value}]")),
            None => {}
        }
    }
    text
}
