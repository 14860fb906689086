//! Room for machines: what Azure has too little of, and how it says so.

use lazuli_simulator::{Conditions, Profile, Response, Room, SeedFile, SeededGroup, Told};
use serde_json::{Value, json};

use crate::cloud::{Cloud, MINUTE, code, compute, machine, net, network, nic};

fn cloud(conditions: Conditions) -> Cloud {
    let group =
        SeededGroup { name: "rg-demo".to_owned(), location: "eastus2".to_owned(), tags: Default::default() };
    let seed = SeedFile { resource_groups: vec![group], conditions, ..SeedFile::default() };
    let mut cloud = Cloud::seeded(Profile::Realistic, seed);
    cloud.make_network();
    for name in ["a", "b", "c"] {
        cloud.make_nic(&format!("nic-{name}"));
    }
    cloud
}

fn with_room(room: Room) -> Cloud {
    let room = Room { location: "eastus2".to_owned(), ..room };
    cloud(Conditions { capacity: vec![room], ..Conditions::default() })
}

/// How a machine came to be: the code of the refusal or of the operation, or `Succeeded`.
fn make(cloud: &mut Cloud, name: &str, body: &Value) -> String {
    let answer = cloud.put(&compute(&format!("virtualMachines/{name}")), body);
    outcome(cloud, &answer)
}

fn outcome(cloud: &mut Cloud, answer: &Response) -> String {
    if answer.status >= 300 {
        let (status, code) = code(answer);
        return format!("{status} {code}");
    }
    let watch = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    cloud.pass(10 * MINUTE);
    cloud.log_in();
    let told = cloud.get(&watch).value().clone();
    told["error"]["code"].as_str().or(told["status"].as_str()).expect("an end").to_owned()
}

fn zoneless(name: &str) -> Value {
    let mut body = machine(name);
    body.as_object_mut().expect("an object").remove("zones");
    body
}

fn ephemeral(name: &str) -> Value {
    let mut body = machine(name);
    body["properties"]["hardwareProfile"]["vmSize"] = json!("Standard_D8ds_v5");
    body["properties"]["storageProfile"]["osDisk"]["diffDiskSettings"] = json!({ "option": "Local" });
    body["properties"]["storageProfile"]["osDisk"]["caching"] = json!("ReadOnly");
    body
}

#[test]
fn a_full_zone_fails_the_operation_and_the_machine_is_made_once_there_is_room() {
    let mut cloud = with_room(Room { zones: vec!["1".to_owned()], machines: 1, ..Room::default() });
    assert_eq!(make(&mut cloud, "a", &machine("a")), "Succeeded");
    assert_eq!(make(&mut cloud, "b", &machine("b")), "ZonalAllocationFailed");
    let shown = cloud.get(&compute("virtualMachines/b"));
    assert_eq!(shown.value()["properties"]["provisioningState"], "Failed", "it is there all the same");
    let mut elsewhere = machine("c");
    elsewhere["zones"] = json!(["2"]);
    assert_eq!(make(&mut cloud, "c", &elsewhere), "Succeeded", "another zone has room");
    cloud.unmake(&compute("virtualMachines/a"));
    assert_eq!(make(&mut cloud, "b", &machine("b")), "Succeeded", "once more, after one is gone");
}

#[test]
fn what_is_full_and_how_it_is_told_decides_the_code() {
    let full = |told| Room { machines: 0, told, ..Room::default() };
    let tight = || Room { machines: 9, constrained: Some(0), ..Room::default() };
    let mut constrained_zoneless = ephemeral("a");
    constrained_zoneless.as_object_mut().expect("an object").remove("zones");
    let cases = [
        (full(Told::Later), machine("a"), "ZonalAllocationFailed"),
        (full(Told::Later), zoneless("a"), "AllocationFailed"),
        (full(Told::AtOnce), machine("a"), "409 ZonalAllocationFailed"),
        (full(Told::AtOnce), zoneless("a"), "409 AllocationFailed"),
        (full(Told::AsSku), machine("a"), "409 SkuNotAvailable"),
        (tight(), ephemeral("a"), "OverconstrainedZonalAllocationRequest"),
        (tight(), constrained_zoneless, "OverconstrainedAllocationRequest"),
        (tight(), machine("a"), "Succeeded"),
        (Room { size: Some("Standard_D64s_v5".to_owned()), ..Room::default() }, machine("a"), "Succeeded"),
    ];
    for (room, body, wanted) in cases {
        let told = format!("{room:?}");
        assert_eq!(make(&mut with_room(room), "a", &body), wanted, "{told}");
    }
}

#[test]
fn a_machine_that_is_deallocated_gives_up_its_room_and_may_find_none_again() {
    let mut cloud = with_room(Room { machines: 1, ..Room::default() });
    assert_eq!(make(&mut cloud, "a", &machine("a")), "Succeeded");
    let answer = cloud.post(&compute("virtualMachines/a/deallocate"));
    assert_eq!(outcome(&mut cloud, &answer), "Succeeded");
    assert_eq!(make(&mut cloud, "b", &machine("b")), "Succeeded");
    let answer = cloud.post(&compute("virtualMachines/a/start"));
    assert_eq!(outcome(&mut cloud, &answer), "ZonalAllocationFailed");
    let view = cloud.get(&compute("virtualMachines/a/instanceView"));
    assert!(view.value().to_string().contains("PowerState/deallocated"), "{:#}", view.value());
    cloud.unmake(&compute("virtualMachines/b"));
    let answer = cloud.post(&compute("virtualMachines/a/start"));
    assert_eq!(outcome(&mut cloud, &answer), "Succeeded");
}

#[test]
fn the_network_provider_carries_out_so_many_operations_and_asks_to_come_again_for_more() {
    let mut cloud = cloud(Conditions { network_operations: Some(1), ..Conditions::default() });
    assert_eq!(cloud.put(&net("virtualNetworks/other"), &network(&[])).status, 201);
    let busy = cloud.put(&net("networkInterfaces/more"), &nic("nodes"));
    assert_eq!(code(&busy), (429, "RetryableError"));
    cloud.pass(MINUTE);
    assert_eq!(cloud.put(&net("networkInterfaces/more"), &nic("nodes")).status, 201);
}
