//! What is special about control-plane nodes: they carry etcd.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::Watch;
use tokio::time::{Instant, sleep};

use super::etcd::{Etcd, EtcdError, Members};
use super::quorum::{Change, EtcdMember, QuorumError, check, successor};
use super::readiness::is_ready;
use crate::api::Exec;

/// How long a member that is still being filled, or has not started yet, is waited for. kubeadm itself gives up after two
/// minutes.
const FILLING: Duration = Duration::from_secs(5 * 60);

/// How long the others may take to agree that a member is gone.
const SETTLE: Duration = Duration::from_secs(2 * 60);

const LOOK: Duration = Duration::from_secs(3);

const LABEL: &str = "node-role.kubernetes.io/control-plane";

/// Why a node cannot leave etcd.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum LeaveError {
    /// The rule of quorum.
    #[error("{0}")]
    Quorum(#[from] QuorumError),
    /// etcd itself.
    #[error(transparent)]
    Etcd(#[from] EtcdError),
    /// Nobody can lead in its place.
    #[error("no other member of etcd can lead")]
    NoSuccessor,
    /// It is gone, but the others are not well.
    #[error("the member was removed, but {0} of etcd does not answer since then")]
    Unsettled(String),
}

/// The control-plane nodes of a list, the newest first.
fn newest_first(nodes: &[Json]) -> Vec<(&str, bool)> {
    let label = |node: &&Json| node["metadata"]["labels"].get(LABEL).is_some();
    let mut found: Vec<&Json> = nodes.iter().filter(label).collect();
    found.sort_by_key(|node| std::cmp::Reverse(node["metadata"]["creationTimestamp"].as_str()));
    let named =
        found.into_iter().filter_map(|node| Some((node["metadata"]["name"].as_str()?, is_ready(node))));
    named.collect()
}

/// etcd as seen from the control-plane nodes of a list: those that are Ready first, and `last` after all others.
fn etcd<'a>(exec: &'a dyn Exec, nodes: &[Json], last: &str) -> Etcd<'a> {
    let mut order = newest_first(nodes);
    order.sort_by_key(|(name, ready)| (*name == last, !ready));
    Etcd::new(exec, order.into_iter().map(|(name, _)| name.to_owned()).collect())
}

/// What the member on `node` still lacks, in a sentence; `None` when it has a vote and answers.
pub(super) async fn waits_for(exec: &dyn Exec, nodes: &[Json], node: &str) -> Option<String> {
    let members = match etcd(exec, nodes, "").members().await {
        Ok(members) => members,
        Err(error) => return Some(format!("kubelet registered, waiting for etcd: {error}")),
    };
    let what = match members.named(node) {
        None => "waiting for its member of etcd",
        Some(member) if member.learner => "waiting for etcd to be filled",
        Some(member) if !member.healthy => "waiting for its member of etcd to answer",
        Some(_) => return None,
    };
    Some(format!("kubelet registered, {what}"))
}

/// Whether the member on `node` may leave: asked before the first pod is evicted.
pub(super) async fn may_leave(
    exec: &dyn Exec,
    (nodes, leaving): (&[Json], &BTreeSet<String>),
    node: &str,
    watch: &dyn Watch,
) -> Result<(), LeaveError> {
    let begun = Instant::now();
    let mut unstarted = Unstarted::default();
    loop {
        let etcd = etcd(exec, nodes, node);
        let members = etcd.members().await?;
        let Some(own) = members.on(node, nodes) else { return Ok(()) };
        let overdue = unstarted.overdue(&members).filter(|overdue| overdue.id != own.id);
        match check(&members.all, Change::Remove(own.id)) {
            // A member that has just come answers a little later, and one that is being filled gets its vote.
            Err(QuorumError::Learner(_) | QuorumError::WouldLose { .. }) => match overdue {
                Some(never) => take_out(&etcd, &members, never, (nodes, leaving), watch).await?,
                None if begun.elapsed() < FILLING => {
                    watch.progress("waiting for the other members of etcd");
                    sleep(LOOK).await;
                }
                None => return Ok(check(&members.all, Change::Remove(own.id))?),
            },
            result => return Ok(result?),
        }
    }
}

/// Takes the member on `node` out of etcd: leadership to the newest, removal, and all others well.
pub(super) async fn leave(
    exec: &dyn Exec,
    (nodes, leaving): (&[Json], &BTreeSet<String>),
    node: &str,
    watch: &dyn Watch,
) -> Result<(), LeaveError> {
    let etcd = etcd(exec, nodes, node);
    let members = etcd.members().await?;
    let Some(own) = members.on(node, nodes) else { return Ok(()) };
    check(&members.all, Change::Remove(own.id))?;
    if members.leader == Some(own.id) {
        let newest: Vec<String> = newest_first(nodes).into_iter().map(|(name, _)| name.to_owned()).collect();
        let next = successor(&members.all, own.id, &newest).ok_or(LeaveError::NoSuccessor)?;
        watch.progress(&format!("moving etcd's leadership to {}", next.name));
        match etcd.move_leader(node, next.id).await {
            // A machine that nobody can log in to leads as well as any other. Removed, it stops, and the others elect one of
            // themselves: a moment without a leader.
            Err(EtcdError::NoAnswer(why)) => {
                watch.progress(&format!("its leadership stays until it is out: {why}"))
            }
            moved => moved?,
        }
    }
    watch.progress("leaving etcd");
    etcd.remove(own.id).await?;
    settled(&etcd, own.id, (nodes, leaving), watch).await
}

/// Takes out of etcd who is left in it without a node, a machine that somebody deleted, and who never started. While a
/// member is dead, kubeadm lets no new one in, and with a new one beside it etcd would survive less than before.
///
/// Of the nodes that are `leaving`, replaced because they failed, the machines may still be there: silence is enough.
pub(super) async fn remove_the_dead(
    exec: &dyn Exec,
    nodes: &[Json],
    leaving: &BTreeSet<String>,
    watch: &dyn Watch,
) -> Result<(), LeaveError> {
    let etcd = etcd(exec, nodes, "");
    let (mut unstarted, mut told) = (Unstarted::default(), None);
    loop {
        let members = etcd.members().await?;
        let overdue = unstarted.overdue(&members);
        match members.all.iter().find(|member| is_dead(member, nodes, leaving)).or(overdue) {
            Some(dead) => take_out(&etcd, &members, dead, (nodes, leaving), watch).await?,
            None => match members.all.iter().find(|member| !member.has_started()) {
                Some(member) => {
                    if told.replace(member.id) != Some(member.id) {
                        watch
                            .progress(&format!("waiting for the member of etcd at {} to start", member.host));
                    }
                    sleep(LOOK).await;
                }
                None => return Ok(()),
            },
        }
    }
}

async fn take_out(
    etcd: &Etcd<'_>,
    members: &Members,
    dead: &EtcdMember,
    (nodes, leaving): (&[Json], &BTreeSet<String>),
    watch: &dyn Watch,
) -> Result<(), LeaveError> {
    check(&members.all, Change::Remove(dead.id))?;
    watch.progress(&match dead.has_started() {
        true => format!("taking {} out of etcd: it does not answer and does not stay", dead.name),
        false => format!("taking the member at {} out of etcd: it never started", dead.host),
    });
    etcd.remove(dead.id).await?;
    settled(etcd, dead.id, (nodes, leaving), watch).await
}

/// A member that started once, is silent and has no node any more, or one that is leaving.
fn is_dead(member: &EtcdMember, nodes: &[Json], leaving: &BTreeSet<String>) -> bool {
    let has_node = || nodes.iter().any(|node| node["metadata"]["name"] == member.name.as_str());
    !member.healthy && member.has_started() && (leaving.contains(&member.name) || !has_node())
}

/// Since when members are seen that have not started.
///
/// kubeadm adds the member and starts it right after, so one is nearly always on its way. After [`FILLING`] kubeadm has
/// given up: its machine failed or is gone. Nothing is lost with it, since it never held any data; should its machine come
/// after all, its member is not let in any more and the node does not become ready.
#[derive(Default)]
struct Unstarted(BTreeMap<u64, Instant>);

impl Unstarted {
    /// Takes in what was seen just now; a member that has been on its way for too long.
    fn overdue<'m>(&mut self, members: &'m Members) -> Option<&'m EtcdMember> {
        let now = Instant::now();
        let absent = |member: &&EtcdMember| !member.has_started() && !member.healthy;
        self.0.retain(|id, _| members.all.iter().any(|member| member.id == *id && absent(&member)));
        members
            .all
            .iter()
            .filter(absent)
            .find(|member| now - *self.0.entry(member.id).or_insert(now) >= FILLING)
    }
}

/// Waits until the others agree that the member is gone, and all that have a node answer.
async fn settled(
    etcd: &Etcd<'_>,
    gone: u64,
    (nodes, leaving): (&[Json], &BTreeSet<String>),
    watch: &dyn Watch,
) -> Result<(), LeaveError> {
    let begun = Instant::now();
    loop {
        let trouble = match etcd.members().await {
            Ok(members) if members.all.iter().any(|member| member.id == gone) => "a member".to_owned(),
            Ok(members) => match members.all.iter().find(|member| {
                let expected = member.has_started() && !member.learner && !is_dead(member, nodes, leaving);
                expected && !member.healthy
            }) {
                Some(silent) => format!("the member {}", silent.name),
                None => return Ok(()),
            },
            Err(error) if begun.elapsed() > SETTLE => return Err(error.into()),
            Err(_) => "a member".to_owned(),
        };
        if begun.elapsed() > SETTLE {
            return Err(LeaveError::Unsettled(trouble));
        }
        watch.progress("waiting for the other members of etcd");
        sleep(LOOK).await;
    }
}
