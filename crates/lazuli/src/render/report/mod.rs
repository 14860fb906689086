//! How an apply ended: what was done, what failed and why, what was not started, what to do next.

use std::time::Duration;

use lazuli_core::address::Address;
use lazuli_core::plan::{Operation, PlanMode, Step, Summary};
use lazuli_core::provider::ProviderError;
use lazuli_core::resource::{ProviderName, ResourceId};
use lazuli_core::source::{Location, Sources};

use super::layout::{count, wrap};
use super::style::{self, paint};
use super::{diagnostic, duration};

mod failure;

pub use failure::failure_diagnostic;

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
    /// What a forced destroy gave up.
    pub given_up: Vec<GivenUp>,
    /// Steps that were not started because they depend on a failed one.
    pub skipped: Vec<Skipped>,
    /// Steps that were not started because somebody pressed Ctrl-C.
    pub interrupted: Option<usize>,
    /// Steps that were no longer waited for because somebody pressed Ctrl-C.
    pub unawaited: Vec<Unended>,
    /// Steps that were still running when the run was left at once.
    pub abandoned: Vec<Unended>,
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
    /// Who was asked for it.
    pub provider: ProviderName,
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
    /// Of a virtual machine, what was asked for.
    pub machine: Option<Machine>,
    /// When it failed, where the answer does not say so itself.
    pub at: Option<String>,
}

/// What was asked for of a virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `Standard_D8s_v5`
    pub size: String,
    /// `zone 2 of eastus2`, or the region alone.
    pub place: String,
    /// `worker_pool "general"`, or the resource's address.
    pub pool: String,
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

impl Existence {
    /// In a word or two, for a list.
    fn short(self) -> &'static str {
        match self {
            Existence::Recorded => "exists and is recorded",
            Existence::Absent => "does not exist",
            Existence::Unchanged => "as it was before",
            Existence::Unknown => "may exist",
        }
    }
}

/// An object that a forced destroy could not delete and forgot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// The resource.
    pub address: Address,
    /// The Azure object to be looked for; `None` of what is not in Azure.
    pub id: Option<ResourceId>,
    /// What the last attempt was answered.
    pub reason: String,
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

/// A step that was begun and not waited for to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unended {
    /// The resource.
    pub address: Address,
    /// What was being done.
    pub operation: Operation,
}

impl Unended {
    /// This step.
    pub fn of(step: &Step) -> Self {
        Unended { address: step.address.clone(), operation: step.operation }
    }
}

impl ApplyReport {
    /// True when every step was done.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty()
            && self.given_up.is_empty()
            && self.skipped.is_empty()
            && self.interrupted.is_none()
            && self.unawaited.is_empty()
            && self.abandoned.is_empty()
    }

    /// How a run that was stopped goes on.
    pub fn next(&self) -> Option<String> {
        let next = match (self.interrupted, self.abandoned.is_empty()) {
            (_, false) => {
                "What was running is recorded as begun: `lazuli apply` finds out what came of it and goes on from here."
            }
            (Some(_), true) => {
                "What was done is recorded. `lazuli apply` goes on from here; `lazuli plan` shows what is left."
            }
            (None, true) => return None,
        };
        Some(in_mode(next, self.mode))
    }
}

/// Advice for the command that was run: after a destroy, an apply would make everything again.
fn in_mode(text: &str, mode: PlanMode) -> String {
    if mode != PlanMode::Destroy {
        return text.to_owned();
    }
    text.replace("`lazuli apply`", "`lazuli destroy`")
        .replace("`lazuli plan`", "`lazuli plan --destroy`")
        .replace("apply again", "destroy again")
        .replace("Apply again", "Destroy again")
        .replace("applying again", "destroying again")
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
    for same in by_cause(&report.failures) {
        let (first, others) = (same[0], &same[1..]);
        out.push('\n');
        out.push_str(&diagnostic::one(&failure_diagnostic(first, report.mode), &Sources::default(), width));
        if !others.is_empty() {
            let heading = format!("The same error for {}:", count(others.len(), "more step"));
            let lines = others.iter().map(|other| (other.operation, &other.address, other.exists.short()));
            out.push_str(&listed(&heading, lines));
        }
    }
    if !report.given_up.is_empty() {
        out.push('\n');
        out.push_str(&leftovers(&report.given_up));
    }
    if !report.skipped.is_empty() {
        out.push('\n');
        out.push_str(&skipped(&report.skipped));
    }
    if !report.unawaited.is_empty() {
        out.push('\n');
        let lines = report.unawaited.iter().map(|step| (step.operation, &step.address, ""));
        out.push_str(&listed("No longer waited for:", lines));
    }
    if !report.abandoned.is_empty() {
        out.push('\n');
        let lines = report.abandoned.iter().map(|step| (step.operation, &step.address, ""));
        out.push_str(&listed("Was still running:", lines));
    }
    if let Some(next) = report.next() {
        out.push_str(&format!("\n{}\n", wrap(&next, width).join("\n")));
    }
    out
}

/// Failures that say the same apart from the names of their objects, in order of their first.
fn by_cause(failures: &[StepFailure]) -> Vec<Vec<&StepFailure>> {
    let mut groups: Vec<(String, Vec<&StepFailure>)> = Vec::new();
    for failure in failures {
        let name = failure.title.rsplit(' ').next().unwrap_or_default();
        let message = if name.is_empty() {
            failure.error.message.clone()
        } else {
            failure.error.message.replace(name, "…")
        };
        let cause = format!("{:?} {} {message}", failure.error.status, failure.error.code);
        match groups.iter_mut().find(|(of, _)| *of == cause) {
            Some((_, list)) => list.push(failure),
            None => groups.push((cause, vec![failure])),
        }
    }
    groups.into_iter().map(|(_, list)| list).collect()
}

/// A heading and one line per step; of many steps only the first ones.
fn listed<'a>(
    heading: &str,
    steps: impl ExactSizeIterator<Item = (Operation, &'a Address, &'static str)>,
) -> String {
    let mut out = format!("{heading}\n");
    let count = steps.len();
    let shown = if count > 8 { 6 } else { count };
    for (operation, address, note) in steps.take(shown) {
        let note = if note.is_empty() { String::new() } else { format!("   {note}") };
        out.push_str(&format!("  {} {address}{note}\n", verb(operation)));
    }
    if shown < count {
        out.push_str(&format!("  … and {} more\n", count - shown));
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
    let mut parts = match report.mode {
        // Nothing is ever added by it.
        PlanMode::Destroy => vec![format!("{remove} destroyed")],
        _ => vec![format!("{add} added"), format!("{change} changed"), format!("{remove} destroyed")],
    };
    if report.mode == PlanMode::Destroy && change > 0 {
        parts.push(format!("{change} changed"));
    }
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
        (0, w) => parts.push(format!("{w} {} not started.", were(w))),
        (f, 0) => parts.push(format!("{f} failed.")),
        (f, w) => parts.push(format!(
            "{f} failed, {w} {} not started because {} on {}.",
            were(w),
            if w == 1 { "it depends" } else { "they depend" },
            if f == 1 { "it" } else { "them" },
        )),
    }
    match report.given_up.len() {
        0 => {}
        n => parts.push(format!("{n} given up and forgotten.")),
    }
    let left = report.interrupted.map(|left| match report.unawaited.len() {
        0 => format!("{left} {} not started", were(left)),
        n if left == 0 => format!("{n} {} no longer waited for", were(n)),
        n => format!("{n} {} no longer waited for, {left} {} not started", were(n), were(left)),
    });
    match (report.abandoned.len(), left) {
        (0, None) => parts.push("Nothing else is running.".to_owned()),
        (0, Some(left)) => parts.push(format!("Interrupted: {left}. Nothing else is running.")),
        (running, left) => {
            let left = left.map(|left| format!(", {left}")).unwrap_or_default();
            parts.push(format!("Left at once: {running} {} still running{left}.", were(running)));
        }
    }
    parts.join(" ")
}

/// What was given up, with the commands that remove what is left of it.
fn leftovers(given_up: &[GivenUp]) -> String {
    let mut out = "Given up: no longer in the state, and perhaps still there.\n".to_owned();
    for one in given_up {
        out.push_str(&format!("  {}   {}\n", one.address, one.reason));
    }
    // what was to be deleted first comes first here too, so that the commands can be run in this order
    let commands: Vec<_> = given_up.iter().filter_map(|one| one.id.as_ref()).collect();
    if !commands.is_empty() {
        out.push_str("Once nothing holds it any more, this removes what is left:\n");
        for id in commands {
            out.push_str(&format!("  az resource delete --ids '{id}'\n"));
        }
    }
    out
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
        let lines = steps.iter().map(|step| (step.operation, &step.address, ""));
        out.push_str(&listed(&format!("Not started, waiting for {because}:"), lines));
    }
    out
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Read => "read",
    }
}

#[cfg(test)]
mod tests;
