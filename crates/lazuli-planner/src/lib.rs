//! Desired × recorded × observed → [`Plan`](lazuli_core::plan::Plan). Pure: no network, clock or randomness.
//!
//! | module | what |
//! |---|---|
//! | [`graph`] | declarations as a graph: order, and cycles with the place of every edge |
//! | [`draft`] | everything evaluated once: which objects must be looked at before a plan can be made |
//! | [`known`] | what expressions may know of a resource while a plan is made |
//! | [`compare`] | attribute by attribute: what differs, and who changed it |
//! | [`refactoring`], [`import`] | what `moved`, `removed` and `import` say |
//! | `same` | whether two values mean the same, in the semantics of a kind |
//! | [`keep`] | `ignore_changes`: what others set stays |
//! | `marks` | secrets in what comes back from the world |
//! | [`decide`] | what happens to a resource, and why |
//! | `ends` | what ends with something else, without a step |
//! | `exchange` | addresses that name each other's objects now |
//! | `follow` | what is replaced because something else changes |
//! | `apply` | the walk over the declarations |
//! | `protect` | `prevent_destroy`, declared and remembered |
//! | [`refresh`] | `--refresh-only`: what somebody else did, taken into the record |
//! | [`scope`] | `--target` and `--exclude`: what a partial plan leaves out |
//! | `settle` | which is first in a replacement |
//! | [`order`] | decisions → operations with their constraints |
//! | `steps` | constraints → numbered steps, or the contradiction |
//! | [`mod@make`] | all of it in one call |

#![forbid(unsafe_code)]

mod apply;
pub mod compare;
pub mod decide;
pub mod draft;
mod ends;
mod exchange;
mod follow;
mod foreign;
pub mod graph;
pub mod import;
pub mod keep;
pub mod known;
pub mod make;
mod marks;
pub mod order;
mod protect;
pub mod refactoring;
pub mod refresh;
mod rollout;
mod same;
pub mod scope;
mod settle;
mod steps;

pub use draft::Draft;
pub use make::{Observed, Request, make};
pub use refactoring::Refactoring;
