//! The user-data of nodes: whole documents as snapshots, and laws that hold for any input.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod samples;

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazuli_kubernetes::user_data::{
    BootSecrets, MAX_BYTES, NodeBoot, NodeRole, Proxy, Taint, TaintEffect, UserData, UserDataError,
    cluster_configuration, kubelet_may_set_label,
};
use proptest::prelude::*;
use serde_json::Value;

fn render(node: &NodeBoot) -> Result<UserData, UserDataError> {
    lazuli_kubernetes::user_data::render(node, &samples::secrets(node))
}

/// The document, unpacked where it is packed.
fn text(node: &NodeBoot) -> String {
    let data = render(node).unwrap();
    let mut text = String::new();
    match data.as_bytes().starts_with(&[0x1f, 0x8b]) {
        true => flate2::read::GzDecoder::new(data.as_bytes()).read_to_string(&mut text).unwrap(),
        false => data.as_bytes().read_to_string(&mut text).unwrap(),
    };
    text
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text.strip_prefix("#cloud-config\n").unwrap()).unwrap()
}

fn file(node: &NodeBoot, path: &str) -> Option<String> {
    let config = parsed(&text(node));
    let files = config["write_files"].as_array().unwrap();
    files.iter().find(|f| f["path"] == path).map(|f| f["content"].as_str().unwrap().to_owned())
}

/// The document, with the contents of files below it as they are on the node.
fn unpacked(node: &NodeBoot) -> String {
    let mut config = parsed(&text(node));
    let mut below = String::new();
    for file in config["write_files"].as_array_mut().unwrap() {
        let content = file["content"].as_str().unwrap();
        let path = file["path"].as_str().unwrap();
        below.push_str(&format!("\n======== {path} {}\n{content}", file["permissions"].as_str().unwrap()));
        file["content"] = "(below)".into();
    }
    format!("{config:#}\n{below}")
}

#[test]
fn the_first_control_plane_node_gets_a_disk_for_etcd_and_a_cluster_to_make() {
    insta::assert_snapshot!("first", unpacked(&samples::first()));
}

#[test]
fn a_further_control_plane_node_gets_a_disk_for_etcd_and_a_cluster_to_join() {
    insta::assert_snapshot!("further", unpacked(&samples::further()));
}

#[test]
fn a_worker_gets_no_disk_but_commands_and_labels() {
    insta::assert_snapshot!("worker", unpacked(&samples::worker()));
}

#[test]
fn while_two_authorities_are_trusted_nodes_know_both_and_the_controller_manager_signs_with_one() {
    let keys = samples::keys_with_another();
    let document = |node: NodeBoot| {
        let node = NodeBoot { two_authorities: true, ..node };
        let secrets = BootSecrets::of(&keys, node.role, &node.name).unwrap();
        let data = lazuli_kubernetes::user_data::render(&node, &secrets).unwrap();
        let text = String::from_utf8(data.as_bytes().to_vec()).unwrap();
        let files = parsed(&text)["write_files"].as_array().unwrap().clone();
        move |path: &str| {
            let file = files.iter().find(|file| file["path"] == path);
            file.map(|file| file["content"].as_str().unwrap().to_owned())
        }
    };
    let hashes = keys.cluster_ca.hashes().unwrap();
    assert_eq!(hashes.len(), 2);
    let signing = "/etc/kubernetes/pki/signing-ca.crt";
    for (node, signs) in [(samples::further(), true), (samples::worker(), false)] {
        let file = document(node);
        let config: Value = serde_json::from_str(&file("/run/lazuli/kubeadm.yaml").unwrap()).unwrap();
        assert_eq!(config["discovery"]["bootstrapToken"]["caCertHashes"], Value::from(hashes.clone()));
        assert_eq!(file(signing), signs.then(|| samples::keys().cluster_ca.certificate_pem));
    }
    let settings = |two_authorities| {
        let node = NodeBoot { two_authorities, ..samples::further() };
        cluster_configuration(&node).unwrap()["controllerManager"]["extraArgs"].to_string()
    };
    assert!(settings(true).contains(signing) && !settings(false).contains("signing"));
}

#[test]
fn what_cloud_init_reads_is_a_header_and_json() {
    insta::assert_snapshot!("worker-as-sent", text(&samples::worker()));
}

#[test]
fn kubeadm_of_1_30_is_written_its_older_api() {
    let older = |node: NodeBoot| NodeBoot { kubernetes: "1.30.14".parse().unwrap(), ..node };
    let kubeadm = |node| file(&older(node), "/run/lazuli/kubeadm.yaml").unwrap();
    insta::assert_snapshot!(
        "kubeadm-v1beta3",
        format!("{}---\n{}", kubeadm(samples::first()), kubeadm(samples::further()))
    );
}

#[test]
fn rendering_twice_gives_the_same_bytes_and_base64_gives_them_back() {
    let data = render(&samples::worker()).unwrap();
    assert_eq!(data, render(&samples::worker()).unwrap());
    assert_eq!(STANDARD.decode(data.custom_data()).unwrap(), data.as_bytes());
}

#[test]
fn commands_and_user_data_do_not_show_in_debug_output() {
    let node = NodeBoot { pre_bootstrap: vec!["login --password hunter2".into()], ..samples::worker() };
    let node = samples::private(node);
    let shown = format!("{node:?} {:?}", render(&node).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("pre_bootstrap: 1 commands"), "{shown}");
}

#[test]
fn characters_that_yaml_reads_otherwise_than_json_are_escaped() {
    let node =
        NodeBoot { pre_bootstrap: vec!["a\u{7f}\u{85}\u{2028}\u{feff}é🦀".into()], ..samples::worker() };
    let text = text(&node);
    assert!(text.contains(r"a\u007f\u0085\u2028\ufeffé🦀"), "{text}");
}

#[test]
fn a_large_document_is_packed_and_says_the_same() {
    let (plain, packed) = (render(&samples::worker()).unwrap(), render(&samples::packed()).unwrap());
    assert!(plain.as_bytes().starts_with(b"#cloud-config"));
    assert!(
        packed.as_bytes().starts_with(&[0x1f, 0x8b])
            && packed.as_bytes().len() * 2 < text(&samples::packed()).len()
    );
    assert_eq!(packed, render(&samples::packed()).unwrap(), "no time of day is in it");
    let script = file(&samples::packed(), "/run/lazuli/steps/40-post-bootstrap.sh").unwrap();
    assert!(script.ends_with("run 999 'echo 999'\n"));
}

#[test]
fn a_document_may_be_as_large_as_azure_takes() {
    // Text that compresses badly, always the same.
    let noise = |length: usize| {
        let mut seed = 1_u64;
        let next = |_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + (seed >> 59) as u8 % 26)
        };
        (0..length).map(next).collect::<String>()
    };
    let with = |length: usize| NodeBoot { pre_bootstrap: vec![noise(length)], ..samples::worker() };
    assert!(render(&with(90_000)).unwrap().as_bytes().len() <= MAX_BYTES);
    let error = render(&with(140_000)).unwrap_err();
    assert!(matches!(error, UserDataError::TooLarge { commands: 140_023, .. }), "{error}");
}

#[test]
fn a_private_cluster_with_everything_is_written_in_the_older_api() {
    let node = |sample| samples::private(sample);
    insta::assert_snapshot!("private-first", unpacked(&node(samples::first())));
    let further = node(samples::further());
    let only = ["/run/lazuli/kubeadm.yaml", "/run/lazuli/steps/30-kubeadm.sh"]
        .map(|path| file(&further, path).unwrap());
    insta::assert_snapshot!("private-further", only.join("---\n"));
    let worker = file(&node(samples::worker()), "/run/lazuli/steps/30-kubeadm.sh").unwrap();
    assert!(worker.starts_with("host=''\n"), "a worker is no backend of the load balancer: {worker}");
}

#[test]
fn only_the_first_node_is_given_keys_and_it_removes_the_copies() {
    let keys = |node: &NodeBoot| text(node).matches("PRIVATE KEY-----").count();
    assert_eq!(keys(&samples::first()), 8, "four, each with a beginning and an end");
    for node in [samples::further(), samples::worker(), samples::private(samples::further())] {
        assert_eq!(keys(&node), 0, "{}", node.name);
        assert_eq!(file(&node, "/run/lazuli/steps/90-remove-traces.sh"), None);
    }
    assert!(file(&samples::first(), "/run/lazuli/steps/90-remove-traces.sh").is_some());
}

#[test]
fn secrets_of_another_role_are_refused() {
    let node = samples::worker();
    let secrets = BootSecrets::of(&samples::keys(), NodeRole::FirstControlPlane, &node.name).unwrap();
    let error = lazuli_kubernetes::user_data::render(&node, &secrets).unwrap_err();
    assert!(matches!(error, UserDataError::WrongSecrets { .. }), "{error}");
    assert_eq!(format!("{secrets:?}"), "Init(hidden)");
}

#[test]
fn what_init_writes_into_the_cluster_is_the_same_for_every_control_plane_node() {
    let (first, further) =
        (cluster_configuration(&samples::first()), cluster_configuration(&samples::further()));
    assert_eq!(first, further);
    let kubeadm = file(&samples::first(), "/run/lazuli/kubeadm.yaml").unwrap();
    let written: Value = serde_json::from_str(kubeadm.split("---\n").next().unwrap()).unwrap();
    assert_eq!(first.unwrap(), written);
}

#[test]
fn apt_of_any_user_reads_the_proxy_unless_it_has_a_password() {
    let permissions = |address: &str| {
        let proxy = Proxy { http: Some(address.into()), ..Proxy::default() };
        let document = parsed(&text(&NodeBoot { proxy: Some(proxy), ..samples::worker() }));
        let files = document["write_files"].as_array().unwrap().clone();
        let apt = files.into_iter().find(|file| file["path"] == "/etc/apt/apt.conf.d/90lazuli-proxy");
        apt.unwrap()["permissions"].as_str().unwrap().to_owned()
    };
    assert_eq!(permissions("http://proxy:3128"), "0644");
    assert_eq!(permissions("http://me:hunter2@proxy:3128"), "0600");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let node = samples::worker();
    let arg = |name: &str, value: &str| NodeBoot {
        kubelet_args: [(name.to_owned(), value.to_owned())].into(),
        ..node.clone()
    };
    let errors = [
        arg("node-labels", "a=b"),
        arg("hostname-override", "me"),
        arg("--max-pods", "60"),
        arg("feature-gates", "A=true, B=true"),
        NodeBoot { feature_gates: [("A,B".to_owned(), true)].into(), ..node.clone() },
        NodeBoot {
            api_server_args: [("anonymous-auth".to_owned(), "false".to_owned())].into(),
            ..node.clone()
        },
        NodeBoot { api_server_args: [("secure-port".to_owned(), "1".to_owned())].into(), ..node.clone() },
        NodeBoot {
            controller_manager_args: [("cluster-cidr".to_owned(), "x".to_owned())].into(),
            ..node.clone()
        },
        NodeBoot { scheduler_args: [("--v".to_owned(), "hunter2".to_owned())].into(), ..node.clone() },
        NodeBoot { cert_sans: vec!["https://a".to_owned()], ..node.clone() },
        NodeBoot {
            proxy: Some(Proxy { https: Some("http://a:hunter2@b c".into()), ..Proxy::default() }),
            ..node.clone()
        },
        NodeBoot { labels: [("a/b/c".into(), "d".into())].into(), ..node.clone() },
        NodeBoot { labels: [("a".into(), "b,c=d".into())].into(), ..node.clone() },
        NodeBoot {
            taints: vec![Taint { key: "-".into(), value: "x".into(), effect: TaintEffect::NoExecute }],
            ..node.clone()
        },
        NodeBoot { post_bootstrap: vec!["true".into(), "secret\0".into()], ..node.clone() },
    ];
    let too_large = UserDataError::TooLarge { node: node.name.clone(), bytes: 70_000, commands: 100_000 };
    let told: Vec<_> = errors.iter().map(|node| render(node).unwrap_err().to_string()).collect();
    let told = told.into_iter().chain([too_large.to_string()]).collect::<Vec<_>>();
    insta::assert_snapshot!("mistakes", told.join("\n"));
}

#[test]
fn a_kubelet_gives_itself_only_labels_it_may() {
    for key in [
        "team",
        "example.com/a",
        "notkubernetes.io/a",
        "topology.kubernetes.io/zone",
        "a.node.kubernetes.io/b",
    ] {
        assert!(kubelet_may_set_label(key), "{key}");
    }
    for key in [
        "node-role.kubernetes.io/worker",
        "node-restriction.kubernetes.io/a",
        "kubernetes.io/a",
        "x.k8s.io/a",
        "notnode.kubernetes.io/a",
    ] {
        assert!(!kubelet_may_set_label(key), "{key}");
    }
}

#[test]
fn effects_of_taints_are_read_as_kubernetes_writes_them() {
    assert_eq!("NoExecute".parse(), Ok(TaintEffect::NoExecute));
    assert!("noexecute".parse::<TaintEffect>().is_err());
}

proptest! {
    #[test]
    fn no_text_of_a_user_breaks_the_document(
        labels in prop::collection::btree_map(any::<String>(), any::<String>(), 0..3),
        good_labels in prop::collection::btree_map("[a-z]([a-z.]{0,5}[a-z]/[a-z])?", "[a-zA-Z0-9]{0,9}", 0..3),
        args in prop::collection::btree_map("[a-z-]{0,9}", any::<String>(), 0..2),
        before in prop::collection::vec(any::<String>(), 0..4),
        after in prop::collection::vec(any::<String>(), 0..4),
        cluster in any::<String>(),
    ) {
        let node = NodeBoot {
            labels: good_labels,
            pre_bootstrap: before.iter().map(|c| c.replace('\0', "")).collect(),
            post_bootstrap: after.iter().map(|c| c.replace('\0', "")).collect(),
            cluster: cluster.clone(),
            kubelet_args: Default::default(),
            ..samples::first()
        };
        // A label may still be refused (`a..b/c`); everything else must be rendered.
        match render(&node) {
            Err(error) => prop_assert!(matches!(error, UserDataError::BadLabel { .. }), "{error}"),
            Ok(_) => {
                parsed(&text(&node));
                let kubeadm = file(&node, "/run/lazuli/kubeadm.yaml").unwrap();
                let documents: Vec<Value> =
                    kubeadm.split("---\n").map(|d| serde_json::from_str(d).unwrap()).collect();
                prop_assert_eq!(&documents[0]["clusterName"], &cluster);
                let script = file(&node, "/run/lazuli/steps/10-pre-bootstrap.sh");
                prop_assert_eq!(script.is_none(), node.pre_bootstrap.is_empty());
            }
        }
        // Anything at all: a document that can be read, with one line of flags, or an error.
        let wild = NodeBoot { labels, kubelet_args: args, pre_bootstrap: before, post_bootstrap: after, ..node };
        if let Ok(data) = render(&wild) {
            prop_assert!(data.as_bytes().len() <= MAX_BYTES);
            parsed(&text(&wild));
            let flags = file(&wild, "/etc/lazuli/kubelet.env").unwrap();
            prop_assert_eq!(flags.lines().count(), 1);
            prop_assert_eq!(flags.matches('"').count(), 2);
        }
    }
}
