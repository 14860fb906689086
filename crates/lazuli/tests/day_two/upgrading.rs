//! Kubernetes, minor by minor.

use crate::stage::{applies_gently, cluster, look};

#[test]
fn two_minors_are_upgraded_one_after_the_other_and_skipping_or_going_back_is_refused() {
    let bench = cluster();
    let refuses = |version: &str, why: &str| {
        let before = bench.text("main.hcl");
        let at = before.find("version = \"").unwrap();
        let current = before[at..].lines().next().unwrap().to_owned();
        bench.edit("main.hcl", &current, &format!("version = \"{version}\""));
        let plan = bench.run("plan");
        assert_eq!(plan.status, Some(1), "{plan}");
        assert!(plan.stderr.contains("LZ0247") && plan.stderr.contains(why), "{plan}");
        bench.write("main.hcl", &before);
    };
    refuses("1.35.0", "one minor version at a time");
    refuses("1.32.6", "cannot go back");

    for (from, to) in [("1.33.6", "1.34.2"), ("1.34.2", "1.35.0")] {
        bench.edit("main.hcl", from, to);
        applies_gently(&bench);
        let insides = look(&bench);
        assert_eq!(insides.versions(), [format!("v{to}")]);
        assert_eq!(insides.etcd(), insides.nodes("cp"), "members of etcd are the control-plane nodes");
        bench.is_settled();
    }
}
