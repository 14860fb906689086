//! Every expression of `testdata/expressions` is worth what Terraform says, or differs on purpose and says why.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::answers::{comparable, plain, quoted, type_json};
use common::{Objects, show};
use lazuli_config::{Evaluator, FileKind, Files, parse, parse_expression};
use lazuli_core::value::Content;
use lazuli_core::{Sources, Type, Value};

/// The oracle's unknown objects, as resources.
const WORLD: &str = "resource \"u\" {\n}\nresource \"d\" {\n}\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder that functions read.
struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        std::fs::read(self.0.join(path)).map(Arc::from).map_err(|error| error.to_string())
    }

    fn kind(&self, path: &str) -> Result<Option<FileKind>, String> {
        match std::fs::metadata(self.0.join(path)) {
            Ok(found) => Ok(Some(kind_of(found.file_type()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, FileKind)>, String> {
        let entries = std::fs::read_dir(self.0.join(folder)).map_err(|error| error.to_string())?;
        let names = entries.map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), kind_of(entry.file_type().unwrap()))
        });
        Ok(names.collect())
    }

    fn directory(&self) -> Result<String, String> {
        Ok("/configuration".to_owned())
    }

    fn home(&self) -> Result<String, String> {
        Ok(self.0.canonicalize().unwrap().to_string_lossy().into_owned())
    }

    fn plan_time(&self) -> Option<Arc<str>> {
        Some("2024-02-29T12:34:56Z".into())
    }
}

fn kind_of(found: std::fs::FileType) -> FileKind {
    match found {
        f if f.is_symlink() => FileKind::Link,
        f if f.is_dir() => FileKind::Folder,
        f if f.is_file() => FileKind::File,
        _ => FileKind::Other,
    }
}

fn evaluator() -> (Evaluator, Sources, Objects) {
    let mut sources = Sources::default();
    let preamble = std::fs::read_to_string(root().join("testdata/expressions/preamble.hcl")).unwrap();
    let files = vec![("preamble.hcl".into(), preamble), ("world.hcl".into(), WORLD.to_owned())];
    let (module, diagnostics) = parse(&mut sources, files);
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let folder = Folder(root().join("testdata/expressions/files"));
    let (evaluator, diagnostics) = Evaluator::new(Arc::new(module), &[], Arc::new(folder));
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let of = |name: &str, path: &str, ty: Type, not_null: bool| {
        let value =
            Value::unknown_from(format!("resource.{name}").parse().unwrap(), path.parse().unwrap(), ty);
        let Content::Unknown(unknown) = value.content() else { unreachable!() };
        Value::unknown(lazuli_core::Unknown { not_null, ..(**unknown).clone() })
    };
    let id = |name| ("id", of(name, "id", Type::String, true));
    let u = Value::object([id("u"), ("output", Value::null())]);
    let d = Value::object([id("d"), ("output", of("d", "output", Type::String, false))]);
    let objects = Objects(BTreeMap::from([("resource.u".to_owned(), u), ("resource.d".to_owned(), d)]));
    (evaluator, sources, objects)
}

/// Which parts are unknown: true, or a structure that leads to them.
fn unknown_parts(value: &Value) -> Value {
    match value.content() {
        Content::Unknown(_) => Value::from(true),
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            Value::tuple(items.iter().map(unknown_parts))
        }
        Content::Map(_, entries) | Content::Object(entries) => Value::object(
            entries
                .iter()
                .map(|(k, v)| (k.clone(), unknown_parts(v)))
                .filter(|(_, v)| v.as_bool() != Some(false)),
        ),
        _ => Value::from(false),
    }
}

/// An answer in the form of the data.
fn answer(value: &Value) -> Value {
    let mut members = vec![("ok", Value::from(true)), ("value", plain(value))];
    if value.is_wholly_known() {
        // Terraform does not tell the type of a null.
        let ty = if value.is_null() { Type::Any } else { value.type_of() };
        members.push(("type", type_json(&ty)));
    } else {
        members.push(("unknown", unknown_parts(value)));
    }
    Value::object(members)
}

#[test]
fn every_expression_is_worth_what_terraform_says() {
    let (evaluator, mut sources, objects) = evaluator();
    let reasons = std::fs::read_to_string(root().join("docs/language/differences.md")).unwrap_or_default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(
        std::env::var("EXPRESSIONS").map_or_else(|_| root().join("testdata/expressions"), PathBuf::from),
    )
    .unwrap()
    .map(|entry| entry.unwrap().path())
    .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
    .collect();
    files.sort();
    let (mut checked, mut on_purpose, mut wrong) = (0, 0, String::new());
    let mut lines_wrong = 0;
    for file in &files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if std::env::var("ONLY").is_ok_and(|only| !name.contains(&only)) {
            continue;
        }
        for (number, line) in std::fs::read_to_string(file).unwrap().lines().enumerate() {
            let read =
                parse_expression(&mut Sources::default(), "line", &format!("jsondecode({})", quoted(line)))
                    .and_then(|e| evaluator.expression(&e, &objects, None))
                    .unwrap_or_else(|e| panic!("{name}:{}: {e:?}", number + 1));
            let written = read.get("expr").and_then(Value::as_str).unwrap();
            let expression = written.replace("terraform_data.", "resource.");
            let outcome = parse_expression(&mut sources, "e", &expression)
                .and_then(|e| evaluator.expression(&e, &objects, None));
            let (got, why) = match &outcome {
                Ok(value) => (answer(value), String::new()),
                Err(found) => (Value::object([("ok", Value::from(false))]), show(&sources, found)),
            };
            let expected = match (read.get("ours"), read.get("because").and_then(Value::as_str)) {
                (Some(ours), Some(because)) => {
                    on_purpose += 1;
                    assert!(
                        reasons
                            .lines()
                            .any(|l| l.trim_start_matches('#').trim() == because && l.starts_with('#')),
                        "{name}:{}: docs/language/differences.md has no section `{because}`",
                        number + 1
                    );
                    ours
                }
                _ => &read,
            };
            checked += 1;
            let same = ["ok", "value", "type", "unknown"].iter().all(|member| {
                // The type of a null or an unknown value is not told.
                let told = expected.get(member);
                let untyped = expected.get("value").is_none_or(Value::is_null);
                (*member == "type" && (told.is_none() || untyped))
                    || told.map(comparable) == got.get(member).map(comparable)
            });
            if !same {
                lines_wrong += 1;
                let of = |v: &Value| {
                    let shown = ["ok", "value", "type", "unknown"];
                    let shown = shown.iter().filter_map(|m| v.get(m).map(|x| format!("{m} {x:?}")));
                    shown.collect::<Vec<_>>().join(", ")
                };
                let _ = write!(
                    wrong,
                    "{name}:{}  {written}\n   expected {}\n   got      {}\n{why}",
                    number + 1,
                    of(expected),
                    of(&got)
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{lines_wrong} of {checked} differ:\n{wrong}");
    println!("{checked} expressions, {on_purpose} of them different on purpose");
}
