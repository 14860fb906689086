//! Kubernetes on the machines that Azure gives us. So far only what is pure: no network, no clock, no randomness.
//!
//! | module | what |
//! |---|---|
//! | [`version`] | Kubernetes versions: kubeadm's configuration API, version skew, allowed upgrades |
//! | [`user_data`] | the cloud-init document that prepares a node's machine |
//!
//! This is the place of the providers `kubernetes` and `tls` as well. They are not here yet.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod user_data;
pub mod version;
