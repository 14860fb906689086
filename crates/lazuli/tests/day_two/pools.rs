//! Every attribute of a pool, changed: in place where that is possible, rolling where it must be.

use crate::stage::{add, applies_gently, cluster, look};
use crate::workbench::Workbench;

/// Applies a change and says which nodes of the pool are there before and after.
fn nodes_before_and_after(bench: &Workbench) -> (Vec<String>, Vec<String>) {
    let before = look(bench).nodes("w");
    applies_gently(bench);
    let after = look(bench).nodes("w");
    bench.is_settled();
    (before, after)
}

fn taint(key: &str) -> String {
    format!("taint \"{key}\" {{\n      value  = \"x\"\n      effect = \"PreferNoSchedule\"\n    }}")
}

#[test]
fn labels_taints_and_cordons_are_changed_in_place() {
    let bench = cluster();
    for lines in ["labels = { team = \"a\" }", &taint("dedicated"), "cordon = [\"2\"]"] {
        add(&bench, "pool", lines);
        let (before, after) = nodes_before_and_after(&bench);
        assert_eq!(before, after, "{lines}");
    }
    let insides = look(&bench);
    for node in insides.nodes("w") {
        let object = insides.one("v1/nodes", &node).unwrap();
        assert_eq!(object["metadata"]["labels"]["team"], "a");
        assert_eq!(object["spec"]["taints"][0]["key"], "dedicated");
        assert_eq!(object["spec"]["unschedulable"] == true, node.starts_with("kube-w-2-"), "{object:#}");
    }
    for lines in ["labels = { team = \"a\" }", &taint("dedicated"), "cordon = [\"2\"]"] {
        bench.edit("main.hcl", lines, "");
        let (before, after) = nodes_before_and_after(&bench);
        assert_eq!(before, after, "{lines}");
    }
    for node in look(&bench).all("v1/nodes") {
        assert!(node["metadata"]["labels"].get("team").is_none(), "{node:#}");
        assert_ne!(node["spec"]["unschedulable"], true);
    }
}

#[test]
fn what_a_machine_is_made_of_is_changed_by_rolling_it() {
    let bench = cluster();
    let rolls = [
        "os_disk {\n      size_gb = 200\n    }",
        "kubelet {\n      extra_args = { max-pods = \"50\" }\n    }",
        "pre_bootstrap_commands = [\"echo before\"]",
        "post_bootstrap_commands = [\"echo after\"]",
        "spot {\n      max_price = -1\n    }",
    ];
    for lines in rolls {
        add(&bench, "pool", lines);
        let (before, after) = nodes_before_and_after(&bench);
        assert!(after.len() == 3 && before.iter().all(|node| !after.contains(node)), "{lines}: {after:?}");
    }
    bench.edit("main.hcl", "Standard_D8s_v5", "Standard_D16s_v5");
    let (before, after) = nodes_before_and_after(&bench);
    assert!(after.len() == 3 && before.iter().all(|node| !after.contains(node)), "{after:?}");
}

#[test]
fn a_zone_that_leaves_the_list_moves_only_its_own_nodes() {
    let bench = cluster();
    let before = look(&bench).nodes("w");
    add(&bench, "pool", "zones = [\"1\", \"2\"]");
    bench.applies();
    let insides = look(&bench);
    let after = insides.nodes("w");
    assert_eq!(before.iter().filter(|node| after.contains(node)).count(), 2);
    assert_eq!(insides.zones("w").len(), 2);
    bench.is_settled();
}

#[test]
fn pools_that_contract_first_or_roll_by_numbers_respect_the_budget_too() {
    for update in [
        "update {\n      strategy = \"contract_first\"\n    }",
        "update {\n      strategy        = \"custom\"\n      max_surge       = 2\n      max_unavailable = 1\n    }",
    ] {
        let bench = cluster();
        bench.edit(
            "main.hcl",
            "count         = 3\n    instance_type = \"Standard_D8s",
            "count         = 6\n    instance_type = \"Standard_D8s",
        );
        bench.applies();
        add(&bench, "pool", update);
        bench.edit("main.hcl", "Standard_D8s_v5", "Standard_D16s_v5");
        let (before, after) = nodes_before_and_after(&bench);
        assert!(after.len() == 6 && before.iter().all(|node| !after.contains(node)), "{after:?}");
    }
}
