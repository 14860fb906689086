//! The clock of the shell: wall time at the start, then the runtime's own clock.
//!
//! Following the runtime means that a paused runtime pauses the simulated cloud too, and that a jump of the wall
//! clock does not end operations early.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    started_ms: u64,
}

impl Clock {
    /// Starts at the current wall time.
    pub(crate) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::at(since.as_millis() as u64)
    }

    /// Starts at a moment of choice, in milliseconds since 1970.
    pub(crate) fn at(started_ms: u64) -> Self {
        Self { started: Instant::now(), started_ms }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.started_ms + self.started.elapsed().as_millis() as u64
    }
}
