//! How a resource is shown.

use serde_json::{Value, json};

use crate::catalog;
use crate::ids;
use crate::world::{Action, Resource, State, World};

/// A resource as a GET shows it.
pub(super) fn resource(world: &World, resource: &Resource) -> Value {
    let row = resource.row();
    let mut value = resource.body.clone();
    value["id"] = json!(resource.id);
    value["name"] = json!(resource.name());
    value["type"] = json!(resource.kind);
    if row.etag {
        value["etag"] = json!(etag(resource));
    }
    if row.has_state {
        value["properties"]["provisioningState"] = json!(resource.state.as_str());
    }
    let leaving = leaving(world, resource);
    for (collection, part) in catalog::elements(row) {
        let Some(list) = value["properties"].get_mut(*collection).and_then(Value::as_array_mut) else {
            continue;
        };
        for element in list {
            let id = format!("{}/{collection}/{}", resource.id, element["name"].as_str().unwrap_or(""));
            let is_leaving = leaving.as_deref() == Some(ids::key(&id).as_str());
            let state = if is_leaving { State::Deleting } else { resource.state };
            element["properties"]["provisioningState"] = json!(state.as_str());
            element["id"] = json!(id);
            element["etag"] = json!(etag(resource));
            element["type"] = json!(part.name);
        }
    }
    (row.show)(world, resource, &mut value);
    value
}

/// One embedded element as a GET shows it.
pub(super) fn element(world: &World, parent: &Resource, collection: &str, name: &str) -> Option<Value> {
    let shown = resource(world, parent);
    crate::json::list(&shown, &format!("properties.{collection}"))
        .iter()
        .find(|element| element["name"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(name)))
        .cloned()
}

pub(super) fn etag(resource: &Resource) -> String {
    format!("W/\"{}\"", resource.etag)
}

/// The key of the element that is being deleted.
fn leaving(world: &World, resource: &Resource) -> Option<String> {
    let operation = world.operation(resource.operation.as_deref()?)?;
    matches!(operation.action, Action::DeleteElement { .. }).then(|| ids::key(&operation.target))
}

/// The few properties of a disk in the first answer to its PUT.
pub(super) fn partial(mut value: Value) -> Value {
    let kept = ["creationData", "diskSizeGB", "provisioningState"];
    if let Some(properties) = value["properties"].as_object_mut() {
        properties.retain(|name, _| kept.contains(&name.as_str()));
    }
    value
}
