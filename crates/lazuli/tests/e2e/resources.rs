//! Resources of one's own: references between them, data, repetition.

use crate::cloud;
use crate::configurations::ACCOUNT;
use crate::workbench::{LINEAGE, SUBSCRIPTION, Workbench, told};

const NETWORK: &str = "2025-05-01";

const CHAIN: &str = r#"
resource "identity" {
  type           = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg"
  name           = "robot"
  location       = "eastus2"
}

resource "network" {
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg"
  name           = "net"
  location       = "eastus2"
  tags           = { robot = resource.identity.properties.principalId }
  properties     = { addressSpace = { addressPrefixes = ["10.1.0.0/16"] } }
}

resource "subnet" {
  for_each   = { front = 1, back = 2 }
  type       = "Microsoft.Network/virtualNetworks/subnets@2025-05-01"
  parent_id  = resource.network.id
  name       = each.key
  properties = { addressPrefix = cidrsubnet(resource.network.properties.addressSpace.addressPrefixes[0], 8, each.value) }
}

output "robot" {
  value = resource.identity.properties.clientId
}

output "subnets" {
  value = { for name, subnet in resource.subnet : name => subnet.properties.addressPrefix }
}
"#;

#[test]
fn what_azure_invents_is_unknown_in_the_plan_and_known_in_the_world() {
    let bench = Workbench::with(&format!("{ACCOUNT}{CHAIN}"));
    told("chain_plan", bench.does("plan -v"));
    bench.applies();
    let identity = bench
        .world()
        .into_values()
        .find(|r| r["kind"] == "Microsoft.ManagedIdentity/userAssignedIdentities")
        .unwrap();
    let network =
        bench.world().into_values().find(|r| r["kind"] == "Microsoft.Network/virtualNetworks").unwrap();
    let principal = &identity["body"]["properties"]["principalId"];
    assert!(principal.is_string());
    assert_eq!(&network["body"]["tags"]["robot"], principal);
    assert_eq!(
        bench.does("output subnets --json").document(),
        serde_json::json!({"front": "10.1.1.0/24", "back": "10.1.2.0/24"})
    );
    bench.is_settled();

    bench.edit("main.hcl", "back = 2", "side = 3");
    told("chain_edited_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["DELETE subnets/back", "PUT subnets/side"]);
    bench.is_settled();

    bench.write("main.hcl", ACCOUNT);
    told("chain_removed_plan", bench.does("plan"));
    bench.applies();
    assert_eq!(bench.world().len(), 1, "the resource group is left");
}

#[test]
fn a_resource_says_whose_it_is_and_is_found_again_when_the_record_is_lost() {
    let bench = Workbench::with(&format!("{ACCOUNT}{CHAIN}"));
    bench.applies();
    bench.nothing_is_orphaned();
    for ty in ["Microsoft.ManagedIdentity/userAssignedIdentities", "Microsoft.Network/virtualNetworks"] {
        let marked = bench.world().into_values().filter(|r| r["kind"] == ty).collect::<Vec<_>>();
        assert_eq!(marked[0]["body"]["tags"]["lazuli_lineage"], LINEAGE, "{ty}");
    }
    std::fs::remove_file(bench.path("lazuli.state")).unwrap();
    let (ran, sent) = bench.sent_by(|bench| bench.does("apply --auto-approve"));
    assert!(sent.is_empty(), "{ran}{sent:?}");
    bench.is_settled();
    bench.nothing_is_orphaned();
}

#[test]
fn what_is_imported_is_not_touched_for_the_sake_of_the_mark() {
    let table = "resource \"table\" {\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  resource_group = \"rg\"\n  \
                 location = \"eastus2\"\n  name = \"theirs\"\n  tags = { team = \"a\" }\n}\n";
    let bench = Workbench::with(&format!("{ACCOUNT}{table}"));
    bench.does("plan"); // makes the world
    let id = format!("{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/routeTables/theirs");
    let body = serde_json::json!({"location": "eastus2", "tags": {"team": "a"}, "properties": {}});
    cloud::make(&bench, &id, NETWORK, &body);
    let import = format!("import {{\n  to = resource.table\n  id = \"{id}\"\n}}\n");
    bench.write("main.hcl", &format!("{ACCOUNT}{table}{import}"));
    let (_, sent) = bench.sent_by(|bench| bench.does("apply --auto-approve"));
    assert!(sent.is_empty(), "{sent:?}");
    bench.is_settled();
    bench.write("main.hcl", &format!("{ACCOUNT}{table}"));
    bench.is_settled();
    bench.write("main.hcl", &format!("{ACCOUNT}{}{}", table.replace("\"table\"", "\"desk\""), MOVED));
    bench.does("apply --auto-approve");
    assert!(bench.world().into_values().all(|r| r["body"]["tags"]["lazuli_lineage"].is_null()));
}

const MOVED: &str = "moved {\n  from = resource.table\n  to = resource.desk\n}\n";

#[test]
fn a_name_that_changes_replaces_a_resource_and_what_lies_below_it() {
    let bench = Workbench::with(&format!("{ACCOUNT}{CHAIN}"));
    bench.applies();
    bench.edit("main.hcl", "\"net\"", "\"net2\"");
    told("renamed_plan", bench.does("plan"));
    bench.applies();
    bench.is_settled();
    assert!(bench.existing("Microsoft.Network/virtualNetworks").iter().all(|id| id.ends_with("/net2")));
}

#[test]
fn data_is_read_and_used_and_its_absence_is_an_error() {
    let data = r#"
data "net" {
  type           = "Microsoft.Network/virtualNetworks@2025-05-01"
  cloud_account  = cloud_account.sandbox
  resource_group = "rg"
  name           = "hub"
}

resource "subnet" {
  type       = "Microsoft.Network/virtualNetworks/subnets@2025-05-01"
  cloud_account = cloud_account.sandbox
  parent_id  = data.net.id
  name       = "one"
  properties = { addressPrefix = cidrsubnet(data.net.properties.addressSpace.addressPrefixes[0], 8, 1) }
}
"#;
    let bench = Workbench::with(&format!("{ACCOUNT}{data}"));
    let absent = bench.run("plan");
    assert_eq!(absent.status, Some(1));
    told("data_absent", absent);
    assert!(bench.sent().is_empty());

    let account =
        ACCOUNT.replace("profile = \"instant\"", "profile = \"instant\"\n    seed_world = \"azure.json\"");
    bench.write("main.hcl", &format!("{account}{data}"));
    bench.write(
        "azure.json",
        r#"{"resources": [{"id": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/hub",
            "api_version": "2025-05-01", "body": {"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}}}}]}"#,
    );
    told("data_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["PUT subnets/one"]);
    bench.is_settled();
}

#[test]
fn what_triggers_a_replacement_and_what_must_hold_before_and_after() {
    let table = |label: &str, name: &str, more: &str| {
        format!(
            "resource \"{label}\" {{\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  resource_group = \"rg\"\n  \
             location = \"eastus2\"\n  name = \"{name}\"\n  {more}\n}}\n"
        )
    };
    let config = |tag: &str, other: &str, rules: &str| {
        format!(
            "{ACCOUNT}{}{}{}{}",
            table("base", "base", &format!("tags = {{ a = \"{tag}\", b = \"{other}\" }}\n  {rules}")),
            table("any", "any", "lifecycle {\n    replace_triggered_by = [resource.base]\n  }"),
            table("one", "one", "lifecycle {\n    replace_triggered_by = [resource.base.tags.a]\n  }"),
            table("after", "after", "tags = { base = resource.base.id }"),
        )
    };
    let bench = Workbench::with(&config("1", "1", ""));
    bench.applies();
    bench.write("main.hcl", &config("1", "2", ""));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["DELETE routeTables/any", "PUT routeTables/any", "PUT routeTables/base"]);
    bench.is_settled();
    bench.write("main.hcl", &config("2", "2", ""));
    told("triggered_plan", bench.does("plan"));
    bench.applies();
    bench.is_settled();

    let rules = |etag: &str| {
        format!(
            "lifecycle {{\n    precondition {{\n      condition     = length(\"x\") == 1\n      error_message = \"Never.\"\n    }}\n    \
             postcondition {{\n      condition     = self.etag {etag}\n      error_message = \"The tag is ${{self.etag}}.\"\n    }}\n  }}"
        )
    };
    bench.write("main.hcl", &config("2", "2", &rules("!= \"\"")));
    bench.is_settled();
    bench.write("main.hcl", &config("2", "2", &rules("== \"\"")));
    let refused = bench.run("plan");
    assert_eq!((refused.status, refused.stderr.matches("error[LZ0212]").count()), (Some(1), 1), "{refused}");
    // What comes of a change is known only afterwards: what depends on it is not made, and the run fails.
    bench.write(
        "main.hcl",
        &config("3", "2", &rules("== \"\"")).replace("base = resource", "again = resource"),
    );
    let (ran, sent) = bench.sent_by(|bench| bench.run("apply --auto-approve"));
    assert_eq!(ran.status, Some(1), "{ran}");
    assert!(!sent.contains(&"PUT routeTables/after".to_owned()), "{sent:?}");
}
