//! PUT, PATCH, preconditions, tags, casing: what holds for every type.

use lazuli_simulator::{Method, Profile};
use serde_json::json;

use crate::cloud::{Cloud, GROUP, address, code, net, network};

#[test]
fn the_location_cannot_change_and_is_required() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path = net("publicIPAddresses/ip");
    let mut body = address();
    body["location"] = json!("East US 2");
    assert_eq!(cloud.make(&path, &body)["location"], "eastus2");
    body["location"] = json!("westus2");
    assert_eq!(code(&cloud.put(&path, &body)), (409, "InvalidResourceLocation"));
    assert_eq!(code(&cloud.put(&net("routeTables/rt"), &json!({}))), (400, "LocationRequired"));
}

#[test]
fn what_is_immutable_about_addresses_gateways_and_balancers_cannot_change() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("publicIPAddresses/ip"), &address());
    let mut basic = address();
    basic["sku"]["name"] = json!("Basic");
    assert_eq!(code(&cloud.put(&net("publicIPAddresses/ip"), &basic)), (409, "PropertyChangeNotAllowed"));
    let mut zoned = address();
    zoned["zones"] = json!(["1"]);
    assert_eq!(code(&cloud.put(&net("publicIPAddresses/ip"), &zoned)), (409, "PropertyChangeNotAllowed"));
    let gateway =
        json!({ "location": "eastus2", "sku": { "name": "Standard" }, "zones": ["1"], "properties": {} });
    cloud.make(&net("natGateways/nat"), &gateway);
    let mut moved = gateway;
    moved["zones"] = json!(["2"]);
    assert_eq!(code(&cloud.put(&net("natGateways/nat"), &moved)), (409, "PropertyChangeNotAllowed"));
    let balancer = json!({ "location": "eastus2", "sku": { "name": "Standard" }, "properties": {} });
    cloud.make(&net("loadBalancers/lb"), &balancer);
    let mut other = balancer;
    other["sku"]["name"] = json!("Basic");
    assert_eq!(code(&cloud.put(&net("loadBalancers/lb"), &other)), (409, "PropertyChangeNotAllowed"));
}

#[test]
fn etags_guard_writes() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path = net("virtualNetworks/net");
    let body = network(&[]);
    let with = |cloud: &mut Cloud, name: &str, value: &str| {
        let request = cloud
            .request(Method::Put, &net("virtualNetworks/net"))
            .with_header(name, value)
            .with_json(&network(&[]));
        cloud.carry_out(&request).status
    };
    assert_eq!(with(&mut cloud, "If-Match", "*"), 412, "there is nothing to match");
    assert_eq!(with(&mut cloud, "If-None-Match", "*"), 201);
    cloud.get(&path);
    assert_eq!(with(&mut cloud, "If-None-Match", "*"), 412);
    let etag = cloud.make(&path, &body)["etag"].as_str().expect("an etag").to_owned();
    assert_eq!(with(&mut cloud, "If-Match", "W/\"00000000-0000-0000-0000-000000000000\""), 412);
    assert_eq!(with(&mut cloud, "If-Match", &etag), 200);
    let request =
        cloud.request(Method::Delete, &net("virtualNetworks/none")).with_header("If-Match", "\"x\"");
    assert_eq!(cloud.carry_out(&request).status, 204, "absent is absent, whatever the precondition");
}

#[test]
fn a_patch_replaces_tags_and_merges_the_rest() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path = net("publicIPAddresses/ip");
    let mut body = address();
    body["tags"] = json!({ "a": "1", "b": "2" });
    cloud.make(&path, &body);
    let answer = cloud.patch(&path, &json!({ "tags": { "c": "3" } }));
    assert_eq!((answer.status, &answer.value()["tags"]), (200, &json!({ "c": "3" })));
    assert!(answer.header("Azure-AsyncOperation").is_none());
    let disk = crate::cloud::compute("disks/disk");
    let made = json!({
        "location": "eastus2", "tags": { "c": "3" },
        "properties": { "creationData": { "createOption": "Empty" }, "diskSizeGB": 4 },
    });
    cloud.make(&disk, &made);
    assert_eq!(cloud.patch(&disk, &json!({ "properties": { "diskSizeGB": 8 } })).status, 202);
    cloud.pass(crate::cloud::MINUTE);
    let read = cloud.get(&disk);
    assert_eq!(
        (&read.value()["properties"]["diskSizeGB"], &read.value()["tags"]),
        (&json!(8), &json!({ "c": "3" }))
    );
    assert_eq!(code(&cloud.patch(&net("publicIPAddresses/none"), &json!({}))), (404, "ResourceNotFound"));
}

#[test]
fn tags_can_be_merged_and_deleted_one_by_one() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("publicIPAddresses/ip"), &address());
    let tags = net("publicIPAddresses/ip/providers/Microsoft.Resources/tags/default");
    let change = |operation: &str, tags: serde_json::Value| json!({ "operation": operation, "properties": { "tags": tags } });
    cloud.patch(&tags, &change("Merge", json!({ "a": "1", "b": "2" })));
    cloud.patch(&tags, &change("Merge", json!({ "b": "3" })));
    let answer = cloud.patch(&tags, &change("Delete", json!({ "a": "1", "b": "no" })));
    assert_eq!(answer.value()["properties"]["tags"], json!({ "b": "3" }));
    assert_eq!(cloud.get(&net("publicIPAddresses/ip")).value()["tags"], json!({ "b": "3" }));
    assert_eq!(cloud.get(&format!("{GROUP}/providers/Microsoft.Resources/tags/default")).status, 200);
    let nowhere = net("publicIPAddresses/none/providers/Microsoft.Resources/tags/default");
    assert_eq!(code(&cloud.get(&nowhere)), (404, "ResourceNotFound"));
}

#[test]
fn names_compare_without_case_and_keep_their_first_writing() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("publicIPAddresses/Api"), &address());
    let shouted = net("publicipaddresses/API").replace("/resourceGroups/rg-demo", "/resourcegroups/RG-DEMO");
    let answer = cloud.put(&shouted, &address());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.value()["id"], net("publicIPAddresses/Api"));
    assert_eq!(answer.value()["name"], "Api");
    cloud.unmake(&shouted);
}

#[test]
fn what_clients_echo_back_is_not_stored() {
    let mut cloud = Cloud::new(Profile::Instant);
    let made = cloud.make_network();
    cloud.make_nic("nic");
    let shown = cloud.get(&net("virtualNetworks/net")).value().clone();
    let after = cloud.make(&net("virtualNetworks/net"), &shown);
    assert_eq!(after, shown);
    cloud.unmake(&net("networkInterfaces/nic"));
    let bare = cloud.get(&net("virtualNetworks/net")).value().clone();
    assert_eq!(
        bare["properties"]["subnets"][0]["properties"],
        made["properties"]["subnets"][0]["properties"]
    );
}

#[test]
fn unknown_types_are_stored_as_they_are() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path = format!("{GROUP}/providers/Contoso.Machines/engines/lazuli");
    let body = json!({ "location": "eastus2", "sku": { "name": "Standard_LRS" }, "kind": "StorageV2", "properties": { "minimumTlsVersion": "TLS1_2" } });
    assert_eq!(cloud.put(&path, &body).status, 201);
    let shown = cloud.get(&path).value().clone();
    assert_eq!(shown["type"], "Contoso.Machines/engines");
    assert_eq!(
        shown["properties"],
        json!({ "minimumTlsVersion": "TLS1_2", "provisioningState": "Succeeded" })
    );
    assert_eq!(cloud.delete(&path).status, 200);
    assert_eq!(cloud.delete(&path).status, 204);
}

#[test]
fn nonsense_is_refused_politely() {
    let mut cloud = Cloud::new(Profile::Instant);
    let mut request = cloud.request(Method::Put, &net("virtualNetworks/net"));
    request.body = b"{ not json".to_vec();
    assert_eq!(code(&cloud.carry_out(&request)), (400, "InvalidRequestContent"));
    assert_eq!(code(&cloud.put(&net("virtualNetworks/net"), &json!([1]))), (400, "InvalidRequestContent"));
    let odd = json!({ "location": "eastus2", "properties": "text" });
    assert_eq!(code(&cloud.put(&net("virtualNetworks/net"), &odd)), (400, "InvalidRequestContent"));
    let odd = json!({ "location": "eastus2", "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] }, "subnets": [17] } });
    assert_eq!(code(&cloud.put(&net("virtualNetworks/net"), &odd)), (400, "InvalidRequestFormat"));
    assert_eq!(cloud.post(&net("virtualNetworks/net/explode")).status, 404);
}
