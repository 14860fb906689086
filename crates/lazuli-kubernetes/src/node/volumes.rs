//! Volumes of pods that a drain leaves on their node: they are detached when the machine is gone, not before.

use std::collections::BTreeSet;

use lazuli_core::Json;

use super::pods::daemon_set;
use crate::api::{ApiError, Rest, Selector, encode};

/// The persistent volumes that pods of DaemonSets on a node have claimed.
pub(super) async fn of_pods_that_stay(rest: &Rest, node: &str) -> Result<BTreeSet<String>, ApiError> {
    let on_node = format!("spec.nodeName={node}");
    let pods = rest.list("/api/v1/pods", Selector { fields: Some(&on_node), labels: None }).await?;
    let mut volumes = BTreeSet::new();
    for pod in pods.iter().filter(|pod| daemon_set(pod).is_some()) {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        for claim in claims(pod) {
            let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{}", encode(&claim));
            let claim = rest.get(&path).await?.unwrap_or_default();
            volumes.extend(claim["spec"]["volumeName"].as_str().map(str::to_owned));
        }
    }
    Ok(volumes)
}

/// The claims of a pod: those it names, and those that are made with it and called after it.
fn claims(pod: &Json) -> Vec<String> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let claim = |volume: &Json| match volume.get("ephemeral") {
        Some(_) => Some(format!("{name}-{}", volume["name"].as_str()?)),
        None => Some(volume.pointer("/persistentVolumeClaim/claimName")?.as_str()?.to_owned()),
    };
    volumes.filter_map(claim).collect()
}
