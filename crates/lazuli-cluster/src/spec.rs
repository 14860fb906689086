//! A cluster and a profile as types: what [`crate::decode`] makes of the blocks and [`crate::expand`] works from.
//! Everything in here is known; only tags, addresses in rules and the price of spot machines may still be unknown.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use lazuli_core::resource::{Lifecycle, Timeouts};
use lazuli_core::{Address, Span, Value};

mod pool;
mod profile;

pub use pool::{Commands, Disk, Pool, Role, Taint, Update};
pub use profile::{Addon, Cni, Csi, Image, Manifests, Profile, Storage, StorageClass};

/// A `cluster` block.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// `cluster.prod`
    pub address: Address,
    /// Its name in Azure.
    pub name: String,
    /// The cloud account's name.
    pub account: Arc<str>,
    /// What its nodes run.
    pub profile: Profile,
    /// `eastus2`
    pub region: String,
    /// The existing resource group it lives in.
    pub resource_group: String,
    /// The public key that may log in to nodes.
    pub ssh_key: String,
    /// The user's tags.
    pub tags: BTreeMap<Arc<str>, Value>,
    /// Where its nodes sit.
    pub network: Network,
    /// How the Kubernetes API is reached.
    pub api_server: ApiServer,
    /// A user-assigned identity that exists; one is made otherwise.
    pub existing_identity: Option<String>,
    /// What nodes without direct egress go through.
    pub proxy: Option<Proxy>,
    /// The control plane.
    pub control_plane: Pool,
    /// The worker pools, in the order written.
    pub workers: Vec<Pool>,
    /// Whether the nodes of several pools are replaced at the same time.
    pub update_pools: UpdatePools,
    /// When a node counts as failed.
    pub health_check: HealthCheck,
    /// Who may do what, in the order written.
    pub bindings: Vec<Binding>,
    /// Namespaces with their quotas, in the order written.
    pub namespaces: Vec<Namespace>,
    /// `lifecycle`
    pub lifecycle: Lifecycle,
    /// `timeouts`
    pub timeouts: Timeouts,
    /// The block's header.
    pub span: Span,
}

/// An HTTP proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// For plain HTTP.
    pub http: Option<String>,
    /// For HTTPS.
    pub https: Option<String>,
    /// What is reached without it; the cluster's own addresses are added where it is used.
    pub no_proxy: Vec<String>,
}

/// Whether the nodes of several pools are replaced at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdatePools {
    /// One pool after the other, in the order written.
    Sequential,
    /// All at once.
    Parallel,
}

/// When a node counts as failed. Times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthCheck {
    /// How long a node may take to become ready.
    pub node_startup_timeout: u64,
    /// How long a node may be not ready.
    pub unhealthy_after: u64,
    /// How many nodes of a pool may be failed for any to be replaced.
    pub max_unhealthy: Amount,
}

impl HealthCheck {
    /// How long a node may take to become ready when nobody says, in seconds.
    pub const STARTUP_TIMEOUT: u64 = 20 * 60;
}

/// A number of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Nodes(u32),
    /// So many of a hundred.
    Percent(u32),
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// The role's name.
    pub role: String,
    /// Where it holds; everywhere when there is none.
    pub namespace: Option<String>,
    /// Groups of users.
    pub groups: Vec<String>,
    /// Users.
    pub users: Vec<String>,
    /// Service accounts, as namespace and name.
    pub service_accounts: Vec<(String, String)>,
    /// The block's header.
    pub span: Span,
}

/// A namespace with its quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// CPU, as Kubernetes writes quantities.
    pub cpu: Option<String>,
    /// Memory.
    pub memory: Option<String>,
    /// GPUs; no quota when it is not written.
    pub gpu: Option<u32>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The block's header.
    pub span: Span,
}

/// Where nodes sit.
#[derive(Debug, Clone, PartialEq)]
pub enum Network {
    /// A virtual network of the cluster's own.
    Dynamic(Box<DynamicNetwork>),
    /// An existing one, which is only read.
    Existing(ExistingNetwork),
}

/// A virtual network of the cluster's own.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicNetwork {
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// How nodes reach the outside.
    pub egress: Egress,
    /// The subnet of control-plane nodes.
    pub control_plane: Subnet,
    /// The subnet of workers.
    pub worker: Subnet,
    /// The networks it is peered with, in the order written.
    pub peerings: Vec<Peering>,
    /// The `network` block's header.
    pub span: Span,
}

/// A peering with another network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peering {
    /// Its name, unique in the network.
    pub name: String,
    /// The id of the other network.
    pub remote: String,
    /// True when the half in the other network is written too.
    pub manage_remote: bool,
    /// The block's header.
    pub span: Span,
}

/// A subnet with the rules of its security group.
#[derive(Debug, Clone, PartialEq)]
pub struct Subnet {
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// The user's rules.
    pub rules: Vec<Rule>,
    /// The block's header.
    pub span: Span,
}

/// A rule of a security group.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// 100 to 4096; the lowest wins.
    pub priority: i64,
    /// `Inbound` or `Outbound`, as Azure spells it.
    pub direction: &'static str,
    /// `Allow` or `Deny`.
    pub access: &'static str,
    /// `Tcp`, `Udp`, `Icmp` or `*`.
    pub protocol: &'static str,
    /// Where packets come from; `*` for everywhere.
    pub source: Vec<Value>,
    /// Their source ports.
    pub source_ports: Vec<String>,
    /// Where they go.
    pub destination: Vec<Value>,
    /// Their destination ports.
    pub destination_ports: Vec<String>,
    /// For people.
    pub description: Option<String>,
}

impl Cluster {
    /// True when control-plane nodes leave through the API's own public address. Of an existing network nothing is known:
    /// where it has a way out of its own, Azure prefers that one.
    pub fn leaves_through_api_address(&self) -> bool {
        let network_allows = match &self.network {
            Network::Dynamic(network) => {
                matches!(network.egress, Egress::NatGateway | Egress::LoadBalancer)
            }
            Network::Existing(_) => true,
        };
        network_allows && self.api_server.private.is_none()
    }

    /// The zones of addresses that belong to no zone: all of the region's, or none where no pool has any.
    pub fn zones_of_the_region(&self) -> &'static [&'static str] {
        let has_zones =
            std::iter::once(&self.control_plane).chain(&self.workers).any(|p| !p.zones.is_empty());
        if has_zones { &["1", "2", "3"] } else { &[] }
    }
}

/// How nodes reach the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Egress {
    /// Workers through a NAT gateway with an address of its own, control-plane nodes through the API's address.
    NatGateway,
    /// Workers through a load balancer with an address of its own, control-plane nodes through the API's address.
    LoadBalancer,
    /// As the network's own routes say.
    UserDefinedRouting,
    /// Not at all.
    None,
}

/// An existing virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingNetwork {
    /// Its resource group.
    pub resource_group: String,
    /// Its name.
    pub virtual_network: String,
    /// The subnet of control-plane nodes.
    pub control_plane_subnet: String,
    /// The subnet of workers.
    pub worker_subnet: String,
    /// The `existing` block's header.
    pub span: Span,
}

/// How the Kubernetes API is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiServer {
    /// The port, inside and outside.
    pub port: u16,
    /// How Lazuli reaches it.
    pub transport: Transport,
    /// Who may call it; everybody when empty.
    pub authorized_ranges: Vec<String>,
    /// Where it is when it has no public address.
    pub private: Option<PrivateApi>,
    /// The block's header, or the cluster's.
    pub span: Span,
}

/// How Lazuli reaches the Kubernetes API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// By a connection of its own.
    Direct,
    /// Through commands that Azure runs on a control-plane node.
    RunCommand,
}

impl Transport {
    /// As the configuration says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Direct => "direct",
            Transport::RunCommand => "run_command",
        }
    }
}

/// A Kubernetes API without a public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateApi {
    /// Its address in the subnet of control-plane nodes.
    pub ip: Ipv4Addr,
    /// The private DNS zone with its host name `apiserver.ZONE`.
    pub zone: String,
    /// The resource group of a zone that exists; one is made otherwise.
    pub zone_group: Option<String>,
}
