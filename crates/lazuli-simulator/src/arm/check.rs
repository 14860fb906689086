//! What must hold before anything is written or deleted.

use serde_json::Value;

use super::Call;
use crate::catalog::{self, Family, InUse, Kind};
use crate::error::{ArmError, Origin};
use crate::ids;
use crate::json;
use crate::request::Method;
use crate::world::{Resource, State, World};

/// 409 in the network provider's words; `uri` shows the operation in the way.
pub(crate) fn another_operation(uri: &str) -> ArmError {
    ArmError::network(
        409,
        "AnotherOperationInProgress",
        format!(
            "Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: {uri}."
        ),
    )
}

/// The group of an id exists and is not being deleted; ids outside groups pass.
pub(super) fn group(world: &World, id: &str, for_write: bool) -> Result<(), ArmError> {
    let Some(name) = ids::group_of(id) else { return Ok(()) };
    let key = ids::key(&format!("{}/resourceGroups/{name}", world.subscription_id()));
    match world.get(&key) {
        None => Err(ArmError::group_not_found(&name)),
        Some(group) if for_write && group.state == State::Deleting => Err(ArmError::gateway(
            409,
            "ResourceGroupBeingDeleted",
            format!(
                "The resource group '{name}' is in deprovisioning state and cannot perform this operation."
            ),
        )),
        Some(_) => Ok(()),
    }
}

/// A subscription that is disabled can only be read.
pub(super) fn enabled(world: &World, call: &Call<'_>) -> Result<(), ArmError> {
    let state = world.conditions.subscription_state.as_deref();
    let writes = matches!(call.request.method, Method::Put | Method::Patch | Method::Delete);
    if state != Some("Disabled") || !writes {
        return Ok(());
    }
    Err(ArmError::gateway(
        409,
        "ReadOnlyDisabledSubscription",
        format!(
            "The subscription '{}' is disabled and therefore marked as read only. You cannot perform any write actions on this subscription until it is re-enabled.",
            world.identity.subscription
        ),
    ))
}

/// The provider is registered for the subscription.
pub(super) fn registered(world: &World, namespace: &str) -> Result<(), ArmError> {
    if world.is_registered(namespace) {
        return Ok(());
    }
    Err(ArmError::gateway(
        409,
        "MissingSubscriptionRegistration",
        format!(
            "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions."
        ),
    ))
}

/// The network provider has not too much to do already.
pub(super) fn room_for_an_operation(world: &World, target: &ids::Target) -> Result<(), ArmError> {
    let Some(limit) = world.conditions.network_operations else { return Ok(()) };
    if !target.namespace.eq_ignore_ascii_case("Microsoft.Network") || world.network_operations() < limit {
        return Ok(());
    }
    Err(ArmError::network(429, "RetryableError", "A retryable error occurred."))
}

/// No management lock stands in the way of a write or delete.
pub(super) fn management_locks(world: &World, id: &str, deletes: bool) -> Result<(), ArmError> {
    let key = ids::key(id);
    if key.contains("/providers/microsoft.authorization/locks/") {
        return Ok(());
    }
    for lock in world.of_kind("Microsoft.Authorization/locks", "", None) {
        let level = json::text(&lock.body, "properties.level").unwrap_or("");
        if level != "ReadOnly" && !deletes {
            continue;
        }
        let scope = lock.id.split("/providers/Microsoft.Authorization/").next().unwrap_or("");
        let scope_key = ids::key(scope);
        let above = key == scope_key || key.starts_with(&format!("{scope_key}/"));
        let below = deletes && scope_key.starts_with(&format!("{key}/"));
        if above || below {
            let what = if deletes { "delete" } else { "write" };
            return Err(ArmError::gateway(
                409,
                "ScopeLocked",
                format!(
                    "The scope '{id}' cannot perform {what} operation because following scope(s) are locked: '{scope}'. Please remove the lock and try again."
                ),
            ));
        }
    }
    Ok(())
}

/// Nothing else is being done to the resource.
pub(super) fn free(
    world: &World,
    call: &Call<'_>,
    row: &Kind,
    root: &str,
    name: &str,
) -> Result<(), ArmError> {
    if row.locks
        && let Some(holder) = world.lock_holder(root)
    {
        if matches!(row.family, Family::Network) {
            let path = holder.url.paths(&world.subscription_id(), &holder.id).0;
            return Err(another_operation(&call.url(&path)));
        }
        if world.get(root).is_none_or(|resource| resource.state != State::Deleting) {
            return Err(ArmError::new(
                409,
                "Conflict",
                "The request failed due to conflict with a concurrent request. To resolve it, please refer to https://aka.ms/activitylog to get more details on the conflicting requests.",
            ));
        }
    }
    match world.get(root) {
        Some(resource) if resource.state == State::Deleting => Err(ArmError::new(
            409,
            "OperationNotAllowed",
            format!(
                "Operation 'write' is not allowed on '{name}' since it is marked for deletion. You can only retry the Delete operation (or wait for an ongoing one to complete)."
            ),
        )),
        _ => Ok(()),
    }
}

/// `If-Match` and `If-None-Match`, as the resource provider contract has them. Types that have no etags do not look
/// at these headers.
pub(super) fn preconditions(row: &Kind, call: &Call<'_>, etag: Option<&str>) -> Result<(), ArmError> {
    if !row.etag {
        return Ok(());
    }
    let bare = |text: &str| text.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    let refuse = |message: &str| Err(ArmError::new(412, "PreconditionFailed", message));
    match (call.request.header("if-match").map(bare), etag) {
        (Some(_), None) => return refuse("Precondition failed: the resource does not exist."),
        (Some(wanted), Some(etag)) if wanted != "*" && wanted != etag => {
            return refuse(&format!(
                "Precondition failed. The etag '{wanted}' is not the current one, '{etag}'."
            ));
        }
        _ => {}
    }
    if call.request.header("if-none-match").map(bare).is_some_and(|wanted| wanted == "*") && etag.is_some() {
        return refuse("Precondition failed: the resource already exists.");
    }
    Ok(())
}

/// Everything a body refers to exists, in the right region, and is not on its way out.
pub(super) fn references(world: &World, row: &Kind, id: &str, body: &Value) -> Result<(), ArmError> {
    let location = json::text(body, "location").unwrap_or("");
    let own_elements: Vec<String> =
        catalog::element_ids(row, id, body).map(|element| ids::key(&element)).collect();
    let own = format!("{}/", ids::key(id));
    for reference in row.references {
        let mut refused = None;
        json::each(body, reference.path, &mut |_, target| {
            if refused.is_none() {
                let key = ids::key(target);
                refused = if key.starts_with(&own) {
                    (!own_elements.contains(&key)).then(|| dangling_part(target, id))
                } else {
                    outside(world, &key, target, id, reference.same_region.then_some(location))
                };
            }
        });
        if let Some(refused) = refused {
            return Err(refused);
        }
    }
    Ok(())
}

fn dangling_part(target: &str, id: &str) -> ArmError {
    ArmError::network(
        400,
        "InvalidResourceReference",
        format!(
            "Resource {target} referenced by resource {id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
        ),
    )
}

fn outside(world: &World, key: &str, target: &str, id: &str, location: Option<&str>) -> Option<ArmError> {
    let kind = crate::ids::Target::parse(target).map(|target| target.kind()).unwrap_or_default();
    let root = catalog::root_of(&kind, target);
    let Some(resource) = world.get(&root) else {
        return Some(ArmError::network(
            404,
            "NotFound",
            format!("Resource {} not found.", ids::shouted(target)),
        ));
    };
    if root != key
        && !catalog::element_ids(resource.row(), &resource.id, &resource.body).any(|e| ids::key(&e) == key)
    {
        return Some(dangling_part(target, id));
    }
    if location.is_some_and(|location| location != resource.location()) {
        return Some(dangling_part(target, id));
    }
    (resource.state == State::Deleting).then(|| {
        ArmError::network(
            409,
            "ReferencedResourceNotProvisioned",
            format!(
                "Cannot proceed with operation because resource {target} used by resource {id} is not in Succeeded state. Resource is in Deleting state."
            ),
        )
    })
}

/// Nobody outside the resource (or `element` of it) refers to it.
pub(super) fn unused(
    world: &World,
    row: &Kind,
    resource: &Resource,
    element: Option<&str>,
) -> Result<(), ArmError> {
    let own = format!("{}/", resource.key());
    let refuse = |rule: InUse, id: &str| {
        let user = world.users(&ids::key(id)).find(|user| !ids::key(user).starts_with(&own))?;
        let message =
            rule.message.replace("{id}", id).replace("{name}", ids::last(id)).replace("{user}", user);
        let mut error = ArmError::new(rule.status, rule.code, message);
        if matches!(row.family, Family::Network) {
            error.from = Origin::Network;
        }
        Some(error)
    };
    let refused = match element {
        Some(element) => row.in_use.and_then(|rule| refuse(rule, element)),
        None => row.in_use.and_then(|rule| refuse(rule, &resource.id)).or_else(|| {
            // Load balancers take their pools with them; subnets keep their network.
            catalog::elements(row).iter().filter(|(collection, _)| *collection == "subnets").find_map(
                |(_, part)| {
                    let rule = part.in_use?;
                    catalog::element_ids(row, &resource.id, &resource.body).find_map(|id| refuse(rule, &id))
                },
            )
        }),
    };
    refused.map_or(Ok(()), Err)
}
