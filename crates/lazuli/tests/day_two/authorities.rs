//! The certificate authorities of a cluster that lives are rotated step by step.

use std::collections::BTreeSet;

use crate::stage::{SOMEWHERE, applies_gently_with, ask, cluster, look, project};
use crate::workbench::Workbench;

fn rotate(authority: &str) -> String {
    format!("apply --auto-approve --replace cluster.kube.pki.{authority}")
}

/// What all API servers, or all members of etcd, sign with and trust.
fn all_alike(bench: &Workbench, authority: &str) -> (String, Vec<String>) {
    let mut different: BTreeSet<_> = look(bench).trust(authority).into_iter().collect();
    assert_eq!(different.len(), 1, "{different:?}");
    different.pop_first().unwrap()
}

fn nodes(bench: &Workbench, pools: &[&str]) -> BTreeSet<String> {
    let insides = look(bench);
    pools.iter().flat_map(|pool| insides.nodes(pool)).collect()
}

/// All three steps; nodes of `pools` are others after each of them, and those of no other pool.
fn rotates(bench: &Workbench, authority: &str, pools: &[&str]) {
    let rest: Vec<&str> = ["cp", "w"].into_iter().filter(|pool| !pools.contains(pool)).collect();
    let (untouched, mut before) = (nodes(bench, &rest), nodes(bench, pools));
    let mut step = |number: usize| {
        let ran = applies_gently_with(bench, &rotate(authority));
        assert!(ran.stderr.contains(&format!("step {number} of 3")), "{ran}");
        bench.is_settled();
        assert_eq!(look(bench).unready(), [""; 0]);
        let after = nodes(bench, pools);
        assert!(after.len() == before.len() && after.is_disjoint(&before), "{before:?}, {after:?}");
        before = after;
        all_alike(bench, authority)
    };
    let (old, trusted) = all_alike(bench, authority);
    assert_eq!(trusted, std::slice::from_ref(&old));
    // The next authority is trusted everywhere, and signs nothing.
    let (signs, trusted) = step(1);
    assert!(signs == old && trusted.len() == 2 && trusted[0] == old, "{trusted:?}");
    let new = trusted[1].clone();
    // It signs; what the old one signed is good.
    assert_eq!(step(2), (new.clone(), vec![new.clone(), old]));
    // The old one is gone: also from what other API servers read, who put it there and would have left it.
    assert_eq!(step(3), (new.clone(), vec![new]));
    assert_eq!(nodes(bench, &rest), untouched);
    let insides = look(bench);
    let read = &insides.one("v1/configmaps", "extension-apiserver-authentication").unwrap()["data"];
    for name in ["client-ca-file", "requestheader-client-ca-file"] {
        assert_eq!(read[name].as_str().unwrap().matches("BEGIN").count(), 1, "{name}");
    }
    bench.nothing_is_orphaned();
    assert!(!bench.text("lazuli.state").contains("PRIVATE KEY"), "a key is in clear text");
}

#[test]
fn the_cluster_authority_is_rotated_while_everybody_trusts_everybody() {
    let bench = cluster();
    let kubeconfig = || bench.does(&format!("cluster kubeconfig kube --server {SOMEWHERE}")).stdout;
    let old = kubeconfig();
    assert_eq!(ask(&bench, &old), Ok(6));
    let plan = bench.does("plan --replace cluster.kube.pki.cluster_ca");
    assert!(
        plan.stderr.contains("LZ1018") && plan.stdout.contains("certificate authority is rotated"),
        "{plan}"
    );

    rotates(&bench, "cluster_ca", &["cp", "w"]);

    let refused = ask(&bench, &old).unwrap_err();
    assert!(refused.contains("InvalidCertificate"), "{refused}");
    // Nor does it help to believe the server.
    let line = |text: &str, word: &str| text.lines().find(|line| line.contains(word)).unwrap().to_owned();
    let authority = |text: &str| line(text, "certificate-authority-data");
    let new = kubeconfig();
    let refused = ask(&bench, &old.replace(&authority(&old), &authority(&new))).unwrap_err();
    assert!(refused.contains("Unauthorized"), "{refused}");
    assert_eq!(ask(&bench, &new), Ok(6));
    let maps = look(&bench);
    let published =
        maps.all("v1/configmaps").into_iter().filter(|map| map["metadata"]["name"] == "kube-root-ca.crt");
    let published: BTreeSet<&str> = published.filter_map(|map| map["data"]["ca.crt"].as_str()).collect();
    assert_eq!(published.len(), 1);
    assert!(published.iter().all(|text| text.matches("BEGIN").count() == 1));
    bench.does("cluster check");
}

#[test]
fn the_authorities_of_etcd_and_the_front_proxy_are_rotated_and_workers_stay() {
    let bench = cluster();
    rotates(&bench, "etcd_ca", &["cp"]);
    rotates(&bench, "front_proxy_ca", &["cp"]);
}

#[test]
fn all_keys_of_a_cluster_are_rotated_together() {
    let bench = cluster();
    let all = ["cluster_ca", "etcd_ca", "front_proxy_ca"];
    let before = all.map(|authority| all_alike(&bench, authority).0);
    for _ in 1..=3 {
        applies_gently_with(&bench, "apply --auto-approve --replace cluster.kube.pki");
        bench.is_settled();
    }
    for (authority, old) in all.into_iter().zip(before) {
        let (signs, trusted) = all_alike(&bench, authority);
        assert!(signs != old && trusted == [signs.clone()], "{authority}");
    }
}

#[test]
fn a_step_that_was_stopped_goes_on_by_itself_before_the_next_may_begin() {
    let bench = cluster();
    let is_refused = || {
        let refused = bench.run(&rotate("cluster_ca"));
        assert_eq!(refused.status, Some(1), "{refused}");
        let said = "does not know of the last step yet";
        assert!(refused.stderr.contains("LZ1017") && refused.stderr.contains(said), "{refused}");
    };
    for step in 1..=3 {
        // The authority is made, and not one node is new; then one worker is not. As if the run had been stopped there.
        bench.does(&format!("{} --target cluster.kube.pki.cluster_ca", rotate("cluster_ca")));
        is_refused();
        let plan = bench.run("plan --detailed-exitcode");
        assert_eq!(plan.status, Some(2), "{plan}");
        assert!(plan.stdout.contains("cluster certificate authority is rotated"), "{plan}");
        applies_gently_with(
            &bench,
            "apply --auto-approve --exclude cluster.kube.worker_pool[\"w\"].node[\"3\"]",
        );
        is_refused();
        applies_gently_with(&bench, "apply --auto-approve");
        bench.is_settled();
        let (_, trusted) = all_alike(&bench, "cluster_ca");
        assert_eq!(trusted.len(), if step == 3 { 1 } else { 2 });
        assert_eq!(look(&bench).unready(), [""; 0]);
    }
}

#[test]
fn kubelets_that_meet_every_api_server_come_first() {
    let bench = project();
    bench.edit("main.hcl", "1.33.6", "1.30.9");
    bench.edit(
        "main.hcl",
        "count         = 3\n    instance_type = \"Standard_D4s_v5\"",
        "count         = 1\n    instance_type = \"Standard_D4s_v5\"",
    );
    bench.applies();
    let refused = bench.run(&rotate("cluster_ca"));
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(refused.stderr.contains("LZ1017") && refused.stderr.contains("1.31"), "{refused}");
    bench.does(&rotate("etcd_ca"));
}
