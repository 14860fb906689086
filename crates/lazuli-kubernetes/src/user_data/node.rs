//! What is known of a node when its user-data is rendered. Plain data; no secret belongs here.

use std::collections::BTreeMap;
use std::fmt;

use lazuli_core::resource::ResourceId;

use crate::version::KubernetesVersion;

/// What the first boot of a node needs to know.
///
/// `Debug` leaves out the commands: people put passwords of mirrors and proxies into them.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeBoot {
    /// Host name and name of the Kubernetes node; the virtual machine's name in lower case.
    pub name: String,
    /// The cluster's name.
    pub cluster: String,
    /// The node's part in the cluster.
    pub role: NodeRole,
    /// The version of Kubernetes; the image must carry the same.
    pub kubernetes: KubernetesVersion,
    /// Where the Kubernetes API is reached.
    pub endpoint: Endpoint,
    /// Addresses of pods, in CIDR notation.
    pub pod_cidr: String,
    /// Addresses of services, in CIDR notation.
    pub service_cidr: String,
    /// True when the API has an address in the network only: its internal load balancer leads no node to itself.
    pub api_server_private: bool,
    /// True when Azure's route table carries the packets of pods, and containerd's own template makes their network.
    pub azure_routes: bool,
    /// Feature gates of all components of Kubernetes. One in a component's own arguments goes before them.
    pub feature_gates: BTreeMap<String, bool>,
    /// Extra flags of the API server, names without dashes.
    pub api_server_args: BTreeMap<String, String>,
    /// Further names and addresses in the API server's certificate.
    pub cert_sans: Vec<String>,
    /// Extra flags of the controller manager.
    pub controller_manager_args: BTreeMap<String, String>,
    /// Extra flags of the scheduler.
    pub scheduler_args: BTreeMap<String, String>,
    /// True while the cluster's authority is rotated and two of them are trusted.
    pub two_authorities: bool,
    /// How the node reaches the outside, where not directly.
    pub proxy: Option<Proxy>,
    /// Labels of the node. Those that a kubelet may not give itself, see
    /// [`kubelet_may_set_label`](super::kubelet_may_set_label), are not in the user-data: they are set through the
    /// Kubernetes API once the node is there.
    pub labels: BTreeMap<String, String>,
    /// Taints of the node, all of them: kubeadm adds none of its own.
    pub taints: Vec<Taint>,
    /// Extra flags of the kubelet, names without dashes.
    pub kubelet_args: BTreeMap<String, String>,
    /// Commands before anything else, each for a bash of its own. The first that fails ends the preparation.
    pub pre_bootstrap: Vec<String>,
    /// Commands after everything else, in the same way.
    pub post_bootstrap: Vec<String>,
    /// What the cloud provider on the node is told of Azure.
    pub azure: AzureFacts,
}

/// A node's part in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeRole {
    /// The one control-plane node that makes the cluster (`kubeadm init`). There is never a second one.
    FirstControlPlane,
    /// A control-plane node that joins.
    FurtherControlPlane,
    /// A worker.
    Worker,
}

/// Where the Kubernetes API is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name.
    pub host: String,
    /// Port of the load balancer, and of every API server behind it.
    pub port: u16,
}

/// An HTTP proxy. `Debug` hides the addresses: they may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// For plain HTTP.
    pub http: Option<String>,
    /// For HTTPS.
    pub https: Option<String>,
    /// What is reached without it. The cluster's own addresses need not be named; the network's own do.
    pub no_proxy: Vec<String>,
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; may be empty.
    pub value: String,
    /// What it does to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaintEffect {
    /// They are not scheduled here.
    NoSchedule,
    /// They are scheduled elsewhere if possible.
    PreferNoSchedule,
    /// They are evicted, too.
    NoExecute,
}

/// The contents of `azure.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureFacts {
    /// Which Azure, as the cloud provider calls it: `AzurePublicCloud`.
    pub cloud: String,
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
    /// The workers' security group, whose rules for Services the cloud provider writes.
    pub worker_security_group: Option<ResourceId>,
    /// The route table, whose routes to the pods of nodes the cloud provider writes.
    pub route_table: Option<ResourceId>,
    /// Client id of the user-assigned identity the cloud provider signs in with: `properties.clientId`, known once
    /// the identity is made.
    pub identity_client_id: String,
}

impl NodeRole {
    /// True for the first control-plane node and for those that join.
    pub fn is_control_plane(self) -> bool {
        match self {
            Self::FirstControlPlane | Self::FurtherControlPlane => true,
            Self::Worker => false,
        }
    }
}

impl TaintEffect {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

impl std::str::FromStr for TaintEffect {
    type Err = UnknownEffect;

    fn from_str(text: &str) -> Result<Self, UnknownEffect> {
        [Self::NoSchedule, Self::PreferNoSchedule, Self::NoExecute]
            .into_iter()
            .find(|effect| effect.as_str() == text)
            .ok_or_else(|| UnknownEffect(text.to_owned()))
    }
}

/// Not an effect of a taint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an effect of a taint: use NoSchedule, PreferNoSchedule or NoExecute")]
pub struct UnknownEffect(pub String);

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("no_proxy", &self.no_proxy).finish_non_exhaustive()
    }
}

impl fmt::Debug for NodeBoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeBoot")
            .field("name", &self.name)
            .field("cluster", &self.cluster)
            .field("role", &self.role)
            .field("kubernetes", &self.kubernetes)
            .field("endpoint", &self.endpoint)
            .field("pod_cidr", &self.pod_cidr)
            .field("service_cidr", &self.service_cidr)
            .field("api_server_private", &self.api_server_private)
            .field("azure_routes", &self.azure_routes)
            .field("feature_gates", &self.feature_gates)
            .field("api_server_args", &self.api_server_args)
            .field("cert_sans", &self.cert_sans)
            .field("controller_manager_args", &self.controller_manager_args)
            .field("scheduler_args", &self.scheduler_args)
            .field("two_authorities", &self.two_authorities)
            .field("proxy", &self.proxy)
            .field("labels", &self.labels)
            .field("taints", &self.taints)
            .field("kubelet_args", &self.kubelet_args)
            .field("pre_bootstrap", &format_args!("{} commands", self.pre_bootstrap.len()))
            .field("post_bootstrap", &format_args!("{} commands", self.post_bootstrap.len()))
            .field("azure", &self.azure)
            .finish()
    }
}
