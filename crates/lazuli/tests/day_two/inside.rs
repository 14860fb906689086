//! What is in the cluster: add-ons, namespaces, bindings, and what somebody else does to them.

use crate::stage::{add, applies_gently, cluster, kubectl, look};

const CONFIG: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: one
  namespace: default
data:
  a: '1'
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: two
  namespace: default
data:
  b: '2'
";

#[test]
fn an_addon_is_added_changed_pruned_and_removed() {
    let bench = cluster();
    let addon = "addon \"config\" {\n    manifests = [\"config.yaml\"]\n    namespace = \"default\"\n  }";
    bench.write("config.yaml", CONFIG);
    add(&bench, "profile", addon);
    applies_gently(&bench);
    assert_eq!(look(&bench).one("v1/configmaps", "one").unwrap()["data"]["a"], "1");
    bench.is_settled();

    let (one, _) = CONFIG.split_once("---\n").unwrap();
    bench.write("config.yaml", &one.replace("'1'", "'9'"));
    applies_gently(&bench);
    let insides = look(&bench);
    assert_eq!(insides.one("v1/configmaps", "one").unwrap()["data"]["a"], "9");
    assert!(insides.one("v1/configmaps", "two").is_none(), "it was not pruned");
    bench.is_settled();

    bench.edit("main.hcl", addon, "");
    applies_gently(&bench);
    assert!(look(&bench).one("v1/configmaps", "one").is_none(), "it was not removed");
    bench.is_settled();
}

#[test]
fn drift_in_the_cluster_is_shown_and_set_back_and_what_is_not_ours_is_left_alone() {
    let bench = cluster();
    if !kubectl(&bench, &["set", "image", "deployment/web", "web=registry.example/other:1"]) {
        return;
    }
    kubectl(&bench, &["annotate", "deployment/web", "theirs=yes"]);
    let plan = bench.run("plan --detailed-exitcode");
    assert_eq!(plan.status, Some(2), "{plan}");
    assert!(plan.stdout.contains("registry.example/other:1"), "{plan}");
    bench.applies();
    let insides = look(&bench);
    let web = insides.one("apps/v1/deployments", "web").unwrap();
    assert_eq!(web["spec"]["template"]["spec"]["containers"][0]["image"], "registry.k8s.io/pause:3.10");
    assert_eq!(web["metadata"]["annotations"]["theirs"], "yes");
    bench.is_settled();

    kubectl(&bench, &["delete", "deployment/web"]);
    bench.applies();
    assert!(look(&bench).one("apps/v1/deployments", "web").is_some());
    bench.is_settled();
}

#[test]
fn namespaces_get_quotas_and_bindings_come_and_go() {
    let bench = cluster();
    let lines = "namespace \"team-a\" {\n    cpu    = \"8\"\n    memory = \"32Gi\"\n  }\n  rbac_binding \"admins\" {\n    \
                 kind   = \"ClusterRoleBinding\"\n    role   = \"cluster-admin\"\n    groups = [\"ops\"]\n  }";
    add(&bench, "cluster", lines);
    applies_gently(&bench);
    let insides = look(&bench);
    assert!(insides.one("v1/namespaces", "team-a").is_some());
    let quotas = insides.all("v1/resourcequotas");
    assert!(quotas.iter().any(|quota| quota["metadata"]["namespace"] == "team-a"), "{quotas:?}");
    let bound = |insides: &crate::stage::Insides| {
        let all = insides.all("rbac.authorization.k8s.io/v1/clusterrolebindings");
        all.iter().any(|binding| binding["subjects"][0]["name"] == "ops")
    };
    assert!(bound(&insides));
    bench.is_settled();

    bench.edit("main.hcl", "cpu    = \"8\"", "cpu    = \"4\"");
    applies_gently(&bench);
    assert!(look(&bench).all("v1/resourcequotas")[0]["spec"]["hard"].to_string().contains("\"4\""));

    bench.edit("main.hcl", &lines.replace("\"8\"", "\"4\""), "");
    applies_gently(&bench);
    let insides = look(&bench);
    assert!(insides.one("v1/namespaces", "team-a").is_none() && !bound(&insides));
    bench.is_settled();
}

#[test]
fn an_object_of_somebody_else_is_refused_while_planning_and_taken_over_when_it_is_given() {
    let bench = cluster();
    bench.write("team.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-a\n");
    let file = bench.path("team.yaml");
    if !kubectl(&bench, &["create", "--validate=false", "-f", file.to_str().unwrap()]) {
        return;
    }
    add(&bench, "cluster", "namespace \"team-a\" {\n    cpu = \"8\"\n  }");
    let refused = bench.run("plan");
    assert_eq!(refused.status, Some(1), "{refused}");
    let words =
        ["LZ1002", "cluster.kube.namespace[\"team-a\"]", "Namespace team-a exists in the cluster already"];
    assert!(words.iter().all(|word| refused.stderr.contains(word)), "{refused}");
    let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("kubectl label namespace/team-a lazuli.dev/set=namespace.team-a"), "{refused}");

    kubectl(&bench, &["label", "namespace/team-a", "lazuli.dev/set=namespace.team-a"]);
    applies_gently(&bench);
    assert!(!look(&bench).all("v1/resourcequotas").is_empty());
    bench.is_settled();
}

#[test]
fn an_object_that_two_addons_have_is_refused_with_both_places() {
    let bench = crate::stage::project();
    bench.write("config.yaml", CONFIG);
    let addon = |name: &str| {
        format!("addon \"{name}\" {{\n    manifests = [\"config.yaml\"]\n    namespace = \"default\"\n  }}")
    };
    add(&bench, "profile", &addon("first"));
    bench.does("validate");
    add(&bench, "profile", &addon("second"));
    for line in ["validate", "plan"] {
        let refused = bench.run(line);
        assert_eq!(refused.status, Some(1), "{refused}");
        let all = format!("{}{}", refused.stdout, refused.stderr);
        let words = [
            "LZ1006",
            "cluster.kube.addon[\"first\"] and cluster.kube.addon[\"second\"] both have ConfigMap default/one",
            "ConfigMap default/two",
            "main.hcl:",
        ];
        assert!(words.iter().all(|word| all.contains(word)), "{refused}");
    }
}

#[test]
fn a_manifest_that_is_not_there_is_named_also_when_its_values_are_secret() {
    let bench = crate::stage::project();
    bench.write("token.hcl", "variable \"token\" {\n  sensitive = true\n  default = \"hunter2\"\n}\n");
    add(
        &bench,
        "profile",
        "addon \"a\" {\n    manifests = [\"nothere.yaml\"]\n    values = { token = var.token }\n  }",
    );
    let refused = bench.run("validate");
    assert_eq!(refused.status, Some(1), "{refused}");
    let all = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        all.contains("the manifest nothere.yaml cannot be read") && all.contains("there is no such file"),
        "{refused}"
    );

    bench.write("nothere.yaml", "apiVersion: v1\nkind: ${kind}\n");
    let refused = bench.run("validate");
    let all = format!("{}{}", refused.stdout, refused.stderr);
    assert!(all.contains("the manifest nothere.yaml cannot be filled in with its `values`"), "{refused}");
    assert!(!all.contains("templatefile") && !all.contains("hunter2"), "{refused}");
}
