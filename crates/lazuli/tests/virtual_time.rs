//! Whole runs in virtual time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod virtual_azure;

use std::time::{Duration, Instant};

use virtual_azure::{Azure, VirtualAzure, block_on, example};

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
