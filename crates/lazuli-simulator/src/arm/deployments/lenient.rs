//! JSON as the gateway reads it in templates: with comments, names without quotes, text in single quotes or over several
//! lines, and a comma too many. `az` sends such.

use serde_json::Value;

/// Reads it.
///
/// # Errors
/// What the parser says when it is not even that.
pub(super) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&strict(text)))
}

/// The same in strict JSON, if it was JSON at all.
fn strict(text: &str) -> String {
    let mut made = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else if first == '"' || first == '\'' {
            rest = quoted(rest, first, &mut made);
        } else if first == '}' || first == ']' {
            let end = made.trim_end().len();
            if made[..end].ends_with(',') {
                made.truncate(end - 1);
            }
            made.push(first);
            rest = &rest[1..];
        } else if first.is_ascii_alphabetic() || first == '_' || first == '$' {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
            let (word, after) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
            match after.trim_start().starts_with(':') {
                true => made.push_str(&format!("\"{word}\"")),
                false => made.push_str(word),
            }
            rest = after;
        } else {
            made.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    made
}

/// Copies one text in quotes, and gives what comes after it.
fn quoted<'a>(text: &'a str, quote: char, made: &mut String) -> &'a str {
    made.push('"');
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => {
                made.push('"');
                return &text[at + 1..];
            }
            '\\' => match chars.next() {
                Some((_, '\'')) => made.push('\''),
                Some((_, escaped)) => made.extend(['\\', escaped]),
                None => {}
            },
            '"' => made.push_str("\\\""),
            '\n' => made.push_str("\\n"),
            '\r' => made.push_str("\\r"),
            '\t' => made.push_str("\\t"),
            c => made.push(c),
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_az_sends_is_read_and_nonsense_is_not() {
        for (sent, wanted) in [
            ("{\"a\": 1}", json!({ "a": 1 })),
            (
                "{\"a\": {\"b\": true, template:{$x: null, 'it\\'s': 'a \"b\"'}}}",
                json!({ "a": { "b": true, "template": { "$x": null, "it's": "a \"b\"" } } }),
            ),
            (
                "{ // a comment\n \"url\": \"https://x\", /* more */ \"l\": [1, 2, ], }",
                json!({ "url": "https://x", "l": [1, 2] }),
            ),
            ("{\"a\": \"two\nlines\", \"b\": \"\\\"\\\\\"}", json!({ "a": "two\nlines", "b": "\"\\" })),
        ] {
            assert_eq!(parse(sent).expect("JSON"), wanted, "{sent}");
        }
        for sent in ["{", "{a b}", "\"open", "{\"a\" 1}", "nonsense"] {
            assert!(parse(sent).is_err(), "{sent}");
        }
    }
}
