//! Control-plane nodes that fail.

use crate::cloud;
use crate::stage::{applies_gently, cluster, look};

#[test]
fn a_control_plane_machine_that_was_deleted_is_replaced_and_its_member_of_etcd_is_removed() {
    let bench = cluster();
    for slot in ["2", "1"] {
        let address = format!("cluster.kube.control_plane.node[\"{slot}\"].vm");
        let gone = bench.recorded()[&address].clone();
        let node = gone.rsplit('/').next().unwrap().to_owned();
        cloud::delete(&bench, &gone, "2025-04-01");
        // What has happened meanwhile is written down first, so that the film begins where the apply does.
        bench.does("plan");
        applies_gently(&bench);
        let insides = look(&bench);
        assert_eq!(insides.etcd().len(), 3);
        assert!(
            !insides.etcd().contains(&node) && !insides.nodes("cp").contains(&node),
            "{node} is still known"
        );
        assert_eq!(insides.etcd(), insides.nodes("cp"));
        bench.is_settled();
    }
}
