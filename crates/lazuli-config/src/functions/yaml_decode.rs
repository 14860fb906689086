//! YAML text to values. The parser tells text from structure; what plain words mean is decided here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Number, Type, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::time::yaml_time;
use super::{Answer, Problem};
use crate::convert::convert;
use crate::limits;
use crate::text::{normalize, string};

/// Values in values; the reader goes as deep.
const DEPTH: usize = limits::DEPTH / 2;

/// The value of a YAML document.
pub(super) fn decode(text: &str) -> Answer {
    let mut reader = Reader::of(text)?;
    reader.begin()?;
    let first = reader.next()?;
    let value = reader.value(&first, 0)?;
    loop {
        let event = reader.next()?;
        match event.0 {
            Event::DocumentEnd => {}
            Event::StreamEnd => return Ok(value),
            _ => return Err(wrong("one document and no more", &event)),
        }
    }
}

/// The values of all documents of a text; empty documents, such as one of remarks only, are left out.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, Problem> {
    let mut reader = Reader::of(text)?;
    let mut values = Vec::new();
    loop {
        let event = reader.next()?;
        match event.0 {
            Event::StreamStart | Event::DocumentEnd => {}
            Event::StreamEnd => return Ok(values),
            Event::DocumentStart(_) => {
                reader.anchors.clear(); // they hold for one document
                let first = reader.next()?;
                if !matches!(first.0, Event::DocumentEnd) {
                    values.push(reader.value(&first, 0)?);
                }
            }
            _ => return Err(wrong("a document", &event)),
        }
    }
}

type Spanned<'t> = (Event<'t>, Span);

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The values of anchors with the number of their parts; `None` while they are being read.
    anchors: HashMap<usize, Option<(Value, usize)>>,
    /// Parts so far, those behind aliases counted as often as they stand there.
    parts: usize,
    /// The length of a text that does not end with a line, in characters.
    end_of_text: usize,
}

fn wrong(expected: &str, event: &Spanned<'_>) -> Problem {
    let place = event.1.start;
    let message = format!("line {}, column {}: expected {expected}", place.line(), place.col() + 1);
    Problem::at(0, format!("this is not usable YAML: {message}"))
}

impl<'t> Reader<'t> {
    fn of(text: &'t str) -> Result<Self, Problem> {
        // Characters that no YAML text may have, quoted or not.
        let control = |c: char| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f' | '\u{80}'..='\u{84}' | '\u{86}'..='\u{9f}');
        if text.contains(control) {
            return Err(Problem::at(0, "this is not YAML: it has control characters"));
        }
        let end_of_text = if text.ends_with('\n') { usize::MAX } else { text.chars().count() };
        let parser = Parser::new_from_str(text);
        Ok(Reader { parser, anchors: HashMap::new(), parts: 0, end_of_text })
    }

    /// Goes to the first document.
    fn begin(&mut self) -> Result<(), Problem> {
        loop {
            match self.next()?.0 {
                Event::StreamStart => {}
                Event::DocumentStart(_) => return Ok(()),
                _ => return Err(Problem::at(0, "this is not YAML: there is no document in it")),
            }
        }
    }

    fn next(&mut self) -> Result<Spanned<'t>, Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(Problem::at(0, format!("this is not YAML: {error}"))),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn count(&mut self, parts: usize, event: &Spanned<'t>) -> Result<(), Problem> {
        self.parts = self.parts.saturating_add(parts);
        if self.parts > limits::PARTS {
            return Err(wrong(&format!("no more than {} parts", limits::PARTS), event));
        }
        Ok(())
    }

    /// The value that begins with an event.
    fn value(&mut self, event: &Spanned<'t>, depth: usize) -> Answer {
        if depth > DEPTH {
            return Err(wrong(&format!("no more than {DEPTH} levels"), event));
        }
        let before = self.parts;
        self.count(1, event)?;
        let anchor = match &event.0 {
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _) => *anchor,
            _ => 0,
        };
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        let value = match &event.0 {
            Event::Alias(anchor) => match self.anchors.get(anchor) {
                Some(Some((value, parts))) => {
                    let (value, parts) = (value.clone(), *parts);
                    self.count(parts, event)?;
                    return Ok(value);
                }
                Some(None) => return Err(wrong("no reference to a value in that value", event)),
                None => return Err(wrong("the value that is referred to before this", event)),
            },
            Event::Scalar(..) => scalar(event, self.end_of_text)?,
            Event::SequenceStart(_, tag) => {
                if tag.as_ref().is_some_and(|tag| core_tag(tag) != Some("seq")) {
                    return Err(wrong("no such tag on a sequence", event));
                }
                self.sequence(depth)?
            }
            Event::MappingStart(_, tag) => {
                if tag.as_ref().is_some_and(|tag| core_tag(tag) != Some("map")) {
                    return Err(wrong("no such tag on a mapping", event));
                }
                self.mapping(depth)?
            }
            _ => return Err(wrong("a value", event)),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, Some((value.clone(), self.parts - before)));
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Answer {
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if event.0 == Event::SequenceEnd {
                return Ok(Value::tuple(items));
            }
            items.push(self.value(&event, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Answer {
        let mut entries = BTreeMap::new();
        loop {
            let event = self.next()?;
            let key = match &event.0 {
                Event::MappingEnd => return Ok(Value::new(Content::Object(Arc::new(entries.into())))),
                Event::Scalar(..) => scalar(&event, self.end_of_text)?,
                _ => return Err(wrong("plain text as a key", &event)),
            };
            if key.is_null() {
                return Err(wrong("a key that is not null", &event));
            }
            let key = convert(&key, &Type::String).map_err(|m| wrong(&m.to_string(), &event))?;
            let key = key.as_str().unwrap_or("");
            let first = self.next()?;
            if key != "<<" {
                let value = self.value(&first, depth + 1)?;
                entries.insert(Arc::from(key), value);
                continue;
            }
            let merged = self.value(&first, depth + 1)?;
            let Some(merged) = merged.as_entries() else {
                return Err(wrong("a mapping to merge after `<<`", &event));
            };
            entries.extend(merged.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
    }
}

/// The name of one of YAML's own tags.
fn core_tag(tag: &Tag) -> Option<&str> {
    let whole =
        (tag.handle.is_empty() || tag.handle == "!").then(|| tag.suffix.strip_prefix("tag:yaml.org,2002:"));
    if tag.is_yaml_core_schema() { Some(&tag.suffix) } else { whole.flatten() }
}

/// What a scalar stands for: quoted ones for text, plain ones for what they look like or what their tag says.
fn scalar(event: &Spanned<'_>, end_of_text: usize) -> Answer {
    let Event::Scalar(text, style, _, tag) = &event.0 else {
        return Err(wrong("a scalar", event));
    };
    let tag = match tag {
        None => "",
        Some(tag) => match core_tag(tag) {
            Some(tag) => tag,
            None => return Err(wrong("a tag of YAML's own, such as !!str", event)),
        },
    };
    let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    // The parser ends the last line of a block also when the document does not.
    let unended = is_block && event.1.end.index() >= end_of_text;
    let text = if unended { text.strip_suffix('\n').unwrap_or(text) } else { text };
    match (style, tag) {
        (_, "binary") | (ScalarStyle::Plain, _) => {}
        (ScalarStyle::Literal | ScalarStyle::Folded, "") if text.is_empty() => {
            return Ok(Value::null_of(Type::String)); // a block of nothing is nothing
        }
        (ScalarStyle::Literal | ScalarStyle::Folded, tag) if !tag.is_empty() => {}
        _ => return Ok(string(text)),
    }
    let no = || wrong(&format!("a value that fits `!!{tag}`"), event);
    match tag {
        "" => plain(text, event),
        "str" => Ok(string(text)),
        "null" => Ok(Value::null()),
        "bool" => truth(text).map(Value::from).map_or_else(|| number(text, event)?.ok_or_else(no), Ok),
        "int" | "float" => number(text, event)?.ok_or_else(no),
        "timestamp" => yaml_time(text).map(Value::from).ok_or_else(no),
        "binary" => {
            let value = Value::from(text);
            super::encoding::base64_bytes(std::slice::from_ref(&value), 0).map(|_| value).map_err(|_| no())
        }
        _ => Err(wrong("one of !!str !!int !!float !!bool !!null !!timestamp !!binary !!seq !!map", event)),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => Some(false),
        _ => None,
    }
}

/// What a plain word looks like.
fn plain(text: &str, event: &Spanned<'_>) -> Answer {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Ok(Value::null());
    }
    if let Some(truth) = truth(text) {
        return Ok(Value::from(truth));
    }
    if let Some(number) = number(text, event)? {
        return Ok(number);
    }
    Ok(yaml_time(text).map_or_else(|| Value::string(&*normalize(text)), Value::from))
}

/// A whole number, also in hexadecimal or octal, or a decimal one.
fn number(text: &str, event: &Spanned<'_>) -> Result<Option<Value>, Problem> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|c| c.is_digit(radix))
        {
            let number = i64::from_str_radix(digits, radix);
            return number
                .map(|number| Some(Value::int(number)))
                .map_err(|_| wrong("a number below 2^63", event));
        }
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let ".inf" | ".Inf" | ".INF" = unsigned {
        return Err(wrong("a number that is not infinite", event));
    }
    if let ".nan" | ".NaN" | ".NAN" = text {
        return Err(wrong("something else than `not a number`", event));
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Ok(None);
    }
    let exponent = exponent.unwrap_or("0");
    let power = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if power.is_empty() || !digits(power) {
        return Ok(None);
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let zero = |digits: &str| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
    let power = if exponent.starts_with('-') { format!("-{power}") } else { power.to_owned() };
    let written = format!("{sign}{}.{}e{power}", zero(whole), zero(fraction));
    match written.parse::<Number>() {
        Ok(number) => Ok(Some(Value::from(number))),
        Err(_) => Err(wrong("a number that is not so long", event)),
    }
}
