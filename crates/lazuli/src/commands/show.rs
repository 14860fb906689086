//! `show`: the state, or a saved plan.

use std::path::Path;

use lazuli_core::Diagnostic;
use lazuli_core::recorded::RecordedWorld;
use lazuli_state::Backend;

use super::{Exit, Outcome, report, state};
use crate::cli::Show;
use crate::failure::Failure;
use crate::host;
use crate::plan_file::SavedPlan;
use crate::planning;
use crate::render::plan as rendered;
use crate::render::{plan_json, state as rendered_state};
use crate::terminal::Printer;

pub(super) fn run(args: &Show, printer: &Printer) -> Outcome {
    args.html.as_deref().map_or(Ok(()), report::may_replace)?;
    let html = args.html.as_deref();
    let Some(path) = &args.file else { return world(&state::read()?, html, printer) };
    let keys = planning::keys(&host::environment);
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::of(Diagnostic::error("LZ3001", format!("{} cannot be read: {error}", path.display())))
    })?;
    if !SavedPlan::is_one(&bytes) {
        if !lazuli_state::document::is_one(&bytes) {
            let message = format!("{} is neither a state nor a saved plan", path.display());
            let problem = Diagnostic::error("LZ2120", message);
            return Err(Failure::of(problem.help(
                "`lazuli show` alone shows the state here; `lazuli plan --out FILE` saves a plan that can be shown",
            )));
        }
        return world(&Backend::local(path).read(keys)?.world, html, printer);
    }
    let saved = SavedPlan::load(path, &keys)?;
    let context = rendered::Context {
        simulated: saved.simulated,
        clusters: saved.clusters,
        time_factor: saved.time_factor,
        ..rendered::Context::default()
    };
    if let Some(html) = html {
        report::of_plan(html, &saved.plan, &context)?;
        return said(html, printer);
    }
    if printer.json() {
        let extras = plan_json::Extras { checks: saved.checks, ..plan_json::Extras::default() };
        printer.document(&plan_json::document(&saved.plan, &extras, env!("CARGO_PKG_VERSION")));
    } else {
        printer.result(&rendered::text(&saved.plan, &context, printer.width(), true));
    }
    Ok(Exit::Done)
}

/// Shows a state.
fn world(world: &RecordedWorld, html: Option<&Path>, printer: &Printer) -> Outcome {
    if let Some(html) = html {
        report::of_world(html, world)?;
        return said(html, printer);
    }
    match printer.json() {
        true => printer.document(&rendered_state::world_json(world, env!("CARGO_PKG_VERSION"))),
        false => printer.result(&rendered_state::world(world, printer.width())),
    }
    Ok(Exit::Done)
}

fn said(html: &Path, printer: &Printer) -> Outcome {
    printer.message(&format!("The report is {}.", html.display()));
    Ok(Exit::Done)
}
