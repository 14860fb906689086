//! What can be checked only when the whole cluster is there.

use lazuli_core::Diagnostic;
use lazuli_core::block::Block;

use super::network::SMALLEST_SUBNET;
use super::reader::{Reader, shown};
use crate::names;
use crate::spec::{Cluster, Cni, Egress, Network, Pool};

/// Addresses Azure keeps of every subnet.
const KEPT_BY_AZURE: usize = 5;
/// The prefix of a node's share of the addresses of pods: Kubernetes' default.
const PODS_OF_A_NODE: u8 = 24;
/// How many routes a route table holds, one per node.
const MOST_ROUTES: usize = 400;

pub(super) fn whole(read: &mut Reader, block: &Block, cluster: &Cluster) {
    addresses(read, cluster);
    room(read, cluster);
    only_read(read, cluster);
    way_to_the_api(read, cluster);
    node_names(read, block, cluster);
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
                    "LZ0220",
                    format!("the network ({}) and {what} ({cidr}) would share addresses", network.cidr),
                )
                .at(network.span, format!("{} overlaps the addresses of {what}", network.cidr))
                .also_at(cluster.profile.span, format!("{what} are at {cidr}"))
                .help("choose network.cidr and the profile's pod_cidr and service_cidr apart"),
            );
        }
    }
}

/// Subnets and the addresses of pods must hold the nodes and those of a rolling change.
fn room(read: &mut Reader, cluster: &Cluster) {
    let control_plane = most_nodes(&cluster.control_plane);
    let workers: usize = cluster.workers.iter().map(most_nodes).sum();
    if let Network::Dynamic(network) = &cluster.network {
        let balancer = usize::from(cluster.api_server.private.is_some());
        for (subnet, nodes) in [(&network.control_plane, control_plane), (&network.worker, workers)] {
            let taken = if subnet.span == network.control_plane.span { balancer } else { 0 };
            let room = addresses_in(subnet.cidr.prefix_len(), 32).saturating_sub(KEPT_BY_AZURE + taken);
            // One that is too small for anything has been refused already.
            if nodes > room && subnet.cidr.prefix_len() <= SMALLEST_SUBNET {
                read.problem(
                    Diagnostic::error(
                        "LZ0220",
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
    let (pods, nodes) = (cluster.profile.pod_cidr, control_plane + workers);
    let room = addresses_in(pods.prefix_len(), PODS_OF_A_NODE);
    if cluster.profile.cni == Cni::AzureRoutes && nodes > room.min(MOST_ROUTES) {
        let problem = if room < MOST_ROUTES {
            Diagnostic::error(
                "LZ0220",
                format!("{pods} has room for the pods of {room} nodes, and {nodes} are needed during a rolling change"),
            )
            .at(cluster.profile.span, format!("every node takes a /{PODS_OF_A_NODE} of pod_cidr"))
        } else {
            Diagnostic::error(
                "LZ0220",
                format!("a route table holds the pods of {MOST_ROUTES} nodes, and {nodes} are needed during a rolling change"),
            )
            .at(cluster.span, "too many nodes for cni = \"azure_routes\"")
        };
        read.problem(problem.help("every node of every pool counts, and max_surge nodes more"));
    }
}

/// How many nodes a pool has at most while they are replaced.
fn most_nodes(pool: &Pool) -> usize {
    let count = pool.count as usize;
    if pool.update.create_first { count + pool.update.window.min(count) } else { count }
}

/// How many blocks of `small` bits of prefix lie in a network of `prefix` bits.
fn addresses_in(prefix: u8, small: u8) -> usize {
    match small.checked_sub(prefix) {
        Some(bits) => 1 << bits.min(31),
        None => 0,
    }
}

/// What an existing network does not allow Lazuli to do.
fn only_read(read: &mut Reader, cluster: &Cluster) {
    if matches!(cluster.network, Network::Existing(_)) && !cluster.api_server.authorized_ranges.is_empty() {
        read.problem(
            Diagnostic::error(
                "LZ0215",
                "`authorized_ranges` would not be enforced: security groups of an existing network are only read",
            )
            .at(cluster.api_server.span, "authorized_ranges is set here")
            .help("put the ranges into that network's security group, and take `authorized_ranges` out"),
        );
    }
}

/// Nodes come to a public API through its public address.
fn way_to_the_api(read: &mut Reader, cluster: &Cluster) {
    if let Network::Dynamic(network) = &cluster.network
        && network.egress == Egress::None
        && cluster.api_server.private.is_none()
    {
        read.warnings.push(
            Diagnostic::warning(
                "LZ0219",
                "nodes without egress cannot reach the API at its public address to join the cluster",
            )
            .at(network.span, "egress = \"none\"")
            .help("choose api_server.access = \"private\", egress = \"nat_gateway\", or \"user_defined_routing\" with routes of your own"),
        );
    }
}

/// A node's name is a DNS label.
fn node_names(read: &mut Reader, block: &Block, cluster: &Cluster) {
    for pool in std::iter::once(&cluster.control_plane).chain(&cluster.workers) {
        let longest = names::node(&cluster.name, pool.short_name(), &pool.count.to_string(), "0000");
        if longest.len() > 63 {
            let longest = shown(block, "name", longest);
            read.problem(
                Diagnostic::error("LZ0225", format!("names of nodes such as `{longest}` are longer than the 63 characters Kubernetes allows"))
                    .at(pool.span, "shorten the name of the pool or of the cluster"),
            );
        }
    }
}
