//! `format` and `formatlist`.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Number, Type, Value};

use super::{Answer, Function, Kind, Problem, json, nullable, p, text};
use crate::convert::convert;
use crate::limits;
use crate::text::string;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "format",
        &[p("format", Kind::String)],
        Kind::String,
        "The format with %s, %d, %v, %q, %x … filled in.",
        |a| formatted(text(a, 0), &a[1..]),
    )
    .rest(nullable("values", Kind::Any)),
    Function::new(
        "formatlist",
        &[p("format", Kind::String)],
        Kind::Strings,
        "The format once for every element of the lists.",
        format_list,
    )
    .rest(nullable("values", Kind::Any)),
];

fn format_list(arguments: &[Value]) -> Answer {
    let values = &arguments[1..];
    let mut length = None;
    for (i, value) in values.iter().enumerate() {
        if let Some(items) = value.as_sequence() {
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
    let mut lines = Vec::new();
    for row in 0..length.unwrap_or(1) {
        let cells: Vec<Value> = values
            .iter()
            .map(|value| match value.as_sequence() {
                Some(items) => items.get(row).cloned().unwrap_or_else(Value::null),
                None => value.clone(),
            })
            .collect();
        lines.push(formatted(text(arguments, 0), &cells)?);
    }
    Ok(Value::new(Content::List(Type::String, Arc::new(lines))))
}

/// One `%…` of a format.
#[derive(Default)]
struct Verb {
    plus: bool,
    minus: bool,
    zero: bool,
    space: bool,
    sharp: bool,
    width: Option<usize>,
    precision: Option<usize>,
    argument: Option<usize>,
    letter: char,
}

fn formatted(format: &str, values: &[Value]) -> Answer {
    let mut result = String::new();
    let mut chars = format.chars().peekable();
    let mut next = 0;
    let mut indexed = false;
    while let Some(c) = chars.next() {
        if c != '%' {
            result.push(c);
            continue;
        }
        let verb = verb(&mut chars)?;
        if verb.letter == '%' {
            result.push('%');
            continue;
        }
        indexed |= verb.argument.is_some();
        let i = verb.argument.unwrap_or(next);
        next = i + 1;
        let Some(value) = values.get(i) else {
            return Err(Problem::at(0, format!("%{} has no value: {} are given", verb.letter, values.len())));
        };
        let piece = verb.render(value).map_err(|message| Problem::at(i + 1, message))?;
        result.push_str(&piece);
        if result.len() > limits::STRING {
            return Err(Problem::new("the result is too long"));
        }
    }
    if next < values.len() && !indexed {
        return Err(Problem::at(
            next + 1,
            format!("the format uses {next} values, {} are given", values.len()),
        ));
    }
    Ok(string(&result))
}

fn verb(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Verb, Problem> {
    let mut verb = Verb::default();
    let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
        let mut digits = String::new();
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits.parse::<usize>().ok().filter(|n| *n <= 10_000)
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
    let too_large = || Problem::at(0, "a width or precision is larger than 10000");
    if chars.peek().is_some_and(char::is_ascii_digit) {
        verb.width = Some(number(chars).ok_or_else(too_large)?);
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
        let body = match self.letter {
            'v' if self.sharp => json_text(value)?,
            'v' => match value.content() {
                Content::Null(_) => "null".to_owned(),
                Content::String(text) => text.to_string(),
                Content::Bool(truth) => truth.to_string(),
                Content::Number(number) => return Ok(self.signed(number, &shortest(number))),
                _ => json_text(value)?,
            },
            't' => return Ok(self.converted(value, &Type::Bool)?.as_bool().unwrap_or_default().to_string()),
            's' => self.converted(value, &Type::String)?.as_str().unwrap_or_default().to_owned(),
            'q' => {
                let text = self.converted(value, &Type::String)?;
                let mut quoted = String::new();
                json::quote(text.as_str().unwrap_or_default(), &mut quoted);
                quoted
            }
            letter @ ('d' | 'b' | 'o' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E' | 'g' | 'G') => {
                let value = self.converted(value, &Type::Number)?;
                let Some(number) = value.as_number() else { return Err("expected a number".into()) };
                return self.number(number, letter);
            }
            other => return Err(format!("%{other} is not a verb of format")),
        };
        let body = match self.precision {
            Some(most) if matches!(self.letter, 's' | 'q' | 'v') => body.chars().take(most).collect(),
            _ => body,
        };
        Ok(self.padded(body))
    }

    fn converted(&self, value: &Value, ty: &Type) -> Result<Value, String> {
        if value.is_null() {
            return Err(format!("%{} cannot show null", self.letter));
        }
        convert(value, ty).map_err(|m| m.to_string())
    }

    fn number(&self, number: &Number, letter: char) -> Result<String, String> {
        let digits = match letter {
            'f' | 'F' => fixed(&magnitude(number), self.precision.unwrap_or(6)),
            'e' | 'E' => scientific(&magnitude(number), self.precision.unwrap_or(6), letter),
            'g' | 'G' => {
                let digits = shortest(number).trim_start_matches('-').to_owned();
                if letter == 'G' { digits.to_uppercase() } else { digits }
            }
            'd' => {
                if !number.is_integer() {
                    return Err("%d needs a whole number".into());
                }
                magnitude(number)
            }
            _ => {
                let whole = number.as_i64().ok_or("a whole number of 64 bits is needed")?.unsigned_abs();
                match letter {
                    'b' => format!("{whole:b}"),
                    'o' => format!("{whole:o}"),
                    'x' => format!("{whole:x}"),
                    _ => format!("{whole:X}"),
                }
            }
        };
        Ok(self.signed(number, &digits))
    }

    fn signed(&self, number: &Number, digits: &str) -> String {
        let digits = digits.trim_start_matches('-');
        let sign = match (number.is_negative(), self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        };
        let width = self.width.unwrap_or(0);
        let used = sign.len() + digits.len();
        if self.zero && !self.minus && used < width {
            return format!("{sign}{}{digits}", "0".repeat(width - used));
        }
        self.padded(format!("{sign}{digits}"))
    }

    fn padded(&self, body: String) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(body.chars().count());
        let blanks = if self.zero && !self.minus { "0" } else { " " }.repeat(missing);
        if self.minus { format!("{body}{blanks}") } else { format!("{blanks}{body}") }
    }
}

fn json_text(value: &Value) -> Result<String, String> {
    let encoded = json::encode(value).map_err(|problem| problem.message)?;
    Ok(encoded.as_str().unwrap_or_default().to_owned())
}

fn magnitude(number: &Number) -> String {
    number.to_string().trim_start_matches('-').to_owned()
}

/// Plain digits, or an exponent where plain ones would be long.
fn shortest(number: &Number) -> String {
    let plain = number.to_string();
    let digits = plain.trim_start_matches('-');
    let whole = digits.split('.').next().unwrap_or(digits);
    let zeros = digits.strip_prefix("0.").map_or(0, |f| f.len() - f.trim_start_matches('0').len());
    // As Go's %g: an exponent below -4 or from 6 upwards is written as one.
    if whole.len() <= 6 && zeros < 4 {
        return plain;
    }
    let sign = if number.is_negative() { "-" } else { "" };
    let significant = digits.replace('.', "").trim_start_matches('0').trim_end_matches('0').len();
    format!("{sign}{}", scientific(digits, significant.saturating_sub(1), 'e'))
}

/// Rounds decimal digits to so many places, half to even.
fn fixed(digits: &str, places: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() <= places {
        let padding = "0".repeat(places - fraction.len());
        return if places == 0 { whole.to_owned() } else { format!("{whole}.{fraction}{padding}") };
    }
    let (kept, dropped) = fraction.split_at(places);
    let mut all: Vec<u8> = whole.bytes().chain(kept.bytes()).collect();
    let rest = dropped.as_bytes();
    let half = rest[0] == b'5' && rest[1..].iter().all(|b| *b == b'0');
    let odd = all.last().is_some_and(|b| (b - b'0') % 2 == 1);
    if (half && odd) || (!half && rest[0] >= b'5') {
        let mut at = all.len();
        loop {
            if at == 0 {
                all.insert(0, b'1');
                break;
            }
            at -= 1;
            if all[at] == b'9' {
                all[at] = b'0';
            } else {
                all[at] += 1;
                break;
            }
        }
    }
    let text: String = all.iter().map(|b| *b as char).collect();
    let (whole, kept) = text.split_at(text.len() - places);
    if places == 0 { whole.to_owned() } else { format!("{whole}.{kept}") }
}

fn scientific(digits: &str, places: usize, letter: char) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all: String = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    if significant.is_empty() {
        return format!("{}{letter}+00", fixed("0", places));
    }
    let skipped = all.len() - significant.len();
    let mut exponent = whole.len() as i64 - skipped as i64 - 1;
    let (first, rest) = significant.split_at(1);
    let mut mantissa =
        fixed(&if rest.is_empty() { first.to_owned() } else { format!("{first}.{rest}") }, places);
    if mantissa.starts_with("10") {
        mantissa = fixed("1", places);
        exponent += 1;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", exponent.abs())
}
