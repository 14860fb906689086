//! The executor's events and report in the words of what is shown.

use lazuli_core::plan::{Change, Operation, Plan, Step, Summary};
use lazuli_core::provider::{Outcome, ProviderError};
use lazuli_core::resource::{ProviderName, ResourceId};
use lazuli_executor::{Ending, Event, EventKind, Failure, Left, Report, StepError};

use crate::progress::{Reporter, StepEvent, What};
use crate::render::duration;
use crate::render::report::{ApplyReport, Existence, GivenUp, Skipped, StepFailure, Unended};

/// Hands an event on.
pub fn tell(event: &Event, plan: &Plan, reporter: &dyn Reporter) {
    let waiting;
    let failed;
    let what = match &event.kind {
        EventKind::Waiting { on } => {
            let name = plan.steps.get(*on as usize).map_or("another step", |step| name(step));
            waiting = format!("{name} (Azure locks it while it changes)");
            What::Waiting(&waiting)
        }
        EventKind::Started => What::Started,
        EventKind::Progress { text } => What::Progress(text),
        EventKind::Completed { .. } => What::Completed,
        EventKind::Errored { failure, .. } => {
            failed = failure.error.to_string();
            What::Failed(&failed)
        }
    };
    reporter.step(StepEvent { step: event.step, what });
}

fn name(step: &Step) -> &str {
    step.id.as_ref().map_or(step.address.as_str(), |id| id.name())
}

/// True when a run was left with steps still running.
pub fn left_at_once(report: &Report) -> bool {
    report.endings.iter().any(|ending| matches!(ending, Ending::Abandoned))
}

/// The report of a run.
pub fn report(plan: &Plan, report: &Report) -> ApplyReport {
    let counts = report.counts();
    let mut failures = Vec::new();
    let mut given_up = Vec::new();
    let mut skipped = Vec::new();
    let mut unawaited = Vec::new();
    let mut abandoned = Vec::new();
    for (step, ending) in plan.steps.iter().zip(&report.endings) {
        match ending {
            Ending::Failed { failure, .. } => {
                failures.push(failed(step, plan.changes.get(step.change as usize), failure))
            }
            Ending::GivenUp { failure, .. } => given_up.push(GivenUp {
                address: step.address.clone(),
                id: left_in_azure(step, plan.changes.get(step.change as usize)),
                reason: failure.error.to_string(),
            }),
            Ending::Skipped { because } => {
                if let Some(cause) = plan.steps.get(*because as usize) {
                    skipped.push(Skipped {
                        address: step.address.clone(),
                        operation: step.operation,
                        because: cause.address.clone(),
                    });
                }
            }
            Ending::Interrupted { .. } => unawaited.push(Unended::of(step)),
            Ending::Abandoned => abandoned.push(Unended::of(step)),
            Ending::Done { .. } | Ending::NotStarted => {}
        }
    }
    if let (Some(failure), Some(step)) = (&report.error, plan.steps.first()) {
        failures.push(failed(step, plan.changes.get(step.change as usize), failure));
    }
    ApplyReport {
        mode: plan.mode,
        done: done(plan, report),
        succeeded: counts.done,
        total: plan.steps.len(),
        failures,
        given_up,
        skipped,
        interrupted: report.cancelled.then_some(counts.not_started),
        unawaited,
        abandoned,
        elapsed: report.elapsed,
    }
}

/// What may be left in Azure of a step that was given up: of a volume, its disk.
fn left_in_azure(step: &Step, change: Option<&Change>) -> Option<ResourceId> {
    if step.provider == ProviderName::Azure {
        return step.id.clone();
    }
    let volume = change.filter(|_| *step.ty.name == *lazuli_kubernetes::claims::VOLUMES)?;
    let body = lazuli_core::encoding::to_json(volume.before.as_ref()?).ok()?;
    body.pointer("/properties/disk")?.as_str().map(ResourceId::new)
}

/// What succeeded, counted by change: a replacement counts when both halves are done.
fn done(plan: &Plan, report: &Report) -> Summary {
    let mut open = vec![false; plan.changes.len()];
    for (step, ending) in plan.steps.iter().zip(&report.endings) {
        if let (false, Some(open)) =
            (matches!(ending, Ending::Done { .. }), open.get_mut(step.change as usize))
        {
            *open = true;
        }
    }
    Summary::of(plan.changes.iter().zip(open).filter(|(_, open)| !open).map(|(change, _)| change.action))
}

fn failed(step: &Step, change: Option<&Change>, failure: &Failure) -> StepFailure {
    let own = |code: &str, outcome: Outcome| ProviderError::own(code, failure.error.to_string(), outcome);
    let error = match &failure.error {
        StepError::Provider(error) => (**error).clone(),
        StepError::Timeout(limit) => {
            let message = format!("it was not finished after {}", duration::running(*limit));
            ProviderError::own("Timeout", message, Outcome::Unknown)
        }
        StepError::Exists { .. } => own("ObjectExists", Outcome::Nothing),
        StepError::Promise { .. } => own("PromiseBroken", Outcome::Nothing),
        StepError::Evaluation(_) => own("EvaluationFailed", Outcome::Nothing),
        StepError::Journal(_) => own("JournalFailed", Outcome::Nothing),
        StepError::Missing => own("Missing", Outcome::Nothing),
        StepError::Plan(_) => own("PlanUnusable", Outcome::Nothing),
    };
    let error = match failure.error.advice() {
        Some(advice) => error.advise(advice),
        None => error,
    };
    let exists = match (failure.left, step.operation) {
        _ if matches!(failure.error, StepError::Exists { .. }) => Existence::Unchanged,
        (Left::Untouched, Operation::Create | Operation::Read) | (Left::NotSeen, _) => Existence::Absent,
        (Left::Untouched, Operation::Update | Operation::Delete) => Existence::Unchanged,
        (Left::Exists | Left::StillThere, _) => Existence::Recorded,
        (Left::PerhapsChanged | Left::Unknown, _) => Existence::Unknown,
    };
    let title = change.map_or("resource", |c| &c.title);
    StepFailure {
        address: step.address.clone(),
        title: if title == name(step) { title.to_owned() } else { format!("{title} {}", name(step)) },
        provider: step.provider,
        operation: step.operation,
        error,
        exists,
        also: None,
        origin: change.and_then(|c| c.origin.clone()),
        at: None,
    }
}
