//! What is asked of a cluster that exists and cannot be done to it, found before anything is changed.

use std::collections::BTreeMap;

use lazuli_core::recorded::RecordedWorld;
use lazuli_core::{Address, Diagnostic, Diagnostics, Json};
use semver::Version;

use crate::expand::{Expansion, Pki, layer};

/// How many minors a kubelet may be behind its API server.
const BEHIND: u64 = 3;
/// The same, of kubelets before 1.25.
const BEHIND_BEFORE_1_25: u64 = 2;

/// Everything about the cluster that contradicts what the state remembers of it: versions Kubernetes does not go between,
/// and what is decided when a cluster is made.
pub fn refused(expansion: &Expansion, world: &RecordedWorld) -> Diagnostics {
    let mut problems: Diagnostics = version(expansion, world).into_iter().collect();
    problems.extend(decided(expansion, world));
    problems
}

/// The versions that nodes of the cluster are recorded with, by their addresses.
pub fn versions(cluster: &Address, world: &RecordedWorld) -> BTreeMap<Address, Version> {
    let members = world.resources.values().filter(|recorded| recorded.address.is_within(cluster));
    let version = |json: &Json| {
        let text = json.pointer("/properties/version")?.as_str()?;
        Version::parse(text.trim_start_matches('v')).ok()
    };
    members
        .filter(|recorded| recorded.address.as_str().ends_with(".member"))
        .filter_map(|recorded| Some((recorded.address.parent()?, version(&recorded.inputs)?)))
        .collect()
}

/// Kubernetes goes forward, one minor at a time, and serves kubelets that are not too old.
fn version(expansion: &Expansion, world: &RecordedWorld) -> Option<Diagnostic> {
    let cluster = &expansion.cluster;
    let wanted = &cluster.profile.kubernetes;
    let running = versions(&cluster.address, world);
    let control_plane = cluster.control_plane.address(&cluster.address);
    let servers =
        || running.iter().filter(|(node, _)| node.is_within(&control_plane)).map(|(_, version)| version);
    let (oldest, newest) = (servers().min()?, servers().max()?);
    let problem = |what: String| {
        let problem = Diagnostic::error("LZ0247", what).about(cluster.address.clone());
        problem.at(cluster.profile.span, format!("kubernetes.version = \"{wanted}\""))
    };
    if wanted < newest {
        let what = format!("{} runs Kubernetes {newest} and cannot go back to {wanted}", cluster.address);
        let help = format!("keep {newest}: the data in etcd may have a newer form already");
        return Some(problem(what).help(help));
    }
    if wanted.minor > oldest.minor + 1 {
        let what = format!("{} runs Kubernetes {oldest} and cannot go to {wanted} at once", cluster.address);
        let help = format!("one minor version at a time: apply a version 1.{} first", oldest.minor + 1);
        return Some(problem(what).help(help));
    }
    let allowed = |kubelet: &Version| if kubelet.minor < 25 { BEHIND_BEFORE_1_25 } else { BEHIND };
    let stays: Vec<&Address> = running
        .iter()
        .filter(|(node, kubelet)| {
            !node.is_within(&control_plane) && wanted.minor.saturating_sub(kubelet.minor) > allowed(kubelet)
        })
        .map(|(node, _)| node)
        .collect();
    let first = stays.first()?;
    let kubelet = running.get(*first)?;
    let what = format!(
        "{first} runs Kubernetes {kubelet}, which an API server {wanted} does not serve: at most {} minor versions behind",
        allowed(kubelet)
    );
    let more = match stays.len() {
        1 => String::new(),
        number => format!(" (and {} more nodes)", number - 1),
    };
    Some(problem(what).help(format!(
        "upgrade its pool first{more}: apply the version that runs now without --target or --exclude"
    )))
}

/// What hangs on keys, certificates and addresses that exist.
fn decided(expansion: &Expansion, world: &RecordedWorld) -> Diagnostics {
    let cluster = &expansion.cluster;
    let recorded = |address: &Address, pointer: &str| -> Option<&str> {
        world.resources.get(address)?.inputs.pointer(pointer)?.as_str()
    };
    let settings = layer(&cluster.address, "settings");
    let networking = "/properties/clusterConfiguration/networking";
    let server = format!("{}:{}", expansion.fqdn, cluster.api_server.port);
    let profile = &cluster.profile;
    let cni = world
        .resources
        .values()
        .filter(|r| r.address.is_within(&cluster.address) && r.address.as_str().ends_with(".registration"))
        .find_map(|r| r.inputs.pointer("/properties/configuration/cni")?.as_str());
    let rows = [
        (
            "the address of its API",
            recorded(&Pki::of(&cluster.address).cluster_ca, "/properties/server"),
            server,
            (
                cluster.api_server.span,
                "its nodes and certificates know the API by the address it was made with",
            ),
        ),
        (
            "the addresses of its pods",
            recorded(&settings, &format!("{networking}/podSubnet")),
            profile.pod_cidr.to_string(),
            (profile.span, "pods that run have addresses in network.pod_cidr"),
        ),
        (
            "the addresses of its services",
            recorded(&settings, &format!("{networking}/serviceSubnet")),
            profile.service_cidr.to_string(),
            (profile.span, "services and certificates have addresses in network.service_cidr"),
        ),
        (
            "what carries packets between its pods",
            cni,
            profile.cni.as_str().to_owned(),
            (profile.span, "nodes with one network.cni do not reach pods of nodes with another"),
        ),
    ];
    let changed = rows.into_iter().filter_map(|(what, before, after, (span, because))| {
        let before = before.filter(|before| *before != after)?;
        let message = format!("{} cannot change {what} from {before} to {after}", cluster.address);
        let help = "take the change back, or make a second cluster with it and move the workloads";
        Some(Diagnostic::error("LZ0246", message).about(cluster.address.clone()).at(span, because).help(help))
    });
    changed.collect()
}

#[cfg(test)]
mod tests;
