//! Whole runs in virtual time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod virtual_azure;

use std::time::{Duration, Instant};

use lazuli_executor::{Event, EventKind};
use lazuli_simulator::Faults;
use virtual_azure::{Azure, Ran, VirtualAzure, block_on, example, route_tables};

#[test]
fn minutes_of_azure_pass_in_a_moment_and_a_second_plan_is_empty() {
    let wall = Instant::now();
    block_on(async {
        let azure = VirtualAzure::new(&Azure::default());
        let quickstart = example("quickstart");

        let first = azure.apply(&quickstart).await;
        assert!(first.report.is_complete(), "{:?}", first.report.endings);
        assert!(first.elapsed > Duration::from_secs(60), "no time passed: {:?}", first.elapsed);
        assert!(first.elapsed < Duration::from_secs(600), "{:?}", first.elapsed);
        let machines = azure.ids().into_iter().filter(|id| id.contains("/virtualMachines/")).count();
        assert_eq!(machines, 6);
        assert!(first.requests.len() > first.plan.steps.len());

        let second = azure.apply(&quickstart).await;
        assert!(second.plan.is_empty(), "{:?}", second.plan.steps);
        assert!(second.requests.iter().all(|request| !request.method.mutates()));

        let gone = azure.destroy(&quickstart).await;
        assert!(gone.report.is_complete(), "{:?}", gone.report.endings);
        assert_eq!(azure.ids().len(), 0, "{:?}", azure.ids());
    });
    assert!(wall.elapsed() < Duration::from_secs(10), "virtual time is slow: {:?}", wall.elapsed());
}

#[test]
fn two_hundred_resources_fit_into_small_buckets_without_being_refused() {
    let limits = r#"{"limits": {"writes": {"capacity": 20, "per_second": 1}, "deletes": {"capacity": 20, "per_second": 1},
        "reads": {"capacity": 40, "per_second": 5}}}"#;
    block_on(async {
        let azure = VirtualAzure::new(&Azure { faults: Faults::parse(limits).unwrap(), ..Azure::default() });
        let tables = route_tables(200);

        let first = azure.apply(&tables).await;
        assert!(first.report.is_complete(), "{:?}", first.report.endings);
        assert!(refused(&first) <= 2, "{} of {} refused", refused(&first), first.requests.len());
        let writes = first.requests.iter().filter(|r| r.method.mutates()).count();
        assert_eq!(writes - refused(&first), 200);
        // (200 - 20) / 1 per second is what the buckets allow at best.
        assert!(first.report.elapsed < Duration::from_secs(240), "{:?}", first.report.elapsed);
        let waits = |event: &&Event| matches!(&event.kind, EventKind::Progress { text } if text.starts_with("Azure allows"));
        assert!(first.events.iter().filter(waits).count() > 100, "waits are told");

        let gone = azure.destroy(&tables).await;
        assert!(gone.report.is_complete(), "{:?}", gone.report.endings);
        assert!(refused(&gone) <= 2, "{} of {} refused", refused(&gone), gone.requests.len());
    });
}

fn refused(ran: &Ran) -> usize {
    ran.requests.iter().filter(|request| request.status == Some(429)).count()
}
