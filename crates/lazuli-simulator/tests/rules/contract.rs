//! What every answer of the simulator keeps to: Azure's published types.
//!
//! The names, also of what only the service sets, are compared always; the rest (types, what is required, what is
//! allowed) where the published schemas are. Those describe what clients send, so what only the service sets is taken
//! out first.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use lazuli_simulator::{Response, published};
use serde_json::Value;

/// Where Azure's published types lie, when they are there (`LAZULI_SHARED`).
pub(crate) fn schemas() -> Option<&'static Path> {
    static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let shared = std::env::var_os("LAZULI_SHARED")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
        Some(shared.join("azure-schemas")).filter(|folder| folder.is_dir())
    });
    FOLDER.as_deref()
}

/// The published schema of a type, of whatever api-version there is.
pub(crate) fn schema(folder: &Path, kind: &str) -> Value {
    let start = format!("{}@", kind.replace('/', "."));
    let mut files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let file = files
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start)))
        .unwrap_or_else(|| panic!("no schema of {kind}"));
    serde_json::from_str(&std::fs::read_to_string(file).expect("a schema")).expect("JSON")
}

/// Checks whatever resources an answer shows in whole. (202 shows a part of a disk.)
pub(crate) fn check(answer: &Response) {
    if !matches!(answer.status, 200 | 201) {
        return;
    }
    let body = answer.value();
    let listed = body["value"].as_array().into_iter().flatten();
    for shown in listed.chain([body, &body["properties"]["output"]]) {
        // Lists of `resources` show a few properties of each.
        if let Some(kind) = shown["type"].as_str().filter(|_| shown.get("properties").is_some()) {
            resource(kind, shown);
        }
    }
}

fn resource(kind: &str, shown: &Value) {
    assert_eq!(published::stranger(kind, shown), None, "{shown:#}");
    let Some(validator) = validator(kind) else { return };
    let mut sent = published::writable(kind, shown);
    without_nulls(&mut sent);
    let problems: Vec<String> =
        validator.iter_errors(&sent).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{kind}\n{}\n{shown:#}", problems.join("\n"));
}

/// Azure shows some things that are not there as null.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(without_nulls),
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        _ => {}
    }
}

/// The published type, compiled once.
fn validator(kind: &str) -> Option<Arc<Validator>> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let folder = schemas()?;
    published::kinds().find(|known| *known == kind)?;
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compile = || Arc::new(jsonschema::validator_for(&schema(folder, kind)).expect("a schema"));
    Some(compiled.entry(kind.to_owned()).or_insert_with(compile).clone())
}
