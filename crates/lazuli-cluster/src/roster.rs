//! Which node sits in which slot, under which name, in which zone.
//!
//! A node's address is its slot. Its name and zone are chosen when it is made, recorded, and read from the record from
//! then on. Only three things give a slot a new node: the old one is gone, somebody asked, or an attribute changed that
//! its machine or network interface cannot change in place. The new node stays in the zone of the old one, unless that
//! zone has left the pool's list.

use std::collections::BTreeMap;

use lazuli_core::encoding::{from_json, to_json};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{NodeSlot, ResourceId};
use lazuli_core::value::Content;
use lazuli_core::{Address, Json, Value};

use crate::expand::RotatedKey;
use crate::names;
use crate::spec::Pool;

#[cfg(test)]
mod tests;

/// A slot with its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Address, generation, name and zone.
    pub slot: NodeSlot,
    /// Why a new node takes the seat of one that exists.
    pub succeeds: Option<String>,
}

/// Slots whose nodes must be made anew, with the reason: asked for, or found missing in the world. Of a key, how many
/// steps it is to be rotated in all: a number, so that a plan that is applied again after it was stopped means the same
/// step.
pub type Renewals = BTreeMap<Address, String>;

/// What decides about seats.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    /// What the state remembers.
    pub world: &'a RecordedWorld,
    /// Nodes to be made anew.
    pub renewals: &'a Renewals,
}

/// Ids and bodies of the objects of the node in a slot, as the configuration wants them.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Its virtual machine.
    pub vm: (ResourceId, Value),
    /// Its network interface.
    pub nic: (ResourceId, Value),
    /// What it is prepared with, by name; recorded with its registration.
    pub configuration: Value,
}

/// An attribute that cannot change in place: where it is, what the configuration calls it, what it means to be absent.
type Fixed = (&'static str, &'static str, Absent);

/// What an absent attribute means.
enum Absent {
    /// It says nothing: a newer release may begin to write it without any node being replaced for it.
    Silent,
    /// Nothing, which differs from something.
    Null,
    /// The same as `false`.
    False,
    /// The same as this text.
    Text(&'static str),
}

const FIXED_OF_VM: [Fixed; 13] = [
    ("/location", "region", Absent::Silent),
    ("/properties/hardwareProfile/vmSize", "instance_type", Absent::Silent),
    ("/properties/storageProfile/imageReference", "image", Absent::Silent),
    ("/plan", "image plan", Absent::Null),
    ("/properties/storageProfile/osDisk/diskSizeGB", "os_disk.size_gb", Absent::Silent),
    ("/properties/storageProfile/osDisk/managedDisk/storageAccountType", "os_disk.type", Absent::Silent),
    ("/properties/storageProfile/dataDisks/0/diskSizeGB", "etcd_disk.size_gb", Absent::Silent),
    (
        "/properties/storageProfile/dataDisks/0/managedDisk/storageAccountType",
        "etcd_disk.type",
        Absent::Silent,
    ),
    ("/properties/osProfile/linuxConfiguration/ssh/publicKeys/0/keyData", "ssh_key", Absent::Silent),
    ("/properties/priority", "priority", Absent::Text("Regular")),
    ("/properties/billingProfile/maxPrice", "spot.max_price", Absent::Silent),
    ("/properties/securityProfile/encryptionAtHost", "encryption_at_host", Absent::False),
    ("/properties/availabilitySet/id", "availability set", Absent::Null),
];

const FIXED_OF_NIC: [Fixed; 2] = [
    ("/location", "region", Absent::Silent),
    ("/properties/ipConfigurations/0/properties/subnet/id", "subnet", Absent::Silent),
];

/// Seats the nodes of a pool. `wanted` tells what a seat's objects should be, to see what a record says of them.
pub fn seat(
    cluster: &Address,
    cluster_name: &str,
    pool: &Pool,
    records: Records<'_>,
    wanted: &dyn Fn(&NodeSlot) -> Wanted,
) -> Vec<Seat> {
    let pool_address = pool.address(cluster);
    let roster = &records.world.roster;
    let named = |number: &str, generation: u32| {
        let suffix = names::suffix(&records.world.lineage, pool_address.as_str(), number, generation);
        names::node(cluster_name, pool.short_name(), number, &suffix)
    };
    let slots: Vec<(String, Address, Occupant)> = (1..=pool.count)
        .map(|number| {
            let (address, number) = (pool_address.keyed("node", &number.to_string()), number.to_string());
            let occupant = match occupant(&address, pool, records, wanted) {
                Occupant::Nobody => {
                    let known =
                        roster.get(&address).filter(|slot| slot.name == named(&number, slot.generation + 1));
                    known.map_or(Occupant::Nobody, |slot| Occupant::Comes(slot.clone()))
                }
                other => other,
            };
            (number, address, occupant)
        })
        .collect();
    // Zones that are taken are counted first, so that new nodes go where there are fewest.
    let mut in_zone: BTreeMap<&str, usize> = pool.zones.iter().map(|zone| (zone.as_str(), 0)).collect();
    for (_, _, occupant) in &slots {
        if let Some(count) = occupant.zone(pool).and_then(|zone| in_zone.get_mut(zone)) {
            *count += 1;
        }
    }
    let fill = slots.into_iter().map(|(number, address, occupant)| {
        let kept_zone = occupant.zone(pool).map(str::to_owned);
        let (before, succeeds) = match occupant {
            Occupant::Stays(slot, succeeds) => return Seat { slot, succeeds },
            Occupant::Leaves(slot, reason) => (slot.generation, Some(reason)),
            Occupant::Nobody | Occupant::Comes(_) => (0, None),
        };
        let generation = roster.get(&address).map_or(before, |s| s.generation.max(before)) + 1;
        let name = named(&number, generation);
        let zone = kept_zone.or_else(|| {
            let (zone, count) = in_zone.iter_mut().min_by_key(|(zone, count)| (**count, **zone))?;
            *count += 1;
            Some((*zone).to_owned())
        });
        Seat { slot: NodeSlot { address, generation, name, zone }, succeeds }
    });
    fill.collect()
}

/// Who sits in a slot, according to the state.
enum Occupant {
    Nobody,
    /// Nobody is recorded, and the roster knows the node that is there: it was forgotten, or is imported.
    Comes(NodeSlot),
    /// It stays; with the reason why it came, where older parts are still in its place.
    Stays(NodeSlot, Option<String>),
    /// It has to go, for a reason.
    Leaves(NodeSlot, String),
}

impl Occupant {
    /// The zone that stays taken: its own, while that is one of the pool's.
    fn zone(&self, pool: &Pool) -> Option<&str> {
        match self {
            Occupant::Nobody => None,
            Occupant::Comes(slot) | Occupant::Stays(slot, _) | Occupant::Leaves(slot, _) => {
                slot.zone.as_deref().filter(|zone| pool.zones.iter().any(|z| z == zone))
            }
        }
    }
}

fn occupant(
    address: &Address,
    pool: &Pool,
    records: Records<'_>,
    wanted: &dyn Fn(&NodeSlot) -> Wanted,
) -> Occupant {
    let recorded = |part: &str| records.world.resources.get(&address.child(part));
    let parts = ["vm", "nic"].map(recorded);
    // A node begins with its registration: what was stopped after it goes on with the same node.
    let all = [parts[0], parts[1], recorded("registration"), recorded("member")];
    let recorded_slots = || all.iter().flatten().filter_map(|part| part.slot.as_ref());
    let Some(slot) = recorded_slots().max_by_key(|slot| slot.generation).cloned() else {
        return Occupant::Nobody;
    };
    if let Some(reason) = records.renewals.get(address) {
        return Occupant::Leaves(slot, reason.clone());
    }
    if let Some(zone) = slot.zone.as_ref().filter(|zone| !pool.zones.contains(zone)) {
        let reason = format!("zone {zone} is no longer one of its zones");
        return Occupant::Leaves(slot, reason);
    }
    if slot.zone.is_none() && !pool.zones.is_empty() {
        return Occupant::Leaves(slot, "its pool has zones now".to_owned());
    }
    let wanted = wanted(&slot);
    let registration = records.world.resources.get(&address.child("registration"));
    let prepared = registration.filter(|registration| registration.slot.as_ref() == Some(&slot));
    let mut changed = prepared.map(|r| prepared_otherwise(r, &wanted.configuration)).unwrap_or_default();
    // The reference image follows the version.
    let upgrade = changed.iter().any(|change| change.starts_with(VERSION));
    let [vm, nic] = parts;
    for (part, (id, body), fixed) in
        [(vm, &wanted.vm, FIXED_OF_VM.as_slice()), (nic, &wanted.nic, FIXED_OF_NIC.as_slice())]
    {
        // A part of an older generation is about to be replaced anyway.
        let Some(part) = part.filter(|part| part.slot.as_ref() == Some(&slot)) else { continue };
        for change in changes(part, id, body, fixed) {
            let follows = upgrade && change.starts_with("image ");
            if !follows && !changed.contains(&change) {
                changed.push(change);
            }
        }
    }
    if !changed.is_empty() {
        return Occupant::Leaves(slot, changed.join(", "));
    }
    let unfinished = recorded_slots().any(|other| other.generation < slot.generation);
    Occupant::Stays(slot, unfinished.then(|| "its replacement was begun and not finished".to_owned()))
}

const VERSION: &str = "kubernetes.version";

/// What a node is prepared with and the configuration calls otherwise.
const CONFIGURED: [(&str, &str); 10] = [
    ("kubernetesVersion", VERSION),
    ("cni", "network.cni"),
    ("featureGates", "kubernetes.feature_gates"),
    ("apiServerArgs", "kubernetes.api_server.extra_args"),
    ("certSans", "kubernetes.api_server.cert_sans"),
    ("controllerManagerArgs", "kubernetes.controller_manager.extra_args"),
    ("schedulerArgs", "kubernetes.scheduler.extra_args"),
    ("kubeletArgs", "kubelet.extra_args"),
    ("commands", "bootstrap commands"),
    ("proxy", "proxy"),
];

/// What a node was prepared with and is to be prepared with otherwise. What was not recorded says nothing.
fn prepared_otherwise(registration: &Recorded, wanted: &Value) -> Vec<String> {
    let mut changed = Vec::new();
    for RotatedKey { member, title, .. } in RotatedKey::all() {
        // A node of before the first rotation says nothing of it, and has the first key.
        let before = registration.inputs.pointer(&format!("/properties/configuration/{member}"));
        let before = before.and_then(Json::as_i64).unwrap_or(0);
        let after = wanted.get(member).and_then(Value::as_i64);
        if after.is_some_and(|after| after != before) {
            changed.push(format!("{title} is rotated"));
        }
    }
    for (member, name) in CONFIGURED {
        let before = registration.inputs.pointer(&format!("/properties/configuration/{member}"));
        let (Some(before), Some(after)) = (before, wanted.get(member)) else { continue };
        let Ok(plain) = to_json(after) else { continue };
        match (before.as_str(), after.as_str()) {
            _ if *before == plain => {}
            (Some(before), Some(after)) if member != "commands" => {
                changed.push(format!("{name} {before} -> {after}"));
            }
            _ => changed.push(name.to_owned()),
        }
    }
    changed
}

/// What of a recorded part differs and cannot change in place.
fn changes(part: &Recorded, id: &ResourceId, body: &Value, fixed: &[Fixed]) -> Vec<String> {
    let mut changed = Vec::new();
    if part.id != *id {
        let groups = [part.id.resource_group(), id.resource_group()].map(Option::unwrap_or_default);
        changed.push(match groups[0].eq_ignore_ascii_case(groups[1]) {
            true => "cloud_account has another subscription".to_owned(),
            false => format!("resource_group {} -> {}", groups[0], groups[1]),
        });
    }
    for (pointer, name, absent) in fixed {
        let absent = match absent {
            Absent::Silent => None,
            Absent::Null => Some(Json::Null),
            Absent::False => Some(Json::Bool(false)),
            Absent::Text(text) => Some(Json::from(*text)),
        };
        let before = part.inputs.pointer(pointer).cloned().or_else(|| absent.clone());
        let after = lookup(body, pointer).cloned().or_else(|| absent.as_ref().map(from_json));
        let (Some(before), Some(after)) = (before, after) else { continue };
        // What is not known yet will be compared when it is.
        let Ok(plain) = to_json(&after) else { continue };
        if !covers(&before, &plain) {
            changed.push(format!("{name} {} -> {}", brief(&from_json(&before)), brief(&after)));
        }
    }
    changed
}

/// True when everything that was recorded is still wanted. A field that was not recorded is one that a newer release
/// writes. Ids compare without regard to case.
fn covers(before: &Json, after: &Json) -> bool {
    match (before, after) {
        (Json::Object(before), Json::Object(after)) => {
            before.iter().all(|(name, value)| after.get(name).is_some_and(|after| covers(value, after)))
        }
        (Json::String(before), Json::String(after)) if before.starts_with('/') => {
            before.eq_ignore_ascii_case(after)
        }
        _ => before == after,
    }
}

fn lookup<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(value, |here, part| match here.content() {
        Content::Tuple(items) | Content::List(_, items) => items.get(part.parse::<usize>().ok()?),
        _ => here.get(part),
    })
}

fn brief(value: &Value) -> String {
    match value.content() {
        _ if value.is_sensitive() => format!("{value:?}"),
        Content::Null(_) => "none".to_owned(),
        Content::String(text) if text.chars().count() <= 60 => text.to_string(),
        // Ids differ at their end.
        Content::String(text) if text.starts_with('/') => {
            let start = text.rmatch_indices('/').nth(3).map_or(0, |(at, _)| at);
            format!("…{}", &text[start..])
        }
        Content::String(text) => format!("{}…", text.chars().take(59).collect::<String>()),
        Content::Object(entries) => entries.values().map(brief).collect::<Vec<_>>().join(":"),
        _ => format!("{value:?}"),
    }
}
