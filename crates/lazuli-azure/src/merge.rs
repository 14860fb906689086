//! What an update sends: the object as it is now, with what Lazuli wants of it laid over, so that what others own stays.
//!
//! Pure functions on JSON. Patterns are those of [`Kind`]: names joined by dots, array elements left out.

use lazuli_core::Json;
use lazuli_core::kind::{Keyed, Kind};
use serde_json::Map;

/// The body of an update. `current` is the object as just read, `previous` the body that was last sent: what is in it
/// and no longer in `desired` is taken away; what is in neither is kept.
pub(crate) fn update_body(kind: &Kind, current: Json, desired: &Json, previous: Option<&Json>) -> Json {
    let mut current = current;
    strip_read_only(kind, &mut current);
    let mut desired = desired.clone();
    // What is sent once and cannot be changed, such as a virtual machine's custom data, is not sent again.
    for path in kind.write_only.iter().filter(|path| kind.forces_replacement.contains(path)) {
        remove(&mut desired, path);
    }
    merge(kind, "", current, &desired, previous)
}

/// True when two bodies say the same: Azure does not tell upper and lower case apart in ids, and spells them as it likes.
pub(crate) fn says_the_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            let same =
                |(name, value): (&String, &Json)| other.get(name).is_some_and(|o| says_the_same(value, o));
            one.len() == other.len() && one.iter().all(same)
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| says_the_same(a, b))
        }
        (Json::String(one), Json::String(other)) => {
            one == other || is_id(one) && one.eq_ignore_ascii_case(other)
        }
        _ => one == other,
    }
}

fn is_id(text: &str) -> bool {
    const START: &str = "/subscriptions/";
    text.get(..START.len()).is_some_and(|start| start.eq_ignore_ascii_case(START))
}

/// Takes away everything only Azure writes, and nulls: Azure answers them for what is not set and refuses some.
pub(crate) fn strip_read_only(kind: &Kind, body: &mut Json) {
    for path in kind.read_only {
        remove(body, path);
    }
    tidy(kind, "", body);
}

/// Removes what a pattern names, in every element of the arrays on the way.
fn remove(body: &mut Json, pattern: &str) {
    match body {
        Json::Array(elements) => elements.iter_mut().for_each(|element| remove(element, pattern)),
        Json::Object(map) => match pattern.split_once('.') {
            None => {
                if pattern == "*" {
                    map.clear();
                } else {
                    map.remove(pattern);
                }
            }
            Some(("*", rest)) => map.values_mut().for_each(|value| remove(value, rest)),
            Some((name, rest)) => {
                if let Some(value) = map.get_mut(name) {
                    remove(value, rest);
                }
            }
        },
        _ => {}
    }
}

/// Drops nulls, and elements of which only a name is left, such as the addresses Azure lists in a backend pool for network
/// interfaces. Elements of arrays the kind knows by a key are Lazuli's or somebody's, and stay.
fn tidy(kind: &Kind, at: &str, body: &mut Json) {
    match body {
        Json::Object(map) => {
            map.retain(|_, value| !value.is_null());
            for (name, value) in map {
                if value.is_object() || value.is_array() {
                    tidy(kind, &below(at, name), value);
                }
            }
        }
        Json::Array(elements) => {
            if kind.keyed_at(at).is_none() {
                elements.retain(|element| !is_hollow(element));
            }
            elements.iter_mut().for_each(|element| tidy(kind, at, element));
        }
        _ => {}
    }
}

fn is_hollow(element: &Json) -> bool {
    element.get("properties").and_then(Json::as_object).is_some_and(Map::is_empty)
        && element.as_object().is_some_and(|map| {
            map.contains_key("name") && map.keys().all(|key| key == "name" || key == "properties")
        })
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn merge(kind: &Kind, at: &str, current: Json, desired: &Json, previous: Option<&Json>) -> Json {
    match (current, desired) {
        (Json::Object(current), Json::Object(desired)) => {
            Json::Object(merge_objects(kind, at, current, desired, previous.and_then(Json::as_object)))
        }
        (Json::Array(current), Json::Array(desired)) => match kind.keyed_at(at) {
            Some(keyed) => {
                let previous = previous.and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
                Json::Array(merge_arrays(kind, keyed, current, desired, previous))
            }
            None => Json::Array(desired.clone()),
        },
        (_, desired) => desired.clone(),
    }
}

fn merge_objects(
    kind: &Kind,
    at: &str,
    mut current: Map<String, Json>,
    desired: &Map<String, Json>,
    previous: Option<&Map<String, Json>>,
) -> Map<String, Json> {
    for (name, value) in previous.into_iter().flatten() {
        if desired.get(name).is_none_or(Json::is_null) {
            take_away(kind, at, &mut current, name, value);
        }
    }
    for (name, value) in desired.iter().filter(|(_, value)| !value.is_null()) {
        let before = previous.and_then(|previous| previous.get(name));
        let now = current.remove(name).unwrap_or(Json::Null);
        current.insert(name.clone(), merge(kind, &below(at, name), now, value, before));
    }
    current
}

fn merge_arrays(
    kind: &Kind,
    keyed: &Keyed,
    current: Vec<Json>,
    desired: &[Json],
    previous: &[Json],
) -> Vec<Json> {
    let mut merged = Vec::with_capacity(current.len().max(desired.len()));
    let mut left: Vec<&Json> = desired.iter().collect();
    for element in current {
        let same = |other: &&Json| same_key(keyed.key, &element, other);
        if let Some(place) = left.iter().position(same) {
            let wanted = left.remove(place);
            merged.push(merge(kind, keyed.path, element.clone(), wanted, previous.iter().find(same)));
        } else if keyed.shared && !previous.iter().any(|other| same(&other)) {
            merged.push(element);
        }
    }
    merged.extend(left.into_iter().cloned());
    merged
}

/// Takes what is ours out of one member.
fn take_away(kind: &Kind, at: &str, object: &mut Map<String, Json>, name: &str, ours: &Json) {
    let rest = object.remove(name).and_then(|now| subtract(kind, &below(at, name), now, ours));
    if let Some(rest) = rest {
        object.insert(name.to_owned(), rest);
    }
}

/// What stays of a value Lazuli no longer wants: what others put into it. `None` when nothing does.
fn subtract(kind: &Kind, at: &str, current: Json, ours: &Json) -> Option<Json> {
    match (current, ours) {
        (Json::Object(mut current), Json::Object(ours)) => {
            for (name, value) in ours {
                take_away(kind, at, &mut current, name, value);
            }
            (!current.is_empty()).then_some(Json::Object(current))
        }
        (Json::Array(current), Json::Array(ours)) => {
            let keyed = kind.keyed_at(at).filter(|keyed| keyed.shared)?;
            let foreign: Vec<Json> = current
                .into_iter()
                .filter(|element| !ours.iter().any(|other| same_key(keyed.key, element, other)))
                .collect();
            (!foreign.is_empty()).then_some(Json::Array(foreign))
        }
        _ => None,
    }
}

/// Names and ids compare without regard to case, numbers as numbers.
fn same_key(key: &str, a: &Json, b: &Json) -> bool {
    match (a.get(key), b.get(key)) {
        (Some(Json::String(a)), Some(Json::String(b))) => a.eq_ignore_ascii_case(b),
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
