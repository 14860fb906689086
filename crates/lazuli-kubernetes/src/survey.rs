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
    /// Its `ClusterConfiguration`, null when nobody can read it.
    pub kubeadm: Json,
    /// What that says beyond the configuration that was written without it.
    pub beyond: Beyond,
    /// The objects of each set that Lazuli made, as `addon/metrics-server` and `apps/v1/Deployment/kube-system/coredns`.
    pub sets: BTreeMap<String, Vec<String>>,
}

/// What somebody configured of the components of a control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beyond {
    /// Arguments by component, in the words of the configuration: `api_server`.
    pub args: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// More names of the API server.
    pub cert_sans: Vec<String>,
    /// Feature gates.
    pub feature_gates: BTreeMap<String, bool>,
}

const COMPONENTS: [(&str, &str); 3] =
    [("apiServer", "api_server"), ("controllerManager", "controller_manager"), ("scheduler", "scheduler")];

impl Beyond {
    /// What one `ClusterConfiguration` says beyond another. Arguments are lists or maps, by kubeadm's version; those that
    /// name the addresses of pods or services go with these.
    pub fn of(said: &Json, known: &Json) -> Beyond {
        let mut beyond = Beyond::default();
        let here = |value: String| {
            let mut ranges = ["podSubnet", "serviceSubnet"].into_iter();
            let range = ranges.find(|range| known["networking"][*range] == value.as_str());
            range.and_then(|range| said["networking"][range].as_str()).map_or(value, str::to_owned)
        };
        for (component, name) in COMPONENTS {
            let known: BTreeMap<String, String> =
                args(&known[component]).into_iter().map(|(name, value)| (name, here(value))).collect();
            let said = args(&said[component]);
            for (arg, value) in said.into_iter().filter(|(arg, value)| known.get(arg) != Some(value)) {
                if arg == "feature-gates" {
                    let gates = value.split(',').filter_map(|gate| gate.split_once('='));
                    beyond.feature_gates.extend(gates.map(|(gate, on)| (gate.to_owned(), on == "true")));
                } else {
                    beyond.args.entry(name).or_default().insert(arg, value);
                }
            }
        }
        let names = |configuration: &Json| -> Vec<String> {
            let names = configuration["apiServer"]["certSANs"].as_array().into_iter().flatten();
            names.filter_map(|name| Some(name.as_str()?.to_owned())).collect()
        };
        let known = names(known);
        beyond.cert_sans = names(said).into_iter().filter(|name| !known.contains(name)).collect();
        beyond
    }
}

fn args(component: &Json) -> BTreeMap<String, String> {
    match &component["extraArgs"] {
        Json::Array(list) => list
            .iter()
            .filter_map(|arg| Some((arg["name"].as_str()?.to_owned(), arg["value"].as_str()?.to_owned())))
            .collect(),
        Json::Object(map) => {
            map.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
        }
        _ => BTreeMap::new(),
    }
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
    let made_with = kubeadm
        .and_then(|map| serde_saphyr::from_str::<Json>(map["data"]["ClusterConfiguration"].as_str()?).ok());
    let inventories =
        rest.list(CONFIG_MAPS, Selector { labels: Some(INVENTORY_LABEL), fields: None }).await?;
    let sets = inventories.iter().filter_map(|inventory| {
        let data = &inventory["data"];
        let objects = data["objects"].as_str().unwrap_or_default().lines().map(str::to_owned).collect();
        Some((data["set"].as_str()?.to_owned(), objects))
    });
    Ok(Survey {
        members: members.collect(),
        kubeadm: made_with.unwrap_or_default(),
        beyond: Beyond::default(),
        sets: sets.collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_beyond_the_usual_is_found_in_the_form_of_every_version_of_kubeadm() {
        let usual = json!({"networking": {"podSubnet": "10.1.0.0/16"}, "apiServer": {"certSANs": ["api", "127.0.0.1"], "extraArgs": {"cloud-provider": "external"}},
            "controllerManager": {"extraArgs": {"cluster-name": "prod", "cluster-cidr": "10.1.0.0/16"}}});
        let lists = json!({"networking": {"podSubnet": "10.2.0.0/16"}, "apiServer": {"certSANs": ["api", "127.0.0.1", "mine"], "extraArgs": [
                {"name": "cloud-provider", "value": "external"}, {"name": "v", "value": "4"},
                {"name": "feature-gates", "value": "A=true,B=false"}]},
            "controllerManager": {"extraArgs": [{"name": "cluster-name", "value": "other"},
                {"name": "cluster-cidr", "value": "10.2.0.0/16"}]}, "scheduler": {}});
        let maps = json!({"apiServer": {"certSANs": ["mine", "api"], "extraArgs": {"v": "4", "feature-gates": "A=true,B=false"}},
            "controllerManager": {"extraArgs": {"cluster-name": "other"}}});
        let args = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let expected = Beyond {
            args: [("api_server", args("v", "4")), ("controller_manager", args("cluster-name", "other"))]
                .into(),
            cert_sans: vec!["mine".to_owned()],
            feature_gates: [("A".to_owned(), true), ("B".to_owned(), false)].into(),
        };
        assert_eq!([Beyond::of(&lists, &usual), Beyond::of(&maps, &usual)], [expected.clone(), expected]);
        assert_eq!(Beyond::of(&usual, &usual), Beyond::default());
        assert_eq!(Beyond::of(&Json::Null, &usual), Beyond::default());
    }
}
