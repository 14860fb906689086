//! DELETE of resources and of their elements.

use std::collections::BTreeSet;

use super::{Call, check, operations, render};
use crate::catalog::{self, Family, Flow};
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::request::Response;
use crate::world::{Action, State, World};

pub(super) fn delete(world: &mut World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    check::group(world, &target.scope, true)?;
    let row = catalog::find(&target.kind());
    let key = catalog::root_of(&target.kind(), &target.id());
    let Some(resource) = world.get(&key).cloned() else { return Ok(Response::empty(204)) };
    let mut id = resource.id.clone();
    let mut action = Action::Delete;
    if let Some(collection) = row.embedded {
        let Some(element) = render::element(world, &resource, collection, target.name()) else {
            return Ok(Response::empty(204));
        };
        id = format!("{id}/{collection}/{}", element["name"].as_str().unwrap_or(""));
        action = Action::DeleteElement { collection: collection.to_owned() };
    }
    check::preconditions(row, call, Some(&resource.etag))?;
    check::management_locks(world, &id, true)?;
    // Asking again for a deletion under way is answered with that deletion.
    if let Some(operation) = resource.operation.as_deref().and_then(|id| world.operation(id)).cloned()
        && operation.action == action
        && ids::key(&operation.target) == ids::key(&id)
        && let Flow::Async { headers, retry_after, .. } = row.delete
    {
        return Ok(operations::announce(world, call, Response::empty(202), &operation, headers, retry_after));
    }
    if row.family == Family::Compute && resource.state != State::Deleting {
        // A machine can be deleted while it is still being made; the making is called off.
        world.preempt(&key);
    }
    check::free(world, call, row, &key, ids::last(&id))?;
    check::unused(world, row, &resource, row.embedded.map(|_| id.as_str()))?;
    if let Some(child) = row.blocking_child
        && world.of_kind(child, &format!("{key}/"), None).next().is_some()
    {
        return Err(ArmError::new(
            409,
            "CannotDeleteResource",
            format!(
                "Can not delete resource before nested resources are deleted: {id} still has children of type {child}."
            ),
        ));
    }
    let accept_ms = call.settings.pace.draw(row.delete_accept, world.luck());
    let mut response = match row.delete {
        Flow::Sync => {
            if let Some(failure) = &call.failure {
                return Err(ArmError::new(409, &failure.code, failure.message.clone()));
            }
            let shown = render::resource(world, &resource);
            world.remove(&key);
            for child in world.below(&key) {
                world.remove(&child);
            }
            (row.gone)(world, &resource);
            if row.delete_shows { Response::json(200, shown) } else { Response::empty(200) }
        }
        Flow::Async { headers, retry_after, poll_after, .. } => {
            let work_ms = call.settings.pace.draw(row.delete_work, world.luck());
            let is_whole = action == Action::Delete;
            let begun = operations::Begin {
                action,
                target: id,
                root: key.clone(),
                row,
                location: resource.location().to_owned(),
                done_ms: call.now + accept_ms + work_ms,
                poll_after,
                news: BTreeSet::new(),
            };
            let operation = operations::begin(world, call, begun);
            world.edit(&key, |resource| {
                resource.state = if is_whole { State::Deleting } else { State::Updating };
                resource.operation = Some(operation.id.clone());
            });
            operations::announce(world, call, Response::empty(202), &operation, headers, retry_after)
        }
    };
    response.accept_ms = accept_ms;
    Ok(response)
}
