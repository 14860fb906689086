//! A cluster's spec and roster → every Azure resource of it, with ids, bodies and dependencies.
//!
//! One module per group of addresses; `part.rs` is what they all build with.

mod api_server;
mod boot;
mod content;
mod first_boot;
mod identity;
mod inside;
mod machine;
mod membership;
mod network;
mod node;
mod outbound;
mod part;
mod phase;
mod pki;
mod private_dns;
mod rotation;
mod surroundings;

#[cfg(test)]
mod tests;

use lazuli_core::Address;
use lazuli_core::resource::ResourceId;

use crate::names::{self, Account};
use crate::roster::Records;
use crate::spec::{Cluster, Network, UpdatePools};

pub use boot::{AzureFacts, NodeBoot, Pki};
pub use content::{ClusterFacts, Content, Layer, LayerSpec};
pub(crate) use inside::layer;
pub use network::{API_RULE, API_RULE_PRIORITY};
use part::Site;
pub use part::{Features, Part};
use phase::Phase;
pub use phase::{IMPORTED, imported_with};
pub use rotation::RotatedKey;
use rotation::Rotations;

/// A cluster's resources.
#[derive(Debug, Clone)]
pub struct Expansion {
    /// The cluster it was made from.
    pub cluster: Cluster,
    /// The resources, in a stable order.
    pub parts: Vec<Part>,
    /// The API's host name.
    pub fqdn: String,
    /// The ids expressions and other rooms ask for.
    pub ids: Ids,
    /// Every node with its pool: name, pool, zone and the address of its network interface.
    pub nodes: Vec<NodeFacts>,
}

impl Expansion {
    /// True when what is inside the cluster is expanded too.
    pub fn is_whole(&self) -> bool {
        let authority = Pki::of(&self.cluster.address).cluster_ca;
        self.parts.iter().any(|part| part.declaration.address == authority)
    }
}

/// Ids of a cluster's central resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The resource group.
    pub resource_group: ResourceId,
    /// The virtual network.
    pub virtual_network: ResourceId,
    /// The subnet of control-plane nodes.
    pub control_plane_subnet: ResourceId,
    /// The subnet of workers.
    pub worker_subnet: ResourceId,
    /// The identity of the control plane.
    pub identity: ResourceId,
}

/// A node as people ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// The virtual machine's name.
    pub name: String,
    /// `cp` or the pool's name.
    pub pool: String,
    /// Its zone.
    pub zone: Option<String>,
    /// Its network interface.
    pub nic: Address,
}

/// Expands a cluster. What cannot be expanded has been refused by [`crate::decode`].
pub fn expand(cluster: &Cluster, account: &Account, records: Records<'_>, features: Features) -> Expansion {
    let group = names::resource_group(account, &cluster.resource_group);
    let public_ip = format!("pip-{}-apiserver", cluster.name);
    let label = names::dns_label(&cluster.name, account, &cluster.resource_group, &public_ip);
    let site = Site {
        cluster,
        account,
        group: group.clone(),
        lineage: &records.world.lineage,
        fqdn: match &cluster.api_server.private {
            Some(private) => format!("apiserver.{}", private.zone),
            None => names::fqdn(&label, &cluster.region, account),
        },
        dns_label: label,
        rotations: Rotations::of(&cluster.address, records),
        features,
    };
    let mut parts = Vec::new();
    let network = match &cluster.network {
        Network::Dynamic(own) => network::dynamic(&site, own, &mut parts),
        Network::Existing(existing) => network::existing(&site, existing, &mut parts),
    };
    let balancer = api_server::expand(&site, &network, &mut parts);
    let identity = identity::expand(&site, &network, &mut parts);
    let around = surroundings::Surroundings { network: &network, balancer: &balancer, identity: &identity };
    let (phase, mut nodes) = (Phase::of(&cluster.address, records.world), Vec::new());
    let mut sketch = node::Sketch { around: &around, records, phase, parts: &mut parts, nodes: &mut nodes };
    let (control_plane, workers) = (&cluster.control_plane, &cluster.workers);
    let init = node::expand(&site, control_plane, &[], &mut sketch);
    let mut before = vec![control_plane.address(&cluster.address)];
    for pool in workers {
        node::expand(&site, pool, &before, &mut sketch);
        if cluster.update_pools == UpdatePools::Sequential {
            before.push(pool.address(&cluster.address));
        }
    }
    if features.kubernetes {
        pki::expand(&site, &mut parts);
        let members: Vec<Address> =
            (1..=control_plane.count).map(|n| node::member(cluster, control_plane, n)).collect();
        let order = inside::Order { phase, init: init.as_ref(), control_plane: &members };
        inside::expand(&site, &around, &order, &mut parts);
    }
    let ids = Ids {
        resource_group: group,
        virtual_network: network.virtual_network,
        control_plane_subnet: network.control_plane_subnet.0,
        worker_subnet: network.worker_subnet.0,
        identity: identity.id,
    };
    Expansion { cluster: cluster.clone(), parts, fqdn: site.fqdn.clone(), ids, nodes }
}
