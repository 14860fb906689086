//! Patches of objects: JSON patch, merge patch and strategic merge patch.

use serde_json::{Map, Value};

use super::status::Refusal;

/// Applies a JSON patch (RFC 6902).
pub(crate) fn json(object: &mut Value, patch: &Value) -> Result<(), Refusal> {
    let steps = patch.as_array().ok_or_else(|| {
        Refusal::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        )
    })?;
    for step in steps {
        let path = step["path"].as_str().unwrap_or("");
        let failed = || {
            Refusal::bad_request(format!(
                "{} operation does not apply: doc is missing path: \"{path}\": missing value",
                step["op"].as_str().unwrap_or("")
            ))
        };
        match step["op"].as_str() {
            Some("add") => add(object, path, step["value"].clone()).ok_or_else(failed)?,
            Some("remove") => drop(remove(object, path).ok_or_else(failed)?),
            Some("replace") => *object.pointer_mut(path).ok_or_else(failed)? = step["value"].clone(),
            Some("test") if object.pointer(path).unwrap_or(&Value::Null) == &step["value"] => {}
            Some("test") => {
                return Err(Refusal::bad_request(format!("testing value {path} failed: test failed")));
            }
            Some("copy") => {
                let value =
                    object.pointer(step["from"].as_str().unwrap_or("")).cloned().ok_or_else(failed)?;
                add(object, path, value).ok_or_else(failed)?;
            }
            Some("move") => {
                let value = remove(object, step["from"].as_str().unwrap_or("")).ok_or_else(failed)?;
                add(object, path, value).ok_or_else(failed)?;
            }
            other => {
                return Err(Refusal::bad_request(format!("Unexpected kind: {}", other.unwrap_or("unknown"))));
            }
        }
    }
    Ok(())
}

fn parent<'a>(object: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((object.pointer_mut(parent)?, last.replace("~1", "/").replace("~0", "~")))
}

fn add(object: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *object = value;
        return Some(());
    }
    let (parent, last) = parent(object, path)?;
    match parent {
        Value::Object(map) => drop(map.insert(last, value)),
        Value::Array(list) if last == "-" => list.push(value),
        Value::Array(list) => {
            let at: usize = last.parse().ok().filter(|at| *at <= list.len())?;
            list.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(object: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = parent(object, path)?;
    match parent {
        Value::Object(map) => map.remove(&last),
        Value::Array(list) => {
            let at: usize = last.parse().ok().filter(|at| *at < list.len())?;
            Some(list.remove(at))
        }
        _ => None,
    }
}

/// Applies a strategic merge patch: as a merge patch, but lists whose entries have a key are merged by it.
pub(crate) fn strategic(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let mut whole = patch.clone();
            whole.remove("$patch");
            *object = Value::Object(whole);
            return;
        }
        Some("delete") => {
            *object = Value::Object(Map::new());
            return;
        }
        _ => {}
    }
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(map) = object else { return };
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        map.retain(|name, _| kept.iter().any(|kept| kept == name));
    }
    for (name, new) in patch {
        if let Some(field) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = new.as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(Value::Array(list)) = map.get_mut(field) {
                list.retain(|value| !gone.contains(value));
            }
        } else if name.starts_with('$') {
            // $setElementOrder only says an order; nothing here depends on it.
        } else if new.is_null() {
            map.remove(name);
        } else if let (Value::Array(new), Some(keys)) = (new, merge_keys(name)) {
            let list = map.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
            if !list.is_array() {
                *list = Value::Array(Vec::new());
            }
            if let Value::Array(list) = list {
                merge_list(list, new, keys);
            }
        } else if new.is_object() {
            strategic(map.entry(name.clone()).or_insert(Value::Null), new);
        } else {
            map.insert(name.clone(), new.clone());
        }
    }
}

fn merge_list(list: &mut Vec<Value>, patch: &[Value], keys: &[&str]) {
    if patch.iter().any(|entry| entry["$patch"] == "replace") {
        *list = patch.iter().filter(|entry| entry["$patch"] != "replace").cloned().collect();
        return;
    }
    for entry in patch {
        if !entry.is_object() {
            if !list.contains(entry) {
                list.push(entry.clone());
            }
            continue;
        }
        // The first key that the entry has is the one by which it is found (services and containers differ).
        let Some(key) = keys.iter().find(|key| entry.get(**key).is_some()) else {
            list.push(entry.clone());
            continue;
        };
        let at = list.iter().position(|old| old.get(*key) == entry.get(*key));
        match (at, entry["$patch"].as_str()) {
            (Some(at), Some("delete")) => drop(list.remove(at)),
            (None, Some("delete")) => {}
            (Some(at), _) => strategic(&mut list[at], entry),
            (None, _) => {
                let mut new = Value::Null;
                strategic(&mut new, entry);
                list.push(new);
            }
        }
    }
}

/// The keys by which the published types merge the entries of a list; `None` for lists that are replaced whole.
/// Taints and tolerations are replaced whole, as `kubectl taint` relies on.
fn merge_keys(field: &str) -> Option<&'static [&'static str]> {
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets"
        | "webhooks"
        | "drivers" => &["name"],
        "ports" => &["containerPort", "port"],
        "conditions" | "addresses" => &["type"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "ownerReferences" => &["uid"],
        "hostAliases" | "podIPs" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey"],
        "finalizers" | "podCIDRs" => &[],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn strategic_patches_merge_what_has_a_key_and_replace_the_rest() {
        let table = [
            (
                json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "x"}]}}),
                json!({"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Disk", "status": "False"}]}}),
                json!({"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "x"}, {"type": "Disk", "status": "False"}]}}),
            ),
            (
                json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}], "unschedulable": true}}),
                json!({"spec": {"taints": [{"key": "b", "effect": "NoExecute"}], "unschedulable": null}}),
                json!({"spec": {"taints": [{"key": "b", "effect": "NoExecute"}]}}),
            ),
            (
                json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}),
                json!({"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [
                    {"name": "b", "$patch": "delete"}, {"name": "a", "image": "2", "env": [{"name": "X", "value": "1"}]}]}}),
                json!({"spec": {"containers": [{"name": "a", "image": "2", "env": [{"name": "X", "value": "1"}]}]}}),
            ),
            (
                json!({"metadata": {"finalizers": ["a", "b"]}}),
                json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}}),
                json!({"metadata": {"finalizers": ["b", "c"]}}),
            ),
            (
                json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}),
                json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
                json!({"spec": {"strategy": {"type": "Recreate"}}}),
            ),
        ];
        for (mut before, patch, after) in table {
            strategic(&mut before, &patch);
            assert_eq!(before, after, "{patch}");
        }
    }

    #[test]
    fn a_json_patch_whose_test_fails_is_refused() {
        let mut object = json!({"a": [1, 3], "b": {"c/d": 1}});
        let patch = json!([{"op": "test", "path": "/a/0", "value": 1}, {"op": "add", "path": "/a/1", "value": 2},
            {"op": "remove", "path": "/b/c~1d"}, {"op": "replace", "path": "/a/0", "value": 0}]);
        json(&mut object, &patch).unwrap();
        assert_eq!(object, json!({"a": [0, 2, 3], "b": {}}));
        assert!(json(&mut object, &json!([{"op": "test", "path": "/a/0", "value": 9}])).is_err());
    }
}
