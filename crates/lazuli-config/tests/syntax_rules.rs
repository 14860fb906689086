//! Every rule of HCL's native syntax, case by case: what is accepted, and what it is worth.
//!
//! `testdata/expressions/syntax.jsonl` has expressions with what Terraform says, `testdata/syntax/files.jsonl` whole
//! files with whether Terraform reads them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Objects, show};
use lazuli_config::{Evaluator, NoFiles, format, parse_expression};
use lazuli_core::{Sources, Value};

/// The lines of a file of cases, as values of the language: numbers keep their digits.
fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| {
            evaluated(&format!("jsondecode({})", quoted(line))).unwrap_or_else(|e| panic!("{line}\n{e}"))
        })
        .collect()
}

/// A value, or why there is none.
fn evaluated(expression: &str) -> Result<Value, String> {
    let (module, _, _) = common::module("");
    let (evaluator, _) = Evaluator::new(Arc::new(module), &[], Arc::new(NoFiles));
    let mut sources = Sources::default();
    parse_expression(&mut sources, "e", expression)
        .and_then(|expr| evaluator.expression(&expr, &Objects::default(), None))
        .map_err(|found| show(&sources, &found))
}

/// Text as a string of the language.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '$' => quoted.push_str("\\u0024"),
            '%' => quoted.push_str("\\u0025"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Collections as JSON has them.
fn plain(value: &Value) -> Value {
    match value.as_entries() {
        Some(entries) => Value::object(entries.iter().map(|(k, v)| (k.clone(), plain(v)))),
        None if value.is_null() => Value::null(),
        None if value.children().next().is_some()
            || matches!(value.type_of().to_string().as_bytes(), [b'[', ..]) =>
        {
            Value::tuple(value.children().map(plain))
        }
        None => value.clone(),
    }
}

fn text<'v>(case: &'v Value, member: &str) -> &'v str {
    case.get(member).and_then(Value::as_str).unwrap()
}

#[test]
fn every_expression_is_read_as_terraform_reads_it() {
    let mut wrong = Vec::new();
    let cases = cases("expressions/syntax.jsonl");
    for case in &cases {
        let expected = case.get("ours").unwrap_or(case);
        let ok = expected.get("ok").and_then(Value::as_bool).unwrap();
        let got = evaluated(text(case, "expr"));
        let same = match &got {
            Ok(value) => ok && expected.get("value").is_none_or(|wanted| plain(wanted) == plain(value)),
            Err(_) => !ok,
        };
        if !same {
            let wanted = if ok { format!("{:?}", expected.get("value")) } else { "an error".to_owned() };
            wrong.push(format!(
                "{}: {}\n    wanted {wanted}\n    got    {got:?}",
                text(case, "rule"),
                text(case, "expr")
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_file_is_accepted_or_refused_as_terraform_does() {
    let mut wrong = Vec::new();
    for case in cases("syntax/files.jsonl") {
        let expected = case.get("ours").unwrap_or(&case);
        let ok = expected.get("ok").and_then(Value::as_bool).unwrap();
        let mut sources = Sources::default();
        let got = format(&mut sources, "main.hcl", text(&case, "text"));
        if got.is_ok() != ok {
            let got = got.map_err(|found| show(&sources, &found));
            wrong.push(format!("{}: {:?} {got:?}", text(&case, "rule"), text(&case, "text")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
