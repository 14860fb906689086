//! Who owns which fields of an object (`metadata.managedFields`), and server-side apply.

use serde_json::{Value, json};

use super::fields::{self, Fields, ListKind};
use super::status::Refusal;

/// Who writes, and how.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Writer<'a> {
    pub(crate) manager: &'a str,
    /// `Apply` or `Update`.
    pub(crate) operation: &'static str,
    pub(crate) api_version: &'a str,
    /// `status` when written through the subresource, else empty.
    pub(crate) subresource: &'a str,
    /// When, as Kubernetes prints it.
    pub(crate) time: &'a str,
    /// Whether the object is of a custom resource.
    pub(crate) is_custom: bool,
}

impl Writer<'_> {
    fn owns(&self, entry: &Value) -> bool {
        entry["manager"] == self.manager
            && entry["operation"] == self.operation
            && entry["subresource"].as_str().unwrap_or("") == self.subresource
            && (self.operation == "Apply" || entry["apiVersion"] == self.api_version)
    }

    fn entry(&self, fields: Fields) -> Value {
        let mut entry = json!({
            "manager": self.manager, "operation": self.operation, "apiVersion": self.api_version,
            "time": self.time, "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }
}

fn entries(object: &Value) -> Vec<Value> {
    object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default()
}

fn fields_of(entry: &Value) -> Fields {
    entry["fieldsV1"].as_object().cloned().unwrap_or_default()
}

fn set_entries(object: &mut Value, mut list: Vec<Value>) {
    list.retain(|entry| entry["fieldsV1"].as_object().is_some_and(|fields| !fields.is_empty()));
    // Applied before updated, and then by age: the order in which the real server lists them.
    list.sort_by_key(|entry| {
        let text = |name: &str| entry[name].as_str().unwrap_or("").to_owned();
        (text("operation"), text("time"), text("manager"), text("subresource"))
    });
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if list.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), Value::Array(list));
        }
    }
}

/// Notes that `writer` has changed an object from `before` to `after` by a create, update or patch.
pub(crate) fn updated(before: Option<&Value>, after: &mut Value, writer: &Writer<'_>) {
    let none = json!({});
    let before = before.unwrap_or(&none);
    // Whoever sends an empty list (or one with an empty entry) asks for a clean slate.
    let sent = after["metadata"]["managedFields"].as_array();
    let is_reset = sent.is_some_and(|list| list.is_empty() || list.iter().all(|entry| *entry == json!({})));
    let mut list = if is_reset { Vec::new() } else { entries(before) };
    let (old, new) =
        (fields::of_object(before, writer.is_custom), fields::of_object(after, writer.is_custom));
    let changed: Vec<Vec<String>> = fields::leaves(&new)
        .into_iter()
        .filter(|path| {
            let is_container = fields::contains(&old, path) && has_inner(&new, path);
            !is_container && fields::value_at(before, path) != fields::value_at(after, path)
        })
        .collect();
    let gone: Vec<Vec<String>> =
        fields::leaves(&old).into_iter().filter(|path| !fields::contains(&new, path)).collect();
    let mut mine = Fields::new();
    for path in &changed {
        add_path(&mut mine, path, has_inner(&new, path));
    }
    let mut taken = mine.clone();
    gone.iter().for_each(|path| fields::union(&mut taken, &fields::single(path)));
    let mut found = false;
    for entry in &mut list {
        let mut theirs = fields_of(entry);
        if writer.owns(entry) {
            found = true;
            let before = theirs.clone();
            let mut gone_fields = Fields::new();
            gone.iter().for_each(|path| fields::union(&mut gone_fields, &fields::single(path)));
            fields::subtract(&mut theirs, &gone_fields);
            fields::union(&mut theirs, &mine);
            if theirs != before || !mine.is_empty() {
                entry["time"] = json!(writer.time);
            }
        } else {
            fields::subtract(&mut theirs, &taken);
        }
        entry["fieldsV1"] = Value::Object(theirs);
    }
    if !found && !mine.is_empty() {
        list.push(writer.entry(mine));
    }
    set_entries(after, list);
}

fn has_inner(fields: &Fields, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return fields.contains_key(".") };
    fields.get(first).and_then(Value::as_object).is_some_and(|inner| has_inner(inner, rest))
}

/// Adds a path; one of a map or list that has entries of its own is marked with a dot.
fn add_path(fields: &mut Fields, path: &[String], dotted: bool) {
    let mut path = path.to_vec();
    if dotted {
        path.push(".".to_owned());
    }
    fields::union(fields, &fields::single(&path));
}

/// Applies a configuration to what is there and says who owns what afterwards.
///
/// # Errors
/// A conflict, when fields that others own would change and `force` is not given.
pub(crate) fn apply(
    live: &Value,
    applied: &Value,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Value, Refusal> {
    let new = fields::of_object(applied, writer.is_custom);
    let mut list = entries(live);
    let wanted = fields::leaves(&new);
    let changing: Vec<&Vec<String>> = wanted
        .iter()
        .filter(|path| !has_inner(&new, path))
        .filter(|path| fields::value_at(live, path) != fields::value_at(applied, path))
        .collect();
    let mut conflicts: Vec<(String, String)> = Vec::new();
    let mut taken = Fields::new();
    for entry in list.iter().filter(|entry| !writer.owns(entry)) {
        let theirs = fields_of(entry);
        for path in &changing {
            if fields::contains(&theirs, path) {
                conflicts.push((manager(entry), fields::display(path)));
                fields::union(&mut taken, &fields::single(path));
            }
        }
    }
    if !conflicts.is_empty() && !force {
        return Err(refusal(&conflicts));
    }
    let mut merged = live.clone();
    merge(&mut merged, applied, "", writer.is_custom);
    // What this manager applied before and no longer wants goes, unless somebody else wants it too.
    let before = list.iter().find(|entry| writer.owns(entry)).map(fields_of).unwrap_or_default();
    let mut gone: Vec<Vec<String>> =
        fields::leaves(&before).into_iter().filter(|path| !fields::contains(&new, path)).collect();
    // An entry of a list before its fields, among which is the key by which it is found.
    gone.sort_by_key(Vec::len);
    for path in gone {
        let is_shared =
            list.iter().any(|entry| !writer.owns(entry) && fields::contains(&fields_of(entry), &path));
        let is_container = matches!(fields::value_at(&merged, &path),
            Some(Value::Object(map)) if has_inner(&before, &path) && !map.is_empty() && !is_entry(&path))
            || matches!(fields::value_at(&merged, &path), Some(Value::Array(list)) if has_inner(&before, &path) && !list.is_empty());
        if !is_shared && !is_container {
            fields::remove_at(&mut merged, &path);
        }
    }
    let mut found = false;
    for entry in &mut list {
        if writer.owns(entry) {
            found = true;
            if fields_of(entry) != new || entry["apiVersion"] != writer.api_version {
                *entry = writer.entry(new.clone());
            }
        } else if !taken.is_empty() {
            let mut theirs = fields_of(entry);
            fields::subtract(&mut theirs, &taken);
            entry["fieldsV1"] = Value::Object(theirs);
        }
    }
    if !found {
        list.push(writer.entry(new));
    }
    set_entries(&mut merged, list);
    Ok(merged)
}

fn is_entry(path: &[String]) -> bool {
    path.last().is_some_and(|element| element.starts_with("k:"))
}

/// Lays an applied value over a live one.
fn merge(live: &mut Value, applied: &Value, field: &str, custom: bool) {
    match (live, applied) {
        (Value::Object(live), Value::Object(applied)) if !fields::is_atomic_map(field) => {
            for (name, value) in applied {
                match live.get_mut(name) {
                    Some(old) => merge(old, value, name, custom),
                    None => drop(live.insert(name.clone(), value.clone())),
                }
            }
        }
        (Value::Array(live), Value::Array(applied)) => {
            match fields::list_kind(field, applied, custom) {
                ListKind::Atomic => live.clone_from(applied),
                kind => {
                    for entry in applied {
                        let element = fields::element(kind, entry);
                        match live.iter_mut().find(|old| fields::element(kind, old) == element) {
                            Some(old) => merge(old, entry, "", custom),
                            None => live.push(entry.clone()),
                        }
                    }
                }
            };
        }
        (live, applied) => *live = applied.clone(),
    }
}

fn manager(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or("");
    let mut words = format!("{:?}", text("manager"));
    if !text("subresource").is_empty() {
        words.push_str(&format!(" with subresource {:?}", text("subresource")));
    }
    if text("operation") == "Update" {
        words.push_str(&format!(" using {}", text("apiVersion")));
        if !text("time").is_empty() {
            words.push_str(&format!(" at {}", text("time")));
        }
    }
    words
}

fn refusal(conflicts: &[(String, String)]) -> Refusal {
    let causes = conflicts
        .iter()
        .map(|(manager, path)| {
            json!({ "reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": path })
        })
        .collect();
    let message = match conflicts {
        [(manager, path)] => format!("Apply failed with 1 conflict: conflict with {manager}: {path}"),
        _ => {
            let mut managers: Vec<&String> = conflicts.iter().map(|(manager, _)| manager).collect();
            managers.sort();
            managers.dedup();
            let mut lines = Vec::new();
            for manager in managers {
                lines.push(format!("conflicts with {manager}:"));
                lines.extend(
                    conflicts
                        .iter()
                        .filter(|(other, _)| other == manager)
                        .map(|(_, path)| format!("- {path}")),
                );
            }
            format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
        }
    };
    Refusal::apply_conflict(message, causes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer<'a>(manager: &'a str, operation: &'static str) -> Writer<'a> {
        Writer {
            manager,
            operation,
            api_version: "v1",
            subresource: "",
            time: "2026-01-01T00:00:00Z",
            is_custom: false,
        }
    }

    fn owners(object: &Value) -> Value {
        entries(object).iter().map(|e| json!([e["manager"], e["operation"], e["fieldsV1"]])).collect()
    }

    #[test]
    fn two_managers_share_an_object_and_meet_only_where_they_disagree() {
        let empty = json!({ "metadata": { "name": "x" } });
        let mine = json!({ "metadata": { "name": "x" }, "data": { "a": "1", "b": "1" } });
        let live = apply(&empty, &mine, &writer("me", "Apply"), false).unwrap();
        let theirs = json!({ "metadata": { "name": "x" }, "data": { "a": "1", "c": "3" } });
        let live = apply(&live, &theirs, &writer("you", "Apply"), false).unwrap();
        assert_eq!(live["data"], json!({ "a": "1", "b": "1", "c": "3" }));

        let other = json!({ "metadata": { "name": "x" }, "data": { "a": "2" } });
        let refusal = apply(&live, &other, &writer("you", "Apply"), false).unwrap_err();
        assert_eq!(refusal.message, "Apply failed with 1 conflict: conflict with \"me\": .data.a");
        let forced = apply(&live, &other, &writer("you", "Apply"), true).unwrap();
        assert_eq!(forced["data"], json!({ "a": "2", "b": "1" }), "c was mine alone and is gone");
        assert_eq!(
            owners(&forced),
            json!([
                ["me", "Apply", { "f:data": { ".": {}, "f:b": {} } }],
                ["you", "Apply", { "f:data": { ".": {}, "f:a": {} } }]
            ])
        );
    }

    #[test]
    fn an_update_takes_over_what_it_changes_and_apply_meets_it() {
        let empty = json!({ "metadata": { "name": "x" } });
        let deployment = json!({ "metadata": { "name": "x" }, "spec": { "replicas": 1, "template": { "spec": {
            "containers": [{ "name": "web", "image": "a" }] } } } });
        let live = apply(&empty, &deployment, &writer("me", "Apply"), false).unwrap();
        let mut scaled = live.clone();
        scaled["spec"]["replicas"] = json!(3);
        updated(Some(&live), &mut scaled, &writer("hpa", "Update"));
        let refusal = apply(&scaled, &deployment, &writer("me", "Apply"), false).unwrap_err();
        assert_eq!(
            refusal.message,
            "Apply failed with 1 conflict: conflict with \"hpa\" using v1 at 2026-01-01T00:00:00Z: .spec.replicas"
        );
        let mut without = deployment.clone();
        without["spec"].as_object_mut().unwrap().remove("replicas");
        let live = apply(&scaled, &without, &writer("me", "Apply"), false).unwrap();
        assert_eq!(live["spec"]["replicas"], 3, "the value is the other manager's now");
    }

    #[test]
    fn entries_of_keyed_lists_are_owned_one_by_one() {
        let empty = json!({ "metadata": { "name": "x" } });
        let two = json!({ "metadata": { "name": "x" }, "spec": { "containers": [
            { "name": "a", "image": "1" }, { "name": "b", "image": "1" }] } });
        let one =
            json!({ "metadata": { "name": "x" }, "spec": { "containers": [{ "name": "a", "image": "1" }] } });
        let live = apply(&empty, &two, &writer("me", "Apply"), false).unwrap();
        let side = json!({ "metadata": { "name": "x" }, "spec": { "containers": [{ "name": "side", "image": "9" }] } });
        let live = apply(&live, &side, &writer("you", "Apply"), false).unwrap();
        let live = apply(&live, &one, &writer("me", "Apply"), false).unwrap();
        assert_eq!(
            live["spec"]["containers"],
            json!([{ "name": "a", "image": "1" }, { "name": "side", "image": "9" }])
        );
        let again = apply(&live, &one, &writer("me", "Apply"), false).unwrap();
        assert_eq!(again, live, "applying the same again changes nothing");
    }

    #[test]
    fn sending_an_empty_list_of_owners_starts_afresh() {
        let live = apply(
            &json!({ "metadata": {} }),
            &json!({ "metadata": {}, "data": { "a": "1" } }),
            &writer("me", "Apply"),
            false,
        )
        .unwrap();
        let mut after = live.clone();
        after["metadata"]["managedFields"] = json!([]);
        updated(Some(&live), &mut after, &writer("you", "Update"));
        assert_eq!(owners(&after), json!([]));
    }
}
