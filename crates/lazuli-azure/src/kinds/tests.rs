//! The tables are consistent, and what they strip is what Azure's published types do not have.

use std::path::{Path, PathBuf};

use lazuli_core::Json;
use lazuli_core::kind::{Kinds, List, Lock};
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
