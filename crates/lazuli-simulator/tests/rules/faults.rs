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
