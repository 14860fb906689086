//! Which clusters are not asked: one that was never finished has nobody to answer.

use std::collections::{BTreeSet, HashMap};

use lazuli_core::Json;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{ProviderName, ResourceId};
use lazuli_kubernetes::keyring::ClusterId;

/// The clusters that answered once: one of their control-plane members is recorded as done.
pub fn answers(recorded: &RecordedWorld) -> BTreeSet<ClusterId> {
    let all = recorded.resources.values().chain(&recorded.deposed);
    let members = all.filter(|r| r.pending.is_none() && r.ty.name.ends_with("/controlPlaneMembers"));
    members.filter_map(|r| ClusterId::of(&r.id)).collect()
}

/// What is recorded of the objects of clusters that are finished, by id.
pub fn finished(recorded: &RecordedWorld) -> HashMap<&ResourceId, &Json> {
    let all = recorded.resources.values().chain(&recorded.deposed);
    let finished = all.filter(|r| r.provider == ProviderName::Kubernetes && r.pending.is_none());
    finished.map(|r| (&r.id, &r.observed)).collect()
}
