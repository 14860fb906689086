//! What is in the way of a cluster: the account, and its own parts and their numbers.

use serde_json::{Value as Json, json};

use super::{Case, conditions, granted, quota};
use crate::configurations::SMALL;
use crate::workbench::SUBSCRIPTION;

pub(super) fn small(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name, finding, refusal, seed, configuration: String| Case {
        name,
        seed,
        configuration,
        finding,
        refusal,
    };
    let policy = |policy: Json| conditions(&json!({ "policies": [policy] }));
    let closed = |zones: &[&str]| {
        conditions(
            &json!({ "closed_sizes": [{ "name": "Standard_D8s_v5", "location": "eastus2", "zones": zones }] }),
        )
    };
    let plain = || SMALL.to_owned();
    let spot = small(
        "    instance_type = \"Standard_D8s_v5\"",
        "    instance_type = \"Standard_D8s_v5\"\n    spot {\n      max_price = -1\n    }",
    );
    let lock = json!({ "locks": [{ "scope": format!("{SUBSCRIPTION}/resourceGroups/rg"), "name": "frozen", "level": "ReadOnly" }] });
    vec![
        case(
            "disabled_subscription",
            "LZ1020",
            "ReadOnlyDisabledSubscription",
            conditions(&json!({ "subscription_state": "Disabled" })),
            plain(),
        ),
        case(
            "unregistered_namespace",
            "LZ1021",
            "MissingSubscriptionRegistration",
            json!({ "unregistered_providers": ["Microsoft.Network"] }),
            plain(),
        ),
        case(
            "missing_permissions",
            "LZ1022",
            "AuthorizationFailed",
            granted(
                &["*"],
                &["Microsoft.Compute/virtualMachines/write", "Microsoft.Network/natGateways/write"],
            ),
            plain(),
        ),
        case(
            "no_role_assignments",
            "LZ1034",
            "AuthorizationFailed",
            granted(&["*"], &["Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"]),
            plain(),
        ),
        case(
            "deny_assignment",
            "LZ1036",
            "DenyAssignmentAuthorizationFailed",
            conditions(
                &json!({ "denials": [{ "name": "managed", "actions": ["Microsoft.Network/natGateways/write"] }] }),
            ),
            plain(),
        ),
        case("disk_quota", "LZ1024", "OperationNotAllowed", quota("PremiumDiskCount", 1), plain()),
        case("family_quota", "LZ1023", "OperationNotAllowed", quota("standardDSv5Family", 8), plain()),
        case("regional_quota", "LZ1023", "OperationNotAllowed", quota("cores", 11), plain()),
        case("spot_quota", "LZ1023", "OperationNotAllowed", quota("lowPriorityCores", 4), spot),
        case("machine_quota", "LZ1024", "OperationNotAllowed", quota("virtualMachines", 1), plain()),
        case("address_quota", "LZ1024", "PublicIPCountLimitReached", quota("PublicIPAddresses", 1), plain()),
        case(
            "interface_quota",
            "LZ1024",
            "NetworkInterfaceCountLimitReached",
            quota("NetworkInterfaces", 1),
            plain(),
        ),
        case(
            "security_group_quota",
            "LZ1024",
            "NetworkSecurityGroupCountLimitReached",
            quota("NetworkSecurityGroups", 1),
            plain(),
        ),
        case("size_closed_in_a_zone", "LZ1025", "SkuNotAvailable", closed(&["1"]), plain()),
        case("size_closed_in_the_region", "LZ1025", "SkuNotAvailable", closed(&[]), plain()),
        case(
            "unknown_size",
            "LZ1025",
            "InvalidParameter",
            json!({}),
            small("Standard_D8s_v5", "Standard_D8s_v9"),
        ),
        case(
            "another_architecture",
            "LZ1026",
            "BadRequest",
            json!({}),
            small("Standard_D8s_v5", "Standard_D8ps_v5"),
        ),
        case(
            "an_old_size",
            "LZ1026",
            "InvalidParameter",
            json!({}),
            small("Standard_D8s_v5", "Standard_A8_v2"),
        ),
        case("image_version", "LZ1027", "GalleryImageNotFound", json!({}), small("1.34.2", "1.34.12")),
        case(
            "image_name",
            "LZ1027",
            "GalleryImageNotFound",
            json!({}),
            small("  kubernetes {", "  os {\n    image = \"capi-nope\"\n  }\n  kubernetes {"),
        ),
        case(
            "unknown_region",
            "LZ1038",
            "NoRegisteredProviderFound",
            json!({}),
            small("region         = \"eastus2\"", "region         = \"mars\""),
        ),
        case("read_only_lock", "LZ1032", "ScopeLocked", lock, plain()),
        case(
            "policy_against_a_type",
            "LZ1033",
            "RequestDisallowedByPolicy",
            policy(
                json!({ "name": "no-public-addresses", "types": ["Microsoft.Network/publicIPAddresses"] }),
            ),
            plain(),
        ),
        case(
            "policy_on_regions",
            "LZ1033",
            "RequestDisallowedByPolicy",
            policy(
                json!({ "name": "europe-only", "field": "location", "allowed": ["westeurope", "northeurope"] }),
            ),
            plain(),
        ),
        case(
            "policy_on_tags",
            "LZ1033",
            "RequestDisallowedByPolicy",
            policy(json!({ "name": "owners", "field": "tags.owner" })),
            plain(),
        ),
    ]
}
