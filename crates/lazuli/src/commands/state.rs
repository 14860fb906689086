//! `state …`: what is recorded. These commands only look, so they take no lock.

use std::path::Path;

use lazuli_core::recorded::RecordedWorld;
use lazuli_core::{Address, Diagnostic};
use lazuli_state::LocalBackend;

use super::{Exit, Outcome};
use crate::cli::{State, Variables};
use crate::failure::Failure;
use crate::project::{Inputs, Project};
use crate::render::state as rendered;
use crate::terminal::Printer;
use crate::{host, planning};

pub(super) fn run(args: &State, printer: &Printer) -> Outcome {
    let world = read()?;
    match args {
        State::List { address } => match printer.json() {
            true => printer.document(&rendered::list_json(&world, address.as_ref())),
            false => printer.result(&rendered::list(&world, address.as_ref())),
        },
        State::Show { address } => {
            let recorded = world.resources.get(address).ok_or_else(|| unknown(address, &world))?;
            match printer.json() {
                true => printer.document(&rendered::show_json(recorded)),
                false => printer.result(&rendered::show(recorded, printer.width())),
            }
        }
    }
    Ok(Exit::Done)
}

fn unknown(address: &Address, world: &RecordedWorld) -> Failure {
    let problem = Diagnostic::error("LZ3005", format!("{address} is not in the state"));
    let close =
        lazuli_core::suggestion::closest(address.as_str(), world.resources.keys().map(Address::as_str));
    Failure::of(match close {
        Some(close) => problem.help(format!("did you mean {close}?")),
        None => problem.help("`lazuli state list` shows what is"),
    })
}

/// Reads the state of the project in the current directory. Looking at it takes no values of variables; and when the
/// configuration is broken or gone, a state in the usual place can be looked at all the same.
pub(super) fn read() -> Result<RecordedWorld, Failure> {
    let keys = planning::keys(&host::environment);
    let backend = match configured() {
        Ok(backend) => backend,
        Err(failure) => {
            let usual = Path::new(planning::STATE);
            if !usual.exists() {
                return Err(failure);
            }
            LocalBackend::new(usual)
        }
    };
    Ok(backend.read(keys)?.world)
}

fn configured() -> Result<LocalBackend, Failure> {
    let inputs = Inputs::read(Path::new("."), &Variables::default(), Default::default())?;
    let (project, _) = Project::glance(inputs, Some(Path::new(".")))?;
    planning::backend(&project)
}
