//! Evaluated blocks → [`crate::spec`], with every mistake and its place.
//!
//! Names and shapes of attributes have been checked against [`crate::schema`] already; here is what they mean.

mod access;
mod api_server;
mod check;
mod cluster;
mod labels;
mod manifests;
mod name;
mod network;
mod pool;
mod profile;
mod reader;
mod rule;
mod update;

#[cfg(test)]
mod tests;

pub use cluster::{Context, cluster};
pub use profile::profile;
