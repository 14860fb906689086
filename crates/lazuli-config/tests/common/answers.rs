//! Answers of Terraform as the test data has them, and ours in the same form.

use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

/// The JSON form of a type.
pub fn type_json(ty: &Type) -> Value {
    let pair = |word: &str, inner: Value| Value::tuple([Value::from(word), inner]);
    match ty {
        Type::Any => Value::from("dynamic"),
        Type::Bool => Value::from("bool"),
        Type::Number => Value::from("number"),
        Type::String => Value::from("string"),
        Type::List(element) => pair("list", type_json(element)),
        Type::Set(element) => pair("set", type_json(element)),
        Type::Map(element) => pair("map", type_json(element)),
        Type::Tuple(elements) => pair("tuple", Value::tuple(elements.iter().map(type_json))),
        Type::Object(fields) => {
            pair("object", Value::object(fields.iter().map(|(k, f)| (k.clone(), type_json(&f.ty)))))
        }
    }
}

/// The value as JSON has it: unknown parts of objects left out, null elsewhere, nothing marked.
pub fn plain(value: &Value) -> Value {
    match value.content() {
        Content::Unknown(_) | Content::Null(_) => Value::null(),
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            Value::tuple(items.iter().map(plain))
        }
        Content::Map(_, entries) | Content::Object(entries) => {
            let known = entries.iter().filter(|(_, v)| !v.is_unknown());
            Value::object(known.map(|(k, v)| (k.clone(), plain(v))))
        }
        other => Value::new(other.clone()),
    }
}

/// A member of an answer, without structures that lead to nothing.
pub fn comparable(member: &Value) -> Value {
    match member.content() {
        Content::Object(entries) => {
            let members = entries.iter().map(|(k, v)| (k.clone(), comparable(v)));
            Value::object(members.filter(|(_, v)| v.as_entries().is_none_or(|e| !e.is_empty())))
        }
        Content::Tuple(items) => Value::tuple(items.iter().map(comparable)),
        _ => plain(member),
    }
}

/// Text as a string of the language.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '$' => quoted.push_str("\\u0024"),
            '%' => quoted.push_str("\\u0025"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
