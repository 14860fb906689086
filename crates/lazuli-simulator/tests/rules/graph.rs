//! Queries of Resource Graph.

use lazuli_simulator::{Method, Profile, Response};
use serde_json::{Value, json};

use crate::cloud::{Cloud, code, net};

fn ask(cloud: &mut Cloud, query: &str) -> Response {
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
    let request = cloud.request(Method::Post, path).with_json(&json!({ "query": query }));
    cloud.carry_out(&request)
}

#[test]
fn resources_are_found_by_simple_queries() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic-a");
    cloud.make_nic("nic-b");
    let nics = "resources | where type =~ 'Microsoft.Network/networkInterfaces'";
    let data = |answer: &Response| answer.value()["data"].clone();
    let table: [(&str, Value); 6] = [
        ("| project name", json!([{ "name": "nic-a" }, { "name": "nic-b" }])),
        ("and name == 'nic-a' | project id", json!([{ "id": net("networkInterfaces/nic-a") }])),
        (
            "| where resourceGroup =~ 'RG-DEMO' and name !~ 'NIC-B' | project n=name",
            json!([{ "n": "nic-a" }]),
        ),
        (
            "| where name in~ ('nic-b', 'x') | project type",
            json!([{ "type": "microsoft.network/networkinterfaces" }]),
        ),
        ("| where resourceGroup =~ 'other'", json!([])),
        ("| count", json!([{ "Count": 2 }])),
    ];
    for (rest, wanted) in table {
        assert_eq!(data(&ask(&mut cloud, &format!("{nics} {rest}"))), wanted, "{rest}");
    }
    let limited = ask(&mut cloud, &format!("{nics} | limit 1"));
    assert_eq!((&limited.value()["count"], &limited.value()["totalRecords"]), (&json!(1), &json!(1)));
    let groups = ask(&mut cloud, "resourcecontainers | project name");
    assert_eq!(data(&groups), json!([{ "name": "rg-demo" }]));
    assert_eq!(code(&ask(&mut cloud, "resources | summarize count() by type")), (400, "BadRequest"));
}
