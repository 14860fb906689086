//! Load balancers: defaults of their parts and the references between them.

use serde_json::{Value, json};

use super::{Draft, Reference, near, network, nic};
use crate::error::ArmError;
use crate::world::{Resource, World};
use crate::{ids, json};

pub(super) const REFERENCES: &[Reference] = &[
    near("properties.frontendIPConfigurations[].properties.publicIPAddress.id"),
    near("properties.frontendIPConfigurations[].properties.subnet.id"),
    near("properties.loadBalancingRules[].properties.frontendIPConfiguration.id"),
    near("properties.loadBalancingRules[].properties.backendAddressPool.id"),
    near("properties.loadBalancingRules[].properties.probe.id"),
    near("properties.outboundRules[].properties.frontendIPConfigurations[].id"),
    near("properties.outboundRules[].properties.backendAddressPool.id"),
    near("properties.inboundNatRules[].properties.frontendIPConfiguration.id"),
];

pub(super) const READ_ONLY: &[&str] = &[
    "properties.resourceGuid",
    "properties.frontendIPConfigurations[].properties.loadBalancingRules",
    "properties.frontendIPConfigurations[].properties.outboundRules",
    "properties.frontendIPConfigurations[].properties.inboundNatRules",
    "properties.backendAddressPools[].properties.loadBalancingRules",
    "properties.backendAddressPools[].properties.outboundRules",
    "properties.backendAddressPools[].properties.backendIPConfigurations",
    "properties.probes[].properties.loadBalancingRules",
    "properties.inboundNatRules[].properties.backendIPConfiguration",
];

pub(super) fn fill(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    json::default(draft.body, "sku.name", "Basic");
    json::default(draft.body, "sku.tier", "Regional");
    draft.invent("properties.resourceGuid");
    for collection in [
        "frontendIPConfigurations",
        "backendAddressPools",
        "loadBalancingRules",
        "probes",
        "inboundNatRules",
        "outboundRules",
        "inboundNatPools",
    ] {
        json::default(draft.body, &format!("properties.{collection}"), json!([]));
    }
    let old = draft
        .existing
        .map(|existing| json::list(&existing.body, "properties.frontendIPConfigurations"))
        .unwrap_or_default();
    for frontend in json::list(draft.body, "properties.frontendIPConfigurations") {
        let id = format!("{}/frontendIPConfigurations/{}", draft.id, frontend["name"].as_str().unwrap_or(""));
        let has_zones = !json::list(frontend, "zones").is_empty();
        if has_zones && json::get(frontend, "properties.publicIPAddress").is_some() {
            return Err(ArmError::network(
                400,
                "LoadBalancerFrontendIPConfigCannotHaveZoneWhenReferencingPublicIPAddress",
                format!(
                    "Load balancer frontend IP configuration {id} cannot have zones when referencing a public IP address. The zones of the public IP address apply."
                ),
            ));
        }
        if let Some(before) = old.iter().find(|old| old["name"] == frontend["name"])
            && json::list(before, "zones") != json::list(frontend, "zones")
        {
            return Err(ArmError::network(
                400,
                "ResourceAvailabilityZonesCannotBeModified",
                format!(
                    "Resource {id} has an existing availability zone constraint which cannot be modified."
                ),
            ));
        }
    }
    network::one_owner(draft, "properties.frontendIPConfigurations[].properties.publicIPAddress.id")?;
    nic::give_addresses(draft, "frontendIPConfigurations")?;
    for frontend in network::elements(draft.body, "frontendIPConfigurations") {
        json::default(frontend, "properties.privateIPAllocationMethod", "Dynamic");
        if json::get(frontend, "properties.subnet").is_some() {
            json::default(frontend, "properties.privateIPAddressVersion", "IPv4");
        }
    }
    for pool in network::elements(draft.body, "backendAddressPools") {
        json::default(pool, "properties.loadBalancerBackendAddresses", json!([]));
    }
    for probe in network::elements(draft.body, "probes") {
        json::default(probe, "properties.intervalInSeconds", 15);
        json::default(probe, "properties.numberOfProbes", 1);
        json::default(probe, "properties.probeThreshold", 1);
        json::default(probe, "properties.noHealthyBackendsBehavior", "AllProbedDown");
    }
    for rule in network::elements(draft.body, "loadBalancingRules") {
        json::default(rule, "properties.enableFloatingIP", false);
        json::default(rule, "properties.enableTcpReset", false);
        json::default(rule, "properties.disableOutboundSnat", false);
        json::default(rule, "properties.idleTimeoutInMinutes", 4);
        json::default(rule, "properties.loadDistribution", "Default");
        if let Some(pool) = json::get(rule, "properties.backendAddressPool").cloned() {
            json::set(rule, "properties.backendAddressPools", json!([pool]));
        }
    }
    for rule in network::elements(draft.body, "outboundRules") {
        json::default(rule, "properties.allocatedOutboundPorts", 0);
        json::default(rule, "properties.enableTcpReset", false);
        json::default(rule, "properties.idleTimeoutInMinutes", 4);
        json::default(rule, "properties.protocol", "All");
    }
    for rule in network::elements(draft.body, "inboundNatRules") {
        json::default(rule, "properties.enableFloatingIP", false);
        json::default(rule, "properties.enableTcpReset", false);
        json::default(rule, "properties.idleTimeoutInMinutes", 4);
    }
    Ok(())
}

pub(super) fn show(world: &World, _: &Resource, value: &mut Value) {
    for collection in ["frontendIPConfigurations", "backendAddressPools", "probes", "inboundNatRules"] {
        for element in network::elements(value, collection) {
            let key = ids::key(element["id"].as_str().unwrap_or(""));
            for user in world.known_users(&key) {
                let lower = user.to_ascii_lowercase();
                let property = if lower.contains("/loadbalancingrules/") {
                    "loadBalancingRules"
                } else if lower.contains("/outboundrules/") {
                    "outboundRules"
                } else if lower.contains("/inboundnatrules/") {
                    "inboundNatRules"
                } else if collection == "inboundNatRules" {
                    element["properties"]["backendIPConfiguration"] = json!({ "id": user });
                    continue;
                } else {
                    "backendIPConfigurations"
                };
                let list = &mut element["properties"][property];
                match list.as_array_mut() {
                    Some(list) => list.push(json!({ "id": user })),
                    None => *list = json!([{ "id": user }]),
                }
            }
        }
    }
}

/// When a load balancer goes, network interfaces leave its pools and rules.
pub(super) fn gone(world: &mut World, balancer: &Resource) {
    let own = format!("{}/", balancer.key());
    let users: Vec<String> = super::element_ids(balancer.row(), &balancer.id, &balancer.body)
        .flat_map(|id| world.users(&ids::key(&id)).map(ids::key).collect::<Vec<_>>())
        .filter(|user| !user.starts_with(&own))
        .collect();
    for user in users {
        world.edit(ids::parent_id(&user), |nic| {
            for config in network::elements(&mut nic.body, "ipConfigurations") {
                for list in ["loadBalancerBackendAddressPools", "loadBalancerInboundNatRules"] {
                    if let Some(list) = config["properties"].get_mut(list).and_then(Value::as_array_mut) {
                        list.retain(|entry| {
                            !json::text(entry, "id").is_some_and(|id| ids::key(id).starts_with(&own))
                        });
                    }
                }
            }
        });
    }
}
