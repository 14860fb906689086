//! Changing an object that others change too: read, change, write; again when someone was faster.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;
use serde_json::json;
use tokio::time::sleep;

use super::yaml;
use crate::objects::wire::{Wire, is_transient};

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// There is no such object.
    Missing,
    /// It was so already.
    Nothing,
    /// It is so now.
    Written,
}

/// Attempts before someone else is taken to be at war with us.
const ATTEMPTS: u32 = 10;

/// Changes the object at the path.
pub(super) async fn change(
    wire: &Wire,
    path: &str,
    edit: impl Fn(&mut Json) -> Result<(), ProviderError>,
) -> Result<Changed, ProviderError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let error = match once(wire, path, &edit).await {
            Ok(changed) => return Ok(changed),
            Err(error) if error.status == Some(409) || is_transient(&error) => error,
            Err(error) => return Err(error),
        };
        if attempt >= ATTEMPTS {
            return Err(error);
        }
        sleep(error.retry_after.unwrap_or(Duration::from_millis(200) * attempt)).await;
    }
}

async fn once(
    wire: &Wire,
    path: &str,
    edit: impl Fn(&mut Json) -> Result<(), ProviderError>,
) -> Result<Changed, ProviderError> {
    let Some(live) = wire.get(path).await? else { return Ok(Changed::Missing) };
    let mut wanted = live.clone();
    edit(&mut wanted)?;
    if wanted == live {
        return Ok(Changed::Nothing);
    }
    // It carries the resource version it was read with: the server refuses it when that is not the last.
    wire.replace(path, &wanted).await?;
    Ok(Changed::Written)
}

/// Changes the YAML text under a key of a config map. A text that says the same already is left as it is.
pub(super) async fn change_text(
    wire: &Wire,
    path: &str,
    key: &str,
    edit: impl Fn(&mut Json),
) -> Result<Changed, ProviderError> {
    let place = place(path, key);
    change(wire, path, |map| {
        let live = yaml::read(map["data"][key].as_str().unwrap_or("{}"), &place)?;
        let mut wanted = live.clone();
        edit(&mut wanted);
        if wanted != live {
            if !map["data"].is_object() {
                map["data"] = json!({});
            }
            map["data"][key] = Json::from(yaml::write(&wanted, &place)?);
        }
        Ok(())
    })
    .await
}

/// The YAML text under a key of a config map as data; `None` when it is not there.
pub(super) async fn read(wire: &Wire, path: &str, key: &str) -> Result<Option<Json>, ProviderError> {
    let Some(map) = wire.get(path).await? else { return Ok(None) };
    match map["data"][key].as_str() {
        Some(text) => yaml::read(text, &place(path, key)).map(Some),
        None => Ok(None),
    }
}

fn place(path: &str, key: &str) -> String {
    let mut words = path.rsplit('/');
    let (name, namespace) = (words.next().unwrap_or(path), words.nth(1).unwrap_or("kube-system"));
    format!("`{key}` of config map {namespace}/{name}")
}
