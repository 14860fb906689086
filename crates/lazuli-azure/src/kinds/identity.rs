//! Identities and what they may do.

use lazuli_core::kind::{Kind, List, Lock};

use super::{
    BELOW, CREDENTIAL_NAME, GUID_NAME, IDENTITY_NAME, LOCK_NAME, PROMPT_CODES, ROLE_CODES, owned, read_only,
    seconds,
};

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
        names: IDENTITY_NAME,
        joined_by: Some("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"),
        accepts: PROMPT_CODES,
        ..Kind::GENERAL
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
        names: GUID_NAME,
        accepts: ROLE_CODES,
        ..Kind::GENERAL
    },
    Kind {
        name: "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
        title: "federated identity credential",
        unordered: &["properties.audiences"],
        expected: seconds(1.0, 1.0, 1.0),
        names: CREDENTIAL_NAME,
        accepts: PROMPT_CODES,
        ..BELOW
    },
    Kind {
        name: "Microsoft.Authorization/roleDefinitions",
        title: "role definition",
        forces_replacement: &[],
        read_only: read_only![
            "properties.createdOn",
            "properties.updatedOn",
            "properties.createdBy",
            "properties.updatedBy",
        ],
        unordered: &[
            "properties.assignableScopes",
            "properties.permissions.actions",
            "properties.permissions.notActions",
            "properties.permissions.dataActions",
            "properties.permissions.notDataActions",
        ],
        ignore_case: &["properties.type"],
        // Their list holds Azure's own, hundreds of them.
        list: List::Each,
        expected: seconds(5.0, 5.0, 2.0),
        names: GUID_NAME,
        accepts: ROLE_CODES,
        ..Kind::GENERAL
    },
    Kind {
        name: "Microsoft.Authorization/locks",
        title: "lock",
        forces_replacement: &[],
        keyed: &[owned("properties.owners", "applicationId")],
        ignore_case: &["properties.level"],
        expected: seconds(1.0, 1.0, 1.0),
        names: LOCK_NAME,
        accepts: PROMPT_CODES,
        ..Kind::GENERAL
    },
];
