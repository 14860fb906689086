//! `Microsoft.Resources/deployments`: templates that make many resources at once, in a resource group.
//!
//! Carried out are incremental deployments whose resources stand in the template itself. What real clients do not need is
//! refused in plain words: linked and nested templates, complete mode, scopes other than groups.

mod asked;
mod expression;
mod functions;
mod lenient;
mod run;
mod shown;
mod template;
mod what_if;

use serde_json::{Value, json};

use super::{Call, check, operations, read, render, rfc3339};
use crate::catalog::Headers;
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::json;
use crate::request::{Method, Response};
use crate::world::{Action, Deployment, Failure, Operation, OperationUrl, Resource, State, World};
use asked::{Asked, asked};
use functions::{Problem, Scope};
pub(crate) use run::carry_on;

pub(super) const KIND: &str = "Microsoft.Resources/deployments";
static NOTHING: Value = Value::Null;

/// Seconds between polls. Not seen on the wire: clients would wait half a minute without it.
const POLL: u32 = 5;

/// Answers everything about deployments; `None` for what is about something else. `segments` are in lower case.
pub(super) fn handle(
    world: &mut World,
    call: &Call<'_>,
    segments: &[&str],
) -> Option<Result<Response, ArmError>> {
    let rest = match segments {
        [
            "subscriptions",
            _,
            "resourcegroups",
            _,
            "providers",
            "microsoft.resources",
            "deployments",
            rest @ ..,
        ]
        | ["subscriptions", _, "resourcegroups", _, "deployments", rest @ ..] => rest,
        ["subscriptions", _, "providers", "microsoft.resources", "deployments", ..]
        | ["providers", "microsoft.resources", "deployments", ..] => {
            return Some(Err(ArmError::gateway(
                400,
                "DeploymentScopeNotSupported",
                "This simulated Azure carries out deployments to resource groups only.",
            )));
        }
        _ => return None,
    };
    Some(in_group(world, call, rest))
}

fn in_group(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Result<Response, ArmError> {
    let method = call.request.method;
    let group = ids::group_of(&call.request.path).unwrap_or_default();
    let group_key = ids::key(&format!("{}/resourceGroups/{group}", world.subscription_id()));
    check::group(world, &group_key, method.mutates())?;
    let group_id = world.get(&group_key).map_or(group_key.clone(), |group| group.id.clone());
    let Some(name) = rest.first() else {
        return match method {
            Method::Get => Ok(list(world, call, &format!("{group_key}/"))),
            _ => Err(ArmError::method_not_allowed(method.as_str())),
        };
    };
    let key = format!("{group_key}/providers/{}/{name}", KIND.to_ascii_lowercase());
    let there = || world.get(&key).ok_or_else(|| not_found(name));
    match (method, &rest[1..]) {
        (Method::Put, []) => put(world, call, &key, &group_id),
        (Method::Head, []) => Ok(Response::empty(if world.get(&key).is_some() { 204 } else { 404 })),
        (Method::Get, []) => there().map(|found| Response::json(200, render::resource(world, found))),
        (Method::Delete, []) => delete(world, call, &key),
        (Method::Get, ["operations"]) => {
            there().map(|found| read::page_values(call, shown::operations(world, found)))
        }
        (Method::Get, ["operations", id]) => {
            let all = shown::operations(world, there()?);
            let found = all.into_iter().find(|one| one["operationId"].as_str() == Some(id));
            found.map(|one| Response::json(200, one)).ok_or_else(|| {
                ArmError::gateway(
                    404,
                    "DeploymentOperationNotFound",
                    format!("Deployment operation '{id}' could not be found."),
                )
            })
        }
        (Method::Post, ["validate"]) => validate(world, call, &key, &group_id),
        (Method::Post, ["whatif"]) => what_if(world, call, &key, &group_id),
        (Method::Post, ["exporttemplate"]) => {
            there().map(|found| Response::json(200, json!({ "template": found.body["hidden"]["template"] })))
        }
        (Method::Post, ["cancel"]) => cancel(world, &key, name),
        _ => Err(ArmError::method_not_allowed(method.as_str())),
    }
}

/// What was sent.
fn content(call: &Call<'_>) -> Result<Value, ArmError> {
    lenient::parse(&String::from_utf8_lossy(&call.request.body)).map_err(|error| {
        ArmError::invalid_content(format!(
            "The request content was invalid and could not be deserialized: '{error}'."
        ))
    })
}

fn not_found(name: &str) -> ArmError {
    ArmError::gateway(404, "DeploymentNotFound", format!("Deployment '{name}' could not be found."))
}

fn list(world: &World, call: &Call<'_>, prefix: &str) -> Response {
    let conditions = read::conditions(call);
    let found = world.of_kind(KIND, prefix, call.request.query("$skiptoken")).filter(|deployment| {
        conditions.iter().all(|(name, value)| {
            name != "provisioningstate" || shown::state(deployment).eq_ignore_ascii_case(value)
        })
    });
    read::page(call, found.map(|found| (found.key(), found)), |found| render::resource(world, found))
}

/// What expressions of a deployment may refer to. Parameters and variables are none yet.
fn scope_of<'a>(
    world: &World,
    root: &str,
    now: u64,
    look: &'a dyn Fn(&str) -> Result<Value, Problem>,
) -> Scope<'a> {
    let name = ids::group_of(root).unwrap_or_default();
    let group = world.get(&ids::key(&format!("{}/resourceGroups/{name}", world.subscription_id())));
    Scope {
        parameters: &NOTHING,
        variables: &NOTHING,
        subscription: world.subscription_id(),
        tenant: world.identity.tenant.clone(),
        group: group.map(|group| render::resource(world, group)).unwrap_or_default(),
        deployment: world.get(root).map_or(ids::last(root), Resource::name).to_owned(),
        moment: rfc3339(now),
        loops: Vec::new(),
        look,
    }
}

fn put(world: &mut World, call: &Call<'_>, key: &str, group: &str) -> Result<Response, ArmError> {
    let existing = world.get(key).cloned();
    let running = existing.as_ref().and_then(|existing| world.operation(existing.operation.as_deref()?));
    if running.is_some_and(|operation| !operation.finished) {
        return Err(ArmError::gateway(
            409,
            "DeploymentActive",
            format!(
                "Unable to edit or replace deployment '{}': previous deployment is still active. Please see https://aka.ms/arm-deploy for usage details.",
                ids::last(key)
            ),
        ));
    }
    let asked = asked(world, call, key, group)?;
    let is_new = existing.is_none();
    for step in &asked.steps {
        // A deployment registers what it needs.
        let namespace = Target::parse(&step.id).map(|target| target.namespace).unwrap_or_default();
        if !world.is_registered(&namespace) {
            world.set_registered(&namespace, true, call.now);
        }
    }
    let serial = world.draw();
    let operation = world.guid("operation");
    let mut resource = Resource {
        id: existing.map_or(asked.id.clone(), |existing| existing.id),
        kind: KIND.to_owned(),
        body: json!({}),
        etag: String::new(),
        state: State::Creating,
        created_ms: call.now,
        serial,
        operation: Some(operation.clone()),
        machine: None,
    };
    resource.body = shown::body(call, &asked, serial, &operation);
    if let Some(tags) = content(call)?.get("tags").filter(|tags| tags.is_object()) {
        resource.body["tags"] = tags.clone();
    }
    world.put(resource);
    let deployment = Deployment {
        pace: call.settings.pace,
        parameters: asked.parameters,
        variables: asked.template["variables"].clone(),
        outputs: asked.template["outputs"].clone(),
        steps: asked.steps,
    };
    let group = ids::group_of(key).unwrap_or_default();
    let url = OperationUrl::Deployment { group, name: ids::last(&asked.id).to_owned() };
    let action = Action::Deploy { deployment: Box::new(deployment) };
    let begun = begin(world, call, operation, action, asked.id, key.to_owned(), url);
    let mut shown = world.get(key).map(|found| render::resource(world, found)).unwrap_or_default();
    shown["properties"]["provisioningState"] = json!("Accepted");
    let answer = Response::json(if is_new { 201 } else { 200 }, shown);
    Ok(operations::announce(world, call, answer, &begun, Headers::Operation, Some(POLL)))
}

fn begin(
    world: &mut World,
    call: &Call<'_>,
    id: String,
    action: Action,
    target: String,
    root: String,
    url: OperationUrl,
) -> Operation {
    let operation = Operation {
        id,
        action,
        target,
        root,
        url,
        started_ms: call.now,
        done_ms: call.now,
        lock: None,
        failure: None,
        news: Default::default(),
        retry_after: POLL,
        finished: false,
    };
    world.begin(operation.clone());
    operation
}

fn validate(world: &World, call: &Call<'_>, key: &str, group: &str) -> Result<Response, ArmError> {
    let asked = asked(world, call, key, group)?;
    let mut shown = shown::body(call, &asked, world.requests, "");
    json::remove(&mut shown, "hidden");
    shown["id"] = json!(asked.id);
    shown["name"] = json!(ids::last(&asked.id));
    shown["type"] = json!(KIND);
    shown["properties"]["provisioningState"] = json!("Succeeded");
    shown["properties"]["validatedResources"] =
        asked.steps.iter().map(|step| json!({ "id": step.id })).collect::<Vec<_>>().into();
    Ok(Response::json(200, shown))
}

fn what_if(world: &mut World, call: &Call<'_>, key: &str, group: &str) -> Result<Response, ArmError> {
    let asked = asked(world, call, key, group)?;
    let is_short = content(call)?["properties"]["whatIfSettings"]["resultFormat"] == "ResourceIdOnly";
    let answer = json!({
        "status": "Succeeded",
        "properties": { "correlationId": crate::random::guid_of(&["what-if", &asked.id, &call.now.to_string()]), "changes": what_if::changes(world, group, &asked, is_short) },
    });
    let id = world.guid("operation");
    let action = Action::Show { answer };
    let operation = begin(world, call, id, action, asked.id, key.to_owned(), OperationUrl::Job);
    Ok(operations::announce(world, call, Response::empty(202), &operation, Headers::Location, Some(POLL)))
}

fn delete(world: &mut World, call: &Call<'_>, key: &str) -> Result<Response, ArmError> {
    let Some(resource) = world.get(key).cloned() else { return Ok(Response::empty(204)) };
    check::management_locks(world, &resource.id, true)?;
    if resource.state == State::Creating {
        return Err(ArmError::gateway(
            409,
            "DeploymentActive",
            format!("Unable to delete deployment '{}': it is still active.", resource.name()),
        ));
    }
    let id = world.guid("operation");
    let begun = begin(world, call, id, Action::Delete, resource.id, key.to_owned(), OperationUrl::Job);
    Ok(operations::announce(world, call, Response::empty(202), &begun, Headers::Location, Some(POLL)))
}

/// What is being made then is made; nothing more is begun.
fn cancel(world: &mut World, key: &str, name: &str) -> Result<Response, ArmError> {
    let found = world.get(key).ok_or_else(|| not_found(name))?;
    let running = found.operation.as_deref().and_then(|id| world.operation(id)).cloned();
    let Some(operation) = running.filter(|operation| !operation.finished) else {
        return Err(ArmError::gateway(
            409,
            "DeploymentCannotBeCancelled",
            format!("Deployment '{name}' cannot be cancelled: it is no longer running."),
        ));
    };
    let message = "The deployment was canceled.".to_owned();
    let failure = Failure { code: "DeploymentCanceled".to_owned(), message, canceled: true };
    world.call_off(&operation.id, failure);
    world.edit(key, |deployment| {
        deployment.state = State::Canceled;
        deployment.operation = None;
    });
    Ok(Response::empty(204))
}
