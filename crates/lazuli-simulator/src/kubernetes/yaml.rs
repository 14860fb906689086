//! YAML text to JSON values, as the programs of a node read it.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use serde_json::{Map, Value};

/// Values in values.
const DEPTH: usize = 100;

/// What a repeated key means: cloud-init takes the last one, kubeadm refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeated {
    LastWins,
    Refused,
}

/// All documents of a text; empty documents are left out. The error is a sentence with a place.
pub(crate) fn documents(text: &str, repeated: Repeated) -> Result<Vec<Value>, String> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), repeated };
    let mut documents = Vec::new();
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            event => {
                let value = reader.value(event, &span, 0)?;
                if !value.is_null() {
                    documents.push(value);
                }
            }
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Value>,
    repeated: Repeated,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), String> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn value(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Value, String> {
        let line = span.start.line();
        if depth > DEPTH {
            return Err(format!("line {line}: nested too deeply"));
        }
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                return known.ok_or_else(|| format!("line {line}: unknown alias"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
                (anchor, if is_text { Value::String(text.into_owned()) } else { plain(&text) })
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    items.push(self.value(event, &span, depth + 1)?);
                }
                (anchor, Value::Array(items))
            }
            Event::MappingStart(anchor, _) => (anchor, self.mapping(depth)?),
            _ => return Err(format!("line {line}: a value is missing")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut map = Map::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Object(map));
            }
            let line = span.start.line();
            let key = match self.value(event, &span, depth + 1)? {
                Value::String(key) => key,
                Value::Null => String::new(),
                key @ (Value::Bool(_) | Value::Number(_)) => key.to_string(),
                _ => return Err(format!("line {line}: a key is not a plain word")),
            };
            let (event, span) = self.next()?;
            let value = self.value(event, &span, depth + 1)?;
            if map.insert(key.clone(), value).is_some() && self.repeated == Repeated::Refused {
                return Err(format!("line {line}: key \"{key}\" already set in map"));
            }
        }
    }
}

/// A plain word, as YAML 1.1 (which both PyYAML and Go's library follow in this) understands it.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    let digits = text.trim_start_matches(['-', '+']);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Value::String(text.to_owned());
    }
    let octal =
        digits.strip_prefix("0o").or_else(|| digits.strip_prefix('0').filter(|rest| !rest.is_empty()));
    if let Some(octal) = octal.filter(|octal| octal.bytes().all(|b| b.is_ascii_digit())) {
        if let Ok(number) = i64::from_str_radix(octal, 8) {
            return Value::from(number);
        }
    } else if let Ok(number) = text.parse::<i64>() {
        return Value::from(number);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::from(number),
        _ => Value::String(text.to_owned()),
    }
}

/// A value as YAML in block style, as kubeadm writes it into ConfigMaps: keys in order, texts quoted where they must be.
pub(crate) fn text(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                text.push_str(&format!("{indent}{}:", scalar(&Value::String(key.clone()))));
                after_key(value, depth, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut inner = String::new();
                block(item, depth + 1, &mut inner);
                text.push_str(&format!("{indent}- {}", inner.trim_start()));
            }
        }
        other => text.push_str(&format!("{indent}{}\n", scalar(other))),
    }
}

fn after_key(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            block(value, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, depth, text);
        }
        other => text.push_str(&format!(" {}\n", scalar(other))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let is_plain = matches!(plain(text), Value::String(_))
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:".contains(&b))
                && !text.starts_with(['-', ':'])
                && !text.ends_with(':');
            if is_plain { text.clone() } else { Value::String(text.clone()).to_string() }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Repeated, documents};

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({ "a": { "b": [{ "c": "yes", "d": [1, "2"] }, "x: y", []], "e": {} }, "f": "v1.34.2", "g": null, "h": "10.0.0.0/8" });
        let text = super::text(&value);
        assert_eq!(documents(&text, Repeated::Refused).expect("YAML"), [value], "{text}");
    }

    #[test]
    fn plain_words_quoted_words_blocks_and_anchors() {
        let text = "a: 0644\nb: '0644'\nc: yes\nd: |\n  x\n  y\ne: &k [1, 2.5, ~]\nf: *k\n---\n---\n{\"g\": \"h\"}\n";
        let read = documents(text, Repeated::LastWins).expect("YAML");
        assert_eq!(
            read,
            [
                json!({ "a": 420, "b": "0644", "c": true, "d": "x\ny\n", "e": [1, 2.5, null], "f": [1, 2.5, null] }),
                json!({ "g": "h" })
            ]
        );
    }

    #[test]
    fn a_repeated_key_is_refused_by_who_asks_for_it() {
        assert!(documents("a: 1\na: 2\n", Repeated::LastWins).is_ok());
        let refusal = documents("a: 1\na: 2\n", Repeated::Refused).expect_err("refused");
        assert_eq!(refusal, "line 2: key \"a\" already set in map");
        assert!(documents("a: [1\nb: 2\n", Repeated::LastWins).is_err());
    }
}
