//! A `cluster_profile` block: what the nodes of a cluster run.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::Ipv4Net;
use lazuli_core::{Span, Value};
use semver::Version;

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
    /// Feature gates of every component and kubelet.
    pub feature_gates: BTreeMap<String, bool>,
    /// Extra arguments of API servers.
    pub api_server_args: BTreeMap<String, String>,
    /// Further names and addresses in the certificates of API servers.
    pub cert_sans: Vec<String>,
    /// Extra arguments of controller managers.
    pub controller_manager_args: BTreeMap<String, String>,
    /// Extra arguments of schedulers.
    pub scheduler_args: BTreeMap<String, String>,
    /// Extra arguments of every kubelet.
    pub kubelet_args: BTreeMap<String, String>,
    /// Manifests of the cloud provider; Lazuli's own when there are none.
    pub cloud_provider: Manifests,
    /// Manifests of the network; with [`Cni::AzureRoutes`] they come on top.
    pub network: Manifests,
    /// Where volumes come from.
    pub storage: Storage,
    /// What else runs in the cluster, in the order written.
    pub addons: Vec<Addon>,
    /// The block's header.
    pub span: Span,
}

/// Files of Kubernetes objects, as the configuration names them. Reading them is not this crate's business.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifests {
    /// Paths, relative to the module that the profile is written in.
    pub files: Vec<String>,
    /// The namespace of objects that name none.
    pub namespace: Option<String>,
    /// Variables of the files, which are templates when there are any; parts of them may be unknown or sensitive.
    pub values: BTreeMap<Arc<str>, Value>,
    /// Where the files are named.
    pub span: Option<Span>,
}

/// Where volumes come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    /// Whose driver.
    pub csi: Csi,
    /// Manifests of the user.
    pub manifests: Manifests,
    /// The default class, where Lazuli writes one.
    pub default_class: Option<StorageClass>,
}

/// Whose driver volumes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Csi {
    /// Lazuli's own manifests of Azure Disk.
    AzureDisk,
    /// None.
    None,
    /// Whatever the user's manifests install.
    Manifests,
}

/// A class of volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageClass {
    /// `Premium_LRS`
    pub sku: String,
    /// True for volumes that outlive a zone.
    pub zone_redundant: bool,
}

/// Something that runs in the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Addon {
    /// Its name.
    pub name: String,
    /// Its objects.
    pub manifests: Manifests,
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

impl Profile {
    /// Lets the paths of manifests begin at the configuration instead of the module they are written in.
    pub fn in_folder(&mut self, folder: &str) {
        if folder.is_empty() {
            return;
        }
        let own = [&mut self.cloud_provider, &mut self.network, &mut self.storage.manifests];
        let addons = self.addons.iter_mut().map(|addon| &mut addon.manifests);
        for file in own.into_iter().chain(addons).flat_map(|manifests| &mut manifests.files) {
            if !file.starts_with(['/', '~']) {
                *file = format!("{folder}/{file}");
            }
        }
    }
}

impl Cni {
    /// As the configuration says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Cni::AzureRoutes => "azure_routes",
            Cni::Manifests => "manifests",
        }
    }
}
