//! What is told after a run.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Failure;
use crate::objects::Objects;

/// How a run ended.
#[derive(Debug)]
pub struct Report {
    /// How each step ended, by number.
    pub endings: Vec<Ending>,
    /// How long the run took.
    pub elapsed: Duration,
    /// True when it was asked to stop before everything was started.
    pub cancelled: bool,
    /// Why nothing was begun at all, when the record could not even be adjusted.
    pub error: Option<Arc<Failure>>,
    /// What is known of every resource afterwards: to evaluate outputs with.
    pub objects: Arc<Objects>,
}

/// How a step ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// Done, durably.
    Done {
        /// How long it took.
        elapsed: Duration,
    },
    /// It failed.
    Failed {
        /// Why, and what exists now.
        failure: Arc<Failure>,
        /// How long it took.
        elapsed: Duration,
    },
    /// A delete that failed in a forced destroy: the object is forgotten, whether it still exists or not.
    GivenUp {
        /// Why.
        failure: Arc<Failure>,
        /// How long it was tried.
        elapsed: Duration,
    },
    /// No longer waited for, because the run was stopped; what came of it is recorded, and the next run goes on with it.
    Interrupted {
        /// How long it took.
        elapsed: Duration,
    },
    /// Not started: it needs a step that failed.
    Skipped {
        /// The step that failed.
        because: u32,
    },
    /// Not started: the run was stopped before.
    NotStarted,
    /// Running when the run was left at once; its intent is recorded and the next run reads what came of it.
    Abandoned,
}

/// How many steps ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Done.
    pub done: usize,
    /// Failed.
    pub failed: usize,
    /// Given up by a forced destroy.
    pub given_up: usize,
    /// No longer waited for.
    pub interrupted: usize,
    /// Not started because of a failure.
    pub skipped: usize,
    /// Not started because the run was stopped.
    pub not_started: usize,
    /// Left running.
    pub abandoned: usize,
}

impl Report {
    /// Counts the endings.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for ending in &self.endings {
            match ending {
                Ending::Done { .. } => counts.done += 1,
                Ending::Failed { .. } => counts.failed += 1,
                Ending::GivenUp { .. } => counts.given_up += 1,
                Ending::Interrupted { .. } => counts.interrupted += 1,
                Ending::Skipped { .. } => counts.skipped += 1,
                Ending::NotStarted => counts.not_started += 1,
                Ending::Abandoned => counts.abandoned += 1,
            }
        }
        counts
    }

    /// True when every step is done.
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && self.endings.iter().all(|e| matches!(e, Ending::Done { .. }))
    }
}
