//! Pools that grow, shrink, come and go.

use crate::stage::{add, applies_gently, cluster, look};

#[test]
fn a_pool_grows_from_three_to_nine_and_shrinks_to_four_with_its_zones_in_balance() {
    let bench = cluster();
    bench.is_settled();
    bench.edit(
        "main.hcl",
        "count         = 3\n    instance_type = \"Standard_D8s",
        "count         = 9\n    instance_type = \"Standard_D8s",
    );
    let ran = applies_gently(&bench);
    assert!(ran.stdout.contains("24 added, 0 changed, 0 destroyed"), "{ran}");
    assert_eq!(look(&bench).zones("w").into_values().collect::<Vec<_>>(), [3, 3, 3]);

    bench.edit("main.hcl", "count         = 9", "count         = 4");
    applies_gently(&bench);
    let insides = look(&bench);
    assert_eq!(insides.nodes("w").len(), 4);
    let zones = insides.zones("w");
    assert!(zones.len() == 3 && zones.values().all(|count| (1..=2).contains(count)), "{zones:?}");
    assert_eq!(
        insides.all("v1/pods").iter().filter(|pod| pod["metadata"]["labels"]["app"] == "web").count(),
        4
    );
    bench.is_settled();
}

#[test]
fn a_pool_is_added_and_removed_and_its_pods_move_on() {
    let bench = cluster();
    let pool = "worker_pool \"extra\" {\n    count = 2\n    instance_type = \"Standard_D4s_v5\"\n  }";
    add(&bench, "cluster", pool);
    applies_gently(&bench);
    assert_eq!(look(&bench).nodes("extra").len(), 2);

    bench.edit("main.hcl", pool, "");
    applies_gently(&bench);
    let insides = look(&bench);
    assert_eq!((insides.nodes("extra").len(), insides.nodes("w").len()), (0, 3));
    bench.is_settled();
}
