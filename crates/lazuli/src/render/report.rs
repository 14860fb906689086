//! How an apply ended: what was done, what failed and why, what was not started, what to do next.

use std::time::Duration;

use lazuli_core::address::Address;
use lazuli_core::diagnostic::Diagnostic;
use lazuli_core::plan::{Operation, PlanMode, Summary};
use lazuli_core::provider::{Outcome, ProviderError};
use lazuli_core::source::{Location, Sources};

use super::layout::{count, wrap};
use super::style::{self, paint};
use super::{diagnostic, duration};

/// The end of an apply.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplyReport {
    /// Towards the configuration, or towards nothing.
    pub mode: PlanMode,
    /// What was done, as far as it succeeded.
    pub done: Summary,
    /// Steps that succeeded.
    pub succeeded: usize,
    /// Steps of the plan.
    pub total: usize,
    /// Steps that failed, in the order they did.
    pub failures: Vec<StepFailure>,
    /// Steps that were not started because they depend on a failed one.
    pub skipped: Vec<Skipped>,
    /// Steps that were not started because somebody pressed Ctrl-C.
    pub interrupted: Option<usize>,
    /// How long it took.
    pub elapsed: Duration,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFailure {
    /// The resource.
    pub address: Address,
    /// What people call it: `virtual machine prod-general-2-77d0`.
    pub title: String,
    /// What was being done.
    pub operation: Operation,
    /// What the provider answered.
    pub error: ProviderError,
    /// What is there now.
    pub exists: Existence,
    /// More about what is there, such as `the network interface exists and is recorded`.
    pub also: Option<String>,
    /// Where the resource is written.
    pub origin: Option<Location>,
    /// When it failed, where the answer does not say so itself.
    pub at: Option<String>,
}

/// Whether the object of a failed step is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// It is, and the state knows it.
    Recorded,
    /// It is not.
    Absent,
    /// It is as it was before.
    Unchanged,
    /// It could not be found out; the next run reads it before doing anything.
    Unknown,
}

/// A step that was not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The resource.
    pub address: Address,
    /// What was to be done.
    pub operation: Operation,
    /// The failed step it depends on, directly or not.
    pub because: Address,
}

impl ApplyReport {
    /// True when every step was done.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.skipped.is_empty() && self.interrupted.is_none()
    }
}

/// The report for people, with styles.
pub fn text(report: &ApplyReport, width: usize) -> String {
    if report.is_complete() {
        return format!("{}\n", success(report));
    }
    let mut out = String::new();
    for line in wrap(&headline(report), width) {
        out.push_str(&format!("{}\n", paint(style::STRONG, &line)));
    }
    for failure in &report.failures {
        out.push('\n');
        out.push_str(&diagnostic::one(&failure_diagnostic(failure), &Sources::default(), width));
    }
    if !report.skipped.is_empty() {
        out.push('\n');
        out.push_str(&skipped(&report.skipped));
    }
    if report.interrupted.is_some() && report.failures.is_empty() {
        let next =
            "What was done is recorded. `lazuli apply` goes on from here; `lazuli plan` shows what is left.";
        out.push_str(&format!("\n{}\n", wrap(next, width).join("\n")));
    }
    out
}

fn success(report: &ApplyReport) -> String {
    let Summary { add, change, remove, import, moved } = report.done;
    let verb = match report.mode {
        PlanMode::Destroy => "Destroyed.",
        PlanMode::RefreshOnly => "Recorded.",
        PlanMode::Apply => "Applied.",
    };
    let mut parts = vec![format!("{add} added"), format!("{change} changed"), format!("{remove} destroyed")];
    if import > 0 {
        parts.push(format!("{import} adopted"));
    }
    if moved > 0 {
        parts.push(format!("{moved} moved"));
    }
    let took = duration::measured(report.elapsed);
    if report.mode == PlanMode::RefreshOnly {
        return format!("{} Nothing changed in the world.   {took}", paint(style::ADD.bold(), verb));
    }
    format!("{} {}.   {took}", paint(style::ADD.bold(), verb), parts.join(", "))
}

fn headline(report: &ApplyReport) -> String {
    let verb = if report.mode == PlanMode::Destroy { "Destroyed" } else { "Applied" };
    let mut parts = vec![format!(
        "{verb} {} of {} in {}.",
        report.succeeded,
        count(report.total, "step"),
        duration::measured(report.elapsed)
    )];
    let waits = report.skipped.len();
    let were = |n: usize| if n == 1 { "was" } else { "were" };
    match (report.failures.len(), waits) {
        (0, 0) => {}
        (f, 0) => parts.push(format!("{f} failed.")),
        (f, w) => parts.push(format!(
            "{f} failed, {w} {} not started because {} on {}.",
            were(w),
            if w == 1 { "it depends" } else { "they depend" },
            if f == 1 { "it" } else { "them" },
        )),
    }
    if let Some(left) = report.interrupted {
        parts.push(format!("Interrupted: {left} {} not started.", were(left)));
    }
    parts.push("Nothing else is running.".to_owned());
    parts.join(" ")
}

/// What was not started, one line per failed step.
fn skipped(skipped: &[Skipped]) -> String {
    let mut by: Vec<(&Address, Vec<&Skipped>)> = Vec::new();
    for step in skipped {
        match by.iter_mut().find(|(because, _)| **because == step.because) {
            Some((_, list)) => list.push(step),
            None => by.push((&step.because, vec![step])),
        }
    }
    let mut out = String::new();
    for (because, steps) in by {
        out.push_str(&format!("Not started, waiting for {because}:\n"));
        let shown = if steps.len() > 8 { 6 } else { steps.len() };
        for step in &steps[..shown] {
            out.push_str(&format!("  {} {}\n", verb(step.operation), step.address));
        }
        if shown < steps.len() {
            out.push_str(&format!("  … and {} more\n", steps.len() - shown));
        }
    }
    out
}

/// A failed step as a diagnostic: step, answer, state, next.
pub fn failure_diagnostic(failure: &StepFailure) -> Diagnostic {
    let known = Known::of(&failure.error);
    let doing = verb(failure.operation);
    let outcome = match failure.error.outcome {
        Outcome::Nothing => format!("{} was not {}", failure.title, past(failure.operation)),
        Outcome::Unknown if failure.exists == Existence::Recorded => match failure.operation {
            Operation::Create => format!("{} was begun and not finished", failure.title),
            _ => format!("{} was not {}", failure.title, past(failure.operation)),
        },
        Outcome::Unknown => {
            format!("it is not known whether {} was {}", failure.title, past(failure.operation))
        }
    };
    let message = match known.what {
        Some(what) => format!("{what}: {outcome}"),
        None => outcome,
    };
    let error = &failure.error;
    let status = error.status.map(|s| format!("{s} ")).unwrap_or_default();
    let mut answer = format!("{status}{}: {}", error.code, error.message);
    let answered = error.answered.as_deref();
    let request = answered.and_then(|answered| answered.request_id.as_ref());
    let ids = [("correlation id", error.correlation_id.as_ref()), ("request id", request)];
    let ids = ids.into_iter().filter_map(|(label, id)| Some(format!("{label} {}", id?)));
    let time = answered.and_then(|answered| answered.time.clone()).or_else(|| failure.at.clone());
    let trace: Vec<String> = ids.chain(time).collect();
    if !trace.is_empty() {
        answer.push('\n');
        answer.push_str(&trace.join("  "));
    }
    let who = if error.status.is_some() { "Azure" } else { "error" };
    let mut next = error.advice.as_deref().unwrap_or(known.next).to_owned();
    if let Some(origin) = &failure.origin {
        next.push_str(&format!("  ({origin})"));
    }
    let title = &failure.title;
    let exists = match failure.exists {
        Existence::Recorded => format!("{title} exists and is recorded"),
        Existence::Absent => format!("{title} does not exist"),
        Existence::Unchanged => format!("{title} is as it was before"),
        Existence::Unknown => format!("{title} may exist; the next run reads it before it does anything"),
    };
    let state = match &failure.also {
        Some(also) => format!("{also}; {exists}"),
        None => exists,
    };
    Diagnostic::error(known.code, message)
        .about(failure.address.clone())
        .fact("step", format!("{doing} {}", failure.address))
        .fact(who, answer)
        .fact("state", state)
        .fact("next", next)
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Read => "read",
    }
}

fn past(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "created",
        Operation::Update => "updated",
        Operation::Delete => "deleted",
        Operation::Read => "read",
    }
}

/// What is known about an error of Azure's, by its code.
struct Known {
    code: &'static str,
    what: Option<&'static str>,
    next: &'static str,
}

impl Known {
    fn of(error: &ProviderError) -> Known {
        let known = |code, what, next| Known { code, what: Some(what), next };
        match error.code.as_str() {
            "ZonalAllocationFailed"
            | "AllocationFailed"
            | "OverconstrainedAllocationRequest"
            | "OverconstrainedZonalAllocationRequest" => known(
                "LZ2107",
                "Azure has no capacity",
                "run `lazuli apply` again later, or change instance_type or zones",
            ),
            "SkuNotAvailable" => known(
                "LZ2108",
                "Azure does not offer this size here",
                "change instance_type, zones or region; a subscription can also be restricted: ask Azure support",
            ),
            "QuotaExceeded" | "OperationNotAllowed" if error.message.to_lowercase().contains("quota") => {
                known(
                    "LZ2105",
                    "a quota of the subscription is used up",
                    "ask Azure for more, or plan for less; then run `lazuli apply` again",
                )
            }
            "AuthorizationFailed" | "LinkedAuthorizationFailed" => known(
                "LZ2103",
                "the account lacks a permission",
                "grant it what the message names, wait a minute, and run `lazuli apply` again",
            ),
            "ScopeLocked" => known(
                "LZ2104",
                "a lock forbids it",
                "have the lock removed, or leave the resource out; then run `lazuli apply` again",
            ),
            "RequestDisallowedByPolicy" => known(
                "LZ2106",
                "a policy forbids it",
                "change the configuration to what the policy allows, or have an exemption made",
            ),
            "TooManyRequests" | "SubscriptionRequestsThrottled" => known(
                "LZ2109",
                "Azure is throttling",
                "run `lazuli apply` again in a few minutes, with a smaller --parallelism",
            ),
            "ObjectExists" => known(
                "LZ1002",
                "the object exists already",
                "give this resource another name, or delete the object when nobody needs it; then run `lazuli plan` again",
            ),
            "PromiseBroken" => known(
                "LZ2002",
                "what is evaluated now is not what the plan showed",
                "run `lazuli plan` again and look at it: something changed while this was applied",
            ),
            "JournalFailed" => known(
                "LZ2110",
                "the journal cannot be written",
                "free disk space or mend the file's permissions, then run `lazuli apply` again",
            ),
            "Missing" => known(
                "LZ2111",
                "what should be read does not exist",
                "check its name and resource group, and that the account may read it",
            ),
            "EvaluationFailed" => known(
                "LZ2112",
                "the configuration cannot be evaluated with what is known now",
                "mend the expression, then run `lazuli apply` again",
            ),
            "PlanUnusable" => known(
                "LZ2113",
                "the plan cannot be carried out",
                "plan again; when it happens again this is a mistake in Lazuli: please report it",
            ),
            "Timeout" => known(
                "LZ2101",
                "it took too long",
                "run `lazuli apply` again: it waits for what Azure is still doing; or raise the timeouts block",
            ),
            _ if error.outcome == Outcome::Unknown => Known {
                code: "LZ2102",
                what: None,
                next: "run `lazuli apply` again: it reads what is there before it does anything",
            },
            _ => Known {
                code: "LZ2100",
                what: None,
                next: "correct what the message names, then run `lazuli apply` again: it goes on where it stopped",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use lazuli_core::provider::Answered;

    use super::*;
    use crate::render::specimens::address;

    fn report() -> ApplyReport {
        ApplyReport {
            mode: PlanMode::Apply,
            done: Summary { add: 57, ..Summary::default() },
            succeeded: 57,
            total: 57,
            failures: Vec::new(),
            skipped: Vec::new(),
            interrupted: None,
            elapsed: Duration::from_secs(362),
        }
    }

    fn shown(report: &ApplyReport) -> String {
        strip_str(&text(report, 100)).to_string()
    }

    fn failed() -> ApplyReport {
        let vm = address("cluster.prod.worker_pool[\"general\"].node[\"2\"].vm");
        let failure = StepFailure {
            address: vm.clone(),
            title: "virtual machine prod-general-2-77d0".to_owned(),
            operation: Operation::Create,
            error: ProviderError {
                status: Some(409),
                code: "ZonalAllocationFailed".to_owned(),
                message: "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone.".to_owned(),
                correlation_id: Some("5f0c0000-1111".to_owned()),
                answered: Some(Box::new(Answered {
                    request_id: None,
                    time: Some("2026-11-22T14:05:10Z".to_owned()),
                })),
                ..ProviderError::own("", "", Outcome::Nothing)
            },
            exists: Existence::Absent,
            also: Some("the network interface exists and is recorded".to_owned()),
            origin: Some(Location { file: "main.hcl".into(), line: 52, column: 3 }),
            at: None,
        };
        let skipped = |i: usize| Skipped {
            address: address(&format!("resource.later[{i}]")),
            operation: Operation::Create,
            because: vm.clone(),
        };
        ApplyReport {
            succeeded: 44,
            failures: vec![failure],
            skipped: (0..12).map(skipped).collect(),
            ..report()
        }
    }

    #[test]
    fn a_success_is_one_line() {
        insta::assert_snapshot!(shown(&report()), @"Applied. 57 added, 0 changed, 0 destroyed.   6m02s");
    }

    #[test]
    fn a_failure_says_what_is_there_and_what_to_do() {
        insta::assert_snapshot!(shown(&failed()));
    }

    #[test]
    fn an_interruption_says_how_to_go_on() {
        insta::assert_snapshot!(shown(&ApplyReport { succeeded: 14, interrupted: Some(43), ..report() }));
    }

    #[test]
    fn a_lost_answer_is_not_guessed() {
        let mut report = failed();
        report.failures[0].error =
            ProviderError::own("ConnectionLost", "the connection was closed", Outcome::Unknown);
        report.failures[0].exists = Existence::Unknown;
        report.failures[0].also = None;
        report.skipped.clear();
        insta::assert_snapshot!(shown(&report));
    }
}
