//! The questions a client asks before it plans, and the shape of their answers.

use insta::assert_snapshot;
use lazuli_simulator::{Conditions, Denial, Grant, Method, Profile, Request, SeedFile, SeededGroup, handle};
use serde_json::{Value, json};

use crate::cloud::{Cloud, GROUP, MINUTE, SUBSCRIPTION, address, compute, net, refusal};

/// The names of an answer: of objects all, of lists those of the first entry.
fn shape(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let members: Vec<String> =
                map.iter().map(|(name, value)| format!("{name}{}", shape(value))).collect();
            format!("{{{}}}", members.join(" "))
        }
        Value::Array(list) => format!("[{}]", list.first().map_or(String::new(), shape)),
        _ => String::new(),
    }
}

#[test]
fn the_answers_to_questions_have_the_shape_that_clients_read() {
    let grant =
        Grant { actions: vec!["*".into()], condition: Some("@Resource[x]".into()), ..Grant::default() };
    let denial = Denial { name: "d".into(), actions: vec!["Microsoft.Sql/*".into()], ..Denial::default() };
    let conditions = Conditions { grants: vec![grant], denials: vec![denial], ..Conditions::default() };
    let group = SeededGroup { name: "rg-demo".into(), location: "eastus2".into(), tags: Default::default() };
    let seed = SeedFile { resource_groups: vec![group], conditions, ..SeedFile::default() };
    let mut cloud = Cloud::seeded(Profile::Instant, seed);
    cloud.make_network();
    let at = |rest: &str| format!("{SUBSCRIPTION}/{rest}");
    let image = "providers/Microsoft.Compute/locations/eastus2/publishers/p/artifacttypes/vmimage/offers/o/skus/s/versions";
    let community = "providers/Microsoft.Compute/locations/eastus2/communityGalleries/g/images/i";
    let mut lines = Vec::new();
    for path in [
        at("providers/Microsoft.Compute/locations/eastus2/usages"),
        at("providers/Microsoft.Network/locations/eastus2/usages"),
        at("providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter=location%20eq%20'eastus2'"),
        at(image),
        at(&format!("{image}/22.04.202608150")),
        at(community),
        at(&format!("{community}/versions")),
        format!("{GROUP}/providers/Microsoft.Authorization/permissions"),
        format!("{GROUP}/providers/Microsoft.Authorization/denyAssignments"),
        format!("{GROUP}/providers/Microsoft.Authorization/locks"),
        at("providers/Microsoft.Network"),
        format!("{GROUP}/resources?api-version=2024-11-01&$expand=createdTime,provisioningState"),
        net("virtualNetworks/net/CheckIPAddressAvailability?api-version=2025-05-01&ipAddress=10.0.0.9"),
        at(
            "providers/Microsoft.Network/locations/eastus2/CheckDnsNameAvailability?api-version=2025-05-01&domainNameLabel=x",
        ),
    ] {
        let answer = cloud.get(&path);
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        let name = path.replace(SUBSCRIPTION, "S");
        lines.push(format!("{}\n  {}", name.split('?').next().unwrap_or(""), shape(answer.value())));
    }
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_address_is_free_or_others_are_offered() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic");
    let ask = |cloud: &mut Cloud, address: &str| {
        let path = net("virtualNetworks/net/checkIPAddressAvailability");
        cloud.get(&format!("{path}?api-version=2025-05-01&ipAddress={address}"))
    };
    assert_eq!(ask(&mut cloud, "10.0.0.9").value(), &json!({ "available": true }));
    let taken = ask(&mut cloud, "10.0.0.4");
    assert_eq!(taken.value()["available"], false);
    assert_eq!(taken.value()["availableIPAddresses"].as_array().map(Vec::len), Some(5));
    assert_eq!(taken.value()["availableIPAddresses"][0], "10.0.0.5");
    assert_eq!(ask(&mut cloud, "10.0.0.1").value()["available"], false, "Azure keeps the first ones");
    assert_eq!(refusal(&ask(&mut cloud, "192.168.0.1")).0, 400);
    assert_eq!(refusal(&ask(&mut cloud, "nonsense")).1, "InvalidIPAddressFormat");
}

/// Status, operation and object of the entries of the activity log.
fn log(cloud: &mut Cloud, filter: &str) -> Vec<String> {
    let filter: String = url_encode(filter);
    let path = format!(
        "{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01&$filter={filter}"
    );
    let answer = cloud.get(&path);
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let events = answer.value()["value"].as_array().expect("a list").clone();
    events
        .iter()
        .map(|event| {
            format!(
                "{} {} {} {}",
                event["status"]["value"].as_str().unwrap_or(""),
                event["operationName"]["value"].as_str().unwrap_or(""),
                event["resourceId"].as_str().unwrap_or("").rsplit('/').next().unwrap_or(""),
                event["properties"]["statusCode"].as_str().unwrap_or("-")
            )
        })
        .collect()
}

fn url_encode(text: &str) -> String {
    text.replace(' ', "%20").replace('\'', "%27")
}

const ALWAYS: &str = "eventTimestamp ge '2026-01-01T00:00:00Z'";

#[test]
fn the_activity_log_tells_what_began_and_how_it_ended() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.put(&net("publicIPAddresses/ip"), &address());
    let during = log(&mut cloud, ALWAYS);
    cloud.pass(MINUTE);
    cloud.put(&net("routeTables/rt"), &json!({ "location": "moonbase" }));
    cloud.get(&net("publicIPAddresses/ip"));
    cloud.delete(&net("publicIPAddresses/ip"));
    cloud.pass(MINUTE);
    let after = log(&mut cloud, ALWAYS);
    assert_snapshot!(format!("during\n  {}\nafter\n  {}", during.join("\n  "), after.join("\n  ")));
    let id = net("publicIPAddresses/ip");
    assert_eq!(log(&mut cloud, &format!("{ALWAYS} and resourceUri eq '{id}'")).len(), 6);
    assert_eq!(log(&mut cloud, &format!("{ALWAYS} and resourceGroupName eq 'RG-DEMO'")).len(), 8);
    assert_eq!(log(&mut cloud, &format!("{ALWAYS} and resourceGroupName eq 'other'")).len(), 0);
    assert_eq!(log(&mut cloud, &format!("{ALWAYS} and status eq 'Failed'")).len(), 1);
    assert_eq!(log(&mut cloud, "eventTimestamp ge '2099-01-01T00:00:00Z'").len(), 0);
    let unbound = cloud.get(&format!(
        "{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01"
    ));
    assert_eq!(refusal(&unbound).0, 400, "a time to begin with is required");
}

#[test]
fn prices_are_public_filtered_to_the_letter_and_come_in_pages() {
    let mut cloud = Cloud::new(Profile::Instant);
    let mut ask = |filter: &str| {
        let path = format!("/api/retail/prices?$filter={}", url_encode(filter));
        let request = Request::new(Method::Get, &path).with_header("host", "localhost:8443");
        handle(&mut cloud.world, &cloud.settings, &request, cloud.now)
    };
    let answer =
        ask("armRegionName eq 'eastus' and armSkuName eq 'Standard_D2s_v5' and priceType eq 'Consumption'");
    assert_eq!(answer.status, 200);
    assert_snapshot!(format!("{}\n{:#}", shape(answer.value()), answer.value()["Items"][0]));
    assert_eq!(answer.value()["Count"], 2, "regular and spot");
    assert_eq!(ask("armRegionName eq 'EastUS'").value()["Count"], 0);
    let all = ask("");
    assert_eq!(all.value()["Count"], 1000);
    assert!(all.value()["NextPageLink"].as_str().is_some_and(|link| link.contains("%24skip=1000")));
    assert_eq!(ask("retailPrice lt 3").status, 400);
}

#[test]
fn policies_are_asked_with_what_is_to_be_made() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path = format!("{GROUP}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions");
    let asked = json!({ "resourceDetails": { "apiVersion": "2025-05-01", "resourceContent": {
        "type": "Microsoft.Network/routeTables", "name": "rt", "location": "eastus2",
    } } });
    let request = cloud.request(Method::Post, &path).with_json(&asked);
    let answer = cloud.carry_out(&request);
    assert_eq!(shape(answer.value()), "{contentEvaluationResult{policyEvaluations[]} fieldRestrictions[]}");
    assert!(cloud.get(&compute("availabilitySets")).value()["value"].as_array().is_some_and(Vec::is_empty));
}
