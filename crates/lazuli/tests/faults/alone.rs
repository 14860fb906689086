//! Each fault alone, on each kind, while it is created, updated, replaced and deleted.

use lazuli_simulator::{Answer, Fault, Faults};

use crate::laws::{End, endures};
use crate::scenario::{KINDS, Task};

/// A fault that strikes the first requests that fit.
fn first(method: &str, path: &str, answer: &Answer, times: u64) -> Faults {
    let fault = Fault {
        method: Some(method.to_owned()),
        path: path.to_owned(),
        nth: None,
        after: 0,
        times: Some(times),
        answer: answer.clone(),
    };
    Faults { faults: vec![fault] }
}

/// What may strike a write, and whether the run must get over it by itself.
fn of_writes() -> Vec<(Answer, bool)> {
    let fails =
        |code: &str| Answer::OperationFails { code: code.to_owned(), message: "It went wrong.".to_owned() };
    let server = |status, after_accept| Answer::ServerError { status, after_accept, retry_after: None };
    vec![
        (Answer::DropBeforeAccept, false),
        (Answer::DropAfterAccept, false),
        (Answer::ResetBeforeAccept, false),
        (Answer::ResetAfterAccept, false),
        (Answer::StalledBody, false),
        (Answer::SlowBody { pause_ms: 2_000 }, true),
        (Answer::Throttle { retry_after: Some(20) }, true),
        (Answer::Throttle { retry_after: None }, true),
        (server(500, false), true),
        (server(502, true), true),
        (server(503, false), true),
        (server(503, true), true),
        (server(504, true), true),
        (Answer::AnotherOperation, true),
        (Answer::RetryableAnotherOperation, true),
        (Answer::ExpiredToken, true),
        (fails("InternalServerError"), false),
        (Answer::OperationCanceled, false),
    ]
}

/// Tries everything and tells all that is wrong at once.
fn all(tries: Vec<(Task, Faults, bool)>) {
    let halves = tries.chunks(tries.len().div_ceil(2));
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> =
            halves.map(|half| scope.spawn(move || half.iter().filter_map(one).collect::<Vec<_>>())).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), tries.len(), wrong.join("\n"));
}

fn one((task, faults, gets_over): &(Task, Faults, bool)) -> Option<String> {
    let said = match endures(*task, faults, 1) {
        Ok(End::Resumed) if *gets_over => "it should have got over this by itself".to_owned(),
        Ok(_) => return None,
        Err(broken) => broken,
    };
    Some(format!("{task:?} under {}\n    {said}", serde_json::to_string(faults).expect("JSON")))
}

#[test]
fn a_fault_of_a_write_breaks_no_law_for_any_kind() {
    let mut tries = Vec::new();
    for task in Task::ALL {
        let methods: &[&str] = match task {
            Task::Create | Task::Update => &["PUT"],
            Task::Replace => &["PUT", "DELETE"],
            Task::Delete => &["DELETE"],
        };
        for (answer, gets_over) in of_writes() {
            for (method, kind) in methods.iter().flat_map(|method| KINDS.map(|kind| (method, kind))) {
                tries.push((task, first(method, kind, &answer, 1), gets_over));
            }
        }
    }
    all(tries);
}
