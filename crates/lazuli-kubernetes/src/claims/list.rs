//! Which Services have a load balancer and which volumes are disks.

use lazuli_core::Json;
use serde_json::json;

use super::{SERVICES, VOLUMES};
use crate::api::{ApiError, Rest, Selector};

/// The driver of Azure's disks.
const DRIVER: &str = "disk.csi.azure.com";
/// What the cloud controller keeps a Service with until its load balancer is gone.
const CLEANUP: &str = "service.kubernetes.io/load-balancer-cleanup";

/// What the controllers of one cluster made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Services with a load balancer.
    pub services: Vec<Service>,
    /// Volumes on disks.
    pub volumes: Vec<Volume>,
}

/// A Service for which the cloud controller keeps a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The addresses of its load balancer.
    pub addresses: Vec<String>,
}

/// A PersistentVolume that is a disk of Azure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// `namespace/name` of the claim it is bound to.
    pub claim: Option<String>,
    /// `Delete` or `Retain`.
    pub reclaim_policy: String,
    /// The id of the disk.
    pub disk: String,
    /// Such as `10Gi`.
    pub size: String,
}

/// Asks a cluster, with two requests for every five hundred of either.
///
/// # Errors
/// When the API cannot be asked.
pub async fn list(client: &kube::Client) -> Result<Claims, ApiError> {
    let rest = Rest::from(client.clone());
    let services = rest.list("/api/v1/services", Selector::default()).await?;
    let volumes = rest.list("/api/v1/persistentvolumes", Selector::default()).await?;
    Ok(Claims {
        services: services.iter().filter_map(Service::of).collect(),
        volumes: volumes.iter().filter_map(Volume::of).collect(),
    })
}

impl Service {
    /// `None` without a load balancer of Azure.
    pub(super) fn of(object: &Json) -> Option<Service> {
        let (metadata, spec) = (&object["metadata"], &object["spec"]);
        // With a class of its own it is another controller's.
        let wanted = spec["type"] == "LoadBalancer" && spec["loadBalancerClass"].is_null();
        let held = each(&metadata["finalizers"]).any(|finalizer| finalizer == CLEANUP);
        let ingress = each(&object["status"]["loadBalancer"]["ingress"]);
        (wanted || held).then(|| Service {
            namespace: text(&metadata["namespace"]),
            name: text(&metadata["name"]),
            addresses: ingress
                .filter_map(|i| i["ip"].as_str().or(i["hostname"].as_str()))
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The last part of its id: `namespace~name`.
    pub fn id(&self) -> String {
        format!("{}~{}", self.namespace, self.name)
    }

    /// It as a resource.
    pub fn body(&self) -> Json {
        json!({ "properties": { "namespace": self.namespace, "name": self.name, "addresses": self.addresses } })
    }

    /// Its type.
    pub const TYPE: &'static str = SERVICES;
}

impl Volume {
    /// `None` for a volume that is no disk of Azure.
    pub(super) fn of(object: &Json) -> Option<Volume> {
        let spec = &object["spec"];
        if spec["csi"]["driver"] != DRIVER {
            return None;
        }
        let claim = &spec["claimRef"];
        Some(Volume {
            name: text(&object["metadata"]["name"]),
            claim: claim["name"]
                .is_string()
                .then(|| format!("{}/{}", text(&claim["namespace"]), text(&claim["name"]))),
            reclaim_policy: text(&spec["persistentVolumeReclaimPolicy"]),
            disk: text(&spec["csi"]["volumeHandle"]),
            size: text(&spec["capacity"]["storage"]),
        })
    }

    /// Whether its disk goes with it unless somebody says otherwise.
    pub fn goes(&self) -> bool {
        self.reclaim_policy == "Delete"
    }

    /// It as a resource; a volume that is to be retained says so in `reclaimPolicy`.
    pub fn body(&self) -> Json {
        let mut properties =
            json!({ "reclaimPolicy": self.reclaim_policy, "disk": self.disk, "size": self.size });
        if let Some(claim) = &self.claim {
            properties["claim"] = claim.as_str().into();
        }
        json!({ "properties": properties })
    }

    /// Its type.
    pub const TYPE: &'static str = VOLUMES;
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn each(value: &Json) -> impl Iterator<Item = &Json> {
    value.as_array().into_iter().flatten()
}
