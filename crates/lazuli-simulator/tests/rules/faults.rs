//! Planned faults and the hostile profile.

use lazuli_simulator::{Delivery, Faults, Profile};
use serde_json::json;

use crate::cloud::{Cloud, MINUTE, address, code, compute, machine, net};

fn with_faults(profile: Profile, faults: &str) -> Cloud {
    let mut cloud = Cloud::new(profile);
    cloud.settings.faults = Faults::parse(faults).expect("faults");
    cloud
}

#[test]
fn the_second_machine_fails_and_stays_failed_until_it_is_written_again() {
    let faults = r#"{"faults": [{"method": "PUT", "path": "/virtualMachines/", "nth": 2,
        "answer": {"operation_fails": {"code": "AllocationFailed", "message": "Allocation failed."}}}]}"#;
    let mut cloud = with_faults(Profile::Realistic, faults);
    cloud.make_network();
    for name in ["a", "b"] {
        cloud.make_nic(&format!("nic-{name}"));
        let answer = cloud.put(&compute(&format!("virtualMachines/{name}")), &machine(name));
        assert_eq!(answer.status, 201);
        let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
        cloud.pass(5 * MINUTE);
        let status = cloud.get(&poll);
        let (word, state) = if name == "a" { ("Succeeded", "Succeeded") } else { ("Failed", "Failed") };
        assert_eq!((status.status, &status.value()["status"]), (200, &json!(word)));
        if name == "b" {
            assert_eq!(status.value()["error"]["code"], "AllocationFailed");
        }
        let shown = cloud.get(&compute(&format!("virtualMachines/{name}")));
        assert_eq!(shown.value()["properties"]["provisioningState"], state);
    }
    let again = cloud.make(&compute("virtualMachines/b"), &machine("b"));
    assert_eq!(again["properties"]["provisioningState"], "Succeeded");
    let view = cloud.get(&compute("virtualMachines/b/instanceView"));
    assert_eq!(view.value()["statuses"][1]["code"], "PowerState/running");
}

#[test]
fn an_answer_is_lost_after_the_work_was_accepted() {
    let faults = r#"{"faults": [{"path": "/routeTables/*rt", "times": 1, "answer": "drop_after_accept"}]}"#;
    let mut cloud = with_faults(Profile::Instant, faults);
    let body = json!({ "location": "eastus2" });
    assert_eq!(cloud.put(&net("routeTables/rt"), &body).delivery, Delivery::Drop);
    let found = cloud.get(&net("routeTables/rt"));
    assert_eq!((found.status, found.delivery), (200, Delivery::Answer));
}

#[test]
fn refusals_and_throttling_are_counted_deterministically() {
    let faults = r#"{"faults": [
        {"method": "GET", "path": "/publicIPAddresses", "after": 1, "times": 2, "answer": {"throttle": {"retry_after": 5}}},
        {"method": "PUT", "path": "/natGateways/", "times": 1, "answer": {"status": 409, "code": "SkuNotAvailable", "message": "No."}}]}"#;
    let mut cloud = with_faults(Profile::Realistic, faults);
    let list = net("publicIPAddresses");
    let statuses: Vec<u16> = (0..4).map(|_| cloud.get(&list).status).collect();
    assert_eq!(statuses, [200, 429, 429, 200]);
    let gateway = json!({ "location": "eastus2", "properties": {} });
    assert_eq!(code(&cloud.put(&net("natGateways/nat"), &gateway)), (409, "SkuNotAvailable"));
    assert_eq!(cloud.put(&net("natGateways/nat"), &gateway).status, 201);
}

/// What a PUT of a route table is answered when a fault strikes it, and whether it was carried out all the same.
fn struck(answer: &str) -> (lazuli_simulator::Response, bool) {
    let fault = format!(
        r#"{{"faults": [{{"method": "PUT", "path": "/routeTables/", "nth": 1, "answer": {answer}}}]}}"#
    );
    let mut cloud = with_faults(Profile::Realistic, &fault);
    let response = cloud.put(&net("routeTables/rt"), &json!({ "location": "eastus2" }));
    let is_there = cloud.get(&net("routeTables/rt")).status == 200;
    (response, is_there)
}

#[test]
fn every_fault_says_what_azure_says_and_does_what_it_says() {
    let table = [
        (r#"{"throttle": {"retry_after": 7}}"#, 429, "SubscriptionRequestsThrottled", false),
        (r#"{"throttle": {}}"#, 429, "SubscriptionRequestsThrottled", false),
        (r#""another_operation""#, 409, "AnotherOperationInProgress", false),
        (r#""retryable_another_operation""#, 429, "RetryableErrorDueToAnotherOperation", false),
        (r#""principal_not_found""#, 400, "PrincipalNotFound", false),
        (r#""expired_token""#, 401, "ExpiredAuthenticationToken", false),
        (r#"{"server_error": {"status": 500}}"#, 500, "InternalServerError", false),
        (r#"{"server_error": {"status": 502}}"#, 502, "", false),
        (r#"{"server_error": {"status": 503, "retry_after": 7}}"#, 503, "ServiceUnavailable", false),
        (r#"{"server_error": {"status": 504, "after_accept": true}}"#, 504, "GatewayTimeout", true),
        (r#"{"slow_body": {"pause_ms": 5}}"#, 201, "", true),
        (r#""stalled_body""#, 201, "", true),
        (r#""operation_canceled""#, 201, "", true),
    ];
    for (answer, status, word, carried_out) in table {
        let (response, is_there) = struck(answer);
        assert_eq!((code(&response), is_there), ((status, word), carried_out), "{answer}");
        let asks = response.header("Retry-After");
        assert_eq!(asks, answer.contains("retry_after").then_some("7"), "{answer}");
    }
    let (token, _) = struck(r#""expired_token""#);
    assert!(token.header("WWW-Authenticate").expect("a challenge").contains("invalid_token"));
}

#[test]
fn a_reset_strikes_before_or_after_the_work() {
    for (answer, carried_out) in [("reset_before_accept", false), ("reset_after_accept", true)] {
        let (response, is_there) = struck(&format!("\"{answer}\""));
        assert_eq!((response.delivery, is_there), (Delivery::Reset, carried_out), "{answer}");
    }
}

#[test]
fn an_expired_token_stays_expired_and_the_next_one_is_good() {
    let faults = r#"{"faults": [{"nth": 2, "answer": "expired_token"}]}"#;
    let mut cloud = with_faults(Profile::Instant, faults);
    let statuses: Vec<u16> = (0..3).map(|_| cloud.get(&net("routeTables")).status).collect();
    assert_eq!(statuses, [200, 401, 401]);
    cloud.log_in();
    assert_eq!(cloud.get(&net("routeTables")).status, 200);
}

#[test]
fn a_canceled_operation_leaves_a_canceled_object_until_it_is_written_again() {
    let faults = r#"{"faults": [{"method": "PUT", "path": "/virtualMachines/", "times": 1, "answer": "operation_canceled"}]}"#;
    let mut cloud = with_faults(Profile::Realistic, faults);
    cloud.make_network();
    cloud.make_nic("nic-a");
    let answer = cloud.put(&compute("virtualMachines/a"), &machine("a"));
    let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    cloud.pass(5 * MINUTE);
    let status = cloud.get(&poll).value().clone();
    assert_eq!((&status["status"], &status["error"]["code"]), (&json!("Canceled"), &json!("Canceled")));
    let shown = cloud.get(&compute("virtualMachines/a"));
    assert_eq!(shown.value()["properties"]["provisioningState"], "Canceled");
    let again = cloud.make(&compute("virtualMachines/a"), &machine("a"));
    assert_eq!(again["properties"]["provisioningState"], "Succeeded");
}

#[test]
fn a_stale_read_shows_what_was_before_the_last_write_and_only_for_a_while() {
    let faults = r#"{"faults": [{"method": "GET", "path": "/routeTables", "answer": {"stale_read": {"seconds": 10}}}]}"#;
    let mut cloud = with_faults(Profile::Instant, faults);
    let (table, list) = (net("routeTables/rt"), net("routeTables"));
    let tags = |cloud: &mut Cloud| cloud.get(&table).value()["tags"]["v"].clone();
    let count = |cloud: &mut Cloud| cloud.get(&list).value()["value"].as_array().map(Vec::len);
    cloud.put(&table, &json!({ "location": "eastus2", "tags": { "v": "1" } }));
    assert_eq!((cloud.get(&table).status, count(&mut cloud)), (404, Some(0)), "made, and not to be seen yet");
    cloud.pass(11_000);
    assert_eq!((tags(&mut cloud), count(&mut cloud)), (json!("1"), Some(1)));
    cloud.put(&table, &json!({ "location": "eastus2", "tags": { "v": "2" } }));
    assert_eq!(tags(&mut cloud), "1", "changed, and the old one is shown");
    cloud.pass(11_000);
    assert_eq!(tags(&mut cloud), "2");
    cloud.delete(&table);
    assert_eq!((tags(&mut cloud), count(&mut cloud)), (json!("2"), Some(1)), "gone, and still shown");
    cloud.pass(11_000);
    assert_eq!((cloud.get(&table).status, count(&mut cloud)), (404, Some(0)));
}

#[test]
fn token_buckets_run_empty_say_how_long_to_wait_and_fill_again() {
    let limits = r#"{"limits": {"writes": {"capacity": 3, "per_second": 0.5}, "Microsoft.Compute/GetOperation3Min": {"capacity": 1, "per_second": 0.1}}}"#;
    let mut cloud = with_faults(Profile::Realistic, limits);
    let body = json!({ "location": "eastus2" });
    let mut seen = Vec::new();
    for (number, pass) in [0, 0, 0, 0, 2000, 0, 60_000].into_iter().enumerate() {
        cloud.pass(pass);
        let answer = cloud.put(&net(&format!("routeTables/rt{number}")), &body);
        let header = |name: &str| answer.header(name).unwrap_or("-").to_owned();
        let left = header("x-ms-ratelimit-remaining-subscription-writes");
        seen.push(format!("{} {left} {}", answer.status, header("Retry-After")));
    }
    assert_eq!(seen, ["201 2 -", "201 1 -", "201 0 -", "429 0 2", "201 0 -", "429 0 2", "201 2 -"]);
    let reads = cloud.get(&net("routeTables/rt0"));
    assert_eq!(reads.header("x-ms-ratelimit-remaining-subscription-reads"), Some("249"));

    cloud.pass(60_000);
    let disk = json!({ "location": "eastus2", "sku": { "name": "Premium_LRS" }, "properties": { "diskSizeGB": 4, "creationData": { "createOption": "Empty" } } });
    let poll = cloud
        .put(&compute("disks/d"), &disk)
        .header("Azure-AsyncOperation")
        .expect("an operation")
        .to_owned();
    assert_eq!(
        cloud.get(&poll).header("x-ms-ratelimit-remaining-resource"),
        Some("Microsoft.Compute/GetOperation3Min;0,Microsoft.Compute/GetOperation30Min;29999")
    );
    let full = cloud.get(&poll);
    assert_eq!((full.status, &full.value()["code"]), (429, &json!("OperationNotAllowed")));
    assert_eq!(full.value().get("error"), None, "compute leaves the envelope out when it throttles");
}

#[test]
fn a_fault_with_a_typing_error_is_not_read() {
    assert!(Faults::parse(r#"{"faults": [{"pth": "/x", "answer": "drop_after_accept"}]}"#).is_err());
}

#[test]
fn a_hostile_cloud_is_hostile_in_the_same_way_every_time() {
    let run = || {
        let mut cloud = Cloud::new(Profile::Hostile);
        let mut statuses = Vec::new();
        for number in 0..200 {
            let answer = cloud.put(&net(&format!("publicIPAddresses/ip{number}")), &address());
            if answer.status == 429 {
                assert_eq!(answer.header("Retry-After"), Some("10"));
            }
            statuses.push(answer.status);
        }
        statuses
    };
    let statuses = run();
    assert_eq!(statuses, run());
    for expected in [201, 429, 409] {
        assert!(statuses.contains(&expected), "{expected}");
    }
    assert!(statuses.iter().filter(|status| **status == 201).count() > 150);
}

#[test]
fn what_is_held_was_carried_out_or_was_not() {
    let faults = r#"{"faults": [{"path": "/a", "answer": "hold_before_accept", "nth": 1},
        {"path": "/b", "answer": "hold_after_accept", "nth": 1}]}"#;
    let mut cloud = with_faults(Profile::Instant, faults);
    for (name, exists) in [("routeTables/a", 404), ("routeTables/b", 200)] {
        let answer = cloud.put(&net(name), &json!({ "location": "eastus2" }));
        assert_eq!(answer.delivery, Delivery::Hold);
        assert_eq!(cloud.get(&net(name)).status, exists);
    }
}
