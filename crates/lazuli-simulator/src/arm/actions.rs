//! POST actions on resources.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Call, check, names, operations, policy, read, rfc3339, script};
use crate::catalog::capacity::{self, Shortage};
use crate::catalog::{self, Headers, Kind};
use crate::error::ArmError;
use crate::ids::Target;
use crate::latency::Delay;
use crate::request::Response;
use crate::world::{Action, Resource, State, World};

pub(super) fn post(world: &mut World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    let kind = target.kind().to_ascii_lowercase();
    if kind == "microsoft.policyinsights/checkpolicyrestrictions" {
        return policy::restrictions(world, call);
    }
    if kind == "microsoft.storage/checknameavailability" {
        return names::storage_account(world, call);
    }
    match kind.strip_prefix("microsoft.compute/virtualmachines/") {
        Some("start") | Some("restart") => power(world, call, target, "running"),
        Some("poweroff") => power(world, call, target, "stopped"),
        Some("deallocate") => power(world, call, target, "deallocated"),
        Some("runcommand") => script::run(world, call, target),
        Some("retrievebootdiagnosticsdata") => {
            let machine = read::parent(world, target)?;
            let console = format!("{}/serial-console{}", call.request.base(), machine.id);
            Ok(Response::json(
                200,
                json!({ "consoleScreenshotBlobUri": console, "serialConsoleLogBlobUri": console }),
            ))
        }
        _ => Err(ArmError::gateway(
            404,
            "InvalidResourceType",
            format!(
                "The resource type '{}' could not be found in the namespace '{}' for api version '{}'.",
                target.types.join("/"),
                target.namespace,
                call.request.query("api-version").unwrap_or("")
            ),
        )),
    }
}

fn power(world: &mut World, call: &Call<'_>, target: &Target, to: &str) -> Result<Response, ArmError> {
    let machine = read::parent(world, target)?.clone();
    let (row, key) = (catalog::find(&machine.kind), machine.key());
    check::management_locks(world, &machine.id, false)?;
    check::free(world, call, row, &key, machine.name())?;
    let work = Delay::ms(20_000, 60_000);
    let shortage = (to == "running").then(|| capacity::of_start(world, &machine)).flatten();
    let failure = match shortage {
        Some(Shortage::Refused(refusal)) => return Err(*refusal),
        Some(Shortage::Fails(failure)) => Some(failure),
        None => None,
    };
    let call = &Call { failure: call.failure.clone().or(failure), ..*call };
    Ok(start(world, call, (row, &machine), Action::Power { to: to.to_owned() }, work))
}

/// Starts an operation on a machine.
pub(super) fn start(
    world: &mut World,
    call: &Call<'_>,
    (row, machine): (&'static Kind, &Resource),
    action: Action,
    work: Delay,
) -> Response {
    let key = machine.key();
    let pace = call.settings.pace;
    let accept_ms = pace.draw(Delay::ms(1000, 2000), world.luck());
    let work_ms = match call.agent_hangs {
        true => script::AGENT_MS,
        false => pace.draw(work, world.luck()),
    };
    let begun = operations::Begin {
        action,
        target: machine.id.clone(),
        root: key.clone(),
        row,
        location: machine.location().to_owned(),
        done_ms: call.now + accept_ms + work_ms,
        poll_after: 10,
        news: BTreeSet::new(),
    };
    let operation = operations::begin(world, call, begun);
    world.edit(&key, |machine| {
        machine.state = State::Updating;
        machine.operation = Some(operation.id.clone());
    });
    let response = Response::empty(202).with("x-ms-simulated-at", rfc3339(call.now));
    let mut response = operations::announce(world, call, response, &operation, Headers::Both, Some(10));
    response.accept_ms = accept_ms;
    response
}
