//! `show`: the state, or a saved plan.

use lazuli_core::Diagnostic;
use lazuli_state::Backend;

use super::{Exit, Outcome, state};
use crate::cli::Show;
use crate::failure::Failure;
use crate::host;
use crate::plan_file::SavedPlan;
use crate::planning;
use crate::render::plan as rendered;
use crate::render::{plan_json, state as rendered_state};
use crate::terminal::Printer;

pub(super) fn run(args: &Show, printer: &Printer) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let Some(path) = &args.file else {
        let world = state::read()?;
        match printer.json() {
            true => printer.document(&rendered_state::world_json(&world, version)),
            false => printer.result(&rendered_state::world(&world, printer.width())),
        }
        return Ok(Exit::Done);
    };
    let keys = planning::keys(&host::environment);
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::of(Diagnostic::error("LZ3001", format!("{} cannot be read: {error}", path.display())))
    })?;
    if !SavedPlan::is_one(&bytes) {
        let world = Backend::local(path).read(keys)?.world;
        match printer.json() {
            true => printer.document(&rendered_state::world_json(&world, version)),
            false => printer.result(&rendered_state::world(&world, printer.width())),
        }
        return Ok(Exit::Done);
    }
    let saved = SavedPlan::load(path, &keys)?;
    if printer.json() {
        let extras = plan_json::Extras { checks: saved.checks, ..plan_json::Extras::default() };
        printer.document(&plan_json::document(&saved.plan, &extras, version));
    } else {
        let context = rendered::Context { time_factor: 1.0, ..rendered::Context::default() };
        printer.result(&rendered::text(&saved.plan, &context, printer.width(), true));
    }
    Ok(Exit::Done)
}
