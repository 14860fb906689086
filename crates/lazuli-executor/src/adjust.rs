//! What changes in the record without any request: moves, what is forgotten, what a refresh found. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lazuli_core::journal::Record;
use lazuli_core::kind::Kinds;
use lazuli_core::plan::{Action, Drift, Operation, Plan, PlanMode};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Json};
use lazuli_planner::refresh::taken_in;

/// The records to append before the first step, and the resources under their new addresses.
pub(crate) struct Adjustments {
    pub(crate) records: Vec<Record>,
    pub(crate) moved: BTreeMap<Address, Recorded>,
    /// Addresses whose recorded object has another address now, or is set aside.
    pub(crate) left: BTreeSet<Address>,
    /// Objects whose address another one has now, to be deleted.
    pub(crate) set_aside: Vec<Recorded>,
}

pub(crate) fn adjustments(
    plan: &Plan,
    world: &RecordedWorld,
    observed: &HashMap<ResourceId, Json>,
    kinds: &dyn Kinds,
) -> Adjustments {
    let moves: HashMap<&Address, &Address> = plan
        .changes
        .iter()
        .filter_map(|change| Some((change.previous_address.as_ref()?, &change.address)))
        .filter(|(from, _)| world.resources.contains_key(*from))
        .collect();
    let mut removed: Vec<Address> = moves.keys().map(|from| (*from).clone()).collect();
    let displaced = moves.values().filter(|to| !moves.contains_key(**to));
    let mut set_aside: Vec<Recorded> = displaced.filter_map(|to| world.resources.get(*to)).cloned().collect();
    set_aside.sort_by(|a, b| a.address.cmp(&b.address));
    let left: BTreeSet<Address> =
        removed.iter().chain(set_aside.iter().map(|r| &r.address)).cloned().collect();
    let mut records = Vec::new();
    // numbers after those of the steps: they only tie an intent to its end
    let mut number = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
    for change in plan.changes.iter().filter(|c| c.action == Action::Forget) {
        let current = world.resources.get(&change.address).filter(|r| Some(&r.id) == change.id.as_ref());
        if current.is_some() {
            removed.push(change.address.clone());
        } else if let Some(left) =
            world.deposed.iter().find(|d| d.address == change.address && Some(&d.id) == change.id.as_ref())
        {
            let resource = Box::new(left.clone());
            records.push(Record::Intent {
                step: number,
                operation: Operation::Delete,
                resource,
                deposed: true,
            });
            records.push(Record::Done { step: number, resource: None });
            number = number.saturating_add(1);
        }
    }
    removed.sort();
    let mut adjusted = BTreeMap::new();
    if !moves.is_empty() {
        for recorded in world.resources.values() {
            let renamed = moves.get(&recorded.address);
            if renamed.is_none() && left.contains(&recorded.address) {
                continue; // set aside
            }
            if renamed.is_none() && !recorded.dependencies.iter().any(|on| moves.contains_key(on)) {
                continue;
            }
            let mut recorded = recorded.clone();
            if let Some(to) = renamed {
                let node = recorded.address.parent();
                if let (Some(slot), Some(new)) = (&mut recorded.slot, to.parent())
                    && node.as_ref() == Some(&slot.address)
                {
                    slot.address = new;
                }
                recorded.address = (*to).clone();
            }
            for on in &mut recorded.dependencies {
                if let Some(to) = moves.get(on) {
                    *on = (*to).clone();
                }
            }
            adjusted.insert(recorded.address.clone(), recorded);
        }
    }
    if plan.mode == PlanMode::RefreshOnly {
        for found in plan.drift.chunk_by(|a, b| a.address == b.address) {
            adjusted.extend(refreshed(found, world, observed, kinds));
        }
    }
    if !removed.is_empty() || !adjusted.is_empty() {
        let resources = adjusted.values().cloned().collect();
        let set_aside = set_aside.iter().map(|r| r.address.clone()).collect();
        records.insert(0, Record::Adjusted { set_aside, removed, resources });
    }
    Adjustments { records, moved: adjusted, left, set_aside }
}

/// The record of one resource as it was found.
fn refreshed(
    found: &[Drift],
    world: &RecordedWorld,
    observed: &HashMap<ResourceId, Json>,
    kinds: &dyn Kinds,
) -> Option<(Address, Recorded)> {
    let recorded = world.resources.get(&found.first()?.address)?;
    let object = observed.get(&recorded.id)?;
    let taken = taken_in(recorded, object, found, kinds.kind(&recorded.ty));
    Some((recorded.address.clone(), taken))
}
