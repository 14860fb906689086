//! Whether an address of a virtual network is free.

use std::net::Ipv4Addr;

use serde_json::json;

use super::{Call, read};
use crate::error::ArmError;
use crate::ids::Target;
use crate::json;
use crate::request::Response;
use crate::world::World;

/// So many free addresses are offered in place of one that is taken.
const OFFERED: usize = 5;

/// `GET …/virtualNetworks/V/CheckIPAddressAvailability?ipAddress=A`.
pub(super) fn availability(world: &World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    let network = read::parent(world, target)?;
    let asked = call.request.query("ipAddress").unwrap_or("");
    let Ok(address) = asked.parse::<Ipv4Addr>() else {
        return Err(ArmError::network(
            400,
            "InvalidIPAddressFormat",
            format!("IP address {asked} is not formatted correctly. It should be a valid IPv4 address."),
        ));
    };
    let subnets = json::list(&network.body, "properties.subnets");
    let found = subnets.iter().find_map(|subnet| {
        let first =
            json::list(subnet, "properties.addressPrefixes").first().and_then(|prefix| prefix.as_str());
        let range = json::text(subnet, "properties.addressPrefix").or(first)?;
        let range: ipnet::Ipv4Net = range.parse().ok()?;
        let key = format!("{}/subnets/{}", network.key(), subnet["name"].as_str()?.to_ascii_lowercase());
        range.contains(&address).then_some((range, key))
    });
    let Some((range, key)) = found else {
        return Err(ArmError::network(
            400,
            "PrivateIPAddressNotInAnySubnet",
            format!(
                "Private static IP address {asked} does not belong to the range of any subnet in the virtual network."
            ),
        ));
    };
    // Azure keeps the first four addresses of a subnet and the last one.
    let (first, last) = (u32::from(range.network()) + 4, u32::from(range.broadcast()).saturating_sub(1));
    let is_free = |number: u32| (first..=last).contains(&number) && !world.is_address_taken(&key, number);
    if is_free(address.into()) {
        return Ok(Response::json(200, json!({ "available": true })));
    }
    let others: Vec<String> = (first..=last)
        .filter(|number| is_free(*number))
        .take(OFFERED)
        .map(|n| Ipv4Addr::from(n).to_string())
        .collect();
    Ok(Response::json(200, json!({ "available": false, "availableIPAddresses": others })))
}
