//! Azure refuses or fails half-way: what exists is told, and a second apply finishes.

use serde_json::{Value as Json, json};

use crate::configurations::SMALL;
use crate::workbench::{Workbench, told};

#[test]
fn a_machine_that_finds_no_capacity_is_reported_and_made_by_the_next_apply() {
    let mut bench = Workbench::example("quickstart");
    bench.faults(&json!([{
        "method": "PUT", "path": "/virtualMachines/quickstart-general-2-", "times": 1,
        "answer": {"operation_fails": {
            "code": "ZonalAllocationFailed",
            "message": "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone.",
        }},
    }]));
    let failed = bench.run("apply --auto-approve");
    assert_eq!(failed.status, Some(1));
    told("no_capacity", &failed);
    // registrations, interfaces and machines of three nodes, one machine unfinished; members of two
    assert_eq!(bench.recorded().keys().filter(|address| address.contains("general")).count(), 9 + 2);

    told("no_capacity_plan", bench.does("plan"));
    bench.applies();
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 6);
    bench.is_settled();
}

/// A cluster in an Azure whose conditions are written down, and can be written down anew.
fn in_conditions(configuration: &str, conditions: &Json) -> Workbench {
    let profile = "profile = \"instant\"";
    assert!(configuration.contains(profile));
    let bench = Workbench::with(&configuration.replacen(
        profile,
        "profile    = \"instant\"\n    seed_world = \"azure.json\"",
        1,
    ));
    set_conditions(&bench, conditions);
    bench
}

fn set_conditions(bench: &Workbench, conditions: &Json) {
    bench.write("azure.json", &json!({ "conditions": conditions }).to_string());
}

#[test]
fn room_that_runs_out_is_a_true_error_with_a_next_step_and_made_up_for_once_there_is_some() {
    let room = |machines: u64, constrained: u64, told: &str| json!({ "capacity": [{ "location": "eastus2", "machines": machines, "constrained": constrained, "told": told }] });
    let size = "    instance_type = \"Standard_D8s_v5\"";
    assert!(SMALL.contains(size));
    let spot = SMALL.replacen(size, &format!("{size}\n    spot {{\n      max_price = -1\n    }}"), 1);
    for (configuration, conditions, code, azure) in [
        (SMALL, room(1, 9, "later"), "LZ2107", "ZonalAllocationFailed"),
        (SMALL, room(1, 9, "at_once"), "LZ2107", "ZonalAllocationFailed"),
        (spot.as_str(), room(9, 0, "later"), "LZ2107", "OverconstrainedZonalAllocationRequest"),
        (SMALL, room(1, 9, "as_sku"), "LZ2108", "SkuNotAvailable"),
    ] {
        let bench = in_conditions(configuration, &conditions);
        let failed = bench.run("apply --auto-approve");
        assert_eq!(failed.status, Some(1), "{failed}");
        assert!(failed.stdout.contains(code) && failed.stdout.contains(azure), "{code} {azure}: {failed}");
        set_conditions(&bench, &room(9, 9, "later"));
        bench.applies();
        bench.is_settled();
    }
}

#[test]
fn a_network_provider_that_asks_to_come_again_is_asked_again() {
    let bench = in_conditions(SMALL, &json!({ "network_operations": 1 }));
    bench.applies();
    bench.is_settled();
}

#[test]
fn a_refusal_stops_what_depends_on_it_and_nothing_else() {
    let mut bench = Workbench::with(SMALL);
    bench.faults(&json!([{
        "method": "PUT", "path": "/natGateways/", "times": 1,
        "answer": {"status": 409, "code": "QuotaExceeded", "message": "No more NAT gateways."},
    }]));
    let failed = bench.run("apply --auto-approve");
    assert_eq!(failed.status, Some(1));
    told("refused", &failed);
    bench.applies();
    bench.is_settled();
}

#[test]
fn a_lost_answer_is_resolved_by_reading() {
    for (answer, path) in [
        ("drop_after_accept", "/natGateways/"),
        ("drop_after_accept", "/virtualMachines/small-general"),
        ("drop_after_accept", "/roleAssignments/"),
        ("drop_after_accept", "/virtualNetworks/small-vnet/subnets/small-cp"),
        ("drop_before_accept", "/virtualMachines/small-general"),
        ("drop_before_accept", "/networkInterfaces/small-cp"),
    ] {
        let mut bench = Workbench::with(SMALL);
        bench.faults(&json!([{"method": "PUT", "path": path, "times": 1, "answer": answer}]));
        let ran = bench.run("apply --auto-approve");
        assert!(matches!(ran.status, Some(0 | 1)), "{answer} {path}: {ran}");
        if ran.status == Some(1) {
            told(&format!("{answer}{}", path.replace('/', "_")), &ran);
            bench.applies();
        }
        assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 2, "{answer} {path}");
        bench.is_settled();
    }
}

#[test]
fn throttling_is_waited_for() {
    let mut bench = Workbench::with(SMALL);
    bench.faults(&json!([{"method": "PUT", "path": "/Microsoft.Network/", "times": 3, "answer": {"throttle": {"retry_after": 5}}}]));
    bench.applies();
    bench.is_settled();
}

#[test]
fn a_deletion_that_fails_leaves_the_object_recorded() {
    let mut bench = Workbench::with(SMALL);
    bench.applies();
    bench.faults(&json!([{
        "method": "DELETE", "path": "/natGateways/", "times": 1,
        "answer": {"status": 409, "code": "Conflict", "message": "Somebody holds on to it."},
    }]));
    let failed = bench.run("destroy --auto-approve");
    assert_eq!(failed.status, Some(1));
    told("deletion_failed", &failed);
    bench.nothing_is_orphaned();
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1);
}

#[test]
fn a_replacement_that_fails_half_way_is_finished_without_leftovers() {
    let address = "cluster.small.worker_pool[\"general\"].node[\"1\"]";
    // The network interface goes with its machine.
    for (method, path) in [("PUT", "/virtualMachines/"), ("DELETE", "/virtualMachines/")] {
        let mut bench = Workbench::with(SMALL);
        bench.applies();
        bench.faults(&json!([{
            "method": method, "path": path, "times": 1,
            "answer": {"operation_fails": {"code": "InternalServerError", "message": "Try again."}},
        }]));
        let failed = bench.run_with(&["apply", "--auto-approve", "--replace", address]);
        assert_eq!(failed.status, Some(1), "{method} {path}: {failed}");
        let next = bench.does("plan");
        told(
            &format!("replacement_{}", method.to_lowercase() + &path.replace('/', "_")),
            format!("{failed}\n{next}"),
        );
        bench.applies();
        assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 2, "{method} {path}");
        bench.is_settled();
    }
}

#[test]
fn a_refresh_that_is_refused_stops_before_anything_changes() {
    let mut bench = Workbench::with(SMALL);
    bench.applies();
    let before = (bench.sent().len(), bench.bytes("lazuli.state"));
    bench.edit(
        "main.hcl",
        "  worker_pool \"general\" {\n    count         = 1",
        "  worker_pool \"general\" {\n    count         = 2",
    );
    bench.faults(&json!([{
        "method": "GET", "path": "/natGateways",
        "answer": {"status": 403, "code": "AuthorizationFailed", "message": "The client does not have authorization to perform action 'Microsoft.Network/natGateways/read'."},
    }]));
    let refused = bench.run("apply --auto-approve");
    assert_eq!(refused.status, Some(1));
    told("refresh_refused", refused);
    assert_eq!(before, (bench.sent().len(), bench.bytes("lazuli.state")));
}

#[test]
fn a_replacement_whose_first_request_to_azure_is_lost_goes_on_with_the_new_node() {
    let address = "cluster.small.worker_pool[\"general\"].node[\"1\"]";
    let mut bench = Workbench::with(SMALL);
    bench.applies();
    bench.faults(&json!([{
        "method": "PUT", "path": "/networkInterfaces/", "times": 1, "answer": "drop_before_accept",
    }]));
    let lost = bench.run_with(&["apply", "--auto-approve", "--replace", address]);
    assert_eq!(lost.status, Some(1), "{lost}");
    told("replacement_lost_plan", bench.does("plan"));
    bench.applies();
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines").len(), 2);
    assert_eq!(bench.existing("Microsoft.Network/networkInterfaces").len(), 2);
    bench.is_settled();
}

#[test]
fn several_failures_of_one_cause_are_told_once() {
    let mut bench = Workbench::example("quickstart");
    bench.faults(&json!([{
        "method": "PUT", "path": "/virtualMachines/*-general-",
        "answer": {"status": 409, "code": "QuotaExceeded", "message": "The quota of this subscription is used up."},
    }]));
    let failed = bench.run("apply --auto-approve");
    assert_eq!(failed.status, Some(1));
    told("one_cause", &failed.stdout[failed.stdout.find("\nApplied ").unwrap()..]);
}

#[test]
fn a_step_whose_time_is_up_says_what_is_there() {
    let mut bench = Workbench::with(&format!(
        "{}\nresource \"nsg\" {{\n  type = \"Microsoft.Network/networkSecurityGroups@2025-05-01\"\n  resource_group = \"rg\"\n  location = \"eastus2\"\n  \
         name = \"nsg\"\n  properties = {{ securityRules = [] }}\n  timeouts {{\n    create = \"1s\"\n  }}\n}}\n",
        crate::configurations::ACCOUNT
    ));
    bench.faults(
        &json!([{ "method": "GET", "path": "/operations/", "answer": {"throttle": {"retry_after": 5}} }]),
    );
    bench.edit("main.hcl", "\"instant\"", "\"realistic\"");
    let failed = bench.run("apply --auto-approve");
    assert_eq!(failed.status, Some(1), "{failed}");
    told("time_is_up", &failed.stdout[failed.stdout.find("\nApplied ").unwrap()..]);
}

#[test]
fn a_connection_that_is_reset_on_the_wire_is_a_true_error_and_the_next_apply_goes_on() {
    for answer in ["reset_before_accept", "reset_after_accept"] {
        let mut bench = Workbench::with(SMALL);
        bench.faults(&json!([{ "method": "PUT", "path": "/natGateways/", "times": 1, "answer": answer }]));
        let first = bench.run("apply --auto-approve");
        if first.status != Some(0) {
            assert!(first.stdout.contains("ConnectionLost"), "{first}");
        }
        bench.faults(&json!([]));
        bench.applies();
        bench.is_settled();
    }
}
