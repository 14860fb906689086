//! `lazuli import`: what exists is taken over at once, or written down as configuration.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cloud;
use crate::configurations::{ACCOUNT, SMALL};
use crate::variants::zone_elsewhere;
use crate::workbench::{SUBSCRIPTION, Workbench, is_inside, told};

const ROUTES: &str = "2025-05-01";

fn table(name: &str, label: &str, more: &str) -> String {
    format!(
        "resource \"{label}\" {{\n  type           = \"Microsoft.Network/routeTables@2025-05-01\"\n  resource_group = \"rg\"\n  \
         location       = \"eastus2\"\n  name           = \"{name}\"\n{more}}}\n"
    )
}

fn id(name: &str) -> String {
    format!("{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/routeTables/{name}")
}

fn make_table(bench: &Workbench, name: &str, tags: &serde_json::Value) {
    let body = json!({"location": "eastus2", "tags": tags, "properties": {}});
    cloud::make(bench, &id(name), ROUTES, &body);
}

#[test]
fn an_object_is_taken_over_at_once_and_the_next_plan_changes_what_differs() {
    let bench = Workbench::with(&format!(
        "{ACCOUNT}{}{}",
        table("a", "a", "  tags           = { team = \"blue\" }\n"),
        table("b", "b", "")
    ));
    bench.does("plan"); // makes the world
    make_table(&bench, "a", &json!({"team": "red", "theirs": "yes"}));
    make_table(&bench, "b", &json!({}));
    let (ran, sent) = bench.sent_by(|bench| bench.run_with(&["import", "resource.a", &id("a")]));
    told("import_differs", ran);
    assert_eq!(sent, [""; 0]);
    told(
        "import_same",
        bench.run_with(&["import", "resource.b", &id("b").to_uppercase().replace("/SUB", "/sub")]),
    );
    told("import_twice", bench.run_with(&["import", "resource.b", &id("b")]));
    told("import_twice_json", bench.run_with(&["import", "resource.b", &id("b"), "--json"]));
    told("import_then_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["PUT routeTables/a"]);
    bench.is_settled();
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1);
}

#[test]
fn an_import_that_cannot_be_is_refused_and_records_nothing() {
    let bench = Workbench::with(&format!("{ACCOUNT}{}{}", table("a", "a", ""), table("gone", "gone", "")));
    bench.does("plan");
    make_table(&bench, "a", &json!({"lazuli_lineage": "99999999-2222-4333-8444-555555555555"}));
    let refused: String = [
        ("resource.gone", id("gone")),
        ("resource.gone", id("a")),
        ("resource.a", id("a")),
        ("resource.aa", id("a")),
        ("resource.b", id("a")),
    ]
    .iter()
    .map(|(to, id)| bench.run_with(&["import", to, id]).to_string())
    .collect();
    told("import_now_refused", refused);
    assert!(!bench.path("lazuli.state").exists(), "nothing is recorded");
    make_table(&bench, "b", &json!({}));
    bench.write("main.hcl", &format!("{ACCOUNT}{}{}", table("b", "b", ""), table("a", "c", "")));
    assert_eq!(bench.run_with(&["import", "resource.b", &id("b")]).status, Some(0));
    let other = bench.run_with(&["import", "resource.c", &id("b")]);
    let here = bench.run_with(&["import", "resource.b", &id("a")]);
    told("import_recorded_elsewhere", format!("{other}{here}"));
}

#[test]
fn parts_of_a_cluster_come_back_one_by_one() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let (inside, before): (BTreeMap<_, _>, BTreeMap<_, _>) =
        bench.recorded().into_iter().partition(|(_, id)| is_inside(id));
    std::fs::remove_file(bench.path("lazuli.state")).unwrap();
    for (address, id) in &inside {
        let (refused, sent) = bench.sent_by(|bench| bench.run_with(&["import", address, id]));
        assert_eq!(
            (refused.status, sent.len()),
            (Some(1), 0),
            "keys are nowhere but in the state: {refused}"
        );
    }
    for (address, id) in &before {
        let (ran, sent) = bench.sent_by(|bench| bench.run_with(&["import", address, id]));
        assert_eq!((ran.status, sent.len()), (Some(0), 0), "{ran}");
        assert!(ran.stdout.contains("It is as the configuration says."), "{ran}");
    }
    assert_eq!(bench.recorded(), before);
    let plan = bench.run("plan --detailed-exitcode");
    // Outputs are what is left to record.
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0], "{plan}");
    bench.is_settled();
}

/// The cloud accounts of a configuration, without the rest of it.
fn account_of(text: &str) -> String {
    let start = text.find("cloud_account \"").unwrap();
    let end = start + text[start..].find("\n}\n").unwrap() + 3;
    text[start..end].to_owned()
}

/// Applies, throws state and configuration away but for the account, writes configuration for what is there, and applies
/// that: nothing is sent to Azure, and nothing is left to do.
fn comes_back(bench: &Workbench, group: &str) -> String {
    bench.applies();
    let before: std::collections::BTreeSet<String> =
        bench.recorded().into_values().filter(|id| !is_inside(id)).map(|id| id.to_lowercase()).collect();
    let account = account_of(&bench.text("main.hcl"));
    for entry in std::fs::read_dir(bench.path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("azure.json") {
            std::fs::remove_file(path).unwrap();
        } else if path.is_dir() && !path.ends_with(".lazuli") {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    // Another state than the one that made them.
    std::fs::write(bench.path(".lazuli/lineage"), "99999999-2222-4333-8444-555555555555\n").unwrap();
    bench.write("main.hcl", &account);
    let (ran, sent) = bench
        .sent_by(|bench| bench.does(&format!("import --generate existing.hcl --resource-group {group}")));
    assert_eq!(sent, [""; 0]);
    assert!(ran.stdout.contains("and changes nothing."), "{ran}\n{}", bench.text("existing.hcl"));
    bench.does("fmt --check");
    let (applied, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0], "{applied}");
    bench.is_settled();
    let after = bench.recorded().into_values().map(|id| id.to_lowercase()).collect();
    assert_eq!(before, after, "{ran}");
    // The blocks have done their work.
    let text = bench.text("existing.hcl");
    let without =
        text.split("\nimport {").map(|part| part.split_once("\n}\n").map_or(part, |(_, rest)| rest));
    let first = text.split("\nimport {").next().unwrap();
    let kept: String = std::iter::once(first).chain(without.skip(1)).collect::<Vec<_>>().join("\n");
    bench.write("existing.hcl", &kept);
    bench.is_settled();
    ran.to_string()
}

#[test]
fn the_quickstart_comes_back_from_azure_alone() {
    let bench = Workbench::example("quickstart");
    let ran = comes_back(&bench, "rg-quickstart");
    told("generate_quickstart", ran);
}

#[test]
fn two_pools_with_rules_spot_machines_and_a_storage_account_come_back() {
    comes_back(&Workbench::example("two-pools"), "rg-two-pools");
}

#[test]
fn a_cluster_in_an_existing_network_comes_back() {
    comes_back(&Workbench::example("static-placement"), "rg-cluster");
}

#[test]
fn what_modules_made_comes_back_as_resources() {
    comes_back(&Workbench::example("modules"), "rg-modules");
}

#[test]
fn a_private_cluster_with_a_peering_comes_back() {
    comes_back(&Workbench::example("private-api"), "rg-cluster");
}

#[test]
fn a_private_cluster_whose_zone_is_in_another_group_comes_back() {
    comes_back(&zone_elsewhere(), "rg-cluster");
}

#[test]
fn variants_of_the_small_cluster_come_back() {
    let network = "    cidr = \"10.40.0.0/16\"\n";
    let egress = |way: &str| format!("{network}    egress = \"{way}\"\n");
    let private = "  api_server {\n    access            = \"private\"\n    authorized_ranges = [\"10.0.0.0/8\"]\n    private {\n      dns_zone = \"k8s.corp\"\n    }\n  }\n\n  control_plane {\n";
    let size = |size: &str| format!("instance_type = \"{size}\"\n");
    let zoneless = |name: &str| format!("{}    zones = []\n", size(name));
    for (what, edits) in [
        ("load balancer", vec![(network.to_owned(), egress("load_balancer"))]),
        (
            "private, leaving by a load balancer",
            vec![
                (network.to_owned(), egress("load_balancer")),
                ("  control_plane {\n".to_owned(), private.to_owned()),
            ],
        ),
        (
            "private, no way out",
            vec![
                (network.to_owned(), egress("user_defined_routing")),
                ("  control_plane {\n".to_owned(), private.to_owned()),
            ],
        ),
        (
            "availability sets",
            vec![
                (size("Standard_D4s_v5"), zoneless("Standard_D4s_v5")),
                (size("Standard_D8s_v5"), zoneless("Standard_D8s_v5")),
            ],
        ),
    ] {
        let bench = Workbench::with(SMALL);
        for (from, to) in &edits {
            bench.edit("main.hcl", from, to);
        }
        println!("{what}");
        comes_back(&bench, "rg");
        let text = bench.text("existing.hcl");
        assert!(text.contains("cluster \"small\"") && !text.contains("\nresource \""), "{what}\n{text}");
    }
}

#[test]
fn the_small_cluster_is_written_like_this() {
    let bench = Workbench::with(SMALL);
    comes_back(&bench, "rg");
    let bench = Workbench::with(SMALL);
    bench.applies();
    std::fs::remove_file(bench.path("lazuli.state")).unwrap();
    bench.write("main.hcl", ACCOUNT);
    bench.does("import --generate existing.hcl --resource-group rg");
    told("generated_cluster", bench.text("existing.hcl"));
}

#[test]
fn to_a_cluster_without_its_keys_no_node_is_added_and_it_can_be_destroyed() {
    let bench = Workbench::with(SMALL);
    comes_back(&bench, "rg");
    told("keyless_plan", bench.does("plan"));
    bench.edit(
        "existing.hcl",
        "count         = 1\n    instance_type = \"Standard_D8s_v5\"",
        "count         = 2\n    instance_type = \"Standard_D8s_v5\"",
    );
    let (refused, sent) = bench.sent_by(|bench| bench.run("apply --auto-approve"));
    assert_eq!((refused.status, sent.len()), (Some(1), 0), "{refused}");
    told("keyless_growth", refused);
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1, "the resource group is left");
}

/// A dozen resources of the user's own, of types with a table and without.
const DOZEN: &str = r#"
resource "net" {
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  resource_group = "rg"
  name           = "own-net"
  location       = "eastus2"
  tags           = { team = "${"$"}{not an expression}", "with space" = "1" }
  properties     = { addressSpace = { addressPrefixes = ["10.1.0.0/16"] } }
}
resource "nsg" {
  type           = "Microsoft.Network/networkSecurityGroups@2025-05-01"
  resource_group = "rg"
  name           = "own-nsg"
  location       = "eastus2"
  properties = { securityRules = [{ name = "ssh", properties = {
    priority = 100, direction = "Inbound", access = "Allow", protocol = "Tcp", sourceAddressPrefix = "10.0.0.0/8",
    sourcePortRange = "*", destinationAddressPrefix = "*", destinationPortRange = "22" } }] }
}
resource "routes" {
  type           = "Microsoft.Network/routeTables@2025-05-01"
  resource_group = "rg"
  name           = "2nd.routes"
  location       = "eastus2"
  properties     = { routes = [{ name = "out", properties = { addressPrefix = "0.0.0.0/0", nextHopType = "Internet" } }] }
}
resource "subnet" {
  type       = "Microsoft.Network/virtualNetworks/subnets@2025-05-01"
  parent_id  = resource.net.id
  name       = "front"
  properties = { addressPrefix = "10.1.1.0/24", networkSecurityGroup = { id = resource.nsg.id }, routeTable = { id = resource.routes.id } }
}
resource "ip" {
  type           = "Microsoft.Network/publicIPAddresses@2025-05-01"
  resource_group = "rg"
  name           = "own-ip"
  location       = "eastus2"
  sku            = { name = "Standard" }
  zones          = ["1", "2", "3"]
  properties     = { publicIPAllocationMethod = "Static" }
}
resource "balancer" {
  type           = "Microsoft.Network/loadBalancers@2025-05-01"
  resource_group = "rg"
  name           = "own-lb"
  location       = "eastus2"
  sku            = { name = "Standard" }
  properties = {
    frontendIPConfigurations = [{ name = "front", properties = { publicIPAddress = { id = resource.ip.id } } }]
    backendAddressPools      = [{ name = "back" }]
  }
}
resource "nic" {
  type           = "Microsoft.Network/networkInterfaces@2025-05-01"
  resource_group = "rg"
  name           = "own-nic"
  location       = "eastus2"
  properties = { ipConfigurations = [{ name = "ip", properties = {
    subnet = { id = resource.subnet.id }, privateIPAllocationMethod = "Dynamic",
    loadBalancerBackendAddressPools = [{ id = "${resource.balancer.id}/backendAddressPools/back" }] } }] }
}
resource "robot" {
  type           = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  resource_group = "rg"
  name           = "robot"
  location       = "eastus2"
}
resource "rights" {
  type           = "Microsoft.Authorization/roleAssignments@2022-04-01"
  resource_group = "rg"
  name           = "5f2b1a76-0a51-4a6f-9d0d-1f6f3c3b1a11"
  properties = {
    principalId      = resource.robot.properties.principalId
    principalType    = "ServicePrincipal"
    roleDefinitionId = "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
  }
}
resource "machine" {
  type           = "Microsoft.Compute/virtualMachines@2025-04-01"
  resource_group = "rg"
  name           = "own-vm"
  location       = "eastus2"
  zones          = ["1"]
  identity       = { type = "UserAssigned", userAssignedIdentities = { (resource.robot.id) = {} } }
  properties = {
    hardwareProfile = { vmSize = "Standard_D2s_v5" }
    networkProfile  = { networkInterfaces = [{ id = resource.nic.id, properties = { primary = true, deleteOption = "Delete" } }] }
    osProfile = { computerName = "own-vm", adminUsername = "me", linuxConfiguration = { disablePasswordAuthentication = true, ssh = { publicKeys = [{
      path = "/home/me/.ssh/authorized_keys", keyData = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMao8ykRuZ7eybYQx8FhN2hA7iE60x1py2IyXc2flrU8 demo@example.com" }] } } }
    storageProfile = {
      imageReference = { publisher = "Canonical", offer = "ubuntu-24_04-lts", sku = "server", version = "latest" }
      osDisk         = { name = "own-vm-os", createOption = "FromImage", deleteOption = "Delete", managedDisk = { storageAccountType = "Premium_LRS" } }
    }
  }
}
resource "zone" {
  type           = "Microsoft.Network/privateDnsZones@2024-06-01"
  resource_group = "rg"
  name           = "own.internal"
  location       = "global"
}
resource "link" {
  type       = "Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01"
  parent_id  = resource.zone.id
  name       = "own-net"
  location   = "global"
  properties = { registrationEnabled = false, virtualNetwork = { id = resource.net.id } }
}
resource "record" {
  type       = "Microsoft.Network/privateDnsZones/A@2024-06-01"
  parent_id  = resource.zone.id
  name       = "www"
  properties = { ttl = 300, aRecords = [{ ipv4Address = "10.1.1.4" }] }
}
resource "disk" {
  type           = "Microsoft.Compute/disks@2025-01-02"
  resource_group = "rg"
  name           = "own-disk"
  location       = "eastus2"
  sku            = { name = "Premium_LRS" }
  properties     = { creationData = { createOption = "Empty" }, diskSizeGB = 64 }
}
"#;

#[test]
fn a_dozen_resources_come_back_beside_a_cluster_and_refer_to_each_other() {
    let bench = Workbench::with(&format!("{SMALL}{DOZEN}"));
    let ran = comes_back(&bench, "rg");
    told("generate_dozen", ran);
    let bench = Workbench::with(&format!("{ACCOUNT}{DOZEN}"));
    bench.applies();
    bench.write("main.hcl", ACCOUNT);
    std::fs::remove_file(bench.path("lazuli.state")).unwrap();
    bench.does("import --generate existing.hcl --resource-group RG");
    told("generated_dozen", bench.text("existing.hcl"));
}

#[test]
fn nodes_that_were_replaced_and_moved_between_zones_come_back_under_their_names() {
    let pools = SMALL.replace(
        "count         = 1\n    instance_type = \"Standard_D8s_v5\"",
        "count         = 4\n    instance_type = \"Standard_D8s_v5\"",
    );
    let bench = Workbench::with(&pools);
    bench.applies();
    let node = |number: u32| format!("cluster.small.worker_pool[\"general\"].node[\"{number}\"]");
    for number in [1, 1, 3] {
        let replaced = bench.run_with(&["apply", "--auto-approve", "--replace", &node(number)]);
        assert_eq!(replaced.status, Some(0), "{replaced}");
    }
    bench.edit("main.hcl", "count         = 4\n", "count         = 4\n    zones         = [\"2\", \"3\"]\n");
    bench.applies();
    bench.edit("main.hcl", "    zones         = [\"2\", \"3\"]\n", "");
    // What comes next must not take the name of any that was.
    comes_back(&bench, "rg");
}

#[test]
fn what_belongs_to_others_is_left_out_and_a_file_is_never_overwritten() {
    let bench = Workbench::with(ACCOUNT);
    bench.write("main.hcl", &format!("{ACCOUNT}{}", table("ours", "ours", "")));
    bench.applies();
    make_table(&bench, "theirs", &json!({"lazuli_lineage": "99999999-2222-4333-8444-555555555555"}));
    make_table(&bench, "nobodys", &json!({"a\"b": "${x}"}));
    let (ran, sent) = bench.sent_by(|bench| bench.does("import --generate more.hcl --resource-group rg"));
    assert_eq!(sent, [""; 0]);
    told("generate_beside_others", ran);
    told("generated_beside_others", bench.text("more.hcl"));
    let before = bench.text("more.hcl");
    told("generate_overwrites_nothing", bench.run("import --generate more.hcl --resource-group rg"));
    assert_eq!(bench.text("more.hcl"), before);
    let refused = [
        "import --generate more.txt --resource-group rg",
        "import --generate x.hcl --resource-group nowhere",
        "import --generate x.hcl --resource-group rg --account other",
    ];
    told("generate_refused", refused.map(|line| bench.run(line).to_string()).concat());
    bench.applies();
    told("generate_nothing_left_json", bench.run("import --generate again.hcl --resource-group rg --json"));
}
