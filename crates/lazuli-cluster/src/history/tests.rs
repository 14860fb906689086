use insta::assert_snapshot;
use lazuli_core::{Diagnostic, Json};
use serde_json::json;

use super::refused;
use crate::roster::Renewals;
use crate::testing::{CLUSTER, PROFILE, applied, decode, edited, expanded_inside, nothing};

/// What is said when a cluster that was applied with one profile and cluster is asked to become another one.
fn told(before: (&str, &str), after: (&str, &str), edit: impl Fn(&str, &mut Json)) -> String {
    let cluster = |(profile, text): (&str, &str)| decode(profile, text).cluster.unwrap();
    let first = expanded_inside(&cluster(before), &nothing(), &Renewals::new());
    let mut world = applied(&nothing(), &first);
    for recorded in world.resources.values_mut() {
        edit(recorded.address.as_str(), &mut recorded.inputs);
    }
    let next = expanded_inside(&cluster(after), &world, &Renewals::new());
    let line = |d: &Diagnostic| {
        format!("{} {}\n  help: {}\n", d.code, d.message, d.help.clone().unwrap_or_default())
    };
    refused(&next, &world).iter().map(line).collect()
}

fn version(version: &str) -> String {
    edited(PROFILE, "1.34.2", version)
}

#[test]
fn kubernetes_goes_forward_one_minor_at_a_time() {
    let to = |next: &str| told((PROFILE, CLUSTER), (&version(next), CLUSTER), |_, _| {});
    for allowed in ["1.34.2", "1.34.9", "1.35.0"] {
        assert_eq!(to(allowed), "", "{allowed}");
    }
    assert_snapshot!(to("1.36.0"));
    assert_snapshot!(to("1.33.7"));
    assert_snapshot!(to("1.34.1"));
}

#[test]
fn a_rollout_that_was_begun_may_go_on_and_nowhere_else() {
    let begun = |address: &str, inputs: &mut Json| {
        if address == "cluster.prod.control_plane.node[\"1\"].member" {
            inputs["properties"]["version"] = json!("v1.35.0");
        }
    };
    assert_eq!(told((PROFILE, CLUSTER), (&version("1.35.0"), CLUSTER), begun), "");
    assert!(told((PROFILE, CLUSTER), (PROFILE, CLUSTER), begun).starts_with("LZ0247"));
    assert!(told((PROFILE, CLUSTER), (&version("1.36.0"), CLUSTER), begun).starts_with("LZ0247"));
}

#[test]
fn workers_that_were_left_behind_come_first() {
    let left = |minor: u32| {
        move |address: &str, inputs: &mut Json| {
            if address.contains("worker_pool") && address.ends_with(".member") {
                inputs["properties"]["version"] = json!(format!("v1.{minor}.0"));
            }
        }
    };
    assert_eq!(told((PROFILE, CLUSTER), (&version("1.35.0"), CLUSTER), left(32)), "");
    assert_snapshot!(told((PROFILE, CLUSTER), (&version("1.35.0"), CLUSTER), left(31)));
}

#[test]
fn what_is_decided_when_a_cluster_is_made_stays() {
    let network = |lines: &str| edited(PROFILE, "}\n}\n", &format!("}}\n  network {{\n{lines}  }}\n}}\n"));
    let other = network(
        "    pod_cidr = \"172.16.0.0/16\"\n    service_cidr = \"172.20.0.0/16\"\n    cni = \"manifests\"\n    manifests = [\"calico.yaml\"]\n",
    );
    let port =
        edited(CLUSTER, "  control_plane {\n", "  api_server {\n    port = 443\n  }\n  control_plane {\n");
    assert_snapshot!(told((PROFILE, CLUSTER), (&other, &port), |_, _| {}));
}
