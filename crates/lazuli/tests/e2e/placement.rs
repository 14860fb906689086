//! Clusters in a network of somebody else's, and clusters with several pools.

use serde_json::Value as Json;

use crate::workbench::{Workbench, told};

#[test]
fn an_existing_network_is_only_ever_read() {
    let bench = Workbench::example("static-placement");
    told("static_placement_plan", bench.does("plan"));
    let network = |bench: &Workbench| -> Vec<(String, Json)> {
        bench.world().into_iter().filter(|(id, _)| id.contains("/resourcegroups/rg-net")).collect()
    };
    let before = network(&bench);
    assert_eq!(before.len(), 5, "a group, two security groups, a route table, a network");
    told("static_placement_apply", bench.applies());
    bench.is_settled();
    assert_eq!(bench.does("output network").stdout.trim(), "[\"10.80.0.0/16\"]");
    let table = network(&bench).into_iter().find(|(id, _)| id.contains("/routetables/")).unwrap().1;
    let routes = table["body"]["properties"]["routes"].as_array().unwrap().len();
    assert_eq!(routes, 3, "the cloud provider writes one for each node");
    bench.does("destroy --auto-approve");

    // The nodes' identity gets a role over there; that is all that is ever written.
    let is_network = |path: &String| {
        path.contains("/rg-net/") && !path.contains("/Microsoft.Authorization/roleAssignments/")
    };
    let written: Vec<String> = bench.sent().iter().map(|s| s.path.clone()).filter(is_network).collect();
    assert!(written.is_empty(), "{written:?}");
    let bodies = |resources: Vec<(String, Json)>| -> Vec<Json> {
        // Routes to pods are written by the cloud provider in the cluster.
        let theirs = resources.into_iter().filter(|(id, _)| !id.contains("/routetables/"));
        theirs.map(|(_, r)| r["body"].clone()).collect()
    };
    assert_eq!(bodies(before), bodies(network(&bench)));
}

#[test]
fn two_pools_and_a_storage_account_beside_them() {
    let bench = Workbench::example("two-pools");
    told("two_pools_plan", bench.does("plan"));
    told("two_pools_apply", bench.applies());
    bench.is_settled();
    let machines = bench.world().into_values().filter(|r| r["kind"] == "Microsoft.Compute/virtualMachines");
    let batch: Vec<Json> = machines.filter(|r| r["id"].as_str().unwrap().contains("-batch-")).collect();
    assert_eq!(batch.len(), 3);
    for machine in batch {
        assert_ne!(machine["body"]["zones"][0], "3", "zones of the pool are 1 and 2");
        assert_eq!(machine["body"]["properties"]["priority"], "Spot");
    }
    bench.does("destroy --auto-approve");
    assert_eq!(bench.existing("Microsoft.Storage/storageAccounts"), Vec::<String>::new());
}
