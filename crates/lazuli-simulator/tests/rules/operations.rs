//! Long-running operations: what clients are told, per type and per pace.

use lazuli_simulator::Profile;
use serde_json::json;

use crate::cloud::{Cloud, MINUTE, address, code, is_empty, net, network, nic, refusal};

#[test]
fn a_network_takes_its_time_and_changes_its_etag_when_done() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let path = net("virtualNetworks/net");
    let answer = cloud.put(&path, &network(&[("nodes", "10.0.0.0/24")]));
    assert_eq!((answer.status, answer.header("Retry-After")), (201, Some("3")));
    assert!(answer.accept_ms > 0, "accepting takes time too");
    let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    assert!(poll.starts_with("https://localhost:8443/subscriptions/"), "{poll}");
    assert!(poll.contains("/providers/Microsoft.Network/locations/eastus2/operations/"), "{poll}");
    let running = cloud.get(&poll);
    assert_eq!((running.status, running.value()), (200, &json!({ "status": "InProgress" })));
    let early = cloud.get(&path);
    assert_eq!(early.value()["properties"]["provisioningState"], "Updating");
    assert_eq!(early.header("ETag"), early.value()["etag"].as_str());
    cloud.pass(MINUTE);
    assert_eq!(cloud.get(&poll).value(), &json!({ "status": "Succeeded" }));
    let done = cloud.get(&path);
    assert_eq!(done.value()["properties"]["provisioningState"], "Succeeded");
    assert_ne!(done.value()["etag"], answer.value()["etag"]);
    let same = cloud.put(&path, &network(&[("nodes", "10.0.0.0/24")]));
    assert_eq!((same.status, &same.value()["properties"]["provisioningState"]), (200, &json!("Succeeded")));
    assert!(same.header("Azure-AsyncOperation").is_some());
}

#[test]
fn a_network_and_its_subnets_are_one_lock() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    let subnet = |name: &str| net(&format!("virtualNetworks/net/subnets/{name}"));
    let first = cloud.put(&subnet("a"), &json!({ "properties": { "addressPrefix": "10.0.1.0/24" } }));
    assert_eq!(first.status, 201);
    let poll = first.header("Azure-AsyncOperation").expect("an operation").to_owned();
    let body = json!({ "properties": { "addressPrefix": "10.0.2.0/24" } });
    let second = cloud.put(&subnet("b"), &body);
    let (status, refused, message) = refusal(&second);
    assert_eq!((status, refused), (409, "AnotherOperationInProgress"));
    assert!(message.contains(&poll), "{message}");
    for answer in [cloud.delete(&subnet("nodes")), cloud.delete(&net("virtualNetworks/net"))] {
        assert_eq!(code(&answer), (409, "AnotherOperationInProgress"));
    }
    assert_eq!(
        cloud.put(&net("networkInterfaces/nic"), &nic("nodes")).status,
        201,
        "interfaces do not take the lock"
    );
    cloud.pass(MINUTE);
    assert_eq!(cloud.put(&subnet("b"), &body).status, 201);
}

#[test]
fn a_delete_is_polled_by_location_until_it_answers_204() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let path = net("publicIPAddresses/ip");
    cloud.make(&path, &address());
    let answer = cloud.delete(&path);
    assert!(answer.status == 202 && is_empty(&answer));
    assert_eq!(answer.header("Retry-After"), Some("10"));
    assert!(answer.header("Azure-AsyncOperation").is_some());
    let location = answer.header("Location").expect("a location").to_owned();
    assert!(location.contains("/operationResults/"), "{location}");
    let repeated = cloud.delete(&path);
    assert_eq!((repeated.status, repeated.header("Location")), (202, Some(location.as_str())));
    let waiting = cloud.get(&location);
    assert_eq!((waiting.status, waiting.header("Retry-After")), (202, Some("10")));
    assert_eq!(cloud.get(&path).value()["properties"]["provisioningState"], "Deleting");
    cloud.pass(MINUTE);
    assert_eq!(cloud.get(&location).status, 204);
    assert_eq!(cloud.get(&path).status, 404);
    assert_eq!(cloud.delete(&path).status, 204);
}

#[test]
fn the_fast_pace_gives_short_waits_in_milliseconds() {
    let mut cloud = Cloud::new(Profile::Fast);
    let answer = cloud.put(&net("virtualNetworks/net"), &network(&[]));
    assert_eq!(answer.header("Retry-After"), None);
    assert_eq!(answer.header("retry-after-ms"), Some("150"));
    assert_eq!(answer.header("x-ms-retry-after-ms"), Some("150"));
    let mut instant = Cloud::new(Profile::Instant);
    let answer = instant.put(&net("virtualNetworks/net"), &network(&[]));
    assert_eq!((answer.header("Retry-After"), answer.accept_ms), (Some("0"), 0));
    let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    assert_eq!(instant.get(&poll).value()["status"], "Succeeded", "complete at the first poll");
}

#[test]
fn a_resource_on_its_way_out_cannot_be_referred_to_or_written() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make(&net("publicIPAddresses/ip"), &address());
    cloud.delete(&net("publicIPAddresses/ip"));
    let gateway = json!({
        "location": "eastus2", "sku": { "name": "Standard" },
        "properties": { "publicIpAddresses": [{ "id": net("publicIPAddresses/ip") }] },
    });
    assert_eq!(
        code(&cloud.put(&net("natGateways/nat"), &gateway)),
        (409, "ReferencedResourceNotProvisioned")
    );
    assert_eq!(
        code(&cloud.put(&net("publicIPAddresses/ip"), &address())),
        (409, "AnotherOperationInProgress")
    );
}

#[test]
fn every_answer_carries_request_ids_and_remaining_quota() {
    let mut cloud = Cloud::new(Profile::Instant);
    let request = cloud
        .request(lazuli_simulator::Method::Get, &net("virtualNetworks"))
        .with_header("x-ms-client-request-id", "mine")
        .with_header("x-ms-return-client-request-id", "true")
        .with_header("x-ms-correlation-request-id", "ours");
    let answer = cloud.carry_out(&request);
    assert_eq!(answer.header("x-ms-client-request-id"), Some("mine"));
    assert_eq!(answer.header("x-ms-correlation-request-id"), Some("ours"));
    for name in ["x-ms-request-id", "x-ms-routing-request-id", "x-ms-arm-service-request-id", "Expires"] {
        assert!(answer.header(name).is_some(), "{name}");
    }
    assert_eq!(answer.header("x-ms-ratelimit-remaining-subscription-reads"), Some("249"));
    let other = cloud.get(&net("virtualNetworks"));
    assert_ne!(other.header("x-ms-request-id"), answer.header("x-ms-request-id"));
}

#[test]
fn signed_urls_are_long_and_must_come_back_to_the_letter() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.settings.faults.signed_urls = true;
    let answer = cloud.put(&net("virtualNetworks/net"), &network(&[("nodes", "10.0.0.0/24")]));
    let url = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    assert!((3500..4096).contains(&url.len()), "{}", url.len());
    assert_eq!(cloud.get(&url).value()["status"], "InProgress");
    let (cut, _) = url.split_once("&t=").expect("a signature");
    assert_eq!(cloud.get(cut).status, 403);
    cloud.pass(MINUTE);
    assert_eq!(cloud.get(&url).value()["status"], "Succeeded");
    let deleted = cloud.delete(&net("virtualNetworks/net"));
    let place = deleted.header("Location").expect("a place").to_owned();
    let waiting = cloud.get(&place);
    assert_eq!((waiting.status, waiting.header("Location")), (202, Some(place.as_str())));
    cloud.pass(MINUTE);
    assert_eq!(cloud.get(&place).status, 204);
}
