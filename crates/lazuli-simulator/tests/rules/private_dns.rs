//! Private DNS zones, links and records.

use lazuli_simulator::{Method, Profile};
use serde_json::json;

use crate::cloud::{Cloud, MINUTE, code, net};

#[test]
fn a_zone_with_a_link_and_a_record_lives_and_dies_in_order() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    let zone = net("privateDnsZones/prod.internal");
    let answer = cloud.put(&zone, &json!({ "location": "global" }));
    assert_eq!((answer.status, answer.value()), (202, &json!({})));
    assert!(answer.header("Azure-AsyncOperation").is_some() && answer.header("Location").is_some());
    cloud.pass(5 * MINUTE);
    let link = net("privateDnsZones/prod.internal/virtualNetworkLinks/net");
    let body = json!({ "location": "global", "properties": { "virtualNetwork": { "id": net("virtualNetworks/net") } } });
    assert_eq!(cloud.make(&link, &body)["properties"]["virtualNetworkLinkState"], "Completed");
    let record = net("privateDnsZones/prod.internal/A/api");
    let body = json!({ "properties": { "ttl": 60, "aRecords": [{ "ipv4Address": "10.0.0.100" }] } });
    let answer = cloud.put(&record, &body);
    assert_eq!((answer.status, &answer.value()["properties"]["fqdn"]), (201, &json!("api.prod.internal.")));
    let request = cloud.request(Method::Put, &record).with_header("If-None-Match", "*").with_json(&body);
    assert_eq!(cloud.carry_out(&request).status, 412);
    assert_eq!(cloud.get(&zone).value()["properties"]["numberOfRecordSets"], 2);
    assert_eq!(cloud.get(&format!("{zone}/ALL")).value()["value"].as_array().expect("a list").len(), 1);
    assert_eq!(code(&cloud.delete(&zone)), (409, "CannotDeleteResource"));
    assert_eq!(cloud.delete(&record).status, 200);
    cloud.unmake(&link);
    cloud.unmake(&zone);
}

#[test]
fn a_zone_is_global_and_a_record_needs_a_zone() {
    let mut cloud = Cloud::new(Profile::Instant);
    let regional = cloud.put(&net("privateDnsZones/prod.internal"), &json!({ "location": "eastus2" }));
    assert_eq!(code(&regional), (400, "LocationNotAvailableForResourceType"));
    let orphan = cloud.put(&net("privateDnsZones/none/A/api"), &json!({ "properties": {} }));
    assert_eq!(code(&orphan), (404, "ParentResourceNotFound"));
}
