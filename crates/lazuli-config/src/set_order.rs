//! The order of the elements of a set. Text, numbers and truth values have their own; structures have none that means
//! anything, so they stand in the order Terraform gives them, that of the bytes of one way to write their content.

use std::cmp::Ordering;
use std::fmt::Write as _;

use lazuli_core::value::Content;
use lazuli_core::{Number, Value};

use crate::compare;

/// True for a set of several elements some of which are unknown: they may turn out to be the same.
pub(crate) fn uncounted(value: &Value) -> bool {
    matches!(value.content(), Content::Set(_, items) if items.len() > 1) && !value.is_wholly_known()
}

/// Sorts the elements: known ones, then unknown ones, then null.
pub(crate) fn sort(items: &mut Vec<Value>) {
    let structured = |v: &Value| {
        !v.is_null() && !v.is_unknown() && (v.as_sequence().is_some() || v.as_entries().is_some())
    };
    if !items.iter().any(structured) {
        items.sort_by(compare::order);
        return;
    }
    let mut keyed: Vec<(String, Value)> =
        std::mem::take(items).into_iter().map(|v| (spelled(&v), v)).collect();
    keyed.sort_by(|(a, x), (b, y)| match (structured(x), structured(y)) {
        (true, true) => a.cmp(b).then_with(|| compare::order(x, y)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compare::order(x, y),
    });
    items.extend(keyed.into_iter().map(|(_, value)| value));
}

fn spelled(value: &Value) -> String {
    let mut text = String::new();
    spell(value, &mut text);
    text
}

fn spell(value: &Value, text: &mut String) {
    match value.content() {
        Content::Unknown(_) => text.push('?'),
        Content::Null(_) => text.push('~'),
        Content::Bool(truth) => text.push(if *truth { 'T' } else { 'F' }),
        Content::Number(number) => text.push_str(&ten_digits(number)),
        Content::String(string) => quote(string, text),
        Content::List(_, items) | Content::Set(_, items) => enclose('[', ']', items.iter(), text),
        Content::Tuple(items) => enclose('<', '>', items.iter(), text),
        Content::Object(entries) => enclose('<', '>', entries.values(), text),
        Content::Map(_, entries) => {
            text.push('{');
            for (name, item) in entries.iter() {
                quote(name, text);
                text.push(':');
                spell(item, text);
                text.push(';');
            }
            text.push('}');
        }
    }
}

fn enclose<'v>(open: char, close: char, items: impl Iterator<Item = &'v Value>, text: &mut String) {
    text.push(open);
    for item in items {
        spell(item, text);
        text.push(';');
    }
    text.push(close);
}

/// At most ten significant digits, with an exponent where more stand before the point.
fn ten_digits(number: &Number) -> String {
    const MOST: i64 = 10_000_000_000;
    match number.as_i64() {
        Some(int) if int.abs() < MOST => return int.to_string(),
        _ => {}
    }
    let rounded = format!("{:.9e}", number.to_f64());
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0); // impossible: just written
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    if (-4..10).contains(&exponent) {
        let short: Option<Number> = rounded.parse().ok();
        return short.map_or(rounded, |number| number.to_string());
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn quote(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_ascii_control() => {
                let _ = write!(text, "\\x{:02x}", c as u32);
            }
            c => text.push(c),
        }
    }
    text.push('"');
}
