//! Write-only parts: sent, never stored. A salted digest is kept, to notice that the configuration changed one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lazuli_core::Json;
use lazuli_core::kind::Kind;
use lazuli_core::path::{Path, PathStep};
use ring::hmac;

/// Takes the write-only parts out of a body and returns their digests by path. Elements of arrays are told by their
/// `name` when they have one.
pub fn split(body: &mut Json, kind: &Kind, salt: &[u8]) -> BTreeMap<Path, String> {
    let mut digests = BTreeMap::new();
    for pattern in kind.write_only {
        let names: Vec<&str> = pattern.split('.').collect();
        take(body, &names, &Path::root(), &mut |path, value| {
            let digest = digest(salt, &path, &value);
            digests.insert(path, digest);
        });
    }
    digests
}

/// The digest of a write-only value: HMAC-SHA-256 under the salt, over the path and the value.
pub fn digest(salt: &[u8], path: &Path, value: &Json) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
    let tag = hmac::sign(&key, format!("{path}\n{value}").as_bytes());
    tag.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // into memory
        text
    })
}

fn take(here: &mut Json, names: &[&str], at: &Path, found: &mut dyn FnMut(Path, Json)) {
    let Some((name, rest)) = names.split_first() else { return };
    match here {
        Json::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                let at = at.then(element(item, i));
                take(item, names, &at, found);
            }
        }
        Json::Object(entries) if rest.is_empty() => {
            if let Some(value) = entries.remove(*name).filter(|v| !v.is_null()) {
                found(at.name(*name), value);
            }
        }
        Json::Object(entries) => {
            if let Some(next) = entries.get_mut(*name) {
                take(next, rest, &at.name(*name), found);
            }
        }
        _ => {}
    }
}

fn element(item: &Json, index: usize) -> PathStep {
    match item.get("name").and_then(Json::as_str) {
        Some(name) => PathStep::Key(name.into()),
        None => PathStep::Index(index),
    }
}
