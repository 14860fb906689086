//! After Azure has refused for too many requests: all of that class wait, then come back a few at a time. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use super::bucket::Verdict;

/// So many at the same time are all: the gate is open.
const OPEN: usize = 16;

/// The gate of one class of requests. Moments are durations since some beginning.
#[derive(Debug, Default)]
pub(super) struct Gate {
    closed_until: Duration,
    /// How many may be under way; `None` when it is open.
    window: Option<usize>,
    under_way: BTreeSet<u64>,
}

impl Gate {
    /// When it opens, if it is closed.
    pub(super) fn closed_until(&self, now: Duration) -> Option<Duration> {
        Some(self.closed_until).filter(|until| *until > now)
    }

    /// True when it has not been closed, or long ago.
    pub(super) fn is_open(&self) -> bool {
        self.window.is_none()
    }

    /// Whether one more may be sent.
    pub(super) fn decide(&self, now: Duration) -> Verdict {
        match (self.window, self.closed_until(now)) {
            (None, _) => Verdict::Go,
            (Some(_), Some(until)) => Verdict::Until(until),
            (Some(window), None) if self.under_way.len() < window => Verdict::Go,
            (Some(_), None) => Verdict::Answer,
        }
    }

    /// A request is sent.
    pub(super) fn send(&mut self, request: u64) {
        if self.window.is_some() {
            self.under_way.insert(request);
        }
    }

    /// A request is refused; Azure wants to hear nothing for a while.
    pub(super) fn refused(&mut self, request: u64, wait: Duration, now: Duration) {
        self.under_way.remove(&request);
        self.closed_until = self.closed_until.max(now + wait);
        self.window = Some(1);
    }

    /// A request is answered: one more may be under way.
    pub(super) fn answered(&mut self, request: u64) {
        if self.under_way.remove(&request) {
            self.window = self.window.map(|window| window + 1).filter(|window| *window < OPEN);
            if self.window.is_none() {
                self.under_way.clear();
            }
        }
    }

    /// A request has ended without an answer.
    pub(super) fn ended(&mut self, request: u64) {
        self.under_way.remove(&request);
    }
}
