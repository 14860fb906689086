//! `force-unlock`: a lock is taken away from a run that hangs.

use lazuli_state::unlock::Unlocked;
use serde_json::json;

use super::{Exit, Outcome, state};
use crate::cli::ForceUnlock;
use crate::host;
use crate::terminal::Printer;

pub(super) fn run(args: &ForceUnlock, printer: &Printer) -> Outcome {
    let backend = state::backend()?;
    let unlocked = backend.unlock(&args.id, &host::runs, args.force)?;
    let (was_held, holder) = match &unlocked {
        Unlocked::WasFree(left) => (false, left),
        Unlocked::TakenFrom(holder) => (true, holder),
    };
    if printer.json() {
        printer.document(&json!({"was_held": was_held, "holder": holder}));
        return Ok(Exit::Done);
    }
    let path = backend.path().display();
    printer.result(&match (was_held, holder) {
        (false, None) => format!("The state {path} is not locked. There is nothing to do.\n"),
        (false, Some(left)) => format!(
            "The state {path} is not locked: {left}, left its name, and its lock ended with it. There is nothing to do.\n"
        ),
        (true, holder) => {
            let whom = holder.as_ref().map_or_else(|| "a run that left no name".to_owned(), ToString::to_string);
            format!(
                "Took the lock of {path} away from {whom}.\n\
                 If that run goes on, it can write neither journal nor state; what it has begun in Azure by then is read by the\n\
                 next run. `lazuli plan` shows what became of it.\n"
            )
        }
    });
    Ok(Exit::Done)
}
