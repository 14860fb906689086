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

/// Resources of the types that stand beside a cluster, and of one that nobody here has heard of.
fn beside() -> String {
    let zone_group = r#"properties = { privateDnsZoneConfigs = [{ name = "blob", properties = { privateDnsZoneId = upper(resource.zone.id) } }] }"#;
    let pool =
        r#"{ name = "system", count = 1, vmSize = "standard_d4s_v5", mode = "system", osType = "linux" }"#;
    let top = |label: &str, name: &str, ty: &str, location: &str, more: &str| {
        format!(
            "resource \"{label}\" {{\n  type = \"{ty}\"\n  resource_group = \"rg\"\n  location = \"{location}\"\n  name = \"{name}\"\n  {more}\n}}\n"
        )
    };
    let here = |label: &str, name: &str, ty: &str, more: &str| top(label, name, ty, "East US 2", more);
    let below = |label: &str, name: &str, ty: &str, parent: &str, more: &str| {
        format!(
            "resource \"{label}\" {{\n  type = \"{ty}\"\n  parent_id = {parent}\n  name = \"{name}\"\n  {more}\n}}\n"
        )
    };
    let of = |label: &str| format!("resource.{label}.id");
    let role = "6f2d9c1e-54b7-4c0d-9a63-8e1f27d5b0a4";
    [
        ACCOUNT.to_owned(),
        here("net", "net", "Microsoft.Network/virtualNetworks@2025-05-01", r#"properties = { addressSpace = { addressPrefixes = ["10.1.0.0/16"] } }"#),
        below("sub", "sub", "Microsoft.Network/virtualNetworks/subnets@2025-05-01", &of("net"), r#"properties = { addressPrefix = "10.1.0.0/24" }"#),
        below("door", "AzureBastionSubnet", "Microsoft.Network/virtualNetworks/subnets@2025-05-01", &of("net"), r#"properties = { addressPrefix = "10.1.1.0/26" }"#),
        here("ip", "ip", "Microsoft.Network/publicIPAddresses@2025-05-01", r#"sku = { name = "Standard" }
  properties = { publicIPAllocationMethod = "Static" }"#),
        here("bastion", "bastion", "Microsoft.Network/bastionHosts@2025-05-01", r#"sku = { name = "basic" }
  properties = { ipConfigurations = [{ name = "ip", properties = { subnet = { id = upper(resource.door.id) }, publicIPAddress = { id = resource.ip.id } } }] }"#),
        here("nsg", "nsg", "Microsoft.Network/networkSecurityGroups@2025-05-01", ""),
        below("web", "web", "Microsoft.Network/networkSecurityGroups/securityRules@2025-05-01", &of("nsg"), r#"properties = { priority = 100, direction = "inbound", access = "allow", protocol = "tcp", sourcePortRange = "*", destinationPortRanges = ["443", "80"], sourceAddressPrefix = "*", destinationAddressPrefix = "*" }"#),
        below("ssh", "ssh", "Microsoft.Network/networkSecurityGroups/securityRules@2025-05-01", &of("nsg"), r#"properties = { priority = 110, direction = "Inbound", access = "Deny", protocol = "Tcp", sourcePortRange = "*", destinationPortRange = "22", sourceAddressPrefix = "*", destinationAddressPrefix = "*" }"#),
        here("lb", "lb", "Microsoft.Network/loadBalancers@2025-05-01", r#"sku = { name = "Standard" }"#),
        below("pool", "pool", "Microsoft.Network/loadBalancers/backendAddressPools@2025-05-01", &of("lb"), ""),
        top("zone", "prod.internal", "Microsoft.Network/privateDnsZones@2024-06-01", "global", ""),
        below("txt", "txt", "Microsoft.Network/privateDnsZones/TXT@2024-06-01", &of("zone"), r#"properties = { ttl = 60, txtRecords = [{ value = ["hello"] }] }"#),
        below("aaaa", "six", "Microsoft.Network/privateDnsZones/AAAA@2024-06-01", &of("zone"), r#"properties = { ttl = 60, aaaaRecords = [{ ipv6Address = "fd00::4" }] }"#),
        below("cname", "also", "Microsoft.Network/privateDnsZones/CNAME@2024-06-01", &of("zone"), r#"properties = { ttl = 60, cnameRecord = { cname = "six.prod.internal" } }"#),
        here("logs", "prodlogs01", "Microsoft.Storage/storageAccounts@2025-06-01", "kind = \"StorageV2\"\n  sku = { name = \"Standard_LRS\" }"),
        below("state", "state", "Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01", "\"${resource.logs.id}/blobServices/default\"", r#"properties = { publicAccess = "None" }"#),
        here("endpoint", "endpoint", "Microsoft.Network/privateEndpoints@2025-05-01", r#"properties = { subnet = { id = resource.sub.id }, privateLinkServiceConnections = [{ name = "blob", properties = { privateLinkServiceId = resource.logs.id, groupIds = ["blob"] } }] }"#),
        below("names", "default", "Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01", &of("endpoint"), zone_group),
        here("robot", "robot", "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30", ""),
        below("github", "github", "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30", &of("robot"), r#"properties = { issuer = "https://token.actions.githubusercontent.com", subject = "repo:o/r:ref:refs/heads/main", audiences = ["api://AzureADTokenExchange"] }"#),
        below("least", role, "Microsoft.Authorization/roleDefinitions@2022-04-01", &format!("\"{}/resourceGroups/rg\"", crate::workbench::SUBSCRIPTION), &format!(r#"properties = {{ roleName = "least", type = "customRole", assignableScopes = ["{}/resourceGroups/rg"], permissions = [{{ actions = ["Microsoft.Compute/skus/read"] }}] }}"#, crate::workbench::SUBSCRIPTION)),
        below("may", "7f2d9c1e-54b7-4c0d-9a63-8e1f27d5b0a4", "Microsoft.Authorization/roleAssignments@2022-04-01", &format!("\"{}/resourceGroups/rg\"", crate::workbench::SUBSCRIPTION), "properties = { principalId = resource.robot.properties.principalId, principalType = \"ServicePrincipal\", roleDefinitionId = resource.least.id }"),
        below("keep", "keep", "Microsoft.Authorization/locks@2020-05-01", &of("txt"), r#"properties = { level = "CanNotDelete", notes = "for a moment" }"#),
        here("disk", "disk", "Microsoft.Compute/disks@2025-01-02", "sku = { name = \"Premium_LRS\" }\n  properties = { diskSizeGB = 64, creationData = { createOption = \"Empty\" } }"),
        here("snap", "snap", "Microsoft.Compute/snapshots@2025-01-02", "properties = { incremental = true, creationData = { createOption = \"copy\", sourceResourceId = upper(resource.disk.id) } }"),
        here("image", "image", "Microsoft.Compute/images@2025-04-01", "properties = { hyperVGeneration = \"v2\", storageProfile = { osDisk = { osType = \"Linux\", osState = \"Generalized\", snapshot = { id = resource.snap.id } } } }"),
        here("secret", "secret", "Microsoft.Compute/diskEncryptionSets@2025-01-02", "identity = { type = \"systemAssigned\" }\n  properties = { encryptionType = \"EncryptionAtRestWithCustomerKey\", activeKey = { keyUrl = \"https://v.vault.azure.net/keys/k/1\" } }"),
        here("key", "key", "Microsoft.Compute/sshPublicKeys@2025-04-01", "properties = { publicKey = \"ssh-ed25519 AAAA team\" }"),
        here("gallery", "gal", "Microsoft.Compute/galleries@2025-03-03", "properties = { description = \"images\" }"),
        below("ubuntu", "ubuntu", "Microsoft.Compute/galleries/images@2025-03-03", &of("gallery"), "location = \"eastus2\"\n  properties = { osType = \"Linux\", osState = \"Generalized\", hyperVGeneration = \"v2\", identifier = { publisher = \"p\", offer = \"o\", sku = \"s\" } }"),
        below("first", "1.0.0", "Microsoft.Compute/galleries/images/versions@2025-03-03", &of("ubuntu"), "location = \"eastus2\"\n  properties = { publishingProfile = { targetRegions = [{ name = \"eastus2\", regionalReplicaCount = 1 }] }, storageProfile = { source = { id = resource.image.id } } }"),
        here("aks", "aks", "Microsoft.ContainerService/managedClusters@2025-10-01", &format!("identity = {{ type = \"SystemAssigned\" }}\n  properties = {{ dnsPrefix = \"aks\", kubernetesVersion = \"1.34\", agentPoolProfiles = [{pool}] }}")),
        below("more", "more", "Microsoft.ContainerService/managedClusters/agentPools@2025-10-01", &of("aks"), "properties = { count = 2, vmSize = \"standard_d4s_v5\", mode = \"user\", osType = \"linux\", availabilityZones = [\"2\", \"1\"] }"),
        here("unheard", "unheard.of", "Contoso.Machines/engines@2025-01-01-preview", "zones = [\"1\"]\n  kind = \"steam\"\n  properties = { pressure = 7, valves = [{ name = \"a\" }] }"),
        below("wheel", "wheel", "Contoso.Machines/engines/wheels@2025-01-01-preview", &of("unheard"), "properties = { spokes = 8 }"),
    ]
    .concat()
}

#[test]
fn types_beside_a_cluster_and_one_nobody_has_heard_of_are_settled_after_one_apply() {
    let bench = Workbench::with(&beside());
    bench.applies();
    bench.is_settled();
    let kinds = answers_are_understood(&bench);
    assert!(kinds.len() >= 30 && kinds.contains("Contoso.Machines/engines/wheels"), "{kinds:?}");
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1);
}
