//! Throttling: what compute lets be asked of one machine.

use lazuli_simulator::{Faults, Method, Profile};
use serde_json::json;

use crate::cloud::{Cloud, compute, machine};

/// Asks until it is refused: how often that went well, and how long the refusal wants to hear nothing.
fn until_refused(cloud: &mut Cloud, path: &str) -> (usize, String) {
    for asked in 0..100 {
        let answer = cloud.get(path);
        if answer.status == 429 {
            assert_eq!(answer.value()["code"], "OperationNotAllowed");
            assert_eq!(answer.value()["details"][0]["code"], "TooManyRequests");
            return (asked, answer.header("Retry-After").unwrap_or("-").to_owned());
        }
    }
    (100, "-".to_owned())
}

#[test]
fn each_machine_has_its_own_buckets_for_reads_and_for_polls() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    for name in ["a", "b"] {
        cloud.make_nic(&format!("nic-{name}"));
    }
    let polls = ["a", "b"].map(|name| {
        let answer = cloud.put(&compute(&format!("virtualMachines/{name}")), &machine(name));
        answer.header("Azure-AsyncOperation").expect("an operation").to_owned()
    });
    let four = "4".to_owned();
    assert_eq!(until_refused(&mut cloud, &polls[0]), (45, four.clone()));
    assert_eq!(until_refused(&mut cloud, &polls[1]), (45, four), "what one used up is not the other's");
    cloud.pass(4000);
    assert_eq!(cloud.get(&polls[0]).status, 200, "a poll every four seconds is well");
    assert_eq!(cloud.get(&polls[0]).status, 429);
    assert_eq!(until_refused(&mut cloud, &compute("virtualMachines/a")), (36, "5".to_owned()));
    let tags = json!({ "tags": {} });
    let writes = (0..20).filter(|_| cloud.patch(&compute("virtualMachines/none"), &tags).status != 429);
    assert_eq!(writes.count(), 12);
}

#[test]
fn resource_graph_tells_its_own_quota_and_keeps_to_it() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let limits = r#"{"limits": {"Microsoft.ResourceGraph/queries": {"capacity": 2, "per_second": 0.4}}}"#;
    cloud.settings.faults = Faults::parse(limits).expect("faults");
    let request = cloud
        .request(Method::Post, "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01")
        .with_json(&json!({ "query": "resources | count" }));
    let told = [0; 3].map(|_| {
        let answer = cloud.carry_out(&request);
        (answer.status, answer.header("x-ms-user-quota-remaining").unwrap_or("-").to_owned())
    });
    assert_eq!(told, [(200, "1".to_owned()), (200, "0".to_owned()), (429, "0".to_owned())]);
}

#[test]
fn a_cloud_without_time_throttles_nobody() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic-a");
    let path = compute("virtualMachines/a");
    cloud.make(&path, &machine("a"));
    assert_eq!(until_refused(&mut cloud, &path).0, 100);
}
