//! A node comes in: waited for until it is ready.

use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use lazuli_core::resource::ResourceId;
use tokio::time::{Instant, sleep};

use super::{Cluster, LOOKS, gone};
use crate::api::{ApiError, BootLog};
use crate::node::desired::{Member, Registration};
use crate::node::readiness::{Readiness, STATIC_PODS, judge};
use crate::node::registration::{self, node_path};
use crate::node::{boot, control_plane, shape};
use crate::stop::unless_stopped;

/// How often a token is kept from ending while its node has not joined.
const RENEW: Duration = Duration::from_secs(10 * 60);

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
