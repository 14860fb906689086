//! A virtual machine as a Kubernetes node sees it: what is left to do at its first boot, and the kubelet on it.

use serde::{Deserialize, Serialize};

use super::trust::Trust;
use crate::world::{Resource, World};
use crate::{ids, json};

/// What a machine's first boot has still to read. Gone afterwards.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FirstBoot {
    /// The custom data, in base64.
    pub(crate) user_data: String,
    /// How long the boot takes.
    pub(crate) delay_ms: u64,
    /// When it is over, once the machine runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due_ms: Option<u64>,
    /// How many milliseconds of the real world pass in one of this; 0 when waiting takes no time at all.
    pub(crate) speed: u64,
    /// How often kubeadm has tried and waited.
    #[serde(default)]
    pub(crate) attempts: u32,
}

impl std::fmt::Debug for FirstBoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstBoot").field("due_ms", &self.due_ms).finish_non_exhaustive()
    }
}

/// The kubelet on a machine that has become a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kubelet {
    /// The host name of its cluster's API.
    pub(crate) host: String,
    /// The node's name.
    pub(crate) name: String,
    pub(crate) is_control_plane: bool,
    /// `v1.34.2`.
    pub(crate) version: String,
    /// Where the API server on it listens.
    pub(crate) port: u16,
    /// Whether a template of a network configuration lies on its disk, so that a pod CIDR is all it needs.
    pub(crate) has_cni_template: bool,
    /// When it joined.
    pub(crate) since_ms: u64,
    /// When its etcd learner is promoted and its API server starts; `None` when that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) promote_ms: Option<u64>,
    /// The authority that signed its certificate, and those that it trusts.
    #[serde(default)]
    pub(crate) authority: Trust,
}

/// What a machine knows of itself.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) id: String,
    pub(crate) key: String,
    /// The host name.
    pub(crate) name: String,
    pub(crate) location: String,
    /// `eastus2-1`, or the fault domain `0`.
    pub(crate) zone: String,
    pub(crate) size: String,
    pub(crate) address: String,
    pub(crate) vm_id: String,
    /// The version of Kubernetes its image is made for, if the image says so: `v1.34.2`.
    pub(crate) image_version: Option<String>,
    pub(crate) is_running: bool,
}

impl Facts {
    pub(crate) fn of(world: &World, machine: &Resource) -> Self {
        let body = &machine.body;
        let location = machine.location().to_owned();
        let zone = json::list(body, "zones").first().and_then(|zone| zone.as_str());
        let nics = json::list(body, "properties.networkProfile.networkInterfaces");
        let primary = nics
            .iter()
            .find(|nic| nic["properties"]["primary"].as_bool() == Some(true))
            .or_else(|| nics.first())
            .and_then(|nic| nic["id"].as_str());
        let address = primary
            .and_then(|nic| world.get(&ids::key(nic)))
            .and_then(|nic| {
                let configs = json::list(&nic.body, "properties.ipConfigurations");
                configs.first().and_then(|config| json::text(config, "properties.privateIPAddress"))
            })
            .unwrap_or("")
            .to_owned();
        Self {
            id: machine.id.clone(),
            key: machine.key(),
            name: json::text(body, "properties.osProfile.computerName")
                .unwrap_or(machine.name())
                .to_ascii_lowercase(),
            zone: zone.map_or_else(|| "0".to_owned(), |zone| format!("{location}-{zone}")),
            location,
            size: json::text(body, "properties.hardwareProfile.vmSize").unwrap_or("").to_owned(),
            address,
            vm_id: json::text(body, "properties.vmId").unwrap_or("").to_owned(),
            image_version: image_version(body),
            is_running: machine.machine.as_ref().is_some_and(|machine| machine.power == "running"),
        }
    }

    /// `azure:///subscriptions/…`, as the cloud provider writes it.
    pub(crate) fn provider_id(&self) -> String {
        format!("azure://{}", self.id)
    }
}

/// Galleries of images for Kubernetes number their images by its versions.
fn image_version(body: &serde_json::Value) -> Option<String> {
    let image = json::get(body, "properties.storageProfile.imageReference")?;
    let id = ["id", "sharedGalleryImageId", "communityGalleryImageId"]
        .iter()
        .find_map(|name| image[*name].as_str());
    let named = id.map(ids::last).or_else(|| image["version"].as_str())?;
    parse_version(named)
        .filter(|(major, ..)| *major == 1)
        .map(|(major, minor, patch)| format!("v{major}.{minor}.{patch}"))
}

/// `v1.34.2` or `1.34.2` in numbers.
pub(crate) fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.trim_start_matches('v').splitn(3, '.');
    let mut number = || parts.next()?.parse::<u32>().ok();
    Some((number()?, number()?, number()?))
}

/// How long a real duration takes at a speed; no time at all at speed 0.
pub(crate) fn scaled(speed: u64, real_ms: u64) -> u64 {
    real_ms.checked_div(speed).unwrap_or(0)
}
