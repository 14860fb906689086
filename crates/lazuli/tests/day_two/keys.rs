//! Keys of a cluster that lives: the service account key is rotated step by step.

use std::collections::BTreeSet;

use crate::stage::{applies_gently_with, cluster, look};

const ROTATE: &str = "apply --auto-approve --replace cluster.kube.pki.service_account";

#[test]
fn the_service_account_key_is_rotated_while_every_token_stays_good_at_every_api_server() {
    let bench = cluster();
    let workers = look(&bench).nodes("w");
    let all_alike = || {
        let accounts = look(&bench).accounts();
        assert_eq!(accounts.len(), 3);
        let different: BTreeSet<_> = accounts.into_iter().collect();
        assert_eq!(different.len(), 1, "{different:?}");
        different.into_iter().next().unwrap()
    };
    let (old, trusted) = all_alike();
    assert_eq!(trusted, std::slice::from_ref(&old));

    let plan = bench.does("plan --replace cluster.kube.pki.service_account");
    assert!(plan.stderr.contains("LZ1018") && plan.stderr.contains("step 1 of 3"), "{plan}");
    assert!(plan.stdout.contains("rolling, the control plane one by one"), "{plan}");

    // The next key is trusted everywhere, and signs nothing.
    applies_gently_with(&bench, ROTATE);
    let (signs, trusted) = all_alike();
    assert!(signs == old && trusted.len() == 2 && trusted[0] == old, "{trusted:?}");
    let new = trusted[1].clone();
    bench.is_settled();

    // It signs; what the old one signed is good.
    applies_gently_with(&bench, ROTATE);
    assert_eq!(all_alike(), (new.clone(), vec![new.clone(), old.clone()]));
    bench.is_settled();

    // The old one is gone.
    let last = applies_gently_with(&bench, ROTATE);
    assert!(last.stderr.contains("step 3 of 3"), "{last}");
    assert_eq!(all_alike(), (new.clone(), vec![new]));
    bench.is_settled();
    bench.nothing_is_orphaned();
    assert_eq!(look(&bench).nodes("w"), workers, "workers know nothing of it");
    let state = bench.text("lazuli.state");
    assert!(!state.contains("PRIVATE KEY"), "a key is in clear text");
}

#[test]
fn a_step_of_a_rotation_that_was_not_carried_through_goes_on_by_itself_before_the_next_may_begin() {
    let bench = cluster();
    // The key is told, and not one node: as if the run had been stopped there.
    let target = "--target cluster.kube.pki.service_account";
    bench.does(&format!("{ROTATE} {target}"));
    let refused = bench.run(ROTATE);
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(
        refused.stderr.contains("LZ1017") && refused.stderr.contains("does not know of the last step yet"),
        "{refused}"
    );

    let plan = bench.run("plan --detailed-exitcode");
    assert_eq!(plan.status, Some(2), "{plan}");
    assert!(plan.stdout.contains("service account key is rotated"), "{plan}");
    applies_gently_with(&bench, "apply --auto-approve");
    assert!(look(&bench).accounts().iter().all(|(_, trusts)| trusts.len() == 2));
    bench.is_settled();
}
