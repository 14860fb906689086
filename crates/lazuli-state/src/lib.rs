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
//! | [`journal`] | the journal of a run: one flush serves all who wait |
//! | [`backend`] | a backend and the open state in it: all of it together |
//! | [`lock`], [`mod@file`] | the local file system: lock, atomic writes |
//! | [`blob`] | Azure Blob: lease, conditional writes, append blob |
//! | [`edit`] | other addresses, and forgetting: what a person asks of the recorded world |
//! | [`push`], [`rekey`], [`unlock`] | a state from elsewhere, another key, a lock that is stuck |
//!
//! Inside, `store` is what one backend differs in from another: lock, conditional write, append, backups. `local` and
//! `blob` bring theirs; everything else is the same for all.

#![forbid(unsafe_code)]

pub mod backend;
mod backup;
pub mod blob;
pub mod document;
pub mod edit;
pub mod error;
pub mod file;
pub mod frame;
pub mod journal;
pub mod key;
mod load;
mod local;
pub mod lock;
pub mod push;
pub mod rekey;
pub mod replay;
pub mod seal;
pub mod secrets;
mod store;
pub mod unlock;

pub use backend::{Backend, OpenOptions, OpenState};
pub use error::StateError;
pub use key::{Ask, KeySources};
pub use replay::Replay;
pub use seal::Sealer;

#[cfg(test)]
mod tests;
