//! The functions of the language: a table of names, parameters and bodies.
//!
//! A body sees converted arguments. Null, unknown and sensitive arguments are dealt with before it is called, as its
//! entry says; a body only cares for unknown or sensitive *parts* when its entry says that it keeps them.

mod azure;
mod charset;
mod code_pages;
mod collection;
mod conversion;
mod csv;
mod date_format;
mod decimals;
mod definition;
mod deflate;
mod digest;
mod encoding;
pub(crate) mod files;
mod format;
mod glob;
mod gzip;
mod huffman;
mod json;
mod lists;
mod maps;
mod momentary;
mod network;
mod numeric;
mod paths;
mod pattern;
mod regex;
mod rsa;
mod sets;
mod seven_bit;
mod strings;
mod time;
mod yaml_decode;
mod yaml_encode;

use std::collections::HashMap;
use std::sync::LazyLock;

use lazuli_core::suggestion::closest;
use lazuli_core::{Diagnostic, Value};

use crate::codes;
use crate::convert::describe_value;
use crate::syntax::Name;

pub(crate) use definition::{Answer, Body, Known, Marks, Place, Problem, nullable, p};
pub use definition::{Function, Kind, Parameter};
pub(crate) use yaml_decode::documents as yaml_documents;

static TABLES: &[&[Function]] = &[
    numeric::FUNCTIONS,
    strings::FUNCTIONS,
    format::FUNCTIONS,
    regex::FUNCTIONS,
    collection::FUNCTIONS,
    lists::FUNCTIONS,
    maps::FUNCTIONS,
    sets::FUNCTIONS,
    encoding::FUNCTIONS,
    gzip::FUNCTIONS,
    charset::FUNCTIONS,
    digest::FUNCTIONS,
    files::FUNCTIONS,
    paths::FUNCTIONS,
    time::FUNCTIONS,
    momentary::FUNCTIONS,
    rsa::FUNCTIONS,
    network::FUNCTIONS,
    conversion::FUNCTIONS,
    azure::FUNCTIONS,
];

/// Every function, by subject.
pub fn all() -> impl Iterator<Item = &'static Function> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The function of that name; `core::` may stand before it.
pub fn find(name: &str) -> Option<&'static Function> {
    static INDEX: LazyLock<HashMap<&'static str, &'static Function>> =
        LazyLock::new(|| all().map(|function| (function.name, function)).collect());
    INDEX.get(name.strip_prefix("core::").unwrap_or(name)).copied()
}

/// What is said about a function that does not exist.
pub(crate) fn unknown(name: &Name) -> Diagnostic {
    let message = format!("there is no function `{}`", name.text);
    let label = match closest(&name.text, all().map(|f| f.name)) {
        Some(close) => format!("did you mean `{close}`?"),
        None => String::new(),
    };
    Diagnostic::error(codes::UNKNOWN_FUNCTION, message).at(name.span, label)
}

/// The text of an argument that was converted to a string.
pub(crate) fn text(arguments: &[Value], i: usize) -> &str {
    arguments.get(i).and_then(Value::as_str).unwrap_or("")
}

/// The whole number of an argument.
pub(crate) fn whole(arguments: &[Value], i: usize) -> Result<i64, Problem> {
    let number = arguments.get(i).and_then(Value::as_i64);
    number.ok_or_else(|| Problem::at(i, "expected a whole number"))
}

/// What is wrong with an argument of another type.
pub(crate) fn unexpected(arguments: &[Value], i: usize, expected: &str) -> Problem {
    let found = arguments.get(i).map_or_else(|| "nothing".to_owned(), describe_value);
    Problem::at(i, format!("expected {expected}, found {found}"))
}

/// The elements of an argument.
pub(crate) fn items(arguments: &[Value], i: usize) -> &[Value] {
    arguments.get(i).and_then(Value::as_sequence).unwrap_or_default()
}
