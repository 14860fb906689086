//! Identities and what they may do.

use lazuli_core::kind::{Kind, List, Lock};

use super::{read_only, seconds};

pub(super) const ROLE_ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments";

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "Microsoft.ManagedIdentity/userAssignedIdentities",
        title: "managed identity",
        forces_replacement: &["location"],
        write_only: &[],
        read_only: read_only!["properties.tenantId", "properties.principalId", "properties.clientId"],
        keyed: &[],
        unordered: &[],
        ignore_case: &[],
        lock: Lock::Own,
        list: List::ResourceGroup,
        expected: seconds(1.0, 1.0, 1.0),
    },
    Kind {
        name: ROLE_ASSIGNMENTS,
        title: "role assignment",
        forces_replacement: &[
            "properties.principalId",
            "properties.principalType",
            "properties.roleDefinitionId",
            "properties.delegatedManagedIdentityResourceId",
        ],
        write_only: &[],
        read_only: read_only![
            "properties.scope",
            "properties.createdOn",
            "properties.updatedOn",
            "properties.createdBy",
            "properties.updatedBy",
        ],
        keyed: &[],
        unordered: &[],
        ignore_case: &["properties.principalId", "properties.roleDefinitionId", "properties.principalType"],
        lock: Lock::Own,
        list: List::ResourceGroup,
        // Entra needs up to 45 s to know a new identity everywhere.
        expected: seconds(20.0, 2.0, 2.0),
    },
];
