//! A simulated Kubernetes cluster: its API server, as clients see it, and what stands behind it.
//!
//! Part of the [`World`](crate::World), so it is a pure value: time comes in as milliseconds since 1970, sockets are
//! the shell's. A cluster is known by the host name of its API server.

mod boot;
mod cluster;
mod controllers;
mod etcd;
mod exec;
mod machine;
mod reach;
mod store;
#[cfg(test)]
mod stories;
mod yaml;

pub(crate) use boot::boot;
pub(crate) use controllers::{act, next, notice};
pub(crate) use machine::{FirstBoot, Kubelet};

pub(crate) use cluster::{Cluster, ClusterChange, ControlPlane, Leaf, seed_of};
pub(crate) use etcd::Etcd;
#[allow(unused_imports, reason = "the controllers take them from here")]
pub(crate) use store::{Event, EventKind, Key, Store, moment};
