//! `fmt`: configuration files in the canonical format.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use lazuli_core::{Diagnostic, Diagnostics, Json, Sources};
use lazuli_state::file;
use serde_json::json;
use similar::TextDiff;

use super::{Exit, Outcome, tell};
use crate::cli::Fmt;
use crate::failure::Failure;
use crate::project::InputsError;
use crate::project::inputs::{read_text, utf8};
use crate::render::diagnostic;
use crate::terminal::Printer;

/// How standard input is called.
const STDIN: &str = "<stdin>";

/// A file that is not in the canonical format.
struct Change {
    name: String,
    before: String,
    after: String,
}

impl Change {
    fn diff(&self) -> String {
        let diff = TextDiff::from_lines(&self.before, &self.after);
        let (old, new) = (format!("old/{}", self.name), format!("new/{}", self.name));
        diff.unified_diff().context_radius(3).header(&old, &new).to_string()
    }
}

pub(super) fn run(args: &Fmt, printer: &Printer) -> Outcome {
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        return standard_input(args, printer);
    }
    let mut failure = Failure::default();
    let mut changes = Vec::new();
    let here = [PathBuf::from(".")];
    for path in if args.paths.is_empty() { &here } else { args.paths.as_slice() } {
        match files(path, args.recursive) {
            Ok(files) => changes.extend(files.iter().filter_map(|path| file(path, args, &mut failure))),
            Err(error) => failure.diagnostics.extend(Failure::from(error).diagnostics),
        }
    }
    if !printer.json() {
        for change in &changes {
            printer.result(&format!("{}\n", change.name));
            if args.diff {
                printer.result(&change.diff());
            }
        }
    }
    end(args, &changes, &failure, None, printer)
}

/// Formats one file; what changes. What is wrong with it is added to `failure`.
fn file(path: &Path, args: &Fmt, failure: &mut Failure) -> Option<Change> {
    let name = path.display().to_string();
    let formatted = read_text(path).map_err(|error| Failure::from(error).diagnostics).and_then(|before| {
        let after = lazuli_config::format(&mut failure.sources, &name, &before)?;
        Ok(Change { name, before, after })
    });
    let change = match formatted {
        Ok(change) => (change.before != change.after).then_some(change)?,
        Err(diagnostics) => {
            failure.diagnostics.extend(diagnostics);
            return None;
        }
    };
    if !args.check
        && let Err(reason) = write(path, &change.after)
    {
        let message = format!("{} cannot be written: {reason}", path.display());
        failure.diagnostics.push(Diagnostic::error("LZ3001", message));
        return None;
    }
    Some(change)
}

/// Replaces a file, through a link if it is one; or why it cannot be.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let real = path.canonicalize().map_err(|error| error.to_string())?;
    let metadata = std::fs::metadata(&real).map_err(|error| error.to_string())?;
    // Replacing needs no permission to write to it, but somebody did not want it changed.
    if metadata.permissions().readonly() {
        return Err("it is read-only".to_owned());
    }
    file::replace(&real, text.as_bytes()).map_err(|error| error.to_string())
}

/// The files that a path means: a file itself, of a folder its `*.hcl`.
fn files(path: &Path, recursive: bool) -> Result<Vec<PathBuf>, InputsError> {
    let failed = |source| InputsError::Directory { path: path.to_owned(), source };
    let is_folder = std::fs::metadata(path)
        .map_err(|source| InputsError::File { path: path.to_owned(), source })?
        .is_dir();
    if !is_folder {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry);
        }
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.path();
        // Links to folders are not followed: they may lead in a circle.
        match entry.file_type().map_err(failed)?.is_dir() {
            true if recursive => found.extend(files(&path, true)?),
            false if path.extension().is_some_and(|end| end == "hcl") && !path.is_dir() => {
                found.push(path.strip_prefix(".").unwrap_or(&path).to_owned());
            }
            _ => {}
        }
    }
    Ok(found)
}

fn standard_input(args: &Fmt, printer: &Printer) -> Outcome {
    if args.paths.len() > 1 {
        let problem = Diagnostic::error("LZ3001", "standard input and files cannot be formatted in one run");
        return Err(Failure::of(problem.help("leave out `-`, or the files")));
    }
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut bytes) {
        let problem = Diagnostic::error("LZ3001", format!("standard input cannot be read: {error}"));
        return Err(Failure::of(problem));
    }
    let before = utf8(Path::new(STDIN), bytes)?;
    let mut failure = Failure::default();
    let after = match lazuli_config::format(&mut failure.sources, STDIN, &before) {
        Ok(after) => after,
        Err(diagnostics) => {
            failure.diagnostics = diagnostics;
            return end(args, &[], &failure, None, printer);
        }
    };
    let change = Change { name: STDIN.to_owned(), before, after };
    if !printer.json() {
        if args.diff {
            printer.result(&change.diff());
        } else if !args.check {
            // Whoever reads this reads lines, and wants the last one whole.
            let line_end = if change.after.is_empty() || change.after.ends_with('\n') { "" } else { "\n" };
            printer.verbatim(&format!("{}{line_end}", change.after));
        }
    }
    let after = change.after.clone();
    let changes: Vec<Change> = Some(change).into_iter().filter(|c| c.before != c.after).collect();
    end(args, &changes, &failure, Some(&after), printer)
}

/// Says what went wrong, and of `--json` everything.
fn end(args: &Fmt, changes: &[Change], failure: &Failure, text: Option<&str>, printer: &Printer) -> Outcome {
    if printer.json() {
        printer.document(&document(args, changes, &failure.diagnostics, &failure.sources, text));
    } else {
        tell(printer, failure);
    }
    Ok(match () {
        () if !failure.diagnostics.is_empty() => Exit::Failed,
        () if args.check && !changes.is_empty() => Exit::Differences,
        () => Exit::Done,
    })
}

/// The document of `fmt --json`.
fn document(
    args: &Fmt,
    changes: &[Change],
    diagnostics: &Diagnostics,
    sources: &Sources,
    text: Option<&str>,
) -> Json {
    let file = |change: &Change| match args.diff {
        true => json!({"path": change.name, "diff": change.diff()}),
        false => json!({"path": change.name}),
    };
    let sorted = diagnostic::sorted(diagnostics, sources);
    let diagnostics = sorted.iter().map(|d| Json::Object(diagnostic::to_json(d, sources)));
    let mut document = json!({
        "format_version": "1.0",
        "changed": changes.iter().map(file).collect::<Vec<_>>(),
        "written": !args.check && text.is_none(),
        "diagnostics": diagnostics.collect::<Vec<_>>(),
    });
    if let (Some(text), Some(fields)) = (text, document.as_object_mut()) {
        fields.insert("text".to_owned(), json!(text));
    }
    document
}
