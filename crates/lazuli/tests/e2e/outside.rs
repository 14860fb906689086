//! The world changed behind Lazuli's back.

use serde_json::json;

use crate::cloud;
use crate::configurations::SMALL;
use crate::workbench::{SUBSCRIPTION, Workbench, told};

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
    });
    told("drift_plan", bench.does("plan"));
    let (_, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, ["PUT networkSecurityGroups/small-cp-nsg"]);
    let world = bench.world();
    let group = &world[&group.to_lowercase()]["body"];
    assert_eq!(group["properties"]["securityRules"][0]["properties"]["sourceAddressPrefix"], "*");
    assert_eq!(group["tags"]["inspected"], "yes", "somebody else's tag");
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
