//! `ignore_changes`: what another writer set there stays, so it is what will be sent.

use lazuli_core::encoding::from_json;
use lazuli_core::path::PathStep;
use lazuli_core::value::Content;
use lazuli_core::{Json, Path, Value};

/// The body with the ignored paths as the object has them now.
pub fn keep(body: &Value, ignored: &[Path], object: &Json) -> Value {
    ignored.iter().fold(body.clone(), |body, path| at(body, path.steps(), object))
}

fn at(value: Value, steps: &[PathStep], object: &Json) -> Value {
    let Some((step, below)) = steps.split_first() else { return from_json(object).marked_as(&value) };
    let content = match (value.content(), step) {
        (Content::Object(members) | Content::Map(_, members), PathStep::Name(name)) => {
            let mut members = (**members).clone();
            match (members.remove(name), object.get(&**name)) {
                (Some(member), Some(found)) => {
                    members.insert(name.clone(), at(member, below, found));
                }
                (None, Some(found)) if below.is_empty() => {
                    members.insert(name.clone(), from_json(found));
                }
                (Some(member), None) if !below.is_empty() => {
                    members.insert(name.clone(), member);
                }
                _ => {}
            }
            match value.content() {
                Content::Map(element, _) => Content::Map(element.clone(), members.into()),
                _ => Content::Object(members.into()),
            }
        }
        (Content::Tuple(items) | Content::List(_, items), step) => {
            let found = object.as_array().map_or(&[][..], Vec::as_slice);
            let element = |(index, item): (usize, &Value)| {
                let found = match step {
                    PathStep::Index(wanted) if *wanted == index => found.get(index),
                    PathStep::Key(key) if item.get("name").and_then(Value::as_str) == Some(key) => {
                        found.iter().find(|f| f.get("name").and_then(Json::as_str) == Some(key))
                    }
                    _ => None,
                };
                found.map_or_else(|| item.clone(), |found| at(item.clone(), below, found))
            };
            let items: Vec<Value> = items.iter().enumerate().map(element).collect();
            match value.content() {
                Content::List(ty, _) => Content::List(ty.clone(), items.into()),
                _ => Content::Tuple(items.into()),
            }
        }
        _ => return value,
    };
    Value::new(content).with_sensitivity(value.is_sensitive())
}

#[cfg(test)]
mod tests {
    use super::keep;
    use lazuli_core::{Type, Value};

    fn kept(body: Value, path: &str, object: serde_json::Value) -> Value {
        keep(&body, &[path.parse().unwrap()], &object)
    }

    #[test]
    fn an_entry_of_a_map_is_kept_taken_over_or_left_out_and_the_map_stays_one() {
        let tags = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(key, value)| (*key, Value::from(*value)));
            Value::object([("tags", Value::map(Type::String, pairs.collect::<Vec<_>>()))])
        };
        let ours = tags(&[("env", "test"), ("owner", "me")]);
        let there = |tags: serde_json::Value| serde_json::json!({ "tags": tags });
        assert_eq!(
            kept(ours.clone(), "tags.owner", there(serde_json::json!({"env": "prod", "owner": "policy"}))),
            tags(&[("env", "test"), ("owner", "policy")])
        );
        assert_eq!(kept(ours.clone(), "tags.owner", there(serde_json::json!({}))), tags(&[("env", "test")]));
        assert_eq!(
            kept(ours, "tags.theirs", there(serde_json::json!({"theirs": "1"}))),
            tags(&[("env", "test"), ("owner", "me"), ("theirs", "1")])
        );
    }

    #[test]
    fn an_element_of_a_list_is_kept_and_the_list_stays_one() {
        let list = |items: [&str; 2]| {
            let items: Vec<Value> = items.into_iter().map(Value::from).collect();
            Value::object([(
                "zones",
                Value::new(lazuli_core::value::Content::List(Type::String, items.into())),
            )])
        };
        let object = serde_json::json!({"zones": ["8", "9"]});
        assert_eq!(kept(list(["1", "2"]), "zones[1]", object), list(["1", "9"]));
    }
}
