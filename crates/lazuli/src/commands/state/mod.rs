//! `state …`: what is recorded. Looking takes no lock; what edits the state takes it, writes a new version and keeps the
//! one before.

mod edit;
mod rekey;
mod transfer;

use std::path::Path;

use lazuli_core::recorded::RecordedWorld;
use lazuli_core::{Address, Diagnostic, Json};
use lazuli_state::backend::Committed;
use lazuli_state::{Backend, OpenState};
use serde_json::json;

use super::{Exit, Outcome};
use crate::backend::StatePlace;
use crate::cli::{LockOptions, State, Variables};
use crate::failure::Failure;
use crate::interrupt::{self, Going};
use crate::project::{Inputs, Project};
use crate::render::state as rendered;
use crate::terminal::Printer;
use crate::{host, planning};

pub(super) fn run(args: &State, printer: &Printer) -> Outcome {
    match args {
        State::List { address } => {
            let world = read()?;
            let nothing = |asked: &&Address| !world.resources.keys().any(|known| known.is_within(asked));
            if let Some(asked) = address.as_ref().filter(nothing) {
                return Err(unknown(asked, &world));
            }
            match printer.json() {
                true => printer.document(&rendered::list_json(&world, address.as_ref())),
                false => printer.result(&rendered::list(&world, address.as_ref())),
            }
        }
        State::Show { address } => {
            let world = read()?;
            let recorded = world.resources.get(address).ok_or_else(|| unknown(address, &world))?;
            match printer.json() {
                true => printer.document(&rendered::show_json(recorded)),
                false => printer.result(&rendered::show(recorded, printer.width())),
            }
        }
        State::Mv(args) => return edit::mv(args, printer),
        State::Rm(args) => return edit::rm(args, printer),
        State::Pull => return transfer::pull(printer),
        State::Push(args) => return transfer::push(args, printer),
        State::Rekey(args) => return rekey::run(args, printer),
    }
    Ok(Exit::Done)
}

/// Locks the state of the project in the current directory and reads it.
fn open(command: &str, lock: &LockOptions, printer: &Printer) -> Result<OpenState, Failure> {
    let keys = planning::keys(&host::environment);
    let state =
        planning::open_state(&backend()?, command, lock.lock_timeout, keys, &|text| printer.message(text))?;
    interrupt::goes_on(Going::Holding); // what follows is short, and ends as a whole
    Ok(state)
}

/// Where a state is now, for people.
fn version(committed: &Committed) -> String {
    match &committed.backup {
        Some(backup) => format!(
            "The state is version {} now; the version before is {}.\n",
            committed.serial,
            backup.display()
        ),
        None => format!("The state is version {} now.\n", committed.serial),
    }
}

/// What a command that may write the state tells machines about it.
fn document(own: Json, committed: Option<&Committed>) -> Json {
    let mut document = own;
    document["written"] = json!(committed.is_some_and(|committed| committed.written));
    document["serial"] = json!(committed.map(|committed| committed.serial));
    document["backup"] = json!(committed.and_then(|committed| committed.backup.as_deref()));
    document
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

/// Reads the state of the project in the current directory.
pub(super) fn read() -> Result<RecordedWorld, Failure> {
    Ok(backend()?.read(planning::keys(&host::environment))?.world)
}

/// The state of the project in the current directory. Looking at it takes no values of variables; and when the
/// configuration is broken or gone, a state in the usual place can be looked at all the same.
pub(super) fn backend() -> Result<Backend, Failure> {
    configured().or_else(|failure| {
        let usual = Backend::local(planning::STATE);
        let is_there = usual.path().exists() || usual.has_backups().unwrap_or(false);
        if is_there { Ok(usual) } else { Err(failure) }
    })
}

fn configured() -> Result<Backend, Failure> {
    let inputs = Inputs::read(Path::new("."), &Variables::default(), Default::default())?;
    let (project, _) = Project::glance(inputs, Some(Path::new(".")))?;
    StatePlace::of(&project)?.backend(&host::environment)
}
