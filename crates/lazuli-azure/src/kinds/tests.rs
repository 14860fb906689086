//! The tables are consistent, and what they strip is what Azure's published types do not have.

use std::path::{Path, PathBuf};

use lazuli_core::Json;
use lazuli_core::kind::{Kind, Kinds, List, Lock};
use lazuli_core::resource::ResourceType;

use super::{API_VERSIONS, AzureKinds, all, api_version, by_name};
use crate::merge::strip_read_only;

#[test]
fn types_are_found_whatever_their_case_and_unknown_ones_are_general() {
    let kind =
        AzureKinds.kind(&ResourceType::new("microsoft.network/VIRTUALNETWORKS/subnets", "2025-05-01")).title;
    assert_eq!(kind, "subnet");
    assert_eq!(by_name("Microsoft.Web/sites").name, "");
}

#[test]
fn every_kind_has_a_version_and_every_version_a_kind() {
    for kind in all() {
        assert!(api_version(kind.name).is_some(), "{}", kind.name);
    }
    for (name, _) in API_VERSIONS {
        assert_eq!(by_name(name).name, *name);
    }
}

#[test]
fn a_network_and_what_is_in_it_are_one_lock_and_one_list() {
    for name in ["subnets", "virtualNetworkPeerings"] {
        let kind = by_name(&format!("Microsoft.Network/virtualNetworks/{name}"));
        assert_eq!(kind.lock, Lock::Parent);
        assert!(matches!(kind.list, List::InParent(_)));
    }
    assert_eq!(by_name("Microsoft.Network/virtualNetworks").lock, Lock::Own);
}

#[test]
fn rules_routes_and_pools_share_the_lock_of_what_they_are_in() {
    for name in
        ["networkSecurityGroups/securityRules", "routeTables/routes", "loadBalancers/backendAddressPools"]
    {
        assert_eq!(by_name(&format!("Microsoft.Network/{name}")).lock, Lock::Parent, "{name}");
    }
    for name in ["Microsoft.Network/applicationSecurityGroups", "Microsoft.Sql/servers/databases"] {
        assert_eq!(by_name(name).lock, Lock::Own, "{name}");
    }
}

#[test]
fn no_path_is_both_wanted_and_only_azures() {
    for kind in all() {
        for path in kind.forces_replacement.iter().chain(kind.write_only) {
            assert!(!kind.read_only.contains(path), "{} {path}", kind.name);
        }
    }
}

/// The published types, beside the repository or where `LAZULI_SHARED` says.
fn schemas() -> Option<PathBuf> {
    let shared = std::env::var_os("LAZULI_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("azure-schemas");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no azure-schemas; set LAZULI_SHARED");
    None
}

/// The published type of a kind.
fn published(schemas: &Path, kind: &Kind) -> Json {
    let version = api_version(kind.name).unwrap();
    let file = schemas.join(format!("{}@{version}.schema.json", kind.name.replace('/', ".")));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// What Azure publishes as if it could be sent, and computes all the same.
const ONLY_AZURES: [(&str, &str); 14] = [
    ("Microsoft.Compute/availabilitySets", "properties.virtualMachines"),
    ("Microsoft.ContainerService/managedClusters", "properties.status"),
    ("Microsoft.ContainerService/managedClusters", "properties.agentPoolProfiles.status"),
    ("Microsoft.ContainerService/managedClusters/agentPools", "properties.status"),
    ("Microsoft.Network/privateDnsZones", "properties"),
    ("Microsoft.Network/publicIPAddresses", "properties.ipAddress"),
    ("Microsoft.Network/publicIPAddresses", "properties.natGateway"),
    ("Microsoft.Network/publicIPAddresses", "properties.dnsSettings.fqdn"),
    ("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", "properties.peeringState"),
    ("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", "properties.peeringSyncLevel"),
    ("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", "properties.remoteAddressSpace"),
    (
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "properties.remoteVirtualNetworkAddressSpace",
    ),
    ("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", "properties.localAddressSpace"),
    (
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "properties.localVirtualNetworkAddressSpace",
    ),
];

/// Whether a type has something at a path, elements of arrays left out.
fn has(schema: &Json, node: &Json, path: &[&str]) -> bool {
    if let Some(target) = node["$ref"].as_str() {
        return has(schema, schema.pointer(target.trim_start_matches('#')).unwrap(), path);
    }
    if node["items"].is_object() {
        return has(schema, &node["items"], path);
    }
    let Some((first, rest)) = path.split_first() else { return true };
    let one_of_several = ["allOf", "anyOf", "oneOf"]
        .iter()
        .any(|several| node[several].as_array().into_iter().flatten().any(|node| has(schema, node, path)));
    one_of_several
        || node["properties"].get(*first).is_some_and(|member| has(schema, member, rest))
        || node["additionalProperties"].is_object() && has(schema, &node["additionalProperties"], rest)
}

#[test]
fn every_path_is_one_of_azures_published_type_and_what_only_azure_writes_is_not() {
    let Some(schemas) = schemas() else { return };
    let mut wrong = Vec::new();
    for kind in all() {
        let schema = published(&schemas, kind);
        let known = |path: &str| has(&schema, &schema, &path.split('.').collect::<Vec<_>>());
        let paths = kind.forces_replacement.iter().chain(kind.write_only).chain(kind.unordered);
        let paths = paths.chain(kind.ignore_case).map(|path| (*path).to_owned());
        let keys = kind.keyed.iter().map(|keyed| format!("{}.{}", keyed.path, keyed.key));
        for path in paths.chain(keys).filter(|path| !known(path)) {
            wrong.push(format!("{}: there is no {path}", kind.name));
        }
        // What every type strips may be sent for some.
        let own = kind.read_only.iter().filter(|path| !Kind::GENERAL.read_only.contains(path));
        let is_odd = |path: &str| ONLY_AZURES.iter().any(|(name, odd)| *name == kind.name && *odd == path);
        for path in own.filter(|path| known(path) && !is_odd(path)) {
            wrong.push(format!("{}: {path} can be sent, and would be stripped", kind.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_keep_to_azures_rules() {
    for (ty, good, bad) in [
        (
            "Microsoft.Storage/storageAccounts",
            &["prodlogs01"][..],
            &["Prod", "ab", "a-b-c", "x2345678901234567890123456"][..],
        ),
        (
            "Microsoft.Storage/storageAccounts/blobServices/containers",
            &["state", "$web", "a-b"],
            &["ab", "-ab", "a_b"],
        ),
        ("Microsoft.Network/virtualNetworks", &["my-vnet", "v_1"], &["v", "-v", "v-"]),
        ("Microsoft.Network/virtualNetworks/subnets", &["AzureBastionSubnet", "s"], &["s/1", "ü"]),
        ("Microsoft.Compute/galleries", &["my.gallery_1"], &["my-gallery"]),
        ("Microsoft.Compute/galleries/images/versions", &["1.0.3"], &["1.0", "1.0.x", "latest"]),
        ("Microsoft.Authorization/roleAssignments", &["6f2d9c1e-54b7-4c0d-9a63-8e1f27d5b0a4"], &["reader"]),
        (
            "Microsoft.ContainerService/managedClusters/agentPools",
            &["pool1"],
            &["Pool", "1pool", "averylongname"],
        ),
        ("Microsoft.Network/privateDnsZones/A", &["@", "*", "api.v1", "_acme"], &["a b"]),
        ("Microsoft.Web/sites", &["whatever it is"], &[""]),
    ] {
        let rule = by_name(ty).names;
        for name in good {
            assert!(rule.allows(name), "{ty} {name}");
        }
        for name in bad {
            assert!(!rule.allows(name), "{ty} {name}");
        }
    }
    let says = |ty: &str| by_name(ty).names.says();
    assert_eq!(says("Microsoft.Storage/storageAccounts"), "3 to 24 small letters and digits");
    assert_eq!(
        says("Microsoft.Network/virtualNetworks"),
        "2 to 64 letters, digits and - _ ., a letter or digit first, a letter, digit or _ last"
    );
}

#[test]
fn what_is_joined_is_of_its_own_type_and_quotas_are_of_a_namespace_that_has_them() {
    for kind in all() {
        if let Some(action) = kind.joined_by {
            assert!(action.starts_with(&format!("{}/", kind.name)), "{} {action}", kind.name);
        }
        for quota in kind.quotas {
            assert!(kind.name.starts_with(quota.namespace), "{} {quota:?}", kind.name);
        }
        assert!(!kind.accepts.put.is_empty() && !kind.accepts.delete.is_empty(), "{}", kind.name);
    }
}

/// Bodies as Azure answers a GET: what is left after stripping must be sendable.
#[test]
fn what_azure_answers_can_be_sent_back_once_stripped() {
    let Some(schemas) = schemas() else { return };
    let bodies = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bodies");
    for kind in all() {
        let version = api_version(kind.name).unwrap();
        let file = kind.name.replace('/', ".");
        let body = std::fs::read_to_string(bodies.join(format!("{file}.json")))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let schema = std::fs::read_to_string(schemas.join(format!("{file}@{version}.schema.json")))
            .unwrap_or_else(|error| panic!("{file}@{version}: {error}"));
        let mut body: Json = serde_json::from_str(&body).unwrap();
        let schema: Json = serde_json::from_str(&schema).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(!validator.is_valid(&body), "{file}: the body has nothing to strip");
        strip_read_only(kind, &mut body);
        let problems: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(problems.is_empty(), "{file}\n{}\n{body:#}", problems.join("\n"));
    }
}

#[test]
fn what_the_simulated_azure_answers_is_what_the_tables_take_for_success() {
    let mut compared = 0;
    for kind in all() {
        let Some(answers) = lazuli_simulator::successes(kind.name) else { continue };
        compared += 1;
        for code in [answers.created, answers.updated] {
            assert!(kind.accepts.put.contains(&code), "PUT of {} is answered with {code}", kind.name);
        }
        assert!(
            kind.accepts.delete.contains(&answers.deleted),
            "DELETE of {}: {}",
            kind.name,
            answers.deleted
        );
    }
    assert!(compared > 40, "{compared} types");
}

#[test]
fn what_lies_in_a_region_and_the_skus_there_are_come_from_the_published_types() {
    let Some(schemas) = schemas() else { return };
    for kind in all() {
        let schema = published(&schemas, kind);
        assert_eq!(kind.is_located(), has(&schema, &schema, &["location"]), "{}", kind.name);
        let sku = &schema["properties"]["sku"];
        let sku = sku["$ref"].as_str().map_or(sku, |at| schema.pointer(at.trim_start_matches('#')).unwrap());
        let published: Vec<&str> = sku["properties"]["name"]["x-known-values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let (mut ours, mut published) = (kind.skus.to_vec(), published);
        ours.sort_unstable();
        published.sort_unstable();
        assert!(ours.is_empty() || ours == published, "{}: {published:?}", kind.name);
    }
    assert!(!Kind::GENERAL.is_located(), "nobody knows");
}
