//! Which nodes get successors although nothing in the configuration asks for it.

use std::collections::BTreeSet;

use lazuli_cluster::roster::Renewals;
use lazuli_core::Address;
use lazuli_core::plan::{Action, Plan};
use lazuli_core::recorded::RecordedWorld;

use crate::clouds::World;

/// Nodes that would have to be replaced under their own name, because somebody changed outside of Lazuli what cannot be
/// changed back: they get successors instead, since a node's name never comes back.
pub(super) fn spoiled(plan: &Plan, recorded: &RecordedWorld, renewals: &Renewals) -> Renewals {
    let replaced = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::ReplaceDeleteFirst && change.previous_id.is_none());
    let nodes = replaced.filter_map(|change| {
        let slot = recorded.resources.get(&change.address)?.slot.as_ref()?;
        let path = change
            .paths
            .iter()
            .find(|p| p.forces_replacement)
            .map_or_else(String::new, |p| p.path.to_string());
        Some((slot.address.clone(), format!("{path} was changed outside of Lazuli")))
    });
    nodes.filter(|(node, _)| !renewals.contains_key(node)).collect()
}

/// Nodes that `--replace` names, by themselves or by a part.
pub(super) fn asked_for(recorded: &RecordedWorld, asked: &BTreeSet<Address>) -> Renewals {
    let slots = recorded.resources.values().filter_map(|r| Some((r, r.slot.as_ref()?)));
    let named = slots.filter(|(r, _)| asked.iter().any(|a| r.address.is_within(a)));
    named.map(|(_, slot)| (slot.address.clone(), "asked by --replace".to_owned())).collect()
}

/// Nodes whose virtual machine is recorded and gone. One that an earlier run was just making keeps its name.
pub(super) fn lost(recorded: &RecordedWorld, world: &World) -> Renewals {
    let machines =
        recorded.resources.values().filter(|r| r.address.as_str().ends_with(".vm") && r.pending.is_none());
    let gone = machines.filter(|r| !world.objects.contains_key(&r.id));
    gone.filter_map(|r| {
        Some((
            r.slot.as_ref()?.address.clone(),
            "its virtual machine was deleted outside of Lazuli".to_owned(),
        ))
    })
    .collect()
}
