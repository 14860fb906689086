//! A body that passed the front door is checked against the world, completed, stored, and its operation begins.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Call, access, body, check, operations, policy, render};
use crate::catalog::capacity::{self, Shortage};
use crate::catalog::{self, Draft, Family, FirstBody, Flow, Kind, compute};
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::json;
use crate::random;
use crate::request::{Method, Response};
use crate::world::{Action, Resource, State, World};

/// A write about to be checked and stored.
pub(super) struct Write<'a> {
    /// The row of what the client writes: a resource, or an element of one.
    pub(super) row: &'static Kind,
    /// The id of what the client writes.
    pub(super) target: String,
    /// The id of the resource that is stored.
    pub(super) root: String,
    /// The resource that is stored, as it is now.
    pub(super) existing: Option<&'a Resource>,
    /// Whether the client's target is new.
    pub(super) is_new: bool,
    pub(super) body: Value,
}

pub(super) fn store(world: &mut World, call: &Call<'_>, write: Write<'_>) -> Result<Response, ArmError> {
    let Write { row, target, root, existing, is_new, mut body } = write;
    let key = ids::key(&root);
    let root_row = existing.map_or(row, Resource::row);
    check::free(world, call, row, &key, ids::last(&root))?;
    let custom_data = if root_row.name == "Microsoft.Compute/virtualMachines" {
        compute::take_secrets(&mut body)?
    } else {
        None
    };
    body::normalise(&mut body, root_row)?;
    body::place(&mut body, root_row, existing, &root)?;
    body::protect(&mut body, root_row, existing, custom_data.as_ref().map(|data| data.digest.as_str()))?;
    if let Some(existing) = existing {
        dropped_elements(world, root_row, existing, &body)?;
    }
    access::linked(world, &kind_of(root_row, &root), &root, &body)?;
    policy::apply(world, &kind_of(root_row, &root), ids::last(&root), &mut body)?;
    check::references(world, root_row, &root, &body)?;
    if existing.is_none() {
        let location = json::text(&body, "location").unwrap_or("");
        catalog::counts::check(world, root_row.name, location)?;
    }
    if let (Some(failure), Flow::Sync) = (&call.failure, row.put) {
        return Err(ArmError::new(409, &failure.code, failure.message.clone()));
    }
    let pace = call.settings.pace;
    (root_row.fill)(&mut Draft { world, now: call.now, pace, id: &root, body: &mut body, existing })?;
    let shortage = (root_row.name == "Microsoft.Compute/virtualMachines")
        .then(|| capacity::of_write(world, &root, &body, existing))
        .flatten();
    let failure = match shortage {
        Some(Shortage::Refused(refusal)) => return Err(*refusal),
        Some(Shortage::Fails(failure)) => Some(failure),
        None => None,
    };
    let call = &Call { failure: call.failure.clone().or(failure), ..*call };

    let is_changed = existing.is_none_or(|existing| {
        existing.body != body || matches!(existing.state, State::Failed | State::Canceled)
    });
    let is_new_root = existing.is_none();
    let serial = world.draw();
    let mut stored = existing.cloned().unwrap_or_else(|| Resource {
        id: root.clone(),
        kind: kind_of(root_row, &root),
        body: Value::Null,
        etag: String::new(),
        state: State::Succeeded,
        created_ms: call.now,
        serial,
        operation: None,
        machine: None,
    });
    let news = news(root_row, &stored, &body);
    stored.body = body;
    if is_changed {
        stored.etag = world.derived_guid("etag", serial);
    }
    if is_new_root && root_row.name == "Microsoft.Compute/virtualMachines" {
        // Not a drawing of its own: machines without custom data draw none either.
        let luck =
            ["first boot", "first boot too"].map(|purpose| random::fraction(world.seed, purpose, serial));
        stored.machine = Some(compute::new_machine(custom_data, pace, (luck[0], luck[1])));
    }
    let luck = world.luck();
    let accept_ms = pace.draw(row.put_accept, luck);
    let is_tags_only = call.request.method == Method::Patch && row.family == Family::Network;
    // Storage takes its time to make an account, but not to change it.
    let is_changed_at_once = row.family == Family::Storage && !is_new;
    let mut response = match row.put {
        Flow::Async { headers, settled, body: first, retry_after, poll_after }
            if !is_tags_only && !is_changed_at_once =>
        {
            stored.state = match (settled || !is_changed, is_new, row.family) {
                (true, ..) => State::Succeeded,
                (false, true, Family::Compute | Family::Storage) => State::Creating,
                (false, ..) => State::Updating,
            };
            let work = match (is_changed, is_new || row.family != Family::Compute) {
                (false, _) => crate::latency::Delay::NONE,
                (true, true) => row.put_work,
                // Changing a machine in place is quicker than making one.
                (true, false) => crate::latency::Delay::ms(8400, 15_000),
            };
            let work_ms = pace.draw(work, world.luck());
            let begun = operations::Begin {
                action: Action::Put,
                target: target.clone(),
                root: key.clone(),
                row,
                location: stored.location().to_owned(),
                done_ms: call.now + accept_ms + work_ms,
                poll_after,
                news,
            };
            let operation = operations::begin(world, call, begun);
            stored.operation = Some(operation.id.clone());
            world.put(stored);
            let shown = show(world, &key, row, &target);
            let status = if is_new { row.created } else { row.updated };
            let answer = match first {
                FirstBody::Whole => Response::json(status, shown),
                FirstBody::Partial => Response::json(status, render::partial(shown)),
                FirstBody::Nothing => Response::json(status, json!({})),
                FirstBody::Empty => Response::empty(status),
            };
            operations::announce(world, call, answer, &operation, headers, retry_after)
        }
        _ => {
            stored.state = State::Succeeded;
            stored.operation = None;
            world.put(stored);
            (root_row.settled)(world, &key, call.now);
            let status = if is_new { row.created } else { row.updated };
            Response::json(status, show(world, &key, row, &target))
        }
    };
    if row.says_where {
        response = response.with("Location", target);
    }
    response.accept_ms = accept_ms;
    Ok(response)
}

/// Who (by key) refers to whom in a body, as far as the stored resource does not yet.
fn news(row: &Kind, stored: &Resource, body: &Value) -> BTreeSet<String> {
    let known = catalog::references_of(row, &stored.id, &stored.body);
    let wanted = catalog::references_of(row, &stored.id, body);
    let new = wanted.into_iter().filter(|one| !known.contains(one));
    new.map(|(source, target)| World::news(&source, &ids::key(&target))).collect()
}

/// What was written, as a GET shows it.
fn show(world: &World, key: &str, row: &Kind, target: &str) -> Value {
    let Some(resource) = world.get(key) else { return Value::Null };
    match row.embedded {
        Some(collection) => {
            render::element(world, resource, collection, ids::last(target)).unwrap_or_default()
        }
        None => render::resource(world, resource),
    }
}

/// The canonical type name; for unknown types the one in the id.
fn kind_of(row: &Kind, id: &str) -> String {
    if row.name.is_empty() {
        Target::parse(id).map(|target| target.kind()).unwrap_or_default()
    } else {
        row.name.to_owned()
    }
}

/// Elements that the new body leaves out must not be in use.
fn dropped_elements(world: &World, row: &Kind, existing: &Resource, body: &Value) -> Result<(), ArmError> {
    let kept: Vec<String> = catalog::element_ids(row, &existing.id, body).map(|id| ids::key(&id)).collect();
    for (collection, part) in catalog::elements(row) {
        for element in json::list(&existing.body, &format!("properties.{collection}")) {
            let id = format!("{}/{collection}/{}", existing.id, element["name"].as_str().unwrap_or(""));
            if !kept.contains(&ids::key(&id)) {
                check::unused(world, part, existing, Some(&id))?;
            }
        }
    }
    Ok(())
}
