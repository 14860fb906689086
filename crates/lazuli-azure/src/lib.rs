//! The provider `azure`: carries steps out through Azure Resource Manager (ARM).
//!
//! | module | what |
//! |---|---|
//! | [`kinds`] | what is known of each resource type, as tables, and the API versions that are spoken |
//! | [`account`] | a cloud account: subscription, cloud, credentials; what sign-in errors mean |
//! | [`transport`] | HTTP: one pooled client with our own TLS trust and name overrides |
//! | [`provider`] | the [`lazuli_core::provider::Provider`]: observe, read, put, delete, resume |
//! | [`checks`] | what must be true of the account before anything is planned |
//! | [`inventory`] | everything that is in a resource group |
//! | [`machine`] | the serial console of a virtual machine, and scripts run on it |
//! | [`permissions`] | which actions access control asks for, and whether somebody has them |
//! | [`preflight`] | what a plan asks of Azure, as typed facts: sizes, images, locks, policies, names |
//!
//! Inside: `arm` is the client (requests, errors, retries, paging, long-running operations), `merge` decides what an
//! update sends, `deletion` deletes and knows what is in the way, `refresh` reads many objects with few requests.

#![forbid(unsafe_code)]

pub mod account;
mod arm;
pub mod checks;
mod deletion;
pub mod inventory;
pub mod kinds;
pub mod machine;
mod merge;
pub mod permissions;
pub mod preflight;
pub mod provider;
mod refresh;
#[cfg(test)]
mod scripted;
pub mod transport;

pub use account::{Account, Cloud, Credential, Endpoints, Secret, Trust};
pub use kinds::AzureKinds;
pub use provider::{AzureProvider, Options};
