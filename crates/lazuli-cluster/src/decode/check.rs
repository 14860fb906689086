//! What can be checked only when the whole cluster is there.

use lazuli_core::Diagnostic;

use super::reader::Reader;
use crate::names;
use crate::spec::{Cluster, Network};

/// Addresses Azure keeps of every subnet.
const KEPT_BY_AZURE: usize = 5;

pub(super) fn whole(read: &mut Reader, cluster: &Cluster) {
    addresses(read, cluster);
    room(read, cluster);
    node_names(read, cluster);
    if cluster.workers.is_empty() && !cluster.control_plane.taints.is_empty() {
        read.problem(
            Diagnostic::error("LZ0219", "no node could run workloads: there is no worker_pool")
                .at(cluster.span, "add a worker_pool, or set control_plane.schedulable = true"),
        );
    }
}

/// Pods and services must not share addresses with the network of the nodes.
fn addresses(read: &mut Reader, cluster: &Cluster) {
    let Network::Dynamic(network) = &cluster.network else { return };
    for (what, cidr) in [("pods", cluster.profile.pod_cidr), ("services", cluster.profile.service_cidr)] {
        if network.cidr.contains(&cidr) || cidr.contains(&network.cidr) {
            read.problem(
                Diagnostic::error(
                    "LZ0207",
                    format!("the network ({}) and {what} ({cidr}) would share addresses", network.cidr),
                )
                .at(network.span, format!("{} overlaps the addresses of {what}", network.cidr))
                .also_at(cluster.profile.span, format!("{what} are at {cidr}"))
                .help("choose network.cidr and the profile's pod_cidr and service_cidr apart"),
            );
        }
    }
}

/// Subnets must hold their nodes and those of a rolling change.
fn room(read: &mut Reader, cluster: &Cluster) {
    let Network::Dynamic(network) = &cluster.network else { return };
    let workers: usize = cluster.workers.iter().map(|p| p.count as usize + p.update.window).sum();
    let control_plane = cluster.control_plane.count as usize + cluster.control_plane.update.window;
    for (subnet, nodes) in [(&network.control_plane, control_plane), (&network.worker, workers)] {
        let room =
            (1usize << (32 - u32::from(subnet.cidr.prefix_len())).min(31)).saturating_sub(KEPT_BY_AZURE);
        if nodes > room {
            read.problem(
                Diagnostic::error(
                    "LZ0207",
                    format!(
                        "{} has room for {room} nodes, and {nodes} are needed during a rolling change",
                        subnet.cidr
                    ),
                )
                .at(subnet.span, "too small"),
            );
        }
    }
}

/// A node's name is a DNS label.
fn node_names(read: &mut Reader, cluster: &Cluster) {
    for pool in std::iter::once(&cluster.control_plane).chain(&cluster.workers) {
        let longest = names::node(&cluster.name, pool.short_name(), &pool.count.to_string(), "0000");
        if longest.len() > 63 {
            read.problem(
                Diagnostic::error("LZ0213", format!("names of nodes such as `{longest}` are longer than the 63 characters Kubernetes allows"))
                    .at(pool.span, "shorten the name of the pool or of the cluster"),
            );
        }
    }
}
