//! What ends with something else: nothing inside a cluster is taken out of it one by one when the cluster goes.

use std::collections::HashMap;

use lazuli_core::Address;
use lazuli_core::kind::Kinds;
use lazuli_core::plan::{Action, Reason};
use lazuli_core::resource::ResourceId;

use crate::make::Planned;

/// Turns the deletion of everything that ends with something that is deleted too into a record that is dropped: nodes are
/// not drained when no node stays, and the last member of an etcd cannot leave.
pub(crate) fn end(planned: &mut [Planned<'_>], kinds: &dyn Kinds) {
    let deleted: HashMap<ResourceId, Address> = planned
        .iter()
        .filter(|p| p.change.action == Action::Delete && !p.deposed)
        .filter_map(|p| Some((p.recorded?.id.clone(), p.change.address.clone())))
        .collect();
    for p in planned.iter_mut().filter(|p| p.change.action == Action::Delete) {
        let Some(recorded) = p.recorded else { continue };
        let holder = kinds.kind(&recorded.ty).ends_with.and_then(|ends_with| ends_with.of(&recorded.id));
        if let Some(address) = holder.and_then(|holder| deleted.get(&holder)) {
            p.change.action = Action::Forget;
            p.change.reason = Some(Reason::EndsWith(address.clone()));
        }
    }
}
