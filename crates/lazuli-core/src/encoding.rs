//! Values as JSON: what providers are sent, and the form in which plans and states keep values.
//!
//! Two shapes. [`to_json`] is plain JSON and exists only for wholly known values. The serde form of [`Value`] keeps
//! unknown and sensitive parts: `{"$unknown": …}` and `{"$sensitive": …}`; an object with a key that begins with `$`
//! is wrapped in `{"$object": …}` so that nothing a user writes can be mistaken for either.

use std::sync::Arc;

use serde::de::Error as _;
use serde_json::{Map, Value as Json};

use crate::number::Number;
use crate::value::{Content, Unknown, Value};

/// A value that cannot be sent yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a part of the value is not known yet")]
pub struct NotKnown(pub Unknown);

/// Plain JSON of a wholly known value, sensitive parts in clear: for the wire only.
///
/// # Errors
/// When a part is unknown.
pub fn to_json(value: &Value) -> Result<Json, NotKnown> {
    Ok(match value.content() {
        Content::Unknown(unknown) => return Err(NotKnown((**unknown).clone())),
        Content::Null(_) => Json::Null,
        Content::Bool(truth) => Json::Bool(*truth),
        Content::Number(number) => number_to_json(number),
        Content::String(text) => Json::String(text.to_string()),
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            Json::Array(items.iter().map(to_json).collect::<Result<_, _>>()?)
        }
        Content::Map(_, entries) | Content::Object(entries) => Json::Object(
            entries.iter().map(|(k, v)| Ok((k.to_string(), to_json(v)?))).collect::<Result<_, NotKnown>>()?,
        ),
    })
}

fn number_to_json(number: &Number) -> Json {
    if let Some(int) = number.as_i64() {
        return Json::from(int);
    }
    match number.to_string().parse::<u64>() {
        Ok(int) => Json::from(int),
        Err(_) => serde_json::Number::from_f64(number.to_f64()).map_or(Json::Null, Json::Number),
    }
}

/// The value of a JSON document: objects and tuples, as `jsondecode` makes them.
pub fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::null(),
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => match number.to_string().parse::<Number>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::null(), // impossible: serde_json numbers are decimal
        },
        Json::String(text) => Value::string(text.as_str()),
        Json::Array(items) => Value::tuple(items.iter().map(from_json)),
        Json::Object(entries) => Value::object(entries.iter().map(|(k, v)| (k.as_str(), from_json(v)))),
    }
}

/// The form plans and states keep: see the module documentation. Collection types are not kept: lists come back as
/// tuples and maps as objects, which is all a request body needs.
fn encode(value: &Value) -> Json {
    let plain = match value.content() {
        Content::Unknown(unknown) => {
            tagged("$unknown", serde_json::to_value(&**unknown).unwrap_or(Json::Null))
        } // impossible: plain data
        Content::Null(_) => Json::Null,
        Content::Bool(truth) => Json::Bool(*truth),
        Content::Number(number) => match number.as_i64() {
            Some(int) => Json::from(int),
            None => tagged("$number", Json::String(number.to_string())),
        },
        Content::String(text) => Json::String(text.to_string()),
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            Json::Array(items.iter().map(encode).collect())
        }
        Content::Map(_, entries) | Content::Object(entries) => {
            let object = Json::Object(entries.iter().map(|(k, v)| (k.to_string(), encode(v))).collect());
            if entries.keys().any(|k| k.starts_with('$')) { tagged("$object", object) } else { object }
        }
    };
    if value.is_sensitive() { tagged("$sensitive", plain) } else { plain }
}

fn tagged(tag: &str, content: Json) -> Json {
    Json::Object(Map::from_iter([(tag.to_owned(), content)]))
}

fn decode(json: &Json) -> Result<Value, serde_json::Error> {
    let Json::Object(entries) = json else {
        return Ok(match json {
            Json::Array(items) => Value::tuple(items.iter().map(decode).collect::<Result<Vec<_>, _>>()?),
            other => from_json(other),
        });
    };
    if let (1, Some((tag, content))) = (entries.len(), entries.iter().next()) {
        match tag.as_str() {
            "$unknown" => return Ok(Value::unknown(serde_json::from_value(content.clone())?)),
            "$sensitive" => return Ok(decode(content)?.sensitive()),
            "$number" => {
                let number = content.as_str().and_then(|text| text.parse::<Number>().ok());
                return number.map(Value::from).ok_or_else(|| serde_json::Error::custom("malformed $number"));
            }
            "$object" => return decode_entries(content.as_object().unwrap_or(&Map::new())),
            _ => {}
        }
    }
    decode_entries(entries)
}

fn decode_entries(entries: &Map<String, Json>) -> Result<Value, serde_json::Error> {
    let pairs = entries.iter().map(|(k, v)| Ok((Arc::from(k.as_str()), decode(v)?)));
    Ok(Value::object(pairs.collect::<Result<Vec<(Arc<str>, Value)>, serde_json::Error>>()?))
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        encode(self).serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        decode(&json).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Type;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::null()),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::int),
            "[-0-9]{1,3}\\.[0-9]{1,20}[1-9]"
                .prop_filter_map("a number", |t| t.parse::<Number>().ok())
                .prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
            Just(Value::unknown_of(Type::String)),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::tuple),
                prop::collection::btree_map("\\$?[a-z]{1,4}", inner.clone(), 0..4).prop_map(Value::object),
                inner.prop_map(Value::sensitive),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_survives_the_plan_file_with_its_unknown_and_sensitive_parts(value in any_value()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn an_unknown_part_cannot_be_sent() {
        let value = Value::object([("a", Value::unknown_of(Type::String))]);
        assert!(to_json(&value).is_err());
    }

    #[test]
    fn a_sensitive_value_never_shows_in_debug_output() {
        let value = Value::object([("password", Value::string("hunter2").sensitive())]);
        assert!(!format!("{value:?}").contains("hunter2"));
    }
}
