//! PUT and PATCH: what is looked at before the body, and what body is to be stored.

use serde_json::{Value, json};

use super::body::object;
use super::casing::canonical_id;
use super::store::{Write, store};
use super::{Call, check, content, names, read, render, versions};
use crate::catalog::{self, Kind, Patching};
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::json;
use crate::request::Response;
use crate::world::World;

pub(super) fn put(world: &mut World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    let mut body = object(call.request.json()?)?;
    let row = catalog::find(&target.kind());
    versions::region_of(call, target, &body)?;
    precede(world, target)?;
    content::check(row, call, &mut body)?;
    match row.embedded {
        Some(collection) => put_element(world, call, target, row, collection, body),
        None => {
            let id = canonical_id(world, target);
            let existing = world.get(&ids::key(&id)).cloned();
            check::preconditions(row, call, existing.as_ref().map(|existing| existing.etag.as_str()))?;
            let is_new = existing.is_none();
            let write =
                Write { row, target: id.clone(), root: id, existing: existing.as_ref(), is_new, body };
            store(world, call, write)
        }
    }
}

pub(super) fn patch(world: &mut World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    let row = catalog::find(&target.kind());
    if row.patch == Patching::Nothing {
        return Err(ArmError::method_not_allowed("PATCH"));
    }
    let mut patch = object(call.request.json()?)?;
    precede(world, target)?;
    content::check(row, call, &mut patch)?;
    if row.patch == Patching::Tags {
        content::tags_only(row, call, &patch)?;
    }
    let id = canonical_id(world, target);
    let Some(existing) = world.get(&ids::key(&id)).cloned() else {
        return Err(read::not_found(world, target));
    };
    check::preconditions(row, call, Some(&existing.etag))?;
    let mut body = existing.body.clone();
    json::merge(&mut body, &patch);
    if let Some(tags) = patch.get("tags") {
        // Tags are replaced as a whole, unlike everything else.
        json::set(&mut body, "tags", tags.clone());
    }
    let write = Write { row, target: id.clone(), root: id, existing: Some(&existing), is_new: false, body };
    store(world, call, write)
}

/// What is checked before the existing resource is even looked at.
fn precede(world: &World, target: &Target) -> Result<(), ArmError> {
    check::group(world, &target.scope, true)?;
    check::registered(world, &target.namespace)?;
    check::management_locks(world, &target.id(), false)?;
    names::check(world, target)?;
    if let Some(parent) = target.parent() {
        let key = ids::key(&parent.id());
        let exists = match catalog::find(&parent.kind()).embedded {
            Some(collection) => world
                .get(&catalog::root_of(&parent.kind(), &parent.id()))
                .is_some_and(|root| render::element(world, root, collection, parent.name()).is_some()),
            None => world.get(&key).is_some(),
        };
        if !exists {
            return Err(ArmError::gateway(
                404,
                "ParentResourceNotFound",
                format!(
                    "Failed to perform 'write' on resource(s) of type '{}', because the parent resource '{}' could not be found.",
                    target.kind().trim_start_matches(&format!("{}/", target.namespace)),
                    parent.id()
                ),
            ));
        }
    } else if target.scope.contains("/providers/") && world.get(&ids::key(&target.scope)).is_none() {
        return Err(ArmError::gateway(
            404,
            "ResourceNotFound",
            format!("The resource '{}' was not found.", target.scope),
        ));
    }
    Ok(())
}

fn put_element(
    world: &mut World,
    call: &Call<'_>,
    target: &Target,
    row: &'static Kind,
    collection: &str,
    mut element: Value,
) -> Result<Response, ArmError> {
    let name = target.name().to_owned();
    let root = catalog::root_of(&target.kind(), &target.id());
    let Some(parent) = world.get(&root).cloned() else { return Err(read::not_found(world, target)) };
    let mut body = parent.body.clone();
    let list = body["properties"][collection].as_array_mut();
    let position = list.as_ref().and_then(|list| {
        list.iter().position(|e| e["name"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(&name)))
    });
    check::preconditions(row, call, position.map(|_| parent.etag.as_str()))?;
    element["name"] = json!(name);
    match (list, position) {
        (Some(list), Some(position)) => {
            element["name"] = list[position]["name"].clone();
            list[position] = element;
        }
        (Some(list), None) => list.push(element),
        (None, _) => body["properties"][collection] = json!([element]),
    }
    let write = Write {
        row,
        target: format!("{}/{collection}/{name}", parent.id),
        root: parent.id.clone(),
        existing: Some(&parent),
        is_new: position.is_none(),
        body,
    };
    store(world, call, write)
}
