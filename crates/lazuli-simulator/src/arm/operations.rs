//! Starting long-running operations, telling clients where to look, and answering when they do.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Call, render, rfc3339};
use crate::catalog::{self, Family, Headers, Kind};
use crate::error::ArmError;
use crate::ids;
use crate::random;
use crate::request::{Method, Response};
use crate::world::{Action, KEPT_MS, Operation, OperationUrl, World};

/// What is known when an operation starts.
pub(super) struct Begin {
    pub(super) action: Action,
    pub(super) target: String,
    pub(super) root: String,
    pub(super) row: &'static Kind,
    pub(super) location: String,
    pub(super) done_ms: u64,
    pub(super) poll_after: u32,
    /// Who refers to whom from now on.
    pub(super) news: BTreeSet<String>,
}

pub(super) fn begin(world: &mut World, call: &Call<'_>, begin: Begin) -> Operation {
    let Begin { action, target, root, row, location, done_ms, poll_after, news } = begin;
    // What has no region of its own lies where its parent lies.
    let parent = world.get(&ids::key(ids::parent_id(&root))).map(|parent| parent.location().to_owned());
    let location = if location.is_empty() { parent.unwrap_or_default() } else { location };
    let id = world.guid("operation");
    let token = world.guid("operation token");
    let group = ids::group_of(&target).unwrap_or_default();
    let url = match row.family {
        Family::Network => OperationUrl::Network { location },
        Family::PrivateDns => OperationUrl::PrivateDns { group },
        Family::Compute => OperationUrl::Compute { location, token },
        Family::Disk => OperationUrl::Disk { location, token },
        Family::Storage => OperationUrl::Storage { location },
        Family::Other if action == Action::DeleteGroup => OperationUrl::Group { name: group },
        Family::Other => {
            let namespace = row.name.split('/').next().unwrap_or("Microsoft.Resources").to_owned();
            OperationUrl::Other { namespace, location }
        }
    };
    let operation = Operation {
        id,
        action,
        target,
        lock: row.locks.then(|| root.clone()),
        root,
        url,
        started_ms: call.now,
        done_ms,
        failure: call.failure.clone(),
        news,
        retry_after: poll_after,
        finished: false,
    };
    world.begin(operation.clone());
    operation
}

/// Adds the headers that tell a client where to poll and how often.
pub(super) fn announce(
    world: &World,
    call: &Call<'_>,
    response: Response,
    operation: &Operation,
    headers: Headers,
    retry_after: Option<u32>,
) -> Response {
    let (status, result) = paths(world, operation);
    let mut response = response;
    let is_job = matches!(operation.url, OperationUrl::Group { .. } | OperationUrl::Job);
    let is_watched = headers != Headers::Location && !is_job;
    if is_watched {
        response = response.with("Azure-AsyncOperation", signed(call, &status, &operation.id));
    }
    if headers != Headers::Operation {
        response = response.with("Location", signed(call, &result, &operation.id));
    }
    // Subnets are the exception.
    let is_subnet = operation.target.to_ascii_lowercase().contains("/subnets/");
    if matches!(operation.url, OperationUrl::Network { .. }) && !is_subnet {
        response = response.with("Azure-AsyncNotification", "Enabled");
    }
    retry_after.map_or(response.clone(), |seconds| call.retry_after(response, seconds))
}

/// Where the status and the result of an operation are found. The deletion of a group is named by its job, encoded.
fn paths(world: &World, operation: &Operation) -> (String, String) {
    let OperationUrl::Group { name } = &operation.url else {
        return operation.url.paths(&world.subscription_id(), &operation.id);
    };
    let location = world.get(&operation.root).map_or("", |group| group.location()).to_owned();
    let job = format!(
        "RESOURCEGROUPDELETIONJOB-{}-{}-{}",
        name.to_uppercase().replace('-', ":2D"),
        location.to_ascii_uppercase(),
        operation.id
    );
    let token = URL_SAFE_NO_PAD.encode(json!({ "jobId": job, "jobLocation": location }).to_string());
    operation.url.paths(&world.subscription_id(), &token)
}

/// The id of the operation that a path is about.
pub(super) fn id_in(path: &str) -> Option<String> {
    let last = ids::last(path);
    let job =
        URL_SAFE_NO_PAD.decode(last).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let job = job.as_ref().and_then(|job| job["jobId"].as_str());
    match job {
        // A GUID has 36 characters.
        Some(job) => job.get(job.len().checked_sub(36)?..).map(str::to_owned),
        None => Some(last.to_owned()),
    }
}

/// The URL of an operation, signed if this cloud does that: moment, certificate, signature and hash, 3.6 KB.
fn signed(call: &Call<'_>, path: &str, id: &str) -> String {
    let url = call.url(path);
    if !call.settings.faults.signed_urls {
        return url;
    }
    let certificate = long(id, "certificate", 2900);
    format!("{url}&t=639000000000000000&c={certificate}&s={}&h={}", signature(id), long(id, "hash", 43))
}

fn signature(id: &str) -> String {
    long(id, "signature", 342)
}

/// Letters and digits that look like what a certificate is made of.
fn long(id: &str, what: &str, length: usize) -> String {
    let blocks =
        (0..=length / 32).map(|block| random::guid_of(&[id, what, &block.to_string()]).replace('-', ""));
    blocks.collect::<String>().chars().take(length).collect()
}

/// Answers a poll of an operation; `None` when the path is not one of an operation.
pub(super) fn poll(world: &World, call: &Call<'_>, segments: &[&str]) -> Option<Result<Response, ArmError>> {
    let [.., collection, _] = segments else { return None };
    let is_result = match *collection {
        // What a deployment has done, not what is under way.
        "operations" if segments.contains(&"deployments") => return None,
        "operations" | "diskoperations" => call.request.query("monitor").is_some(),
        "privatednsoperationstatuses" | "operationstatuses" => false,
        "operationresults" | "privatednsoperationresults" | "asyncoperations" => true,
        _ => return None,
    };
    if !segments.contains(&"subscriptions") {
        return None;
    }
    if call.request.method != Method::Get {
        return Some(Err(ArmError::method_not_allowed(call.request.method.as_str())));
    }
    let id = id_in(&call.request.path).unwrap_or_default();
    let kept = |operation: &&Operation| !operation.finished || operation.done_ms + KEPT_MS > call.now;
    let Some(operation) = world.operation(&id).filter(kept) else {
        return Some(Err(ArmError::new(404, "NotFound", format!("The operation '{id}' was not found."))));
    };
    if call.settings.faults.signed_urls && call.request.query("s") != Some(&signature(&operation.id)) {
        return Some(Err(ArmError::gateway(
            403,
            "InvalidOperationSignature",
            "The URL of the operation does not bear the signature it was given with.",
        )));
    }
    Some(if is_result { result(world, call, operation) } else { Ok(status(world, call, operation)) })
}

fn status(world: &World, call: &Call<'_>, operation: &Operation) -> Response {
    let word = match (operation.finished, &operation.failure) {
        (false, _) if matches!(operation.url, OperationUrl::Deployment { .. }) => "Running",
        (false, _) => "InProgress",
        (true, None) => "Succeeded",
        (true, Some(failure)) if failure.canceled => "Canceled",
        (true, Some(_)) => "Failed",
    };
    let mut body = json!({ "status": word });
    if matches!(operation.url, OperationUrl::Compute { .. } | OperationUrl::Disk { .. }) {
        body["name"] = json!(operation.id);
        body["startTime"] = json!(rfc3339(operation.started_ms));
        if operation.finished {
            body["endTime"] = json!(rfc3339(operation.done_ms));
        }
    }
    if let Some(failure) = operation.failure.as_ref().filter(|_| operation.finished) {
        body["error"] = json!({ "code": failure.code, "message": failure.message });
        if matches!(operation.url, OperationUrl::Network { .. }) {
            body["error"]["details"] = json!([]);
        }
        let told = world.get(&operation.root).and_then(|root| root.body["properties"].get("error"));
        if let (OperationUrl::Deployment { .. }, Some(told)) = (&operation.url, told) {
            body["error"] = told.clone();
        }
    } else if operation.finished
        && let Action::RunCommand { message } = &operation.action
    {
        body["properties"] = json!({ "output": written(message) });
    } else if operation.finished
        && matches!(operation.url, OperationUrl::Disk { .. })
        && operation.action == Action::Put
        && let Some(disk) = world.get(&operation.root)
    {
        body["properties"] = json!({ "output": render::resource(world, disk) });
    }
    let response = Response::json(200, body);
    if operation.finished { response } else { call.retry_after(response, operation.retry_after) }
}

fn result(world: &World, call: &Call<'_>, operation: &Operation) -> Result<Response, ArmError> {
    if !operation.finished {
        let (_, path) = paths(world, operation);
        let response = Response::empty(202).with("Location", signed(call, &path, &operation.id));
        return Ok(call.retry_after(response, operation.retry_after));
    }
    if let Some(failure) = &operation.failure {
        return Err(ArmError::new(409, &failure.code, failure.message.clone()));
    }
    Ok(match &operation.action {
        Action::RunCommand { message } => Response::json(200, written(message)),
        Action::Put | Action::Deploy { .. } => Response::json(200, shown(world, operation)),
        Action::Show { answer } => Response::json(200, answer.clone()),
        Action::Delete | Action::DeleteElement { .. } => Response::empty(204),
        Action::DeleteGroup | Action::Power { .. } => Response::empty(200),
    })
}

/// What a script wrote, as Run Command shows it.
fn written(message: &str) -> Value {
    json!({ "value": [{
        "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded", "message": message,
    }] })
}

fn shown(world: &World, operation: &Operation) -> Value {
    let Some(root) = world.get(&operation.root) else { return Value::Null };
    let is_element = ids::key(&operation.target) != operation.root;
    let element = is_element
        .then(|| {
            let name = ids::last(&operation.target);
            catalog::elements(root.row())
                .iter()
                .find_map(|(collection, _)| render::element(world, root, collection, name))
        })
        .flatten();
    element.unwrap_or_else(|| render::resource(world, root))
}
