//! A node as a member of its cluster: waited for until it is ready, kept as wanted, let go in order.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use lazuli_core::resource::ResourceId;
use tokio::time::{Instant, sleep};

use super::desired::{Member, Registration};
use super::drain::{Drain, DrainError};
use super::lists::Lists;
use super::pods::DrainRules;
use super::readiness::{Readiness, STATIC_PODS, is_unreachable, judge};
use super::registration::{self, NODES, node_path};
use super::{boot, control_plane, shape, volumes};
use crate::api::{ApiError, BootLog, Exec, LoadBalancer, Rest};
use crate::keyring::{ClusterId, ClusterKeys};
use crate::settings::Trust;
use crate::stop::unless_stopped;

/// The first and the longest wait between two looks at a node: a little longer each time.
const LOOKS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// How often a token is kept from ending while its node has not joined.
const RENEW: Duration = Duration::from_secs(10 * 60);

/// How long the volumes of a node may take to be detached after its pods are gone.
const DETACH: Duration = Duration::from_secs(10 * 60);

/// How often a patch is tried while others change the node too.
const CONFLICTS: u32 = 5;

/// How long a drain may take when the node does not say.
const DRAIN: Duration = Duration::from_secs(15 * 60);

const ATTACHMENTS: &str = "/apis/storage.k8s.io/v1/volumeattachments";

/// A cluster as the steps on its nodes need it.
pub(crate) struct Cluster {
    pub(crate) id: ClusterId,
    pub(crate) rest: Rest,
    pub(crate) keys: ClusterKeys,
    pub(crate) exec: Arc<dyn Exec>,
    pub(crate) load_balancer: Arc<dyn LoadBalancer>,
    /// Its nodes that are to go.
    pub(crate) leaving: BTreeSet<String>,
    pub(crate) lists: Lists,
    pub(crate) now: crate::api::Clock,
    /// How long pods may take to leave, where that is not what the node was made with.
    pub(crate) drain_timeout: Option<Duration>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({})", self.id)
    }
}

impl Cluster {
    /// The authorities that its nodes are to trust.
    pub(crate) fn trust(&self) -> Trust {
        let front_proxy = self.keys.front_proxy_ca.as_ref();
        Trust {
            rotation: self.keys.cluster_ca_rotation,
            bundle: self.keys.cluster_ca.certificate_pem.clone(),
            front_proxy_rotation: self.keys.front_proxy_ca_rotation,
            front_proxy_bundle: front_proxy.map_or_else(String::new, |ca| ca.certificate_pem.clone()),
        }
    }

    async fn nodes(&self, age: Duration) -> Result<Arc<Vec<Json>>, ApiError> {
        self.lists.latest(&self.id, &self.rest, NODES, age).await
    }
}

/// Waits until a node is as wanted, sets what its kubelet may not set itself, takes its token back and records it as a
/// member. Whoever waits for many nodes asks once for all.
pub(crate) async fn create(
    cluster: &Cluster,
    body: &Json,
    boot_log: &dyn BootLog,
    watch: &dyn Watch,
) -> Result<Json, ProviderError> {
    let member = Member::of(body)?;
    // Nothing is recorded of a node that is waited for: the next run waits for it again.
    let waiting = async { Ok(wait(cluster, &member, boot_log, watch).await) };
    if let Err(why) = unless_stopped(watch, Outcome::Nothing, waiting).await? {
        return Err(not_ready(&member, why, boot_log).await);
    }
    // Of the first node too: kubeadm has made a token that nobody needs.
    registration::revoke(&cluster.rest, &cluster.keys, &member.node, member.role)
        .await
        .map_err(ApiError::changing)?;
    let record = shape::record(Some(&body["properties"]));
    let node = cluster.rest.merge(&node_path(&member.node), &record).await.map_err(ApiError::changing)?;
    shape::observed(&node).ok_or_else(|| gone(&member.node))
}

/// When the boot log of a node that is not there yet is looked at first, and how often from then on.
const LOGS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// Why waiting ended.
enum Waited {
    /// It took too long; the sentence says what was missing.
    TooLong(String),
    /// It never will be ready.
    Never(String),
    /// The API refused something that waiting does not change.
    Api(ApiError),
}

async fn wait(
    cluster: &Cluster,
    member: &Member,
    boot_log: &dyn BootLog,
    watch: &dyn Watch,
) -> Result<(), Waited> {
    let begun = Instant::now();
    let (mut ready_since, mut told) = (None, String::new());
    // Nobody knows how long its machine took to be made: the token has half an hour from the first look on.
    let mut renewed: Option<Instant> = None;
    let mut next_log = begun + LOGS.0;
    loop {
        let pause = (begun.elapsed() / 20).clamp(LOOKS.0, LOOKS.1);
        let why = match look(cluster, member, pause).await {
            Ok(Readiness::Ready) => {
                let since: Instant = *ready_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= Duration::from_secs(member.min_ready_seconds) {
                    return Ok(());
                }
                format!("ready, and must stay so for {} s", member.min_ready_seconds)
            }
            Ok(Readiness::Never(why)) => return Err(Waited::Never(why)),
            Ok(Readiness::NotYet(why)) => {
                ready_since = None;
                let due = renewed.is_none_or(|renewed| renewed.elapsed() >= RENEW);
                if member.joins() && !why.contains("registered") && due {
                    renew(cluster, member).await;
                    renewed = Some(Instant::now());
                }
                why
            }
            Err(error) if error.is_passing() => {
                ready_since = None;
                format!("waiting for the API: {error}")
            }
            Err(error) => return Err(Waited::Api(error)),
        };
        if ready_since.is_none() && !why.contains("registered") && Instant::now() >= next_log {
            next_log = Instant::now() + LOGS.1;
            // A first boot that failed is not repeated: there is nothing to wait for.
            if boot_log_of(member, boot_log).await.is_some_and(|log| boot::has_failed(&log)) {
                return Err(Waited::Never("its first boot failed".to_owned()));
            }
        }
        let startup = Duration::from_secs(member.startup_timeout_seconds);
        if ready_since.is_none() && begun.elapsed() + pause > startup {
            return Err(Waited::TooLong(why));
        }
        let text = format!("joining: {why}");
        if text != told {
            watch.progress(&text);
            told = text;
        }
        sleep(pause).await;
    }
}

/// Looks at a node once, and patches what differs.
async fn look(cluster: &Cluster, member: &Member, age: Duration) -> Result<Readiness, ApiError> {
    let nodes = cluster.nodes(age).await?;
    let found = nodes.iter().find(|node| node["metadata"]["name"] == member.node.as_str());
    if let Some(node) = found
        && let Some(patch) = shape::patch(member, None, node)
    {
        match cluster.rest.merge(&node_path(&member.node), &patch).await {
            Ok(_) => {}
            Err(error) if error.is_conflict() || error.is_not_found() => {} // the next look sees it anew
            Err(error) => return Err(error),
        }
    }
    let mut pods = Vec::new();
    if member.is_control_plane() && found.is_some() {
        for name in STATIC_PODS {
            let path = format!("/api/v1/namespaces/kube-system/pods/{name}-{}", member.node);
            pods.extend(cluster.rest.get(&path).await?);
        }
    }
    let readiness = judge(member, found, &pods);
    if readiness == Readiness::Ready
        && member.is_control_plane()
        && let Some(why) = control_plane::waits_for(&*cluster.exec, &nodes, &member.node).await
    {
        return Ok(Readiness::NotYet(why));
    }
    Ok(readiness)
}

/// A machine may take longer to start than its token holds. When it cannot be renewed, the node says so by not joining.
async fn renew(cluster: &Cluster, member: &Member) {
    let registration = Registration { node: member.node.clone(), role: member.role };
    let now = (cluster.now)();
    let made = registration::create(&cluster.rest, &cluster.keys, &registration, now).await;
    if let Err(error) = made {
        tracing::warn!(node = member.node, %error, "the bootstrap token could not be renewed");
    }
}

async fn not_ready(member: &Member, why: Waited, boot_log: &dyn BootLog) -> ProviderError {
    let (code, why) = match why {
        Waited::Api(error) => return error.changing(),
        Waited::TooLong(why) => {
            ("NodeNotReady", format!("after {} s it is still {why}", member.startup_timeout_seconds))
        }
        Waited::Never(why) => ("WrongNode", why),
    };
    let mut message = format!("the node {} did not become ready: {why}", member.node);
    if let Some(log) = boot_log_of(member, boot_log).await {
        message.push_str("\nFrom its boot log:\n");
        message.push_str(&boot::excerpt(&log));
    }
    // Nothing is recorded of it, so the next apply waits for it again.
    ProviderError::own(code, message, Outcome::Nothing).advise(
        "Its machine stays as it is, so it can be looked at. If it still can join, run the same command again: it waits for \
         the node once more. A first boot that failed is not repeated: with `--replace` and the address of the node's \
         `vm` another machine takes its place.",
    )
}

async fn boot_log_of(member: &Member, boot_log: &dyn BootLog) -> Option<String> {
    let vm = member.provider_id.as_ref()?.strip_prefix("azure://")?;
    boot_log.read(&ResourceId::new(vm)).await
}

fn gone(node: &str) -> ProviderError {
    ProviderError::own("NodeGone", format!("the node {node} vanished while it was written"), Outcome::Unknown)
}

/// Labels, taints, cordon: in place.
pub(crate) async fn update(
    cluster: &Cluster,
    body: &Json,
    previous: Option<&Json>,
) -> Result<Json, ProviderError> {
    let member = Member::of(body)?;
    // Without a previous body nothing is taken away but a cordon.
    let previous = previous.map(Member::of).transpose()?.unwrap_or_else(|| member.clone());
    let path = node_path(&member.node);
    for _ in 0..CONFLICTS {
        let node =
            cluster.rest.get(&path).await.map_err(ApiError::changing)?.ok_or_else(|| gone(&member.node))?;
        let mut patch = shape::record(Some(&body["properties"]));
        if let Some(shape) = shape::patch(&member, Some(&previous), &node) {
            join(&mut patch, shape);
        }
        match cluster.rest.merge(&path, &patch).await {
            Ok(node) => return shape::observed(&node).ok_or_else(|| gone(&member.node)),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.changing()),
        }
    }
    let message = format!("others keep changing the node {}: its taints could not be written", member.node);
    Err(ProviderError::own("Conflict", message, Outcome::Nothing))
}

/// Lays one merge patch over another.
fn join(base: &mut Json, over: Json) {
    match (base, over) {
        (Json::Object(base), Json::Object(over)) => {
            for (key, value) in over {
                join(base.entry(key).or_insert(Json::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// Makes room in etcd for a control-plane node that is about to join.
pub(crate) async fn make_room(cluster: &Cluster, watch: &dyn Watch) -> Result<(), ProviderError> {
    let nodes = cluster.nodes(Duration::ZERO).await.map_err(ApiError::looking)?;
    control_plane::remove_the_dead(&*cluster.exec, &nodes, &cluster.leaving, watch).await.map_err(|error| {
        let message = format!("etcd cannot take in another member: {error}");
        ProviderError::own("Etcd", message, Outcome::Unknown).advise(
            "A member of etcd is dead, and no new one can join while it is. Bring the silent control-plane nodes back \
             until most of them answer, then run the same command again.",
        )
    })
}

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

/// A member as observed; `None` when the node is not there or not a member. `recorded` is what the state says that it was
/// made with, for a node that has lost its own record of that.
pub(crate) fn observed(node: Option<&Json>, recorded: Option<&Json>) -> Option<Json> {
    let node = node?;
    shape::observed(node).or_else(|| shape::observed_again(node, recorded?))
}

#[cfg(test)]
mod tests;
