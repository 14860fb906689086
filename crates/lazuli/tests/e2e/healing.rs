//! Nodes that fail by themselves, `cluster check` that says so, and `cluster repair` that replaces them.

use lazuli_simulator::WorldFile;
use serde_json::json;

use crate::cloud;
use crate::workbench::Workbench;

const COMPUTE: &str = "2025-04-01";

/// The machine of a node, and its name.
fn machine(bench: &Workbench, node: &str) -> (String, String) {
    let id = bench.recorded()[&format!("cluster.quickstart.{node}.vm")].clone();
    let name = id.rsplit('/').next().unwrap().to_owned();
    (id, name)
}

/// Everything is well, and nothing is to be done.
fn is_well(bench: &Workbench) {
    let check = bench.run("cluster check quickstart");
    assert_eq!(check.status, Some(0), "{check}");
    assert!(check.stdout.contains("6 of 6 ready"), "{check}");
    assert!(check.stdout.contains("3 of 3 members healthy"), "{check}");
    let repair = bench.does("cluster repair quickstart --auto-approve");
    assert!(format!("{repair}").contains("Nothing of quickstart has failed"), "{repair}");
    bench.nothing_is_orphaned();
    bench.is_settled();
}

/// What `cluster check` and `cluster repair` say of a node that has failed, and that it is replaced, and it alone.
fn is_repaired(bench: &Workbench, node: &str, name: &str, complaint: &str, reason: &str) {
    let before = bench.existing("Microsoft.Compute/virtualMachines");
    let check = bench.run("cluster check quickstart");
    assert_eq!(check.status, Some(1), "{check}");
    assert!(check.stdout.contains(&format!("{name} {complaint}")), "{check}");

    let repair = bench.does("cluster repair quickstart --auto-approve");
    assert!(format!("{repair}").contains(reason), "{repair}");
    let (_, new) = machine(bench, node);
    assert_ne!(new, name, "a node's name never comes back");
    let after = bench.existing("Microsoft.Compute/virtualMachines");
    assert_eq!(after.len(), 6);
    let is_new = |id: &&String| !before.contains(id);
    assert_eq!(after.iter().filter(is_new).count(), 1, "{before:#?}\n{after:#?}");
    is_well(bench);
}

#[test]
fn nodes_whose_machines_were_deleted_are_told_and_replaced() {
    let bench = Workbench::example("quickstart");
    bench.applies();
    is_well(&bench);
    for node in ["worker_pool[\"general\"].node[\"2\"]", "control_plane.node[\"1\"]"] {
        let (id, name) = machine(&bench, node);
        cloud::delete(&bench, &id, COMPUTE);
        is_repaired(&bench, node, &name, "is not in the cluster", "it is not in the cluster");
    }
}

/// Lets ten minutes go by since nodes have last become ready, or ceased to be.
fn ten_minutes_pass(bench: &Workbench) {
    let copy = bench.world_copy();
    let (file, world) = WorldFile::open(&copy, || panic!("there is no world")).unwrap();
    drop(file);
    let mut world = json!({ "world": serde_json::to_value(&world).unwrap() });
    let then = time::OffsetDateTime::now_utc() - time::Duration::minutes(10);
    let then = then.replace_nanosecond(0).unwrap().format(&time::format_description::well_known::Rfc3339);
    let then = json!(then.unwrap());
    for cluster in world["world"]["clusters"].as_object_mut().unwrap().values_mut() {
        for node in cluster["store"]["objects"]["v1/nodes"].as_array_mut().unwrap() {
            for condition in node["status"]["conditions"].as_array_mut().unwrap() {
                condition["lastTransitionTime"] = then.clone();
            }
        }
    }
    std::fs::write(&copy, format!("{world}\n")).unwrap();
    bench.put_world(&copy);
}

#[test]
fn nodes_that_have_been_silent_for_long_are_told_and_replaced() {
    let bench = Workbench::example("quickstart");
    bench.applies();
    for node in ["worker_pool[\"general\"].node[\"3\"]", "control_plane.node[\"2\"]"] {
        let (id, name) = machine(&bench, node);
        cloud::switch_off(&bench, &id, COMPUTE);
        // It may come back by itself: only after a while it counts as failed.
        let check = bench.run("cluster check quickstart");
        assert!(check.status == Some(1) && check.stdout.contains("has not been ready for"), "{check}");
        let repair = bench.does("cluster repair quickstart --auto-approve");
        assert!(format!("{repair}").contains("Nothing of quickstart has failed"), "{repair}");

        ten_minutes_pass(&bench);
        is_repaired(&bench, node, &name, "has not been ready for", "it is out of order");
    }
}

#[test]
fn a_repair_leaves_healthy_nodes_and_everything_that_is_pending_as_they_are() {
    let bench = Workbench::example("quickstart");
    bench.does("apply --auto-approve --var workers=4");
    let before = bench.existing("Microsoft.Compute/virtualMachines");
    let (id, name) = machine(&bench, "worker_pool[\"general\"].node[\"1\"]");
    cloud::delete(&bench, &id, COMPUTE);
    let recorded = bench.recorded();
    let group = recorded.values().find(|id| id.contains("/networkSecurityGroups/")).unwrap().clone();
    cloud::change(&bench, &group, "2025-05-01", |body| {
        body["properties"]["securityRules"][0]["properties"]["sourceAddressPrefix"] = json!("203.0.113.0/24");
    });
    let drifted = bench.world()[&group.to_lowercase()].clone();

    // The configuration wants three workers, or six: neither is what a repair is for.
    let six = bench.run("cluster repair --var workers=6");
    assert!(format!("{six}").contains("other changes are pending and left out"), "{six}");
    assert!(!six.stdout.contains("node 5") && !six.stdout.contains("node[\"5\"]"), "{six}");
    let repair = bench.does("cluster repair --auto-approve");
    assert!(format!("{repair}").contains("other changes are pending and left out"), "{repair}");
    let (_, new) = machine(&bench, "worker_pool[\"general\"].node[\"1\"]");
    assert_ne!(new, name);
    let after = bench.existing("Microsoft.Compute/virtualMachines");
    assert_eq!(after.len(), before.len(), "{repair}");
    assert_eq!(after.iter().filter(|id| !before.contains(id)).count(), 1, "{repair}");
    assert_eq!(
        bench.world()[&group.to_lowercase()],
        drifted,
        "what somebody changed is not set back: {repair}"
    );

    // One that has no place in the configuration any more is told, and not replaced.
    let (id, _) = machine(&bench, "worker_pool[\"general\"].node[\"4\"]");
    cloud::delete(&bench, &id, COMPUTE);
    let repair = bench.does("cluster repair --auto-approve");
    assert!(format!("{repair}").contains("has no place for it any more"), "{repair}");
    bench.applies();
    is_well(&bench);
}

#[test]
fn so_many_failures_at_once_are_not_taken_for_failures_of_nodes() {
    let bench = Workbench::example("quickstart");
    bench.applies();
    for node in ["worker_pool[\"general\"].node[\"1\"]", "worker_pool[\"general\"].node[\"3\"]"] {
        cloud::delete(&bench, &machine(&bench, node).0, COMPUTE);
    }
    let before = bench.existing("Microsoft.Compute/virtualMachines");
    let refused = bench.run("cluster repair quickstart --auto-approve");
    assert_eq!(refused.status, Some(1), "{refused}");
    let words = "error[LZ3052]: 2 of 3 nodes of cluster.quickstart.worker_pool[\"general\"] have failed, more than \
                 health_check.max_unhealthy allows";
    assert!(refused.stderr.contains(words), "{refused}");
    assert_eq!(bench.existing("Microsoft.Compute/virtualMachines"), before);

    // Whoever knows better says so.
    let profile = "  profile        = cluster_profile.base\n";
    let most = "  health_check {\n    max_unhealthy = 2\n  }\n";
    bench.edit("main.hcl", profile, &format!("{profile}{most}"));
    bench.does("cluster repair quickstart --auto-approve");
    is_well(&bench);
}
