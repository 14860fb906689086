//! The certificate authorities of a cluster that lives are rotated step by step.

use std::collections::BTreeSet;

use crate::stage::{applies_gently_with, cluster, look};
use crate::workbench::Workbench;

/// One step of a rotation.
fn step(bench: &Workbench, authority: &str) {
    applies_gently_with(bench, &format!("apply --auto-approve --replace cluster.kube.pki.{authority}"));
    bench.is_settled();
}

#[test]
fn the_cluster_authority_is_rotated_while_everybody_trusts_everybody() {
    let bench = cluster();
    let all = || look(&bench).nodes("cp").into_iter().chain(look(&bench).nodes("w")).collect::<BTreeSet<_>>();
    let mut before = all();
    let plan = bench.does("plan --replace cluster.kube.pki.cluster_ca");
    assert!(plan.stderr.contains("LZ1018") && plan.stderr.contains("step 1 of 3"), "{plan}");
    for _ in 1..=3 {
        step(&bench, "cluster_ca");
        let after = all();
        assert!(after.len() == 6 && after.is_disjoint(&before), "{before:?}, {after:?}");
        before = after;
    }
    bench.nothing_is_orphaned();
    assert!(!bench.text("lazuli.state").contains("PRIVATE KEY"), "a key is in clear text");
}
