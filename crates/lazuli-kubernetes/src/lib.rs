//! Kubernetes on the machines that Azure gives us.
//!
//! | module | what |
//! |---|---|
//! | [`version`] | Kubernetes versions: kubeadm's configuration API, version skew, allowed upgrades (pure) |
//! | [`user_data`] | the cloud-init document that prepares a node's machine (pure) |

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod user_data;
pub mod version;
