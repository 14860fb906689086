//! The `lazuli` binary's parts: the command line, the terminal, what is shown and how progress is told.
//!
//! | module | what |
//! |---|---|
//! | [`cli`] | the command line as data |
//! | [`terminal`] | where output goes: standard output or error, colours, width, the one question |
//! | [`render`] | plans, diagnostics, states, reports as text for people and as JSON for machines |
//! | [`progress`] | what is told while steps run: live, line by line, or as JSON events |

#![forbid(unsafe_code)]

pub mod accounts;
pub mod backend;
pub mod blueprint;
mod boot;
pub mod claims;
pub mod cli;
pub mod clouds;
pub mod commands;
pub mod failure;
pub mod generate;
pub mod host;
pub mod inside;
pub mod interrupt;
pub mod kinds;
pub mod outcome;
pub mod passphrase;
pub mod plan_file;
pub mod planning;
pub mod preflight;
pub mod progress;
pub mod project;
pub mod render;
pub mod roles;
pub mod rotation;
pub mod terminal;
