//! Modules from the first plan to the last destroy.

use crate::configurations::ACCOUNT;
use crate::workbench::{Workbench, told};

const MAIN: &str = r#"
variable "regions" {
  type    = map(string)
  default = { east = "10.1.0.0/16", west = "10.2.0.0/16" }
}

module "net" {
  source   = "./net"
  for_each = var.regions
  account  = cloud_account.sandbox
  name     = each.key
  range    = each.value
}

module "identity" {
  source = "./identity"
  name   = "robot"
  labels = { subnets = join(",", keys(module.net["east"].subnets)) }
}

resource "marker" {
  for_each       = module.net
  type           = "Microsoft.Network/routeTables@2025-05-01"
  resource_group = "rg"
  name           = "marker-${each.key}"
  location       = "eastus2"
  tags           = { robot = module.identity.principal, net = each.value.id }
}

output "subnets" {
  value = { for name, net in module.net : name => net.subnets }
}

output "robot" {
  value = module.identity.principal
}
"#;

const NET: &str = r#"
variable "account" {}
variable "name" {
  type = string
}
variable "range" {
  type = string
  validation {
    condition     = can(cidrhost(var.range, 0))
    error_message = "${var.range} is no range of addresses."
  }
}
variable "subnets" {
  type    = map(number)
  default = { front = 1, back = 2 }
}

resource "network" {
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  cloud_account  = var.account
  resource_group = "rg"
  name           = var.name
  location       = "eastus2"
  properties     = { addressSpace = { addressPrefixes = [var.range] } }
}

resource "subnet" {
  for_each   = var.subnets
  type       = "Microsoft.Network/virtualNetworks/subnets@2025-05-01"
  parent_id  = resource.network.id
  name       = each.key
  properties = { addressPrefix = cidrsubnet(var.range, 8, each.value) }
}

output "id" {
  value = resource.network.id
}
output "subnets" {
  value = { for name, subnet in resource.subnet : name => subnet.properties.addressPrefix }
}
"#;

const IDENTITY: &str = r#"
variable "name" {}
variable "labels" {
  type = map(string)
}
resource "identity" {
  type           = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  resource_group = "rg"
  name           = var.name
  location       = "eastus2"
  tags           = var.labels
}
output "principal" {
  value = resource.identity.properties.principalId
}
"#;

fn project() -> Workbench {
    let bench = Workbench::with(&format!("{ACCOUNT}{MAIN}"));
    for (directory, text) in [("net", NET), ("identity", IDENTITY)] {
        std::fs::create_dir(bench.path(directory)).unwrap();
        bench.write(&format!("{directory}/main.hcl"), text);
    }
    bench
}

#[test]
fn modules_are_planned_applied_scaled_and_destroyed() {
    let bench = project();
    told("modules_plan", bench.does("plan"));
    bench.applies();
    bench.is_settled();
    insta::assert_snapshot!("modules_state", bench.does("state list").stdout);
    assert_eq!(
        bench.does("output subnets --json").document(),
        serde_json::json!({
            "east": {"front": "10.1.1.0/24", "back": "10.1.2.0/24"},
            "west": {"front": "10.2.1.0/24", "back": "10.2.2.0/24"},
        })
    );
    let east = bench.does("state list module.net[\"east\"]").stdout;
    assert_eq!(east.lines().count(), 3, "{east}");

    bench.edit("main.hcl", "west = \"10.2.0.0/16\"", "north = \"10.3.0.0/16\"");
    let (_, sent) = bench.sent_by(Workbench::applies);
    insta::assert_snapshot!("modules_scaled", sent.join("\n"));
    bench.is_settled();

    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1, "the resource group is left");
}

#[test]
fn a_saved_plan_carries_its_modules() {
    let bench = project();
    bench.does("plan --out lazuli.plan");
    std::fs::rename(bench.path("main.hcl"), bench.path("main.hcl.away")).unwrap();
    std::fs::rename(bench.path("net"), bench.path("elsewhere")).unwrap();
    bench.does("apply lazuli.plan");
    std::fs::rename(bench.path("main.hcl.away"), bench.path("main.hcl")).unwrap();
    std::fs::rename(bench.path("elsewhere"), bench.path("net")).unwrap();
    bench.is_settled();

    bench.edit("main.hcl", "marker-", "mark-");
    bench.does("plan --out lazuli.plan");
    bench.edit("net/main.hcl", "front = 1", "front = 3");
    told("modules_stale_plan", bench.run("apply lazuli.plan"));
}

#[test]
fn mistakes_in_modules_are_told_in_the_files_of_the_module() {
    let bench = project();
    bench.edit("net/main.hcl", "cidrsubnet(var.range, 8, each.value)", "cidrsubnet(var.rnge, 8, each.value)");
    bench.edit("main.hcl", "\"10.2.0.0/16\"", "\"somewhere\"");
    bench.edit("identity/main.hcl", "resource_group = \"rg\"", "resource_gruop = \"rg\"");
    told("modules_mistakes", bench.run("validate"));
}

#[test]
fn a_check_that_fails_is_a_warning_and_stops_nothing() {
    let check = r#"
check "robot" {
  assert {
    condition     = module.identity.principal == "somebody"
    error_message = "The robot is ${module.identity.principal == "" ? "nobody" : "not somebody"}."
  }
}
"#;
    let bench = project();
    bench.write("check.hcl", check);
    let planned = bench.does("plan");
    assert!(!planned.stderr.contains("LZ0237"), "not known yet\n{planned}");
    let applied = bench.applies();
    assert!(applied.stderr.contains("LZ0237"), "{applied}");
    told("modules_check", bench.does("plan"));
}

#[test]
fn the_example_plans_and_applies_as_it_is() {
    let bench = Workbench::example("modules");
    told("modules_example_plan", bench.does("plan"));
    bench.applies();
    bench.is_settled();
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1, "the resource group is left");
}

#[test]
fn paths_mean_where_a_module_is_and_where_the_command_was_started() {
    let bench = Workbench::with(&format!(
        "{ACCOUNT}module \"m\" {{\n  source = \"./a/b\"\n}}\noutput \"all\" {{\n  value = concat(module.m.all, [path.module])\n}}\n"
    ));
    std::fs::create_dir_all(bench.path("a/b")).unwrap();
    bench.write("a/b/words.txt", "words");
    bench.write(
        "a/b/main.hcl",
        "output \"all\" {\n  value = [path.module, path.root, path.cwd, file(\"${path.module}/words.txt\")]\n}\n",
    );
    let folder = bench.path("a").canonicalize().unwrap();
    let elsewhere =
        bench.command(&["--chdir", "..", "apply", "--auto-approve"]).current_dir(&folder).output();
    assert!(elsewhere.unwrap().status.success());
    assert_eq!(
        bench.does("output all --json").document(),
        serde_json::json!(["a/b", ".", "[FOLDER]/project/a", "words", "."])
    );
}
