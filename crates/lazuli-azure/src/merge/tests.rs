//! Merging, case by case and as a law.

use lazuli_core::Json;
use lazuli_core::kind::{Keyed, Kind};
use proptest::prelude::*;
use serde_json::json;

use super::{strip_read_only, update_body};
use crate::kinds::by_name;

fn kind(name: &str) -> &'static Kind {
    by_name(name)
}

#[test]
fn a_rule_of_another_writer_survives_ours_change_and_go() {
    let current = json!({
        "etag": "W/\"1\"", "location": "eastus",
        "properties": {
            "provisioningState": "Succeeded",
            "securityRules": [
                {"name": "allow_apiserver", "etag": "x", "properties": {"priority": 2201, "provisioningState": "Succeeded", "access": "Allow"}},
                {"name": "k8s-lb", "properties": {"priority": 500, "provisioningState": "Succeeded"}},
                {"name": "old", "properties": {"priority": 2300}}
            ]
        }
    });
    let previous = json!({"properties": {"securityRules": [
        {"name": "allow_apiserver", "properties": {"priority": 2201}}, {"name": "old", "properties": {"priority": 2300}}]}});
    let desired = json!({"properties": {"securityRules": [
        {"name": "Allow_ApiServer", "properties": {"priority": 2202}}, {"name": "new", "properties": {"priority": 2400}}]}});
    let body =
        update_body(kind("Microsoft.Network/networkSecurityGroups"), current, &desired, Some(&previous));
    assert_eq!(
        body,
        json!({"location": "eastus", "properties": {"securityRules": [
            {"name": "Allow_ApiServer", "properties": {"priority": 2202, "access": "Allow"}},
            {"name": "k8s-lb", "properties": {"priority": 500}},
            {"name": "new", "properties": {"priority": 2400}}
        ]}})
    );
}

#[test]
fn tags_of_others_stay_and_ours_go() {
    let current = json!({"tags": {"ours": "1", "theirs": "2", "both": "x"}});
    let merged = |desired: Json| {
        let previous = json!({"tags": {"ours": "1", "both": "x"}});
        update_body(&Kind::GENERAL, current.clone(), &desired, Some(&previous))
    };
    assert_eq!(merged(json!({"tags": {"both": "y"}})), json!({"tags": {"both": "y", "theirs": "2"}}));
    assert_eq!(merged(json!({})), json!({"tags": {"theirs": "2"}}));
}

#[test]
fn a_virtual_network_keeps_the_subnets_it_was_not_told_about() {
    let current = json!({"properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "a", "etag": "1", "properties": {"addressPrefix": "10.0.0.0/24", "provisioningState": "Succeeded",
            "ipConfigurations": [{"id": "x"}]}}]
    }});
    let desired =
        json!({"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16", "10.1.0.0/16"]}}});
    let body = update_body(kind("Microsoft.Network/virtualNetworks"), current, &desired, Some(&desired));
    assert_eq!(
        body["properties"]["subnets"],
        json!([{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}])
    );
    assert_eq!(body["properties"]["addressSpace"]["addressPrefixes"], json!(["10.0.0.0/16", "10.1.0.0/16"]));
}

#[test]
fn custom_data_is_never_sent_to_an_existing_machine() {
    let desired = json!({"location": "eastus", "tags": {"a": "b"},
        "properties": {"osProfile": {"computerName": "n", "customData": "c2VjcmV0", "adminPassword": "x"}, "userData": "dQ=="}});
    let current =
        json!({"location": "eastus", "properties": {"vmId": "1", "osProfile": {"computerName": "n"}}});
    let body = update_body(kind("microsoft.compute/VIRTUALMACHINES"), current, &desired, None);
    assert_eq!(
        body,
        json!({"location": "eastus", "tags": {"a": "b"},
            "properties": {"osProfile": {"computerName": "n"}, "userData": "dQ=="}})
    );
}

#[test]
fn data_disks_that_a_driver_attached_stay_attached() {
    let current = json!({"properties": {"storageProfile": {"dataDisks": [
        {"lun": 0, "name": "etcd", "diskSizeGB": 64}, {"lun": 3, "name": "pvc", "managedDisk": {"id": "d"}}]}}});
    let ours = json!({"properties": {"storageProfile": {"dataDisks": [{"lun": 0, "name": "etcd", "diskSizeGB": 128}]}}});
    let body = update_body(kind("Microsoft.Compute/virtualMachines"), current, &ours, Some(&ours));
    assert_eq!(
        body["properties"]["storageProfile"]["dataDisks"],
        json!([{"lun": 0, "name": "etcd", "diskSizeGB": 128}, {"lun": 3, "name": "pvc", "managedDisk": {"id": "d"}}])
    );
}

#[test]
fn an_interface_keeps_the_pools_others_put_it_into() {
    let nic = |pools: Json| json!({"properties": {"ipConfigurations": [{"name": "pipConfig", "properties": {"loadBalancerBackendAddressPools": pools}}]}});
    let current = nic(json!([{"id": "/lb/A"}, {"id": "/kubernetes/pool"}]));
    let kind = kind("Microsoft.Network/networkInterfaces");
    let body = update_body(
        kind,
        current.clone(),
        &nic(json!([{"id": "/LB/a"}])),
        Some(&nic(json!([{"id": "/lb/A"}]))),
    );
    assert_eq!(body, nic(json!([{"id": "/LB/a"}, {"id": "/kubernetes/pool"}])));
    let body = update_body(kind, current, &nic(json!([])), Some(&nic(json!([{"id": "/lb/A"}]))));
    assert_eq!(body, nic(json!([{"id": "/kubernetes/pool"}])));
}

#[test]
fn what_azure_lists_in_a_pool_is_not_sent_back() {
    let mut body = json!({"properties": {"backendAddressPools": [{"name": "p", "properties": {
        "provisioningState": "Succeeded",
        "loadBalancerBackendAddresses": [
            {"name": "n1", "properties": {"networkInterfaceIPConfiguration": {"id": "x"}}},
            {"name": "byAddress", "properties": {"ipAddress": "10.0.0.9"}}
        ]}}, {"name": "empty", "properties": {"provisioningState": "Succeeded"}}]}});
    strip_read_only(kind("Microsoft.Network/loadBalancers"), &mut body);
    assert_eq!(
        body,
        json!({"properties": {"backendAddressPools": [{"name": "p", "properties": {
            "loadBalancerBackendAddresses": [{"name": "byAddress", "properties": {"ipAddress": "10.0.0.9"}}]}},
            {"name": "empty", "properties": {}}]}})
    );
}

#[test]
fn what_azure_knows_of_identities_is_not_sent_back() {
    let mut body = json!({"identity": {"type": "UserAssigned", "userAssignedIdentities":
        {"/subscriptions/s/x": {"clientId": "c", "principalId": "p"}}}});
    strip_read_only(kind("Microsoft.Compute/virtualMachines"), &mut body);
    assert_eq!(
        body,
        json!({"identity": {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/s/x": {}}}})
    );
}

const SHARED: Kind =
    Kind { read_only: &[], keyed: &[Keyed { path: "list", key: "name", shared: true }], ..Kind::GENERAL };

fn list() -> impl Strategy<Value = Json> {
    proptest::collection::btree_map("[a-e]", 0..4_u8, 0..5).prop_map(|elements| {
        let elements: Vec<Json> =
            elements.into_iter().map(|(name, v)| json!({"name": name, "v": v})).collect();
        json!({ "list": elements })
    })
}

fn names(body: &Json) -> Vec<&str> {
    body["list"].as_array().map_or(Vec::new(), |l| l.iter().filter_map(|e| e["name"].as_str()).collect())
}

proptest! {
    #[test]
    fn ours_arrive_foreign_ones_stay_and_a_second_merge_changes_nothing(current in list(), desired in list(), previous in list()) {
        let merged = update_body(&SHARED, current.clone(), &desired, Some(&previous));
        for element in desired["list"].as_array().unwrap() {
            prop_assert!(merged["list"].as_array().unwrap().contains(element));
        }
        for name in names(&current) {
            let ours = names(&previous).contains(&name);
            let wanted = names(&desired).contains(&name);
            prop_assert_eq!(names(&merged).contains(&name), wanted || !ours);
        }
        prop_assert_eq!(update_body(&SHARED, merged.clone(), &desired, Some(&desired)), merged);
    }
}
