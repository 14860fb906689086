//! Looking at a cluster: what the state says of it, and what its own API does.

use std::sync::Arc;

use lazuli_cluster::expand::Pki;
use lazuli_core::Address;
use lazuli_core::provider::ProviderError;
use lazuli_core::recorded::RecordedWorld;
use lazuli_kubernetes::pki;
use lazuli_kubernetes::status::{self, ClusterStatus};
use time::OffsetDateTime;

use super::recorded::{is_control_plane, named, text};
use crate::cli::Variables;
use crate::clouds::Clouds;
use crate::commands::begin::Setting;
use crate::commands::{apply, state};
use crate::failure::Failure;
use crate::render::cluster::{Shown, ShownNode};
use crate::terminal::Printer;

/// A cluster that was looked at.
pub(super) struct Looked {
    /// What is recorded of it.
    pub(super) cluster: Recorded,
    /// How it is, or why nobody knows.
    pub(super) status: Result<ClusterStatus, ProviderError>,
    pub(super) setting: Setting,
    pub(super) world: RecordedWorld,
    clouds: Arc<Clouds>,
}

/// What is recorded of a cluster, on its own.
pub(super) struct Recorded {
    pub(super) name: String,
    pub(super) address: lazuli_core::Address,
    pub(super) server: String,
    pub(super) version: String,
    pub(super) members: Vec<RecordedMember>,
    /// Its certificate authorities, and when each ends.
    pub(super) authorities: Vec<(String, OffsetDateTime)>,
}

/// A node that has joined once.
pub(super) struct RecordedMember {
    pub(super) node: String,
    /// `cluster.prod.control_plane.node["1"]`
    pub(super) address: lazuli_core::Address,
    pub(super) control_plane: bool,
    pub(super) version: String,
}

/// Looks at a cluster.
///
/// # Errors
/// When there is no such cluster, or its account cannot be used. A cluster that does not answer is no error.
pub(super) async fn look(
    name: Option<&str>,
    variables: &Variables,
    printer: &Printer,
) -> Result<Looked, Failure> {
    let setting = Setting::here(variables, printer)?;
    let world = state::read()?;
    let found = named(&world, name)?;
    let clouds = Arc::new(setting.clouds(&world, 16).await?);
    clouds.learn(&world);
    let status = status::look(clouds.inside.kubernetes.clusters(), &found.id).await;
    let member = |member: &&lazuli_core::recorded::Recorded| {
        Some(RecordedMember {
            node: text(member, "/properties/node")?.to_owned(),
            address: member.address.parent()?,
            control_plane: is_control_plane(member),
            version: text(member, "/properties/version").unwrap_or_default().to_owned(),
        })
    };
    let cluster = Recorded {
        name: found.name.clone(),
        address: found.address.clone(),
        server: found.server().to_owned(),
        version: found.version(),
        members: found.members.iter().filter_map(member).collect(),
        authorities: authorities(&found.address, &world),
    };
    Ok(Looked { cluster, status, setting, world, clouds })
}

/// All that are trusted: while one is rotated, there are two.
fn authorities(cluster: &Address, world: &RecordedWorld) -> Vec<(String, OffsetDateTime)> {
    let Pki { cluster_ca, etcd_ca, front_proxy_ca, .. } = Pki::of(cluster);
    let rows = [("the cluster's", cluster_ca), ("etcd's", etcd_ca), ("the front proxy's", front_proxy_ca)];
    let mut all = Vec::new();
    for (whose, address) in rows {
        let recorded = world.resources.get(&address);
        let bundle =
            recorded.and_then(|ca| ca.observed["properties"]["certificate"].as_str()).unwrap_or_default();
        let ends: Vec<OffsetDateTime> =
            pki::certificates(bundle).filter_map(|certificate| pki::expiry(certificate).ok()).collect();
        let one = ends.len() == 1;
        all.extend(ends.into_iter().zip(["which signs", "which does not sign"]).map(
            |(end, which)| match one {
                true => (whose.to_owned(), end),
                false => (format!("{whose}, {which},"), end),
            },
        ));
    }
    all
}

impl Looked {
    /// What people are shown of it.
    pub(super) fn shown(&self) -> Shown {
        let seen = self.status.as_ref().ok();
        let of_record = self.cluster.members.iter().map(|member| {
            let node = seen.and_then(|status| status.nodes.iter().find(|node| node.name == member.node));
            ShownNode {
                name: member.node.clone(),
                address: Some(member.address.to_string()),
                control_plane: member.control_plane,
                wanted: member.version.clone(),
                seen: node.cloned(),
            }
        });
        let mut nodes: Vec<ShownNode> = of_record.collect();
        let others = seen.into_iter().flat_map(|status| &status.nodes);
        for node in others {
            if !nodes.iter().any(|known| known.name == node.name) {
                nodes.push(ShownNode {
                    name: node.name.clone(),
                    address: None,
                    control_plane: node.control_plane,
                    wanted: String::new(),
                    seen: Some(node.clone()),
                });
            }
        }
        Shown {
            name: self.cluster.name.clone(),
            address: self.cluster.address.to_string(),
            endpoint: format!("https://{}", self.cluster.server),
            version: self.cluster.version.clone(),
            unreachable: self.status.as_ref().err().map(|error| error.message.clone()),
            api_version: seen.map(|status| status.version.clone()),
            etcd: seen.map(|status| status.etcd.clone()),
            nodes,
        }
    }

    /// Stops simulators.
    pub(super) async fn close(self) {
        apply::close(self.clouds).await;
    }
}
