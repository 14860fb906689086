//! What the console answers: a value on one line, as text or as JSON with its type and its unknown and sensitive parts.

use std::fmt::Write as _;

use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Type, Value};
use serde_json::Value as Json;

use super::value::inline;

/// A value for people, on one line; collections say that they are no tuple or object.
pub fn text(value: &Value) -> String {
    let word = match value.content() {
        _ if value.is_sensitive() => None,
        Content::List(..) => Some("tolist"),
        Content::Set(..) => Some("toset"),
        Content::Map(..) => Some("tomap"),
        _ => None,
    };
    match word {
        Some(word) => format!("{word}({})", inline(value)),
        None => inline(value),
    }
}

/// A value as one line of JSON: `value`, `type`, and where there are any, `unknown` and `sensitive` parts. What is unknown
/// or sensitive is null in `value`. Numbers have all their digits.
pub fn json(value: &Value) -> String {
    let mut line = String::from("{\"value\":");
    write_plain(value, &mut line);
    let _ = write!(line, ",\"type\":{}", type_json(&value.type_of()));
    for (name, parts) in
        [("unknown", parts(value, &Value::is_unknown)), ("sensitive", parts(value, &Value::is_sensitive))]
    {
        if let Some(parts) = parts {
            let _ = write!(line, ",\"{name}\":{parts}");
        }
    }
    line.push('}');
    line
}

/// Mistakes on one line.
pub fn error_text(diagnostics: &[Diagnostic]) -> String {
    let one = |d: &Diagnostic| match d.primary.as_ref().map(|label| &*label.text) {
        None | Some("") => d.message.clone(),
        Some(label) if d.message.contains(label) => d.message.clone(),
        Some(label) => format!("{}: {label}", d.message),
    };
    match diagnostics {
        [] => "what it refers to has a mistake".to_owned(),
        some => some.iter().map(one).collect::<Vec<_>>().join("; ").replace('\n', " "),
    }
}

/// Mistakes as one line of JSON.
pub fn error_json(diagnostics: &[Diagnostic]) -> String {
    let mut line = serde_json::json!({ "error": error_text(diagnostics) });
    if let Some(first) = diagnostics.first() {
        line["code"] = Json::from(first.code);
    }
    line.to_string()
}

fn write_plain(value: &Value, line: &mut String) {
    if value.is_sensitive() {
        line.push_str("null");
        return;
    }
    match value.content() {
        Content::Null(_) | Content::Unknown(_) => line.push_str("null"),
        Content::Bool(truth) => line.push_str(if *truth { "true" } else { "false" }),
        Content::Number(number) => {
            let _ = write!(line, "{number}");
        }
        Content::String(text) => line.push_str(&Json::from(&**text).to_string()),
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            for (i, item) in items.iter().enumerate() {
                line.push(if i == 0 { '[' } else { ',' });
                write_plain(item, line);
            }
            line.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Content::Map(_, entries) | Content::Object(entries) => {
            line.push('{');
            let known = entries.iter().filter(|(_, item)| !item.is_unknown());
            for (i, (name, item)) in known.enumerate() {
                let _ = write!(line, "{}{}:", if i == 0 { "" } else { "," }, Json::from(&**name));
                write_plain(item, line);
            }
            line.push('}');
        }
    }
}

/// The JSON form of a type, as Terraform's: `"string"`, `["list","string"]`, `["object",{"a":"number"}]`.
pub fn type_json(ty: &Type) -> Json {
    let of = |word: &str, inner: Json| Json::from(vec![Json::from(word), inner]);
    match ty {
        Type::Any => "dynamic".into(),
        Type::Bool => "bool".into(),
        Type::Number => "number".into(),
        Type::String => "string".into(),
        Type::List(element) => of("list", type_json(element)),
        Type::Set(element) => of("set", type_json(element)),
        Type::Map(element) => of("map", type_json(element)),
        Type::Tuple(elements) => of("tuple", elements.iter().map(type_json).collect()),
        Type::Object(fields) => of(
            "object",
            fields.iter().map(|(name, field)| (name.to_string(), type_json(&field.ty))).collect(),
        ),
    }
}

/// Which parts are so: true, or a structure that leads to them; `None` when there are none.
fn parts(value: &Value, are: &dyn Fn(&Value) -> bool) -> Option<Json> {
    if are(value) {
        return Some(Json::Bool(true));
    }
    if value.is_sensitive() {
        return None; // what lies in it is not shown
    }
    match value.as_entries() {
        Some(entries) => {
            let found = entries.iter().filter_map(|(name, item)| Some((name.to_string(), parts(item, are)?)));
            let found: serde_json::Map<String, Json> = found.collect();
            if found.is_empty() { None } else { Some(Json::Object(found)) }
        }
        None => {
            let found: Vec<Option<Json>> = value.children().map(|item| parts(item, are)).collect();
            if found.iter().all(Option::is_none) {
                return None;
            }
            Some(found.into_iter().map(|part| part.unwrap_or(Json::Bool(false))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use lazuli_core::Number;

    use super::*;

    #[test]
    fn a_line_of_json_has_every_digit_and_says_what_is_unknown_or_hidden() {
        let third: Number = "0.1234567890123456789012345678901234567890".parse().unwrap();
        let set =
            Content::Set(Type::String, Arc::new(vec![Value::from("a"), Value::unknown_of(Type::String)]));
        let members = [
            ("digits", Value::from(third)),
            ("hidden", Value::from("hunter2").sensitive()),
            ("later", Value::unknown_of(Type::Number)),
            ("set", Value::new(set)),
            ("text", Value::from("tab\t\u{7f}")),
        ];
        let value = Value::object(members.into_iter().collect::<BTreeMap<_, _>>());
        let set = text(value.get("set").unwrap());
        insta::assert_snapshot!("answers", [json(&value), set, json(&Value::null())].join("\n"));
    }

    #[test]
    fn a_mistake_is_one_line() {
        let mistakes = [Diagnostic::error("LZ0303", "an operand of `+` has the wrong type")];
        let expected = r#"{"code":"LZ0303","error":"an operand of `+` has the wrong type"}"#;
        assert_eq!(error_json(&mistakes), expected);
        assert_eq!(error_text(&[]), "what it refers to has a mistake");
    }
}
