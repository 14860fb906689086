//! The members of a cluster's etcd: who votes, who learns, who leads, and what etcd refuses.
//!
//! Pure: which members run is told from outside. The refusals are those of etcd 3.5.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::trust::Trust;
use crate::random;

/// A new member refuses changes of the membership until it has been connected for so long, in real milliseconds.
const STABLE_MS: u64 = 5_000;

/// One member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) address: String,
    pub(crate) is_learner: bool,
    /// Whether it ever started; before, its name is not known to the others.
    #[serde(default)]
    pub(crate) has_started: bool,
    /// Whether its process runs.
    pub(crate) is_running: bool,
    /// When it was last added or started.
    #[serde(default)]
    pub(crate) since_ms: u64,
    /// The authority that signed its certificates, and those that it trusts.
    #[serde(default)]
    pub(crate) authority: Trust,
}

/// Why etcd does not do as it is told, in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("etcdserver: unhealthy cluster")]
    Unhealthy,
    #[error("etcdserver: too many learner members in cluster")]
    TooManyLearners,
    #[error("etcdserver: member not found")]
    NotFound,
    #[error("etcdserver: can only promote a learner member")]
    NotLearner,
    #[error("etcdserver: can only promote a learner member which is in sync with leader")]
    NotReady,
    #[error("etcdserver: re-configuration failed due to not enough started members")]
    NotEnoughStarted,
    #[error("etcdserver: not leader")]
    NotLeader,
    #[error("etcdserver: bad leader transferee")]
    BadTransferee,
    #[error("context deadline exceeded")]
    Timeout,
    #[error(
        "authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority"
    )]
    Distrust,
}

/// All members of one cluster. Empty: nobody models etcd, and it always works.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Etcd {
    #[serde(default)]
    pub(crate) cluster_id: u64,
    /// Members by name, which is the node's.
    pub(crate) members: BTreeMap<String, Member>,
    /// The name of the leader.
    #[serde(default)]
    pub(crate) leader: Option<String>,
    #[serde(default)]
    pub(crate) term: u64,
    /// How many milliseconds of the real world pass in one of this; 0 when waiting takes no time at all.
    #[serde(default)]
    pub(crate) speed: u64,
}

/// An id that is a pure function of a text, never zero.
fn id_of(parts: &[&str]) -> u64 {
    let hex: String = random::guid_of(parts).chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&hex, 16).unwrap_or(0) | 1
}

impl Etcd {
    /// A cluster of one.
    pub(crate) fn new(token: &str, node: &str, address: &str, speed: u64, now_ms: u64) -> Self {
        let mut etcd =
            Self { cluster_id: id_of(&["etcd cluster", token]), term: 2, speed, ..Self::default() };
        etcd.insert(node, address, false, now_ms);
        etcd.start(node, now_ms);
        etcd.leader = Some(node.to_owned());
        etcd
    }

    fn insert(&mut self, node: &str, address: &str, is_learner: bool, now_ms: u64) {
        let id = id_of(&["etcd member", &self.cluster_id.to_string(), node, &now_ms.to_string()]);
        let member = Member {
            id,
            address: address.to_owned(),
            is_learner,
            has_started: false,
            is_running: false,
            since_ms: now_ms,
            authority: Trust::default(),
        };
        self.members.insert(node.to_owned(), member);
    }

    /// The name and the member with an id.
    pub(crate) fn find(&self, id: u64) -> Option<(&str, &Member)> {
        self.members.iter().find(|(_, member)| member.id == id).map(|(name, member)| (name.as_str(), member))
    }

    fn voters(&self) -> impl Iterator<Item = (&String, &Member)> {
        self.members.iter().filter(|(_, member)| !member.is_learner)
    }

    /// Whether most voters run.
    pub(crate) fn has_quorum(&self) -> bool {
        let (all, running) = self
            .voters()
            .fold((0, 0), |(all, up), (_, member)| (all + 1, up + usize::from(member.is_running)));
        all == 0 || running > all / 2
    }

    fn real_ms(&self, since: u64, now: u64) -> u64 {
        if self.speed == 0 { u64::MAX } else { now.saturating_sub(since).saturating_mul(self.speed) }
    }

    /// Tells which members' machines run; elects a leader if need be.
    pub(crate) fn observe(&mut self, is_running: impl Fn(&str) -> bool, now_ms: u64) {
        for (name, member) in &mut self.members {
            let runs = member.has_started && is_running(name);
            if runs && !member.is_running {
                member.since_ms = now_ms;
            }
            member.is_running = runs;
        }
        self.elect();
    }

    /// A leader runs and is backed by a quorum, or there is none.
    fn elect(&mut self) {
        let leader = self.leader.as_ref().and_then(|name| self.members.get(name));
        let leads = leader.is_some_and(|member| member.is_running && !member.is_learner);
        if !self.has_quorum() {
            self.leader = None;
        } else if !leads {
            let next = self.voters().find(|(_, member)| member.is_running).map(|(name, _)| name.clone());
            self.leader = next;
            self.term += 1;
        }
    }

    /// Strict reconfiguration: after a change most voters must run, and all must have been connected for a while.
    fn stays_healthy(&self, voters_after: usize, without: Option<&str>, now_ms: u64) -> Result<(), Refusal> {
        let is_stable = |m: &Member| m.is_running && self.real_ms(m.since_ms, now_ms) >= STABLE_MS;
        let mut others = self.voters().filter(|(name, _)| Some(name.as_str()) != without);
        // One member alone has nobody to be connected to.
        if self.voters().count() > 1 && !others.all(|(_, member)| is_stable(member)) {
            return Err(Refusal::Unhealthy);
        }
        let running =
            self.voters().filter(|(name, m)| m.is_running && Some(name.as_str()) != without).count();
        if running < voters_after / 2 + 1 { Err(Refusal::NotEnoughStarted) } else { Ok(()) }
    }

    /// Adds a learner that has not started yet.
    pub(crate) fn add_learner(&mut self, node: &str, address: &str, now_ms: u64) -> Result<(), Refusal> {
        if !self.has_quorum() {
            return Err(Refusal::Timeout);
        }
        if self.members.values().any(|member| member.is_learner) {
            return Err(Refusal::TooManyLearners);
        }
        self.stays_healthy(self.voters().count(), None, now_ms)?;
        self.insert(node, address, true, now_ms);
        Ok(())
    }

    /// Whether a new member and all others would accept each other's certificates.
    pub(crate) fn gets_on_with(&self, newcomer: &Trust) -> Result<(), Refusal> {
        match self.members.values().all(|member| member.authority.gets_on_with(newcomer)) {
            true => Ok(()),
            false => Err(Refusal::Distrust),
        }
    }

    /// Tells what certificates a member has.
    pub(crate) fn trust(&mut self, node: &str, authority: Trust) {
        if let Some(member) = self.members.get_mut(node) {
            member.authority = authority;
        }
    }

    /// The member's process starts.
    pub(crate) fn start(&mut self, node: &str, now_ms: u64) {
        if let Some(member) = self.members.get_mut(node) {
            (member.has_started, member.is_running, member.since_ms) = (true, true, now_ms);
        }
    }

    /// Makes a learner a voter.
    pub(crate) fn promote(&mut self, id: u64) -> Result<(), Refusal> {
        if !self.has_quorum() {
            return Err(Refusal::Timeout);
        }
        let member = self.members.values_mut().find(|member| member.id == id).ok_or(Refusal::NotFound)?;
        match (member.is_learner, member.is_running) {
            (false, _) => Err(Refusal::NotLearner),
            (true, false) => Err(Refusal::NotReady),
            (true, true) => {
                member.is_learner = false;
                Ok(())
            }
        }
    }

    /// Removes a member and says its name; its process ends by itself.
    pub(crate) fn remove(&mut self, id: u64, now_ms: u64) -> Result<String, Refusal> {
        if !self.has_quorum() {
            return Err(Refusal::Timeout);
        }
        let (name, member) = self.find(id).ok_or(Refusal::NotFound)?;
        let name = name.to_owned();
        // With somebody down, only who is down may go.
        if !member.is_learner && member.is_running {
            let after = self.voters().count() - 1;
            if after == 0 {
                return Err(Refusal::NotEnoughStarted);
            }
            self.stays_healthy(after, Some(&name), now_ms)?;
        }
        self.members.remove(&name);
        self.elect();
        Ok(name)
    }

    /// Hands the lead over; only the leader does.
    pub(crate) fn move_leader(&mut self, asked: &str, to: u64) -> Result<String, Refusal> {
        if self.leader.as_deref() != Some(asked) {
            return Err(Refusal::NotLeader);
        }
        match self.find(to) {
            Some((name, member)) if member.is_running && !member.is_learner => {
                let name = name.to_owned();
                self.leader = Some(name.clone());
                self.term += 1;
                Ok(name)
            }
            _ => Err(Refusal::BadTransferee),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Etcd, Refusal};

    fn join(etcd: &mut Etcd, name: &str, now: u64) {
        etcd.add_learner(name, "10.0.0.5", now).expect("added");
        etcd.start(name, now + 1);
        etcd.promote(etcd.members[name].id).expect("promoted");
    }

    fn three() -> Etcd {
        let mut etcd = Etcd::new("t", "cp-1", "10.0.0.4", 1, 0);
        join(&mut etcd, "cp-2", 10_000);
        join(&mut etcd, "cp-3", 30_000);
        etcd
    }

    #[test]
    fn a_second_learner_and_a_learner_that_never_started_are_refused() {
        let mut etcd = Etcd::new("t", "cp-1", "10.0.0.4", 1, 0);
        etcd.add_learner("cp-2", "10.0.0.5", 10_000).expect("added");
        let id = etcd.members["cp-2"].id;
        assert_eq!(etcd.add_learner("cp-3", "10.0.0.6", 10_000), Err(Refusal::TooManyLearners));
        assert_eq!(etcd.promote(id), Err(Refusal::NotReady));
        etcd.start("cp-2", 10_002);
        etcd.promote(id).expect("promoted");
        assert_eq!(etcd.promote(id), Err(Refusal::NotLearner));
        assert_eq!(etcd.add_learner("cp-3", "10.0.0.6", 10_005), Err(Refusal::Unhealthy), "too fresh");
        assert!(etcd.add_learner("cp-3", "10.0.0.6", 20_000).is_ok());
    }

    #[test]
    fn with_one_of_three_down_only_the_dead_one_may_go() {
        let mut etcd = three();
        etcd.observe(|name| name != "cp-3", 60_000);
        assert_eq!(etcd.remove(etcd.members["cp-2"].id, 60_000), Err(Refusal::Unhealthy));
        assert_eq!(etcd.add_learner("cp-4", "10.0.0.7", 60_000), Err(Refusal::Unhealthy));
        assert_eq!(etcd.remove(etcd.members["cp-3"].id, 60_000), Ok("cp-3".to_owned()));
        assert!(etcd.has_quorum());
    }

    #[test]
    fn without_quorum_nothing_works_and_nobody_leads() {
        let mut etcd = three();
        etcd.observe(|name| name == "cp-1", 60_000);
        assert!(!etcd.has_quorum());
        assert_eq!(etcd.leader, None);
        assert_eq!(etcd.remove(etcd.members["cp-3"].id, 60_000), Err(Refusal::Timeout));
        etcd.observe(|_| true, 61_000);
        assert!(etcd.leader.is_some());
    }

    #[test]
    fn only_the_leader_moves_the_lead_and_only_to_a_voter() {
        let mut etcd = three();
        let (first, second) = (etcd.members["cp-1"].id, etcd.members["cp-2"].id);
        assert_eq!(etcd.move_leader("cp-2", first), Err(Refusal::NotLeader));
        assert_eq!(etcd.move_leader("cp-1", 7), Err(Refusal::BadTransferee));
        etcd.move_leader("cp-1", second).expect("moved");
        assert_eq!(etcd.leader.as_deref(), Some("cp-2"));
    }

    #[test]
    fn the_last_member_never_goes() {
        let mut etcd = Etcd::new("t", "cp-1", "10.0.0.4", 0, 0);
        assert_eq!(etcd.remove(etcd.members["cp-1"].id, 60_000), Err(Refusal::NotEnoughStarted));
    }
}
