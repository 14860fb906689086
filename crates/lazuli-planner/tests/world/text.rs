//! A plan as compact text.

use std::fmt::Write;

use lazuli_core::plan::{Cause, DriftKind, Operation, Plan, Reason};
use lazuli_core::{Diagnostic, Value};

pub fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    for change in plan.changes.iter() {
        let reason = change.reason.as_ref().map(|reason| format!("  ({})", why(reason))).unwrap_or_default();
        let from = change.previous_address.as_ref().map(|a| format!("  from {a}")).unwrap_or_default();
        let _ = writeln!(text, "{:<3} {}{from}{reason}", change.action.symbol(), change.address);
        for path in &change.paths {
            let cause = if path.cause == Cause::Drift { "  drift" } else { "" };
            let forces = if path.forces_replacement { "  forces replacement" } else { "" };
            let (before, after) = (value(path.before.as_ref()), value(path.after.as_ref()));
            let recorded = path.recorded.as_ref().map(|r| format!("  recorded {r:?}")).unwrap_or_default();
            let _ = writeln!(text, "      {}: {before} -> {after}{forces}{cause}{recorded}", path.path);
        }
    }
    for drift in &plan.drift {
        let what = match &drift.what {
            DriftKind::Deleted => "deleted".to_owned(),
            DriftKind::Added { path } => format!("{path}: added by others"),
            DriftKind::Changed { path, recorded, observed } => {
                format!("{path}: {} became {}", value(recorded.as_ref()), value(observed.as_ref()))
            }
        };
        let _ = writeln!(text, "drift {} {what}", drift.address);
    }
    for step in &plan.steps {
        let verb = match step.operation {
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Delete => "delete",
            Operation::Read => "read",
        };
        let name = step.id.as_ref().map_or("?", |id| id.name());
        let deposed = if step.deposed { " deposed" } else { "" };
        let removed: Vec<String> = step.removed.iter().map(ToString::to_string).collect();
        let removed =
            if removed.is_empty() { String::new() } else { format!(" without {}", removed.join(", ")) };
        let _ = writeln!(text, "{}. {verb} {} {name}{deposed}{removed}", step.number, step.address);
        for edge in plan.edges.iter().filter(|e| e.after == step.number) {
            let _ = writeln!(text, "    after {}: {}", edge.before, edge.because);
        }
    }
    for output in plan.outputs.iter().filter(|o| o.changes()) {
        let before = output.before.as_ref().map_or("-".into(), ToString::to_string);
        let _ = writeln!(text, "output {}: {before} -> {}", output.name, value(output.after.as_ref()));
    }
    let _ = writeln!(text, "{}", if plan.is_empty() { "empty" } else { "not empty" });
    text
}

fn why(reason: &Reason) -> String {
    match reason {
        Reason::Succession(why) => why.clone(),
        Reason::Follows(address) => format!("follows {address}"),
        other => format!("{other:?}"),
    }
}

fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:?}"))
}

pub fn diagnostics(found: &[Diagnostic]) -> String {
    let mut text = String::new();
    for d in found {
        let _ = writeln!(text, "{} {}", d.code, d.message);
        for label in d.primary.iter().chain(&d.secondary) {
            let _ = writeln!(text, "  at {}..{}: {}", label.span.start, label.span.end, label.text);
        }
        for note in &d.notes {
            let _ = writeln!(text, "  note: {}", note.replace('\n', "\n        "));
        }
        if let Some(help) = &d.help {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    text
}
