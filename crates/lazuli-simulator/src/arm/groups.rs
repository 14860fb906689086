//! Resource groups.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::body::object;
use super::{Call, check, content, operations, read, render, versions};
use crate::catalog::{self, Headers};
use crate::error::ArmError;
use crate::ids;
use crate::json;
use crate::latency::Delay;
use crate::request::{Method, Response};
use crate::world::{Action, Resource, State, World};

const KIND: &str = "Microsoft.Resources/resourceGroups";

/// `rest` is the path after `/resourcegroups`, in lower case.
pub(super) fn handle(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Result<Response, ArmError> {
    let method = call.request.method;
    let prefix = format!("{}/resourcegroups/", world.subscription_id()).to_ascii_lowercase();
    let Some(name) = ids::group_of(&call.request.path) else {
        return match method {
            Method::Get => {
                let conditions = read::conditions(call);
                let groups = world.of_kind(KIND, &prefix, call.request.query("$skiptoken"));
                let groups = groups
                    .filter(|group| conditions.iter().all(|(name, value)| read::meets(group, name, value)));
                Ok(read::page(call, groups.map(|group| (group.key(), group)), |group| {
                    render::resource(world, group)
                }))
            }
            _ => Err(ArmError::method_not_allowed(method.as_str())),
        };
    };
    let key = format!("{prefix}{}", name.to_ascii_lowercase());
    match (method, &rest[1..]) {
        (Method::Head, []) => Ok(Response::empty(if world.get(&key).is_some() { 204 } else { 404 })),
        (Method::Put, []) => put(world, call, &key, &name),
        _ if world.get(&key).is_none() => Err(ArmError::group_not_found(&name)),
        (Method::Get, []) => {
            Ok(Response::json(200, world.get(&key).map(|g| render::resource(world, g)).unwrap_or_default()))
        }
        (Method::Get, ["resources"]) => Ok(read::resources(world, call, &format!("{key}/"))),
        (Method::Patch, []) => patch(world, call, &key),
        (Method::Delete, []) => delete(world, call, &key, &name),
        _ => Err(ArmError::method_not_allowed(method.as_str())),
    }
}

fn put(world: &mut World, call: &Call<'_>, key: &str, name: &str) -> Result<Response, ArmError> {
    let mut body = object(call.request.json()?)?;
    content::check(catalog::find(KIND), call, &mut body)?;
    check::management_locks(world, key, false)?;
    let existing = world.get(key).cloned();
    let Some(location) = json::text(&body, "location").map(ids::location) else {
        return Err(ArmError::gateway(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
        ));
    };
    if !versions::is_region(&location) {
        return Err(ArmError::gateway(
            400,
            "LocationNotAvailableForResourceGroup",
            format!(
                "The provided location '{location}' is not available for resource group. List of available regions is '{}'.",
                versions::regions().replace(' ', "")
            ),
        ));
    }
    let valid = name.len() <= 90
        && !name.ends_with('.')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')'));
    if !valid {
        return Err(ArmError::gateway(
            400,
            "InvalidResourceGroup",
            format!("The provided resource group name '{name}' is invalid."),
        ));
    }
    check::group(world, key, true).or_else(|error| if error.status == 404 { Ok(()) } else { Err(error) })?;
    if let Some(existing) = existing.as_ref().filter(|existing| existing.location() != location) {
        return Err(ArmError::gateway(
            409,
            "InvalidResourceGroupLocation",
            format!(
                "Invalid resource group location '{location}'. The Resource group already exists in location '{}'.",
                existing.location()
            ),
        ));
    }
    let status = if existing.is_some() { 200 } else { 201 };
    let mut stored = match existing {
        Some(existing) => existing,
        None => {
            let serial = world.draw();
            Resource {
                id: format!("{}/resourceGroups/{name}", world.subscription_id()),
                kind: KIND.to_owned(),
                body: json!({ "location": location, "properties": {} }),
                etag: String::new(),
                state: State::Succeeded,
                created_ms: call.now,
                serial,
                operation: None,
                machine: None,
            }
        }
    };
    match body.get("tags") {
        Some(tags) if tags.is_object() => stored.body["tags"] = tags.clone(),
        _ => json::remove(&mut stored.body, "tags"),
    }
    let shown = render::resource(world, &stored);
    world.put(stored);
    let mut response = Response::json(status, shown);
    response.accept_ms = call.settings.pace.draw(Delay::ms(800, 2400), world.luck());
    Ok(response)
}

fn patch(world: &mut World, call: &Call<'_>, key: &str) -> Result<Response, ArmError> {
    let mut patch = object(call.request.json()?)?;
    content::check(catalog::find(KIND), call, &mut patch)?;
    check::management_locks(world, key, false)?;
    if let Some(tags) = patch.get("tags").filter(|tags| tags.is_object()) {
        world.edit(key, |group| group.body["tags"] = tags.clone());
    }
    let shown = world.get(key).map(|group| render::resource(world, group));
    Ok(Response::json(200, shown.unwrap_or(Value::Null)))
}

fn delete(world: &mut World, call: &Call<'_>, key: &str, name: &str) -> Result<Response, ArmError> {
    let Some(group) = world.get(key).cloned() else { return Err(ArmError::group_not_found(name)) };
    check::management_locks(world, &group.id, true)?;
    let running = group.operation.as_deref().and_then(|id| world.operation(id)).cloned();
    let pace = call.settings.pace;
    let accept_ms = pace.draw(Delay::ms(700, 1100), world.luck());
    let operation = match running {
        Some(operation) => operation,
        None => {
            let has_machines =
                world.of_kind("Microsoft.Compute/virtualMachines", &format!("{key}/"), None).next().is_some();
            let work = if has_machines { Delay::ms(90_000, 180_000) } else { Delay::ms(20_000, 50_000) };
            let work_ms = pace.draw(work, world.luck());
            let begun = operations::Begin {
                action: Action::DeleteGroup,
                target: group.id.clone(),
                root: key.to_owned(),
                row: catalog::find(""),
                location: group.location().to_owned(),
                done_ms: call.now + accept_ms + work_ms,
                poll_after: 15,
                news: BTreeSet::new(),
            };
            let operation = operations::begin(world, call, begun);
            world.edit(key, |group| {
                group.state = State::Deleting;
                group.operation = Some(operation.id.clone());
            });
            operation
        }
    };
    let mut response =
        operations::announce(world, call, Response::empty(202), &operation, Headers::Both, Some(15));
    response.accept_ms = accept_ms;
    Ok(response)
}
