//! Run Command: scripts on machines that have no programs.
//!
//! Nothing can be run on a simulated machine. Its shell knows `echo`, and says of everything else what a shell says of a
//! program that is not installed.

use serde_json::Value;

use super::{Call, actions, check, read};
use crate::catalog;
use crate::error::ArmError;
use crate::ids::Target;
use crate::latency::Delay;
use crate::request::Response;
use crate::world::{Action, World};

/// Azure keeps so many bytes of what a script writes, the last ones.
const KEPT: usize = 4096;

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
    let lines = body["script"].as_array().map_or(&[][..], Vec::as_slice);
    let (stdout, stderr) = shell(lines.iter().filter_map(Value::as_str));
    let message = format!("Enable succeeded: \n[stdout]\n{}\n[stderr]\n{}", end(&stdout), end(&stderr));
    let work = Delay::ms(5000, 30_000);
    Ok(actions::start(world, call, (row, &machine), Action::RunCommand { message }, work))
}

/// What the lines of a script write to the standard output and to the standard error.
fn shell<'a>(lines: impl Iterator<Item = &'a str>) -> (String, String) {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for (number, line) in lines.flat_map(str::lines).enumerate() {
        let line = line.trim();
        let (program, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match program {
            "" | "set" => {}
            comment if comment.starts_with('#') => {}
            "exit" => break,
            "echo" => {
                stdout.push_str(unquoted(rest.trim()));
                stdout.push('\n');
            }
            program => stderr.push_str(&format!("script.sh: {}: {program}: not found\n", number + 1)),
        }
    }
    (stdout, stderr)
}

fn unquoted(text: &str) -> &str {
    let within = |quote| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

/// The last bytes of a text that Azure keeps.
fn end(text: &str) -> &str {
    let mut from = text.len().saturating_sub(KEPT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}
