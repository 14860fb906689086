use anstream::adapter::strip_str;

use lazuli_core::provider::Answered;

use lazuli_core::provider::Outcome;

use super::*;
use crate::render::specimens::address;

fn report() -> ApplyReport {
    ApplyReport {
        mode: PlanMode::Apply,
        done: Summary { add: 57, ..Summary::default() },
        succeeded: 57,
        total: 57,
        failures: Vec::new(),
        given_up: Vec::new(),
        skipped: Vec::new(),
        interrupted: None,
        unawaited: Vec::new(),
        abandoned: Vec::new(),
        elapsed: Duration::from_secs(362),
    }
}

fn shown(report: &ApplyReport) -> String {
    strip_str(&text(report, 100)).to_string()
}

fn failed() -> ApplyReport {
    let vm = address("cluster.prod.worker_pool[\"general\"].node[\"2\"].vm");
    let failure = StepFailure {
        address: vm.clone(),
        title: "virtual machine prod-general-2-77d0".to_owned(),
        provider: ProviderName::Azure,
        operation: Operation::Create,
        error: ProviderError {
            status: Some(409),
            code: "ZonalAllocationFailed".to_owned(),
            message: "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone.".to_owned(),
            correlation_id: Some("5f0c0000-1111".to_owned()),
            answered: Some(Box::new(Answered {
                request_id: None,
                time: Some("2026-11-22T14:05:10Z".to_owned()),
            })),
            ..ProviderError::own("", "", Outcome::Nothing)
        },
        exists: Existence::Absent,
        also: Some("the network interface exists and is recorded".to_owned()),
        origin: Some(Location { file: "main.hcl".into(), line: 52, column: 3 }),
        machine: Some(Machine {
            size: "Standard_D8s_v5".to_owned(),
            place: "zone 2 of eastus2".to_owned(),
            pool: "worker_pool \"general\"".to_owned(),
        }),
        at: None,
    };
    let skipped = |i: usize| Skipped {
        address: address(&format!("resource.later[{i}]")),
        operation: Operation::Create,
        because: vm.clone(),
    };
    ApplyReport {
        succeeded: 44,
        failures: vec![failure],
        skipped: (0..12).map(skipped).collect(),
        ..report()
    }
}

#[test]
fn a_success_is_one_line() {
    insta::assert_snapshot!(shown(&report()), @"Applied. 57 added, 0 changed, 0 destroyed.   6m02s");
}

#[test]
fn a_failure_says_what_is_there_and_what_to_do() {
    insta::assert_snapshot!(shown(&failed()));
}

#[test]
fn an_interruption_says_how_to_go_on() {
    insta::assert_snapshot!(shown(&ApplyReport { succeeded: 14, interrupted: Some(43), ..report() }));
}

#[test]
fn an_interrupted_destroy_is_not_told_to_apply() {
    let stopped = ApplyReport { mode: PlanMode::Destroy, succeeded: 14, interrupted: Some(43), ..report() };
    insta::assert_snapshot!(shown(&stopped));
    let mut failed = ApplyReport { mode: PlanMode::Destroy, ..failed() };
    failed.failures[0].operation = Operation::Delete;
    failed.failures[0].error = ProviderError {
        status: Some(409),
        ..ProviderError::own("Conflict", "Somebody holds on to it.", Outcome::Nothing)
    };
    failed.failures[0].exists = Existence::Unchanged;
    failed.failures[0].also = None;
    failed.skipped.truncate(1);
    failed.skipped[0].operation = Operation::Delete;
    insta::assert_snapshot!(shown(&failed));
}

#[test]
fn what_was_no_longer_waited_for_is_named() {
    let stopped = ApplyReport {
        succeeded: 14,
        interrupted: Some(42),
        unawaited: vec![Unended {
            address: address("cluster.prod.worker_pool[\"general\"].node[\"2\"].member"),
            operation: Operation::Create,
        }],
        ..report()
    };
    insta::assert_snapshot!(shown(&stopped));
}

#[test]
fn what_was_left_running_is_named() {
    let running = |name: &str| Unended { address: address(name), operation: Operation::Create };
    let left = ApplyReport {
        succeeded: 14,
        interrupted: Some(41),
        abandoned: vec![running("resource.logs"), running("cluster.prod.network.nat_gateway")],
        ..report()
    };
    insta::assert_snapshot!(shown(&left));
    insta::assert_snapshot!(shown(&ApplyReport { mode: PlanMode::Destroy, ..left }));
}

#[test]
fn the_same_cause_is_told_once() {
    let mut report = failed();
    let first = report.failures.remove(0);
    for number in 1..=50 {
        let mut failure = first.clone();
        failure.address = address(&format!("cluster.prod.worker_pool[\"general\"].node[\"{number}\"].vm"));
        failure.title = format!("virtual machine prod-general-{number}-77d0");
        failure.error.message =
            format!("prod-general-{number}-77d0: the quota of this subscription is used up.");
        failure.error.code = "QuotaExceeded".to_owned();
        failure.error.correlation_id = Some(format!("5f0c-{number}"));
        failure.also = None;
        report.failures.push(failure);
    }
    let other =
        StepFailure { error: ProviderError::own("Conflict", "another thing", Outcome::Nothing), ..first };
    report.failures.push(other);
    report.skipped.clear();
    insta::assert_snapshot!(shown(&report));
}

#[test]
fn throttling_and_time_that_is_up_say_what_to_do() {
    let mut report = failed();
    report.skipped.clear();
    report.failures[0].also = None;
    let mut late = report.failures[0].clone();
    let error = &mut report.failures[0].error;
    error.status = Some(429);
    error.code = "SubscriptionRequestsThrottled".to_owned();
    error.message =
        "Number of 'write' requests for subscription exceeded. Please try again after '10' seconds."
            .to_owned();
    late.error = ProviderError::own("Timeout", "it was not finished after 1h00m", Outcome::Unknown);
    late.exists = Existence::Recorded;
    let mut busy = report.failures[0].clone();
    busy.error.code = "RetryableErrorDueToAnotherOperation".to_owned();
    busy.error.message = "Operation was canceled by another operation.".to_owned();
    report.failures.extend([late, busy]);
    insta::assert_snapshot!(shown(&report));
}

#[test]
fn a_lost_answer_is_not_guessed() {
    let mut report = failed();
    report.failures[0].error =
        ProviderError::own("ConnectionLost", "the connection was closed", Outcome::Unknown);
    report.failures[0].exists = Existence::Unknown;
    report.failures[0].also = None;
    report.skipped.clear();
    insta::assert_snapshot!(shown(&report));
}

#[test]
fn what_a_forced_destroy_gave_up_is_listed_with_the_commands_that_remove_it() {
    let id = "/subscriptions/s/resourceGroups/rg-platform/providers/Microsoft.Network/networkInterfaces/prod-cp-1-a41c-nic";
    let given_up = vec![
        GivenUp {
            address: "cluster.prod.control_plane.node[\"1\"].member".parse().unwrap(),
            id: None,
            reason: "ClusterUnreachable: nobody answers".into(),
        },
        GivenUp {
            address: "cluster.prod.control_plane.node[\"1\"].nic".parse().unwrap(),
            id: Some(lazuli_core::resource::ResourceId::new(id)),
            reason: "409 ScopeLocked: it is locked".into(),
        },
    ];
    let report = ApplyReport { mode: PlanMode::Destroy, given_up, succeeded: 55, total: 57, ..report() };
    insta::assert_snapshot!(shown(&report));
}
