//! The executor's events and report in the words of what is shown.

use lazuli_core::address::Key;
use lazuli_core::plan::{Action, Change, Operation, Plan, Step, Summary};
use lazuli_core::provider::{Outcome, ProviderError};
use lazuli_core::resource::{ProviderName, ResourceId};
use lazuli_executor::{Ending, Event, EventKind, Failure, Left, Report, StepError};

use crate::progress::{Reporter, StepEvent, What};
use crate::render::duration;
use crate::render::report::{ApplyReport, Existence, GivenUp, Machine, Skipped, StepFailure, Unended};

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
                let also = interface(step, plan, report);
                let failure = failed(step, plan.changes.get(step.change as usize), failure);
                failures.push(StepFailure { also, ..failure });
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
        machine: machine(step),
        at: None,
    }
}

const MACHINE: &str = "Microsoft.Compute/virtualMachines";

/// What was asked for of a virtual machine.
fn machine(step: &Step) -> Option<Machine> {
    let body = step.planned.as_ref().filter(|_| &*step.ty.name == MACHINE)?;
    let text = |path: &str| {
        let value = path.split('.').try_fold(body, |here, name| here.get(name))?;
        value.as_str().filter(|_| !value.is_sensitive()).map(str::to_owned)
    };
    let region = text("location")?;
    let zone = body.get("zones").and_then(|zones| zones.as_sequence()?.first()?.as_str());
    let segments = step.address.segments();
    let pool = segments.iter().find_map(|segment| match (segment.name.as_str(), &segment.key) {
        ("control_plane", _) => Some("control_plane".to_owned()),
        ("worker_pool", Some(Key::Name(name))) => Some(format!("worker_pool \"{name}\"")),
        _ => None,
    });
    Some(Machine {
        size: text("properties.hardwareProfile.vmSize")?,
        place: zone.map_or(region.clone(), |zone| format!("zone {zone} of {region}")),
        pool: pool.unwrap_or_else(|| step.address.to_string()),
    })
}

/// Of a machine that failed, whether its network interface is there.
fn interface(step: &Step, plan: &Plan, report: &Report) -> Option<String> {
    if &*step.ty.name != MACHINE || step.operation != Operation::Create {
        return None;
    }
    let interface = step.address.parent()?.child("nic");
    let made = plan.steps.iter().zip(&report.endings).any(|(other, ending)| {
        other.address == interface
            && other.operation == Operation::Create
            && matches!(ending, Ending::Done { .. })
    });
    let stays = || {
        let is_there = |change: &&Change| change.address == interface;
        let action = plan.changes.iter().find(is_there).map(|change| change.action);
        matches!(action, Some(Action::NoOp | Action::Update))
    };
    (made || stays()).then(|| "the network interface exists and is recorded".to_owned())
}
