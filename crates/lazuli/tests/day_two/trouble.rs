//! Rollouts that meet a failure pause with the old nodes kept, and go on when the reason is gone.

use crate::stage::{add, applies_gently, cluster, look};

#[test]
fn a_drain_that_a_budget_blocks_names_the_budget_keeps_the_node_and_goes_on_later() {
    let bench = cluster();
    bench.edit("web.yaml", "minAvailable: 3", "minAvailable: 4");
    add(&bench, "pool", "update {\n      drain_timeout = \"1s\"\n    }");
    bench.edit("main.hcl", "Standard_D8s_v5", "Standard_D16s_v5");
    let ran = bench.run("apply --auto-approve");
    assert_eq!(ran.status, Some(1), "{ran}");
    assert!(ran.stderr.contains("DrainTimeout") && ran.stderr.contains("disruption budget web"), "{ran}");

    let insides = look(&bench);
    assert_eq!(insides.nodes("w").len(), 4, "the new one beside the old ones");
    let cordoned = insides.all("v1/nodes").into_iter().filter(|node| node["spec"]["unschedulable"] == true);
    assert_eq!(cordoned.count(), 1, "the node that was being drained");
    bench.edit("web.yaml", "minAvailable: 4", "minAvailable: 3");
    bench.edit("main.hcl", "drain_timeout = \"1s\"", "drain_timeout = \"10m\"");
    applies_gently(&bench);
    assert_eq!(look(&bench).nodes("w").len(), 3);
    bench.nothing_is_orphaned();
    bench.is_settled();
}

#[test]
fn a_new_node_that_cannot_join_leaves_the_old_ones_alone_and_its_boot_log_is_shown() {
    let bench = cluster();
    let before = look(&bench).nodes("w");
    add(&bench, "pool", "pre_bootstrap_commands = [\"false\"]");
    let ran = bench.run("apply --auto-approve");
    assert_eq!(ran.status, Some(1), "{ran}");
    assert!(ran.stdout.contains("ended with status 1"), "the end of the boot log is missing: {ran}");
    assert!(
        !ran.stdout.contains("ci-info"),
        "what a machine says when it has booted tells nobody anything: {ran}"
    );
    assert_eq!(look(&bench).nodes("w"), before);

    bench.edit("main.hcl", "[\"false\"]", "[\"true\"]");
    applies_gently(&bench);
    let after = look(&bench).nodes("w");
    assert!(after.len() == 3 && before.iter().all(|node| !after.contains(node)), "{after:?}");
    bench.is_settled();
}
