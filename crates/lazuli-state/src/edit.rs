//! Edits of the recorded world that a person asks for: another address, no address any more. Pure.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_core::Address;
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::NodeSlot;

/// Why an edit is refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Nothing is recorded there.
    #[error("{0} is not in the state")]
    Unknown(Address),
    /// It is there already.
    #[error("{0} is where it is")]
    SamePlace(Address),
    /// The new address lies below the old one.
    #[error("{to} lies in {from} itself")]
    WithinItself {
        /// The old address.
        from: Address,
        /// The new address.
        to: Address,
    },
    /// A module cannot become a cluster.
    #[error("{from} is {from_kind} and {to} would be {to_kind}")]
    OtherKind {
        /// The old address.
        from: Address,
        /// What lies there.
        from_kind: String,
        /// The new address.
        to: Address,
        /// What can lie there.
        to_kind: String,
    },
    /// Something else is there.
    #[error("{found} is in the state already")]
    Occupied {
        /// What is there.
        found: Address,
    },
    /// A node moves as a whole.
    #[error("{part} is a part of the node {node} and cannot move without it")]
    PartOfNode {
        /// The part.
        part: Address,
        /// The node.
        node: Address,
    },
    /// Several instances cannot become one.
    #[error("{from} has several instances, such as {instance}, and {to} is one")]
    Several {
        /// The old address.
        from: Address,
        /// One of its instances.
        instance: Address,
        /// The new address.
        to: Address,
    },
}

/// What a move did.
#[derive(Debug)]
pub struct Moved {
    /// The world with the new addresses.
    pub world: RecordedWorld,
    /// Old and new address of every resource, in order.
    pub resources: Vec<(Address, Address)>,
    /// How many objects that a replacement set aside went along.
    pub deposed: usize,
}

/// What was forgotten.
#[derive(Debug)]
pub struct Forgotten {
    /// The world without it.
    pub world: RecordedWorld,
    /// The resources, in order of address.
    pub resources: Vec<Recorded>,
    /// Objects that a replacement had set aside.
    pub deposed: Vec<Recorded>,
}

/// From one address to another, with everything below.
struct Move<'a> {
    from: &'a Address,
    to: &'a Address,
    /// Both name all instances there are: these keep their keys.
    instances_follow: bool,
}

impl Move<'_> {
    /// The address afterwards; `None` when the move is not about it.
    fn renamed(&self, address: &Address) -> Option<Address> {
        let rest = address.as_str().strip_prefix(self.from.as_str())?;
        let follows =
            rest.is_empty() || rest.starts_with('.') || (self.instances_follow && rest.starts_with('['));
        if follows { format!("{}{rest}", self.to).parse().ok() } else { None }
    }

    fn rename(&self, address: &mut Address) {
        if let Some(renamed) = self.renamed(address) {
            *address = renamed;
        }
    }

    fn recorded(&self, recorded: &mut Recorded) {
        self.rename(&mut recorded.address);
        if let Some(slot) = &mut recorded.slot {
            self.rename(&mut slot.address);
        }
        recorded.dependencies.iter_mut().for_each(|address| self.rename(address));
    }

    /// True when the two differ in nothing but the last key: `resource.a` and `resource.a[0]`.
    fn only_key(&self) -> bool {
        let (from, to) = (self.from.segments(), self.to.segments());
        let (Some((from, above)), Some((to, also_above))) = (from.split_last(), to.split_last()) else {
            return false;
        };
        above == also_above && from.name == to.name
    }
}

fn has_key(address: &Address) -> bool {
    address.as_str().ends_with(']')
}

/// What lies at an address, in words that must not change with a move.
fn kind(address: &Address) -> String {
    let segments = address.segments();
    let modules = segments.chunks(2).take_while(|pair| pair[0].name == "module").count() * 2;
    let mut names = segments.get(modules..).unwrap_or_default().iter().map(|segment| segment.name.as_str());
    let Some(block) = names.next() else { return "a module".to_owned() };
    let parts: Vec<&str> = names.skip(1).collect();
    if parts.is_empty() { format!("a {block}") } else { format!("a {} of a {block}", parts.join(".")) }
}

/// Gives a resource, or everything in a module, a cluster or a part of one, another address. Everything that names it
/// follows: dependencies, nodes with their names, objects that a replacement set aside.
///
/// # Errors
/// When nothing is there, something is where it should go, or it cannot lie there.
pub fn relocate(world: &RecordedWorld, from: &Address, to: &Address) -> Result<Moved, EditError> {
    if from == to {
        return Err(EditError::SamePlace(from.clone()));
    }
    let it = Move { from, to, instances_follow: !has_key(from) && !has_key(to) };
    if to.is_within(from) && !it.only_key() {
        return Err(EditError::WithinItself { from: from.clone(), to: to.clone() });
    }
    let all = || world.resources.values().chain(&world.deposed);
    if !all().any(|recorded| it.renamed(&recorded.address).is_some()) {
        return Err(match all().find(|recorded| recorded.address.is_within(from)) {
            Some(one) => {
                EditError::Several { from: from.clone(), instance: one.address.clone(), to: to.clone() }
            }
            None => EditError::Unknown(from.clone()),
        });
    }
    let (from_kind, to_kind) = (kind(from), kind(to));
    if from_kind != to_kind {
        return Err(EditError::OtherKind { from: from.clone(), from_kind, to: to.clone(), to_kind });
    }
    for recorded in all() {
        let address = &recorded.address;
        let Some(_) = it.renamed(address) else {
            let rest = address.as_str().strip_prefix(to.as_str());
            let there = |rest: &str| match rest.chars().next() {
                None | Some('.') => true,
                Some('[') => !it.only_key(),
                Some(_) => false,
            };
            if rest.is_some_and(there) {
                return Err(EditError::Occupied { found: address.clone() });
            }
            continue;
        };
        if let Some(slot) = recorded.slot.as_ref().filter(|slot| it.renamed(&slot.address).is_none()) {
            return Err(EditError::PartOfNode { part: address.clone(), node: slot.address.clone() });
        }
    }
    let mut moved = Moved { world: world.clone(), resources: Vec::new(), deposed: 0 };
    let resources = std::mem::take(&mut moved.world.resources);
    for (address, mut recorded) in resources {
        it.recorded(&mut recorded);
        if recorded.address != address {
            moved.resources.push((address, recorded.address.clone()));
        }
        moved.world.resources.insert(recorded.address.clone(), recorded);
    }
    for recorded in &mut moved.world.deposed {
        let before = recorded.address.clone();
        it.recorded(recorded);
        moved.deposed += usize::from(recorded.address != before);
    }
    seat(&mut moved.world.roster, &it);
    Ok(moved)
}

/// Nodes keep their generation at the new address. The old one keeps it as well: a name is made of slot and generation,
/// and what will be at the old address must not get a name that exists.
fn seat(roster: &mut BTreeMap<Address, NodeSlot>, it: &Move<'_>) {
    let moved = roster.values().filter_map(|slot| {
        let address = it.renamed(&slot.address)?;
        Some(NodeSlot { address, ..slot.clone() })
    });
    for slot in moved.collect::<Vec<_>>() {
        let last = roster.entry(slot.address.clone()).or_insert_with(|| slot.clone());
        if last.generation < slot.generation {
            *last = slot;
        }
    }
}

/// Forgets resources and everything below them. What depended on them depends on what they depended on.
///
/// # Errors
/// When nothing is recorded at one of the addresses.
pub fn forget(world: &RecordedWorld, addresses: &[Address]) -> Result<Forgotten, EditError> {
    let is_meant = |recorded: &Recorded| addresses.iter().any(|address| recorded.address.is_within(address));
    for address in addresses {
        if !world.resources.values().chain(&world.deposed).any(|r| r.address.is_within(address)) {
            return Err(EditError::Unknown(address.clone()));
        }
    }
    let (gone, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
        world.resources.clone().into_iter().partition(|(_, recorded)| is_meant(recorded));
    let (deposed, kept_deposed) = world.deposed.clone().into_iter().partition(is_meant);
    let mut world = RecordedWorld { resources: kept, deposed: kept_deposed, ..world.clone() };
    for recorded in world.resources.values_mut().chain(&mut world.deposed) {
        if recorded.dependencies.iter().any(|address| gone.contains_key(address)) {
            recorded.dependencies = beyond(&recorded.dependencies, &gone);
        }
    }
    for slot in gone.values().filter_map(|recorded| recorded.slot.as_ref()) {
        unseat(&mut world, slot);
    }
    Ok(Forgotten { world, resources: gone.into_values().collect(), deposed })
}

/// Dependencies with what is gone replaced by what that depended on.
fn beyond(dependencies: &[Address], gone: &BTreeMap<Address, Recorded>) -> Vec<Address> {
    let mut seen = BTreeSet::new();
    let mut result = Vec::new();
    let mut next: Vec<&Address> = dependencies.iter().rev().collect();
    while let Some(address) = next.pop() {
        if !seen.insert(address) {
            continue;
        }
        match gone.get(address) {
            Some(recorded) => next.extend(recorded.dependencies.iter().rev()),
            None => result.push(address.clone()),
        }
    }
    result
}

/// A node that was forgotten as a whole still exists. The next one in its slot is to be itself, taken back under its own
/// name: so the slot is as it was before that node came.
fn unseat(world: &mut RecordedWorld, slot: &NodeSlot) {
    let sits = world.resources.values().chain(&world.deposed).filter_map(|recorded| recorded.slot.as_ref());
    if sits.into_iter().any(|other| other.address == slot.address) {
        return;
    }
    if let Some(last) = world.roster.get_mut(&slot.address).filter(|last| last.generation == slot.generation)
    {
        last.generation -= 1;
        if last.generation == 0 {
            world.roster.remove(&slot.address);
        }
    }
}
