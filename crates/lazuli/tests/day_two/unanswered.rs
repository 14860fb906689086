//! A cluster that does not answer: what can be planned all the same, and what must not.

use serde_json::json;

use crate::cloud;
use crate::stage::{add, cluster, look};
use crate::workbench::Workbench;

const NETWORK: &str = "2025-05-01";

/// Somebody takes the rules of the load balancer away: nobody gets to the API any more.
fn cut_off(bench: &Workbench) {
    let balancer = bench.recorded()["cluster.kube.api_server.load_balancer"].clone();
    cloud::change(bench, &balancer, NETWORK, |body| body["properties"]["loadBalancingRules"] = json!([]));
}

#[test]
fn a_cluster_that_does_not_answer_is_planned_as_recorded_and_comes_back_with_what_it_has_in_azure() {
    let bench = cluster();
    cut_off(&bench);
    let plan = bench.run("plan --detailed-exitcode");
    assert_eq!(plan.status, Some(2), "{plan}");
    assert!(plan.stderr.contains("LZ3053") && plan.stderr.contains("cluster.kube does not answer"), "{plan}");
    assert!(plan.stderr.contains("nothing in this plan is done inside of it"), "{plan}");
    assert!(plan.stdout.contains("Plan: 0 to add, 1 to change, 0 to destroy."), "{plan}");

    // What has nothing to do with it goes on: another resource, however it is asked for.
    let table = "resource \"table\" {\n  type = \"Microsoft.Network/routeTables@2025-05-01\"\n  cloud_account = \
                 cloud_account.sandbox\n  resource_group = \"rg\"\n  location = \"eastus2\"\n  name = \"table\"\n}\n";
    bench.write("table.hcl", table);
    bench.does("apply --auto-approve --target resource.table");

    let repaired = bench.does("cluster repair --auto-approve");
    assert!(repaired.stderr.contains("does not answer"), "{repaired}");
    bench.is_settled();
    assert_eq!(look(&bench).nodes("w").len(), 3);
}

#[test]
fn no_machine_goes_while_nobody_knows_how_its_node_is_and_steps_inside_say_so_beforehand() {
    let bench = cluster();
    cut_off(&bench);
    add(&bench, "cluster", "namespace \"team-a\" {\n  }");
    let plan = bench.run("plan --detailed-exitcode");
    assert_eq!(plan.status, Some(2), "{plan}");
    assert!(plan.stderr.contains("1 step of this plan is done inside of it"), "{plan}");

    bench.edit(
        "main.hcl",
        "count         = 3\n    instance_type = \"Standard_D8s_v5\"",
        "count         = 2\n    instance_type = \"Standard_D8s_v5\"",
    );
    let before = bench.bytes("lazuli.state");
    let refused = bench.run("apply --auto-approve");
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(
        refused.stderr.contains("LZ3053") && refused.stderr.contains("would go while nobody knows"),
        "{refused}"
    );
    assert!(refused.stderr.contains("worker_pool[\"w\"].node[\"3\"].vm"), "{refused}");
    assert_eq!(before, bench.bytes("lazuli.state"));

    // What the message says to do.
    let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("--exclude cluster.kube.control_plane --exclude cluster.kube.worker_pool"),
        "{refused}"
    );
    bench
        .does("apply --auto-approve --exclude cluster.kube.control_plane --exclude cluster.kube.worker_pool");
    bench.applies();
    assert_eq!(look(&bench).nodes("w").len(), 2);
    bench.is_settled();
}

#[test]
fn a_step_inside_of_a_cluster_that_is_still_away_fails_with_the_reason_and_the_others_are_done() {
    let bench = cluster();
    for number in 1..=3 {
        let machine = bench.recorded()[&format!("cluster.kube.control_plane.node[\"{number}\"].vm")].clone();
        cloud::delete(&bench, &machine, "2025-04-01");
    }
    bench.edit("main.hcl", "worker_pool \"w\" {", "tags = { team = \"platform\" }\n  worker_pool \"w\" {");
    let plan = bench.does("plan");
    assert!(plan.stderr.contains("LZ3053"), "{plan}");
    let ran = bench.run("apply --auto-approve");
    assert_eq!(ran.status, Some(1), "{ran}");
    assert!(ran.stdout.contains("ClusterUnreachable") || ran.stderr.contains("ClusterUnreachable"), "{ran}");
    let network = bench.recorded()["cluster.kube.network.virtual_network"].to_lowercase();
    assert_eq!(bench.world()[&network]["body"]["tags"]["team"], "platform", "{ran}");
    // Nothing of the old cluster is left over when it is given up.
    bench.does("destroy --auto-approve");
    assert!(bench.recorded().is_empty());
}
