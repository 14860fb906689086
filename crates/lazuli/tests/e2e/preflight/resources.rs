//! What is in the way of resources of one's own, and of what is placed in the network of others.

use serde_json::{Value as Json, json};

use super::Case;
use crate::configurations::ACCOUNT;
use crate::workbench::SUBSCRIPTION;

/// A resource in the group `rg`.
fn resource(label: &str, ty: &str, name: &str, rest: &str) -> String {
    format!(
        "\nresource \"{label}\" {{\n  type           = \"{ty}\"\n  cloud_account  = cloud_account.sandbox\n  \
         resource_group = \"rg\"\n  name           = \"{name}\"\n  location       = \"eastus2\"\n{rest}\n}}\n"
    )
}

fn raw(resources: &[String]) -> String {
    ACCOUNT.to_owned() + &resources.concat()
}

/// A machine of its own with an interface in the seeded network.
fn machine(size: &str, nic: &str, storage: &str, more: &str) -> String {
    let subnet = network_id("subnets/nodes");
    let nic = resource(
        "nic",
        "Microsoft.Network/networkInterfaces@2025-05-01",
        "nic",
        &format!(
            "  properties = {{\n{nic}\n    ipConfigurations = [{{ name = \"ip\", properties = {{ subnet = {{ id = \"{subnet}\" }} }} }}]\n  }}"
        ),
    );
    let vm = resource(
        "vm",
        "Microsoft.Compute/virtualMachines@2025-04-01",
        "vm",
        &format!(
            r#"  properties = {{
    hardwareProfile = {{ vmSize = "{size}" }}
    storageProfile = {{
      imageReference = {{ publisher = "Canonical", offer = "ubuntu-24_04-lts", sku = "server", version = "latest" }}
      {storage}
    }}
    networkProfile = {{ networkInterfaces = [{{ id = resource.nic.id }}] }}
    {more}
  }}"#
        ),
    );
    raw(&[nic, vm])
}

/// A storage profile's OS disk.
const DISK: &str = "osDisk = { createOption = \"FromImage\" }";

fn group_id(rest: &str) -> String {
    format!("{SUBSCRIPTION}/resourceGroups/rg-net/providers/{rest}")
}

fn network_id(rest: &str) -> String {
    group_id(&format!("Microsoft.Network/virtualNetworks/hub/{rest}"))
}

/// A group `rg-net` with a network `hub`, whose subnet `nodes` has 3 addresses.
fn hub(subnet: &Json, more: &[Json]) -> Json {
    let mut nodes = json!({ "addressPrefix": "10.80.1.0/29" });
    for (key, value) in subnet.as_object().unwrap() {
        nodes[key] = value.clone();
    }
    let network = json!({
        "id": group_id("Microsoft.Network/virtualNetworks/hub"),
        "body": { "location": "eastus2", "properties": {
            "addressSpace": { "addressPrefixes": ["10.80.0.0/16"] },
            "subnets": [{ "name": "nodes", "properties": nodes }],
        }},
    });
    let mut resources = vec![network];
    resources.extend_from_slice(more);
    json!({ "resource_groups": [{ "name": "rg-net", "location": "eastus2" }], "resources": resources })
}

fn taken_nic(name: &str) -> Json {
    json!({
        "id": group_id(&format!("Microsoft.Network/networkInterfaces/{name}")),
        "body": { "location": "eastus2", "properties": { "ipConfigurations": [
            { "name": "ip", "properties": { "subnet": { "id": network_id("subnets/nodes") } } },
        ]}},
    })
}

/// The seeded network, read by the configuration.
fn hub_as_data() -> String {
    "\ndata \"hub\" {\n  type           = \"Microsoft.Network/virtualNetworks@2025-05-01\"\n  cloud_account  = cloud_account.sandbox\n  \
     resource_group = \"rg-net\"\n  name           = \"hub\"\n}\n"
        .to_owned()
}

pub(super) fn cases() -> Vec<Case> {
    let case =
        |name, finding, refusal, seed, configuration| Case { name, seed, configuration, finding, refusal };
    let nowhere = || hub(&json!({}), &[]);
    let nic = || machine("Standard_D2s_v5", "", DISK, "");
    let unjoinable = {
        let mut seed = hub(&json!({}), &[]);
        seed["conditions"] = json!({ "grants": [
            { "scope": format!("{SUBSCRIPTION}/resourceGroups/rg"), "actions": ["*"] },
            { "actions": ["*/read", "Microsoft.PolicyInsights/*"] },
        ]});
        seed
    };
    let subnet = |range: &str| {
        let parent = group_id("Microsoft.Network/virtualNetworks/hub");
        raw(&[format!(
            "\nresource \"subnet\" {{\n  type       = \"Microsoft.Network/virtualNetworks/subnets@2025-05-01\"\n  cloud_account = cloud_account.sandbox\n  \
             parent_id  = \"{parent}\"\n  name       = \"new\"\n  properties = {{ addressPrefix = \"{range}\" }}\n}}\n\n\
             data \"hub\" {{\n  type       = \"Microsoft.Network/virtualNetworks@2025-05-01\"\n  cloud_account = cloud_account.sandbox\n  resource_group = \"rg-net\"\n  name = \"hub\"\n}}\n"
        )])
    };
    let network = |range: &str| {
        resource(
            "network",
            "Microsoft.Network/virtualNetworks@2025-05-01",
            "net",
            &format!("  properties = {{ addressSpace = {{ addressPrefixes = [\"{range}\"] }} }}"),
        )
    };
    let other = resource(
        "other",
        "Microsoft.Network/virtualNetworks@2025-05-01",
        "other",
        "  properties = { addressSpace = { addressPrefixes = [\"10.80.0.0/20\"] } }",
    );
    let peering = "\nresource \"peering\" {\n  type       = \"Microsoft.Network/virtualNetworks/virtualNetworkPeerings@2025-05-01\"\n  \
                   parent_id  = resource.network.id\n  name       = \"to-other\"\n  \
                   properties = { remoteVirtualNetwork = { id = resource.other.id } }\n}\n"
        .to_owned();
    let address = resource(
        "ip",
        "Microsoft.Network/publicIPAddresses@2025-05-01",
        "ip",
        "  sku = { name = \"Standard\" }\n  properties = { publicIPAllocationMethod = \"Static\", dnsSettings = { domainNameLabel = \"taken\" } }",
    );
    let labelled = json!({
        "id": group_id("Microsoft.Network/publicIPAddresses/theirs"),
        "body": { "location": "eastus2", "sku": { "name": "Standard" }, "properties": {
            "publicIPAllocationMethod": "Static", "dnsSettings": { "domainNameLabel": "taken" },
        }},
    });
    let account = |name: &str| {
        resource(
            "logs",
            "Microsoft.Storage/storageAccounts@2025-06-01",
            name,
            "  kind = \"StorageV2\"\n  sku = { name = \"Standard_LRS\" }\n  properties = {}",
        )
    };
    let stored = json!({
        "id": group_id("Microsoft.Storage/storageAccounts/logs01"),
        "body": { "location": "eastus2", "kind": "StorageV2", "sku": { "name": "Standard_LRS" }, "properties": {} },
    });
    let ephemeral = "osDisk = { createOption = \"FromImage\", diskSizeGB = 128, diffDiskSettings = { option = \"Local\", placement = \"ResourceDisk\" } }";
    let disk = |lun: usize| format!("{{ lun = {lun}, createOption = \"Empty\", diskSizeGB = 8 }}");
    let disks: Vec<String> = (0..5).map(disk).collect();
    let disks = format!("{DISK}\n      dataDisks = [{}]", disks.join(", "));
    let sold = || {
        let mut seed = hub(&json!({}), &[]);
        seed["conditions"] =
            json!({ "sold": [{ "publisher": "Canonical", "offer": "ubuntu-24_04-lts", "plan": "server" }] });
        seed
    };
    let planned = nic().replacen(
        "  properties = {\n    hardwareProfile",
        "  plan = { publisher = \"Canonical\", product = \"ubuntu-24_04-lts\", name = \"server\" }\n  properties = {\n    hardwareProfile",
        1,
    );
    vec![
        case(
            "storage_sku",
            "LZ1040",
            "InvalidValuesForRequestParameters",
            json!({}),
            raw(&[account("logs01").replacen("Standard_LRS", "Nope", 1)]),
        ),
        case(
            "no_location",
            "LZ1038",
            "LocationRequired",
            json!({}),
            raw(&[resource("table", "Microsoft.Network/routeTables@2025-05-01", "table", "").replacen(
                "  location       = \"eastus2\"\n",
                "",
                1,
            )]),
        ),
        case(
            "peering_with_nothing",
            "LZ1039",
            "NotFound",
            json!({}),
            raw(&[
                network("10.70.0.0/20"),
                peering.replacen("resource.other.id", &format!("\"{}\"", network_id("").trim_end_matches('/')), 1),
            ]),
        ),
        case("marketplace_terms", "LZ1037", "ResourcePurchaseValidationFailed", sold(), planned),
        case("marketplace_plan", "LZ1037", "VMMarketplaceInvalidInput", sold(), nic()),
        case("linked_permission", "LZ1022", "LinkedAuthorizationFailed", unjoinable, nic()),
        case(
            "accelerated_networking",
            "LZ1026",
            "VMSizeIsNotPermittedToEnableAcceleratedNetworking",
            nowhere(),
            machine("Standard_B2s", "    enableAcceleratedNetworking = true", DISK, ""),
        ),
        case(
            "encryption_at_host",
            "LZ1026",
            "InvalidParameter",
            nowhere(),
            machine("Standard_A2_v2", "", DISK, "securityProfile = { encryptionAtHost = true }"),
        ),
        case(
            "ephemeral_disk",
            "LZ1026",
            "InvalidParameter",
            nowhere(),
            machine("Standard_D2ds_v5", "", ephemeral, ""),
        ),
        case(
            "data_disks",
            "LZ1026",
            "OperationNotAllowed",
            nowhere(),
            machine("Standard_D2s_v5", "", &disks, ""),
        ),
        case(
            "marketplace_version",
            "LZ1027",
            "PlatformImageNotFound",
            nowhere(),
            nic().replace("\"latest\"", "\"22.04.1\""),
        ),
        case("range_outside", "LZ1028", "NetcfgInvalidSubnet", nowhere(), subnet("10.81.0.0/24")),
        case("range_taken", "LZ1028", "NetcfgSubnetRangesOverlap", nowhere(), subnet("10.80.1.0/24")),
        case(
            "range_reserved",
            "LZ1028",
            "AddressPrefixNotAllowed",
            json!({}),
            raw(&[network("169.254.8.0/24")]),
        ),
        case(
            "peers_overlap",
            "LZ1028",
            "VnetAddressSpacesOverlap",
            json!({}),
            raw(&[network("10.80.0.0/16"), other, peering]),
        ),
        case(
            "full_subnet",
            "LZ1029",
            "SubnetIsFull",
            hub(&json!({}), &[taken_nic("a"), taken_nic("b"), taken_nic("c")]),
            nic() + &hub_as_data(),
        ),
        case(
            "fixed_address",
            "LZ1028",
            "PrivateIPAddressNotInSubnet",
            nowhere(),
            nic().replacen(
                "properties = { subnet",
                "properties = { privateIPAllocationMethod = \"Static\", privateIPAddress = \"10.80.1.1\", subnet",
                1,
            ) + &hub_as_data(),
        ),
        case(
            "delegated_subnet",
            "LZ1030",
            "SubnetIsDelegated",
            hub(
                &json!({ "delegations": [{ "name": "web", "properties": { "serviceName": "Microsoft.Web/serverFarms" } }] }),
                &[],
            ),
            nic() + &hub_as_data(),
        ),
        case("dns_label", "LZ1031", "DnsRecordInUse", hub(&json!({}), &[labelled]), raw(&[address])),
        case(
            "storage_account_name",
            "LZ1031",
            "StorageAccountAlreadyTaken",
            hub(&json!({}), &[stored]),
            raw(&[account("logs01")]),
        ),
    ]
}
