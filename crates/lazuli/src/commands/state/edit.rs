//! `state mv`, `state rm`: other addresses, and forgetting.

use std::fmt::Write as _;

use lazuli_core::Diagnostic;
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::Mode;
use lazuli_kubernetes::kinds;
use lazuli_state::edit::{self, EditError, Forgotten, Moved};
use serde_json::json;

use super::{document, open, unknown, version};
use crate::cli::{StateMv, StateRm};
use crate::commands::{Exit, Outcome};
use crate::failure::Failure;
use crate::render::layout::count;
use crate::terminal::Printer;

pub(super) fn mv(args: &StateMv, printer: &Printer) -> Outcome {
    let mut state = open("state mv", &args.lock, printer)?;
    let moved = edit::relocate(state.world(), &args.from, &args.to);
    let Moved { world, resources, deposed } = moved.map_err(|error| refused(error, state.world()))?;
    let committed = if args.dry_run { None } else { Some(state.replace(world)?) };
    if printer.json() {
        let moved: Vec<_> = resources.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
        let own = json!({"moved": moved, "deposed": deposed, "dry_run": args.dry_run});
        printer.document(&document(own, committed.as_ref()));
        return Ok(Exit::Done);
    }
    let verb = if args.dry_run { "Would move" } else { "Moved" };
    let mut text = match resources.as_slice() {
        [(from, to)] => format!("{verb} {from} to {to}"),
        all => format!("{verb} {} from {} to {}", count(all.len(), "resource"), args.from, args.to),
    };
    if deposed > 0 {
        let _ = write!(text, ", with {} that a replacement set aside", count(deposed, "object"));
    }
    text.push_str(".\n");
    if resources.len() > 1 {
        for (_, to) in &resources {
            let _ = writeln!(text, "  {to}");
        }
    }
    match &committed {
        Some(committed) => {
            text += &version(committed);
            text +=
                "The configuration has to say the same: what it does not declare, the next plan deletes.\n";
        }
        None => text += "Nothing was changed.\n",
    }
    printer.result(&text);
    Ok(Exit::Done)
}

pub(super) fn rm(args: &StateRm, printer: &Printer) -> Outcome {
    let mut state = open("state rm", &args.lock, printer)?;
    let forgotten = edit::forget(state.world(), &args.addresses);
    let Forgotten { world, resources, deposed } = forgotten.map_err(|error| refused(error, state.world()))?;
    let committed = if args.dry_run { None } else { Some(state.replace(world)?) };
    let imports = imports(&resources);
    if printer.json() {
        let list = |all: &[Recorded]| -> Vec<_> {
            let one =
                |r: &Recorded| json!({"address": r.address, "mode": r.mode, "type": &*r.ty.name, "id": r.id});
            all.iter().map(one).collect()
        };
        let own = json!({
            "forgotten": list(&resources), "deposed": list(&deposed), "imports": imports, "dry_run": args.dry_run,
        });
        printer.document(&document(own, committed.as_ref()));
        return Ok(Exit::Done);
    }
    let verb = if args.dry_run { "Would forget" } else { "Forgot" };
    let mut text =
        format!("{verb} {}, which stay in Azure as they are:\n", count(resources.len(), "resource"));
    if resources.len() == 1 {
        text = text.replacen("which stay in Azure as they are", "which stays in Azure as it is", 1);
    }
    if resources.is_empty() {
        text.clear();
    }
    for recorded in &resources {
        let _ = writeln!(text, "  {}{}\n    {}", recorded.address, remarks(recorded), recorded.id);
    }
    if !deposed.is_empty() {
        let _ = writeln!(
            text,
            "{verb} {} that a replacement had set aside; delete by hand:",
            count(deposed.len(), "object")
        );
        for recorded in &deposed {
            let _ = writeln!(text, "  az resource delete --ids {}", recorded.id);
        }
    }
    if resources.iter().any(|recorded| recorded.ty.name.starts_with("Lazuli.Tls/")) {
        text += "\nKeys of a cluster are among them. They are nowhere else than in the backups of this state: without them nodes of \
                 the cluster can neither be added nor replaced. `lazuli state push` of a backup brings them back.\n";
    }
    if !imports.is_empty() {
        let _ = write!(
            text,
            "\nWhile the configuration declares it, this in the configuration takes it back with the next apply:\n\n{imports}\n"
        );
    }
    text += &committed.as_ref().map_or_else(|| "Nothing was changed.\n".to_owned(), version);
    printer.result(&text);
    Ok(Exit::Done)
}

/// What is worth knowing before something is forgotten.
fn remarks(recorded: &Recorded) -> String {
    let mut remarks = String::new();
    if recorded.mode == Mode::Data {
        remarks += "   (only read: the next plan reads it again)";
    }
    if recorded.pending.is_some() {
        remarks += "   (it was begun and not finished: see in Azure what became of it)";
    }
    if recorded.prevent_destroy {
        remarks += "   (it was protected with prevent_destroy)";
    }
    remarks
}

/// The blocks that take resources back.
fn imports(resources: &[Recorded]) -> String {
    // What is inside of a cluster is no object of Azure's.
    let owned =
        resources.iter().filter(|recorded| recorded.mode == Mode::Managed && !kinds::is_own(&recorded.ty));
    let blocks = owned.map(|recorded| {
        let id = json!(recorded.id).to_string().replace("${", "$${").replace("%{", "%%{");
        format!("import {{\n  to = {}\n  id = {id}\n}}\n", recorded.address)
    });
    blocks.collect()
}

fn refused(error: EditError, world: &RecordedWorld) -> Failure {
    let help = match &error {
        EditError::Unknown(address) => return unknown(address, world),
        EditError::SamePlace(_) => "give another address".to_owned(),
        EditError::WithinItself { .. } => "give an address that is not below it".to_owned(),
        EditError::OtherKind { .. } => {
            "both addresses name the same kind of thing: two resources, two modules, two clusters".to_owned()
        }
        EditError::Occupied { found } => format!(
            "move that away first, or forget it: lazuli state rm '{found}'; `lazuli state list` shows what there is"
        ),
        EditError::PartOfNode { node, .. } => format!("move the node: '{node}'"),
        EditError::Several { instance, .. } => format!("move them one by one, such as '{instance}'"),
    };
    Failure::of(Diagnostic::error("LZ3020", format!("nothing was moved: {error}")).help(help))
}
