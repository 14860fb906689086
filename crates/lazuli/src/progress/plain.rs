//! A line per event, for pipes and logs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::tracker::Tracker;
use super::{Clock, Moment, Reporter, Schedule, StepEvent, What, verbs};
use crate::render::{duration, layout};

/// How often a step that says nothing new is mentioned: logs that fall silent are taken for dead.
const STILL: Duration = Duration::from_secs(60);
/// How often a step is heard of at most, besides its beginning and end.
const PAUSE: Duration = Duration::from_secs(10);

/// Writes a line per event.
pub struct Plain {
    inner: Mutex<Inner>,
    clock: Clock,
    write: Box<dyn Fn(&str) + Send + Sync>,
}

struct Inner {
    tracker: Tracker,
    /// What was last said of each step, and when.
    said: Vec<(String, Duration)>,
    began: Vec<Duration>,
}

impl Plain {
    /// Lines go to `write`, without line ends.
    pub fn new(schedule: Schedule, clock: Clock, write: Box<dyn Fn(&str) + Send + Sync>) -> Self {
        let now = clock.now().since;
        let steps = schedule.steps.len();
        let inner = Inner {
            tracker: Tracker::new(schedule, now),
            said: vec![(String::new(), now); steps],
            began: vec![now; steps],
        };
        Plain { inner: Mutex::new(inner), clock, write }
    }
}

impl Reporter for Plain {
    fn step(&self, event: StepEvent<'_>) {
        let now = self.clock.now();
        let line = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.line(&event, now)
        };
        if let Some(line) = line {
            (self.write)(&line);
        }
    }

    fn say(&self, text: &str) {
        (self.write)(text);
    }

    fn finish(&self) {}
}

impl Inner {
    fn line(&mut self, event: &StepEvent<'_>, now: Moment) -> Option<String> {
        let took = self.tracker.apply(event, now.since);
        let step = self.tracker.scheduled(event.step)?;
        let index = event.step as usize;
        let (doing, done) = verbs(step.operation);
        let address = &step.address;
        let text = match event.what {
            What::Started => {
                self.began[index] = now.since;
                self.said[index] = (String::new(), now.since);
                format!("{doing} {address}")
            }
            What::Waiting(what) => {
                if self.said[index].0 == what {
                    return None;
                }
                self.said[index] = (what.to_owned(), now.since);
                format!("{doing} {address} waits for {what}")
            }
            What::Progress(text) => {
                let (said, at) = &self.said[index];
                let silence = now.since.saturating_sub(*at);
                if silence < if said == text { STILL } else { PAUSE } {
                    return None;
                }
                let ran = duration::running(now.since.saturating_sub(self.began[index]));
                self.said[index] = (text.to_owned(), now.since);
                format!("{doing} {address}: {text} ({ran})")
            }
            What::Completed => format!("{done} {address} ({})", duration::measured(took?)),
            What::Failed(why) => {
                let why = layout::clean(why.lines().next().unwrap_or("")).into_owned();
                format!("failed {doing} {address} ({}): {why}", duration::measured(took?))
            }
            // The report at the end lists them once.
            What::Skipped => return None,
        };
        Some(format!("{} {text}", time_of_day(now)))
    }
}

/// `14:02:11Z`: logs of many machines are read together.
fn time_of_day(now: Moment) -> String {
    let (hour, minute, second) = now.wall.to_hms();
    format!("{hour:02}:{minute:02}:{second:02}Z")
}
