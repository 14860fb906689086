//! JSON text to values and back, numbers exact.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Number, Type, Unknown, Value};

use super::{Answer, Problem};
use crate::limits;
use crate::scope::{is_not_null, unknown};
use crate::text::normalize;

/// The value as compact JSON, keys in order, `<`, `>` and `&` escaped as Terraform does.
pub(super) fn encode(value: &Value) -> Answer {
    if value.is_wholly_known() {
        let mut text = String::new();
        write(value, &mut text)?;
        return Ok(Value::from(text));
    }
    // What kind of value it is tells how the text begins.
    let prefix = match value.type_of() {
        _ if !is_not_null(value) => "",
        Type::String => "\"",
        Type::Object(_) | Type::Map(_) => "{",
        Type::Tuple(_) | Type::List(_) | Type::Set(_) => "[",
        _ => "",
    };
    let text = unknown(Type::String, true, &[value]);
    Ok(match text.content() {
        Content::Unknown(known) => Value::unknown(Unknown { prefix: prefix.into(), ..(**known).clone() }),
        _ => text,
    })
}

fn write(value: &Value, text: &mut String) -> Result<(), Problem> {
    if text.len() > limits::STRING {
        return Err(Problem::new("the result is too long"));
    }
    match value.content() {
        Content::Null(_) => text.push_str("null"),
        Content::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Content::Number(number) => text.push_str(&number.to_string()),
        Content::String(string) => quote(string, text),
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
        }
        Content::Map(_, entries) | Content::Object(entries) => {
            text.push('{');
            for (i, (name, item)) in entries.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                quote(name, text);
                text.push(':');
                write(item, text)?;
            }
            text.push('}');
        }
        Content::Unknown(_) => return Err(Problem::new("a part is not known")), // impossible: wholly known
    }
    Ok(())
}

/// A JSON string with its quotes.
pub(super) fn quote(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", c as u32);
            }
            c if (c as u32) < 0x20 => {
                let _ = write!(text, "\\u{:04x}", c as u32);
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

/// The value of a JSON text: objects, tuples, exact numbers.
pub(super) fn decode(text: &str) -> Answer {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() { Err(reader.wrong("nothing more")) } else { Ok(value) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self, expected: &str) -> Problem {
        Problem::at(0, format!("this is not JSON: expected {expected} at byte {}", self.at))
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Answer {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.wrong("a value"))
        }
    }

    fn value(&mut self, depth: usize) -> Answer {
        if depth > limits::DEPTH / 2 {
            return Err(Problem::at(0, format!("nested deeper than {} levels", limits::DEPTH / 2)));
        }
        self.blanks();
        match self.peek() {
            b'n' => self.word("null", Value::null()),
            b't' => self.word("true", Value::from(true)),
            b'f' => self.word("false", Value::from(false)),
            b'"' => self.string().map(|text| Value::string(&*normalize(&text))),
            b'[' => self.array(depth),
            b'{' => self.object(depth),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(self.wrong("a value")),
        }
    }

    fn array(&mut self, depth: usize) -> Answer {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == b']' {
            self.at += 1;
            return Ok(Value::tuple(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            match self.peek() {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(Value::tuple(items));
                }
                _ => return Err(self.wrong("`,` or `]`")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Answer {
        self.at += 1;
        let mut entries = BTreeMap::new();
        self.blanks();
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(Value::new(Content::Object(Arc::new(entries.into()))));
        }
        loop {
            self.blanks();
            if self.peek() != b'"' {
                return Err(self.wrong("a key in quotes"));
            }
            let name = self.string()?;
            self.blanks();
            if self.peek() != b':' {
                return Err(self.wrong("`:`"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            entries.insert(Arc::from(&*normalize(&name)), value);
            self.blanks();
            match self.peek() {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(Value::new(Content::Object(Arc::new(entries.into()))));
                }
                _ => return Err(self.wrong("`,` or `}`")),
            }
        }
    }

    fn number(&mut self) -> Answer {
        let rest = &self.text[self.at..];
        let end =
            rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let written = &rest[..end];
        let digits = written.strip_prefix('-').unwrap_or(written);
        let leading_zero =
            digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        let number =
            if leading_zero || written.ends_with('.') { None } else { written.parse::<Number>().ok() };
        match number {
            Some(number) => {
                self.at += end;
                Ok(Value::from(number))
            }
            None => Err(self.wrong("a number")),
        }
    }

    fn string(&mut self) -> Result<String, Problem> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find(|c: char| c == '"' || c == '\\' || (c as u32) < 0x20) else {
                return Err(self.wrong("`\"`"));
            };
            string.push_str(&rest[..end]);
            self.at += end;
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(string);
                }
                b'\\' => self.escape(&mut string)?,
                _ => return Err(self.wrong("no control character in a string")),
            }
        }
    }

    fn escape(&mut self, string: &mut String) -> Result<(), Problem> {
        self.at += 1;
        let escaped = self.peek();
        self.at += 1;
        string.push(match escaped {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex4()?;
                if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with("\\u") {
                    let before = self.at;
                    self.at += 2;
                    let low = self.hex4()?;
                    if (0xdc00..0xe000).contains(&low) {
                        let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                        string.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                        return Ok(());
                    }
                    self.at = before;
                }
                char::from_u32(high).unwrap_or('\u{fffd}')
            }
            _ => {
                self.at -= 1;
                return Err(self.wrong("an escape such as \\n"));
            }
        });
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32, Problem> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        self.at += 4;
        code.ok_or_else(|| Problem::at(0, "this is not JSON: expected four hexadecimal digits after \\u"))
    }
}
