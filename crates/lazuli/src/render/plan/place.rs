//! Where a resource belongs: read from its address, whose parts are a contract.

use lazuli_core::address::{Address, Key, Segment};

/// A resource's place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::render) struct Place {
    /// The cluster's address: `cluster.prod`.
    pub(in crate::render) cluster: Option<String>,
    /// The heading it stands under.
    pub(in crate::render) section: Section,
    /// Of a part of a node, the node's address.
    pub(in crate::render) node: Option<String>,
    /// The last part of the address: `vm`, `peering["hub"]`.
    pub(in crate::render) part: Segment,
}

/// The headings, in the order they are shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::render) enum Section {
    Network,
    ApiServer,
    ControlPlane,
    WorkerPool(String),
    Identity,
    InCluster,
    /// What is in no cluster, or nowhere else.
    Other,
}

/// Parts of a cluster in the order people think of them; others follow, by address.
const ORDER: &[&str] = &[
    "virtual_network",
    "control_plane_subnet",
    "worker_subnet",
    "control_plane_nsg",
    "worker_nsg",
    "route_table",
    "nat_gateway",
    "nat_public_ip",
    "outbound_load_balancer",
    "outbound_public_ip",
    "peering",
    "remote_peering",
    "load_balancer",
    "public_ip",
    "private_dns_zone",
    "private_dns_record",
    "private_dns_link",
    "principal",
];

/// Layers in the order they are laid.
const LAYERS: &[&str] = &["settings", "cloud_provider", "network", "storage", "components"];

/// A cluster's keys by what they are for.
const KEYS: &[(&str, &str)] = &[
    ("cluster_ca", "cluster"),
    ("etcd_ca", "etcd"),
    ("front_proxy_ca", "front proxy"),
    ("service_account", "service accounts"),
];

impl Section {
    pub(in crate::render) fn title(&self) -> String {
        match self {
            Section::Network => "network".to_owned(),
            Section::ApiServer => "API server".to_owned(),
            Section::ControlPlane => "control plane".to_owned(),
            Section::WorkerPool(name) => format!("worker pool {name}"),
            Section::Identity => "identity and access".to_owned(),
            Section::InCluster => "in the cluster".to_owned(),
            Section::Other => "other resources".to_owned(),
        }
    }
}

impl Place {
    pub(in crate::render) fn of(address: &Address) -> Place {
        let segments = address.segments();
        let mut start = 0;
        while segments.get(start).is_some_and(|s| s.name == "module") && start + 2 < segments.len() {
            start += 2;
        }
        let part =
            segments.last().cloned().unwrap_or_else(|| Segment { name: address.to_string(), key: None });
        let is_cluster = segments.get(start).is_some_and(|s| s.name == "cluster");
        let Some(section) = segments.get(start + 2).filter(|_| is_cluster) else {
            return Place { cluster: None, section: Section::Other, node: None, part };
        };
        let node = segments.iter().position(|s| s.name == "node");
        Place {
            cluster: Some(spell(&segments[..start + 2])),
            section: match (section.name.as_str(), &section.key) {
                ("network", _) => Section::Network,
                ("api_server", _) => Section::ApiServer,
                ("control_plane", _) => Section::ControlPlane,
                ("worker_pool", Some(key)) => Section::WorkerPool(bare(key)),
                ("identity" | "rbac_binding" | "pki", _) => Section::Identity,
                ("layer" | "addon" | "namespace" | "service" | "volume", _) => Section::InCluster,
                _ => Section::Other,
            },
            node: node.filter(|n| n + 1 < segments.len()).map(|n| spell(&segments[..=n])),
            part,
        }
    }

    /// Where it stands in its section; the same for all parts of nodes, which keep the order of their addresses.
    pub(super) fn rank(&self) -> usize {
        match self.section {
            Section::Network | Section::ApiServer | Section::Identity => {
                ORDER.iter().position(|name| *name == self.part.name).unwrap_or(ORDER.len())
            }
            Section::InCluster => match (self.part.name.as_str(), &self.part.key) {
                ("layer", Some(key)) => {
                    LAYERS.iter().position(|name| *name == bare(key)).unwrap_or(LAYERS.len())
                }
                _ => LAYERS.len(),
            },
            _ => 0,
        }
    }

    /// Of a key of a cluster, what it is for.
    pub(super) fn key(&self) -> Option<&'static str> {
        if self.cluster.is_none() || self.section != Section::Identity {
            return None;
        }
        KEYS.iter().find(|(name, _)| *name == self.part.name).map(|(_, words)| *words)
    }

    /// What the resource is, in words that tell it from its neighbours; `title` is its type's.
    pub(super) fn title(&self, title: &str) -> String {
        let known = match (&self.section, self.part.name.as_str()) {
            (Section::Network, "control_plane_subnet") => "subnet, control plane",
            (Section::Network, "worker_subnet") => "subnet, workers",
            (Section::Network, "control_plane_nsg") => "NSG, control plane",
            (Section::Network, "worker_nsg") => "NSG, workers",
            (Section::Network, "nat_gateway") => "NAT gateway",
            (Section::Network, "nat_public_ip") => "public IP, NAT gateway",
            (Section::Network, "outbound_load_balancer") => "load balancer, outbound",
            (Section::Network, "outbound_public_ip") => "public IP, outbound",
            (Section::Network, "peering") => "peering",
            (Section::Network, "remote_peering") => "peering, other side,",
            (Section::ApiServer, "public_ip") => "public IP",
            (Section::ApiServer, "private_dns_link") => "private DNS link",
            (Section::Identity, "principal") => "managed identity",
            (Section::InCluster, "layer") => {
                let key = self.part.key.as_ref().map(bare).unwrap_or_default();
                return match key.as_str() {
                    "settings" => "cluster settings".to_owned(),
                    "components" => "kube-proxy and CoreDNS".to_owned(),
                    "cloud_provider" => "cloud provider".to_owned(),
                    _ => key,
                };
            }
            // Its role is its name.
            (Section::Identity, "role") => return title.to_owned(),
            _ => title,
        };
        match (&self.part.key, self.cluster.is_some()) {
            (Some(key), true) => format!("{known} {}", bare(key)),
            _ => known.to_owned(),
        }
    }
}

fn bare(key: &Key) -> String {
    match key {
        Key::Index(index) => index.to_string(),
        Key::Name(name) => super::layout::clean(name).into_owned(),
    }
}

fn spell(segments: &[Segment]) -> String {
    let part = |s: &Segment| format!("{}{}", s.name, s.key.as_ref().map(Key::to_string).unwrap_or_default());
    segments.iter().map(part).collect::<Vec<_>>().join(".")
}
