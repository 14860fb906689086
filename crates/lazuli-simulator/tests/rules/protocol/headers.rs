//! What every answer carries; ids, paging, casing.

use insta::assert_snapshot;
use lazuli_simulator::{Method, Profile};
use serde_json::json;

use crate::cloud::{Cloud, GROUP, SUBSCRIPTION, address, net};

#[test]
fn every_answer_carries_the_same_headers() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    let mut lines = Vec::new();
    for (what, path) in [
        ("network", net("virtualNetworks/net")),
        ("compute", format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/none")),
        ("group", GROUP.to_owned()),
    ] {
        let answer = cloud.get(&path);
        let mut names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        lines.push(format!("{what}: {}", names.join(" ")));
    }
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_request_id_of_the_client_comes_back_only_when_it_asks() {
    let mut cloud = Cloud::new(Profile::Instant);
    for (asks, expected) in [("true", Some("mine")), ("false", None)] {
        let request = cloud
            .request(Method::Get, GROUP)
            .with_header("x-ms-client-request-id", "mine")
            .with_header("x-ms-return-client-request-id", asks);
        assert_eq!(cloud.carry_out(&request).header("x-ms-client-request-id"), expected);
    }
}

#[test]
fn the_last_page_has_no_link_and_the_versions_of_images_are_a_bare_list() {
    let mut cloud = Cloud::new(Profile::Instant);
    for name in ["a", "b"] {
        cloud.make(&net(&format!("publicIPAddresses/{name}")), &address());
    }
    cloud.settings.page_size = 1;
    let first = cloud.get(&net("publicIPAddresses"));
    let link = first.value()["nextLink"].as_str().expect("a link").to_owned();
    assert!(link.starts_with("https://localhost:8443/subscriptions/"), "{link}");
    assert!(cloud.get(&link).value().get("nextLink").is_none(), "neither null nor empty");
    let versions = "providers/Microsoft.Compute/locations/eastus2/publishers/p/artifacttypes/vmimage/offers/o/skus/s/versions";
    assert!(cloud.get(&format!("{SUBSCRIPTION}/{versions}")).value().is_array());
}

#[test]
fn groups_types_and_names_compare_without_case_and_keep_their_first_writing() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("virtualNetworks/Net"), &crate::cloud::network(&[("Nodes", "10.0.0.0/24")]));
    let shouted = |path: &str| path.replace("/resourceGroups/rg-demo", "/resourcegroups/RG-DEMO");
    for path in [
        shouted(&net("virtualnetworks/NET")),
        net("VIRTUALNETWORKS/net").replace("Microsoft.Network", "microsoft.network"),
    ] {
        assert_eq!(cloud.get(&path).value()["id"], net("virtualNetworks/Net"), "{path}");
    }
    let subnet = shouted(&net("virtualNetworks/NET/SUBNETS/nodes"));
    assert_eq!(cloud.get(&subnet).value()["id"], net("virtualNetworks/Net/subnets/Nodes"));
    let again = cloud.put(&subnet, &json!({ "properties": { "addressPrefix": "10.0.0.0/24" } }));
    assert_eq!((again.status, &again.value()["name"]), (200, &json!("Nodes")));
    let mut nic = crate::cloud::nic("nodes");
    nic["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"] = json!(subnet);
    let made = cloud.make(&net("networkInterfaces/nic"), &nic);
    assert_eq!(made["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"], "10.0.0.4");
    let used = cloud.get(&net("virtualNetworks/Net")).value().clone();
    assert!(used["properties"]["subnets"][0]["properties"]["ipConfigurations"].is_array(), "{used:#}");
}

#[test]
fn groups_are_found_by_tag() {
    let mut cloud = Cloud::new(Profile::Instant);
    for (name, team) in [("rg-a", "one"), ("rg-b", "two")] {
        let body = json!({ "location": "eastus2", "tags": { "team": team } });
        cloud.put(&format!("{SUBSCRIPTION}/resourceGroups/{name}"), &body);
    }
    let filter = "tagName%20eq%20'team'%20and%20tagValue%20eq%20'two'";
    let found = cloud.get(&format!("{SUBSCRIPTION}/resourcegroups?api-version=2025-04-01&$filter={filter}"));
    let names: Vec<&str> = found.value()["value"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|group| group["name"].as_str())
        .collect();
    assert_eq!(names, ["rg-b"]);
}
