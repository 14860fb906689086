//! The nouns of Lazuli and the traits between its rooms.
//!
//! Everything here is data or a trait: no input or output, no clock, no randomness, no runtime.
//!
//! | module | what |
//! |---|---|
//! | [`source`], [`diagnostic`] | spans into configuration files, and what is said about them |
//! | [`number`], [`types`], [`value`], [`entries`], [`encoding`] | values of the configuration language: known, unknown, sensitive |
//! | [`path`], [`address`] | where in a value, which resource |
//! | [`block`] | evaluated configuration blocks and the schemas they obey |
//! | [`resource`], [`configuration`] | what is declared and desired, and the trait the planner asks |
//! | [`kind`] | the schema of a resource type: what forces replacement, what is write-only, … |
//! | [`recorded`], [`journal`] | what the state remembers, and the write-ahead log of an apply |
//! | [`plan`] | the plan: changes for people, steps and edges for the executor |
//! | [`provider`] | the trait that carries steps out |
//! | [`suggestion`] | "did you mean" |

#![forbid(unsafe_code)]

pub mod address;
pub mod block;
pub mod configuration;
pub mod diagnostic;
pub mod encoding;
pub mod entries;
pub mod journal;
pub mod kind;
pub mod number;
pub mod path;
pub mod plan;
pub mod provider;
pub mod recorded;
pub mod resource;
pub mod source;
pub mod suggestion;
pub mod types;
pub mod value;

pub use address::Address;
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use entries::Entries;
pub use number::Number;
pub use path::Path;
pub use source::{FileId, Sources, Span};
pub use types::Type;
pub use value::{Unknown, Value};

/// JSON as providers and the state file speak it.
pub type Json = serde_json::Value;

/// How maps with very many names of a configuration hash: quickly, and otherwise in every run. For keys that strangers
/// choose, the standard library's is the right one.
pub type Hashing = foldhash::fast::RandomState;
