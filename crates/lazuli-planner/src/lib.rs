//! Desired × recorded × observed → [`Plan`](lazuli_core::plan::Plan). Pure: no network, clock or randomness.
//!
//! | module | what |
//! |---|---|
//! | [`graph`] | declarations as a graph: order, and cycles with the place of every edge |
//! | [`draft`] | everything evaluated once: which objects must be looked at before a plan can be made |
//! | [`known`] | what expressions may know of a resource while a plan is made |
//! | [`compare`] | attribute by attribute: what differs, and who changed it |
//! | [`decide`] | what happens to a resource, and why |
//! | [`order`] | decisions → steps and edges |
//! | [`make`] | all of it in one call |

#![forbid(unsafe_code)]

pub mod compare;
pub mod decide;
pub mod draft;
pub mod graph;
pub mod known;
pub mod make;
pub mod order;

pub use draft::Draft;
pub use make::{Observed, Request, make};
