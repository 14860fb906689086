//! Each fault alone, on each kind, while it is created, updated, replaced and deleted.

use std::time::Duration;

use lazuli_core::plan::PlanMode;
use lazuli_simulator::{Answer, Fault, Faults};

use crate::laws::{End, endures, told};
use crate::scenario::{KINDS, Task, hurried};
use crate::virtual_azure::{Azure, VirtualAzure, block_on, text};

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
    Faults { faults: vec![fault], ..Faults::default() }
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

/// Tries everything, or every fifth of it when nobody asks for more, and tells all that is wrong at once.
fn all(tries: Vec<(Task, Faults, bool)>) {
    let step = if std::env::var_os("LAZULI_SEEDS").is_some() { 1 } else { 5 };
    let tries: Vec<_> = tries.into_iter().step_by(step).collect();
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

#[test]
fn a_fault_of_a_read_or_of_a_poll_breaks_no_law() {
    let server = |status| Answer::ServerError { status, after_accept: false, retry_after: None };
    let answers = [
        Answer::DropBeforeAccept,
        Answer::ResetAfterAccept,
        Answer::StalledBody,
        Answer::SlowBody { pause_ms: 2_000 },
        Answer::Throttle { retry_after: Some(20) },
        Answer::Throttle { retry_after: None },
        server(500),
        server(502),
        server(503),
        server(504),
        Answer::ExpiredToken,
        Answer::StaleRead { seconds: 10 },
    ];
    let mut tries = Vec::new();
    for task in Task::ALL {
        for answer in &answers {
            for path in ["/operations/", "/operationResults/", "/providers/"].into_iter().chain(KINDS) {
                // What is read too early can be a true error, never a false success.
                let gets_over = !matches!(answer, Answer::StaleRead { .. });
                // A second new token in a row that is refused is a true error.
                let times = if *answer == Answer::ExpiredToken { 1 } else { 2 };
                tries.push((task, first("GET", path, answer, times), gets_over));
            }
        }
    }
    all(tries);
}

#[test]
fn a_principal_that_is_not_known_yet_is_waited_for() {
    for task in [Task::Create, Task::Replace] {
        let end = endures(task, &first("PUT", "/roleAssignments/", &Answer::PrincipalNotFound, 6), 1);
        assert_eq!(end, Ok(End::Converged), "{task:?}");
    }
}

#[test]
fn a_token_that_really_ends_in_the_middle_of_a_run_is_renewed() {
    // One step after the other, and each write waits almost five minutes: more than the hour a token lasts.
    let faults = KINDS
        .iter()
        .chain(&["/subnets/back-"])
        .flat_map(|kind| first("PUT", kind, &Answer::Throttle { retry_after: Some(270) }, 1).faults);
    let slow = Faults { faults: faults.collect(), ..Faults::default() };
    block_on(async {
        let groups = vec![("rg", "eastus2")];
        let azure = VirtualAzure::new(&Azure { groups, faults: slow, parallelism: 1, ..Azure::default() });
        let ran = azure.apply(&Task::Create.after()).await;
        assert!(ran.report.is_complete(), "{}", told(&ran));
        assert!(ran.elapsed > Duration::from_secs(3600), "{:?}", ran.elapsed);
        let refused = ran.requests.iter().filter(|request| request.status == Some(401)).count();
        assert_eq!(refused, 1);
        assert!(azure.apply(&Task::Create.after()).await.plan.is_empty());
    });
}

/// Whatever is waited for, a step takes no longer than it may, and a look at what became of it.
#[test]
fn every_wait_ends_with_the_time_of_its_step() {
    let busy = "InUseNetworkSecurityGroupCannotBeDeleted";
    let refuse = |code: &str| Answer::Refuse { status: 409, code: code.into(), message: "Not now.".into() };
    let gone = Answer::ServerError { status: 503, after_accept: false, retry_after: None };
    let long = Answer::Throttle { retry_after: Some(200) };
    let table = [
        (false, "PUT", "/networkSecurityGroups/", long.clone()),
        (false, "PUT", "/networkSecurityGroups/", gone.clone()),
        (false, "PUT", "/networkSecurityGroups/", Answer::AnotherOperation),
        (false, "PUT", "/networkSecurityGroups/", Answer::StalledBody),
        (false, "GET", "/operations/", gone.clone()),
        (false, "GET", "/operations/", Answer::DropBeforeAccept),
        (true, "DELETE", "/networkSecurityGroups/", refuse(busy)),
        (true, "DELETE", "/networkSecurityGroups/", Answer::RetryableAnotherOperation),
        (true, "GET", "/operation", long),
    ];
    for (deletes, method, path, answer) in table {
        // Where Azure allows no more reads, what became of it is read when it does again.
        let closed = if path == "/operation" { 230 } else { 0 };
        let case = format!("{method} {path} {answer:?}");
        block_on(async {
            let azure = VirtualAzure::new(&Azure { groups: vec![("rg", "eastus2")], ..Azure::default() });
            let mode = if deletes { PlanMode::Destroy } else { PlanMode::Apply };
            if deletes {
                azure.apply(&hurried()).await;
            }
            azure.set_faults(first(method, path, &answer, 10_000));
            let ran =
                azure.run(&hurried(), mode).await.unwrap_or_else(|failure| panic!("{}", text(&failure)));
            assert!(
                ran.report.elapsed <= Duration::from_secs(70 + closed),
                "{case}: {:?}",
                ran.report.elapsed
            );
            azure.set_faults(Faults::default());
            let next =
                azure.run(&hurried(), mode).await.unwrap_or_else(|failure| panic!("{}", text(&failure)));
            assert!(next.report.is_complete(), "{case}: {}", told(&next));
            assert_eq!(azure.ids().len(), usize::from(!deletes), "{case}");
        });
    }
}
