//! `state pull`, `state push`: the state as a file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use lazuli_core::Diagnostic;
use serde_json::json;

use super::{backend, document, version};
use crate::cli::StatePush;
use crate::commands::{Exit, Outcome};
use crate::failure::Failure;
use crate::terminal::Printer;
use crate::{host, planning};

pub(super) fn pull(printer: &Printer) -> Outcome {
    let backend = backend()?;
    let Some((bytes, unfinished)) = backend.pull()? else {
        let problem =
            Diagnostic::error("LZ3021", format!("there is no state {} yet", backend.path().display()));
        return Err(Failure::of(problem.help("`lazuli apply` makes it")));
    };
    printer.verbatim(&String::from_utf8_lossy(&bytes)); // a document that was checked is text
    if unfinished {
        printer.message(
            "A run did not finish, and what its journal holds is not in this document. `lazuli apply` puts it there.",
        );
    }
    Ok(Exit::Done)
}

pub(super) fn push(args: &StatePush, printer: &Printer) -> Outcome {
    let (bytes, name) = taken(&args.file).map_err(|error| {
        let message = format!("{} cannot be read: {error}", args.file.display());
        Failure::of(Diagnostic::error("LZ3021", message))
    })?;
    let backend = backend()?;
    let pushed = planning::locked(
        "state push",
        args.lock.lock_timeout,
        planning::keys(&host::environment),
        &|text| printer.message(text),
        |options, on_wait| backend.push(&bytes, &name, args.force, options, Some(on_wait)),
    )?;
    if printer.json() {
        let own = json!({"from": name, "journal_set_aside": pushed.set_aside});
        printer.document(&document(own, Some(&pushed.committed)));
        return Ok(Exit::Done);
    }
    if !pushed.committed.written {
        printer.result(&format!(
            "The state is the same already: version {}. Nothing was written.\n",
            pushed.committed.serial
        ));
        return Ok(Exit::Done);
    }
    let mut text = format!("Put {} in place of {}.\n", name.display(), backend.path().display());
    text += &version(&pushed.committed);
    if let Some(journal) = &pushed.set_aside {
        text += &format!("The journal of the run that did not finish is kept as {}.\n", journal.display());
    }
    printer.result(&text);
    Ok(Exit::Done)
}

fn taken(file: &Path) -> std::io::Result<(Vec<u8>, PathBuf)> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok((bytes, PathBuf::from("standard input")));
    }
    Ok((std::fs::read(file)?, file.to_owned()))
}
