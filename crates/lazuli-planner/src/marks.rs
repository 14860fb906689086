//! Sensitive marks for what comes back from the world without any: a provider's answer knows no secrets, the record does.

use lazuli_core::path::PathStep;
use lazuli_core::value::Content;
use lazuli_core::{Path, Value};

/// The value with everything at or below the paths marked sensitive. When in doubt too much is marked, never too little.
pub(crate) fn mark(value: Value, sensitive: &[Path]) -> Value {
    sensitive.iter().fold(value, |value, path| at(value, path.steps()))
}

fn at(value: Value, steps: &[PathStep]) -> Value {
    let Some((step, below)) = steps.split_first() else { return value.sensitive() };
    let sensitive = value.is_sensitive();
    let content = match (value.content(), step) {
        (Content::Object(members), PathStep::Name(name)) => {
            let Some(member) = members.get(name) else { return value };
            let mut marked = (**members).clone();
            marked.insert(name.clone(), at(member.clone(), below));
            Content::Object(marked.into())
        }
        (Content::Tuple(items), PathStep::Key(key)) if items.iter().any(|item| is_named(item, key)) => {
            let element =
                |item: &Value| if is_named(item, key) { at(item.clone(), below) } else { item.clone() };
            Content::Tuple(items.iter().map(element).collect::<Vec<_>>().into())
        }
        _ => return value.sensitive(),
    };
    Value::new(content).with_sensitivity(sensitive)
}

/// Which property is the key only the kind knows: any that has the text will do.
fn is_named(element: &Value, key: &str) -> bool {
    element.children().any(|member| member.as_str().is_some_and(|text| text.eq_ignore_ascii_case(key)))
}

#[cfg(test)]
mod tests {
    use super::mark;
    use lazuli_core::Value;
    use lazuli_core::encoding::from_json;

    fn marked(json: serde_json::Value, path: &str) -> String {
        let value: Value = mark(from_json(&json), &[path.parse().unwrap()]);
        format!("{value:?}")
    }

    #[test]
    fn only_what_lies_at_the_path_is_hidden() {
        let body = serde_json::json!({"properties": {"password": "hunter2", "size": 3}});
        assert_eq!(
            marked(body, "properties.password"),
            r#"{"properties": {"password": (sensitive value), "size": 3}}"#
        );
    }

    #[test]
    fn an_element_is_found_by_its_name_and_where_it_cannot_be_found_the_array_is_hidden() {
        let body = serde_json::json!({"keys": [{"name": "a", "v": 1}, {"name": "b", "v": 2}]});
        assert_eq!(
            marked(body.clone(), "keys[\"b\"].v"),
            r#"{"keys": [{"name": "a", "v": 1}, {"name": "b", "v": (sensitive value)}]}"#
        );
        assert_eq!(marked(body, "keys[1].v"), r#"{"keys": (sensitive value)}"#);
    }
}
