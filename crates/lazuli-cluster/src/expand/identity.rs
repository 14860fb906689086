//! The identity of the control plane and what it may do.

use lazuli_core::resource::{ResourceId, ResourceType};
use lazuli_core::{Address, Value};

use super::network::Placement;
use super::part::{Part, Site, VERSION_AUTHORIZATION, VERSION_IDENTITY, object, supplied};
use crate::names;

/// Roles the cloud controller manager and the disk driver need on the cluster's resource group: built-in definitions.
const ROLES: [(&str, &str); 2] = [
    ("network-contributor", "4d97b98b-1d4f-4787-a291-c67834d212e7"),
    ("virtual-machine-contributor", "9980e02c-c2be-4d73-94e8-173b1dc7cf3c"),
];

/// The identity, and what must be there before a node can use it.
pub(super) struct Identity {
    pub(super) id: ResourceId,
    pub(super) principal: Address,
    pub(super) roles: Vec<Address>,
}

pub(super) fn expand(site: &Site<'_>, network: &Placement, parts: &mut Vec<Part>) -> Identity {
    let cluster = site.cluster;
    let principal = site.address("identity", "principal");
    let ty = ResourceType::new("Microsoft.ManagedIdentity/userAssignedIdentities", VERSION_IDENTITY);
    if let Some(existing) = &cluster.existing_identity {
        let id = ResourceId::new(existing.as_str());
        parts.push(site.part(principal.clone(), ty, id.clone(), cluster.span).read_only().done());
        return Identity { id, principal, roles: Vec::new() };
    }
    let part = site
        .grouped(principal.clone(), ty.clone(), &format!("{}-cp-identity", cluster.name), cluster.span)
        .tracked("identity", [])
        .done();
    let id = names::resource(&site.group, &ty, &format!("{}-cp-identity", cluster.name));
    parts.push(part);
    let mut roles = Vec::new();
    let scopes = std::iter::once((&site.group, ""))
        .chain(network.other_group.iter().map(|group| (group, "-on-network")));
    for (scope, suffix) in scopes {
        for (role, definition) in ROLES {
            if !suffix.is_empty() && role != "network-contributor" {
                continue; // virtual machines live in the cluster's own group
            }
            let address = cluster.address.child("identity").keyed("role", &format!("{role}{suffix}"));
            roles.push(address.clone());
            parts.push(assignment(site, address, scope, &id, &principal, definition));
        }
    }
    Identity { id, principal, roles }
}

fn assignment(
    site: &Site<'_>,
    address: Address,
    scope: &ResourceId,
    identity: &ResourceId,
    principal: &Address,
    role: &str,
) -> Part {
    let ty = ResourceType::new("Microsoft.Authorization/roleAssignments", VERSION_AUTHORIZATION);
    let id = names::resource(scope, &ty, &names::role_assignment(scope, identity, role));
    let subscription = &site.account.subscription_id;
    let definition =
        format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}");
    let properties = object([
        ("principalId", supplied(principal, "properties.principalId")),
        ("principalType", Value::string("ServicePrincipal")),
        ("roleDefinitionId", Value::string(definition)),
    ]);
    site.part(address, ty, id, site.cluster.span)
        .body([("properties", properties)])
        .on(principal, "properties.principalId")
        .done()
}
