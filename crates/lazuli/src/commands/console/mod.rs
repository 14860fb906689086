//! `console`: expressions, one per line, and what they are worth.

mod lines;

use std::io::{self, IsTerminal};
use std::path::Path;

use lazuli_cluster::roster::Renewals;
use lazuli_config::parse_expression;
use lazuli_config::syntax::ExprKind;
use lazuli_core::{Diagnostics, Sources, Value};

use self::lines::{Line, Lines};
use super::begin::everything_wrong;
use super::{Exit, Outcome, tell};
use crate::backend::StatePlace;
use crate::blueprint::ask::AsRecorded;
use crate::cli::{Console, variables_of_environment};
use crate::failure::Failure;
use crate::project::{Inputs, InputsError, Project};
use crate::render::{console, diagnostic};
use crate::terminal::Printer;
use crate::{host, planning};

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
    let mut recorded = StatePlace::of(&project)?
        .backend(&host::environment)?
        .read(planning::keys(&host::environment))?
        .world;
    if recorded.lineage.is_empty() {
        recorded.lineage = NO_LINEAGE.to_owned();
    }
    let blueprint =
        planning::blueprint(&project, &accounts, &recorded, &Renewals::new(), false, &host::environment)?;
    let mut known = AsRecorded::new(&blueprint, &recorded);
    let interactive = io::stdin().is_terminal() && !printer.json();
    let mut exit = Exit::Done;
    let mut lines = Lines::new(interactive);
    let mut pending = String::new();
    while let Some(line) = lines.next(printer)? {
        let mut sources = project.sources.clone();
        let outcome = match line {
            Line::Unfit(diagnostic) => Err(vec![diagnostic]),
            Line::Text(line) => {
                if pending.is_empty() && line.trim() == "exit" {
                    break;
                }
                pending.push_str(&line);
                if pending.trim().is_empty() {
                    pending.clear();
                    continue;
                }
                if interactive && pending.contains("<<") {
                    pending.push('\n'); // without it no heredoc begins
                }
                let outcome = evaluate(&pending, &mut sources, &mut known);
                // On a terminal an expression may go on in the next line until its brackets close.
                lines.open = interactive && !line.trim().is_empty() && is_open(&outcome);
                if lines.open {
                    pending.truncate(pending.trim_end_matches('\n').len());
                    pending.push('\n');
                    continue;
                }
                outcome
            }
        };
        pending.clear();
        match outcome {
            Ok(answer) => {
                let answer = if printer.json() { answer.json() } else { answer.text() };
                printer.result(&format!("{answer}\n"));
            }
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

/// What an expression is worth.
enum Answer {
    Value(Value),
    /// Of `type(…)`, which is a question to the console and no function.
    Type(Value),
}

impl Answer {
    fn text(&self) -> String {
        match self {
            Answer::Value(value) => console::text(value),
            Answer::Type(value) => value.type_of().to_string(),
        }
    }

    fn json(&self) -> String {
        match self {
            Answer::Value(value) => console::json(value),
            Answer::Type(value) => {
                serde_json::json!({ "value": console::type_json(&value.type_of()), "type": "type" })
                    .to_string()
            }
        }
    }
}

fn evaluate(text: &str, sources: &mut Sources, known: &mut AsRecorded<'_>) -> Result<Answer, Diagnostics> {
    let expr = parse_expression(sources, "<console>", text)?;
    if let ExprKind::Call(call) = &expr.kind
        && &*call.name.text == "type"
        && let ([argument], false) = (call.arguments.as_slice(), call.expand_last)
    {
        return known.evaluate(argument).map(Answer::Type);
    }
    known.evaluate(&expr).map(Answer::Value)
}

/// True when what was typed is not wrong but not finished.
fn is_open(outcome: &Result<Answer, Diagnostics>) -> bool {
    let unfinished = |message: &str| message.contains("never closed") || message == "a heredoc does not end";
    outcome.as_ref().is_err_and(|found| found.iter().any(|d| d.code == "LZ0101" && unfinished(&d.message)))
}
