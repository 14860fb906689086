//! Machines that become nodes, and machines that do not.

use serde_json::Value;

use super::stage::{HOST, KUBEADM, Pki, Stage, TOKEN, authority, cloud_config, init_files, join_files};

#[test]
fn the_first_machine_makes_a_cluster_with_what_kubeadm_leaves_in_it() {
    let mut stage = Stage::new();
    stage.init("cp-1");
    assert!(stage.said("cp-1").contains("initialized successfully"), "{}", stage.console("cp-1"));
    assert_eq!(stage.nodes(), ["cp-1 True"]);
    let world = serde_json::to_string(&stage.world).expect("JSON");
    assert!(
        !world.contains("write_files")
            && !world.contains("I2Nsb3VkLWNvbmZpZw")
            && !world.contains("hidden\\\""),
        "user-data is gone"
    );
    let store = &stage.cluster().store;
    let node = store.get("v1/nodes", "", "cp-1").expect("a node");
    insta::assert_json_snapshot!(node["metadata"]["labels"]);
    insta::assert_json_snapshot!(node["spec"]);
    let kinds: Vec<String> = store
        .resources()
        .filter(|resource| !resource.starts_with("rbac"))
        .flat_map(|resource| store.list(resource, None).map(move |object| (resource, object)))
        .map(|(resource, object)| {
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or("-").to_owned();
            format!("{resource} {} {}", text("namespace"), text("name"))
        })
        .collect();
    insta::assert_snapshot!(kinds.join("\n"));
    let configuration = store.get("v1/configmaps", "kube-system", "kubeadm-config").expect("a config map");
    insta::assert_snapshot!(configuration["data"]["ClusterConfiguration"].as_str().expect("text"));
    assert!(stage.cluster().is_available());
}

#[test]
fn the_api_servers_certificate_is_signed_by_the_clusters_authority() {
    use x509_parser::parse_x509_certificate;
    use x509_parser::pem::parse_x509_pem;
    let mut stage = Stage::new();
    stage.init("cp-1");
    let (_, ca) = parse_x509_pem(stage.pki[0].1.as_bytes()).expect("PEM");
    let (_, leaf) =
        parse_x509_pem(stage.cluster().control().servers["cp-1"].cert_pem.as_bytes()).expect("PEM");
    let (_, ca) = parse_x509_certificate(&ca.contents).expect("a certificate");
    let (_, leaf) = parse_x509_certificate(&leaf.contents).expect("a certificate");
    leaf.verify_signature(Some(ca.public_key())).expect("signed");
    let names = format!("{:?}", leaf.subject_alternative_name().expect("names"));
    assert!(names.contains(HOST) && names.contains("kubernetes.default.svc.cluster.local"), "{names}");
}

#[test]
fn machines_join_and_control_plane_nodes_become_voters() {
    let mut stage = Stage::new();
    stage.init("cp-1");
    stage.join("cp-2", "2", true);
    stage.join("cp-3", "3", true);
    stage.join("w-1", "1", false);
    assert_eq!(
        stage.nodes(),
        ["cp-1 True", "cp-2 True", "cp-3 True", "w-1 True"],
        "{}",
        stage.console("cp-2")
    );
    let etcd = &stage.cluster().control().etcd;
    assert!(
        etcd.members.len() == 3
            && etcd.members.values().all(|member| !member.is_learner && member.is_running)
    );
    assert_eq!(stage.cluster().control().servers.len(), 3);
    assert_eq!(stage.pods("etcd-").len(), 3);
    let worker = stage.cluster().store.get("v1/nodes", "", "w-1").expect("a node");
    assert_eq!(worker["metadata"]["labels"]["pool"], "a");
    let taints: Vec<&str> =
        worker["spec"]["taints"].as_array().into_iter().flatten().filter_map(|t| t["key"].as_str()).collect();
    assert_eq!(taints, ["slow", "node.cloudprovider.kubernetes.io/uninitialized"]);
}

#[test]
fn a_learner_is_promoted_after_a_moment_and_the_next_one_waits_for_a_healthy_cluster() {
    let mut stage = Stage::new();
    stage.init("cp-1");
    stage.slow_down();
    stage.join("cp-2", "2", true);
    stage.pass(0);
    assert!(stage.cluster().control().etcd.members["cp-2"].is_learner);
    // The machines of the stage wait for nothing, so the learner is promoted as soon as the cluster acts.
    stage.pass(10_000);
    assert!(!stage.cluster().control().etcd.members["cp-2"].is_learner);
}

/// What a machine says that boots like this besides a running first node.
fn refusal(user_data: &str) -> String {
    let mut stage = Stage::new();
    stage.init("cp-1");
    stage.token(TOKEN, stage.now + 60_000);
    refused_on(&mut stage, user_data)
}

fn refused_on(stage: &mut Stage, user_data: &str) -> String {
    stage.machine("w-1", "1", user_data, false);
    stage.pass(600_000);
    assert_eq!(stage.nodes(), ["cp-1 True"], "no node appears");
    stage.said("w-1")
}

fn join_with(stage: &Stage, change: impl Fn(String) -> String) -> String {
    let mut files = join_files(&stage.ca(), "w-1", TOKEN, false);
    files[0].1 = change(files[0].1.clone());
    cloud_config(&files, &format!("kubeadm join --config {KUBEADM}"))
}

#[test]
fn who_may_not_join_says_why_in_the_console_and_never_appears() {
    let mut said = Vec::new();
    let mut tell = |story: &str, change: &dyn Fn(String) -> String| {
        let mut stage = Stage::new();
        stage.init("cp-1");
        stage.token(TOKEN, stage.now + 60_000);
        let user_data = join_with(&stage, change);
        let refusal = refused_on(&mut stage, &user_data);
        let hash = super::stage::hash_of(&stage.ca());
        said.push(format!("# {story}\n{}", refusal.replace(&hash, "sha256:<own>")));
    };
    tell("an unknown token", &|text| text.replace("abcdef.", "fedcba."));
    tell("a wrong secret", &|text| text.replace("0123456789abcdef", "fedcba9876543210"));
    tell("a wrong hash", &|text| text.replace("sha256:", "sha256:00"));
    tell("another host", &|text| text.replace("demo.", "other."));
    tell("another port", &|text| text.replace(":6443", ":443"));
    tell("a field nobody knows", &|text| text.replace("discovery:", "discoverie:"));
    tell("no YAML", &|text| text.replace("discovery:", "discovery: ["));
    tell("a control plane without certificates", &|text| format!("{text}controlPlane: {{}}\n"));
    tell("a wrong certificate key", &|text| format!("{text}controlPlane: {{certificateKey: \"00\"}}\n"));
    insta::assert_snapshot!(said.join("\n\n"));
}

/// What a control-plane node says that joins with other authorities than the first node was made with.
fn refused_with(change: impl FnOnce(&mut Stage)) -> String {
    let mut stage = Stage::new();
    stage.init("cp-1");
    change(&mut stage);
    stage.join("cp-2", "2", true);
    stage.pass(600_000);
    assert_eq!(stage.nodes(), ["cp-1 True"], "no node appears");
    stage.said("cp-2")
}

#[test]
fn a_control_plane_node_whose_authorities_are_not_those_of_the_others_does_not_join() {
    let (another, key) = authority("another", true, 3650);
    let file =
        |stage: &Stage, name: &str| stage.pki.iter().position(|(file, _)| *file == name).expect("a file");
    let make = |name: &'static str, sign_with_it: bool| {
        let (another, key) = (another.clone(), key.clone());
        move |stage: &mut Stage| {
            let at = file(stage, &format!("{name}.crt"));
            let old = stage.pki[at].1.clone();
            stage.pki[at].1 = if sign_with_it { another + &old } else { old + &another };
            if sign_with_it {
                let at = file(stage, &format!("{name}.key"));
                stage.pki[at].1 = key;
            }
        }
    };
    let said = refused_with(make("etcd/ca", true));
    assert!(said.contains("signed by unknown authority"), "{said}");
    // Both are trusted by all of these; the one that was there before trusts one alone, and that one signs.
    let mut stage = Stage::new();
    stage.init("cp-1");
    make("etcd/ca", false)(&mut stage);
    stage.join("cp-2", "2", true);
    stage.pass(600_000);
    assert_eq!(stage.nodes(), ["cp-1 True", "cp-2 True"], "{}", stage.said("cp-2"));

    let said = refused_with(make("ca", false));
    assert!(said.contains("expected 1 certificate, found 2"), "{said}");
    let said = refused_with(make("ca", true));
    assert!(said.contains("none of the public keys"), "{said}");
}

#[test]
fn an_expired_token_lets_nobody_in() {
    let mut stage = Stage::new();
    stage.init("cp-1");
    stage.token(TOKEN, stage.now - 1_000);
    let user_data = join_with(&stage, |text| text);
    let said = refused_on(&mut stage, &user_data);
    assert!(
        said.contains("could not find a JWS signature in the cluster-info ConfigMap for token ID \"abcdef\""),
        "{said}"
    );
    assert!(
        stage.store().get("v1/secrets", "kube-system", "bootstrap-token-abcdef").is_none(),
        "the token cleaner was there"
    );
}

#[test]
fn a_kubelet_newer_than_the_control_plane_does_not_join() {
    let said = {
        let mut stage = Stage::new();
        stage.init("cp-1");
        stage.token(TOKEN, stage.now + 60_000);
        let mut files = join_files(&stage.ca(), "w-1", TOKEN, false);
        files.push(("/opt/check.sh".to_owned(), "kubernetes='v1.35.0'\n".to_owned()));
        refused_on(&mut stage, &cloud_config(&files, &format!("kubeadm join --config {KUBEADM}")))
    };
    assert!(said.contains("the kubelet version is higher than the control plane version"), "{said}");
}

#[test]
fn broken_user_data_never_gets_to_kubeadm() {
    assert!(refusal("#cloud-config\nwrite_files: [\nruncmd: x\n").contains("Failed loading yaml blob"));
    assert!(refusal("#!/bin/sh\nkubeadm join\n").contains("Unhandled non-multipart"));
    assert_eq!(refusal("#cloud-config\nruncmd: [[echo, hello]]\n"), "finished, datasource DataSourceAzure");
}

#[test]
fn certificates_that_are_no_good_make_no_cluster() {
    let say = |change: &dyn Fn(&mut Pki)| {
        let mut stage = Stage::new();
        change(&mut stage.pki);
        stage.init("cp-1");
        assert!(stage.world.clusters.is_empty(), "no cluster appears");
        let said = stage.said("cp-1");
        said.lines().next().unwrap_or("").to_owned()
    };
    let said = [
        say(&|pki| drop(pki.remove(1))),
        say(&|pki| pki[0].1 = "nonsense".to_owned()),
        say(&|pki| pki[1].1 = authority("other", true, 10).1),
        say(&|pki| {
            let (certificate, key) = authority("kubernetes", false, 10);
            (pki[0].1, pki[1].1) = (certificate, key);
        }),
        say(&|pki| {
            let (certificate, key) = authority("kubernetes", true, -1);
            (pki[0].1, pki[1].1) = (certificate, key);
        }),
        say(&|pki| pki[6].1 = "nonsense".to_owned()),
    ];
    let pattern = |line: &str| line.split(" NotBefore").next().unwrap_or("").to_owned();
    insta::assert_snapshot!(said.map(|line| pattern(&line)).join("\n"));
}

#[test]
fn an_endpoint_that_does_not_lead_to_the_first_machine_makes_no_cluster() {
    let mut stage = Stage::new();
    let user_data =
        cloud_config(&init_files(&stage.pki, "cp-1"), &format!("kubeadm init --config {KUBEADM}"));
    stage.machine("cp-1", "1", &user_data, false);
    assert!(stage.world.clusters.is_empty());
    assert!(stage.said("cp-1").contains("i/o timeout"), "{}", stage.said("cp-1"));
}

#[test]
fn a_world_that_is_read_again_is_the_same() {
    let mut stage = Stage::new();
    stage.init("cp-1");
    stage.join("w-1", "1", false);
    let text = serde_json::to_string(&stage.world).expect("JSON");
    let mut read: crate::World = serde_json::from_str(&text).expect("a world");
    read.rebuild();
    read.advance(stage.now);
    let shown = |world: &crate::World| -> Value { serde_json::to_value(world).expect("JSON") };
    assert_eq!(shown(&read), shown(&stage.world));
}
