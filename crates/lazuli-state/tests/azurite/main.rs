//! The Azure Blob backend against Azurite, Microsoft's emulator of storage. `ci/azurite.sh` starts one and runs these;
//! without it they do nothing and say so.
//!
//! `LAZULI_AZURITE` is its blob endpoint, `LAZULI_AZURITE_CA` a file with its certificate.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, missing_docs, reason = "tests")]

mod fencing;
mod lost;
mod runs;
mod service;
