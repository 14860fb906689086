//! Kubernetes on the machines that Azure gives us.
//!
//! | module | what |
//! |---|---|
//! | [`version`] | Kubernetes versions: kubeadm's configuration API, version skew, allowed upgrades (pure) |
//! | [`pki`] | certificate authorities, keys, tokens and client certificates of a cluster |
//! | [`keyring`] | the keys of clusters while a run lasts |
//! | [`api`] | how the API of a cluster is reached: clients, retries, errors, commands in containers |
//! | [`manifests`] | what Lazuli puts into a cluster: cloud provider, storage, namespaces, bindings; manifests of users (pure) |
//! | [`objects`] | sets of objects in a cluster: apply, wait, prune, delete, observe |
//! | [`settings`] | what `kubeadm upgrade` would maintain: kubeadm-config, kubelet-config, kube-proxy, CoreDNS |
//! | [`status`] | how a cluster is: nodes, etcd, what is not ready |
//! | [`claims`] | what the cluster's own controllers made in Azure: load balancers, disks |
//! | [`authorities`] | are keys those of a cluster? |
//! | [`survey`] | what a cluster says of itself to one who has its keys and nothing else |
//! | [`tls`] | the provider `tls` |
//! | [`node`] | nodes: the permission to join, readiness, drain, etcd's quorum |
//! | [`provider`] | the provider `kubernetes` |
//! | [`user_data`] | the cloud-init document that makes a machine a node (pure) |
//! | [`kinds`] | what is known of Lazuli's own resource types (data) |

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod api;
pub mod authorities;
pub mod claims;
pub mod keyring;
pub mod kinds;
pub mod manifests;
pub mod node;
pub mod objects;
pub mod pki;
pub mod provider;
pub mod settings;
pub mod status;
mod stop;
pub mod survey;
pub mod tls;
pub mod user_data;
pub mod version;

#[cfg(test)]
mod scripted;
