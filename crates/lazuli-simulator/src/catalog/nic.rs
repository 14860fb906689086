//! Network interfaces: private addresses and back-references.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::{Draft, network};
use crate::error::ArmError;
use crate::world::{Resource, World};
use crate::{ids, json, random};

pub(super) fn fill(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    draft.invent("properties.resourceGuid");
    json::default(draft.body, "properties.enableAcceleratedNetworking", false);
    json::default(draft.body, "properties.enableIPForwarding", false);
    json::default(draft.body, "properties.disableTcpStateTracking", false);
    json::default(draft.body, "properties.dnsSettings.dnsServers", json!([]));
    json::default(draft.body, "properties.dnsSettings.appliedDnsServers", json!([]));
    json::default(draft.body, "properties.hostedWorkloads", json!([]));
    json::default(draft.body, "properties.tapConfigurations", json!([]));
    json::default(draft.body, "properties.nicType", "Standard");
    json::default(draft.body, "properties.auxiliaryMode", "None");
    json::default(draft.body, "properties.auxiliarySku", "None");
    network::one_owner(draft, "properties.ipConfigurations[].properties.publicIPAddress.id")?;
    let alone = json::list(draft.body, "properties.ipConfigurations").len() == 1;
    if json::list(draft.body, "properties.ipConfigurations").is_empty() {
        return Err(ArmError::network(
            400,
            "NetworkInterfaceMustHaveAtLeastOneIpConfiguration",
            format!("Network interface {} must have at least one IP configuration.", draft.id),
        ));
    }
    give_addresses(draft, "ipConfigurations")?;
    for config in network::elements(draft.body, "ipConfigurations") {
        json::default(config, "properties.privateIPAddressVersion", "IPv4");
        json::default(config, "properties.primary", alone);
    }
    Ok(())
}

/// Gives every element of a collection that stands in a subnet its private address.
///
/// An element keeps the address it had; a static one must be free and inside the subnet.
pub(super) fn give_addresses(draft: &mut Draft<'_>, collection: &str) -> Result<(), ArmError> {
    let path = format!("properties.{collection}");
    let old = draft.existing.map(|existing| json::list(&existing.body, &path)).unwrap_or_default();
    let mut given: Vec<(String, u32)> = Vec::new();
    for index in 0..json::list(draft.body, &path).len() {
        let element = &json::list(draft.body, &path)[index];
        let Some(subnet_id) = json::text(element, "properties.subnet.id").map(str::to_owned) else {
            continue;
        };
        let subnet_key = ids::key(&subnet_id);
        let Some((subnet, range)) = range_of(draft.world, &subnet_id) else { continue };
        if is_delegated(draft.world, &subnet_id) {
            return Err(ArmError::network(
                400,
                // The code is a guess; that Azure refuses is documented.
                "SubnetIsDelegated",
                format!("Subnet {subnet} is delegated and cannot be used by resource {}.", draft.id),
            ));
        }
        let before = old.iter().find(|old| old["name"] == element["name"]).and_then(|old| {
            (ids::key(json::text(old, "properties.subnet.id")?) == subnet_key)
                .then(|| json::text(old, "properties.privateIPAddress")?.parse::<Ipv4Addr>().ok())?
        });
        let is_static = json::text(element, "properties.privateIPAllocationMethod") == Some("Static");
        let wanted: Option<Ipv4Addr> = json::text(element, "properties.privateIPAddress")
            .filter(|_| is_static)
            .and_then(|text| text.parse().ok());
        // The first four addresses and the last belong to Azure.
        let (first, last) = (u32::from(range.network()) + 4, u32::from(range.broadcast()).saturating_sub(1));
        let address = match (wanted, before) {
            (Some(wanted), Some(before)) if wanted == before => before,
            (Some(wanted), _) => {
                let number = u32::from(wanted);
                if number < first || number > last {
                    return Err(ArmError::network(
                        400,
                        "PrivateIPAddressNotInSubnet",
                        format!(
                            "Private static IP address {wanted} does not belong to the range of subnet prefix {range}."
                        ),
                    ));
                }
                if draft.world.is_address_taken(&subnet_key, number) {
                    return Err(ArmError::network(
                        400,
                        "PrivateIPAddressInUse",
                        format!(
                            "IP configuration {} is using the private IP address {wanted} which is already allocated to another resource.",
                            draft.id
                        ),
                    ));
                }
                wanted
            }
            (None, Some(before)) => before,
            (None, None) => {
                let mut from = first;
                loop {
                    let Some(number) = draft.world.next_address(&subnet_key, from, last) else {
                        return Err(ArmError::network(
                            400,
                            "SubnetIsFull",
                            format!(
                                "Subnet {subnet} with address prefix {range} does not have enough capacity for 1 IP addresses."
                            ),
                        ));
                    };
                    if !given.contains(&(subnet_key.clone(), number)) {
                        break Ipv4Addr::from(number);
                    }
                    from = number + 1;
                }
            }
        };
        given.push((subnet_key, u32::from(address)));
        if let Some(element) = network::elements(draft.body, collection).nth(index) {
            json::set(element, "properties.privateIPAddress", json!(address.to_string()));
            json::default(element, "properties.privateIPAllocationMethod", "Dynamic");
        }
    }
    Ok(())
}

/// Whether a subnet is handed over to a service.
fn is_delegated(world: &World, subnet_id: &str) -> bool {
    let network = world.get(&ids::key(ids::parent_id(subnet_id)));
    let subnets = network.map_or(&[][..], |network| json::list(&network.body, "properties.subnets"));
    let subnet = subnets
        .iter()
        .find(|subnet| subnet["name"].as_str().unwrap_or("").eq_ignore_ascii_case(ids::last(subnet_id)));
    subnet.is_some_and(|subnet| !json::list(subnet, "properties.delegations").is_empty())
}

/// Name and range of an existing subnet.
fn range_of(world: &World, subnet_id: &str) -> Option<(String, ipnet::Ipv4Net)> {
    let network = world.get(&ids::key(ids::parent_id(subnet_id)))?;
    let name = ids::last(subnet_id);
    let subnet = json::list(&network.body, "properties.subnets")
        .iter()
        .find(|subnet| subnet["name"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(name)))?;
    Some((name.to_owned(), network::subnet_range(subnet)?))
}

pub(super) fn show(world: &World, nic: &Resource, value: &mut Value) {
    let key = nic.key();
    if let Some(machine) = world.users(&key).next() {
        value["properties"]["virtualMachine"] = json!({ "id": machine });
        let digest = random::sha256_hex(key.as_bytes()).to_ascii_uppercase();
        value["properties"]["macAddress"] =
            json!(format!("00-0D-3A-{}-{}-{}", &digest[..2], &digest[2..4], &digest[4..6]));
        let is_primary = world.get(&ids::key(machine)).is_some_and(|machine| {
            let nics = json::list(&machine.body, "properties.networkProfile.networkInterfaces");
            let own = nics.iter().find(|nic| json::text(nic, "id").is_some_and(|id| ids::key(id) == key));
            nics.len() == 1 || own.is_some_and(|nic| nic["properties"]["primary"] == true)
        });
        value["properties"]["primary"] = json!(is_primary);
    }
}
