//! A simulated Kubernetes cluster: its API server, as clients see it, and what stands behind it.
//!
//! Part of the [`World`](crate::World), so it is a pure value: time comes in as milliseconds since 1970, sockets are
//! the shell's. A cluster is known by the host name of its API server.

mod access;
mod api;
mod auth;
mod boot;
mod bootstrap;
mod cluster;
mod columns;
mod controllers;
mod defaults;
mod deletion;
mod discovery;
mod etcd;
mod eviction;
mod exec;
mod fields;
mod login;
mod machine;
mod namespaces;
mod naming;
mod openapi;
mod ownership;
mod patch;
mod pods;
mod reach;
mod read;
mod remove;
mod reply;
mod resources;
mod reviews;
mod scale;
mod selector;
mod status;
mod store;
mod table;
mod trust;
mod validate;
mod watch;
mod write;
mod yaml;

#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;

pub(crate) use api::handle;
pub use auth::User;
pub(crate) use boot::boot;
pub(crate) use bootstrap::bootstrap;
pub(crate) use cluster::{Cluster, ClusterChange, ControlPlane, Leaf, seed_of};
pub(crate) use controllers::{act, next, notice};
pub(crate) use etcd::Etcd;
pub(crate) use exec::exec;
pub(crate) use login::run_as_root;
pub(crate) use machine::{FirstBoot, Kubelet};
pub(crate) use pods::outcome;
pub(crate) use reply::{Exec, Reply};
pub(crate) use status::Refusal;
pub(crate) use store::{Store, moment};
pub(crate) use watch::Watch;

/// The certificate of an API server that answers behind a host name, if one does. Clusters without machines, which only
/// tests have, always answer.
pub(crate) fn answering_leaf<'w>(world: &'w crate::World, host: &str) -> Option<&'w Leaf> {
    let control = world.clusters.get(host)?.control();
    let behind = reach::answering(world, host, None);
    match behind.iter().find_map(|node| control.servers.get(node)) {
        None if control.etcd.members.is_empty() => control.servers.values().next(),
        found => found,
    }
}

/// True for a host name at which an API server may answer some day.
pub(crate) fn is_known(world: &crate::World, host: &str) -> bool {
    reach::is_known(world, host)
}
