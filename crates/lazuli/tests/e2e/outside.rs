//! The world changed behind Lazuli's back.

use serde_json::{Value as Json, json};

use crate::cloud;
use crate::configurations::{ACCOUNT, SMALL};
use crate::workbench::{LINEAGE, SUBSCRIPTION, Workbench, told};

const COMPUTE: &str = "2025-04-01";
const NETWORK: &str = "2025-05-01";

#[test]
fn a_machine_that_was_deleted_is_told_as_such_and_made_again() {
    let bench = Workbench::example("quickstart");
    bench.applies();
    let address = "cluster.quickstart.worker_pool[\"general\"].node[\"2\"].vm";
    let gone = bench.recorded()[address].clone();
    cloud::delete(&bench, &gone, COMPUTE);
    told("machine_gone_plan", bench.does("plan"));

    bench.applies();
    let new = bench.recorded()[address].clone();
    assert_ne!(gone, new, "a node's name never comes back");
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 6);
    bench.is_settled();
}

#[test]
fn what_somebody_changed_is_set_back_and_what_is_not_ours_is_left_alone() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let group = bench.recorded()["cluster.small.network.control_plane_nsg"].clone();
    cloud::change(&bench, &group, NETWORK, |body| {
        body["properties"]["securityRules"][0]["properties"]["sourceAddressPrefix"] = json!("203.0.113.0/24");
        body["tags"]["inspected"] = json!("yes");
        let mut ssh = body["properties"]["securityRules"][0].clone();
        ssh["name"] = json!("allow_ssh");
        ssh["properties"]["destinationPortRange"] = json!("22");
        ssh["properties"]["priority"] = json!(4000);
        for written in ["id", "etag"] {
            ssh.as_object_mut().unwrap().remove(written);
        }
        body["properties"]["securityRules"].as_array_mut().unwrap().push(ssh);
    });
    told("drift_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["PUT networkSecurityGroups/small-cp-nsg"]);
    let world = bench.world();
    let group = &world[&group.to_lowercase()]["body"];
    assert_eq!(group["properties"]["securityRules"][0]["properties"]["sourceAddressPrefix"], "*");
    assert_eq!(group["tags"]["inspected"], "yes", "somebody else's tag");
    assert_eq!(group["properties"]["securityRules"][1]["name"], "allow_ssh", "somebody else's rule");
    bench.is_settled();
}

#[test]
fn other_peoples_objects_survive_everything() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    let id =
        format!("{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/theirs");
    cloud::make(&bench, &id, NETWORK, &json!({"location": "eastus2", "properties": {"securityRules": []}}));
    assert_eq!(bench.run("plan --detailed-exitcode").status, Some(0));
    bench.does("destroy --auto-approve");
    assert_eq!(bench.existing("Microsoft.Network/networkSecurityGroups"), [id]);
}

#[test]
fn an_object_of_somebody_else_under_a_planned_name_is_refused() {
    let bench = Workbench::with(SMALL);
    bench.does("plan"); // makes the world
    let id = format!(
        "{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/small-cp-nsg"
    );
    cloud::make(&bench, &id, NETWORK, &json!({"location": "eastus2", "properties": {"securityRules": []}}));
    let refused = bench.run("plan");
    assert_eq!(refused.status, Some(1), "{refused}");
    told("foreign_object", refused);
    assert_eq!(bench.run("apply --auto-approve").status, Some(1));
    assert!(bench.sent().is_empty());
}

#[test]
fn what_was_deleted_changed_outside_and_changed_here_is_told_apart() {
    let table = |name: &str, mark: &str, more: &str| {
        format!(
            "resource \"{name}\" {{\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  resource_group = \"rg\"\n  \
             location = \"eastus2\"\n  name = \"{name}\"\n  tags = {{ mark = \"{mark}\", team = \"a\"{more} }}\n}}\n"
        )
    };
    let config = |one: &str| {
        format!("{ACCOUNT}{}{}{}", table("one", one, ""), table("two", "a", ""), table("three", "a", ""))
    };
    let bench = Workbench::with(&config("a"));
    bench.applies();
    let ids = bench.recorded();
    cloud::change(&bench, &ids["resource.one"], NETWORK, |body| {
        body["tags"]["mark"] = json!("theirs");
        body["tags"]["team"] = json!("b");
    });
    cloud::change(&bench, &ids["resource.two"], NETWORK, |body| body["tags"]["mark"] = json!("theirs"));
    cloud::delete(&bench, &ids["resource.three"], NETWORK);
    let left = format!("{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/routeTables/four");
    let body =
        json!({"location": "eastus2", "tags": {"mark": "left", "lazuli_lineage": LINEAGE}, "properties": {}});
    cloud::make(&bench, &left, NETWORK, &body);
    bench.write("main.hcl", &format!("{}{}", config("b"), table("four", "a", "")));
    told("three_sides_plan", bench.does("plan --out sides.plan"));
    let shown = bench.does("show sides.plan --json").document();
    let sides: Vec<Json> = shown["resource_changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| json!([c["address"], c["change"]["actions"], c["x_reason"], c["x_paths"]]))
        .collect();
    told("three_sides_json", serde_json::to_string_pretty(&sides).unwrap() + "\n");
    told("three_sides_drift_json", serde_json::to_string_pretty(&shown["resource_drift"]).unwrap() + "\n");
    bench.applies();
    bench.is_settled();
}
