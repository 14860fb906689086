//! Dotted paths into JSON: `properties.subnets[].properties.routeTable.id`.
//!
//! `[]` walks an array, `{}` yields the keys of an object.

use serde_json::{Map, Value};

/// The value at a plain path (no `[]`).
pub(crate) fn get<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name)).filter(|value| !value.is_null())
}

/// The text at a plain path.
pub(crate) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    get(value, path).and_then(Value::as_str)
}

/// The array at a plain path; empty when absent.
pub(crate) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    get(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Sets the value at a plain path, making objects on the way.
pub(crate) fn set(value: &mut Value, path: &str, new: Value) {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(map) = value {
        match rest {
            None => {
                map.insert(head.to_owned(), new);
            }
            Some(rest) => set(map.entry(head).or_insert(Value::Null), rest, new),
        }
    }
}

/// Sets the value at a plain path unless something is there.
pub(crate) fn default(value: &mut Value, path: &str, new: impl Into<Value>) {
    if get(value, path).is_none() {
        set(value, path, new.into());
    }
}

/// Takes whatever stands at `path` (with `[]` allowed) out of the value.
pub(crate) fn remove(value: &mut Value, path: &str) {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    match (head.strip_suffix("[]"), rest) {
        (Some(name), Some(rest)) => {
            for element in value.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
                remove(element, rest);
            }
        }
        (None, Some(rest)) => {
            if let Some(inner) = value.get_mut(head) {
                remove(inner, rest);
            }
        }
        (_, None) => {
            if let Value::Object(map) = value {
                map.remove(head);
            }
        }
    }
}

/// Calls `found` with every string at `path`, and the position in the first array walked on the way.
pub(crate) fn each<'a>(value: &'a Value, path: &str, found: &mut impl FnMut(Option<&'a Value>, &'a str)) {
    walk(value, path, None, found);
}

fn walk<'a>(
    value: &'a Value,
    path: &str,
    element: Option<&'a Value>,
    found: &mut impl FnMut(Option<&'a Value>, &'a str),
) {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    if let Some(name) = head.strip_suffix("{}") {
        for key in value.get(name).and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            found(element, key);
        }
    } else if let Some(name) = head.strip_suffix("[]") {
        for inner in value.get(name).and_then(Value::as_array).into_iter().flatten() {
            let element = element.or(Some(inner));
            match rest {
                Some(rest) => walk(inner, rest, element, found),
                None => inner.as_str().into_iter().for_each(|text| found(element, text)),
            }
        }
    } else if let Some(inner) = value.get(head) {
        match rest {
            Some(rest) => walk(inner, rest, element, found),
            None => inner.as_str().into_iter().for_each(|text| found(element, text)),
        }
    }
}

/// Applies an RFC 7396 merge patch.
pub(crate) fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(map) = value {
        for (name, new) in patch {
            if new.is_null() {
                map.remove(name);
            } else {
                merge(map.entry(name).or_insert(Value::Null), new);
            }
        }
    }
}

/// Brings over from `old` what `new` leaves out below `path`, and names the first leaf that differs.
///
/// This is how Azure treats immutable properties: leaving them out is fine, changing them is not.
pub(crate) fn keep(new: &mut Value, old: &Value, path: &str) -> Option<String> {
    let before = get(old, path).cloned();
    match (get(new, path).cloned(), before) {
        (None, None) => None,
        (None, Some(before)) => {
            set(new, path, before);
            None
        }
        (Some(Value::Object(_)), Some(Value::Object(before))) => {
            let mut names: Vec<String> = before.keys().cloned().collect();
            names.extend(
                get(new, path)
                    .and_then(Value::as_object)
                    .into_iter()
                    .flat_map(Map::keys)
                    .filter(|name| !before.contains_key(*name))
                    .cloned(),
            );
            names.into_iter().find_map(|name| keep(new, old, &format!("{path}.{name}")))
        }
        (Some(after), Some(before)) if same(&after, &before) => None,
        (Some(after), None) if after.is_null() => None,
        (Some(_), _) => Some(path.trim_start_matches("properties.").to_owned()),
    }
}

/// Equality that does not mind the case of text, as Azure compares names and ids.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
        _ => a == b,
    }
}
