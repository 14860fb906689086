//! A state that is lost: the keys of its cluster, kept apart, bring everything back.

use std::fs;
use std::path::PathBuf;

use crate::configurations::{ACCOUNT, SMALL};
use crate::workbench::{Ran, Workbench, told};

const OTHER_LINEAGE: &str = "99999999-2222-4333-8444-555555555555\n";

/// A cluster whose keys were written to `pki`, and whose state and configuration are gone.
fn lost(configuration: &str) -> Workbench {
    lost_in(Workbench::new(), configuration)
}

fn lost_in(bench: Workbench, configuration: &str) -> Workbench {
    bench.write("main.hcl", configuration);
    bench.applies();
    bench.does("cluster keys --out pki");
    for file in ["lazuli.state", "main.hcl"] {
        fs::remove_file(bench.path(file)).unwrap();
    }
    fs::write(bench.path(".lazuli/lineage"), OTHER_LINEAGE).unwrap();
    bench.write("main.hcl", ACCOUNT);
    bench
}

const GENERATE: &str = "import --generate existing.hcl --resource-group rg --pki pki";

fn second_worker(bench: &Workbench) {
    let one = "count         = 1\n    instance_type = \"Standard_D8s_v5\"";
    bench.edit("existing.hcl", one, &one.replace("= 1", "= 2"));
}

#[test]
fn a_cluster_comes_back_with_its_keys_and_grows() {
    let bench = lost(SMALL);
    let (ran, sent) = bench.sent_by(|bench| bench.does(GENERATE));
    assert_eq!(sent, [""; 0]);
    assert!(ran.stdout.contains("and changes nothing."), "{ran}");
    told("keys_come_back", ran);
    let (applied, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0], "{applied}");
    bench.is_settled();
    let inside = bench.recorded().into_keys().filter(|address| !address.ends_with(".vm")).collect::<Vec<_>>();
    insta::assert_snapshot!("keys_come_back_recorded", inside.join("\n"));
    second_worker(&bench);
    bench.applies();
    bench.is_settled();
    bench.does("cluster check");
    bench.does("destroy --auto-approve");
    assert_eq!(bench.world().len(), 1, "the resource group is left");
}

/// A pool with everything that only the cluster itself knows.
const PARTICULAR: &str = r#"    labels = {
      "example.com/team" = "blue"
      tier               = "batch"
    }
    cordon = ["1"]
    taint "dedicated" {
      value  = "batch"
      effect = "NoSchedule"
    }
    taint "spot" {
      effect = "PreferNoSchedule"
    }
    update {
      strategy          = "contract_first"
      min_ready_seconds = 5
      drain_timeout     = "5m"
    }
"#;

#[test]
fn labels_taints_and_patience_of_a_cluster_come_back_with_its_keys() {
    let pool = "  worker_pool \"general\" {\n";
    let configuration = SMALL
        .replace(pool, &format!("  health_check {{\n    node_startup_timeout = \"30m\"\n  }}\n\n{pool}{PARTICULAR}"))
        .replace(
            "    version = \"1.34.2\"\n  }\n",
            "    version = \"1.34.2\"\n    feature_gates = { InPlacePodVerticalScaling = true }\n    api_server {\n      extra_args = { v = \"4\" }\n      cert_sans = [\"api.example.com\"]\n    }\n    scheduler {\n      extra_args = { v = \"2\" }\n    }\n  }\n  network {\n    pod_cidr     = \"172.20.0.0/16\"\n    service_cidr = \"172.30.0.0/16\"\n  }\n  addon \"motd\" {\n    manifests = [\"motd.yaml\"]\n  }\n",
        );
    let bench = Workbench::new();
    let motd = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: motd\n  namespace: default\ndata:\n  text: hello\n";
    bench.write("motd.yaml", motd);
    let bench = lost_in(bench, &configuration);
    let (ran, sent) = bench.sent_by(|bench| bench.does(GENERATE));
    assert_eq!(sent, [""; 0]);
    assert!(ran.stdout.contains("and changes nothing."), "{ran}");
    told("labels_come_back", bench.text("existing.hcl").split("\nimport {").next().unwrap());
    let (applied, sent) = bench.sent_by(Workbench::applies);
    assert_eq!(sent, [""; 0], "{applied}");
    bench.is_settled();
    // The block of the add-on takes it over again.
    let text = bench.text("existing.hcl");
    let block = "cluster_profile \"small_profile\" {\n";
    bench.write(
        "existing.hcl",
        &text.replace(block, &format!("{block}  addon \"motd\" {{\n    manifests = [\"motd.yaml\"]\n  }}\n")),
    );
    bench.applies();
    bench.is_settled();
}

#[test]
fn a_cluster_that_is_here_already_is_not_written_and_that_is_said() {
    let bench = Workbench::with(SMALL);
    bench.applies();
    told("generate_what_is_here", bench.does("import --generate more.hcl --resource-group rg"));
    let json = bench.does("import --generate again.hcl --resource-group rg --json").document();
    assert_eq!(json["already_here"], serde_json::json!(["cluster.small"]));
}

#[test]
fn keys_that_come_later_make_a_cluster_without_keys_whole() {
    let bench = lost(SMALL);
    bench.does("import --generate existing.hcl --resource-group rg");
    bench.applies();
    second_worker(&bench);
    assert_eq!(bench.run("plan").status, Some(1), "nobody joins without the keys");
    told("keys_come_later", bench.does("import cluster.small --pki pki"));
    told("keys_come_twice", bench.does("import cluster.small --pki pki"));
    bench.applies();
    bench.is_settled();
    bench.does("cluster check");
}

/// The files of the keys.
fn file(bench: &Workbench, name: &str) -> PathBuf {
    bench.path("pki").join(name)
}

#[test]
fn keys_that_cannot_be_used_are_refused_and_nothing_is_written() {
    let bench = lost(SMALL);
    let other = lost(SMALL);
    let refused = |what: &str, ran: Ran| {
        assert_eq!(ran.status, Some(1), "{what}: {ran}");
        assert!(!bench.path("existing.hcl").exists() && !bench.path("lazuli.state").exists(), "{what}");
        format!("{what}\n{ran}\n")
    };
    let spoiled = |what: &str, change: &dyn Fn()| {
        let before: Vec<(PathBuf, Vec<u8>)> =
            ["ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.pub"]
                .iter()
                .map(|name| (file(&bench, name), fs::read(file(&bench, name)).unwrap()))
                .collect();
        change();
        let told = refused(what, bench.run(GENERATE));
        before.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
        told
    };
    let take = |name: &str| {
        fs::copy(file(&other, name), file(&bench, name)).unwrap();
    };
    let all = [
        spoiled("two files are missing", &|| {
            for name in ["ca.key", "sa.pub"] {
                fs::remove_file(file(&bench, name)).unwrap();
            }
        }),
        spoiled("a key of another cluster", &|| take("ca.key")),
        spoiled("the authority of another cluster", &|| {
            take("ca.crt");
            take("ca.key");
        }),
        refused("no such directory", bench.run(&GENERATE.replace("--pki pki", "--pki nowhere"))),
        refused("another folder", bench.run(&GENERATE.replace("existing.hcl", "../existing.hcl"))),
        refused("no cluster of the configuration", bench.run("import cluster.small --pki pki")),
    ];
    told("keys_refused", all.concat());
    bench.does(GENERATE);
    let again = bench.run("import cluster.small --pki pki");
    assert_eq!(again.status, Some(0), "{again}");
    let pki = other.path("pki");
    told("keys_of_another", bench.run_with(&["import", "cluster.small", "--pki", pki.to_str().unwrap()]));
}

#[cfg(unix)]
#[test]
fn keys_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let bench = lost(SMALL);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(bench.path("pki")), mode(file(&bench, "etcd/ca.key"))], [0o700, 0o600]);
    fs::set_permissions(file(&bench, "etcd/ca.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let ran = bench.does(GENERATE);
    told("keys_that_others_can_read", ran.stderr);
    let key = fs::read_to_string(file(&bench, "ca.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    for file in ["lazuli.state", "existing.hcl"] {
        assert!(!bench.text(file).contains(secret), "{file} holds a key in clear");
    }
    told("keys_are_written_once", bench.run("cluster keys --out pki"));
}
