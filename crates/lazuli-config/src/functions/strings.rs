//! Text.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use super::{Answer, Function, Kind, Known, Problem, items, p, regex, text, whole};
use crate::limits;
use crate::text::string;
use unicode_segmentation::UnicodeSegmentation as _;

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
    )
    .total(),
    Function::new(
        "startswith",
        &[S, p("prefix", Kind::String)],
        Kind::Bool,
        "Whether the text begins so.",
        starts_with,
    )
    .known(Known::Nothing)
    .total(),
    Function::new(
        "indent",
        &[p("spaces", Kind::Number), S],
        Kind::String,
        "The text with spaces before every line but the first.",
        |a| {
            let spaces =
                usize::try_from(whole(a, 0)?).map_err(|_| Problem::at(0, "expected a number of spaces"))?;
            if spaces > limits::STRING {
                return Err(Problem::at(0, format!("expected at most {} spaces", limits::STRING)));
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
        Ok(string(&text(a, 0).chars().map(small).collect::<String>()))
    })
    .total(),
    Function::new("upper", &[S], Kind::String, "The text in capital letters.", |a| {
        Ok(string(&text(a, 0).chars().map(capital).collect::<String>()))
    })
    .total(),
    Function::new("title", &[S], Kind::String, "The text with a capital letter at every word.", |a| {
        Ok(string(&title(text(a, 0))))
    }),
    Function::new(
        "replace",
        &[S, p("what", Kind::String), p("with", Kind::String)],
        Kind::String,
        "The text with every occurrence replaced. Between slashes stands a regular expression.",
        |a| match text(a, 1) {
            what if what.len() > 1 && what.starts_with('/') && what.ends_with('/') => {
                regex::replace(text(a, 0), &what[1..what.len() - 1], text(a, 2))
            }
            what => replaced(text(a, 0), what, text(a, 2)),
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
    )
    .total(),
    Function::new(
        "strcontains",
        &[S, p("part", Kind::String)],
        Kind::Bool,
        "Whether the part stands in the text.",
        |a| Ok(Value::from(text(a, 0).contains(text(a, 1)))),
    )
    .nullable(),
    Function::new("strrev", &[S], Kind::String, "The text backwards.", |a| {
        Ok(string(&text(a, 0).graphemes(true).rev().collect::<String>()))
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
    )
    .total(),
    Function::new(
        "trimsuffix",
        &[S, p("suffix", Kind::String)],
        Kind::String,
        "The text without the suffix.",
        |a| Ok(string(text(a, 0).strip_suffix(text(a, 1)).unwrap_or(text(a, 0)))),
    )
    .total(),
    Function::new("trimspace", &[S], Kind::String, "The text without blanks at both ends.", |a| {
        Ok(string(text(a, 0).trim()))
    })
    .total(),
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
        // Greek letters with a small iota have capitals of their own, though some would write two letters.
        _ => match letter as u32 {
            code @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => {
                char::from_u32(code + 8).unwrap_or(letter)
            }
            code @ (0x1fb3 | 0x1fc3 | 0x1ff3) => char::from_u32(code + 9).unwrap_or(letter),
            _ => letter,
        },
    }
}

/// The small letter of a capital, where that is one letter.
fn small(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

/// The letter as the first one of a word.
fn initial(letter: char) -> char {
    match letter {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჺ' | 'ჽ'..='ჿ' => letter, // capitals exist, but no word begins with one
        _ => capital(letter),
    }
}

fn title(whole: &str) -> String {
    let mut result = String::with_capacity(whole.len());
    let mut before = ' ';
    for c in whole.chars() {
        let within = match before {
            '\0'..='\x7f' => before.is_ascii_alphanumeric() || before == '_',
            _ => !before.is_whitespace(),
        };
        result.push(if within { c } else { initial(c) });
        before = c;
    }
    result
}

fn substr(arguments: &[Value]) -> Answer {
    let characters: Vec<&str> = text(arguments, 0).graphemes(true).collect();
    let length = i64::try_from(characters.len()).unwrap_or(i64::MAX);
    let offset = whole(arguments, 1)?;
    let start = if offset < 0 { length.saturating_add(offset).max(0) } else { offset.min(length) };
    let wanted = whole(arguments, 2)?;
    // No length after a negative offset means all of the rest, too: Terraform's way.
    let rest = wanted < 0 || wanted == 0 && offset < 0;
    let end = if rest { length } else { start.saturating_add(wanted).min(length) };
    let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
    Ok(string(&characters.get(range).unwrap_or_default().concat()))
}
