//! What nodes are connected to.

use lazuli_core::Address;
use lazuli_core::resource::ResourceId;

use super::api_server::Balancer;
use super::identity::Identity;
use super::network::Placement;
use super::part::Site;
use crate::spec::Pool;

/// What nodes are connected to.
pub(super) struct Surroundings<'a> {
    pub(super) network: &'a Placement,
    pub(super) balancer: &'a Balancer,
    pub(super) identity: &'a Identity,
}

impl Surroundings<'_> {
    /// The subnet of a pool's nodes, with its address.
    pub(super) fn subnet(&self, pool: &Pool) -> &(ResourceId, Address) {
        match pool.is_control_plane() {
            true => &self.network.control_plane_subnet,
            false => &self.network.worker_subnet,
        }
    }

    /// The backend pools a pool's nodes are in, with the addresses of their load balancers. Control-plane nodes behind a
    /// public API leave through it; Azure lets nobody join two public load balancers.
    pub(super) fn backend_pools(&self, site: &Site<'_>, pool: &Pool) -> Vec<(&ResourceId, &Address)> {
        let api = (&self.balancer.pool, &self.balancer.address);
        let outbound = self.network.outbound.as_ref().map(|(id, address)| (id, address));
        match (pool.is_control_plane(), &site.cluster.api_server.private) {
            (true, None) => vec![api],
            (true, Some(_)) => std::iter::once(api).chain(outbound).collect(),
            (false, _) => outbound.into_iter().collect(),
        }
    }
}
