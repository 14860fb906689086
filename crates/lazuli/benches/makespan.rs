//! How long applies and destroys take in a simulated Azure with the measured delays, beside what they must take at least.
//!
//! `cargo bench -p lazuli --bench makespan`, with `-- --ways` for the steps that decided. Time is virtual: the numbers are
//! the same on every machine.

#![allow(clippy::print_stdout, reason = "a bench prints")]

#[path = "../tests/virtual_azure/mod.rs"]
mod virtual_azure;

use std::time::Instant;

use lazuli_executor::execute::PARALLELISM;
use virtual_azure::bounds::{bounds, longest_way};
use virtual_azure::{Azure, Ran, VirtualAzure, block_on, example, route_tables};

fn main() {
    let ways = std::env::args().any(|argument| argument == "--ways");
    println!(
        "{:<34} {:>5} {:>9} {:>9} {:>9} {:>9} {:>6} {:>8} {:>5} {:>7}",
        "what", "steps", "makespan", "longest", "with", "by paral-", "ratio", "requests", "429s", "wall"
    );
    println!("{:<34} {:>5} {:>9} {:>9} {:>9} {:>9}", "", "", "", "way", "locks", "lelism");
    let cluster = example("quickstart");
    let large = cluster.replace("default     = 3", "default     = 30");
    for (what, configuration, parallelism) in [
        ("quickstart, 3 + 3 nodes", cluster, PARALLELISM),
        ("cluster, 3 + 30 nodes", large.clone(), PARALLELISM),
        ("cluster, 3 + 30, parallelism 10", large, 10),
        ("200 route tables", route_tables(200), PARALLELISM),
        ("1000 route tables", route_tables(1000), PARALLELISM),
    ] {
        block_on(async {
            let azure = VirtualAzure::new(&Azure { parallelism, ..Azure::default() });
            let began = Instant::now();
            let made = azure.apply(&configuration).await;
            tell(what, &made, parallelism, began, ways);
            let began = Instant::now();
            let gone = azure.destroy(&configuration).await;
            tell("  destroyed", &gone, parallelism, began, ways);
        });
    }
}

fn tell(what: &str, ran: &Ran, parallelism: usize, began: Instant, ways: bool) {
    assert!(ran.report.is_complete(), "{what}: {:?}", ran.report.endings);
    let bounds = bounds(&ran.plan, &ran.events, parallelism);
    let refused = ran.requests.iter().filter(|request| request.status == Some(429)).count();
    println!(
        "{what:<34} {:>5} {:>7.1} s {:>7.1} s {:>7.1} s {:>7.1} s {:>6.3} {:>8} {refused:>5} {:>5.1} s",
        ran.plan.steps.len(),
        bounds.makespan,
        bounds.critical_path,
        bounds.locks,
        bounds.parallelism,
        bounds.ratio(),
        ran.requests.len(),
        began.elapsed().as_secs_f64()
    );
    if ways {
        longest_way(&ran.plan, &ran.events).iter().for_each(|step| println!("    {step}"));
    }
}
