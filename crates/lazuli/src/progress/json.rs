//! The events of `--json` while steps run.

use std::sync::{Arc, Mutex, PoisonError};

use super::tracker::Tracker;
use super::{Clock, Reporter, Schedule, StepEvent, What};
use crate::render::events::{self, Subject};
use crate::terminal::Printer;

/// Writes an event per line to standard output.
pub struct Json {
    printer: Arc<Printer>,
    tracker: Mutex<(Tracker, Vec<std::time::Duration>)>,
    clock: Clock,
}

impl Json {
    /// Events go to the printer.
    pub fn new(printer: Arc<Printer>, schedule: Schedule, clock: Clock) -> Self {
        let now = clock.now().since;
        let began = vec![now; schedule.steps.len()];
        Json { printer, tracker: Mutex::new((Tracker::new(schedule, now), began)), clock }
    }

    fn event(&self, event: &StepEvent<'_>) -> Option<serde_json::Value> {
        let now = self.clock.now().since;
        let mut guard = self.tracker.lock().unwrap_or_else(PoisonError::into_inner);
        let (tracker, began) = &mut *guard;
        let took = tracker.apply(event, now);
        let step = tracker.scheduled(event.step)?;
        let subject = Subject { step: event.step, address: &step.address, operation: step.operation };
        let running = now.saturating_sub(began[event.step as usize]);
        Some(match event.what {
            What::Started => {
                began[event.step as usize] = now;
                events::step_start(subject, step.expected)
            }
            What::Waiting(what) => {
                events::step_progress(subject, &format!("waiting for {what}"), Default::default())
            }
            What::Progress(text) => events::step_progress(subject, text, running),
            What::Completed => events::step_complete(subject, took?),
            What::Failed(why) => events::step_errored(subject, why, took?),
            What::Skipped => return None,
        })
    }
}

impl Reporter for Json {
    fn step(&self, event: StepEvent<'_>) {
        if let Some(event) = self.event(&event) {
            self.printer.event(event);
        }
    }

    fn say(&self, text: &str) {
        self.printer.message(text);
    }

    fn finish(&self) {}
}
