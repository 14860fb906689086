//! Which node sits in which slot, under which name, in which zone.
//!
//! A node's address is its slot. Its name and zone are chosen when it is made, recorded, and read from the record from
//! then on. Only three things give a slot a new node: the old one is gone, somebody asked, or an attribute changed that
//! a virtual machine cannot change in place.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_core::encoding::from_json;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::NodeSlot;
use lazuli_core::value::Content;
use lazuli_core::{Address, Json, Value};

use crate::names;
use crate::spec::Pool;

/// A slot with its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Address, generation, name and zone.
    pub slot: NodeSlot,
    /// Why a new node takes the seat of one that exists.
    pub succeeds: Option<String>,
}

/// Slots whose nodes must be made anew, with the reason: asked for, or found missing in the world.
pub type Renewals = BTreeMap<Address, String>;

/// What decides about seats.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    /// What the state remembers.
    pub world: &'a RecordedWorld,
    /// Nodes to be made anew.
    pub renewals: &'a Renewals,
}

/// Attributes of a virtual machine that cannot change in place, with what the configuration calls them.
const FIXED: [(&str, &str); 12] = [
    ("/location", "region"),
    ("/properties/hardwareProfile/vmSize", "instance_type"),
    ("/properties/storageProfile/imageReference", "image"),
    ("/properties/storageProfile/osDisk/diskSizeGB", "os_disk.size_gb"),
    ("/properties/storageProfile/osDisk/managedDisk/storageAccountType", "os_disk.type"),
    ("/properties/storageProfile/dataDisks/0/diskSizeGB", "etcd_disk.size_gb"),
    ("/properties/storageProfile/dataDisks/0/managedDisk/storageAccountType", "etcd_disk.type"),
    ("/properties/osProfile/linuxConfiguration/ssh/publicKeys/0/keyData", "ssh_key"),
    ("/properties/priority", "spot"),
    ("/properties/billingProfile/maxPrice", "spot.max_price"),
    ("/properties/securityProfile/encryptionAtHost", "encryption_at_host"),
    ("/plan", "image plan"),
];

/// Seats the nodes of a pool. `body` gives the virtual machine's body for a seat, to see what a record says of it.
pub fn seat(
    cluster: &Address,
    cluster_name: &str,
    pool: &Pool,
    records: Records<'_>,
    body: &dyn Fn(&NodeSlot) -> Value,
) -> Vec<Seat> {
    let pool_address = pool.address(cluster);
    let slots: Vec<(String, Address)> =
        (1..=pool.count).map(|n| (n.to_string(), pool_address.keyed("node", &n.to_string()))).collect();
    // Nodes that stay keep their zone; they are counted first, so that new ones go where there are fewest.
    let mut in_zone: BTreeMap<&str, usize> = pool.zones.iter().map(|zone| (zone.as_str(), 0)).collect();
    let mut seats: Vec<Option<Seat>> = Vec::with_capacity(slots.len());
    let mut reasons: Vec<Option<String>> = Vec::with_capacity(slots.len());
    for (_, address) in &slots {
        let (seat, reason) = match occupant(address, pool, records, body) {
            Occupant::Stays(slot) => (Some(Seat { slot, succeeds: None }), None),
            Occupant::Leaves(reason) => (None, Some(reason)),
            Occupant::Nobody => (None, None),
        };
        if let Some(count) =
            seat.as_ref().and_then(|s| s.slot.zone.as_deref()).and_then(|zone| in_zone.get_mut(zone))
        {
            *count += 1;
        }
        seats.push(seat);
        reasons.push(reason);
    }
    let fill = seats.into_iter().zip(reasons).zip(&slots).map(|((seat, succeeds), (number, address))| {
        if let Some(seat) = seat {
            return seat;
        }
        let generation = records.world.roster.get(address).map_or(1, |slot| slot.generation + 1);
        let suffix = names::suffix(&records.world.lineage, pool_address.as_str(), number, generation);
        let name = names::node(cluster_name, pool.short_name(), number, &suffix);
        let zone = in_zone.iter_mut().min_by_key(|(zone, count)| (**count, **zone)).map(|(zone, count)| {
            *count += 1;
            (*zone).to_owned()
        });
        Seat { slot: NodeSlot { address: address.clone(), generation, name, zone }, succeeds }
    });
    fill.collect()
}

enum Occupant {
    Nobody,
    Stays(NodeSlot),
    Leaves(String),
}

fn occupant(
    address: &Address,
    pool: &Pool,
    records: Records<'_>,
    body: &dyn Fn(&NodeSlot) -> Value,
) -> Occupant {
    let parts = ["vm", "nic"].map(|part| records.world.resources.get(&address.child(part)));
    let Some(slot) = parts.iter().flatten().find_map(|part| part.slot.as_ref()) else {
        return Occupant::Nobody;
    };
    if let Some(reason) = records.renewals.get(address) {
        return Occupant::Leaves(reason.clone());
    }
    if let Some(zone) = slot.zone.as_ref().filter(|zone| !pool.zones.contains(zone)) {
        return Occupant::Leaves(format!("zone {zone} is no longer one of its zones"));
    }
    let [Some(vm), _] = parts else { return Occupant::Stays(slot.clone()) };
    let desired = body(slot);
    let mut changed = BTreeSet::new();
    for (pointer, name) in FIXED {
        if let (Some(before), Some(after)) = (vm.inputs.pointer(pointer), lookup(&desired, pointer)) {
            if after.is_wholly_known() && !equal(before, after) {
                changed.insert(format!("{name} {} -> {}", brief(&from_json(before)), brief(after)));
            }
        } else if vm.inputs.pointer(pointer).is_some() != lookup(&desired, pointer).is_some()
            && PRESENCE_MATTERS.contains(&pointer)
        {
            changed.insert(format!(
                "{name} {}",
                if lookup(&desired, pointer).is_some() { "is set" } else { "is taken away" }
            ));
        }
    }
    match changed.is_empty() {
        true => Occupant::Stays(slot.clone()),
        false => Occupant::Leaves(changed.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

/// Attributes whose coming or going matters too; of the others a newer release may begin to write one without any node
/// having to be replaced for it.
const PRESENCE_MATTERS: [&str; 1] = ["/properties/priority"];

fn lookup<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(value, |here, part| match here.content() {
        Content::Tuple(items) | Content::List(_, items) => items.get(part.parse::<usize>().ok()?),
        _ => here.get(part),
    })
}

fn equal(before: &Json, after: &Value) -> bool {
    from_json(before) == *after
}

fn brief(value: &Value) -> String {
    match value.content() {
        Content::String(text) if text.len() <= 60 => text.to_string(),
        Content::String(text) => format!("{}…", text.chars().take(59).collect::<String>()),
        Content::Object(entries) => entries.values().map(brief).collect::<Vec<_>>().join(":"),
        _ => format!("{value:?}"),
    }
}
