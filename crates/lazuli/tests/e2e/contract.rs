//! What every request must keep to: Azure's published types, and no public address on a node.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};

use jsonschema::Validator;
use serde_json::Value as Json;

use crate::workbench::{Sent, repository};

/// Checks one request.
pub(crate) fn check(request: &Sent) {
    if request.path.contains("/networkInterfaces/") {
        assert!(
            !request.body.to_string().contains("publicIPAddress"),
            "a node with a public address: {}",
            request.path
        );
    }
    if request.method != "PUT" {
        return;
    }
    let Some(validator) = published(request) else { return };
    let problems: Vec<String> = validator
        .iter_errors(&request.body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{}\n{}\n{:#}", request.path, problems.join("\n"), request.body);
}

/// Where Azure's published types lie, when they are there.
fn schemas() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let shared =
        std::env::var_os("LAZULI_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    let folder = shared.join("azure-schemas");
    if folder.is_dir() {
        return Some(folder);
    }
    SAID.call_once(|| {
        println!("skipped: bodies are not checked, there are no azure-schemas; set LAZULI_SHARED")
    });
    None
}

/// The published type of what a request sends; compiled once.
fn published(request: &Sent) -> Option<Arc<Validator>> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let folder = schemas()?;
    let (_, rest) = request.path.rsplit_once("/providers/")?;
    let mut parts = rest.split('/');
    // Of what is made up there are no published types.
    let namespace = parts.next().filter(|namespace| namespace.starts_with("Microsoft."))?;
    let types: Vec<&str> = parts.step_by(2).collect();
    let name = format!("{namespace}.{}@{}.schema.json", types.join("."), request.api_version);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = compiled.entry(name).or_insert_with_key(|name| {
        let text =
            std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let schema: Json = serde_json::from_str(&text).unwrap();
        Arc::new(jsonschema::validator_for(&schema).unwrap())
    });
    Some(validator.clone())
}
