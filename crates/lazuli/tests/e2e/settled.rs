//! Applying twice is applying once: for every kind that clusters are made of and raw resources of more than a dozen
//! types, however Azure spells its answers.

use std::collections::BTreeSet;

use lazuli_azure::AzureKinds;
use lazuli_core::Json;
use lazuli_core::encoding::from_json;
use lazuli_core::kind::{Kind, Kinds};
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::Mode;
use lazuli_planner::compare::compare;
use serde_json::json;

use crate::configurations::ACCOUNT;
use crate::workbench::Workbench;

/// Resources of many types, spelled as Azure does not: regions with blanks, ids and words in another case.
fn raw(reversed: bool) -> String {
    let list = |items: &[&str]| {
        let mut items = items.to_vec();
        if reversed {
            items.reverse();
        }
        format!("[{}]", items.join(", "))
    };
    let top = |label: &str, ty: &str, more: &str| {
        format!(
            "resource \"{label}\" {{\n  type = \"{ty}\"\n  resource_group = \"RG\"\n  location = \"East US 2\"\n  name = \"{label}\"\n  {more}\n}}\n"
        )
    };
    let below = |label: &str, ty: &str, parent: &str, more: &str| {
        format!(
            "resource \"{label}\" {{\n  type = \"{ty}\"\n  parent_id = upper(resource.{parent}.id)\n  name = \"{label}\"\n  {more}\n}}\n"
        )
    };
    let rule = |name: &str, priority: u32, prefixes: &str| {
        format!(
            "{{ name = \"{name}\", properties = {{ priority = {priority}, direction = \"inbound\", access = \"allow\", protocol = \"tcp\", \
             sourcePortRange = \"*\", destinationPortRange = \"443\", sourceAddressPrefixes = {prefixes}, destinationAddressPrefix = \"*\" }} }}"
        )
    };
    let prefixes = list(&["\"10.1.0.0/16\"", "\"10.2.0.0/16\""]);
    let (web, ssh) = (rule("web", 100, &prefixes), rule("ssh", 110, &prefixes));
    let rules = list(&[&web, &ssh]);
    let id = |label: &str| format!("{{ id = upper(resource.{label}.id) }}");
    [
        ACCOUNT.to_owned(),
        top("nsg", "Microsoft.Network/networkSecurityGroups@2025-05-01", &format!("properties = {{ securityRules = {rules} }}")),
        top("rt", "Microsoft.Network/routeTables@2025-05-01", "properties = { disableBgpRoutePropagation = true }"),
        below(
            "out",
            "Microsoft.Network/routeTables/routes@2025-05-01",
            "rt",
            "properties = { addressPrefix = \"0.0.0.0/0\", nextHopType = \"internet\" }",
        ),
        top("ip", "Microsoft.Network/publicIPAddresses@2025-05-01", "sku = { name = \"standard\" }\n  properties = { publicIPAllocationMethod = \"static\" }"),
        top("prefix", "Microsoft.Network/publicIPPrefixes@2025-05-01", "sku = { name = \"Standard\" }\n  properties = { prefixLength = 30 }"),
        top(
            "nat",
            "Microsoft.Network/natGateways@2025-05-01",
            &format!("sku = {{ name = \"Standard\" }}\n  properties = {{ publicIpAddresses = [{}] }}", id("ip")),
        ),
        top(
            "net",
            "Microsoft.Network/virtualNetworks@2025-05-01",
            &format!("properties = {{ addressSpace = {{ addressPrefixes = {prefixes} }} }}"),
        ),
        below(
            "sub",
            "Microsoft.Network/virtualNetworks/subnets@2025-05-01",
            "net",
            &format!(
                "properties = {{ addressPrefix = \"10.1.0.0/24\", networkSecurityGroup = {}, routeTable = {} }}",
                id("nsg"),
                id("rt")
            ),
        ),
        top("asg", "Microsoft.Network/applicationSecurityGroups@2025-05-01", "properties = {}"),
        top(
            "nic",
            "Microsoft.Network/networkInterfaces@2025-05-01",
            &format!(
                "properties = {{ enableAcceleratedNetworking = true, ipConfigurations = [{{ name = \"ip\", properties = {{ privateIPAllocationMethod = \"dynamic\", subnet = {} }} }}] }}",
                id("sub")
            ),
        ),
        top("disk", "Microsoft.Compute/disks@2025-01-02", "sku = { name = \"premium_lrs\" }\n  properties = { diskSizeGB = 64, creationData = { createOption = \"empty\" } }"),
        top("ppg", "Microsoft.Compute/proximityPlacementGroups@2025-04-01", "properties = { proximityPlacementGroupType = \"Standard\" }"),
        top(
            "avset",
            "Microsoft.Compute/availabilitySets@2025-04-01",
            "sku = { name = \"Aligned\" }\n  properties = { platformFaultDomainCount = 2, platformUpdateDomainCount = 5 }",
        ),
        top("robot", "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30", ""),
        top("logs0settled", "Microsoft.Storage/storageAccounts@2025-06-01", "kind = \"storageV2\"\n  sku = { name = \"standard_LRS\" }"),
    ]
    .concat()
}

#[test]
fn raw_resources_of_many_types_spelled_otherwise_are_settled_after_one_apply() {
    let bench = Workbench::with(&raw(false));
    bench.applies();
    bench.is_settled();
    bench.write("main.hcl", &raw(true));
    bench.is_settled();
    let kinds = answers_are_understood(&bench);
    assert!(kinds.len() >= 12, "{kinds:?}");
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1);
}

#[test]
fn every_kind_a_cluster_is_made_of_is_settled_however_azure_spells_it() {
    let mut kinds = BTreeSet::new();
    for example in ["quickstart", "two-pools", "static-placement", "private-api"] {
        let bench = Workbench::example(example);
        bench.applies();
        bench.is_settled();
        kinds.append(&mut answers_are_understood(&bench));
    }
    for needed in [
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.Compute/virtualMachines",
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Microsoft.Network/loadBalancers",
        "Microsoft.Network/natGateways",
        "Microsoft.Network/networkInterfaces",
        "Microsoft.Network/networkSecurityGroups",
        "Microsoft.Network/privateDnsZones",
        "Microsoft.Network/privateDnsZones/A",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        "Microsoft.Network/publicIPAddresses",
        "Microsoft.Network/routeTables",
        "Microsoft.Network/virtualNetworks",
        "Microsoft.Network/virtualNetworks/subnets",
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
    ] {
        assert!(kinds.contains(needed), "{needed} is not among {kinds:?}");
    }
}

/// Compares every record with answers that mean the same and are written otherwise; gives the types that were compared.
fn answers_are_understood(bench: &Workbench) -> BTreeSet<String> {
    let state: Json = serde_json::from_slice(&bench.bytes("lazuli.state")).unwrap();
    let mut kinds = BTreeSet::new();
    for resource in state["resources"].as_array().unwrap() {
        let record: Recorded = serde_json::from_value(resource.clone()).unwrap();
        if record.mode == Mode::Data {
            continue;
        }
        let kind = AzureKinds.kind(&record.ty);
        let mut answer = record.observed.clone();
        respell(&mut answer, &record.inputs, kind, "");
        assert_ne!(answer, record.observed, "{}", record.address);
        let desired = from_json(&record.inputs);
        let found = compare(kind, &[], &desired, Some(&record), Some(&answer));
        assert!(found.is_empty(), "{} {}: {found:#?}", record.address, record.ty);
        kinds.insert(record.ty.name.to_string());
    }
    kinds
}

/// The same object as another version of a service might write it: members nobody asked for, ids, regions and words that
/// have no case in another one, arrays that have no order in another one.
fn respell(answer: &mut Json, sent: &Json, kind: &Kind, at: &str) {
    let inside = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match answer {
        Json::Object(members) => {
            for (name, member) in members.iter_mut() {
                respell(member, &sent[name.as_str()], kind, &inside(name));
            }
            // Keys of maps such as tags are the user's.
            if at.is_empty() || at.starts_with("properties") {
                members.insert("addedByTheService".to_owned(), json!({"default": true}));
            }
            members.insert("etag".to_owned(), json!("W/\"another\""));
        }
        Json::Array(items) => {
            let keyed = kind.keyed.iter().find(|keyed| keyed.path == at);
            for (index, item) in items.iter_mut().enumerate() {
                let sent = match keyed {
                    Some(keyed) => {
                        sent.as_array().into_iter().flatten().find(|s| s[keyed.key] == item[keyed.key])
                    }
                    None => sent.get(index),
                };
                respell(item, sent.unwrap_or(&Json::Null), kind, at);
            }
            if keyed.is_some() || kind.unordered.contains(&at) {
                items.reverse();
            }
        }
        Json::String(text) => {
            let is_id = text.to_ascii_lowercase().starts_with("/subscriptions/");
            if at == "location" {
                // `westeurope` is `West Europe` on other days.
                let (head, tail) = text.split_at(4);
                *text = format!("{head} {tail}").to_uppercase();
            } else if is_id || kind.ignore_case.contains(&at) {
                *text = text.to_uppercase();
            }
        }
        _ => {}
    }
}
