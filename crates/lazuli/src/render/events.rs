//! The events of `--json`: one object per line, told apart by `type`.
//!
//! `version`, `diagnostic`, `planned_change`, `change_summary`, `preflight`, `step_start`, `step_progress`,
//! `step_complete`, `step_errored`, `unfinished`, `outputs`, `done`. The printer stamps each with `@timestamp`.

use std::time::Duration;

use lazuli_core::diagnostic::Diagnostic;
use lazuli_core::plan::{Change, Operation, Plan, PlanMode, Summary};
use lazuli_core::source::Sources;
use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::plan_json;
use super::report::ApplyReport;

/// What an event is about: the step of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The step's number in the plan.
    pub step: u32,
    /// The resource.
    pub address: &'a str,
    /// What is done to it.
    pub operation: Operation,
}

/// The event with the time it happened.
pub fn stamped(event: Json, at: OffsetDateTime) -> Json {
    let mut event = event;
    if let Some(fields) = event.as_object_mut() {
        let at = at.replace_nanosecond(at.millisecond() as u32 * 1_000_000).unwrap_or(at);
        fields.insert("@timestamp".to_owned(), json!(at.format(&Rfc3339).unwrap_or_default()));
    }
    event
}

/// The first event of a run: who is talking, in which version of this language.
pub fn version(lazuli: &str) -> Json {
    json!({"type": "version", "lazuli": lazuli, "format_version": "1.0"})
}

/// Something to say about the configuration or the run.
pub fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> Json {
    let mut event = Map::new();
    event.insert("type".into(), json!("diagnostic"));
    event.extend(super::diagnostic::to_json(diagnostic, sources));
    Json::Object(event)
}

/// What will happen to a resource; `None` when nothing will.
pub fn planned_change(change: &Change) -> Option<Json> {
    if change.action == lazuli_core::plan::Action::NoOp {
        return None;
    }
    let mut event = json!({
        "type": "planned_change",
        "address": change.address,
        "resource": {
            "address": change.address,
            "mode": change.mode,
            "type": &*change.ty.name,
            "title": &*change.title,
            "provider": change.provider,
            "id": change.id,
        },
        "action": change.action,
        "actions": plan_json::actions(change),
        "reason": change.reason,
        "paths": change.paths.iter().map(plan_json::path_change).collect::<Vec<_>>(),
    });
    if let (Some(fields), Some(previous)) = (event.as_object_mut(), &change.previous_address) {
        fields.insert("previous_address".into(), json!(previous));
    }
    if let (Some(fields), Some(at)) = (event.as_object_mut(), &change.changed_at) {
        fields.insert("changed_at".into(), json!(at));
    }
    Some(event)
}

/// How many changes there are (`plan`), or were (`apply`, `destroy`).
pub fn change_summary(summary: Summary, operation: &str) -> Json {
    json!({"type": "change_summary", "changes": summary, "operation": operation})
}

/// What an apply or destroy did not do, and how to go on. Why a step failed is in the diagnostics.
pub fn unfinished(report: &ApplyReport) -> Json {
    let skipped = report
        .skipped
        .iter()
        .map(|step| json!({"address": step.address, "operation": step.operation, "because": step.because}));
    let unawaited =
        report.unawaited.iter().map(|step| json!({"address": step.address, "operation": step.operation}));
    let running =
        report.abandoned.iter().map(|step| json!({"address": step.address, "operation": step.operation}));
    let given_up =
        report.given_up.iter().map(|one| json!({"address": one.address, "id": one.id, "reason": one.reason}));
    json!({
        "type": "unfinished",
        "steps": report.total,
        "done": report.succeeded,
        "failed": report.failures.len(),
        "given_up": given_up.collect::<Vec<_>>(),
        "skipped": skipped.collect::<Vec<_>>(),
        "not_started": report.interrupted.unwrap_or_default(),
        "interrupted": unawaited.collect::<Vec<_>>(),
        "still_running": running.collect::<Vec<_>>(),
        "next": report.next(),
    })
}

/// Of a run that was stopped before its first step.
pub fn stopped(next: &str) -> Json {
    json!({
        "type": "unfinished", "steps": 0, "done": 0, "failed": 0, "given_up": [], "skipped": [], "not_started": 0,
        "interrupted": [], "still_running": [], "next": next,
    })
}

/// `plan` while planning; of an apply, `apply` or `destroy`.
pub fn operation_of(mode: PlanMode) -> &'static str {
    match mode {
        PlanMode::Apply | PlanMode::RefreshOnly => "apply",
        PlanMode::Destroy => "destroy",
    }
}

/// What was checked against Azure before anything is done.
pub fn preflight(passed: usize, errors: usize, warnings: usize) -> Json {
    json!({"type": "preflight", "passed": passed, "errors": errors, "warnings": warnings})
}

fn step(ty: &str, subject: Subject<'_>) -> Map<String, Json> {
    let mut event = Map::new();
    event.insert("type".into(), json!(ty));
    event.insert("step".into(), json!(subject.step));
    event.insert("address".into(), json!(subject.address));
    event.insert("operation".into(), json!(subject.operation));
    event
}

/// A step has begun.
pub fn step_start(subject: Subject<'_>, expected_seconds: f64) -> Json {
    let mut event = step("step_start", subject);
    event.insert("expected_seconds".into(), json!(expected_seconds));
    Json::Object(event)
}

/// How a running step goes.
pub fn step_progress(subject: Subject<'_>, message: &str, elapsed: Duration) -> Json {
    let mut event = step("step_progress", subject);
    event.insert("message".into(), json!(message));
    event.insert("elapsed_seconds".into(), seconds(elapsed));
    Json::Object(event)
}

/// A step has succeeded.
pub fn step_complete(subject: Subject<'_>, elapsed: Duration) -> Json {
    let mut event = step("step_complete", subject);
    event.insert("elapsed_seconds".into(), seconds(elapsed));
    Json::Object(event)
}

/// A step has failed.
pub fn step_errored(subject: Subject<'_>, message: &str, elapsed: Duration) -> Json {
    let mut event = step("step_errored", subject);
    event.insert("message".into(), json!(message));
    event.insert("elapsed_seconds".into(), seconds(elapsed));
    Json::Object(event)
}

fn seconds(time: Duration) -> Json {
    json!((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// The summary of a plan, with what happens to outputs by name.
pub fn plan_summary(plan: &Plan) -> Json {
    let changed = plan.outputs.iter().filter(|output| output.changes());
    let outputs: Map<String, Json> = changed
        .map(|output| {
            let action = match (&output.before, &output.after) {
                (None, _) => "create",
                (Some(_), Some(_)) => "update",
                (Some(_), None) => "delete",
            };
            (output.name.to_string(), json!(action))
        })
        .collect();
    let mut summary = change_summary(plan.summary(), "plan");
    if let Some(fields) = summary.as_object_mut() {
        fields.insert("outputs".into(), Json::Object(outputs));
    }
    summary
}

/// The outputs after an apply; of a sensitive one everything but the value.
pub fn outputs<'a>(outputs: impl IntoIterator<Item = (&'a str, &'a Json, bool)>) -> Json {
    let outputs: Map<String, Json> = outputs
        .into_iter()
        .map(|(name, value, sensitive)| {
            let value = if sensitive { &Json::Null } else { value };
            (name.to_owned(), json!({"value": value, "sensitive": sensitive}))
        })
        .collect();
    json!({"type": "outputs", "outputs": outputs})
}

/// The last event of a run.
pub fn done(exit_code: u8, elapsed: Duration) -> Json {
    json!({"type": "done", "exit_code": exit_code, "elapsed_seconds": seconds(elapsed)})
}

/// Every event of a plan: changes, outputs that change, the summary.
pub fn of_plan(plan: &Plan) -> Vec<Json> {
    let mut events: Vec<Json> = plan.changes.iter().filter_map(planned_change).collect();
    events.push(change_summary(plan.summary(), "plan"));
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::specimens::{plan, rule_update};

    #[test]
    fn every_type_of_event() {
        let subject = Subject { step: 3, address: "resource.logs", operation: Operation::Create };
        let second = Duration::from_millis(1_234);
        let secret = json!("hunter2");
        let mut events = vec![version("0.1.0")];
        events.push(diagnostic(&Diagnostic::error("LZ0001", "odd").help("look"), &Sources::default()));
        events.extend(of_plan(&plan(rule_update())));
        events.push(preflight(14, 0, 1));
        events.push(step_start(subject, 5.0));
        events.push(step_progress(subject, "creating", second));
        events.push(step_complete(subject, second));
        events.push(step_errored(subject, "409 Conflict", second));
        events.push(outputs([("endpoint", &json!("https://x"), false), ("kubeconfig", &secret, true)]));
        events
            .push(change_summary(Summary { add: 1, ..Summary::default() }, operation_of(PlanMode::Destroy)));
        events.push(done(0, second));
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_456_789).unwrap();
        let lines: Vec<String> = events.into_iter().map(|e| stamped(e, at).to_string()).collect();
        assert!(!lines.concat().contains("hunter"));
        insta::assert_snapshot!(lines.join("\n"));
    }
}
