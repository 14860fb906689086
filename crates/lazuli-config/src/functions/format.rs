//! `format` and `formatlist`.

use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Type, Unknown, Value};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{Answer, Function, Kind, Known, Problem, decimals, json, nullable, p, text};
use crate::convert::{convert, derived};
use crate::limits;
use crate::scope::unknown;
use crate::set_order::uncounted;
use crate::template::safe_prefix;
use crate::text::string;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "format",
        &[p("format", Kind::String)],
        Kind::String,
        "The format with %s, %d, %v, %q, %x and the like filled in.",
        |a| match a.iter().find(|value| !value.is_wholly_known()) {
            Some(cause) if cause.type_of() == Type::Any => Ok(unknown(Type::Any, false, &[cause])),
            Some(cause) => Ok(begun(a, cause)),
            None => formatted(text(a, 0), &a[1..]),
        },
    )
    .rest(nullable("values", Kind::Any))
    .known(Known::Nothing),
    Function::new(
        "formatlist",
        &[p("format", Kind::String)],
        Kind::Strings,
        "The format once for every element of the lists.",
        format_list,
    )
    .rest(nullable("values", Kind::Any))
    .known(Known::Nothing),
];

/// What is known of the text: what stands before the first verb.
fn begun(arguments: &[Value], cause: &Value) -> Value {
    let known = text(arguments, 0).split('%').next().unwrap_or("");
    let source = derived(cause.unknown_part().and_then(|part| part.source.as_ref()));
    let prefix = Arc::from(safe_prefix(known));
    Value::unknown(Unknown { not_null: true, prefix, source, ..Unknown::of(Type::String) })
}

fn format_list(arguments: &[Value]) -> Answer {
    let values = &arguments[1..];
    let strings = Kind::Strings.ty();
    let mut length = None;
    for (i, value) in values.iter().enumerate() {
        if let Some(items) = value.as_sequence().filter(|_| !uncounted(value)) {
            match length {
                Some(length) if length != items.len() => {
                    return Err(Problem::at(
                        i + 1,
                        format!("expected {length} elements, found {}", items.len()),
                    ));
                }
                _ => length = Some(items.len()),
            }
        }
    }
    let sequence = |ty: &Type| matches!(ty, Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_));
    for value in arguments {
        match value.content() {
            Content::Unknown(u) if u.ty == Type::Any => return Ok(unknown(Type::Any, false, &[value])),
            Content::Unknown(u) if sequence(&u.ty) => return Ok(unknown(strings, true, &[value])),
            _ if uncounted(value) => return Ok(unknown(strings, true, &[value])),
            _ => {}
        }
    }
    if let Some(format) = arguments.first().filter(|format| format.is_unknown()) {
        return Ok(unknown(strings, true, &[format]));
    }
    let mut lines = Vec::new();
    for row in 0..length.unwrap_or(1) {
        let cells: Vec<Value> = values
            .iter()
            .map(|value| match value.as_sequence() {
                Some(items) => items.get(row).cloned().unwrap_or_else(Value::null),
                None => value.clone(),
            })
            .collect();
        lines.push(match cells.iter().find(|cell| !cell.is_wholly_known()) {
            Some(cause) => unknown(Type::String, true, &[cause]),
            None => formatted(text(arguments, 0), &cells)?,
        });
    }
    Ok(Value::new(Content::List(Type::String, Arc::new(lines))))
}

/// One `%…` of a format.
#[derive(Default)]
pub(super) struct Verb {
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) zero: bool,
    pub(super) space: bool,
    pub(super) sharp: bool,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
    pub(super) letter: char,
    argument: Option<usize>,
}

fn formatted(format: &str, values: &[Value]) -> Answer {
    let mut result = String::new();
    let mut chars = format.chars().peekable();
    let mut next = 0;
    let mut used = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            result.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            result.push('%');
            continue;
        }
        let verb = verb(&mut chars)?;
        let i = verb.argument.unwrap_or(next);
        next = i + 1;
        used = used.max(next);
        let Some(value) = values.get(i) else {
            return Err(Problem::at(0, format!("%{} has no value: {} are given", verb.letter, values.len())));
        };
        let piece = verb.render(value).map_err(|message| Problem::at(i + 1, message))?;
        result.push_str(&piece);
        if result.len() > limits::STRING {
            return Err(Problem::new("the result is too long"));
        }
    }
    if used < values.len() {
        let message = format!("the format uses {used} values, {} are given", values.len());
        return Err(Problem::at(used + 1, message));
    }
    Ok(string(&result))
}

fn verb(chars: &mut Peekable<Chars<'_>>) -> Result<Verb, Problem> {
    let mut verb = Verb::default();
    let number = |chars: &mut Peekable<Chars<'_>>| {
        let mut digits = String::new();
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits.parse::<usize>().ok().filter(|n| *n <= 1_000_000)
    };
    loop {
        match chars.peek() {
            Some('+') => verb.plus = true,
            Some('-') => verb.minus = true,
            Some('0') => verb.zero = true,
            Some(' ') => verb.space = true,
            Some('#') => verb.sharp = true,
            _ => break,
        }
        chars.next();
    }
    let too_large = || Problem::at(0, "a width or precision is larger than 1000000");
    if chars.peek().is_some_and(char::is_ascii_digit) {
        verb.width = number(chars).ok_or_else(too_large)?;
    }
    if chars.next_if_eq(&'.').is_some() {
        verb.precision = Some(if chars.peek().is_some_and(char::is_ascii_digit) {
            number(chars).ok_or_else(too_large)?
        } else {
            0
        });
    }
    if chars.next_if_eq(&'[').is_some() {
        let index = number(chars).filter(|i| *i > 0);
        match (index, chars.next()) {
            (Some(index), Some(']')) => verb.argument = Some(index - 1),
            _ => return Err(Problem::at(0, "expected %[1]… with the position of a value")),
        }
    }
    verb.letter = chars.next().ok_or_else(|| Problem::at(0, "the format ends after %"))?;
    Ok(verb)
}

impl Verb {
    fn render(&self, value: &Value) -> Result<String, String> {
        match self.letter {
            'v' => match value.content() {
                Content::String(text) if !self.sharp => Ok(self.padded(text)),
                Content::Number(number) if !self.sharp => {
                    Ok(self.padded(&decimals::shortest(&number.to_string())))
                }
                _ => {
                    let encoded = json::encode(value).map_err(|problem| problem.message)?;
                    Ok(self.padded(encoded.as_str().unwrap_or_default()))
                }
            },
            't' => Ok(self.converted(value, &Type::Bool)?.as_bool().unwrap_or_default().to_string()),
            's' | 'q' => {
                let value = self.converted(value, &Type::String)?;
                let text = value.as_str().unwrap_or_default();
                let text = match self.precision {
                    Some(most) if most > 0 => text.graphemes(true).take(most).collect(),
                    _ => text.to_owned(),
                };
                if self.letter == 's' {
                    return Ok(self.padded(&text));
                }
                let mut quoted = String::new();
                json::quote(&text, &mut quoted);
                Ok(self.padded(&quoted))
            }
            'd' | 'b' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' => {
                let value = self.converted(value, &Type::Number)?;
                let number = value.as_number().map(ToString::to_string).unwrap_or_default();
                if matches!(self.letter, 'd' | 'b' | 'o' | 'x' | 'X') {
                    decimals::whole(self, &number)
                } else {
                    Ok(decimals::fractional(self, &number))
                }
            }
            other => Err(format!("%{other} is not a verb of format")),
        }
    }

    fn converted(&self, value: &Value, ty: &Type) -> Result<Value, String> {
        if value.is_null() {
            return Err(format!("%{} cannot show null", self.letter));
        }
        convert(value, ty).map_err(|m| m.to_string())
    }

    /// The text with blanks, or zeros if so written, up to the width, which counts what a reader takes for characters.
    fn padded(&self, text: &str) -> String {
        let missing = self.width.saturating_sub(crate::text::characters(text));
        let padding = if self.zero { "0" } else { " " }.repeat(missing);
        if self.minus { format!("{text}{padding}") } else { format!("{padding}{text}") }
    }

    /// The sign of a number.
    pub(super) fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        }
    }
}
