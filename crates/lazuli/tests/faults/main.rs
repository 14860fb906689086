//! The fault test: whatever Azure and the network do, a run ends converged, or with a true error and a state from which the
//! next apply converges. Nothing healthy is replaced or deleted, nothing is made twice, no success is reported wrongly.
//!
//! In virtual time, so that minutes of patience pass in a moment. `LAZULI_SEEDS=5000` tries more mixtures; `LAZULI_SEED=17`
//! repeats one.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop"
)]

mod alone;
mod inside;
mod laws;
mod mixtures;
mod scenario;
#[path = "../virtual_azure/mod.rs"]
mod virtual_azure;
