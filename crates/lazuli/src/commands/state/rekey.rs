//! `state rekey`: another key for everything that is kept.

use std::fmt::Write as _;
use std::path::PathBuf;

use lazuli_core::Diagnostic;
use lazuli_state::KeySources;
use serde_json::json;

use super::{document, open};
use crate::cli::StateRekey;
use crate::commands::{Exit, Outcome};
use crate::failure::Failure;
use crate::render::layout::count;
use crate::terminal::Printer;
use crate::{host, passphrase};

pub(super) fn run(args: &StateRekey, printer: &Printer) -> Outcome {
    let (new, next) = new_key(args)?;
    let mut state = open("state rekey", &args.lock, printer)?;
    if state.world().serial == 0 {
        let problem = Diagnostic::error("LZ3021", "there is no state yet, so there is nothing to seal");
        return Err(Failure::of(problem.help("the key that is set when the first secret comes seals it")));
    }
    let done = state.rekey(new)?;
    if printer.json() {
        let own = json!({
            "key": done.key, "sealed": done.sealed, "backups": {
                "resealed": done.resealed, "without_secrets": done.clear, "removed": done.removed,
                "untouched": done.untouched,
            },
        });
        printer.document(&document(own, Some(&done.committed)));
        return Ok(Exit::Done);
    }
    let mut text = match done.sealed {
        true => format!("The state is sealed with a new key, the {}.\n", done.key),
        false => "The state holds no secret, so nothing in it is sealed. The key that is set when the first one comes seals it.\n".to_owned(),
    };
    let _ = write!(text, "It is version {} now", done.committed.serial);
    text += &match &done.committed.backup {
        Some(backup) => format!("; the version before is {}, with the new key as well.\n", backup.display()),
        None => ".\n".to_owned(),
    };
    for (backups, what) in [
        (&done.resealed, "sealed anew"),
        (&done.clear, "without secrets, as it was"),
        (&done.removed, "damaged, and removed: it could not be sealed anew"),
        (&done.untouched, "as it was: neither the old key nor the new one opens it"),
    ] {
        if !backups.is_empty() {
            let _ = writeln!(text, "  {} {what}: {}", count(backups.len(), "backup"), names(backups));
        }
    }
    text += "Plans that were saved before are refused from now on; plan again.\n";
    if done.sealed {
        text += &next;
    }
    printer.result(&text);
    Ok(Exit::Done)
}

fn names(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    names.join(", ")
}

/// The new passphrase, typed twice: nobody sees a slip.
fn asked() -> Result<(KeySources, String), Failure> {
    let refuse =
        |why: String| Failure::of(Diagnostic::error("LZ3022", format!("there is no new key: {why}")));
    let ask = |question: &str| passphrase::secret(question).map_err(|error| refuse(error.to_string()));
    let typed = ask("New passphrase (is not shown): ")?;
    if typed.is_empty() {
        return Err(refuse("the passphrase is empty".to_owned()));
    }
    if typed != ask("The same again: ")? {
        return Err(refuse("the two are not the same".to_owned()));
    }
    let next = "From now on set LAZULI_PASSPHRASE to the new passphrase, or type it when you are asked.\n";
    Ok((KeySources { passphrase: Some(typed), ..KeySources::default() }, next.to_owned()))
}

/// The new key, and what to set from now on.
fn new_key(args: &StateRekey) -> Result<(KeySources, String), Failure> {
    if let Some(file) = &args.key_file {
        let next = format!("From now on set LAZULI_KEY_FILE={}\n", file.display());
        return Ok((KeySources { key_file: Some(file.clone()), ..KeySources::default() }, next));
    }
    if args.user_key {
        let user_folder = host::data_folder(&host::environment);
        let next = "From now on nothing needs to be set on this computer; others need a copy of that key.\n";
        return Ok((KeySources { user_folder, ..KeySources::default() }, next.to_owned()));
    }
    match host::environment("LAZULI_NEW_PASSPHRASE") {
        Some(passphrase) if !passphrase.is_empty() => {
            let next = "From now on set LAZULI_PASSPHRASE to the new passphrase.\n".to_owned();
            Ok((KeySources { passphrase: Some(passphrase.into()), ..KeySources::default() }, next))
        }
        _ if passphrase::person().is_some() => asked(),
        _ => {
            let problem = Diagnostic::error("LZ3022", "there is no new key");
            Err(Failure::of(problem.help(
                "set LAZULI_NEW_PASSPHRASE, or give --key-file FILE, or --user-key; the present key is given as always",
            )))
        }
    }
}
