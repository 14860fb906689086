//! What is told while a plan is carried out.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Failure;

/// Something happened to a step.
#[derive(Debug, Clone)]
pub struct Event {
    /// How long after the run began, by the monotonic clock.
    pub at: Duration,
    /// The step's number in the plan.
    pub step: u32,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a step.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// All it waited for is done, but another step holds its lock.
    Waiting {
        /// The step that holds it.
        on: u32,
    },
    /// It began.
    Started,
    /// The provider says how it goes.
    Progress {
        /// In its words: `VM creating`.
        text: String,
    },
    /// It is done, durably.
    Completed {
        /// How long it took.
        elapsed: Duration,
    },
    /// It failed.
    Errored {
        /// Why, and what exists now.
        failure: Arc<Failure>,
        /// How long it took.
        elapsed: Duration,
    },
}
