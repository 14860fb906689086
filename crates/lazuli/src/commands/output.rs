//! `output`: outputs as they were last applied.

use lazuli_core::Diagnostic;

use super::{Exit, Outcome, state};
use crate::cli::Output;
use crate::failure::Failure;
use crate::render::state as rendered;
use crate::terminal::Printer;

pub(super) fn run(args: &Output, printer: &Printer) -> Outcome {
    let world = state::read()?;
    let Some(name) = &args.name else {
        match printer.json() {
            true => printer.document(&rendered::outputs_json(&world.outputs)),
            false if world.outputs.is_empty() => {
                printer.message("There are no outputs: none are declared, or nothing has been applied yet.")
            }
            false => printer.result(&rendered::outputs(&world.outputs, printer.width())),
        }
        return Ok(Exit::Done);
    };
    let output = world.outputs.get(name.as_str()).ok_or_else(|| {
        let problem = Diagnostic::error("LZ3006", format!("there is no output `{name}`"));
        let close = lazuli_core::suggestion::closest(name, world.outputs.keys().map(|n| &**n));
        Failure::of(match close {
            Some(close) => problem.help(format!("did you mean `{close}`?")),
            None => problem.help("outputs are recorded by `lazuli apply`; `lazuli output` lists them"),
        })
    })?;
    if printer.json() {
        printer.document(&output.value);
    } else if args.raw {
        let raw = rendered::output_raw(output).ok_or_else(|| {
            Failure::of(
                Diagnostic::error("LZ3006", format!("output `{name}` is no plain text"))
                    .help("use --json for structures"),
            )
        })?;
        printer.result(&raw);
    } else {
        printer.result(&rendered::output(output, printer.width()));
    }
    Ok(Exit::Done)
}
