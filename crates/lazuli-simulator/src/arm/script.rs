//! Run Command: scripts on machines.
//!
//! A simulated machine has a small [shell](crate::shell), the usual programs, and on nodes of clusters kubeadm's files,
//! `curl` to its own API server and `crictl`. Of everything else it says what a shell says of a program that is not
//! installed.

use serde_json::Value;

use super::{Call, actions, check, read};
use crate::catalog;
use crate::error::ArmError;
use crate::ids::Target;
use crate::kubernetes;
use crate::latency::Delay;
use crate::request::Response;
use crate::world::{Action, Failure, World};

/// Azure keeps so many bytes of what a script writes, the last ones.
const KEPT: usize = 4096;

/// So long Azure waits for the agent of a machine.
pub(super) const AGENT_MS: u64 = 90 * 60 * 1000;

pub(super) fn run(world: &mut World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    let machine = read::parent(world, target)?.clone();
    let (row, key) = (catalog::find(&machine.kind), machine.key());
    let body = call.request.json()?;
    let command = body["commandId"].as_str().unwrap_or("");
    if !command.eq_ignore_ascii_case("RunShellScript") {
        return Err(ArmError::new(
            400,
            "InvalidParameter",
            format!("The value '{command}' of parameter commandId is not a command of a Linux machine; the simulated Azure knows RunShellScript."),
        )
        .at("commandId"));
    }
    check::management_locks(world, &machine.id, false)?;
    check::free(world, call, row, &key, machine.name())?;
    if machine.machine.as_ref().is_none_or(|machine| machine.power != "running") {
        return Err(ArmError::new(
            409,
            "OperationNotAllowed",
            "Cannot modify extensions in the VM when the VM is not running.",
        ));
    }
    let work = Delay::ms(5000, 30_000);
    if call.agent_hangs {
        let failure = Failure {
            code: "VMExtensionProvisioningTimeout".to_owned(),
            message: "Provisioning of VM extension RunCommandLinux has timed out. Extension installation may be taking too long, or extension status could not be obtained.".to_owned(),
            canceled: false,
        };
        let call = Call { failure: Some(failure), ..*call };
        let action = Action::RunCommand { message: String::new() };
        return Ok(actions::start(world, &call, (row, &machine), action, work));
    }
    let lines = body["script"].as_array().map_or(&[][..], Vec::as_slice);
    let script: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
    let ran = kubernetes::run_as_root(world, &key, &script.join("\n"), call.now);
    let message =
        format!("Enable succeeded: \n[stdout]\n{}\n[stderr]\n{}", end(&ran.stdout), end(&ran.stderr));
    Ok(actions::start(world, call, (row, &machine), Action::RunCommand { message }, work))
}

/// The last bytes that Azure keeps, as a text.
fn end(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut from = text.len().saturating_sub(KEPT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].to_owned()
}
