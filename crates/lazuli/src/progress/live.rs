//! Lines that move on a terminal. The lines are the tracker's; this module only keeps drawing them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tracker::Tracker;
use super::{Clock, Reporter, Schedule, StepEvent, What};
use crate::render::layout::{clean, cut};
use crate::render::style::{self, paint};

/// How often the lines are drawn when nothing happens.
const FRAME: Duration = Duration::from_millis(120);

/// Draws progress on standard error.
pub struct Live {
    shared: Arc<Shared>,
    drawer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    tracker: Mutex<Tracker>,
    bar: ProgressBar,
    clock: Clock,
    over: AtomicBool,
}

impl Live {
    /// Begins to draw.
    pub fn new(schedule: Schedule, clock: Clock) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(20);
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        let tracker = Mutex::new(Tracker::new(schedule, clock.now().since));
        let shared = Arc::new(Shared { tracker, bar, clock, over: AtomicBool::new(false) });
        let drawn = shared.clone();
        let draw = move || {
            while !drawn.over.load(Ordering::Acquire) {
                drawn.draw();
                std::thread::park_timeout(FRAME);
            }
        };
        // Without a thread the lines move only when something happens.
        let drawer = std::thread::Builder::new().name("progress".to_owned()).spawn(draw).ok();
        Live { shared, drawer: Mutex::new(drawer) }
    }
}

impl Shared {
    fn draw(&self) {
        let (width, height) = size();
        let lines = {
            let tracker = self.tracker.lock().unwrap_or_else(PoisonError::into_inner);
            tracker.lines(self.clock.now().since, width, height)
        };
        self.bar.set_message(lines.join("\n"));
        self.bar.tick();
    }
}

impl Reporter for Live {
    fn step(&self, event: StepEvent<'_>) {
        let line = {
            let mut tracker = self.shared.tracker.lock().unwrap_or_else(PoisonError::into_inner);
            let took = tracker.apply(&event, self.shared.clock.now().since);
            took.and_then(|took| tracker.finished_line(&event, took))
        };
        if let Some(line) = line {
            let line = cut(&clean(&line), size().0).into_owned();
            let style = if matches!(event.what, What::Failed(_)) { style::ALERT } else { style::ADD };
            // Only the symbol is coloured: the line is read, the symbol is seen.
            let mut chars = line.chars();
            let symbol: String = chars.by_ref().take(2).collect();
            // The line that moved goes before the line that stays comes.
            self.shared.draw();
            self.shared.bar.println(format!("{}{}", paint(style, &symbol), chars.as_str()));
        }
    }

    fn say(&self, text: &str) {
        self.shared.bar.println(text);
    }

    fn finish(&self) {
        self.shared.over.store(true, Ordering::Release);
        let drawer = self.drawer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(drawer) = drawer {
            drawer.thread().unpark();
            let _ = drawer.join();
        }
        self.shared.bar.finish_and_clear();
    }
}

impl Drop for Live {
    /// A run that ends in an error leaves no half-drawn lines behind.
    fn drop(&mut self) {
        self.finish();
    }
}

fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map_or((80, 24), |(width, height)| (width.0.into(), height.0.into()))
}
