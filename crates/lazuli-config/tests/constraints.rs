//! What becomes of values given to variables is what Terraform makes of them: `testdata/constraints`.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use common::answers::{comparable, plain, quoted, type_json};
use common::{Objects, Texts, evaluator, show};
use lazuli_config::{Evaluator, parse, parse_expression};
use lazuli_core::{Sources, Value};

/// The value of the variable `v` of this type that is given this, or what is wrong with it.
fn given(ty: &str, value: &str) -> Result<Value, String> {
    let text = format!("variable \"v\" {{\n  type    = {ty}\n  default = {value}\n}}\n");
    let mut sources = Sources::default();
    let (module, found) = parse(&mut sources, vec![("v.hcl".into(), text)]);
    if !found.is_empty() {
        return Err(show(&sources, &found));
    }
    let (evaluator, found) = Evaluator::new(Arc::new(module), &[], Arc::new(Texts::default()));
    if !found.is_empty() {
        return Err(show(&sources, &found));
    }
    Ok(evaluator.variables().next().unwrap().1.clone())
}

#[test]
fn every_value_given_to_a_variable_becomes_what_terraform_makes_of_it() {
    let (reader, mut sources) = evaluator("", &[]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/constraints");
    let folder = std::env::var("CONSTRAINTS").map_or(folder, Into::into);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "jsonl"));
    let (mut checked, mut wrong) = (0, String::new());
    for line in files.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    }) {
        let expression = format!("jsondecode({})", quoted(&line));
        let expression = parse_expression(&mut sources, "line", &expression).unwrap();
        let read = reader.expression(&expression, &Objects::default(), None).unwrap();
        let text = |member: &str| read.get(member).unwrap().as_str().unwrap().to_owned();
        let got = given(&text("type"), &text("given"));
        let expected = read.get("ours").unwrap_or(&read);
        let same = match (&got, expected.get("ok").and_then(Value::as_bool)) {
            (Ok(value), Some(true)) => {
                Some(comparable(&plain(value))) == expected.get("value").map(comparable)
                    && expected.get("becomes").is_none_or(|ty| *ty == type_json(&value.type_of()))
            }
            (Err(_), Some(false)) => true,
            _ => false,
        };
        checked += 1;
        if !same {
            let got = got.map(|v| format!("{v:?} of type {}", v.type_of()));
            let _ = writeln!(wrong, "{line}\n   got {}", got.unwrap_or_else(|found| found));
        }
    }
    let count = wrong.lines().filter(|line| line.starts_with('{')).count();
    assert!(wrong.is_empty(), "{count} of {checked} differ:\n{wrong}");
}
