//! Progress told with a clock that stands still until it is moved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use insta::assert_snapshot;
use lazuli_core::plan::{Action, Operation};
use time::OffsetDateTime;

use super::tracker::Tracker;
use super::{Clock, Moment, Reporter, Schedule, Scheduled, StepEvent, What, plain};
use crate::render::specimens::{node, plan};

fn step(name: &str, operation: Operation, expected: f64, after: f64) -> Scheduled {
    Scheduled { address: format!("resource.{name}"), name: name.to_owned(), operation, expected, after }
}

fn schedule() -> Schedule {
    Schedule {
        steps: vec![
            step("prod-vnet", Operation::Create, 4.0, 60.0),
            step("prod-worker-subnet", Operation::Create, 4.0, 50.0),
            step("prod-cp-1-a41c", Operation::Create, 50.0, 0.0),
            step("old-disk", Operation::Delete, 5.0, 0.0),
        ],
        time_factor: 1.0,
    }
}

fn event(step: u32, what: What<'_>) -> StepEvent<'_> {
    StepEvent { step, what }
}

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn lines_on_a_terminal() {
    let mut tracker = Tracker::new(schedule(), s(0.0));
    tracker.apply(&event(0, What::Started), s(0.0));
    let vnet = event(0, What::Completed);
    let took = tracker.apply(&vnet, s(1.9)).unwrap();
    let mut page = tracker.finished_line(&vnet, took).unwrap();
    tracker.apply(&event(2, What::Started), s(2.0));
    tracker.apply(&event(2, What::Progress("VM creating")), s(3.0));
    tracker.apply(&event(1, What::Waiting("prod-vnet (Azure locks a network while it changes)")), s(4.0));
    let failed = event(3, What::Failed("409 InUse: still attached\nsecond line"));
    tracker.apply(&event(3, What::Started), s(4.0));
    let took = tracker.apply(&failed, s(5.0)).unwrap();
    page = format!("{page}\n{}", tracker.finished_line(&failed, took).unwrap());
    for width in [120, 60] {
        page = format!("{page}\n\n{}", tracker.lines(s(43.0), width, 24).join("\n"));
    }
    assert_snapshot!(page);
    for line in tracker.lines(s(43.0), 60, 24) {
        assert!(line.chars().count() <= 60, "{line}");
    }
}

#[test]
fn no_more_lines_than_the_terminal_has() {
    let steps = (0..50).map(|i| step(&format!("vm-{i}"), Operation::Create, 50.0, 0.0)).collect();
    let mut tracker = Tracker::new(Schedule { steps, time_factor: 1.0 }, s(0.0));
    for i in 0..50 {
        tracker.apply(&event(i, What::Started), s(0.0));
    }
    let lines = tracker.lines(s(1.0), 80, 10);
    assert_eq!(lines.len(), 10);
    assert_eq!(lines[8], "   … and 42 more");
}

#[test]
fn time_left_is_the_longest_chain_scaled_by_what_was_measured() {
    let mut tracker = Tracker::new(schedule(), s(0.0));
    assert_eq!(tracker.left(s(0.0)), s(64.0));
    // Ten times faster than expected: the first steps weigh little, later ones more.
    tracker.apply(&event(2, What::Started), s(0.0));
    tracker.apply(&event(2, What::Completed), s(5.0));
    let left = tracker.left(s(5.0)).as_secs_f64();
    assert!((left - 64.0 * 25.0 / 70.0).abs() < 0.01, "{left}");
    // A step that takes longer than usual leaves what waits for it.
    tracker.apply(&event(0, What::Started), s(5.0));
    let left = tracker.left(s(500.0)).as_secs_f64();
    assert!((left - 60.0 * 25.0 / 70.0).abs() < 0.01, "{left}");
    for step in [0, 1, 3] {
        tracker.apply(&event(step, What::Skipped), s(500.0));
    }
    assert_eq!(tracker.left(s(500.0)), s(0.0));
}

#[test]
fn a_schedule_knows_what_waits_for_a_step() {
    let plan = plan(node("general", "prod-general-1-77d0", 1, Action::Create, "Standard_D8s_v5"));
    let schedule = Schedule::of(&plan, 1.0);
    assert_eq!(schedule.steps.iter().map(|s| s.after).collect::<Vec<_>>(), [50.0, 0.0]);
    assert_eq!(schedule.steps[1].name, "prod-general-1-77d0");
}

#[test]
fn events_of_unknown_steps_do_no_harm() {
    let mut tracker = Tracker::new(schedule(), s(0.0));
    assert_eq!(tracker.apply(&event(99, What::Started), s(0.0)), None);
    assert_eq!(tracker.apply(&event(0, What::Completed), s(1.0)), Some(s(0.0)));
}

#[test]
fn lines_in_a_pipe() {
    let now = Arc::new(Mutex::new(Duration::ZERO));
    let start = OffsetDateTime::from_unix_timestamp(1_795_356_131).unwrap();
    let told = now.clone();
    let clock = Clock::new(move || {
        let since = *told.lock().unwrap();
        Moment { since, wall: start + since }
    });
    let lines = Arc::new(Mutex::new(Vec::new()));
    let written = lines.clone();
    let write = Box::new(move |line: &str| written.lock().unwrap().push(line.to_owned()));
    let plain = plain::Plain::new(schedule(), clock, write);
    let at = |seconds: f64, step: u32, what: What<'_>| {
        *now.lock().unwrap() = s(seconds);
        plain.step(event(step, what));
    };
    at(0.0, 0, What::Started);
    at(1.9, 0, What::Completed);
    at(2.0, 1, What::Waiting("prod-vnet"));
    at(3.0, 2, What::Started);
    for second in (4..200).step_by(2) {
        at(f64::from(second), 2, What::Progress("VM creating"));
    }
    for second in [200.0, 230.0, 275.0, 276.0] {
        *now.lock().unwrap() = s(second);
        plain.remind();
    }
    at(300.0, 3, What::Started);
    at(301.0, 3, What::Failed("409 InUse: still attached"));
    at(301.0, 1, What::Skipped);
    at(302.0, 2, What::Completed);
    plain.finish();
    assert_snapshot!(lines.lock().unwrap().join("\n"));
}
