//! What `kubeadm upgrade` would maintain and nobody else does: nodes are replaced, so it is never run.
//!
//! Two resources. *settings* is written before a new node joins, since joining reads it: the config maps
//! `kubeadm-config` and `kubelet-config`, the roles that the version's kubeadm counts on, and, once the cluster's authority
//! has been rotated, the certificates in `cluster-info`. *components* comes when
//! the control plane is current: kube-proxy, CoreDNS, and whom the API servers trust that were added to the cluster.
//!
//! On a fresh cluster `kubeadm init` has written all of it: putting then changes nothing. Fields that Lazuli says
//! nothing about are kept, also those it has never heard of.
//!
//! Deleting either does nothing: a cluster cannot be without them.

mod cluster_info;
pub mod components;
mod edit;
pub(crate) mod extension;
mod image;
mod merge;
mod rbac;
mod trust;
mod yaml;

use kube::Client;
use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use serde_json::json;

use crate::objects::wire::Wire;
use crate::version::KubernetesVersion;
use edit::{Changed, change_text};
pub use trust::Trust;

const KUBEADM: &str = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
const KUBEADM_KEY: &str = "ClusterConfiguration";
const KUBELET: &str = "/api/v1/namespaces/kube-system/configmaps/kubelet-config";
const KUBELET_KEY: &str = "kubelet";
/// Of the settings, how many steps the authority has been rotated whose certificates `cluster-info` has; of the components,
/// those of all authorities that other API servers are told of.
pub(crate) const ROTATION: &str = "authorityRotation";

/// Writes the settings; `properties` are `kubernetesVersion`, `clusterConfiguration` and `kubelet`, the last two as far
/// as Lazuli has something to say. `previous` is what was last said: what is in it and no longer in `properties` is taken
/// away. With `authorityRotation` among them, `cluster-info` is made to have the certificates of `trust`. Answers the
/// properties as they are afterwards.
///
/// # Errors
/// When the cluster was not made by kubeadm, the text in it is not YAML, or the API server refuses.
pub async fn put(
    client: &Client,
    properties: &Json,
    previous: Option<&Json>,
    trust: &Trust,
    watch: &dyn Watch,
) -> Result<Json, ProviderError> {
    let wire = Wire::new(client);
    let version = version(properties)?;
    if properties[ROTATION].is_number() {
        cluster_info::put(&wire, trust, watch).await?;
    }
    // Before the nodes that count on them.
    rbac::ensure(&wire, &version, watch).await?;
    let mut wanted = properties["clusterConfiguration"].clone();
    if wanted.is_null() {
        wanted = json!({});
    }
    wanted["apiVersion"] = json!(version.kubeadm_api().api_version());
    wanted["kind"] = json!("ClusterConfiguration");
    wanted["kubernetesVersion"] = json!(version.tag());
    let before = previous.map(|previous| &previous["clusterConfiguration"]);
    let changed = change_text(&wire, KUBEADM, KUBEADM_KEY, |live| {
        merge::to_api(live, version.kubeadm_api());
        merge::merge(live, &wanted, before);
    })
    .await?;
    tell(changed, "kubeadm-config", watch)?;
    if properties["kubelet"].is_object() {
        let before = previous.map(|previous| &previous["kubelet"]);
        let changed = change_text(&wire, KUBELET, KUBELET_KEY, |live| {
            merge::merge(live, &properties["kubelet"], before)
        })
        .await?;
        tell(changed, "kubelet-config", watch)?;
    }
    observe(client, trust).await?.ok_or_else(|| missing("kubeadm-config"))
}

/// The settings as they are; `None` when there are none.
///
/// # Errors
/// When the API server cannot be asked, or the text in it is not YAML.
pub async fn observe(client: &Client, trust: &Trust) -> Result<Option<Json>, ProviderError> {
    seen(&Wire::new(client), trust).await
}

/// The same, through a wire that may have read it already.
pub(crate) async fn seen(wire: &Wire, trust: &Trust) -> Result<Option<Json>, ProviderError> {
    let Some(cluster) = edit::read(wire, KUBEADM, KUBEADM_KEY).await? else { return Ok(None) };
    let kubelet = edit::read(wire, KUBELET, KUBELET_KEY).await?;
    let mut properties = json!({
        "kubernetesVersion": cluster["kubernetesVersion"],
        "clusterConfiguration": cluster,
        "kubelet": kubelet,
    });
    if trust.rotation > 0 && cluster_info::is_current(wire, trust).await? {
        properties[ROTATION] = json!(trust.rotation);
    }
    Ok(Some(properties))
}

fn version(properties: &Json) -> Result<KubernetesVersion, ProviderError> {
    let text = properties["kubernetesVersion"].as_str().unwrap_or_default();
    text.trim_start_matches('v')
        .parse()
        .map_err(|error| ProviderError::own("BadVersion", format!("{error}"), Outcome::Nothing))
}

fn tell(changed: Changed, name: &str, watch: &dyn Watch) -> Result<(), ProviderError> {
    match changed {
        Changed::Missing => Err(missing(name)),
        Changed::Nothing => Ok(()),
        Changed::Written => {
            watch.progress(&format!("{name} written"));
            Ok(())
        }
    }
}

fn missing(name: &str) -> ProviderError {
    let message =
        format!("there is no config map {name} in kube-system, which kubeadm makes in every cluster");
    ProviderError::own("NotFound", message, Outcome::Nothing).advise(
        "New nodes cannot join without it. Restore it (`kubeadm init phase upload-config all` on a control-plane node), \
         then apply again.",
    )
}
