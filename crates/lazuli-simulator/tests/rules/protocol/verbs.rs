//! Verbs and status codes.

use insta::assert_snapshot;
use lazuli_simulator::{Method, Profile};
use serde_json::json;

use super::everything::objects;
use crate::cloud::{Cloud, GROUP, SUBSCRIPTION, code, compute, identity, is_empty, net, refusal};

/// Enough for anything at the instant pace.
const SECOND: u64 = 1000;

/// What Azure's own clients take for success, by type.
fn accepted(kind: &str) -> (&'static [u16], &'static [u16]) {
    match kind.trim_start_matches("Microsoft.") {
        "Compute/disks" | "Compute/snapshots" | "Compute/diskEncryptionSets" => {
            (&[200, 202], &[200, 202, 204])
        }
        "Compute/availabilitySets" => (&[200], &[200, 204]),
        "Compute/proximityPlacementGroups" => (&[200, 201], &[200]),
        "Authorization/roleAssignments" => (&[201], &[200, 204]),
        "Resources/resourceGroups" => (&[200, 201], &[200, 202]),
        "Network/natGateways" | "Compute/galleries" => (&[200, 201, 202], &[200, 202, 204]),
        "Network/privateDnsZones" | "Network/privateDnsZones/virtualNetworkLinks" => {
            (&[200, 201, 202], &[200, 202, 204])
        }
        "Network/privateDnsZones/A"
        | "Network/privateDnsZones/AAAA"
        | "Network/privateDnsZones/CNAME"
        | "Network/privateDnsZones/TXT"
        | "Network/privateDnsZones/SRV"
        | "Network/privateDnsZones/MX"
        | "Network/privateDnsZones/PTR"
        | "Compute/sshPublicKeys"
        | "Authorization/locks"
        | "ManagedIdentity/userAssignedIdentities"
        | "ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
        | "Storage/storageAccounts/blobServices/containers" => (&[200, 201], &[200, 204]),
        "Storage/storageAccounts" => (&[200, 202], &[200, 204]),
        _ => (&[200, 201], &[200, 202, 204]),
    }
}

#[test]
fn each_type_answers_with_codes_that_its_clients_take_for_success() {
    let mut cloud = Cloud::new(Profile::Instant);
    let objects = objects();
    let mut lines = Vec::new();
    for object in &objects {
        let mut codes = Vec::new();
        for _ in ["new", "again"] {
            let answer = cloud.put(&object.path, &object.body);
            assert!(answer.status < 300, "{}: {:?}", object.path, answer.body);
            codes.push(answer.status);
            cloud.pass(SECOND);
            let read = cloud.get(&object.path);
            assert_eq!(read.status, 200, "{}: {:?}", object.path, read.body);
        }
        let (put, _) = accepted(&object.kind());
        assert!(codes.iter().all(|code| put.contains(code)), "{}: {codes:?}", object.kind());
        lines.push(format!("{:72} PUT {} {}", object.kind(), codes[0], codes[1]));
    }
    for (object, line) in objects.iter().zip(&mut lines).rev() {
        let answer = cloud.delete(&object.path);
        let (_, delete) = accepted(&object.kind());
        assert!(delete.contains(&answer.status), "{}: {} {:?}", object.path, answer.status, answer.body);
        cloud.pass(SECOND);
        assert_eq!(cloud.get(&object.path).status, 404, "{}", object.path);
        let absent = cloud.delete(&object.path).status;
        line.push_str(&format!(" DELETE {} {absent}", answer.status));
    }
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_patch_changes_tags_alone_or_more_or_does_not_exist() {
    let mut cloud = Cloud::new(Profile::Instant);
    let mut lines: Vec<String> = Vec::new();
    for object in objects() {
        assert!(cloud.put(&object.path, &object.body).status < 300, "{}", object.path);
        cloud.pass(SECOND);
        let tags = cloud.patch(&object.path, &json!({ "tags": { "a": "b" } }));
        cloud.pass(SECOND);
        let more = cloud.patch(&object.path, &json!({ "properties": {} }));
        cloud.pass(SECOND);
        let told = |answer: &lazuli_simulator::Response| match answer.status < 300 {
            true => answer.status.to_string(),
            false => format!("{} {}", answer.status, code(answer).1),
        };
        lines.push(format!("{:72} tags {:24} properties {}", object.kind(), told(&tags), told(&more)));
    }
    lines.dedup();
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_patch_of_a_subnet_is_not_known_in_azures_words() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    let answer = cloud.patch(&net("virtualNetworks/net/subnets/nodes"), &json!({ "properties": {} }));
    assert_eq!(
        refusal(&answer),
        (405, "MethodNotAllowed", "The requested resource does not support http method 'PATCH'.")
    );
}

#[test]
fn groups_are_asked_for_by_head_and_everything_else_too() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    let nowhere = format!("{SUBSCRIPTION}/resourceGroups/rg-none");
    for (path, expected) in [
        (GROUP.to_owned(), 204),
        (nowhere.clone(), 404),
        (net("virtualNetworks/net"), 204),
        (net("virtualNetworks/net/subnets/nodes"), 204),
        (net("virtualNetworks/none"), 404),
    ] {
        let request = cloud.request(Method::Head, &path);
        let answer = cloud.carry_out(&request);
        assert_eq!((answer.status, is_empty(&answer)), (expected, true), "{path}");
    }
    assert_eq!(code(&cloud.delete(&nowhere)), (404, "ResourceGroupNotFound"), "groups are no other types");
    assert_eq!(
        code(&cloud.delete(&format!("{nowhere}/providers/Microsoft.Network/routeTables/rt"))),
        (404, "ResourceGroupNotFound"),
        "the gateway looks first"
    );
}

#[test]
fn preconditions_follow_the_table_of_the_contract() {
    const OLD: &str = "W/\"00000000-0000-0000-0000-000000000000\"";
    let path = net("routeTables/rt");
    let body = json!({ "location": "eastus2", "properties": {} });
    let mut lines = Vec::new();
    for method in [Method::Put, Method::Patch, Method::Delete] {
        for exists in [false, true] {
            for (name, value) in [
                ("none", ""),
                ("If-Match", "*"),
                ("If-Match", "current"),
                ("If-Match", OLD),
                ("If-None-Match", "*"),
            ] {
                let mut cloud = Cloud::new(Profile::Instant);
                let etag = match exists {
                    true => cloud.make(&path, &body)["etag"].as_str().expect("an etag").to_owned(),
                    false => OLD.to_owned(),
                };
                let mut request = cloud.request(method, &path);
                if name != "none" {
                    request = request.with_header(name, if value == "current" { &etag } else { value });
                }
                let request = match method {
                    Method::Put => request.with_json(&body),
                    Method::Patch => request.with_json(&json!({ "tags": {} })),
                    _ => request,
                };
                let answer = cloud.carry_out(&request);
                let value = if value == OLD { "other" } else { value };
                lines.push(format!(
                    "{:6} {:9} {:22} {} {}",
                    method.as_str(),
                    if exists { "existing" } else { "absent" },
                    format!("{name} {value}"),
                    answer.status,
                    code(&answer).1
                ));
            }
        }
    }
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn types_without_etags_do_not_look_at_preconditions_and_parts_have_those_of_the_whole() {
    let mut cloud = Cloud::new(Profile::Instant);
    let robot = identity("robot");
    cloud.make(&robot, &json!({ "location": "eastus2" }));
    let request = cloud
        .request(Method::Put, &robot)
        .with_header("If-None-Match", "*")
        .with_json(&json!({ "location": "eastus2" }));
    assert_eq!(cloud.carry_out(&request).status, 200);
    let whole = cloud.make_network()["etag"].clone();
    let subnet = net("virtualNetworks/net/subnets/nodes");
    let read = cloud.get(&subnet);
    assert_eq!(read.value()["etag"], whole);
    let body = json!({ "properties": { "addressPrefix": "10.0.0.0/24" } });
    for (etag, expected) in [("W/\"x\"", 412), (whole.as_str().expect("an etag"), 200)] {
        let request = cloud.request(Method::Put, &subnet).with_header("If-Match", etag).with_json(&body);
        assert_eq!(cloud.carry_out(&request).status, expected, "{etag}");
    }
    let other = net("virtualNetworks/net/subnets/none");
    let request = cloud.request(Method::Put, &other).with_header("If-Match", "*").with_json(&body);
    assert_eq!(cloud.carry_out(&request).status, 412);
    let request = cloud.request(Method::Delete, &other).with_header("If-Match", "*");
    assert_eq!(cloud.carry_out(&request).status, 204);
}

#[test]
fn a_machine_shows_its_instance_view_where_it_is_asked_for() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic-node");
    let path = compute("virtualMachines/node");
    assert!(cloud.make(&path, &crate::cloud::machine("node"))["properties"].get("instanceView").is_none());
    let expanded = cloud.get(&format!("{path}?api-version=2025-04-01&$expand=instanceView"));
    let view = cloud.get(&format!("{path}/instanceView")).value().clone();
    assert_eq!(expanded.value()["properties"]["instanceView"], view);
    assert_snapshot!(serde_json::to_string_pretty(&view["statuses"]).expect("JSON"));
    let all = format!("{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines");
    let listed = cloud.get(&format!("{all}?api-version=2025-04-01&statusOnly=true"));
    assert_eq!(listed.value()["value"][0]["properties"]["instanceView"], view);
}
