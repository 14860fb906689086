//! Carrying a deployment out: whatever can be made is made, and what waits for it after that.

use serde_json::{Value, json};

use super::functions::{self, Problem, Scope};
use super::scope_of;
use crate::arm::{Call, Settings, activity, render, rfc3339, route};
use crate::catalog;
use crate::error::ArmError;
use crate::faults::Faults;
use crate::ids::{self, Target};
use crate::latency::Pace;
use crate::request::{Method, Request};
use crate::world::{Action, Deployment, Failure, Operation, Progress, State, Step, World};

/// How long a deployment waits before it asks again for what was busy.
const AGAIN_MS: u64 = 5000;

/// Moves a deployment on whose time has come, and says when to look again, or ends it.
pub(crate) fn carry_on(world: &mut World, mut operation: Operation, at: u64) {
    let taken = std::mem::replace(&mut operation.action, Action::Delete);
    let Action::Deploy { mut deployment } = taken else { return };
    while advance(world, &mut deployment, &operation.root, at) {}
    let next = deployment.steps.iter().filter_map(|step| match &step.progress {
        Progress::Running { operation, .. } => world.operation(operation).map(|operation| operation.done_ms),
        Progress::Waiting => is_ready(&deployment.steps, step).then_some(step.not_before_ms),
        _ => None,
    });
    match next.min() {
        Some(next) => operation.done_ms = next.max(at),
        None => {
            operation.failure = end(world, &mut deployment, &operation, at);
            operation.done_ms = at;
            operation.finished = true;
        }
    }
    operation.action = Action::Deploy { deployment };
    world.begin(operation);
}

fn is_ready(steps: &[Step], step: &Step) -> bool {
    step.after.iter().all(|key| {
        steps
            .iter()
            .any(|other| ids::key(&other.id) == *key && matches!(other.progress, Progress::Succeeded { .. }))
    })
}

/// Looks at every step once; true when one of them moved.
fn advance(world: &mut World, deployment: &mut Deployment, root: &str, at: u64) -> bool {
    let mut has_moved = false;
    for index in 0..deployment.steps.len() {
        let step = &deployment.steps[index];
        let progress = match &step.progress {
            Progress::Running { operation, status } => {
                world.finish_if_due(operation, at);
                match world.operation(operation) {
                    Some(operation) if !operation.finished => continue,
                    Some(Operation { failure: Some(failure), .. }) => {
                        Progress::Failed { status: 409, failure: failure.clone() }
                    }
                    _ => Progress::Succeeded { status: *status },
                }
            }
            Progress::Waiting if step.not_before_ms <= at && is_ready(&deployment.steps, step) => {
                match start(world, deployment, root, index, at) {
                    Start::Is(progress) => progress,
                    Start::Waits(key) => {
                        deployment.steps[index].after.push(key);
                        continue;
                    }
                    Start::Again => {
                        let wait = deployment.pace.scale(AGAIN_MS).max(1);
                        deployment.steps[index].not_before_ms = at + wait;
                        continue;
                    }
                }
            }
            _ => continue,
        };
        let step = &mut deployment.steps[index];
        step.started_ms.get_or_insert(at);
        if !matches!(progress, Progress::Running { .. }) {
            step.ended_ms = Some(at);
        }
        step.progress = progress;
        has_moved = true;
    }
    has_moved
}

enum Start {
    Is(Progress),
    /// It refers to what must be there first.
    Waits(String),
    /// Somebody else is at it.
    Again,
}

fn start(world: &mut World, deployment: &Deployment, root: &str, index: usize, at: u64) -> Start {
    let step = &deployment.steps[index];
    let failed = |status, code: &str, message: String| {
        let failure = Failure { code: code.to_owned(), message, canceled: false };
        Start::Is(Progress::Failed { status, failure })
    };
    let body = match worth(world, deployment, root, &step.body, &step.loops, at) {
        Ok(body) => body,
        Err(Problem::NotYet(key)) if deployment.steps.iter().any(|other| ids::key(&other.id) == key) => {
            return match key == ids::key(&step.id) {
                true => failed(400, "InvalidTemplate", "The resource refers to itself.".to_owned()),
                false => Start::Waits(key),
            };
        }
        Err(Problem::NotYet(id)) => {
            return failed(404, "ResourceNotFound", format!("The Resource '{id}' was not found."));
        }
        Err(Problem::Invalid(message)) => {
            return failed(
                400,
                "InvalidTemplate",
                format!("Unable to process template language expressions: '{message}'"),
            );
        }
    };
    let target = format!("{}?api-version={}", step.id, step.api_version);
    let request = Request::new(Method::Put, &target).with_json(&body);
    let settings = Settings { pace: deployment.pace, faults: Faults::default(), page_size: 100 };
    let call = Call { request: &request, settings: &settings, now: at, failure: None, agent_hangs: false };
    let answer = route(world, &call);
    let shown = answer.clone().unwrap_or_else(ArmError::into_response);
    match answer {
        Ok(response) => {
            activity::note(world, &request, at, &shown);
            let root = Target::parse(&step.id).map(|target| catalog::root_of(&target.kind(), &step.id));
            let operation = root.and_then(|root| world.get(&root)?.operation.clone());
            Start::Is(match operation {
                Some(operation) => Progress::Running { operation, status: response.status },
                None => Progress::Succeeded { status: response.status },
            })
        }
        Err(refusal) if is_busy(&refusal) => Start::Again,
        Err(refusal) => {
            activity::note(world, &request, at, &shown);
            failed(refusal.status, &refusal.code, refusal.message)
        }
    }
}

fn is_busy(refusal: &ArmError) -> bool {
    let code = refusal.code.as_str();
    refusal.status == 429 || code == "AnotherOperationInProgress" || code.starts_with("RetryableError")
}

/// What an expression of a deployment under way is worth.
fn worth(
    world: &World,
    deployment: &Deployment,
    root: &str,
    value: &Value,
    loops: &[(String, i64)],
    at: u64,
) -> Result<Value, Problem> {
    let look = |wanted: &str| look(world, &deployment.steps, wanted);
    let mut scope: Scope<'_> = scope_of(world, root, at, &look);
    scope.parameters = &deployment.parameters;
    scope.variables = &deployment.variables;
    scope.loops = loops.to_vec();
    functions::evaluate(&scope, value)
}

/// What `reference` shows: a resource of the template once it is made, or any other that is there.
fn look(world: &World, steps: &[Step], wanted: &str) -> Result<Value, Problem> {
    let lower = ids::key(wanted);
    let is_meant = |step: &&Step| {
        let key = ids::key(&step.id);
        let is_symbol = step.symbol.as_deref().is_some_and(|symbol| symbol.eq_ignore_ascii_case(wanted));
        key == lower || ids::last(&key) == lower || key.ends_with(&format!("/providers/{lower}")) || is_symbol
    };
    let key = match steps.iter().find(is_meant) {
        Some(step) if matches!(step.progress, Progress::Succeeded { .. }) => ids::key(&step.id),
        Some(step) => return Err(Problem::NotYet(ids::key(&step.id))),
        None => lower,
    };
    let target = Target::parse(&key).ok_or_else(|| {
        Problem::Invalid(format!(
            "The resource referenced in output is not defined in the template: '{wanted}'."
        ))
    })?;
    let resource = world.get(&catalog::root_of(&target.kind(), &key));
    let shown = resource.and_then(|resource| match catalog::find(&target.kind()).embedded {
        Some(collection) => render::element(world, resource, collection, target.name()),
        None => Some(render::resource(world, resource)),
    });
    shown.ok_or(Problem::NotYet(key))
}

/// Ends a deployment: what came of it is shown from now on, and its secrets are forgotten.
fn end(world: &mut World, deployment: &mut Deployment, operation: &Operation, at: u64) -> Option<Failure> {
    let root = &operation.root;
    let failed = deployment.steps.iter().find_map(|step| match &step.progress {
        Progress::Failed { failure, .. } => Some((step.id.clone(), failure.clone())),
        _ => None,
    });
    let stuck = || deployment.steps.iter().find(|step| step.progress == Progress::Waiting);
    let outputs = deployment.outputs.as_object().cloned().unwrap_or_default();
    let mut shown = json!({});
    let mut problem = failed;
    if problem.is_none() {
        problem = stuck().map(|step| {
            let message = format!("Circular dependency detected on resource: '{}'.", step.id);
            (step.id.clone(), Failure { code: "InvalidTemplate".to_owned(), message, canceled: false })
        });
    }
    for (name, output) in outputs.iter().filter(|_| problem.is_none()) {
        let ty = output["type"].as_str().unwrap_or("String").to_owned();
        if ty.to_ascii_lowercase().starts_with("secure") {
            shown[name] = json!({ "type": ty });
            continue;
        }
        match worth(world, deployment, root, &output["value"], &[], at) {
            Ok(value) => shown[name] = json!({ "type": ty, "value": value }),
            Err(why) => {
                let why = match why {
                    Problem::Invalid(why) => why,
                    Problem::NotYet(id) => format!("The Resource '{id}' was not found."),
                };
                let message = format!("The template output '{name}' is not valid: {why}");
                let code = "DeploymentOutputEvaluationFailed".to_owned();
                problem = Some((root.clone(), Failure { code, message, canceled: false }));
                break;
            }
        }
    }
    let made = deployment.steps.iter().filter(|step| matches!(step.progress, Progress::Succeeded { .. }));
    let made: Vec<Value> = made.map(|step| json!({ "id": step.id })).collect();
    let error = problem.as_ref().map(|(target, failure)| {
        json!({
            "code": "DeploymentFailed",
            "target": world.get(root).map_or(root.as_str(), |deployment| deployment.id.as_str()),
            "message": FAILED,
            "details": [{ "code": failure.code, "target": target, "message": failure.message }],
        })
    });
    let state = if problem.is_some() { State::Failed } else { State::Succeeded };
    world.edit(root, |resource| {
        let properties = &mut resource.body["properties"];
        properties["timestamp"] = json!(rfc3339(at));
        properties["duration"] = json!(duration(at.saturating_sub(operation.started_ms), deployment.pace));
        match error {
            Some(error) => properties["error"] = error,
            None => {
                properties["outputs"] = shown;
                properties["outputResources"] = json!(made);
            }
        }
        resource.state = state;
        resource.operation = None;
    });
    deployment.parameters = Value::Null;
    for step in &mut deployment.steps {
        step.body = Value::Null;
    }
    problem.map(|_| Failure {
        code: "DeploymentFailed".to_owned(),
        message: FAILED.to_owned(),
        canceled: false,
    })
}

const FAILED: &str = "At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.";

/// `PT12.5S`, of the real Azure.
pub(super) fn duration(ms: u64, pace: Pace) -> String {
    let real = if pace.speed() == 0 { ms } else { pace.unscale(ms) };
    format!("PT{}.{:03}S", real / 1000, real % 1000)
}
