//! What Lazuli puts into a cluster, as manifests: the cloud provider, the pod network, storage, namespaces, bindings;
//! and the user's own manifests, collected and looked over. Pure.
//!
//! | module | what |
//! |---|---|
//! | [`collect`](mod@collect) | documents of a user to [`Objects`]: keys, lists, namespaces, duplicates |
//! | [`lint`](mod@lint) | what will go wrong with manifests that are applied early |
//! | [`cloud_provider`](mod@cloud_provider) | cloud-controller-manager and cloud-node-manager |
//! | [`network`] | what pods need to leave the cluster when their addresses are routed by Azure |
//! | [`azuredisk`] | the Azure Disk CSI driver and the default storage class |
//! | [`namespace`](mod@namespace), [`binding`] | team namespaces with quotas, role bindings |

mod parts;

pub mod azuredisk;
pub mod binding;
pub mod cloud_provider;
pub mod collect;
pub mod lint;
pub mod namespace;
pub mod network;

use std::collections::BTreeMap;

use lazuli_core::Json;

use crate::user_data::{Proxy, Taint};
use crate::version::KubernetesVersion;

pub use azuredisk::{DefaultClass, ImpossibleClass, storage_azuredisk};
pub use binding::{BadBinding, BindingSpec, BindingTarget, role_binding};
pub use cloud_provider::cloud_provider;
pub use collect::{ManifestError, collect, key_of};
pub use lint::{Warning, lint_early};
pub use namespace::{NamespaceSpec, namespace};
pub use network::network_azure_routes;

/// Manifests by key: `apps/v1/Deployment/kube-system/coredns`, with `-` for the namespace of cluster-wide objects.
pub type Objects = BTreeMap<String, Json>;

/// What the manifests of a cluster depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// The cluster's name: load balancers that the cloud provider makes are called so.
    pub name: String,
    /// The version of Kubernetes on the control plane.
    pub kubernetes: KubernetesVersion,
    /// How many control-plane nodes the cluster is to have.
    pub control_planes: usize,
    /// Taints of control-plane nodes beside the usual one; what runs there tolerates them.
    pub control_plane_taints: Vec<Taint>,
    /// Addresses of pods, in CIDR notation.
    pub pod_cidr: String,
    /// How pods reach each other.
    pub network: PodNetwork,
    /// How what talks to Azure reaches it, where not directly; `no_proxy` has the cluster's own addresses, too.
    pub proxy: Option<Proxy>,
}

/// How pods reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodNetwork {
    /// Routes in Azure's route table, kept by the cloud provider (`cni = "azure_routes"`).
    AzureRoutes,
    /// Manifests of the user: the cloud provider keeps off.
    Manifests,
}

impl ClusterFacts {
    /// Replicas of what runs on the control plane with a leader: two where a node may fail, one otherwise.
    fn replicas(&self) -> u32 {
        if self.control_planes >= 3 { 2 } else { 1 }
    }
}
