//! A cluster and a profile as types: what [`crate::decode`] makes of the blocks and [`crate::expand`] works from.
//! Everything in here is known; only tags, addresses in rules and the price of spot machines may still be unknown.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use lazuli_core::resource::{Lifecycle, Timeouts};
use lazuli_core::{Address, Span, Value};
use semver::Version;

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
    /// The control plane.
    pub control_plane: Pool,
    /// The worker pools, in the order written.
    pub workers: Vec<Pool>,
    /// `lifecycle`
    pub lifecycle: Lifecycle,
    /// `timeouts`
    pub timeouts: Timeouts,
    /// The block's header.
    pub span: Span,
}

/// A `cluster_profile` block.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: Arc<str>,
    /// The image nodes boot from.
    pub image: Image,
    /// The Kubernetes version.
    pub kubernetes: Version,
    /// The addresses of pods.
    pub pod_cidr: Ipv4Net,
    /// The addresses of services.
    pub service_cidr: Ipv4Net,
    /// Who carries packets between pods.
    pub cni: Cni,
    /// Extra arguments of every kubelet.
    pub kubelet_args: BTreeMap<String, String>,
    /// The block's header.
    pub span: Span,
}

/// An operating system image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// An image of the Cluster API community gallery, in the version of Kubernetes.
    Reference(String),
    /// A gallery image version, by id.
    Gallery(String),
    /// An image of the marketplace.
    Marketplace {
        /// Publisher.
        publisher: String,
        /// Offer.
        offer: String,
        /// SKU.
        sku: String,
        /// Version.
        version: String,
        /// True when it is sold under a plan.
        plan: bool,
    },
}

/// Who carries packets between pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cni {
    /// Azure's route table: nodes forward packets of pods.
    AzureRoutes,
    /// Whatever the user's manifests install.
    Manifests,
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
    /// Who may call it; everybody when empty.
    pub authorized_ranges: Vec<String>,
    /// Where it is when it has no public address.
    pub private: Option<PrivateApi>,
    /// The block's header, or the cluster's.
    pub span: Span,
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

/// The control plane or a pool of workers.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Which it is.
    pub role: Role,
    /// Number of nodes.
    pub count: u32,
    /// `Standard_D4s_v5`
    pub instance_type: String,
    /// The zones its nodes are spread over, sorted; none where the region or the machine has none.
    pub zones: Vec<String>,
    /// The disk the system boots from.
    pub os_disk: Disk,
    /// The disk etcd lives on.
    pub etcd_disk: Option<Disk>,
    /// Whether Azure encrypts disks on the host too.
    pub encryption_at_host: bool,
    /// Bought from spare capacity, at most at that price; -1 for the usual price.
    pub spot: Option<Value>,
    /// Labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// Commands before a node joins.
    pub pre_bootstrap: Commands,
    /// Commands after it has.
    pub post_bootstrap: Commands,
    /// Extra arguments of its kubelets.
    pub kubelet_args: BTreeMap<String, String>,
    /// How its nodes are replaced.
    pub update: Update,
    /// The block's header.
    pub span: Span,
}

/// What a pool is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// etcd and the Kubernetes API.
    ControlPlane,
    /// Workloads, under the pool's name.
    Worker(String),
}

/// A managed disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// GiB.
    pub size_gb: i64,
    /// `Premium_LRS`
    pub sku: String,
}

/// Shell commands. They may hold secrets: `Debug` tells only how many there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Commands(pub Vec<String>);

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} commands)", self.0.len())
    }
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// How nodes of a pool are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// True when the new node is made before the old one goes.
    pub create_first: bool,
    /// How many nodes are in replacement at the same time.
    pub window: usize,
}

impl Pool {
    /// `cp` for the control plane, the pool's name otherwise: what stands in node names.
    pub fn short_name(&self) -> &str {
        match &self.role {
            Role::ControlPlane => "cp",
            Role::Worker(name) => name,
        }
    }

    /// True for the control plane.
    pub fn is_control_plane(&self) -> bool {
        self.role == Role::ControlPlane
    }

    /// True when its nodes are in an availability set: where there are no zones. Azure takes no spot machine into one.
    pub fn has_availability_set(&self) -> bool {
        self.zones.is_empty() && self.spot.is_none()
    }

    /// The pool's address in its cluster.
    pub fn address(&self, cluster: &Address) -> Address {
        match &self.role {
            Role::ControlPlane => cluster.child("control_plane"),
            Role::Worker(name) => cluster.keyed("worker_pool", name),
        }
    }
}
