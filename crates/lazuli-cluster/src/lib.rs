//! From a `cluster` block and its profile to every resource of the cluster. Pure: the same blocks, records and
//! renewals give the same resources.
//!
//! | module | what |
//! |---|---|
//! | [`schema`] | which blocks and attributes `cluster` and `cluster_profile` have |
//! | [`spec`] | a cluster and a profile as types |
//! | [`decode`] | evaluated blocks → [`spec`], with every mistake and its place |
//! | [`names`] | names, ids and the API host name, all known before anything exists |
//! | [`roster`] | which node sits in which slot, under which name, in which zone |
//! | [`expand`] | [`spec`] + roster → resources |
//! | [`history`] | what cannot be done to a cluster that exists |
//! | [`impact`] | how much of a cluster a plan touches |
//! | [`attributes`] | `cluster.NAME.…` in expressions |

#![forbid(unsafe_code)]

pub mod attributes;
pub mod decode;
pub mod expand;
pub mod history;
pub mod impact;
pub mod names;
#[cfg(test)]
mod rolling;
pub mod roster;
pub mod schema;
pub mod spec;
#[cfg(test)]
mod testing;
