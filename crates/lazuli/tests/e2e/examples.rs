//! Every example is made, is settled, is well, and goes without a trace.

use crate::workbench::{Workbench, repository};

/// What was there before the first apply is all that is left after the destroy.
fn comes_and_goes(bench: &Workbench, change: impl FnOnce(&Workbench)) {
    bench.does("plan");
    let before: Vec<String> = bench.world().into_keys().collect();
    bench.applies();
    bench.is_settled();
    change(bench);
    bench.does("destroy --auto-approve");
    let left: Vec<String> = bench.world().into_keys().filter(|id| !before.contains(id)).collect();
    assert_eq!(left, Vec::<String>::new(), "something is left");
    assert_eq!(bench.does("state list").stdout, "");
}

/// `cluster check` finds nothing to complain about.
fn is_well(bench: &Workbench) {
    bench.does("cluster check");
}

#[test]
fn a_highly_available_cluster_has_nodes_of_each_kind_in_every_zone() {
    let bench = Workbench::example("ha-cluster");
    bench.edit("main.hcl", "min_ready_seconds = 10", "min_ready_seconds = 0");
    comes_and_goes(&bench, |bench| {
        is_well(bench);
        let zones = bench.does("output --json zones").document();
        for zone in ["1", "2", "3"] {
            assert_eq!(zones[zone].as_array().unwrap().len(), 3, "{zones}");
        }
    });
}

#[test]
fn a_private_api_is_reached_from_the_network() {
    comes_and_goes(&Workbench::example("private-api"), is_well);
}

#[test]
fn a_spot_pool_is_of_spot_machines_that_only_tolerant_pods_use() {
    comes_and_goes(&Workbench::example("spot-pool"), |bench| {
        is_well(bench);
        let machines = bench.world();
        let spot = machines.values().filter(|r| r["body"]["properties"]["priority"] == "Spot");
        assert_eq!(spot.count(), 4);
        // Without a second one beside it: the old node goes first.
        bench.edit("main.hcl", "instance_type = \"Standard_D8s_v5\"", "instance_type = \"Standard_D4s_v5\"");
        let plan = bench.does("plan").stdout;
        assert!(plan.contains("contract first, 0 extra, 2 unavailable"), "{plan}");
    });
}

#[test]
fn a_pool_with_gpus_gets_the_add_on_that_makes_them_known() {
    comes_and_goes(&Workbench::example("gpu-pool"), |bench| {
        is_well(bench);
        bench.edit("main.hcl", "default     = 2", "default     = 0");
        bench.applies();
        bench.is_settled();
    });
}

#[test]
fn kubernetes_is_upgraded_by_changing_one_variable_twice() {
    comes_and_goes(&Workbench::example("upgrade"), |bench| {
        for (from, to) in [("1.33.6", "1.34.2"), ("1.34.2", "1.35.0")] {
            bench.edit("main.hcl", from, to);
            let plan = bench.does("plan").stdout;
            for how in ["one at a time, etcd quorum 2 of 3 kept", "expand first, 1 extra, 0 unavailable"] {
                assert!(plan.contains(how), "{plan}");
            }
            bench.applies();
            bench.is_settled();
            is_well(bench);
            assert_eq!(bench.does("output --raw kubernetes").stdout, to);
        }
        bench.edit("main.hcl", "1.35.0", "1.34.2");
        let back = bench.run("plan");
        assert_eq!(back.status, Some(1), "a version goes back\n{back}");
        bench.edit("main.hcl", "1.34.2", "1.35.0");
    });
}

#[test]
fn two_minor_versions_at_once_are_refused() {
    let bench = Workbench::example("upgrade");
    bench.applies();
    bench.edit("main.hcl", "1.33.6", "1.35.0");
    let plan = bench.run("plan");
    assert_eq!(plan.status, Some(1), "{plan}");
    assert!(plan.stderr.contains("1.34"), "says which comes between\n{plan}");
}

#[test]
fn a_team_more_is_an_entry_more() {
    comes_and_goes(&Workbench::example("team-namespaces"), |bench| {
        is_well(bench);
        let entry = "    search   = {";
        let more = format!(
            "    billing = {{ cpu = \"2\", memory = \"8Gi\", editors = [\"team-billing\"] }}\n{entry}"
        );
        bench.edit("main.hcl", entry, &more);
        let (_, sent) = bench.sent_by(Workbench::applies);
        assert_eq!(sent, Vec::<String>::new(), "Azure has nothing to do with it");
        let addresses = bench.recorded();
        assert!(addresses.contains_key("cluster.shared.namespace[\"team-billing\"]"), "{addresses:?}");
        assert!(addresses.contains_key("cluster.shared.rbac_binding[\"billing-edit\"]"), "{addresses:?}");
        bench.is_settled();
    });
}

#[test]
fn clusters_of_a_map_are_apart() {
    comes_and_goes(&Workbench::example("many-clusters"), |bench| {
        for name in ["test", "production"] {
            bench.does(&format!("cluster check {name}"));
        }
        assert_eq!(bench.does("cluster list --json").document().as_array().unwrap().len(), 2);
        let production = |bench: &Workbench| -> Vec<(String, String)> {
            let all = bench.recorded().into_iter();
            all.filter(|(address, _)| address.contains("\"production\"")).collect()
        };
        let before = production(bench);
        let plan = bench.run_with(&["plan", "--detailed-exitcode", "--target", "cluster.fleet[\"test\"]"]);
        assert_eq!(plan.status, Some(0), "{plan}");
        bench.edit("main.hcl", "workers        = 1", "workers        = 2");
        bench.applies();
        assert_eq!(production(bench), before);
        bench.is_settled();
    });
}

#[test]
fn an_add_on_follows_its_template() {
    comes_and_goes(&Workbench::example("addons"), |bench| {
        is_well(bench);
        bench.edit("main.hcl", "default     = 2", "default     = 3");
        let plan = bench.does("plan").stdout;
        assert!(plan.contains("0 to add, 1 to change, 0 to destroy"), "{plan}");
        bench.applies();
        bench.is_settled();
        is_well(bench);
    });
}

#[test]
fn every_example_but_the_modules_is_a_template_that_plans() {
    let bench = Workbench::new();
    let mut names: Vec<String> = std::fs::read_dir(repository().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "modules")
        .collect();
    names.sort();
    assert!(names.len() > 4, "{names:?}");
    for name in names {
        bench.does(&format!("init --template {name} {name}"));
        bench.does(&format!("--chdir {name} plan"));
    }
}
