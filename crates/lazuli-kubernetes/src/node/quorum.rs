//! Which change of its members etcd survives.

/// A member of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdMember {
    /// Its id.
    pub id: u64,
    /// Its name, the node's; empty until it has started.
    pub name: String,
    /// The host at which the others find it, such as `10.40.0.5`.
    pub host: String,
    /// It follows without a vote.
    pub learner: bool,
    /// It answers.
    pub healthy: bool,
}

impl EtcdMember {
    /// Whether it ever started.
    pub fn has_started(&self) -> bool {
        !self.name.is_empty()
    }

    /// What it is called: before it has started, only its address is known.
    pub fn label(&self) -> String {
        if self.has_started() { self.name.clone() } else { format!("at {}, which never started,", self.host) }
    }
}

/// A change of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One more.
    Add,
    /// The member of this id leaves.
    Remove(u64),
}

/// Why a change must not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// Nobody would be left.
    #[error("it is the last member of etcd: with it all data of the cluster would go")]
    Last,
    /// There are not enough for any change.
    #[error("etcd has lost its quorum: {healthy} of {voters} members answer, {needed} are needed")]
    Lost {
        /// How many answer.
        healthy: usize,
        /// How many have a vote.
        voters: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A member has just come and has no vote yet.
    #[error("the member {0} of etcd is still being filled and has no vote yet")]
    Learner(String),
    /// There would not be enough afterwards.
    #[error(
        "etcd would lose its quorum: afterwards {healthy} of {voters} members would answer, and {needed} are needed \
         (silent now: {})",
        .silent.join(", ")
    )]
    WouldLose {
        /// How many would answer.
        healthy: usize,
        /// How many would have a vote.
        voters: usize,
        /// How many would be needed.
        needed: usize,
        /// Which do not answer.
        silent: Vec<String>,
    },
    /// No such member.
    #[error("etcd has no member with the id {0:x}")]
    Unknown(u64),
}

/// Whether a change may be made: there must be a quorum before and after it. A new member counts as silent until it has
/// been filled, except beside a single one, which could never be joined otherwise.
///
/// # Errors
/// Why not.
pub fn check(members: &[EtcdMember], change: Change) -> Result<(), QuorumError> {
    let voters: Vec<&EtcdMember> = members.iter().filter(|member| !member.learner).collect();
    let healthy = voters.iter().filter(|member| member.healthy).count();
    let needed = quorum(voters.len());
    if healthy < needed {
        return Err(QuorumError::Lost { healthy, voters: voters.len(), needed });
    }
    let leaves = match change {
        Change::Add => None,
        Change::Remove(id) => {
            let leaves = members.iter().find(|member| member.id == id).ok_or(QuorumError::Unknown(id))?;
            if leaves.learner {
                return Ok(()); // without a vote it is missed by nobody
            }
            if voters.len() == 1 {
                return Err(QuorumError::Last);
            }
            Some(leaves)
        }
    };
    if let Some(learner) = members.iter().find(|member| member.learner) {
        return Err(QuorumError::Learner(learner.label()));
    }
    let (voters_after, healthy_after) = match leaves {
        Some(leaves) => (voters.len() - 1, healthy - usize::from(leaves.healthy)),
        None if voters.len() == 1 => return Ok(()),
        None => (voters.len() + 1, healthy),
    };
    let needed = quorum(voters_after);
    if healthy_after >= needed {
        return Ok(());
    }
    let silent = voters.iter().filter(|member| !member.healthy).map(|member| member.label()).collect();
    Err(QuorumError::WouldLose { healthy: healthy_after, voters: voters_after, needed, silent })
}

/// How many must agree.
fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}

/// Who leads when the member `leaving` goes: the first of `newest_first` that has a vote and answers.
pub fn successor<'a>(
    members: &'a [EtcdMember],
    leaving: u64,
    newest_first: &[String],
) -> Option<&'a EtcdMember> {
    let able = |member: &&EtcdMember| member.id != leaving && member.healthy && !member.learner;
    let place = |member: &EtcdMember| {
        newest_first.iter().position(|name| *name == member.name).unwrap_or(newest_first.len())
    };
    members.iter().filter(able).min_by_key(|member| place(member))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Change, EtcdMember, QuorumError, check, quorum, successor};

    fn members(voters: usize, silent: &[usize]) -> Vec<EtcdMember> {
        (0..voters)
            .map(|i| EtcdMember {
                id: i as u64,
                name: format!("cp-{i}"),
                host: format!("10.0.0.{i}"),
                learner: false,
                healthy: !silent.contains(&i),
            })
            .collect()
    }

    #[test]
    fn removals_and_additions_as_real_etcd_allows_them() {
        let ask = |voters: usize, silent: &[usize], change| check(&members(voters, silent), change).is_ok();
        let table = [
            ("3, remove one", ask(3, &[], Change::Remove(0)), true),
            ("3, one silent, remove it", ask(3, &[2], Change::Remove(2)), true),
            ("3, one silent, remove another", ask(3, &[2], Change::Remove(0)), false),
            ("3, one silent, add", ask(3, &[2], Change::Add), false),
            ("3, two silent, remove a silent one", ask(3, &[1, 2], Change::Remove(2)), false),
            ("5, one silent, remove another", ask(5, &[4], Change::Remove(0)), true),
            ("2, remove one", ask(2, &[], Change::Remove(0)), true),
            ("2, one silent, remove it", ask(2, &[1], Change::Remove(1)), false),
            ("1, remove it", ask(1, &[], Change::Remove(0)), false),
            ("1, add", ask(1, &[], Change::Add), true),
            ("3, add", ask(3, &[], Change::Add), true),
        ];
        for (name, found, expected) in table {
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_learner_holds_everything_up_but_may_leave() {
        let mut all = members(3, &[]);
        all.push(EtcdMember {
            id: 9,
            name: "cp-9".into(),
            host: "10.0.0.9".into(),
            learner: true,
            healthy: false,
        });
        assert_eq!(check(&all, Change::Remove(0)), Err(QuorumError::Learner("cp-9".into())));
        assert_eq!(check(&all, Change::Add), Err(QuorumError::Learner("cp-9".into())));
        assert_eq!(check(&all, Change::Remove(9)), Ok(()));
    }

    #[test]
    fn the_newest_that_answers_leads_next() {
        let all = members(4, &[3]);
        let newest = ["cp-3", "cp-2", "cp-1", "cp-0"].map(str::to_owned);
        assert_eq!(successor(&all, 2, &newest).unwrap().name, "cp-1");
        assert_eq!(successor(&members(1, &[]), 0, &newest), None);
    }

    proptest! {
        /// Whatever is tried in whatever order: what is allowed never costs the quorum or the last member.
        #[test]
        fn no_allowed_step_loses_quorum_or_the_last_member(
            start in 1..6_usize,
            steps in prop::collection::vec((any::<bool>(), 0..8_usize, 0..8_usize, any::<bool>()), 0..40),
        ) {
            let mut all = members(start, &[]);
            let mut next = 100;
            for (add, who, flip, comes_up) in steps {
                let change = if add { Change::Add } else { Change::Remove(all[who % all.len()].id) };
                if check(&all, change).is_ok() {
                    match change {
                        Change::Add => {
                            all.push(EtcdMember { id: next, name: format!("cp-{next}"), host: String::new(), learner: false, healthy: comes_up });
                            next += 1;
                        }
                        Change::Remove(id) => all.retain(|member| member.id != id),
                    }
                    prop_assert!(!all.is_empty());
                    let healthy = all.iter().filter(|member| member.healthy).count();
                    // beside a single member there is no quorum until the second has come up
                    if !(change == Change::Add && all.len() == 2) {
                        prop_assert!(healthy >= quorum(all.len()), "{change:?} of {all:?}");
                    }
                }
                let index = flip % all.len();
                all[index].healthy = !all[index].healthy;
            }
        }
    }
}
