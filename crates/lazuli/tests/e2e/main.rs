//! Stories of whole runs: the real binary against the simulated Azure, over the wire.
//!
//! One test binary, so that it links once. Every story works on a [`workbench::Workbench`] of its own; when that ends,
//! every request body that was sent is checked against Azure's published types.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, and says what it skipped"
)]

mod accounts;
mod at_the_terminal;
mod azurite;
mod bad_input;
mod claims;
mod cloud;
mod configurations;
#[path = "../contract/mod.rs"]
mod contract;
mod events;
mod examples;
mod failures;
mod formatting;
mod healing;
mod importing;
mod interruptions;
mod kubeconfigs;
mod lifecycle;
mod looking;
mod lost_state;
mod modules;
mod moments;
mod other_clouds;
mod outside;
mod placement;
mod preflight;
mod protection;
mod refactoring;
mod repairing;
mod resources;
mod run_command;
mod saved_plans;
mod scope;
mod secrets;
mod settled;
mod sign_in;
mod specimens;
mod troubled_state;
mod variables;
mod variants;
mod workbench;
