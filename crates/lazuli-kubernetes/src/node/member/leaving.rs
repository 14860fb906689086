//! A node goes: emptied, out of etcd, its volumes detached.

use std::sync::Arc;
use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use tokio::time::{Instant, sleep};

use super::{Cluster, LOOKS};
use crate::api::ApiError;
use crate::node::desired::Member;
use crate::node::drain::{Drain, DrainError};
use crate::node::pods::DrainRules;
use crate::node::readiness::is_unreachable;
use crate::node::registration::node_path;
use crate::node::{control_plane, shape, volumes};

/// How long the volumes of a node may take to be detached after its pods are gone.
const DETACH: Duration = Duration::from_secs(10 * 60);

/// How long a drain may take when the node does not say.
const DRAIN: Duration = Duration::from_secs(15 * 60);

const ATTACHMENTS: &str = "/apis/storage.k8s.io/v1/volumeattachments";

/// Lets a node go: no new pods, all pods out, its volumes detached, and, when it `carries_etcd`, no new connections to its
/// API server, and then out of etcd, without which its API server does not answer. It remains as a Node object until its
/// machine is gone.
pub(crate) async fn delete(
    cluster: &Cluster,
    node: &str,
    carries_etcd: bool,
    watch: &dyn Watch,
) -> Result<(), ProviderError> {
    let (rest, path, exec) = (&cluster.rest, node_path(node), &*cluster.exec);
    let found = rest.get(&path).await.map_err(ApiError::looking)?;
    let nodes = match carries_etcd {
        true => cluster.nodes(Duration::ZERO).await.map_err(ApiError::looking)?,
        false => Arc::default(),
    };
    if carries_etcd {
        let asked = control_plane::may_leave(exec, (&nodes, &cluster.leaving), node, watch).await;
        asked.or_else(|error| of_etcd(node, error, false))?;
    }
    let emptied = async {
        match &found {
            Some(found) => empty(cluster, found, node, watch).await,
            None => Ok(()),
        }
    };
    let hidden = async {
        if carries_etcd && let Err(why) = cluster.load_balancer.take_out(&cluster.id, node).await {
            // What it is for is less than what would not happen: its probe does it too, a little late.
            tracing::warn!(node, why, "it stays in the load balancer until its API server has stopped");
            watch.progress(&format!("still in the load balancer, until its API server has stopped: {why}"));
        }
        Ok(())
    };
    futures::future::try_join(emptied, hidden).await?;
    if carries_etcd {
        let left = control_plane::leave(exec, (&nodes, &cluster.leaving), node, watch).await;
        left.or_else(|error| of_etcd(node, error, true))?;
    }
    if found.is_none() {
        return Ok(());
    }
    match rest.merge(&path, &shape::record(None)).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.changing()),
    }
}

/// Cordons and drains a node and waits until its volumes are detached.
async fn empty(cluster: &Cluster, found: &Json, node: &str, watch: &dyn Watch) -> Result<(), ProviderError> {
    let made_with = shape::made_with(found).map(|properties| serde_json::json!({"properties": properties}));
    let member = made_with.and_then(|body| Member::of(&body).ok());
    let made_with = member.as_ref().map_or(DRAIN, Member::drain_timeout);
    let timeout = cluster.drain_timeout.unwrap_or(made_with);
    watch.progress("cordoning");
    let cordon = serde_json::json!({"spec": {"unschedulable": true}});
    cluster.rest.merge(&node_path(node), &cordon).await.map_err(ApiError::changing)?;
    let unreachable = is_unreachable(found);
    let drain = Drain { rules: DrainRules::default(), timeout, unreachable };
    drain.run(&cluster.rest, node, watch).await.map_err(|error| of_drain(node, error))?;
    if unreachable { Ok(()) } else { detached(cluster, node, watch).await }
}

/// Waits until no volume is attached to a node any more but those of pods that stay.
async fn detached(cluster: &Cluster, node: &str, watch: &dyn Watch) -> Result<(), ProviderError> {
    let begun = Instant::now();
    let mut staying = None;
    loop {
        let pause = (begun.elapsed() / 20).clamp(LOOKS.0, LOOKS.1);
        let list = cluster.lists.latest(&cluster.id, &cluster.rest, ATTACHMENTS, pause).await;
        let attached: Vec<String> = match list {
            Ok(list) => {
                let mut attached: Vec<String> =
                    list.iter().filter(|a| a["spec"]["nodeName"] == node).map(volume).collect();
                if !attached.is_empty() {
                    if staying.is_none() {
                        staying = volumes::of_pods_that_stay(&cluster.rest, node).await.ok();
                    }
                    attached.retain(|volume| !staying.as_ref().is_some_and(|stay| stay.contains(volume)));
                }
                attached
            }
            Err(error) if error.is_passing() => vec!["the API does not answer".to_owned()],
            Err(error) => return Err(error.changing()),
        };
        if attached.is_empty() {
            return Ok(());
        }
        let which = attached.join(", ");
        if begun.elapsed() > DETACH {
            let message = format!(
                "volumes are still attached to the node {node} after {} s: {which}",
                DETACH.as_secs()
            );
            return Err(ProviderError::own("Timeout", message, Outcome::Unknown).advise(format!(
                "The node stays cordoned and empty. Look at `kubectl get volumeattachments` and at the CSI driver's \
                 controller, then run the same command again; `kubectl uncordon {node}` takes it back instead."
            )));
        }
        watch.progress(&format!("waiting for volumes to be detached: {which}"));
        sleep(pause).await;
    }
}

fn volume(attachment: &Json) -> String {
    let volume = attachment
        .pointer("/spec/source/persistentVolumeName")
        .or_else(|| attachment.pointer("/metadata/name"));
    volume.and_then(Json::as_str).unwrap_or("a volume").to_owned()
}

fn of_drain(node: &str, error: DrainError) -> ProviderError {
    let message = format!("the node {node} could not be drained: {error}");
    let code = match error {
        DrainError::Api(error) => return error.changing(),
        DrainError::TimedOut { .. } => "DrainTimeout",
        DrainError::Refused { .. } => "EvictionRefused",
        DrainError::Forbidden(_) => "DrainForbidden",
    };
    ProviderError::own(code, message, Outcome::Unknown).advise(format!(
        "The node stays cordoned and keeps these pods. Give the disruption budget room (more replicas, a smaller \
         minAvailable) or delete the pods yourself, then run the same command again: it goes on from here. \
         `kubectl uncordon {node}` takes the node back instead."
    ))
}

fn of_etcd(node: &str, error: control_plane::LeaveError, drained: bool) -> Result<(), ProviderError> {
    use control_plane::LeaveError;
    let code = match &error {
        LeaveError::Quorum(_) | LeaveError::NoSuccessor => "EtcdQuorum",
        LeaveError::Etcd(_) | LeaveError::Unsettled(_) => "Etcd",
    };
    let outcome = if drained { Outcome::Unknown } else { Outcome::Nothing };
    let message = format!("the control-plane node {node} cannot leave etcd: {error}");
    let so_far = if drained { "The node is drained and stays cordoned." } else { "Nothing was changed." };
    Err(ProviderError::own(code, message, outcome).advise(format!(
        "{so_far} Bring the silent control-plane nodes back, or replace them first, then run the same command again."
    )))
}
