//! What the first boot of a node needs to know. Rendering it is not this crate's business.

use std::collections::BTreeMap;

use lazuli_core::Address;

use crate::spec::{Commands, Taint};

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
}

/// The contents of `azure.json` that are known at plan time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureFacts {
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
    pub worker_security_group: Option<String>,
    /// The route table, where it is the cluster's own.
    pub route_table: Option<String>,
    /// The identity whose `properties.clientId` goes in as well.
    pub identity: Address,
}
