//! What Lazuli remembers between runs: the state file, the journal of an apply, locks, and encryption at rest.
//!
//! Rules: the state is replaced as a whole and atomically, never edited; a journal belongs to exactly one version of
//! one state; nothing that can be read later holds a secret in clear. No environment variable is read here and no
//! clock: the caller says who runs, when, and where keys are.
//!
//! | module | what |
//! |---|---|
//! | [`error`] | what can go wrong, with what the reader needs |
//! | [`key`], [`seal`] | where the key comes from; sealing bytes with it |
//! | [`secrets`] | taking sensitive leaves out of a record and putting them back |
//! | [`document`] | the state file's bytes |
//! | [`frame`] | the journal's bytes |
//! | [`replay`] | what records do to the recorded world |
//! | [`journal`] | the local journal: one flush serves all who wait |
//! | [`lock`], [`mod@file`], [`backup`] | the local file system: lock, atomic writes, previous generations |
//! | [`local`] | the local backend: all of it together |
//! | [`edit`] | other addresses, and forgetting: what a person asks of the recorded world |
//! | [`push`], [`rekey`], [`unlock`] | a state from elsewhere, another key, a lock that is stuck |
//!
//! Another backend brings its own lock, its own conditional write and its own append; `document`, `frame`, `replay`,
//! `secrets` and `seal` are the same for all.

#![forbid(unsafe_code)]

pub mod backup;
pub mod document;
pub mod edit;
pub mod error;
pub mod file;
pub mod frame;
pub mod journal;
pub mod key;
mod load;
pub mod local;
pub mod lock;
pub mod push;
pub mod rekey;
pub mod replay;
pub mod seal;
pub mod secrets;
pub mod unlock;

pub use error::StateError;
pub use key::KeySources;
pub use local::{LocalBackend, LocalState, OpenOptions};
pub use replay::Replay;
pub use seal::Sealer;

#[cfg(test)]
mod tests;
