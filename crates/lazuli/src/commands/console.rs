//! `console`: expressions, one per line, and what they are worth.

use std::io::{self, BufRead, IsTerminal, Write as _};
use std::path::Path;

use lazuli_cluster::roster::Renewals;
use lazuli_config::parse_expression;
use lazuli_core::{Diagnostic, Diagnostics, Sources, Value};

use super::begin::everything_wrong;
use super::{Exit, Outcome, tell};
use crate::blueprint::ask::AsRecorded;
use crate::cli::{Console, variables_of_environment};
use crate::failure::Failure;
use crate::project::{Inputs, InputsError, Project};
use crate::render::{console, diagnostic};
use crate::terminal::Printer;
use crate::{host, planning};

/// The longest line, in bytes: the limit of a configuration file would let a pipe fill the memory.
const MAX_LINE: u64 = 16 << 20;

/// Names hang on the lineage; before one is chosen any will do to look at them.
const NO_LINEAGE: &str = "00000000-0000-0000-0000-000000000000";

pub(super) fn run(args: &Console, printer: &Printer) -> Outcome {
    let inputs =
        match Inputs::read(Path::new("."), &args.variables, variables_of_environment(std::env::vars_os())) {
            Err(InputsError::Empty { .. }) => Inputs::default(),
            read => read?,
        };
    let project = Project::load(inputs, Some(Path::new("."))).map_err(everything_wrong)?;
    tell(printer, &Failure::at(project.warnings.clone(), &project.sources));
    let accounts = planning::accounts(&project)?;
    let mut recorded = planning::backend(&project)?.read(planning::keys(&host::environment))?.world;
    if recorded.lineage.is_empty() {
        recorded.lineage = NO_LINEAGE.to_owned();
    }
    let blueprint =
        planning::blueprint(&project, &accounts, &recorded, &Renewals::new(), false, &host::environment)?;
    let mut known = AsRecorded::new(&blueprint, &recorded);
    let interactive = io::stdin().is_terminal() && !printer.json();
    let mut exit = Exit::Done;
    let mut lines = Lines { interactive, open: false };
    let mut pending = String::new();
    while let Some(line) = lines.next(printer)? {
        if pending.is_empty() && line.trim() == "exit" {
            break;
        }
        pending.push_str(&line);
        if pending.trim().is_empty() {
            pending.clear();
            continue;
        }
        let mut sources = project.sources.clone();
        let outcome = evaluate(&pending, &mut sources, &mut known);
        // On a terminal an expression may go on in the next line until its brackets close.
        lines.open = interactive && !line.trim().is_empty() && is_open(&outcome, &pending);
        if lines.open {
            pending.push('\n');
            continue;
        }
        pending.clear();
        match outcome {
            Ok(value) if printer.json() => printer.result(&format!("{}\n", console::json(&value))),
            Ok(value) => printer.result(&format!("{}\n", console::text(&value))),
            Err(found) => {
                exit = if interactive { Exit::Done } else { Exit::Failed };
                if printer.json() {
                    printer.result(&format!("{}\n", console::error_json(&found)));
                } else if interactive {
                    printer.message(&diagnostic::text(&found, &sources, printer.message_width()));
                } else {
                    printer.result(&format!("error: {}\n", console::error_text(&found)));
                }
            }
        }
    }
    Ok(exit)
}

fn evaluate(text: &str, sources: &mut Sources, known: &mut AsRecorded<'_>) -> Result<Value, Diagnostics> {
    let expr = parse_expression(sources, "<console>", text)?;
    known.evaluate(&expr)
}

/// True when a line is not wrong but not finished.
fn is_open(outcome: &Result<Value, Diagnostics>, text: &str) -> bool {
    let Err(found) = outcome else { return false };
    let ends = text.trim_end().len();
    found.iter().any(|d| d.code == "LZ0101" && d.message.contains("never closed")) && ends > 0
}

/// The lines of standard input, with a prompt where somebody types them.
struct Lines {
    interactive: bool,
    open: bool,
}

impl Lines {
    fn next(&mut self, printer: &Printer) -> Result<Option<String>, Failure> {
        if self.interactive {
            let _ = write!(io::stdout(), "{}", if self.open { "  " } else { "> " });
            let _ = io::stdout().flush();
        }
        let mut bytes = Vec::new();
        let read = io::Read::take(io::stdin().lock(), MAX_LINE).read_until(b'\n', &mut bytes);
        let failed = |text: String| Failure::of(Diagnostic::error("LZ3001", text));
        match read {
            Ok(0) => {
                if self.interactive {
                    printer.message("");
                }
                Ok(None)
            }
            Ok(read) if read as u64 == MAX_LINE => {
                Err(failed(format!("a line of the console is longer than {} MiB", MAX_LINE >> 20)))
            }
            Ok(_) => {
                let text = String::from_utf8_lossy(&bytes);
                Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
            }
            Err(error) => Err(failed(format!("standard input cannot be read: {error}"))),
        }
    }
}
