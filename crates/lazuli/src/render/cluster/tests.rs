use anstream::adapter::strip_str;

use super::*;

fn node(name: &str, ready: Condition) -> ShownNode {
    let control_plane = name.contains("cp");
    ShownNode {
        name: name.into(),
        address: Some(format!("cluster.prod.{name}")),
        control_plane,
        wanted: "v1.34.2".into(),
        seen: Some(NodeStatus {
            name: name.into(),
            control_plane,
            ready,
            version: "v1.33.6".into(),
            zone: "eastus2-1".into(),
            cordoned: !control_plane,
            joined: None,
            certificates_end: None,
        }),
    }
}

fn prod() -> Shown {
    let lost = Condition::NotReady {
        status: "Unknown".into(),
        seconds: 600,
        reason: "NodeStatusUnknown: Kubelet stopped posting node status.".into(),
    };
    let member = |name: &str, healthy| EtcdMember {
        id: 1,
        name: name.into(),
        host: "10.40.0.4".into(),
        learner: false,
        healthy,
    };
    Shown {
        name: "prod".into(),
        address: "cluster.prod".into(),
        endpoint: "https://prod-3f2a91c7.eastus2.cloudapp.azure.com:6443".into(),
        version: "v1.34.2".into(),
        unreachable: None,
        api_version: Some("v1.33.6".into()),
        etcd: Some(Ok(vec![member("prod-cp-1-a41c", true), member("prod-cp-2-a41c", false)])),
        nodes: vec![
            node("prod-cp-1-a41c", Condition::Ready),
            node("prod-general-1-77d0", lost),
            ShownNode { seen: None, ..node("prod-general-2-77d0", Condition::Ready) },
            ShownNode { address: None, wanted: String::new(), ..node("somebody-else", Condition::Ready) },
        ],
    }
}

#[test]
fn status_says_of_each_node_how_it_is_and_what_is_wanted() {
    insta::assert_snapshot!(strip_str(&status(&prod(), 100)).to_string());
    insta::assert_json_snapshot!(status_json(&prod()));
}

#[test]
fn of_a_cluster_that_does_not_answer_the_state_is_shown() {
    let silent = Shown {
        unreachable: Some("connection refused".into()),
        api_version: None,
        etcd: None,
        nodes: vec![ShownNode { seen: None, ..node("prod-cp-1-a41c", Condition::Ready) }],
        ..prod()
    };
    insta::assert_snapshot!(strip_str(&status(&silent, 80)).to_string());
}

#[test]
fn checks_end_with_a_verdict() {
    let check = |what: &str, verdict, text: &str| Check { what: what.into(), verdict, text: text.into() };
    let all = [
        check("API server", Verdict::Good, "answers, version v1.34.2"),
        check("certificates", Verdict::Warning, "prod-cp-1-a41c's end on 2026-12-10"),
        check("etcd", Verdict::Bad, "2 of 3 members healthy, quorum is 2; not healthy: prod-cp-3-a41c"),
    ];
    insta::assert_snapshot!(strip_str(&checks("prod", &all, 60)).to_string());
    assert!(is_well(&all[..2]) && !is_well(&all));
    insta::assert_json_snapshot!(checks_json("prod", &all));
}
