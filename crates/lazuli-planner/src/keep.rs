//! `ignore_changes`: what another writer set there stays, so it is what will be sent.

use lazuli_core::encoding::from_json;
use lazuli_core::path::PathStep;
use lazuli_core::value::Content;
use lazuli_core::{Json, Path, Value};

/// The body with the ignored paths as the object has them now.
pub(crate) fn keep(body: &Value, ignored: &[Path], object: &Json) -> Value {
    ignored.iter().fold(body.clone(), |body, path| at(body, path.steps(), object))
}

fn at(value: Value, steps: &[PathStep], object: &Json) -> Value {
    let Some((step, below)) = steps.split_first() else { return from_json(object).marked_as(&value) };
    let content = match (value.content(), step) {
        (Content::Object(members), PathStep::Name(name)) => {
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
            Content::Object(members.into())
        }
        (Content::Tuple(items), step) => {
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
            Content::Tuple(items.iter().enumerate().map(element).collect::<Vec<_>>().into())
        }
        _ => return value,
    };
    Value::new(content).with_sensitivity(value.is_sensitive())
}
