//! What a plan refuses, Azure would have refused too: every case is planned, and then applied without the checks.

use serde_json::{Value as Json, json};

use crate::configurations::{ACCOUNT, SMALL};
use crate::workbench::{SUBSCRIPTION, Workbench, told};

/// An Azure in which something is in the way.
struct Case {
    name: &'static str,
    /// What is in Azure beforehand.
    seed: Json,
    configuration: String,
    /// The finding.
    finding: &'static str,
    /// Azure's answer to an apply that does not look first.
    refusal: &'static str,
}

fn seeded(configuration: &str, seed: &Json) -> Workbench {
    let configuration = configuration.replacen(
        "profile = \"instant\"",
        "profile    = \"instant\"\n    seed_world = \"azure.json\"",
        1,
    );
    let bench = Workbench::with(&configuration);
    bench.write("azure.json", &seed.to_string());
    bench
}

fn small(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

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

fn quota(name: &str, limit: u64) -> Json {
    json!({ "quotas": [{ "location": "eastus2", "name": name, "limit": limit }] })
}

fn conditions(conditions: &Json) -> Json {
    json!({ "conditions": conditions })
}

fn granted(actions: &[&str], not_actions: &[&str]) -> Json {
    conditions(&json!({ "grants": [{ "actions": actions, "not_actions": not_actions }] }))
}

/// Everything about the account, the cluster's own parts and their numbers.
fn clusters() -> Vec<Case> {
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

/// Everything that takes a network of others, or resources of one's own.
fn resources() -> Vec<Case> {
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
    vec![
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

/// The seeded network, read by the configuration.
fn hub_as_data() -> String {
    "\ndata \"hub\" {\n  type           = \"Microsoft.Network/virtualNetworks@2025-05-01\"\n  cloud_account  = cloud_account.sandbox\n  \
     resource_group = \"rg-net\"\n  name           = \"hub\"\n}\n"
        .to_owned()
}

fn refused_twice(cases: Vec<Case>) {
    for case in cases {
        let bench = seeded(&case.configuration, &case.seed);
        let plan = bench.run("plan");
        assert_eq!(plan.status, Some(1), "{}: {plan}", case.name);
        assert!(plan.stderr.contains(&format!("error[{}]", case.finding)), "{}: {plan}", case.name);
        told(&format!("preflight_{}", case.name), &plan);
        assert!(bench.sent().is_empty(), "{}: a plan changed something", case.name);

        let apply = bench.run("apply --auto-approve --skip-preflight");
        assert_eq!(apply.status, Some(1), "{}: Azure does not mind: {apply}", case.name);
        assert!(apply.stderr.contains(case.refusal), "{}: {apply}", case.name);
    }
}

#[test]
fn what_is_in_the_way_of_a_cluster_is_known_to_the_plan() {
    refused_twice(clusters());
}

#[test]
fn what_is_in_the_way_of_resources_is_known_to_the_plan() {
    refused_twice(resources());
}

#[test]
fn a_lock_against_deleting_is_known_before_anything_is_deleted() {
    let lock = json!({ "scope": format!("{SUBSCRIPTION}/resourceGroups/rg"), "name": "keep", "level": "CanNotDelete" });
    let bench = seeded(SMALL, &json!({ "locks": [lock] }));
    bench.applies();
    let plan = bench.run("plan --destroy");
    assert_eq!(plan.status, Some(1), "{plan}");
    told("preflight_delete_lock", &plan);
    assert_eq!(bench.run("destroy --auto-approve").status, Some(1));
    let destroy = bench.run("destroy --auto-approve --skip-preflight");
    assert!(destroy.stderr.contains("ScopeLocked"), "{destroy}");
}

#[test]
fn a_replacement_is_refused_when_there_is_no_room_for_one_more() {
    let bench = seeded(SMALL, &quota("standardDSv5Family", 12));
    bench.applies();
    let node = "cluster.small.worker_pool[\"general\"].node[\"1\"]";
    let plan = bench.run_with(&["plan", "--replace", node]);
    assert_eq!(plan.status, Some(1), "{plan}");
    told("preflight_surge", &plan);
    let apply = bench.run_with(&["apply", "--auto-approve", "--skip-preflight", "--replace", node]);
    assert!(apply.stderr.contains("OperationNotAllowed"), "{apply}");
}

#[test]
fn everything_in_the_way_is_told_at_once() {
    let mut seed = quota("cores", 4);
    seed["unregistered_providers"] = json!(["Microsoft.ManagedIdentity"]);
    seed["locks"] = json!([{ "scope": SUBSCRIPTION, "name": "freeze", "level": "ReadOnly" }]);
    told("preflight_all_at_once", seeded(SMALL, &seed).run("plan"));
}

#[test]
fn what_may_not_be_read_is_a_warning() {
    let hidden = [
        "Microsoft.Compute/locations/usages/read",
        "Microsoft.Compute/skus/read",
        "Microsoft.Authorization/locks/read",
        "Microsoft.Authorization/permissions/read",
        "Microsoft.PolicyInsights/*",
    ];
    let bench = seeded(SMALL, &granted(&["*"], &hidden));
    told("preflight_unreadable", bench.does("plan"));
    bench.applies();
}

#[test]
fn a_plan_without_changes_asks_next_to_nothing() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    told("preflight_nothing_to_do", bench.does("plan"));
    // Rights, locks and what else a tag needs: the number does not grow with the cluster.
    bench.edit(
        "main.hcl",
        "  resource_group = \"rg\"\n  ssh_key",
        "  resource_group = \"rg\"\n  tags           = { a = \"b\" }\n  ssh_key",
    );
    let plan = bench.does("plan");
    assert!(plan.stdout.contains("checks passed (7 requests)"), "{plan}");
}
