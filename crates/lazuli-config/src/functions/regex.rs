//! `regex`, `regexall` and what `replace` does between slashes.

use std::sync::Arc;

use lazuli_core::types::Field;
use lazuli_core::value::Content;
use lazuli_core::{Type, Value};
use regex::{Captures, Regex, RegexBuilder};

use super::pattern::{self, Pattern};
use super::{Answer, Function, Kind, Problem, p, text};
use crate::limits;
use crate::text::string;

const PATTERN: super::Parameter = p("pattern", Kind::String);
const S: super::Parameter = p("text", Kind::String);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "regex",
        &[PATTERN, S],
        Kind::Any,
        "What the pattern matches first: the text, a tuple of the groups, or an object of the named groups.",
        |a| {
            let matcher = Matcher::new(a, 0)?;
            match matcher.regex.captures(text(a, 1)) {
                Some(captures) => Ok(matcher.value(&captures)),
                None => Err(Problem::at(1, "the pattern does not match it")),
            }
        },
    )
    .typed(result_type),
    Function::new(
        "regexall",
        &[PATTERN, S],
        Kind::Any,
        "The list of everything that the pattern matches, each as `regex` gives it.",
        |a| {
            let matcher = Matcher::new(a, 0)?;
            let matches: Vec<Value> =
                matcher.regex.captures_iter(text(a, 1)).map(|captures| matcher.value(&captures)).collect();
            Ok(Value::new(Content::List(matcher.ty, Arc::new(matches))))
        },
    )
    .typed(|a| Ok(Type::List(Arc::new(result_type(a)?)))),
];

/// The type of one match, as soon as the pattern is known.
fn result_type(arguments: &[Value]) -> Result<Type, Problem> {
    if arguments[0].is_unknown() {
        return Ok(Type::Any);
    }
    Matcher::new(arguments, 0).map(|matcher| matcher.ty)
}

struct Matcher {
    regex: Regex,
    /// The names of the groups; `None` for those without.
    names: Vec<Option<String>>,
    ty: Type,
}

impl Matcher {
    fn new(arguments: &[Value], i: usize) -> Result<Matcher, Problem> {
        let pattern = pattern::read(text(arguments, i)).map_err(|message| Problem::at(i, message))?;
        let ty = type_of(&pattern.names).map_err(|message| Problem::at(i, message))?;
        let regex = compile(&pattern).map_err(|message| Problem::at(i, message))?;
        Ok(Matcher { regex, names: pattern.names, ty })
    }

    fn value(&self, captures: &Captures<'_>) -> Value {
        let group = |i: usize| match captures.get(i) {
            Some(found) => string(found.as_str()),
            None => Value::null_of(Type::String),
        };
        match &self.ty {
            Type::Tuple(_) => Value::tuple((1..=self.names.len()).map(group)),
            Type::Object(_) => Value::object(
                self.names
                    .iter()
                    .enumerate()
                    .filter_map(|(i, name)| Some((name.as_deref()?.to_owned(), group(i + 1)))),
            ),
            _ => group(0),
        }
    }
}

fn type_of(names: &[Option<String>]) -> Result<Type, String> {
    if names.is_empty() {
        return Ok(Type::String);
    }
    let named = names.iter().flatten();
    match named.clone().count() {
        0 => Ok(Type::Tuple(Arc::new(names.iter().map(|_| Type::String).collect()))),
        count if count == names.len() => {
            let fields = named.map(|name| (Arc::from(name.as_str()), Field::required(Type::String)));
            Ok(Type::Object(Arc::new(fields.collect())))
        }
        _ => Err("expected a name for all groups or for none".into()),
    }
}

fn compile(pattern: &Pattern) -> Result<Regex, String> {
    const BYTES: usize = 4 << 20;
    RegexBuilder::new(&pattern.text).size_limit(BYTES).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large".into(),
        // The library shows the pattern in its own spelling before it says what is wrong.
        other => {
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("this is not a regular expression: {reason}")
        }
    })
}

/// The text with every match of the pattern replaced; `$1`, `${1}` and `${name}` are the match's groups.
pub(super) fn replace(whole: &str, pattern: &str, with: &str) -> Answer {
    let pattern = pattern::read(pattern).map_err(|message| Problem::at(1, message))?;
    let regex = compile(&pattern).map_err(|message| Problem::at(1, message))?;
    let mut result = String::with_capacity(whole.len());
    let mut done = 0;
    for captures in regex.captures_iter(whole) {
        let Some(found) = captures.get(0) else { continue }; // impossible: the match itself
        result.push_str(&whole[done..found.start()]);
        expand(with, &captures, &pattern.names, &mut result);
        done = found.end();
        if result.len() > limits::STRING {
            return Err(Problem::new("the result is too long"));
        }
    }
    result.push_str(&whole[done..]);
    Ok(string(&result))
}

/// Writes the replacement; a group that does not exist or took no part is nothing.
fn expand(with: &str, captures: &Captures<'_>, names: &[Option<String>], into: &mut String) {
    let mut rest = with;
    while let Some((before, after)) = rest.split_once('$') {
        into.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            into.push('$');
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{');
        let from = braced.unwrap_or(rest);
        let end = from.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        let after = if braced.is_some() { after.strip_prefix('}') } else { Some(after) };
        match after {
            Some(after) if !name.is_empty() => {
                if let Some(group) = group(name, captures, names) {
                    into.push_str(group);
                }
                rest = after;
            }
            _ => into.push('$'), // not the name of a group
        }
    }
    into.push_str(rest);
}

fn group<'t>(name: &str, captures: &Captures<'t>, names: &[Option<String>]) -> Option<&'t str> {
    let number = (name.len() == 1 || !name.starts_with('0')) && name.bytes().all(|b| b.is_ascii_digit());
    if number {
        return captures.get(name.parse().ok()?).map(|found| found.as_str());
    }
    let of_that_name = names.iter().enumerate().filter(|(_, n)| n.as_deref() == Some(name));
    of_that_name.filter_map(|(i, _)| captures.get(i + 1)).map(|found| found.as_str()).next()
}
