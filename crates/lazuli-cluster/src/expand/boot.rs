//! What the first boot of a node needs to know. Rendering it is not this crate's business.

use std::collections::BTreeMap;

use lazuli_core::Address;
use lazuli_core::resource::ResourceId;

use crate::spec::{Commands, Proxy, Taint};

/// What the first boot of a node needs to know. Rendering it is not this crate's business.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeBoot {
    /// Host name and name of the Kubernetes node.
    pub name: String,
    /// The cluster's name.
    pub cluster: String,
    /// True for control-plane nodes.
    pub control_plane: bool,
    /// True for the node that makes the cluster: the first there ever was.
    pub first: bool,
    /// `1.34.2`
    pub kubernetes: semver::Version,
    /// Host name and port of the Kubernetes API.
    pub endpoint: (String, u16),
    /// Addresses of pods and services, in CIDR notation.
    pub pod_cidr: String,
    /// Addresses of services.
    pub service_cidr: String,
    /// True when the API has an address in the network only.
    pub api_server_private: bool,
    /// True when Azure's route table carries the packets of pods.
    pub azure_routes: bool,
    /// Feature gates of all components.
    pub feature_gates: BTreeMap<String, bool>,
    /// Extra arguments of the API server.
    pub api_server_args: BTreeMap<String, String>,
    /// Further names and addresses in the API server's certificate.
    pub cert_sans: Vec<String>,
    /// Extra arguments of the controller manager.
    pub controller_manager_args: BTreeMap<String, String>,
    /// Extra arguments of the scheduler.
    pub scheduler_args: BTreeMap<String, String>,
    /// True while the cluster's authority is rotated and two of them are trusted.
    pub two_authorities: bool,
    /// How the node reaches the outside, where not directly; `no_proxy` has the cluster's own addresses, too.
    pub proxy: Option<Proxy>,
    /// Labels of the node.
    pub labels: BTreeMap<String, String>,
    /// Taints of the node.
    pub taints: Vec<Taint>,
    /// Extra arguments of the kubelet, the pool's over the profile's.
    pub kubelet_args: BTreeMap<String, String>,
    /// Commands before anything else.
    pub pre_bootstrap: Commands,
    /// Commands after everything else.
    pub post_bootstrap: Commands,
    /// What the cloud provider on the node is told of Azure.
    pub azure: AzureFacts,
    /// The keys that its token, and of the first node its certificates, come from.
    pub pki: Pki,
}

/// The addresses of a cluster's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pki {
    /// The authority of the Kubernetes API and its clients.
    pub cluster_ca: Address,
    /// The authority of etcd.
    pub etcd_ca: Address,
    /// The authority of the API's extensions.
    pub front_proxy_ca: Address,
    /// The key that signs tokens of service accounts.
    pub service_account: Address,
}

impl Pki {
    /// The keys of a cluster.
    pub fn of(cluster: &Address) -> Pki {
        let key = |name: &str| cluster.child("pki").child(name);
        Pki {
            cluster_ca: key("cluster_ca"),
            etcd_ca: key("etcd_ca"),
            front_proxy_ca: key("front_proxy_ca"),
            service_account: key("service_account"),
        }
    }

    /// All four, in the order of the table of addresses.
    pub fn all(&self) -> [&Address; 4] {
        [&self.cluster_ca, &self.etcd_ca, &self.front_proxy_ca, &self.service_account]
    }
}

impl NodeBoot {
    /// The resources whose attributes are needed to render it.
    pub fn needs(&self) -> Vec<&Address> {
        let mut needs = vec![&self.azure.identity];
        needs.extend(&self.azure.existing_subnets);
        match self.first {
            true => needs.extend(self.pki.all()),
            false => needs.push(&self.pki.cluster_ca),
        }
        needs
    }
}

/// The contents of `azure.json` that are known at plan time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureFacts {
    /// Which Azure, as the cloud provider calls it.
    pub cloud: &'static str,
    /// Tenant.
    pub tenant_id: String,
    /// Subscription.
    pub subscription_id: String,
    /// The cluster's resource group.
    pub resource_group: String,
    /// Region.
    pub location: String,
    /// The network's resource group.
    pub network_resource_group: String,
    /// The network's name.
    pub virtual_network: String,
    /// The workers' subnet.
    pub worker_subnet: String,
    /// The workers' security group, where it is the cluster's own.
    pub worker_security_group: Option<ResourceId>,
    /// The route table, where it is the cluster's own.
    pub route_table: Option<ResourceId>,
    /// The subnets of an existing network, the workers' first: they name both of these, and addresses that need no proxy.
    pub existing_subnets: Vec<Address>,
    /// The identity whose `properties.clientId` goes in as well.
    pub identity: Address,
}
