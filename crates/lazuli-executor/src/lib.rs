//! Runs a plan: every step as soon as what it waits for is done, each intent durable before its request, each outcome
//! durable before anything relies on it.
//!
//! The executor follows the plan's steps and edges and builds no other order; it knows nothing of clusters or rollouts.
//! It neither shows anything (it tells [`Event`]s) nor writes the state (it appends to a [`Journal`]).
//!
//! | module | what |
//! |---|---|
//! | [`mod@execute`] | the run: starts steps, hears of their ends, stops when asked |
//! | [`queue`] | which step may start next: dependencies, locks, longest path first (pure) |
//! | [`step`] | one step from evaluation to its durable outcome |
//! | [`ownership`] | whether what is to be created is somebody else's already |
//! | [`resolve`] | what an unknown outcome was, by reading |
//! | [`settle`] | what an earlier run left unfinished |
//! | [`promise`] | whether what is evaluated now is what the plan showed (pure) |
//! | [`objects`] | what expressions know while a plan is carried out |
//! | [`record`], [`write_only`] | resources as the state remembers them; what is never stored (pure) |
//! | [`secrets`] | what a service repeats of what it was sent is hidden (pure) |
//! | [`adjust`] | what changes in the record without any request (pure) |
//! | [`event`], [`report`], [`error`] | what is told during and after a run |
//!
//! [`Journal`]: lazuli_core::journal::Journal

#![forbid(unsafe_code)]

pub mod adjust;
pub mod error;
pub mod event;
pub mod execute;
pub mod objects;
pub mod ownership;
pub mod promise;
pub mod queue;
pub mod record;
pub mod report;
pub mod resolve;
pub mod secrets;
pub mod settle;
pub mod step;
pub mod write_only;

pub use error::{Failure, Left, Owner, StepError};
pub use event::{Event, EventKind};
pub use execute::{Cancel, Hidden, Providers, Run, execute};
pub use objects::Objects;
pub use report::{Counts, Ending, Report};

#[cfg(test)]
mod tests;
