//! Values as HCL text. Blanks are left to the formatter.

use std::fmt::Write as _;

use lazuli_core::Json;

/// A quoted string in which nothing is an expression.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c)); // into memory
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The key of an object: bare where it may be.
fn key(text: &str) -> String {
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !["true", "false", "null", "for"].contains(&text);
    if bare { text.to_owned() } else { quoted(text) }
}

/// A value; `refer` says which texts are expressions.
pub fn value(json: &Json, refer: &mut dyn FnMut(&str) -> Option<String>) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => refer(text).unwrap_or_else(|| quoted(text)),
        Json::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let items: Vec<String> = items.iter().map(|item| value(item, refer)).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Array(items) => {
            let mut text = "[\n".to_owned();
            for item in items {
                let _ = writeln!(text, "{},", value(item, refer));
            }
            text + "]"
        }
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        Json::Object(members) => {
            let mut text = "{\n".to_owned();
            for (name, member) in members {
                // An id as a key.
                let name =
                    if name.starts_with('/') { refer(name).map(|expr| format!("({expr})")) } else { None }
                        .unwrap_or_else(|| key(name));
                let _ = writeln!(text, "{name} = {}", value(member, refer));
            }
            text + "}"
        }
    }
}

#[cfg(test)]
mod tests {
    use lazuli_core::Sources;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            // Texts are what they are in Unicode's composed form: the language keeps no other.
            "[ -~\n\r\t\u{1}\u{8}äé€語😀]{0,20}".prop_map(Json::from),
            Just(json!("${x} %{if} $${y}")),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let key = prop_oneof!["[ -~\n€語]{0,8}", "[a-z/.${%-]{1,8}"];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                proptest::collection::btree_map(key, inner, 0..5)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_is_understood_and_means_what_it_meant(json in any_json()) {
            let text = format!("locals {{\n  it = {}\n}}\n", value(&json, &mut |_| None));
            let mut sources = Sources::default();
            let formatted = lazuli_config::format(&mut sources, "it.hcl", &text)
                .map_err(|found| TestCaseError::fail(format!("{found:?}\n{text}")))?;
            prop_assert_eq!(&lazuli_config::format(&mut sources, "it.hcl", &formatted).unwrap(), &formatted);
            let inputs = crate::project::Inputs {
                files: vec![("it.hcl".to_owned(), formatted.clone())],
                ..Default::default()
            };
            let project = crate::project::Project::load(inputs, None)
                .map_err(|found| TestCaseError::fail(format!("{:?}\n{formatted}", found.diagnostics)))?;
            let expr = lazuli_config::parse_expression(&mut sources, "e", "local.it").unwrap();
            let nothing = crate::accounts::declared(&project.evaluator, &|_| None);
            prop_assert!(nothing.is_ok());
            let world = lazuli_core::recorded::RecordedWorld { lineage: "l".into(), ..Default::default() };
            let blueprint = crate::planning::blueprint(
                &project, &Default::default(), &world, &Default::default(), false, &|_| None).ok().unwrap();
            let known = crate::blueprint::ask::AsRecorded::new(&blueprint, &world).evaluate(&expr).unwrap();
            prop_assert_eq!(lazuli_core::encoding::to_json(&known).unwrap(), json);
        }
    }
}
