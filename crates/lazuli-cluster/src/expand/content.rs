//! What goes into a part that other rooms render: user-data of machines and the objects of the cluster.

use lazuli_core::Address;

use super::boot::{AzureFacts, NodeBoot};
use crate::spec::{Addon, Binding, Cni, Csi, Manifests, Namespace, Proxy, StorageClass};

/// What is still to be rendered into a part's body. Until it is, that place in the body is unknown.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Nothing: the body is whole.
    Plain,
    /// A virtual machine's first boot, into `properties.osProfile.customData`.
    Boot(Box<NodeBoot>),
    /// What kubeadm records of the cluster, into `properties.clusterConfiguration`; of a control-plane node, whichever.
    Settings(Box<NodeBoot>),
    /// A layer of the profile, into `properties.objects`.
    Layer(Box<LayerSpec>),
    /// An add-on's manifests, into `properties.objects`.
    Addon(Box<Addon>),
    /// A binding of a role, into `properties.objects`.
    Binding(Box<Binding>),
    /// A namespace with its quota, into `properties.objects`.
    Namespace(Box<Namespace>),
}

/// A layer of the profile with what its manifests need to know.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSpec {
    /// Which.
    pub layer: Layer,
    /// About the cluster.
    pub cluster: ClusterFacts,
}

/// A layer that is made of Kubernetes objects.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// cloud-controller-manager and cloud-node-manager.
    CloudProvider {
        /// The user's, instead of Lazuli's own.
        manifests: Manifests,
    },
    /// What carries packets between pods.
    Network {
        /// Whose.
        cni: Cni,
        /// The user's.
        manifests: Manifests,
    },
    /// What makes volumes.
    Storage {
        /// Whose driver.
        csi: Csi,
        /// The user's.
        manifests: Manifests,
        /// The default class.
        default_class: Option<StorageClass>,
    },
}

impl Layer {
    /// The user's files.
    pub fn manifests(&self) -> &Manifests {
        match self {
            Layer::CloudProvider { manifests }
            | Layer::Network { manifests, .. }
            | Layer::Storage { manifests, .. } => manifests,
        }
    }
}

/// What manifests may need to know of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterFacts {
    /// Its name.
    pub name: String,
    /// `1.34.2`
    pub kubernetes: semver::Version,
    /// Host name and port of the Kubernetes API.
    pub endpoint: (String, u16),
    /// Addresses of pods, in CIDR notation.
    pub pod_cidr: String,
    /// Addresses of services, in CIDR notation.
    pub service_cidr: String,
    /// True when pods are reached through Azure's route table.
    pub azure_routes: bool,
    /// How many nodes the control plane has.
    pub control_plane_nodes: u32,
    /// How many workers there are.
    pub workers: u32,
    /// The zones of its nodes, sorted.
    pub zones: Vec<String>,
    /// How Azure is reached, where not directly; `no_proxy` has the cluster's own addresses, too.
    pub proxy: Option<Proxy>,
    /// What the cloud provider is told of Azure; `azure.identity` is whose `properties.clientId` goes in as well.
    pub azure: AzureFacts,
}

impl Content {
    /// The resources whose attributes are needed to render it.
    pub fn needs(&self) -> Vec<&Address> {
        match self {
            Content::Plain
            | Content::Settings(_)
            | Content::Addon(_)
            | Content::Binding(_)
            | Content::Namespace(_) => Vec::new(),
            Content::Boot(boot) => boot.needs(),
            Content::Layer(layer) => vec![&layer.cluster.azure.identity],
        }
    }
}
