//! What a node is told at its first boot.

use lazuli_core::resource::ResourceId;

use super::boot::{AzureFacts, NodeBoot, Pki};
use super::part::Site;
use super::surroundings::Surroundings;
use crate::spec::{Cni, Network, Pool, Proxy};

/// Where a machine asks Azure about itself, and where its agent talks to Azure: never through a proxy.
const METADATA_SERVICE: &str = "169.254.169.254";
const WIRE_SERVER: &str = "168.63.129.16";

/// The first boot of a node of a pool.
pub(super) fn boot(
    site: &Site<'_>,
    pool: &Pool,
    around: &Surroundings<'_>,
    name: &str,
    first: bool,
) -> NodeBoot {
    let cluster = site.cluster;
    let mut kubelet_args = cluster.profile.kubelet_args.clone();
    kubelet_args.extend(pool.kubelet_args.clone());
    NodeBoot {
        name: name.to_owned(),
        cluster: cluster.name.clone(),
        control_plane: pool.is_control_plane(),
        first,
        kubernetes: cluster.profile.kubernetes.clone(),
        endpoint: (site.fqdn.clone(), cluster.api_server.port),
        pod_cidr: cluster.profile.pod_cidr.to_string(),
        service_cidr: cluster.profile.service_cidr.to_string(),
        api_server_private: cluster.api_server.private.is_some(),
        azure_routes: cluster.profile.cni == Cni::AzureRoutes,
        feature_gates: cluster.profile.feature_gates.clone(),
        api_server_args: cluster.profile.api_server_args.clone(),
        cert_sans: cluster.profile.cert_sans.clone(),
        controller_manager_args: cluster.profile.controller_manager_args.clone(),
        scheduler_args: cluster.profile.scheduler_args.clone(),
        two_authorities: site.rotations.has_two_authorities(),
        proxy: cluster.proxy.as_ref().map(|proxy| proxied(site, proxy)),
        labels: pool.labels.clone(),
        taints: pool.taints.clone(),
        kubelet_args,
        pre_bootstrap: pool.pre_bootstrap.clone(),
        post_bootstrap: pool.post_bootstrap.clone(),
        azure: azure_facts(site, around),
        pki: Pki::of(&cluster.address),
    }
}

/// What the cloud provider is told of Azure.
pub(super) fn azure_facts(site: &Site<'_>, around: &Surroundings<'_>) -> AzureFacts {
    let (cluster, network) = (site.cluster, around.network);
    let group = |id: &ResourceId| id.resource_group().unwrap_or_default().to_owned();
    AzureFacts {
        cloud: site.account.cloud(),
        tenant_id: site.account.tenant_id.clone(),
        subscription_id: site.account.subscription_id.clone(),
        resource_group: cluster.resource_group.clone(),
        location: cluster.region.clone(),
        network_resource_group: group(&network.virtual_network),
        virtual_network: network.virtual_network.name().to_owned(),
        worker_subnet: network.worker_subnet.0.name().to_owned(),
        worker_security_group: network.worker_security_group.clone(),
        route_table: network.route_table.clone(),
        existing_subnets: match &cluster.network {
            Network::Dynamic(_) => Vec::new(),
            Network::Existing(_) => {
                vec![network.worker_subnet.1.clone(), network.control_plane_subnet.1.clone()]
            }
        },
        identity: around.identity.principal.clone(),
    }
}

/// The proxy, without which nodes reach each other, their services and Azure's own addresses.
pub(super) fn proxied(site: &Site<'_>, proxy: &Proxy) -> Proxy {
    let cluster = site.cluster;
    let mut own = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        METADATA_SERVICE.to_owned(),
        WIRE_SERVER.to_owned(),
    ];
    if let Network::Dynamic(network) = &cluster.network {
        own.push(network.cidr.to_string());
    }
    own.extend([cluster.profile.pod_cidr.to_string(), cluster.profile.service_cidr.to_string()]);
    own.extend([".svc".to_owned(), ".cluster.local".to_owned(), site.fqdn.clone()]);
    let mut no_proxy = proxy.no_proxy.clone();
    for address in own {
        if !no_proxy.contains(&address) {
            no_proxy.push(address);
        }
    }
    Proxy { no_proxy, ..proxy.clone() }
}
