//! Text.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use super::{Answer, Function, Kind, Known, Problem, items, p, text, whole};
use crate::limits;
use crate::text::string;

const S: super::Parameter = p("text", Kind::String);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("chomp", &[S], Kind::String, "The text without line breaks at its end.", |a| {
        Ok(string(text(a, 0).trim_end_matches(['\n', '\r'])))
    }),
    Function::new(
        "endswith",
        &[S, p("suffix", Kind::String)],
        Kind::Bool,
        "Whether the text ends so.",
        |a| Ok(Value::from(text(a, 0).ends_with(text(a, 1)))),
    ),
    Function::new(
        "startswith",
        &[S, p("prefix", Kind::String)],
        Kind::Bool,
        "Whether the text begins so.",
        starts_with,
    )
    .known(Known::Nothing),
    Function::new(
        "indent",
        &[p("spaces", Kind::Number), S],
        Kind::String,
        "The text with spaces before every line but the first.",
        |a| {
            let spaces =
                usize::try_from(whole(a, 0)?).map_err(|_| Problem::at(0, "expected a number of spaces"))?;
            if spaces > 10_000 {
                return Err(Problem::at(0, "expected at most 10000 spaces"));
            }
            replaced(text(a, 1), "\n", &format!("\n{}", " ".repeat(spaces)))
        },
    ),
    Function::new(
        "join",
        &[p("separator", Kind::String)],
        Kind::String,
        "The elements of the lists with the separator between them.",
        join,
    )
    .rest(p("lists", Kind::Strings)),
    Function::new("lower", &[S], Kind::String, "The text in small letters.", |a| {
        Ok(string(&text(a, 0).to_lowercase()))
    }),
    Function::new("upper", &[S], Kind::String, "The text in capital letters.", |a| {
        Ok(string(&text(a, 0).chars().map(capital).collect::<String>()))
    }),
    Function::new("title", &[S], Kind::String, "The text with a capital letter at every word.", |a| {
        Ok(string(&title(text(a, 0))))
    }),
    Function::new(
        "replace",
        &[S, p("what", Kind::String), p("with", Kind::String)],
        Kind::String,
        "The text with every occurrence replaced. Regular expressions (/…/) are not supported yet.",
        |a| {
            let what = text(a, 1);
            if what.len() > 1 && what.starts_with('/') && what.ends_with('/') {
                return Err(Problem::at(1, "regular expressions are not supported yet"));
            }
            replaced(text(a, 0), what, text(a, 2))
        },
    ),
    Function::new(
        "split",
        &[p("separator", Kind::String), S],
        Kind::Strings,
        "The parts of the text between the separators.",
        |a| {
            let (separator, whole) = (text(a, 0), text(a, 1));
            let parts: Vec<Value> = if separator.is_empty() {
                whole.chars().map(|c| string(c.encode_utf8(&mut [0; 4]))).collect()
            } else {
                whole.split(separator).map(string).collect()
            };
            Ok(Value::new(Content::List(Type::String, Arc::new(parts))))
        },
    ),
    Function::new(
        "strcontains",
        &[S, p("part", Kind::String)],
        Kind::Bool,
        "Whether the part stands in the text.",
        |a| Ok(Value::from(text(a, 0).contains(text(a, 1)))),
    ),
    Function::new("strrev", &[S], Kind::String, "The text backwards.", |a| {
        Ok(string(&text(a, 0).chars().rev().collect::<String>()))
    }),
    Function::new(
        "substr",
        &[S, p("offset", Kind::Number), p("length", Kind::Number)],
        Kind::String,
        "Part of the text; a negative offset counts from the end, a negative length takes the rest.",
        substr,
    ),
    Function::new(
        "trim",
        &[S, p("characters", Kind::String)],
        Kind::String,
        "The text without these characters at both ends.",
        |a| {
            let cut = text(a, 1);
            Ok(string(text(a, 0).trim_matches(|c| cut.contains(c))))
        },
    ),
    Function::new(
        "trimprefix",
        &[S, p("prefix", Kind::String)],
        Kind::String,
        "The text without the prefix.",
        |a| Ok(string(text(a, 0).strip_prefix(text(a, 1)).unwrap_or(text(a, 0)))),
    ),
    Function::new(
        "trimsuffix",
        &[S, p("suffix", Kind::String)],
        Kind::String,
        "The text without the suffix.",
        |a| Ok(string(text(a, 0).strip_suffix(text(a, 1)).unwrap_or(text(a, 0)))),
    ),
    Function::new("trimspace", &[S], Kind::String, "The text without blanks at both ends.", |a| {
        Ok(string(text(a, 0).trim()))
    }),
];

/// Known as soon as the known beginning decides.
fn starts_with(arguments: &[Value]) -> Answer {
    let undecided = || {
        let from: Vec<&Value> = arguments.iter().collect();
        crate::scope::unknown(Type::Bool, true, &from)
    };
    let Some(prefix) = arguments.get(1).and_then(Value::as_str) else { return Ok(undecided()) };
    Ok(match arguments.first().map(Value::content) {
        Some(Content::Unknown(u)) if u.prefix.starts_with(prefix) => Value::from(true),
        Some(Content::Unknown(u)) if prefix.starts_with(&*u.prefix) => undecided(),
        Some(Content::Unknown(_)) => Value::from(false),
        _ => Value::from(text(arguments, 0).starts_with(prefix)),
    })
}

fn join(arguments: &[Value]) -> Answer {
    let separator = text(arguments, 0);
    if arguments.len() < 2 {
        return Err(Problem::new("expected at least one list"));
    }
    let mut joined = String::new();
    let mut first = true;
    for i in 1..arguments.len() {
        for item in items(arguments, i) {
            let Some(part) = item.as_str() else { return Err(Problem::at(i, "an element is null")) };
            if !std::mem::take(&mut first) {
                joined.push_str(separator);
            }
            joined.push_str(part);
            if joined.len() > limits::STRING {
                return Err(Problem::new("the result is too long"));
            }
        }
    }
    Ok(string(&joined))
}

/// Replaces, unless the result would be out of proportion.
fn replaced(whole: &str, what: &str, with: &str) -> Answer {
    let count = whole.matches(what).count();
    if count.saturating_mul(with.len()).saturating_add(whole.len()) > limits::STRING {
        return Err(Problem::new("the result is too long"));
    }
    Ok(string(&whole.replace(what, with)))
}

/// The capital of a letter, where that is one letter.
fn capital(letter: char) -> char {
    let mut capitals = letter.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(capital), None) => capital,
        _ => letter,
    }
}

fn title(whole: &str) -> String {
    let mut result = String::with_capacity(whole.len());
    let mut before = ' ';
    for c in whole.chars() {
        let within = before.is_alphanumeric() || before == '_';
        result.push(if within { c } else { capital(c) });
        before = c;
    }
    result
}

fn substr(arguments: &[Value]) -> Answer {
    let whole_text: Vec<char> = text(arguments, 0).chars().collect();
    let length = i64::try_from(whole_text.len()).unwrap_or(i64::MAX);
    let offset = whole(arguments, 1)?;
    let start = if offset < 0 { length.saturating_add(offset).max(0) } else { offset.min(length) };
    let wanted = whole(arguments, 2)?;
    let end = if wanted < 0 { length } else { start.saturating_add(wanted).min(length) };
    let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
    Ok(string(&whole_text.get(range).unwrap_or_default().iter().collect::<String>()))
}
