//! What the state knows of clusters.

use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::{Address, Diagnostic, Json, suggestion};
use lazuli_kubernetes::keyring::ClusterId;

use crate::failure::Failure;
use crate::render::cluster::Listed;

/// A cluster in the state.
#[derive(Debug)]
pub(super) struct RecordedCluster<'a> {
    /// `cluster.prod`
    pub(super) address: Address,
    /// Its name in Azure.
    pub(super) name: String,
    /// By which its keys and its API are found.
    pub(super) id: ClusterId,
    /// The record of its certificate authority.
    pub(super) authority: &'a Recorded,
    /// Its nodes that have joined, with what is wanted of each.
    pub(super) members: Vec<&'a Recorded>,
}

impl RecordedCluster<'_> {
    /// `prod-3f2a91c7.eastus2.cloudapp.azure.com:6443`
    pub(super) fn server(&self) -> &str {
        self.authority.inputs.pointer("/properties/server").and_then(Json::as_str).unwrap_or_default()
    }

    /// The highest version its nodes are to have.
    pub(super) fn version(&self) -> String {
        let versions = self.members.iter().filter_map(|m| text(m, "/properties/version"));
        versions
            .max_by_key(|version| semver::Version::parse(version.trim_start_matches('v')).ok())
            .unwrap_or("")
            .to_owned()
    }

    pub(super) fn listed(&self) -> Listed {
        let control_plane = self.members.iter().filter(|m| is_control_plane(m)).count();
        Listed {
            name: self.name.clone(),
            address: self.address.to_string(),
            endpoint: format!("https://{}", self.server()),
            version: self.version(),
            control_plane,
            workers: self.members.len() - control_plane,
        }
    }
}

/// A text in what is wanted of a resource.
pub(super) fn text<'a>(resource: &'a Recorded, pointer: &str) -> Option<&'a str> {
    resource.inputs.pointer(pointer).and_then(Json::as_str)
}

pub(super) fn is_control_plane(member: &Recorded) -> bool {
    member.ty.name.ends_with("/controlPlaneMembers")
}

/// All clusters, in order of address. One without keys has nothing to be asked.
pub(super) fn all(world: &RecordedWorld) -> Vec<RecordedCluster<'_>> {
    let authorities = world.resources.values().filter(|r| r.address.as_str().ends_with(".pki.cluster_ca"));
    let cluster = |authority: &'_ Recorded| -> Option<(Address, ClusterId)> {
        Some((authority.address.parent()?.parent()?, ClusterId::of(&authority.id)?))
    };
    authorities
        .filter_map(|authority| {
            let (address, id) = cluster(authority)?;
            let is_member =
                |r: &&Recorded| r.address.as_str().ends_with(".member") && r.address.is_within(&address);
            let members = world.resources.values().filter(is_member).collect();
            let name = authority.id.segment("clusters").unwrap_or_default().to_owned();
            Some(RecordedCluster { address, name, id, authority, members })
        })
        .collect()
}

/// The cluster of a name or address; the only one when nothing is named.
///
/// # Errors
/// When there is none, or more than one and none is named.
pub(super) fn named<'a>(
    world: &'a RecordedWorld,
    name: Option<&str>,
) -> Result<RecordedCluster<'a>, Failure> {
    let mut clusters = all(world);
    let names: Vec<String> = clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let refuse =
        |message: String, help: String| Err(Failure::of(Diagnostic::error("LZ3050", message).help(help)));
    let Some(name) = name else {
        return match clusters.len() {
            1 => Ok(clusters.remove(0)),
            0 => refuse(
                "there is no cluster in the state".to_owned(),
                "`lazuli apply` makes those of the configuration".to_owned(),
            ),
            _ => refuse(
                "there are several clusters".to_owned(),
                format!("name one of them: {}", names.join(", ")),
            ),
        };
    };
    let is_it = |cluster: &RecordedCluster<'_>| {
        cluster.name == name
            || cluster.address.as_str() == name
            || cluster.address.as_str().strip_prefix("cluster.") == Some(name)
    };
    match clusters.iter().position(is_it) {
        Some(place) => Ok(clusters.remove(place)),
        None => {
            let close = suggestion::closest(name, names.iter().map(String::as_str));
            let help = match close {
                Some(close) => format!("did you mean `{close}`?"),
                None => "`lazuli cluster list` shows the clusters in the state".to_owned(),
            };
            refuse(format!("there is no cluster `{name}` in the state"), help)
        }
    }
}
