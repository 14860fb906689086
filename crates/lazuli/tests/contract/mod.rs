//! What requests and answers must keep to: Azure's published types, and no public address on a node.
//!
//! What is checked is counted, so that a test can say that nothing went unchecked. Where the published types are not there
//! (`LAZULI_SHARED`) only the names of properties are compared, by what the simulator knows of them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a check that fails should stop the test, and one that is skipped says so"
)]
#![allow(dead_code, reason = "tests use different parts")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use lazuli_simulator::published;
use serde_json::Value as Json;

/// Checks what a request sends. True when it sends something that Azure has published a type of.
pub(crate) fn request(method: &str, path: &str, api_version: &str, body: &Json) -> bool {
    if path.contains("/networkInterfaces/") {
        assert!(!body.to_string().contains("publicIPAddress"), "a node with a public address: {path}");
    }
    let Some(kind) = kind(path).filter(|_| matches!(method, "PUT" | "PATCH")) else { return false };
    assert_eq!(published::stranger(&kind, body), None, "{path}\n{body:#}");
    let Some(folder) = schemas() else { return true };
    let Some(validator) = validator(&folder, &kind, api_version) else {
        panic!("no type is published that {path} in version {api_version} could be");
    };
    let problems: Vec<String> = validator
        .iter_errors(body)
        // A patch holds what it changes and nothing else.
        .filter(|error| method == "PUT" || !matches!(error.kind(), ValidationErrorKind::Required { .. }))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{path}\n{}\n{body:#}", problems.join("\n"));
    true
}

/// Checks whatever resources an answer shows in whole, and says how many those are. (202 shows a part of a disk.)
pub(crate) fn answer(status: u16, api_version: &str, body: &Json) -> usize {
    if !matches!(status, 200 | 201) {
        return 0;
    }
    let listed = body["value"].as_array().into_iter().flatten();
    let shown = listed.chain([body, &body["properties"]["output"]]);
    // Lists of `resources` show a few properties of each.
    let whole = shown.filter(|shown| shown["type"].is_string() && shown.get("properties").is_some());
    whole.map(|shown| resource(api_version, shown)).count()
}

/// The published types describe what clients send: what only the service sets is compared by its name, the rest in full.
fn resource(api_version: &str, shown: &Json) {
    let kind = shown["type"].as_str().unwrap_or_default();
    assert_eq!(published::stranger(kind, shown), None, "{shown:#}");
    // Of the others nobody knows what only the service sets.
    if published::kinds().all(|known| known != kind) {
        return;
    }
    let Some(validator) = schemas().and_then(|folder| validator(&folder, kind, api_version)) else { return };
    let mut sent = published::writable(kind, shown);
    without_nulls(&mut sent);
    let problems: Vec<String> =
        validator.iter_errors(&sent).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{kind}\n{}\n{shown:#}", problems.join("\n"));
}

/// Azure shows some things that are not there as null.
fn without_nulls(value: &mut Json) {
    match value {
        Json::Array(list) => list.iter_mut().for_each(without_nulls),
        Json::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        _ => {}
    }
}

/// The type of the resource at a path; none for what is made up.
fn kind(path: &str) -> Option<String> {
    let (_, rest) = path.rsplit_once("/providers/")?;
    let mut parts = rest.split('/');
    let namespace = parts.next().filter(|namespace| namespace.starts_with("Microsoft."))?;
    let types: Vec<&str> = parts.step_by(2).collect();
    Some(format!("{namespace}/{}", types.join("/")))
}

/// Where Azure's published types lie, when they are there.
fn schemas() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let repository = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        std::env::var_os("LAZULI_SHARED").map_or_else(|| repository.join("../shared"), PathBuf::from);
    let folder = shared.join("azure-schemas");
    if folder.is_dir() {
        return Some(folder);
    }
    SAID.call_once(|| {
        println!("skipped: only names are checked, there are no azure-schemas; set LAZULI_SHARED");
    });
    None
}

/// A published type in a version, if there is such; compiled once.
fn validator(folder: &Path, kind: &str, api_version: &str) -> Option<Arc<Validator>> {
    static COMPILED: LazyLock<Mutex<HashMap<PathBuf, Option<Arc<Validator>>>>> =
        LazyLock::new(Mutex::default);
    let file = folder.join(format!("{}@{api_version}.schema.json", kind.replace('/', ".")));
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = compiled.entry(file).or_insert_with_key(|file| {
        let schema: Json = serde_json::from_str(&std::fs::read_to_string(file).ok()?).unwrap();
        Some(Arc::new(jsonschema::validator_for(&schema).unwrap()))
    });
    validator.clone()
}
