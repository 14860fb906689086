//! The members of a cluster's etcd.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Who takes part. Empty: nobody models etcd, and it always works.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Etcd {
    /// Members by name (the node's).
    pub(crate) members: BTreeMap<String, Member>,
    /// The name of the leader.
    #[serde(default)]
    pub(crate) leader: Option<String>,
}

/// One member.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) is_learner: bool,
    /// Whether its process runs.
    pub(crate) is_running: bool,
}

impl Etcd {
    /// Whether more than half of the voters run.
    pub(crate) fn has_quorum(&self) -> bool {
        let voters = self.members.values().filter(|member| !member.is_learner);
        let (all, running) =
            voters.fold((0, 0), |(all, running), member| (all + 1, running + usize::from(member.is_running)));
        all == 0 || running > all / 2
    }
}
