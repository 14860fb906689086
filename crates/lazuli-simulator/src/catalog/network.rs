//! What virtual networks, security groups, route tables, public addresses and NAT gateways do of their own.

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::{Draft, ranges};
use crate::error::ArmError;
use crate::world::{Resource, World};
use crate::{ids, json};

pub(super) fn ids_of<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<Value> {
    ids.map(|id| json!({ "id": id })).collect()
}

/// Mutable elements of an embedded array.
pub(super) fn elements<'a>(body: &'a mut Value, collection: &str) -> impl Iterator<Item = &'a mut Value> {
    body["properties"].get_mut(collection).and_then(Value::as_array_mut).into_iter().flatten()
}

fn prefixes(element: &Value) -> Vec<String> {
    let one = json::text(element, "properties.addressPrefix").map(str::to_owned);
    let many =
        json::list(element, "properties.addressPrefixes").iter().filter_map(Value::as_str).map(str::to_owned);
    one.into_iter().chain(many).collect()
}

/// The first IPv4 range of a subnet.
pub(super) fn subnet_range(subnet: &Value) -> Option<Ipv4Net> {
    prefixes(subnet).iter().find_map(|prefix| prefix.parse().ok())
}

pub(super) fn fill_virtual_network(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    let space: Vec<String> = json::list(draft.body, "properties.addressSpace.addressPrefixes")
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let name = ids::last(draft.id).to_owned();
    if space.is_empty() {
        return Err(ArmError::network(
            400,
            "InvalidRequestFormat",
            format!("Virtual network {name} has no address space: addressSpace.addressPrefixes is required."),
        ));
    }
    let mut ranges = Vec::new();
    for prefix in &space {
        let net: ipnet::IpNet = prefix.parse().map_err(|_| {
            ArmError::network(
                400,
                "InvalidAddressPrefixFormat",
                format!("Address prefix {prefix} of resource {} is not formatted correctly. It should follow CIDR notation, for example 10.0.0.0/24.", draft.id),
            )
        })?;
        ranges.push(net);
    }
    ranges::check_reserved(&ranges)?;
    ranges::check_peers(draft, &name, &ranges)?;
    check_subnets(draft, &name, &ranges)?;
    draft.invent("properties.resourceGuid");
    json::default(draft.body, "properties.subnets", json!([]));
    json::default(draft.body, "properties.virtualNetworkPeerings", json!([]));
    json::default(draft.body, "properties.enableDdosProtection", false);
    json::default(draft.body, "properties.privateEndpointVNetPolicies", "Disabled");
    for subnet in elements(draft.body, "subnets") {
        json::default(subnet, "properties.delegations", json!([]));
        json::default(subnet, "properties.privateEndpointNetworkPolicies", "Disabled");
        json::default(subnet, "properties.privateLinkServiceNetworkPolicies", "Enabled");
    }
    for peering in elements(draft.body, "virtualNetworkPeerings") {
        json::default(peering, "properties.allowVirtualNetworkAccess", true);
        for flag in
            ["allowForwardedTraffic", "allowGatewayTransit", "useRemoteGateways", "doNotVerifyRemoteGateways"]
        {
            json::default(peering, &format!("properties.{flag}"), false);
        }
        json::default(peering, "properties.peerCompleteVnets", true);
    }
    Ok(())
}

fn check_subnets(draft: &Draft<'_>, network: &str, space: &[ipnet::IpNet]) -> Result<(), ArmError> {
    let mut taken: Vec<(ipnet::IpNet, String)> = Vec::new();
    for subnet in json::list(draft.body, "properties.subnets") {
        let name = subnet["name"].as_str().unwrap_or("");
        for prefix in prefixes(subnet) {
            let net: ipnet::IpNet = prefix.parse().map_err(|_| {
                ArmError::network(
                    400,
                    "InvalidCIDRNotation",
                    format!("The address prefix {prefix} in resource {}/subnets/{name} has an invalid CIDR notation.", draft.id),
                )
            })?;
            if !space.iter().any(|range| range.contains(&net)) {
                return Err(ArmError::network(
                    400,
                    "NetcfgInvalidSubnet",
                    format!("Subnet '{name}' is not valid in virtual network '{network}'."),
                ));
            }
            taken.push((net, name.to_owned()));
        }
        let key = ids::key(&format!("{}/subnets/{name}", draft.id));
        let before = draft.existing.and_then(|existing| {
            json::list(&existing.body, "properties.subnets").iter().find(|old| old["name"] == subnet["name"])
        });
        if let Some(before) = before
            && prefixes(before) != prefixes(subnet)
            && let Some(user) = draft.world.users(&key).next()
        {
            return Err(ArmError::network(
                400,
                "InUsePrefixCannotBeDeleted",
                format!(
                    "IpPrefix {} on Subnet {name} has active allocations and cannot be deleted. It is used by {user}.",
                    prefixes(before).join(",")
                ),
            ));
        }
    }
    taken.sort();
    for pair in taken.windows(2) {
        if pair[0].0.contains(&pair[1].0.network()) {
            return Err(ArmError::network(
                400,
                "NetcfgSubnetRangesOverlap",
                format!(
                    "Subnet '{}' is not valid because its IP address range overlaps with that of an existing subnet in virtual network '{network}'.",
                    pair[1].1
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn show_virtual_network(world: &World, network: &Resource, value: &mut Value) {
    for subnet in elements(value, "subnets") {
        let key = ids::key(subnet["id"].as_str().unwrap_or(""));
        let users = ids_of(world.known_users(&key));
        if !users.is_empty() {
            subnet["properties"]["ipConfigurations"] = Value::Array(users);
        }
    }
    let own = network.key();
    for peering in elements(value, "virtualNetworkPeerings") {
        let Some(remote) = json::text(peering, "properties.remoteVirtualNetwork.id")
            .and_then(|remote| world.get(&ids::key(remote)))
        else {
            json::set(peering, "properties.peeringState", json!("Disconnected"));
            continue;
        };
        let back = json::list(&remote.body, "properties.virtualNetworkPeerings").iter().any(|peering| {
            json::text(peering, "properties.remoteVirtualNetwork.id").is_some_and(|id| ids::key(id) == own)
        });
        json::set(peering, "properties.peeringState", json!(if back { "Connected" } else { "Initiated" }));
        json::set(peering, "properties.peeringSyncLevel", json!("FullyInSync"));
        json::set(
            peering,
            "properties.remoteAddressSpace",
            remote.body["properties"]["addressSpace"].clone(),
        );
    }
}

pub(super) fn fill_security_group(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    draft.invent("properties.resourceGuid");
    json::default(draft.body, "properties.securityRules", json!([]));
    let mut seen: std::collections::BTreeMap<(i64, String), String> = Default::default();
    for rule in elements(draft.body, "securityRules") {
        let name = rule["name"].as_str().unwrap_or("").to_owned();
        let priority = rule["properties"]["priority"].as_i64().unwrap_or(0);
        if !(100..=4096).contains(&priority) {
            return Err(ArmError::network(
                400,
                "SecurityRuleInvalidPriority",
                format!(
                    "Security rule has invalid Priority. Value provided: {priority} Allowed range 100-4096. Rule: {name}."
                ),
            ));
        }
        for required in ["access", "direction", "protocol"] {
            if json::text(rule, &format!("properties.{required}")).is_none() {
                return Err(ArmError::network(
                    400,
                    "SecurityRuleParameterNotSpecified",
                    format!(
                        "Required security rule parameter is missing for {}/securityRules/{name}. Parameter: {required}.",
                        draft.id
                    ),
                ));
            }
        }
        let direction = json::text(rule, "properties.direction").unwrap_or("").to_ascii_lowercase();
        if let Some(other) = seen.insert((priority, direction), name.clone()) {
            return Err(ArmError::network(
                400,
                "SecurityRuleConflict",
                format!(
                    "Security rule {name} conflicts with rule {other}. Rules cannot have the same Priority and Direction."
                ),
            ));
        }
        for plural in [
            "sourcePortRanges",
            "destinationPortRanges",
            "sourceAddressPrefixes",
            "destinationAddressPrefixes",
        ] {
            json::default(rule, &format!("properties.{plural}"), json!([]));
        }
    }
    Ok(())
}

/// name, description, priority, direction, access, source, destination
const DEFAULT_RULES: [(&str, &str, u32, &str, &str, &str, &str); 6] = [
    (
        "AllowVnetInBound",
        "Allow inbound traffic from all VMs in VNET",
        65000,
        "Inbound",
        "Allow",
        "VirtualNetwork",
        "VirtualNetwork",
    ),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        65001,
        "Inbound",
        "Allow",
        "AzureLoadBalancer",
        "*",
    ),
    ("DenyAllInBound", "Deny all inbound traffic", 65500, "Inbound", "Deny", "*", "*"),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        65000,
        "Outbound",
        "Allow",
        "VirtualNetwork",
        "VirtualNetwork",
    ),
    (
        "AllowInternetOutBound",
        "Allow outbound traffic from all VMs to Internet",
        65001,
        "Outbound",
        "Allow",
        "*",
        "Internet",
    ),
    ("DenyAllOutBound", "Deny all outbound traffic", 65500, "Outbound", "Deny", "*", "*"),
];

pub(super) fn show_security_group(world: &World, group: &Resource, value: &mut Value) {
    let rules = DEFAULT_RULES.iter().map(|(name, description, priority, direction, access, from, to)| {
        json!({
            "name": name,
            "id": format!("{}/defaultSecurityRules/{name}", group.id),
            "etag": format!("W/\"{}\"", group.etag),
            "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
            "properties": {
                "provisioningState": group.state.as_str(), "description": description, "protocol": "*",
                "sourcePortRange": "*", "destinationPortRange": "*", "sourceAddressPrefix": from,
                "destinationAddressPrefix": to, "access": access, "priority": priority, "direction": direction,
                "sourcePortRanges": [], "destinationPortRanges": [], "sourceAddressPrefixes": [],
                "destinationAddressPrefixes": [],
            },
        })
    });
    value["properties"]["defaultSecurityRules"] = rules.collect();
    let key = group.key();
    let (subnets, others): (Vec<&str>, Vec<&str>) =
        world.known_users(&key).partition(|user| user.to_ascii_lowercase().contains("/virtualnetworks/"));
    if !subnets.is_empty() {
        value["properties"]["subnets"] = Value::Array(ids_of(subnets.into_iter()));
    }
    if !others.is_empty() {
        value["properties"]["networkInterfaces"] = Value::Array(ids_of(others.into_iter()));
    }
}

pub(super) fn fill_route_table(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    draft.invent("properties.resourceGuid");
    json::default(draft.body, "properties.disableBgpRoutePropagation", false);
    json::default(draft.body, "properties.routes", json!([]));
    for route in elements(draft.body, "routes") {
        json::default(route, "properties.hasBgpOverride", false);
    }
    Ok(())
}

/// `properties.subnets` of whatever subnets associate with.
pub(super) fn show_subnets(world: &World, resource: &Resource, value: &mut Value) {
    let subnets = ids_of(world.known_users(&resource.key()));
    if !subnets.is_empty() {
        value["properties"]["subnets"] = Value::Array(subnets);
    }
}

pub(super) fn fill_nat_gateway(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    json::default(draft.body, "sku.name", "Standard");
    json::default(draft.body, "sku.tier", "Regional");
    json::default(draft.body, "properties.idleTimeoutInMinutes", 4);
    draft.invent("properties.resourceGuid");
    one_owner(draft, "properties.publicIpAddresses[].id")
}

/// A public address serves one owner only.
pub(super) fn one_owner(draft: &Draft<'_>, path: &str) -> Result<(), ArmError> {
    let mut refused = None;
    json::each(draft.body, path, &mut |_, address| {
        let own = ids::key(draft.id);
        let user = draft.world.users(&ids::key(address)).find(|user| !ids::key(user).starts_with(&own));
        if let Some(user) = user {
            refused = Some(ArmError::network(
                400,
                "PublicIPAddressInUse",
                format!(
                    "Resource {} is referencing public IP address {address} that is already allocated to resource {user}.",
                    draft.id
                ),
            ));
        }
    });
    refused.map_or(Ok(()), Err)
}

pub(super) fn fill_public_address(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    json::default(draft.body, "sku.name", "Basic");
    json::default(draft.body, "sku.tier", "Regional");
    json::default(draft.body, "properties.publicIPAddressVersion", "IPv4");
    let method = if json::text(draft.body, "sku.name") == Some("Basic") { "Dynamic" } else { "Static" };
    json::default(draft.body, "properties.publicIPAllocationMethod", method);
    json::default(draft.body, "properties.idleTimeoutInMinutes", 4);
    json::default(draft.body, "properties.ipTags", json!([]));
    draft.invent("properties.resourceGuid");
    let location = draft.location();
    if let Some(label) = json::text(draft.body, "properties.dnsSettings.domainNameLabel").map(str::to_owned) {
        let valid = (3..=63).contains(&label.len())
            && label.starts_with(|c: char| c.is_ascii_lowercase())
            && label.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !valid {
            return Err(ArmError::network(
                400,
                "InvalidDomainNameLabel",
                format!(
                    "The domain name label {label} is invalid. It must conform to the following regular expression: ^[a-z][a-z0-9-]{{1,61}}[a-z0-9]$."
                ),
            ));
        }
        let fqdn = format!("{label}.{location}.cloudapp.azure.com");
        if draft.world.label_holder(&location, &label).is_some_and(|holder| holder != ids::key(draft.id)) {
            return Err(ArmError::network(
                400,
                "DnsRecordInUse",
                format!("DNS record {fqdn} is already used by another public IP."),
            ));
        }
        json::set(draft.body, "properties.dnsSettings.fqdn", json!(fqdn));
    }
    Ok(())
}

pub(super) fn settle_public_address(world: &mut World, key: &str, _: u64) {
    world.edit(key, |address| {
        if json::get(&address.body, "properties.ipAddress").is_none() {
            // An odd factor makes the low 24 bits a permutation of the serials: scattered, and never twice.
            let [_, a, b, c] = (address.serial as u32).wrapping_mul(2_654_435_761).to_be_bytes();
            json::set(&mut address.body, "properties.ipAddress", json!(format!("20.{a}.{b}.{c}")));
        }
    });
}

pub(super) fn show_public_address(world: &World, address: &Resource, value: &mut Value) {
    let key = address.key();
    if let Some(user) = world.known_users(&key).next() {
        let property = if user.to_ascii_lowercase().contains("/natgateways/") {
            "natGateway"
        } else {
            "ipConfiguration"
        };
        value["properties"][property] = json!({ "id": user });
    }
}
