//! What records do to the recorded world. Pure: the same records give the same world, and every prefix gives one from
//! which a run can go on.

use std::collections::HashMap;

use lazuli_core::journal::Record;
use lazuli_core::plan::Operation;
use lazuli_core::recorded::{Pending, Recorded, RecordedWorld};
use lazuli_core::resource::{NodeSlot, ResourceId};
use lazuli_core::{Address, Json};

/// A world to which the records of one run are applied, in order.
#[derive(Debug, Default)]
pub struct Replay {
    world: RecordedWorld,
    open: HashMap<u32, Open>,
}

/// A step whose intent is recorded and whose end is not.
#[derive(Debug)]
struct Open {
    /// Where the pending resource is.
    place: Place,
    /// What to put back when nothing came of it.
    before: Option<Box<Recorded>>,
    /// True when `before` was set aside as deposed rather than replaced.
    set_aside: bool,
}

#[derive(Debug)]
enum Place {
    At(Address),
    Deposed(Address, ResourceId),
}

impl Replay {
    /// Nothing applied yet.
    pub fn new(world: RecordedWorld) -> Self {
        Replay { world, open: HashMap::new() }
    }

    /// The world as it is after the records so far.
    pub fn world(&self) -> &RecordedWorld {
        &self.world
    }

    pub(crate) fn world_mut(&mut self) -> &mut RecordedWorld {
        &mut self.world
    }

    /// The world as it is after the records so far.
    pub fn into_world(self) -> RecordedWorld {
        self.world
    }

    /// Applies one record.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Intent { step, operation, resource, deposed } => {
                self.intend(step, operation, resource, deposed)
            }
            Record::Accepted { step, url } => {
                if let Some(pending) = self.pending(step) {
                    pending.url = Some(url);
                }
            }
            Record::Done { step, resource } => self.finish(step, resource),
            Record::Undone { step } => self.take_back(step),
            Record::Uncertain { step } => {
                self.open.remove(&step);
            }
            Record::Adjusted { set_aside, removed, resources } => {
                let displaced = set_aside.iter().filter_map(|address| self.world.resources.remove(address));
                self.world.deposed.extend(displaced);
                for address in &removed {
                    self.world.resources.remove(address);
                }
                for resource in resources {
                    // An object is either in its place or set aside.
                    self.world.deposed.retain(|d| d.address != resource.address || d.id != resource.id);
                    self.put(resource);
                }
            }
            Record::Outputs { outputs } => self.world.outputs = outputs,
        }
    }

    fn intend(&mut self, step: u32, operation: Operation, mut resource: Box<Recorded>, deposed: bool) {
        resource.pending = Some(Pending { operation, url: None });
        let address = resource.address.clone();
        let open = match operation {
            Operation::Read => return, // a read changes nothing
            Operation::Create => {
                let before = self.world.resources.remove(&address).map(Box::new);
                if let (true, Some(before)) = (deposed, &before) {
                    self.world.deposed.push((**before).clone());
                }
                self.put(*resource);
                Open { place: Place::At(address), set_aside: deposed && before.is_some(), before }
            }
            Operation::Update => {
                let before = self.world.resources.remove(&address).map(Box::new);
                if let Some(before) = &before {
                    own_both(&mut resource, before);
                }
                self.put(*resource);
                Open { place: Place::At(address), before, set_aside: false }
            }
            Operation::Delete if deposed => {
                let place = Place::Deposed(address, resource.id.clone());
                let slot = self.deposed_mut(&place);
                let before = slot.map(|recorded| Box::new(std::mem::replace(recorded, *resource)));
                Open { place, before, set_aside: false }
            }
            Operation::Delete => {
                let before = self.world.resources.insert(address.clone(), *resource).map(Box::new);
                Open { place: Place::At(address), before, set_aside: false }
            }
        };
        self.open.insert(step, open);
    }

    fn finish(&mut self, step: u32, resource: Option<Box<Recorded>>) {
        let open = self.open.remove(&step);
        match (resource, open) {
            (Some(resource), Some(Open { place: place @ Place::Deposed(..), .. })) => {
                if let Some(slot) = self.deposed_mut(&place) {
                    *slot = *resource;
                }
            }
            (Some(resource), _) => self.put(*resource),
            (None, Some(Open { place: Place::At(address), .. })) => {
                self.world.resources.remove(&address);
            }
            (None, Some(Open { place, .. })) => self.drop_deposed(&place),
            (None, None) => {} // an end without a beginning says nothing
        }
    }

    fn take_back(&mut self, step: u32) {
        let Some(open) = self.open.remove(&step) else { return };
        match (open.place, open.before) {
            (place @ Place::Deposed(..), before) => {
                if let (Some(slot), Some(before)) = (self.deposed_mut(&place), before) {
                    *slot = *before;
                }
            }
            (Place::At(address), before) => {
                self.world.resources.remove(&address);
                if let Some(before) = before {
                    if open.set_aside {
                        self.drop_deposed(&Place::Deposed(address, before.id.clone()));
                    }
                    self.world.resources.insert(before.address.clone(), *before);
                }
            }
        }
    }

    fn put(&mut self, resource: Recorded) {
        if let Some(slot) = &resource.slot {
            raise(&mut self.world.roster, slot);
        }
        self.world.resources.insert(resource.address.clone(), resource);
    }

    fn pending(&mut self, step: u32) -> Option<&mut Pending> {
        let place = &self.open.get(&step)?.place;
        match place {
            Place::At(address) => self.world.resources.get_mut(address)?.pending.as_mut(),
            Place::Deposed(address, id) => {
                let found = self.world.deposed.iter_mut().rfind(|d| d.address == *address && d.id == *id);
                found?.pending.as_mut()
            }
        }
    }

    fn deposed_mut(&mut self, place: &Place) -> Option<&mut Recorded> {
        let Place::Deposed(address, id) = place else { return None };
        self.world.deposed.iter_mut().rfind(|d| d.address == *address && d.id == *id)
    }

    fn drop_deposed(&mut self, place: &Place) {
        let Place::Deposed(address, id) = place else { return };
        if let Some(at) = self.world.deposed.iter().rposition(|d| d.address == *address && d.id == *id) {
            self.world.deposed.remove(at);
        }
    }
}

/// Names never come back: the generation only rises, from the moment a create is intended.
fn raise(roster: &mut std::collections::BTreeMap<Address, NodeSlot>, slot: &NodeSlot) {
    match roster.get_mut(&slot.address) {
        Some(last) if last.generation > slot.generation => {}
        Some(last) => *last = slot.clone(),
        None => {
            roster.insert(slot.address.clone(), slot.clone());
        }
    }
}

/// While it is not known whether an update happened, what was sent before and what is sent now both belong to us: what
/// is in either and wanted no more must still be taken away. A write-only value counts as sent only when both agree.
fn own_both(next: &mut Recorded, before: &Recorded) {
    add_missing(&mut next.inputs, &before.inputs);
    next.write_only.retain(|path, digest| before.write_only.get(path) == Some(digest));
    if next.observed.is_null() {
        next.observed.clone_from(&before.observed);
    }
    for path in &before.sensitive {
        if !next.sensitive.contains(path) {
            next.sensitive.push(path.clone());
        }
    }
}

fn add_missing(into: &mut Json, from: &Json) {
    if let (Json::Object(into), Json::Object(from)) = (into, from) {
        for (name, value) in from {
            match into.get_mut(name) {
                Some(existing) => add_missing(existing, value),
                None => {
                    into.insert(name.clone(), value.clone());
                }
            }
        }
    }
}
