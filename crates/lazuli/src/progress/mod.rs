//! What is told while steps run.
//!
//! | module | what |
//! |---|---|
//! | [`tracker`] | how far things are, and how much time is left: pure |
//! | [`plain`] | a line per event, for pipes |
//! | [`live`] | lines that move, for a terminal |
//! | [`json`] | the events of `--json` |
//!
//! The clock comes in as a value, so that everything but the drawing itself can be tested.

pub mod json;
pub mod live;
pub mod plain;
pub mod tracker;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_core::plan::{Operation, Plan};
use time::OffsetDateTime;

use crate::render::names;
use crate::terminal::Printer;

/// Is told what happens while a plan is applied. Called from many tasks at once; never blocks for long.
pub trait Reporter: Send + Sync {
    /// Something happened to a step.
    fn step(&self, event: StepEvent<'_>);
    /// Something is to be said that is about no step, without disturbing what moves.
    fn say(&self, text: &str);
    /// Nothing more will happen: whatever moves is taken away.
    fn finish(&self);
}

/// What happened to a step; `step` is its number in the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepEvent<'a> {
    /// The step.
    pub step: u32,
    /// What happened.
    pub what: What<'a>,
}

/// What can happen to a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What<'a> {
    /// It began.
    Started,
    /// It could begin but for a lock or a limit: `prod-vnet (Azure locks a network while it changes)`.
    Waiting(&'a str),
    /// How it goes: `VM creating`.
    Progress(&'a str),
    /// It succeeded.
    Completed,
    /// It failed, and why.
    Failed(&'a str),
    /// It will not begin: something it depends on failed, or the run was interrupted.
    Skipped,
}

/// What is known of the steps before they run.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The steps, by number.
    pub steps: Vec<Scheduled>,
    /// What real time is to the plan's expectations: 1 for Azure, less for a fast simulator.
    pub time_factor: f64,
}

/// A step before it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduled {
    /// The resource.
    pub address: String,
    /// The object's name, for a person who watches.
    pub name: String,
    /// What is done.
    pub operation: Operation,
    /// How long it usually takes, in the plan's seconds.
    pub expected: f64,
    /// How long everything that waits for it usually takes, in the plan's seconds, itself left out.
    pub after: f64,
}

impl Schedule {
    /// The schedule of a plan.
    pub fn of(plan: &Plan, time_factor: f64) -> Self {
        let mut after = vec![0.0_f64; plan.steps.len()];
        let mut edges: Vec<_> = plan.edges.iter().collect();
        // Steps are in an order that respects the edges: later ones are settled first.
        edges.sort_by_key(|edge| std::cmp::Reverse((edge.before, edge.after)));
        for edge in edges {
            let (before, later) = (edge.before as usize, edge.after as usize);
            let Some(step) = plan.steps.get(later) else { continue };
            let length = after[later] + step.expected;
            if let Some(slot) = after.get_mut(before) {
                *slot = slot.max(length);
            }
        }
        let steps = plan.steps.iter().zip(after).map(|(step, after)| Scheduled {
            address: step.address.to_string(),
            name: names::object(&step.address, step.id.as_ref()),
            operation: step.operation,
            expected: step.expected,
            after,
        });
        Schedule { steps: steps.collect(), time_factor }
    }
}

/// A point in time: since the clock was made, which never jumps, and on the wall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Since the clock was made.
    pub since: Duration,
    /// UTC.
    pub wall: OffsetDateTime,
}

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Moment + Send + Sync>);

impl Clock {
    /// The real one.
    pub fn real() -> Self {
        let start = Instant::now();
        Clock::new(move || Moment { since: start.elapsed(), wall: OffsetDateTime::now_utc() })
    }

    /// Any other one.
    pub fn new(now: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        Clock(Arc::new(now))
    }

    /// Now.
    pub fn now(&self) -> Moment {
        (self.0)()
    }
}

/// The reporter that suits where output goes.
pub fn reporter(printer: &Arc<Printer>, schedule: Schedule, clock: Clock) -> Arc<dyn Reporter> {
    if printer.json() {
        Arc::new(json::Json::new(printer.clone(), schedule, clock))
    } else if printer.live() {
        Arc::new(live::Live::new(schedule, clock))
    } else {
        let printer = printer.clone();
        Arc::new(plain::Plain::new(schedule, clock, Box::new(move |line| printer.message(line))).watched())
    }
}

/// `creating`, `created`.
pub(crate) fn verbs(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Create => ("creating", "created"),
        Operation::Update => ("updating", "updated"),
        Operation::Delete => ("deleting", "deleted"),
        Operation::Read => ("reading", "read"),
    }
}
