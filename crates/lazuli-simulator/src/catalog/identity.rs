//! Rows and rules of managed identities and of access control.

use serde_json::{Value, json};

use super::{Draft, GENERIC, Kind, Patching};
use crate::error::ArmError;
use crate::latency::{Delay, Profile};
use crate::world::{Resource, World};
use crate::{ids, json};

pub(super) static ROWS: &[Kind] = &[
    Kind {
        name: "Microsoft.ManagedIdentity/userAssignedIdentities",
        located: true,
        has_state: false,
        read_only: &["properties"],
        says_where: true,
        fill: fill_identity,
        show: show_identity,
        put_accept: Delay::ms(900, 1200),
        ..GENERIC
    },
    Kind {
        name: "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
        has_state: false,
        ..GENERIC
    },
    Kind {
        name: "Microsoft.Authorization/roleAssignments",
        updated: 201,
        patch: Patching::Nothing,
        delete_shows: true,
        has_state: false,
        fill: fill_role_assignment,
        put_accept: Delay::ms(1000, 2000),
        delete_accept: Delay::ms(2100, 2500),
        ..GENERIC
    },
    Kind {
        name: "Microsoft.Authorization/roleDefinitions",
        updated: 201,
        patch: Patching::Nothing,
        delete_shows: true,
        has_state: false,
        ..GENERIC
    },
    Kind {
        name: "Microsoft.Authorization/locks",
        patch: Patching::Nothing,
        has_state: false,
        fill: fill_lock,
        ..GENERIC
    },
];

/// The built-in roles this cloud knows: name and GUID.
pub(crate) const BUILT_IN_ROLES: [(&str, &str); 9] = [
    ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
    ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
    ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
    ("User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"),
    ("Network Contributor", "4d97b98b-1d4f-4787-a291-c67834d212e7"),
    ("Virtual Machine Contributor", "9980e02c-c2be-4d73-94e8-173b1dc7cf3c"),
    ("Managed Identity Operator", "f1a07417-d97a-45cb-824c-7a7467783830"),
    ("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d"),
    ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
];

fn fill_identity(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    draft.invent("properties.principalId");
    draft.invent("properties.clientId");
    let tenant = draft.world.credentials().tenant.clone();
    json::set(draft.body, "properties.tenantId", json!(tenant));
    Ok(())
}

fn show_identity(_: &World, _: &Resource, value: &mut Value) {
    // The real service writes this one segment in lower case; clients must compare ids without regard to case.
    if let Some(id) = value["id"].as_str().map(|id| id.replacen("/resourceGroups/", "/resourcegroups/", 1)) {
        value["id"] = json!(id);
    }
}

fn fill_role_assignment(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    let text = |path: &str| json::text(draft.body, path).unwrap_or("").to_ascii_lowercase();
    let (principal, role) = (text("properties.principalId"), text("properties.roleDefinitionId"));
    if principal.is_empty() || role.is_empty() {
        return Err(ArmError::new(
            400,
            "InvalidRequestContent",
            "The request content is not valid: properties.principalId and properties.roleDefinitionId are required.",
        ));
    }
    let scope = draft.id.rsplit_once("/providers/").map_or("", |(scope, _)| scope).to_owned();
    let name = ids::last(&role);
    let known = BUILT_IN_ROLES.iter().any(|(_, guid)| *guid == name)
        || draft
            .world
            .of_kind("Microsoft.Authorization/roleDefinitions", "", None)
            .any(|definition| definition.name().eq_ignore_ascii_case(name));
    if !known {
        return Err(ArmError::new(
            400,
            "RoleDefinitionDoesNotExist",
            format!("The specified role definition with ID '{}' does not exist.", name.replace('-', "")),
        ));
    }
    if let Some(existing) = draft.existing {
        let same =
            |path: &str, new: &str| json::text(&existing.body, path).unwrap_or("").eq_ignore_ascii_case(new);
        if !same("properties.principalId", &principal) || !same("properties.roleDefinitionId", &role) {
            return Err(ArmError::new(
                409,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            ));
        }
    }
    if draft.existing.is_none() {
        check_principal(draft, &principal)?;
        let own = ids::key(draft.id);
        let prefix = format!("{}/providers/microsoft.authorization/roleassignments/", ids::key(&scope));
        let twin =
            draft.world.of_kind("Microsoft.Authorization/roleAssignments", &prefix, None).any(|other| {
                let same = |path: &str, new: &str| {
                    json::text(&other.body, path).unwrap_or("").eq_ignore_ascii_case(new)
                };
                other.key() != own
                    && same("properties.principalId", &principal)
                    && same("properties.roleDefinitionId", &role)
            });
        if twin {
            return Err(ArmError::new(409, "RoleAssignmentExists", "The role assignment already exists."));
        }
    }
    let caller = draft.world.caller();
    let created = crate::arm::rfc3339(draft.existing.map_or(draft.now, |existing| existing.created_ms));
    json::set(draft.body, "properties.scope", json!(scope));
    json::default(draft.body, "properties.principalType", "ServicePrincipal");
    json::default(draft.body, "properties.condition", Value::Null);
    json::set(draft.body, "properties.createdOn", json!(created));
    json::set(draft.body, "properties.updatedOn", json!(crate::arm::rfc3339(draft.now)));
    json::set(draft.body, "properties.createdBy", json!(caller));
    json::set(draft.body, "properties.updatedBy", json!(caller));
    Ok(())
}

/// A new principal takes a while to reach access control, unless the client says what it is.
fn check_principal(draft: &Draft<'_>, principal: &str) -> Result<(), ArmError> {
    if json::text(draft.body, "properties.principalType") == Some("ServicePrincipal") {
        return Ok(());
    }
    let delay_ms = draft.pace.scale(if draft.pace.profile == Profile::Hostile { 45_000 } else { 20_000 });
    let visible = principal.eq_ignore_ascii_case(&draft.world.caller())
        || draft.world.principal_since(principal).is_some_and(|since| draft.now >= since + delay_ms);
    if visible {
        return Ok(());
    }
    Err(crate::refusals::principal_not_found(principal, &draft.world.credentials().tenant))
}

fn fill_lock(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    match json::text(draft.body, "properties.level") {
        Some("CanNotDelete" | "ReadOnly") => Ok(()),
        _ => Err(ArmError::new(
            400,
            "InvalidLockLevel",
            "The lock level must be 'CanNotDelete' or 'ReadOnly'.",
        )),
    }
}
