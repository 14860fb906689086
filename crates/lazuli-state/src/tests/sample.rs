//! Resources, worlds and folders for the tests.

use std::path::Path;
use std::time::Duration;

use lazuli_core::Address;
use lazuli_core::journal::Record;
use lazuli_core::plan::Operation;
use lazuli_core::recorded::{Recorded, RecordedOutput, RecordedWorld};
use lazuli_core::resource::{Mode, NodeSlot, ProviderName, ResourceId, ResourceType};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{Backend, KeySources, OpenOptions, OpenState};

pub(super) const SECRET: &str = "hunter2-hunter2";

pub(super) fn address(name: &str) -> Address {
    Address::root("resource", name)
}

pub(super) fn resource(name: &str) -> Recorded {
    Recorded {
        address: address(name),
        mode: Mode::Managed,
        provider: ProviderName::Azure,
        account: "main".into(),
        ty: ResourceType::new("Microsoft.Network/virtualNetworks", "2025-05-01"),
        id: ResourceId::new(format!("/subscriptions/s/resourceGroups/g/providers/p/{name}")),
        inputs: json!({"location": "eastus2", "properties": {"size": 3}}),
        observed: json!({"location": "eastus2", "properties": {"size": 3, "state": "Succeeded"}}),
        dependencies: vec![address("other")],
        sensitive: Vec::new(),
        write_only: std::collections::BTreeMap::new(),
        prevent_destroy: false,
        slot: None,
        pending: None,
        created_at: "2026-11-22T14:00:00Z".into(),
        updated_at: "2026-11-22T14:00:00Z".into(),
    }
}

/// A resource with secrets in its inputs, its observation, an array and a write-only digest.
pub(super) fn secretive(name: &str) -> Recorded {
    let mut resource = resource(name);
    let body = json!({
        "properties": {"password": SECRET, "a/b": {"~": SECRET}, "users": [{"name": "bob", "key": SECRET}, {"name": "eve"}]}
    });
    resource.inputs = body.clone();
    resource.observed = body;
    resource.sensitive = [
        "properties.password",
        "properties.\"a/b\"",
        "properties.users[\"bob\"]",
        "properties.users[\"bob\"].key",
    ]
    .map(|p| p.parse().unwrap())
    .to_vec();
    resource.write_only.insert("properties.pin".parse().unwrap(), format!("{SECRET}-digest"));
    resource
}

pub(super) fn node(name: &str, generation: u32) -> Recorded {
    let slot = NodeSlot { address: address("node"), generation, name: name.into(), zone: None };
    Recorded { slot: Some(slot), ..resource(name) }
}

pub(super) fn world(names: &[&str]) -> RecordedWorld {
    RecordedWorld {
        lineage: "1c9f8a30-7c4e-4c5b-9a5d-2f6f0f2f8b11".into(),
        serial: 4,
        resources: names.iter().map(|n| (address(n), resource(n))).collect(),
        ..RecordedWorld::default()
    }
}

pub(super) fn hidden_output() -> RecordedOutput {
    RecordedOutput { value: json!({"token": SECRET}), sensitive: true }
}

pub(super) fn intent(step: u32, operation: Operation, resource: Recorded, deposed: bool) -> Record {
    Record::Intent { step, operation, resource: Box::new(resource), deposed }
}

pub(super) fn done(step: u32, resource: Recorded) -> Record {
    Record::Done { step, resource: Some(Box::new(resource)) }
}

pub(super) fn keys(folder: &Path) -> KeySources {
    KeySources { user_folder: Some(folder.join("keys")), ..KeySources::default() }
}

pub(super) fn passphrase(text: &str) -> KeySources {
    KeySources { passphrase: Some(Zeroizing::new(text.into())), ..KeySources::default() }
}

pub(super) fn backend(folder: &Path) -> Backend {
    Backend::local(folder.join("lazuli.state"))
}

pub(super) fn options(keys: KeySources) -> OpenOptions {
    OpenOptions {
        command: "apply".into(),
        who: "alice@host".into(),
        now: "2026-11-22T14:05:00Z".into(),
        lock_timeout: Duration::ZERO,
        keys,
    }
}

pub(super) fn open(folder: &Path) -> OpenState {
    backend(folder).open(options(keys(folder)), None).unwrap()
}

/// Runs one run with these records and commits it.
pub(super) fn run(folder: &Path, records: Vec<Record>) -> crate::backend::Committed {
    let mut state = open(folder);
    append(&mut state, records);
    state.commit().unwrap()
}

/// Appends records, one after the other durable.
pub(super) fn append(state: &mut OpenState, records: Vec<Record>) {
    use lazuli_core::journal::Journal as _;
    let journal = state.journal().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for record in records {
            journal.append(record).await.unwrap();
        }
    });
}

/// Every file below a folder with its content.
pub(super) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
        }
    }
    found
}
