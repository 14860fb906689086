//! Stories of the days after a cluster was made: the real binary against the simulated Azure and the Kubernetes in it.
//!
//! The workloads run under disruption budgets all the time. Every apply is filmed: at each change of the world the
//! [`film`] checks that etcd keeps its quorum, that no budget is violated and that no zone is emptied.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, and says what it skipped"
)]

#[path = "../e2e/cloud.rs"]
#[allow(dead_code, reason = "shared with e2e")]
mod cloud;
#[path = "../e2e/configurations.rs"]
#[macro_use]
#[allow(dead_code, reason = "shared with e2e")]
mod configurations;
#[path = "../contract/mod.rs"]
mod contract;
#[path = "../e2e/workbench.rs"]
#[allow(dead_code, reason = "shared with e2e")]
mod workbench;

mod authorities;
mod certificates;
mod control_plane;
mod destroying;
mod film;
mod inside;
mod keys;
mod pools;
mod scaling;
mod stage;
mod trouble;
mod unanswered;
mod upgrading;
