//! What a cluster says of itself to one who has its keys and nothing else: how its nodes were configured, which addresses
//! its pods and services have, which sets of objects are in it.

use std::collections::BTreeMap;

use lazuli_core::Json;

use crate::api::{ApiError, Clusters, Rest, Selector};
use crate::keyring::ClusterId;
use crate::node::{member, registration::NODES};
use crate::objects::INVENTORY_LABEL;

/// What kubeadm made the cluster with.
const KUBEADM: &str = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
const CONFIG_MAPS: &str = "/api/v1/namespaces/kube-system/configmaps";

/// What it says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    /// What each node is a member with, by its name: the `properties` of a member.
    pub members: BTreeMap<String, Json>,
    /// The addresses of pods.
    pub pods: Option<String>,
    /// The addresses of services.
    pub services: Option<String>,
    /// The objects of each set that Lazuli made, as `addon/metrics-server` and `apps/v1/Deployment/kube-system/coredns`.
    pub sets: BTreeMap<String, Vec<String>>,
}

/// Asks a cluster whose keys are in the ring.
///
/// # Errors
/// When it cannot be asked.
pub async fn survey(clusters: &Clusters, cluster: &ClusterId) -> Result<Survey, ApiError> {
    let rest = Rest::from(clusters.client(cluster).await?);
    let nodes = rest.list(NODES, Selector::default()).await?;
    let members = nodes.iter().filter_map(|node| {
        let name = node["metadata"]["name"].as_str()?.to_owned();
        Some((name, member::observed(Some(node), None)?["properties"].take()))
    });
    let kubeadm = rest.get(KUBEADM).await?;
    // Text that somebody spoiled says nothing.
    let made_with = kubeadm.and_then(|map| {
        serde_saphyr::from_str::<Json>(map["data"]["ClusterConfiguration"].as_str()?).ok()
    });
    let address = |name: &str| Some(made_with.as_ref()?["networking"][name].as_str()?.to_owned());
    let inventories =
        rest.list(CONFIG_MAPS, Selector { labels: Some(INVENTORY_LABEL), fields: None }).await?;
    let sets = inventories.iter().filter_map(|inventory| {
        let data = &inventory["data"];
        let objects = data["objects"].as_str().unwrap_or_default().lines().map(str::to_owned).collect();
        Some((data["set"].as_str()?.to_owned(), objects))
    });
    Ok(Survey {
        members: members.collect(),
        pods: address("podSubnet"),
        services: address("serviceSubnet"),
        sets: sets.collect(),
    })
}
