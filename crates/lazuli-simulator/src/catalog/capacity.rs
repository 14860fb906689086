//! Whether there is room for a machine: what Azure has too little of at the moment, and tells nobody beforehand.

use serde_json::Value;

use super::skus;
use crate::error::ArmError;
use crate::world::{Failure, Resource, Room, Told, World};
use crate::{ids, json};

const MACHINES: &str = "Microsoft.Compute/virtualMachines";

/// What becomes of a machine for which there is no room.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shortage {
    /// It is refused.
    Refused(Box<ArmError>),
    /// It is taken, and its operation fails.
    Fails(Failure),
}

/// Whether a machine about to be made, made again after it failed, or made larger finds no room.
pub(crate) fn of_write(
    world: &World,
    id: &str,
    body: &Value,
    existing: Option<&Resource>,
) -> Option<Shortage> {
    if world.conditions.capacity.is_empty() || existing.is_some_and(|existing| !has_to_move(existing, body)) {
        return None;
    }
    shortage(world, id, body)
}

/// Whether a machine that gave up its room finds none when it starts.
pub(crate) fn of_start(world: &World, machine: &Resource) -> Option<Shortage> {
    let is_away = machine.machine.as_ref().is_none_or(|machine| machine.power == "deallocated");
    if world.conditions.capacity.is_empty() || !is_away {
        return None;
    }
    shortage(world, &machine.id, &machine.body)
}

fn has_to_move(existing: &Resource, body: &Value) -> bool {
    let power = existing.machine.as_ref().map_or("", |machine| machine.power.as_str());
    power.is_empty() || (power != "deallocated" && size_of(&existing.body) != size_of(body))
}

fn size_of(body: &Value) -> String {
    json::text(body, "properties.hardwareProfile.vmSize").unwrap_or("").to_ascii_lowercase()
}

fn zone_of(body: &Value) -> Option<&str> {
    json::list(body, "zones").first().and_then(Value::as_str)
}

fn is_about(room: &Room, body: &Value) -> bool {
    let zone = zone_of(body);
    room.size.as_ref().is_none_or(|size| size.to_ascii_lowercase() == size_of(body))
        && ids::location(&room.location) == json::text(body, "location").unwrap_or("")
        && (room.zones.is_empty() || zone.is_some_and(|zone| room.zones.iter().any(|known| known == zone)))
}

fn shortage(world: &World, id: &str, body: &Value) -> Option<Shortage> {
    let own = ids::key(id);
    let is_constrained = is_constrained(world, body);
    world.conditions.capacity.iter().filter(|room| is_about(room, body)).find_map(|room| {
        let others: Vec<&Resource> = world
            .of_kind(MACHINES, "", None)
            .filter(|other| other.key() != own && is_about(room, &other.body) && is_placed(world, other))
            .collect();
        let constrained = others.iter().filter(|other| self::is_constrained(world, &other.body)).count();
        let is_full = others.len() as u64 >= room.machines;
        let is_tight = is_constrained && room.constrained.is_some_and(|limit| constrained as u64 >= limit);
        (is_full || is_tight).then(|| refusal(room, body, is_full))
    })
}

/// Whether a machine takes up room: not one that has given it up, nor one that never found any.
fn is_placed(world: &World, machine: &Resource) -> bool {
    let power = machine.machine.as_ref().map_or("", |machine| machine.power.as_str());
    let operation = machine.operation.as_deref().and_then(|id| world.operation(id));
    match power {
        "" => operation.is_some_and(|operation| operation.failure.is_none()),
        power => power != "deallocated",
    }
}

/// Whether only some hosts will do.
fn is_constrained(world: &World, body: &Value) -> bool {
    let has = |path: &str| json::get(body, path).is_some();
    let is_accelerated = || {
        json::list(body, "properties.networkProfile.networkInterfaces").iter().any(|nic| {
            let nic = json::text(nic, "id").and_then(|id| world.get(&ids::key(id)));
            nic.is_some_and(|nic| nic.body["properties"]["enableAcceleratedNetworking"] == true)
        })
    };
    has("properties.storageProfile.osDisk.diffDiskSettings")
        || has("properties.proximityPlacementGroup")
        || has("properties.availabilitySet")
        || matches!(json::text(body, "properties.priority"), Some("Spot" | "Low"))
        || is_accelerated()
}

fn refusal(room: &Room, body: &Value, is_full: bool) -> Shortage {
    let zone = zone_of(body);
    if room.told == Told::AsSku {
        return Shortage::Refused(Box::new(not_available(&size_of(body), &room.location)));
    }
    let (code, message) = match (is_full, zone) {
        (true, Some(_)) => (
            "ZonalAllocationFailed",
            "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone. Read more about improving likelihood of allocation success at http://aka.ms/allocation-guidance",
        ),
        (true, None) => (
            "AllocationFailed",
            "Allocation failed. We do not have sufficient capacity for the requested VM size in this region. Read more about improving likelihood of allocation success at http://aka.ms/allocation-guidance",
        ),
        (false, zone) => (
            if zone.is_some() {
                "OverconstrainedZonalAllocationRequest"
            } else {
                "OverconstrainedAllocationRequest"
            },
            "Allocation failed. VM(s) with the following constraints cannot be allocated, because the condition is too restrictive. Please remove some constraints and try again.",
        ),
    };
    match room.told {
        Told::Later => {
            Shortage::Fails(Failure { code: code.to_owned(), message: message.to_owned(), canceled: false })
        }
        Told::AtOnce | Told::AsSku => Shortage::Refused(Box::new(ArmError::new(409, code, message))),
    }
}

/// 409: a size that cannot be had in a region, or in a zone of it.
pub(crate) fn not_available(size: &str, location: &str) -> ArmError {
    let size = skus::find(size).map_or(size.to_owned(), |size| size.name);
    ArmError::new(
        409,
        "SkuNotAvailable",
        format!(
            "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: {size}' is currently not available in location '{location}'. Please try another size or deploy to a different location or different zone. See https://aka.ms/azureskunotavailable for details."
        ),
    )
    .at("vmSize")
}
