//! How far an apply is: which steps run since when, what is done, how much time is left. Pure: time comes in.

use std::time::Duration;

use super::{Schedule, Scheduled, StepEvent, What, verbs};
use crate::render::duration;
use crate::render::layout::{columns, cut, pad};

/// The width of the bar, in blocks.
const BAR: usize = 28;
/// The widest a name gets beside its progress.
const NAME: usize = 34;
/// Turns while something runs.
const SPINNER: [char; 8] = ['⠋', '⠙', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇'];

/// How far an apply is.
#[derive(Debug, Clone)]
pub struct Tracker {
    schedule: Schedule,
    states: Vec<State>,
    began: Duration,
    done: usize,
    failed: usize,
    skipped: usize,
    /// Of steps that succeeded: how long they took, and how long they were expected to.
    took: f64,
    expected: f64,
    /// One for all lines, so that they do not jump.
    name_width: usize,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Pending,
    Waiting { since: Duration, what: String },
    Running { since: Duration, text: String },
    Over,
}

impl Tracker {
    /// Nothing has begun.
    pub fn new(schedule: Schedule, now: Duration) -> Self {
        let states = vec![State::Pending; schedule.steps.len()];
        let name_width = schedule.steps.iter().map(|step| columns(&step.name)).max().unwrap_or(0).min(NAME);
        Tracker {
            schedule,
            states,
            began: now,
            done: 0,
            failed: 0,
            skipped: 0,
            took: 0.0,
            expected: 0.0,
            name_width,
        }
    }

    /// The step of an event; `None` for a number that is not in the plan.
    pub fn scheduled(&self, step: u32) -> Option<&Scheduled> {
        self.schedule.steps.get(step as usize)
    }

    /// The steps that run: their number, since when, and what was last heard of them.
    pub fn running(&self) -> impl Iterator<Item = (usize, Duration, &str)> {
        self.states.iter().enumerate().filter_map(|(index, state)| match state {
            State::Running { since, text } => Some((index, *since, text.as_str())),
            State::Pending | State::Waiting { .. } | State::Over => None,
        })
    }

    /// Takes an event in. Of a step that ends, returns how long it ran.
    pub fn apply(&mut self, event: &StepEvent<'_>, now: Duration) -> Option<Duration> {
        let index = event.step as usize;
        let (Some(state), Some(step)) = (self.states.get_mut(index), self.schedule.steps.get(index)) else {
            return None;
        };
        let since = match state {
            State::Running { since, .. } => Some(*since),
            _ => None,
        };
        match event.what {
            What::Started => *state = State::Running { since: now, text: String::new() },
            What::Waiting(what) => {
                let since = if let State::Waiting { since, .. } = state { *since } else { now };
                *state = State::Waiting { since, what: what.to_owned() };
            }
            What::Progress(text) => {
                *state = State::Running { since: since.unwrap_or(now), text: text.to_owned() };
            }
            What::Completed => {
                self.done += 1;
                if let Some(since) = since {
                    self.took += now.saturating_sub(since).as_secs_f64();
                    self.expected += step.expected;
                }
                *state = State::Over;
            }
            What::Failed(_) => {
                self.failed += 1;
                *state = State::Over;
            }
            What::Skipped => {
                self.skipped += 1;
                *state = State::Over;
            }
        }
        match event.what {
            What::Completed | What::Failed(_) => Some(now.saturating_sub(since.unwrap_or(now))),
            _ => None,
        }
    }

    /// What real time is to expected time, by what has been measured; the first steps weigh little.
    fn ratio(&self) -> f64 {
        /// Expected seconds the factor given at the start counts for.
        const PRIOR: f64 = 20.0;
        let ratio = (self.took + PRIOR * self.schedule.time_factor) / (self.expected + PRIOR);
        ratio.max(0.0)
    }

    /// How much longer it will take: the longest chain of what is not over yet.
    pub fn left(&self, now: Duration) -> Duration {
        let ratio = self.ratio();
        let chain = |(step, state): (&Scheduled, &State)| match state {
            State::Over => 0.0,
            State::Pending | State::Waiting { .. } => (step.expected + step.after) * ratio,
            State::Running { since, .. } => {
                let ran = now.saturating_sub(*since).as_secs_f64();
                (step.expected * ratio - ran).max(0.0) + step.after * ratio
            }
        };
        let longest = self.schedule.steps.iter().zip(&self.states).map(chain).fold(0.0, f64::max);
        Duration::try_from_secs_f64(longest).unwrap_or_default()
    }

    /// A line that stays: ` ✓ prod-vnet   1.9 s`.
    pub fn finished_line(&self, event: &StepEvent<'_>, took: Duration) -> Option<String> {
        let step = self.scheduled(event.step)?;
        let name = pad(&cut(&step.name, NAME), self.name_width);
        let time = duration::measured(took);
        let deleted = if step.operation == lazuli_core::plan::Operation::Delete { "   deleted" } else { "" };
        Some(match event.what {
            What::Completed => format!(" ✓ {name}   {time}{deleted}"),
            What::Failed(why) => {
                format!(" ✗ {name}   {time}   {}", why.lines().next().unwrap_or(""))
            }
            _ => return None,
        })
    }

    /// The lines that move: one per running step, at most `height` of them with the bar, none wider than `width`.
    pub fn lines(&self, now: Duration, width: usize, height: usize) -> Vec<String> {
        let mut active: Vec<(Duration, String)> = Vec::new();
        for (step, state) in self.schedule.steps.iter().zip(&self.states) {
            if let Some((since, line)) = self.step_line(step, state, now) {
                active.push((since, line));
            }
        }
        active.sort_by_key(|(since, _)| *since);
        let room = height.saturating_sub(2).max(1);
        let hidden = active.len().saturating_sub(room);
        let mut lines: Vec<String> =
            active.iter().take(room).map(|(_, line)| cut(line, width).into_owned()).collect();
        if hidden > 0 {
            lines.push(format!("   … and {hidden} more"));
        }
        lines.push(cut(&self.bar(now, width), width).into_owned());
        lines
    }

    fn step_line(&self, step: &Scheduled, state: &State, now: Duration) -> Option<(Duration, String)> {
        let name = pad(&cut(&step.name, NAME), self.name_width);
        let frame = SPINNER[(now.as_millis() / 120) as usize % SPINNER.len()];
        match state {
            State::Pending | State::Over => None,
            State::Waiting { since, what } => Some((*since, format!(" {frame} {name}   waiting for {what}"))),
            State::Running { since, text } => {
                let ran = now.saturating_sub(*since);
                let doing = if text.is_empty() { verbs(step.operation).0 } else { text };
                let usual = step.expected * self.schedule.time_factor;
                let usually = if usual >= 1.0 {
                    format!(" · usually {}", duration::running(Duration::from_secs_f64(usual.min(1e6))))
                } else {
                    String::new()
                };
                Some((*since, format!(" {frame} {name}   {doing} {}{usually}", duration::running(ran))))
            }
        }
    }

    /// ` [████▌    ]  14 of 57   2m11s, about 3m40s left      Ctrl-C stops after what is running`
    fn bar(&self, now: Duration, width: usize) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        let total = self.schedule.steps.len();
        let over = self.done + self.failed + self.skipped;
        let filled = (over * BAR * 8).checked_div(total).unwrap_or(BAR * 8);
        let blocks = format!("{}{}", "█".repeat(filled / 8), EIGHTHS[filled % 8]);
        let elapsed = duration::running(now.saturating_sub(self.began));
        let left = duration::left(self.left(now));
        let mut line = format!(" [{}]  {} of {total}   {elapsed}", pad(&blocks, BAR), self.done);
        if over < total {
            line.push_str(&format!(", {left} left"));
        }
        if self.failed > 0 {
            line.push_str(&format!("   {} failed", self.failed));
        }
        let hint = "      Ctrl-C stops after what is running";
        if columns(&line) + columns(hint) <= width {
            line.push_str(hint);
        }
        line
    }
}
