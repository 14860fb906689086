//! What becomes of a body before it is stored: echoes dropped, places checked, what cannot change kept.

use serde_json::{Map, Value, json};

use crate::catalog::{self, Kind};
use crate::error::ArmError;
use crate::ids;
use crate::json;
use crate::world::Resource;

pub(super) fn object(body: Value) -> Result<Value, ArmError> {
    if body.is_object() {
        return Ok(body);
    }
    Err(ArmError::invalid_content("The request content was invalid: a JSON object is expected."))
}

/// Drops what clients echo back and brings arrays of elements into their stored form.
pub(super) fn normalise(body: &mut Value, row: &Kind) -> Result<(), ArmError> {
    for echoed in ["id", "name", "type", "etag", "systemData"] {
        json::remove(body, echoed);
    }
    if json::get(body, "properties").is_none() {
        json::set(body, "properties", json!({}));
    }
    if !body["properties"].is_object() {
        return Err(ArmError::invalid_content(
            "The request content was invalid: 'properties' must be an object.",
        ));
    }
    json::remove(body, "properties.provisioningState");
    for (collection, _) in catalog::elements(row) {
        let Some(list) = body["properties"].get_mut(*collection).filter(|list| !list.is_null()) else {
            continue;
        };
        let Some(list) = list.as_array_mut() else {
            return Err(ArmError::invalid_content(format!(
                "The request content was invalid: 'properties.{collection}' must be an array."
            )));
        };
        let mut names = std::collections::BTreeSet::new();
        for element in list {
            for echoed in ["id", "type", "etag"] {
                json::remove(element, echoed);
            }
            let name = element["name"].as_str().unwrap_or("").to_ascii_lowercase();
            if name.is_empty() || !names.insert(name.clone()) {
                return Err(ArmError::network(
                    400,
                    "InvalidRequestFormat",
                    format!(
                        "Cannot parse the request: an element of '{collection}' has no name, or '{name}' is there twice."
                    ),
                ));
            }
            if !element["properties"].is_object() {
                element["properties"] = json!({});
            }
            json::remove(element, "properties.provisioningState");
        }
    }
    Ok(())
}

/// `location` and `tags`.
pub(super) fn place(
    body: &mut Value,
    row: &Kind,
    existing: Option<&Resource>,
    id: &str,
) -> Result<(), ArmError> {
    let given = json::text(body, "location").map(ids::location);
    match (given, existing) {
        (Some(given), Some(existing)) if given != existing.location() && !existing.location().is_empty() => {
            let group = ids::group_of(id).unwrap_or_default();
            return Err(ArmError::gateway(
                409,
                "InvalidResourceLocation",
                format!(
                    "The resource '{}' already exists in location '{}' in resource group '{group}'. A resource with the same name cannot be created in location '{given}'. Please select a new resource name.",
                    ids::last(id),
                    existing.location()
                ),
            ));
        }
        (Some(given), _) => json::set(body, "location", json!(given)),
        (None, Some(existing)) if !existing.location().is_empty() => {
            json::set(body, "location", json!(existing.location()));
        }
        (None, _) if row.located => {
            return Err(ArmError::gateway(
                400,
                "LocationRequired",
                "The location property is required for this definition.",
            ));
        }
        (None, _) => {}
    }
    if body.get("tags").is_some_and(Value::is_null) {
        json::remove(body, "tags");
    }
    if let Some(tags) = body.get("tags") {
        let is_map =
            tags.as_object().is_some_and(|tags: &Map<String, Value>| tags.values().all(Value::is_string));
        if !is_map {
            return Err(ArmError::invalid_content(
                "The request content was invalid: 'tags' must be an object of strings.",
            ));
        }
        if tags.as_object().is_some_and(|tags| tags.len() > 50) {
            return Err(ArmError::gateway(400, "InvalidTags", "The number of tags exceeds the limit of 50."));
        }
    }
    Ok(())
}

/// Computed values stay, immutable values may be left out but not changed.
pub(super) fn protect(
    body: &mut Value,
    row: &Kind,
    existing: Option<&Resource>,
    custom_data: Option<&str>,
) -> Result<(), ArmError> {
    for path in row.read_only {
        json::remove(body, path);
        if let Some(value) =
            existing.and_then(|existing| json::get(&existing.body, path)).filter(|_| !path.contains("[]"))
        {
            json::set(body, path, value.clone());
        }
    }
    let Some(existing) = existing else { return Ok(()) };
    for collection in row.sticky {
        let path = format!("properties.{collection}");
        if let Some(old) = json::get(&existing.body, &path).filter(|_| json::get(body, &path).is_none()) {
            json::set(body, &path, old.clone());
        }
    }
    let mut changed = row.immutable.iter().find_map(|path| json::keep(body, &existing.body, path));
    let old_data = existing.machine.as_ref().and_then(|machine| machine.custom_data_sha256.as_deref());
    if changed.is_none() && custom_data.is_some() && custom_data != old_data {
        changed = Some("osProfile.customData".to_owned());
    }
    match changed {
        Some(path) => Err(ArmError::new(
            409,
            "PropertyChangeNotAllowed",
            format!("Changing property '{path}' is not allowed."),
        )
        .at(&path)),
        None => Ok(()),
    }
}
