//! The end of clusters.

use crate::stage::cluster;
use crate::workbench::Workbench;

fn leaves_nothing(bench: &Workbench) {
    bench.does("destroy --auto-approve");
    let left: Vec<String> =
        bench.world().into_keys().filter(|id| id.contains("/resourcegroups/rg/")).collect();
    assert_eq!(left, Vec::<String>::new());
    assert!(bench.recorded().is_empty());
}

#[test]
fn destroy_leaves_nothing_in_the_resource_group() {
    leaves_nothing(&cluster());
}

#[test]
fn destroy_does_not_need_a_kubernetes_that_answers() {
    let bench = cluster();
    for slot in ["1", "2", "3"] {
        let vm = bench.recorded()[&format!("cluster.kube.control_plane.node[\"{slot}\"].vm")].clone();
        crate::cloud::delete(&bench, &vm, "2025-04-01");
    }
    leaves_nothing(&bench);
}

#[test]
fn a_cluster_is_not_replaced_as_a_whole() {
    let bench = cluster();
    let ran = bench.run_with(&["plan", "--replace", "cluster.kube"]);
    assert_eq!(ran.status, Some(1), "{ran}");
    assert!(ran.stderr.contains("LZ1017") && ran.stderr.contains("--replace cluster.kube.pki"), "{ran}");
}
