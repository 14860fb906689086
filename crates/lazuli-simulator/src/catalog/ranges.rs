//! Address ranges that a virtual network may have.

use super::Draft;
use crate::error::ArmError;
use crate::{ids, json};

/// Ranges that Azure keeps for itself or that are no unicast addresses.
const RESERVED: &[&str] =
    &["224.0.0.0/4", "255.255.255.255/32", "127.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32"];

/// The code is a guess: the documentation says that such ranges cannot be added, not in which words.
pub(super) fn check_reserved(space: &[ipnet::IpNet]) -> Result<(), ArmError> {
    let reserved = || RESERVED.iter().filter_map(|range| range.parse::<ipnet::IpNet>().ok());
    match space.iter().find(|range| reserved().any(|other| other.contains(*range) || range.contains(&other)))
    {
        None => Ok(()),
        Some(range) => Err(ArmError::network(
            400,
            "AddressPrefixNotAllowed",
            format!("Address prefix {range} cannot be used: it overlaps a range that is reserved."),
        )),
    }
}

/// Peered networks have addresses of their own.
pub(super) fn check_peers(draft: &Draft<'_>, name: &str, space: &[ipnet::IpNet]) -> Result<(), ArmError> {
    for peering in json::list(draft.body, "properties.virtualNetworkPeerings") {
        let remote = json::text(peering, "properties.remoteVirtualNetwork.id").unwrap_or("");
        let Some(other) = draft.world.get(&ids::key(remote)) else { continue };
        let theirs = json::list(&other.body, "properties.addressSpace.addressPrefixes");
        let overlaps = theirs
            .iter()
            .filter_map(|range| range.as_str()?.parse::<ipnet::IpNet>().ok())
            .find(|range| space.iter().any(|ours| ours.contains(range) || range.contains(ours)));
        if let Some(range) = overlaps {
            return Err(ArmError::network(
                400,
                "VnetAddressSpacesOverlap",
                format!(
                    "Cannot create or update peering {}/virtualNetworkPeerings/{}. Virtual networks {name} and {remote} cannot be peered because their address spaces overlap. Overlapping address prefixes: {range}.",
                    draft.id,
                    peering["name"].as_str().unwrap_or("")
                ),
            ));
        }
    }
    Ok(())
}
