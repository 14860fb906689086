//! What the service sends, per type: status, state, headers, and how an operation ends.

use insta::assert_snapshot;
use lazuli_simulator::{Method, Profile, Response};
use serde_json::json;

use super::everything::objects;
use crate::cloud::{
    Cloud, GROUP, MINUTE, SUBSCRIPTION, address, code, compute, identity, is_empty, machine, net, network,
    nic,
};

/// An URL without what differs from run to run.
fn shape(url: Option<&str>) -> String {
    let Some(url) = url else { return "-".to_owned() };
    let url = url.trim_start_matches("https://localhost:8443").trim_start_matches(SUBSCRIPTION);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let (head, last) = path.rsplit_once('/').unwrap_or(("", path));
    let last = if last.len() >= 36 { "{id}" } else { last };
    let names: Vec<&str> =
        query.split('&').filter_map(|part| part.split('=').next()).filter(|name| !name.is_empty()).collect();
    match names.is_empty() {
        true => format!("{head}/{last}"),
        false => format!("{head}/{last}?{}", names.join("&")),
    }
}

fn told(answer: &Response) -> String {
    let state = answer.value()["properties"]["provisioningState"].as_str().unwrap_or("-");
    format!(
        "{} {state} retry={} notify={}\n    operation {}\n    location  {}",
        answer.status,
        answer.header("Retry-After").unwrap_or("-"),
        answer.header("Azure-AsyncNotification").unwrap_or("-"),
        shape(answer.header("Azure-AsyncOperation")),
        shape(answer.header("Location"))
    )
}

#[test]
fn each_type_tells_its_clients_where_to_look_and_how_often() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let objects = objects();
    let mut lines = Vec::new();
    for object in &objects {
        let answer = cloud.put(&object.path, &object.body);
        assert!(answer.status < 300, "{}: {:?}", object.path, answer.body);
        lines.push(format!("PUT {} {}", object.kind(), told(&answer)));
        cloud.pass(10 * MINUTE);
        cloud.log_in();
    }
    for object in objects.iter().rev() {
        let answer = cloud.delete(&object.path);
        assert!(answer.status < 300, "{}: {:?}", object.path, answer.body);
        lines.push(format!("DELETE {} {}", object.kind(), told(&answer)));
        cloud.pass(10 * MINUTE);
        cloud.log_in();
    }
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_url_of_an_operation_carries_the_callers_version() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let path = format!("{}?api-version=2023-09-01", net("virtualNetworks/net"));
    let answer = cloud.put(&path, &network(&[]));
    let url = answer.header("Azure-AsyncOperation").expect("an operation");
    assert!(url.ends_with("api-version=2023-09-01"), "{url}");
}

#[test]
fn a_group_is_deleted_as_a_job_whose_answers_move_on() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let answer = cloud.delete(GROUP);
    assert!(answer.status == 202 && is_empty(&answer));
    assert!(answer.header("Azure-AsyncOperation").is_none());
    assert_eq!(answer.header("Retry-After"), Some("15"));
    let place = answer.header("Location").expect("a place").to_owned();
    let waiting = cloud.get(&place);
    assert_eq!((waiting.status, waiting.header("Retry-After")), (202, Some("15")));
    assert!(waiting.header("Location").is_some());
    assert_eq!(cloud.get(GROUP).value()["properties"]["provisioningState"], "Deleting");
    let write = cloud.put(&net("routeTables/rt"), &json!({ "location": "eastus2" }));
    assert_eq!(code(&write), (409, "ResourceGroupBeingDeleted"));
    cloud.pass(10 * MINUTE);
    assert_eq!(cloud.get(&place).status, 200);
    assert_eq!(cloud.get(GROUP).status, 404);
}

#[test]
fn an_address_comes_after_the_first_answer_and_knows_its_gateway_after_that() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let path = net("publicIPAddresses/ip");
    assert!(cloud.put(&path, &address()).value()["properties"].get("ipAddress").is_none());
    cloud.pass(MINUTE);
    assert!(cloud.get(&path).value()["properties"]["ipAddress"].is_string());
    let gateway = json!({
        "location": "eastus2", "sku": { "name": "Standard" },
        "properties": { "publicIpAddresses": [{ "id": path }] },
    });
    let answer = cloud.put(&net("natGateways/nat"), &gateway);
    let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    assert_eq!(cloud.get(&poll).value()["status"], "InProgress");
    assert!(cloud.get(&path).value()["properties"].get("natGateway").is_none(), "not yet");
    assert_eq!(code(&cloud.delete(&path)).1, "PublicIPAddressCannotBeDeleted", "held all the same");
    cloud.pass(MINUTE);
    assert_eq!(cloud.get(&path).value()["properties"]["natGateway"]["id"], net("natGateways/nat"));
}

#[test]
fn what_is_settled_at_once_keeps_its_etag_and_what_is_not_changes_it() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    let balancer = json!({ "location": "eastus2", "sku": { "name": "Standard" }, "properties": {} });
    let routes = json!({ "location": "eastus2", "properties": {} });
    for (path, body, keeps) in [
        (net("networkInterfaces/nic"), nic("nodes"), true),
        (net("loadBalancers/lb"), balancer, true),
        (net("virtualNetworks/other"), network(&[]), false),
        (net("routeTables/rt"), routes, false),
    ] {
        let first = cloud.put(&path, &body);
        assert!(first.header("ETag").is_none(), "only GET says it in a header");
        let first = first.value()["etag"].clone();
        cloud.pass(MINUTE);
        let read = cloud.get(&path);
        assert_eq!(read.value()["etag"] == first, keeps, "{path}");
        assert_eq!(read.header("ETag"), read.value()["etag"].as_str());
    }
}

#[test]
fn operations_of_compute_tell_their_times_and_those_of_disks_the_disk() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    cloud.make_nic("nic-node");
    let answer = cloud.put(&compute("virtualMachines/node"), &machine("node"));
    let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    let running = cloud.get(&poll);
    assert_eq!((running.status, running.header("Retry-After")), (200, Some("35")));
    assert!(running.value()["startTime"].is_string() && running.value().get("endTime").is_none());
    cloud.pass(10 * MINUTE);
    let done = cloud.get(&poll);
    assert!(done.value()["endTime"].is_string() && done.header("Retry-After").is_none());
    let disk = json!({ "location": "eastus2", "properties": { "creationData": { "createOption": "Empty" }, "diskSizeGB": 4 } });
    let answer = cloud.put(&compute("disks/data"), &disk);
    let mut names: Vec<&String> =
        answer.value()["properties"].as_object().expect("an object").keys().collect();
    names.sort();
    assert_eq!(names, ["creationData", "diskSizeGB", "provisioningState"]);
    let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    cloud.pass(MINUTE);
    assert_eq!(cloud.get(&poll).value()["properties"]["output"]["properties"]["diskState"], "Unattached");
}

#[test]
fn what_a_write_adds_is_heard_of_at_its_end_and_what_was_there_stays() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let table = net("routeTables/rt");
    cloud.make(&table, &json!({ "location": "eastus2", "properties": {} }));
    let mut body = network(&[("one", "10.0.0.0/24"), ("two", "10.0.1.0/24")]);
    body["properties"]["subnets"][0]["properties"]["routeTable"] = json!({ "id": table });
    cloud.make(&net("virtualNetworks/net"), &body);
    let mut users = Vec::new();
    let mut look = |cloud: &mut Cloud| {
        let shown = cloud.get(&table).value()["properties"]["subnets"].clone();
        users.push(shown.as_array().map_or(0, Vec::len));
    };
    look(&mut cloud);
    body["properties"]["subnets"][0]["properties"]["addressPrefix"] = json!("10.0.0.0/25");
    cloud.put(&net("virtualNetworks/net"), &body);
    look(&mut cloud);
    cloud.pass(MINUTE);
    let other = json!({ "location": "eastus2", "properties": {} });
    cloud.make(&net("routeTables/other"), &other);
    let mut far = network(&[("three", "10.0.0.0/24")]);
    far["properties"]["subnets"][0]["properties"]["routeTable"] = json!({ "id": table });
    cloud.put(&net("virtualNetworks/far"), &far);
    look(&mut cloud);
    cloud.pass(MINUTE);
    look(&mut cloud);
    assert_eq!(users, [1, 1, 1, 2]);
}

#[test]
fn a_storage_account_says_only_where_its_result_will_be() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let path = format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/lazulidemo");
    let body = json!({
        "location": "eastus2", "sku": { "name": "Standard_LRS" }, "kind": "StorageV2", "properties": {},
    });
    let answer = cloud.put(&path, &body);
    assert!(answer.status == 202 && is_empty(&answer));
    assert!(answer.header("Azure-AsyncOperation").is_none());
    assert_eq!(answer.header("Retry-After"), Some("17"));
    let place = answer.header("Location").expect("a place").to_owned();
    assert!(place.contains("/providers/Microsoft.Storage/locations/eastus2/asyncoperations/"), "{place}");
    let waiting = cloud.get(&place);
    assert!(waiting.status == 202 && is_empty(&waiting));
    assert_eq!(waiting.header("Retry-After"), Some("17"));
    assert_eq!(cloud.get(&path).value()["properties"]["provisioningState"], "Creating");
    cloud.pass(2 * MINUTE);
    let made = cloud.get(&place);
    assert_eq!((made.status, &made.value()["properties"]["provisioningState"]), (200, &json!("Succeeded")));
    let again = cloud.put(&path, &body);
    assert_eq!((again.status, again.header("Location")), (200, None));
    assert_eq!(again.value()["id"], path);
}

#[test]
fn a_script_on_a_machine_is_an_operation_that_ends_with_what_it_wrote() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    cloud.make_nic("nic-node");
    let path = compute("virtualMachines/node");
    cloud.make(&path, &machine("node"));
    let script = json!({ "commandId": "RunShellScript", "script": ["set -e", "echo 'hello there'", "kubeadm version"] });
    let request = cloud.request(Method::Post, &format!("{path}/runCommand")).with_json(&script);
    let answer = cloud.carry_out(&request);
    assert!(answer.status == 202 && is_empty(&answer));
    let place = answer.header("Location").expect("a place").to_owned();
    let poll = answer.header("Azure-AsyncOperation").expect("an operation").to_owned();
    assert_eq!(code(&cloud.carry_out(&request)), (409, "Conflict"), "one script at a time");
    assert_eq!(cloud.get(&place).status, 202);
    cloud.pass(2 * MINUTE);
    let value = cloud.get(&place).value().clone();
    assert_eq!(
        value["value"][0]["message"],
        "Enable succeeded: \n[stdout]\nhello there\n\n[stderr]\nscript.sh: 3: kubeadm: not found\n"
    );
    assert_eq!(cloud.get(&poll).value()["properties"]["output"], value);
    cloud.post(&format!("{path}/deallocate"));
    cloud.pass(10 * MINUTE);
    cloud.log_in();
    let request = cloud.request(Method::Post, &format!("{path}/runCommand")).with_json(&script);
    assert_eq!(code(&cloud.carry_out(&request)), (409, "OperationNotAllowed"), "nobody is there to run it");
}

#[test]
fn an_identity_spells_its_group_in_lower_case_and_says_where_it_is_without_a_host() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let answer = cloud.put(&identity("robot"), &json!({ "location": "eastus2" }));
    let id = answer.value()["id"].as_str().expect("an id");
    assert!(id.contains("/resourcegroups/rg-demo/"), "{id}");
    assert!(answer.header("Location").is_some_and(|place| place.starts_with("/subscriptions/")));
}

#[test]
fn compute_has_its_own_words_for_what_has_just_gone() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let path = compute("disks/data");
    let disk = json!({ "location": "eastus2", "properties": { "creationData": { "createOption": "Empty" }, "diskSizeGB": 4 } });
    cloud.make(&path, &disk);
    cloud.delete(&path);
    cloud.pass(10_000);
    assert_eq!(code(&cloud.get(&path)), (404, "NotFound"));
    cloud.pass(MINUTE);
    assert_eq!(code(&cloud.get(&path)), (404, "ResourceNotFound"));
}
