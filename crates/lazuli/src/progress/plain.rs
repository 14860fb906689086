//! A line per event, for pipes and logs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::tracker::Tracker;
use super::{Clock, Moment, Reporter, Schedule, StepEvent, What, verbs};
use crate::render::{duration, layout};

/// How often a step that says nothing new is mentioned: logs that fall silent are taken for dead.
const STILL: Duration = Duration::from_secs(60);
/// How often a step is heard of at most, besides its beginning and end.
const PAUSE: Duration = Duration::from_secs(10);

/// How often is looked for steps that have fallen silent.
const LOOK: Duration = Duration::from_secs(5);

/// Writes a line per event.
pub struct Plain {
    shared: Arc<Shared>,
    watcher: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    inner: Mutex<Inner>,
    clock: Clock,
    write: Box<dyn Fn(&str) + Send + Sync>,
    over: AtomicBool,
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
        let inner = Mutex::new(Inner {
            tracker: Tracker::new(schedule, now),
            said: vec![(String::new(), now); steps],
            began: vec![now; steps],
        });
        let shared = Shared { inner, clock, write, over: AtomicBool::new(false) };
        Plain { shared: Arc::new(shared), watcher: Mutex::new(None) }
    }

    /// From now on, steps of which nothing is heard are mentioned too.
    pub fn watched(self) -> Self {
        let shared = self.shared.clone();
        let watch = move || {
            while !shared.over.load(Ordering::Acquire) {
                shared.remind();
                std::thread::park_timeout(LOOK);
            }
        };
        // Without a thread, lines are written only when something happens.
        let watcher = std::thread::Builder::new().name("progress".to_owned()).spawn(watch).ok();
        Plain { shared: self.shared.clone(), watcher: Mutex::new(watcher) }
    }

    /// Mentions the steps that have been silent for long.
    pub fn remind(&self) {
        self.shared.remind();
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remind(&self) {
        let lines = self.inner().reminders(self.clock.now());
        for line in lines {
            (self.write)(&line);
        }
    }
}

impl Reporter for Plain {
    fn step(&self, event: StepEvent<'_>) {
        let now = self.shared.clock.now();
        let line = self.shared.inner().line(&event, now);
        if let Some(line) = line {
            (self.shared.write)(&line);
        }
    }

    fn say(&self, text: &str) {
        (self.shared.write)(text);
    }

    fn finish(&self) {
        self.shared.over.store(true, Ordering::Release);
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(watcher) = watcher {
            watcher.thread().unpark();
            let _ = watcher.join();
        }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Inner {
    /// A line for each running step that has been silent for long.
    fn reminders(&mut self, now: Moment) -> Vec<String> {
        let Inner { tracker, said, .. } = self;
        let mut lines = Vec::new();
        for (index, since, text) in tracker.running() {
            let Some((step, (_, at))) =
                u32::try_from(index).ok().and_then(|i| tracker.scheduled(i)).zip(said.get_mut(index))
            else {
                continue;
            };
            if now.since.saturating_sub(*at) < STILL {
                continue;
            }
            *at = now.since;
            let what = if text.is_empty() { "not finished yet" } else { text };
            let ran = duration::running(now.since.saturating_sub(since));
            lines.push(format!(
                "{} {} {}: {what} ({ran})",
                time_of_day(now),
                verbs(step.operation).0,
                step.address
            ));
        }
        lines
    }

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
