//! What a deployment shows of itself and of its operations.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Asked, run};
use crate::arm::{Call, rfc3339};
use crate::ids::{self, Target};
use crate::random;
use crate::world::{Action, Progress, Resource, State, World};

/// `provisioningState`, in the words of deployments.
pub(super) fn state(deployment: &Resource) -> &'static str {
    match deployment.state {
        State::Creating | State::Updating => "Running",
        other => other.as_str(),
    }
}

/// What a new deployment shows; what only the cloud reads is hidden.
pub(super) fn body(call: &Call<'_>, asked: &Asked, serial: u64, operation: &str) -> Value {
    let mut providers: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (step, body) in asked.steps.iter().zip(&asked.bodies) {
        let Some(target) = Target::parse(&step.id) else { continue };
        let location = body.as_ref().and_then(|body| body.get("location")).cloned();
        let types = providers.entry(target.namespace.clone()).or_default();
        if !types.iter().any(|known| known["resourceType"] == target.types.join("/")) {
            types.push(json!({ "resourceType": target.types.join("/"), "locations": [location] }));
        }
    }
    let providers: Vec<Value> = providers
        .into_iter()
        .map(|(namespace, types)| json!({ "namespace": namespace, "resourceTypes": types }))
        .collect();
    let named = |id: &str| {
        let kind = Target::parse(id).map(|target| target.kind()).unwrap_or_default();
        json!({ "id": id, "resourceType": kind, "resourceName": ids::last(id) })
    };
    let dependencies: Vec<Value> = asked
        .steps
        .iter()
        .filter(|step| !step.after.is_empty())
        .map(|step| {
            let before = asked.steps.iter().filter(|other| step.after.contains(&ids::key(&other.id)));
            let mut shown = named(&step.id);
            shown["dependsOn"] = before.map(|other| named(&other.id)).collect::<Vec<_>>().into();
            shown
        })
        .collect();
    json!({
        "properties": {
            "templateHash": u64::from_str_radix(&random::sha256_hex(asked.template.to_string().as_bytes())[..15], 16).unwrap_or(0).to_string(),
            "parameters": asked.shown_parameters,
            "mode": "Incremental",
            "timestamp": rfc3339(call.now),
            "duration": "PT0S",
            "correlationId": call.request.header("x-ms-correlation-request-id").map_or_else(|| random::guid_of(&["deployment", &asked.id, &serial.to_string()]), str::to_owned),
            "providers": providers,
            "dependencies": dependencies,
        },
        "hidden": { "template": asked.template, "operation": operation },
    })
}

/// The operations of a deployment: one per resource that was begun, and one for its outputs.
pub(super) fn operations(world: &World, deployment: &Resource) -> Vec<Value> {
    let id = deployment.body["hidden"]["operation"].as_str().unwrap_or("");
    let Some(operation) = world.operation(id) else { return Vec::new() };
    let Action::Deploy { deployment: run } = &operation.action else { return Vec::new() };
    let entry = |what: &str, properties: Value| {
        let id = random::guid_of(&[&operation.id, what]).replace('-', "").to_uppercase();
        json!({ "id": format!("{}/operations/{id}", deployment.id), "operationId": id.to_ascii_lowercase(), "properties": properties })
    };
    let mut shown: Vec<Value> = Vec::new();
    for step in &run.steps {
        let Some(started) = step.started_ms else { continue };
        let (state, status, failure) = match &step.progress {
            Progress::Waiting | Progress::Running { .. } => ("Running", None, None),
            Progress::Succeeded { status } => ("Succeeded", Some(*status), None),
            Progress::Failed { status, failure } => ("Failed", Some(*status), Some(failure)),
        };
        let ended = step.ended_ms.unwrap_or(started);
        let kind = Target::parse(&step.id).map(|target| target.kind()).unwrap_or_default();
        let mut properties = json!({
            "provisioningOperation": "Create",
            "provisioningState": state,
            "timestamp": rfc3339(ended),
            "duration": run::duration(ended.saturating_sub(started), run.pace),
            "trackingId": random::guid_of(&[&operation.id, &step.id, "tracking"]),
            "targetResource": { "id": step.id, "resourceType": kind, "resourceName": ids::last(&step.id) },
        });
        if let Some(status) = status {
            properties["statusCode"] = json!(word(status));
        }
        if let Some(failure) = failure {
            properties["statusMessage"] =
                json!({ "status": "Failed", "error": { "code": failure.code, "message": failure.message } });
        }
        shown.push(entry(&step.id, properties));
    }
    if operation.finished && operation.failure.is_none() && run.outputs.is_object() {
        shown.push(entry(
            "outputs",
            json!({ "provisioningOperation": "EvaluateDeploymentOutput", "provisioningState": "Succeeded", "timestamp": rfc3339(operation.done_ms), "duration": "PT0.1S", "statusCode": "OK" }),
        ));
    }
    shown
}

fn word(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        400 => "BadRequest",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        _ => "InternalServerError",
    }
}
