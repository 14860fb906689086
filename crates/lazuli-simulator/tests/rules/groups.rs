//! Resource groups.

use lazuli_simulator::{Method, Profile};
use serde_json::json;

use crate::cloud::{Cloud, GROUP, MINUTE, SUBSCRIPTION, address, code, is_empty, net, refusal};

#[test]
fn nothing_exists_in_a_group_that_does_not() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path =
        format!("{SUBSCRIPTION}/resourceGroups/nowhere/providers/Microsoft.Network/publicIPAddresses/ip");
    for answer in [cloud.get(&path), cloud.put(&path, &address()), cloud.delete(&path)] {
        let (status, refused, message) = refusal(&answer);
        assert_eq!((status, refused), (404, "ResourceGroupNotFound"));
        assert_eq!(message, "Resource group 'nowhere' could not be found.");
        assert_eq!(answer.header("x-ms-failure-cause"), Some("gateway"));
    }
}

#[test]
fn groups_are_made_found_listed_and_asked_for() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path = format!("{SUBSCRIPTION}/resourcegroups/second");
    let head = |cloud: &mut Cloud| {
        let request = cloud.request(Method::Head, &format!("{SUBSCRIPTION}/resourcegroups/second"));
        cloud.carry_out(&request).status
    };
    assert_eq!(head(&mut cloud), 404);
    let body = json!({ "location": "West Europe", "tags": { "team": "core" } });
    assert_eq!(cloud.put(&path, &body).status, 201);
    let again = cloud.put(&path, &body);
    assert_eq!(again.status, 200);
    insta::assert_json_snapshot!(again.value());
    assert_eq!(head(&mut cloud), 204);
    let moved = cloud.put(&path, &json!({ "location": "eastus2" }));
    assert_eq!(code(&moved), (409, "InvalidResourceGroupLocation"));
    let listed = cloud.get(&format!("{SUBSCRIPTION}/resourcegroups"));
    let names: Vec<_> =
        listed.value()["value"].as_array().expect("a list").iter().map(|g| g["name"].clone()).collect();
    assert_eq!(names, ["rg-demo", "second"]);
}

#[test]
fn deleting_a_group_takes_everything_with_it() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make(&net("publicIPAddresses/ip"), &address());
    let answer = cloud.delete(GROUP);
    assert!(answer.status == 202 && is_empty(&answer));
    assert_eq!(answer.header("Retry-After"), Some("15"));
    assert!(answer.header("Azure-AsyncOperation").is_none());
    let location = answer.header("Location").expect("a location").to_owned();
    assert!(location.contains("/operationresults/"), "{location}");
    assert_eq!(cloud.get(GROUP).value()["properties"]["provisioningState"], "Deleting");
    let late = cloud.put(&net("publicIPAddresses/late"), &address());
    assert_eq!(code(&late), (409, "ResourceGroupBeingDeleted"));
    assert_eq!(cloud.get(&location).status, 202);
    cloud.pass(5 * MINUTE);
    assert_eq!(cloud.get(&location).status, 200);
    assert_eq!(code(&cloud.get(GROUP)), (404, "ResourceGroupNotFound"));
    assert_eq!(code(&cloud.get(&net("publicIPAddresses/ip"))), (404, "ResourceGroupNotFound"));
}

#[test]
fn a_group_that_is_used_from_outside_stays() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make(&format!("{SUBSCRIPTION}/resourceGroups/other"), &json!({ "location": "eastus2" }));
    let outside =
        format!("{SUBSCRIPTION}/resourceGroups/other/providers/Microsoft.Network/networkInterfaces/nic");
    cloud.make(&outside, &crate::cloud::nic("nodes"));
    let location = cloud.delete(GROUP).header("Location").expect("a location").to_owned();
    assert_eq!(code(&cloud.get(&location)), (409, "ResourceGroupDeletionBlocked"));
    assert_eq!(cloud.get(&net("virtualNetworks/net")).status, 200);
}
