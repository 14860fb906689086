//! The envelope of refusals, and the refusals themselves with their words.

use insta::assert_snapshot;
use lazuli_simulator::{
    Conditions, Denial, Faults, Grant, Method, Policy, Profile, Request, Response, SeedFile, SeededGroup,
    Sold,
};
use serde_json::{Value, json};

use crate::cloud::{
    Cloud, GROUP, MINUTE, SUBSCRIPTION, address, compute, identity, machine, net, network, nic, refusal,
};

fn told(answer: &Response) -> String {
    let (status, code, message) = refusal(answer);
    let error = &answer.value()["error"];
    let mut more = String::new();
    for name in ["target", "details", "additionalInfo"] {
        if let Some(value) = error.get(name) {
            more.push_str(&format!("\n  {name}: {value}"));
        }
    }
    let gateway = answer.header("x-ms-failure-cause").map_or("", |_| " (gateway)");
    format!("{status} {code}{gateway}\n  {message}{more}")
}

fn seeded(conditions: Conditions) -> Cloud {
    let group =
        SeededGroup { name: "rg-demo".to_owned(), location: "eastus2".to_owned(), tags: Default::default() };
    Cloud::seeded(
        Profile::Instant,
        SeedFile { resource_groups: vec![group], conditions, ..SeedFile::default() },
    )
}

fn gateway(of: &str) -> Value {
    json!({
        "location": "eastus2", "sku": { "name": "Standard" },
        "properties": { "publicIpAddresses": [{ "id": net(&format!("publicIPAddresses/{of}")) }] },
    })
}

#[test]
fn what_is_not_there_is_named_as_azure_names_it() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    let elsewhere =
        format!("{SUBSCRIPTION}/resourceGroups/rg-none/providers/Microsoft.Network/routeTables/rt");
    let other = "/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups";
    let roles = format!("{GROUP}/providers/Microsoft.Authorization");
    let subnet = json!({ "properties": { "addressPrefix": "10.0.0.0/24" } });
    let answers = [
        ("group", cloud.get(&elsewhere)),
        ("resource", cloud.get(&net("routeTables/rt"))),
        ("parent", cloud.get(&net("virtualNetworks/gone/subnets/nodes"))),
        ("part", cloud.get(&net("virtualNetworks/net/subnets/none"))),
        ("write below nothing", cloud.put(&net("virtualNetworks/gone/subnets/nodes"), &subnet)),
        ("reference", cloud.put(&net("natGateways/nat"), &gateway("none"))),
        (
            "role assignment",
            cloud.get(&format!("{roles}/roleAssignments/22222222-2222-2222-2222-222222222222")),
        ),
        ("lock", cloud.get(&format!("{roles}/locks/none"))),
        ("subscription", cloud.get(other)),
        ("namespace", cloud.get(&format!("{GROUP}/providers/Nonsense/things/one"))),
        ("action", cloud.post(&net("virtualNetworks/net/dance"))),
    ];
    let lines: Vec<String> =
        answers.iter().map(|(what, answer)| format!("{what}: {}", told(answer))).collect();
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_in_use_cannot_be_deleted() {
    let mut cloud = Cloud::new(Profile::Instant);
    let security = json!({ "location": "eastus2", "properties": {} });
    cloud.make(&net("networkSecurityGroups/nsg"), &security);
    cloud.make(&net("routeTables/rt"), &security);
    cloud.make(&net("publicIPAddresses/ip"), &address());
    cloud.make(&net("natGateways/nat"), &gateway("ip"));
    let mut body = network(&[("nodes", "10.0.0.0/24")]);
    for (property, path) in [
        ("networkSecurityGroup", "networkSecurityGroups/nsg"),
        ("routeTable", "routeTables/rt"),
        ("natGateway", "natGateways/nat"),
    ] {
        body["properties"]["subnets"][0]["properties"][property] = json!({ "id": net(path) });
    }
    cloud.make(&net("virtualNetworks/net"), &body);
    cloud.make_nic("nic-node");
    cloud.make(&compute("virtualMachines/node"), &machine("node"));
    let zone = json!({ "location": "global", "properties": {} });
    cloud.make(&net("privateDnsZones/demo.internal"), &zone);
    let link = json!({ "location": "global", "properties": { "virtualNetwork": { "id": net("virtualNetworks/net") } } });
    cloud.make(&net("privateDnsZones/demo.internal/virtualNetworkLinks/link"), &link);
    let mut lines = Vec::new();
    for path in [
        net("virtualNetworks/net/subnets/nodes"),
        net("virtualNetworks/net"),
        net("networkInterfaces/nic-node"),
        net("networkSecurityGroups/nsg"),
        net("publicIPAddresses/ip"),
        net("routeTables/rt"),
        net("natGateways/nat"),
        compute("disks/node-etcd"),
        net("privateDnsZones/demo.internal"),
    ] {
        let answer = cloud.delete(&path);
        lines.push(format!("{}: {}", path.trim_start_matches(GROUP), told(&answer)));
    }
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn who_may_not_is_told_why() {
    let policy = Policy {
        name: "places".to_owned(),
        types: vec!["Microsoft.Network/routeTables".to_owned()],
        field: Some("location".to_owned()),
        allowed: vec!["westus2".to_owned()],
        ..Policy::default()
    };
    let denial = Denial {
        name: "managed".to_owned(),
        scope: None,
        actions: vec!["Microsoft.Network/networkSecurityGroups/write".to_owned()],
        not_actions: Vec::new(),
    };
    let grant = Grant {
        actions: vec!["*".to_owned()],
        not_actions: vec!["Microsoft.Compute/*".to_owned(), "Microsoft.Network/*/join/action".to_owned()],
        ..Grant::default()
    };
    let mut cloud = seeded(Conditions {
        policies: vec![policy],
        denials: vec![denial],
        grants: vec![grant],
        ..Conditions::default()
    });
    let plain = json!({ "location": "eastus2", "properties": {} });
    cloud.make(&net("publicIPAddresses/ip"), &address());
    let lock = json!({ "properties": { "level": "ReadOnly" } });
    let mut lines = Vec::new();
    for (what, answer) in [
        ("no right", cloud.put(&compute("availabilitySets/set"), &plain)),
        ("no right on what is referred to", cloud.put(&net("natGateways/nat"), &gateway("ip"))),
        ("denied", cloud.put(&net("networkSecurityGroups/nsg"), &plain)),
        ("policy", cloud.put(&net("routeTables/rt"), &plain)),
    ] {
        lines.push(format!("{what}: {}", told(&answer)));
    }
    cloud.make(&format!("{GROUP}/providers/Microsoft.Authorization/locks/freeze"), &lock);
    for (what, answer) in [
        ("locked for writes", cloud.put(&net("publicIPAddresses/other"), &address())),
        ("locked for deletes", cloud.delete(&net("publicIPAddresses/ip"))),
    ] {
        lines.push(format!("{what}: {}", told(&answer)));
    }
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn roles_are_given_to_principals_that_are_known_and_once() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let robot = cloud.put(&identity("robot"), &json!({ "location": "eastus2" }));
    let principal = robot.value()["properties"]["principalId"].clone();
    let roles = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions");
    let role = |role: &str| json!({ "properties": { "roleDefinitionId": format!("{roles}/{role}"), "principalId": principal } });
    let reader = role("acdd72a7-3385-48ef-bd42-f606fba81ae7");
    let path = |digit: char| {
        let name = "x-x-x-x-x"
            .replacen('x', &digit.to_string().repeat(8), 1)
            .replacen('x', &digit.to_string().repeat(4), 1)
            .replacen('x', &digit.to_string().repeat(4), 1)
            .replacen('x', &digit.to_string().repeat(4), 1)
            .replacen('x', &digit.to_string().repeat(12), 1);
        format!("{GROUP}/providers/Microsoft.Authorization/roleAssignments/{name}")
    };
    let early = refusal(&cloud.put(&path('2'), &reader)).1.to_owned();
    cloud.pass(MINUTE);
    assert_eq!(cloud.put(&path('2'), &reader).status, 201);
    let twice = refusal(&cloud.put(&path('3'), &reader)).1.to_owned();
    let unknown = refusal(&cloud.put(&path('4'), &role("55555555-5555-5555-5555-555555555555"))).1.to_owned();
    assert_eq!(
        [early, twice, unknown],
        ["PrincipalNotFound", "RoleAssignmentExists", "RoleDefinitionDoesNotExist"]
    );
    let gone = cloud.delete(&path('2'));
    assert_eq!((gone.status, &gone.value()["properties"]["principalId"]), (200, &principal));
}

#[test]
fn versions_and_regions_that_there_are_not_are_refused() {
    let mut cloud = Cloud::new(Profile::Instant);
    let plain = |location: &str| json!({ "location": location, "properties": {} });
    let table = net("routeTables/rt");
    let short = |answer: &Response| {
        let (status, code, message) = refusal(answer);
        let message = message
            .split(" The supported locations")
            .next()
            .unwrap_or("")
            .split("regions is")
            .next()
            .unwrap_or("");
        format!("{status} {code}\n  {message}")
    };
    let mut lines = Vec::new();
    for (what, answer) in [
        ("no version", cloud.get(&format!("{table}?x=y"))),
        ("no date", cloud.get(&format!("{table}?api-version=latest"))),
        ("older than the namespace", cloud.get(&format!("{table}?api-version=2012-01-01"))),
        ("to come", cloud.get(&format!("{table}?api-version=2099-01-01"))),
        ("unknown region", cloud.put(&table, &plain("moonbase"))),
        ("no region", cloud.put(&table, &json!({ "properties": {} }))),
        (
            "questions about an unknown region",
            cloud.get(&format!("{SUBSCRIPTION}/providers/Microsoft.Compute/locations/moonbase/usages")),
        ),
        (
            "group in an unknown region",
            cloud.put(&format!("{SUBSCRIPTION}/resourceGroups/rg-moon"), &json!({ "location": "moonbase" })),
        ),
        ("zone in a region", cloud.put(&net("privateDnsZones/demo.internal"), &plain("eastus2"))),
    ] {
        lines.push(format!("{what}: {}", short(&answer)));
    }
    cloud.make(&table, &plain("eastus2"));
    lines.push(format!("moved: {}", short(&cloud.put(&table, &plain("westus2")))));
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_namespace_is_registered_before_it_is_used_and_the_last_quoted_text_is_its_address() {
    let seed = SeedFile {
        resource_groups: vec![SeededGroup {
            name: "rg-demo".to_owned(),
            location: "eastus2".to_owned(),
            tags: Default::default(),
        }],
        unregistered_providers: vec!["Microsoft.Network".to_owned()],
        ..SeedFile::default()
    };
    let mut cloud = Cloud::seeded(Profile::Instant, seed);
    let answer = cloud.put(&net("publicIPAddresses/ip"), &address());
    let (status, code, message) = refusal(&answer);
    assert_eq!((status, code), (409, "MissingSubscriptionRegistration"));
    assert_eq!(message.rsplit('\'').nth(1), Some("Microsoft.Network"), "{message}");
    assert_eq!(cloud.post(&format!("{SUBSCRIPTION}/providers/Microsoft.Network/register")).status, 200);
    assert_eq!(cloud.put(&net("publicIPAddresses/ip"), &address()).status, 201);
}

#[test]
fn a_registration_takes_its_time_and_is_watched_until_it_is_over() {
    let seed = SeedFile {
        resource_groups: vec![SeededGroup {
            name: "rg-demo".to_owned(),
            location: "eastus2".to_owned(),
            tags: Default::default(),
        }],
        unregistered_providers: vec!["Microsoft.Network".to_owned()],
        ..SeedFile::default()
    };
    let mut cloud = Cloud::seeded(Profile::Realistic, seed);
    let provider = format!("{SUBSCRIPTION}/providers/Microsoft.Network");
    let state = |answer: Response| answer.value()["registrationState"].as_str().unwrap_or("").to_owned();
    let mut states = vec![state(cloud.get(&provider))];
    states.push(state(cloud.post(&format!("{provider}/register"))));
    let early = cloud.put(&net("publicIPAddresses/ip"), &address());
    assert_eq!(refusal(&early).1, "MissingSubscriptionRegistration");
    cloud.pass(10_000);
    states.push(state(cloud.post(&format!("{provider}/register"))));
    cloud.pass(5 * MINUTE);
    states.push(state(cloud.get(&provider)));
    assert_eq!(cloud.put(&net("publicIPAddresses/ip"), &address()).status, 201);
    states.push(state(cloud.post(&format!("{provider}/unregister"))));
    cloud.pass(5 * MINUTE);
    states.push(state(cloud.get(&provider)));
    let expected =
        ["NotRegistered", "Registering", "Registering", "Registered", "Unregistering", "NotRegistered"];
    assert_eq!(states, expected);
}

#[test]
fn quotas_are_refused_in_an_older_and_in_a_newer_form() {
    let quota = lazuli_simulator::Quota { location: "eastus2".into(), name: "cores".into(), limit: 1 };
    for (quota_exceeded, expected) in [(false, "OperationNotAllowed"), (true, "QuotaExceeded")] {
        let mut cloud = Cloud::seeded(
            Profile::Instant,
            SeedFile {
                resource_groups: vec![SeededGroup {
                    name: "rg-demo".to_owned(),
                    location: "eastus2".to_owned(),
                    tags: Default::default(),
                }],
                quotas: vec![quota.clone()],
                conditions: Conditions { quota_exceeded, ..Conditions::default() },
                ..SeedFile::default()
            },
        );
        cloud.make_network();
        cloud.make_nic("nic-node");
        let answer = cloud.put(&compute("virtualMachines/node"), &machine("node"));
        let (status, code, message) = refusal(&answer);
        assert_eq!((status, code), (409, expected));
        assert!(message.contains("Current Limit: 1, Current Usage: 0, Additional Required: 2"), "{message}");
    }
}

#[test]
fn a_body_of_more_than_8_mb_is_dropped() {
    let mut cloud = Cloud::new(Profile::Instant);
    for (size, expected) in [(8 * 1024 * 1024 + 1, 500), (8 * 1024 * 1024, 400)] {
        let mut request = cloud.request(Method::Put, &net("routeTables/rt"));
        request.body = vec![b'x'; size];
        assert_eq!(cloud.carry_out(&request).status, expected, "{size}");
    }
}

#[test]
fn terms_of_the_marketplace_are_accepted_before_a_machine_is_made() {
    let sold =
        Sold { publisher: "vendor".into(), offer: "appliance".into(), plan: "byol".into(), accepted: false };
    let mut cloud = seeded(Conditions { sold: vec![sold], ..Conditions::default() });
    cloud.make_network();
    cloud.make_nic("nic-node");
    let mut body = machine("node");
    body["properties"]["storageProfile"]["imageReference"] =
        json!({ "publisher": "vendor", "offer": "appliance", "sku": "byol", "version": "latest" });
    let path = compute("virtualMachines/node");
    let unplanned = told(&cloud.put(&path, &body));
    body["plan"] = json!({ "publisher": "vendor", "product": "appliance", "name": "byol" });
    let unaccepted = told(&cloud.put(&path, &body));
    assert_snapshot!(format!("{unplanned}\n{unaccepted}"));
    let terms = format!(
        "{SUBSCRIPTION}/providers/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine/publishers/vendor/offers/appliance/plans/byol/agreements/current?api-version=2021-01-01"
    );
    let mut agreement = cloud.get(&terms).value().clone();
    assert_eq!(agreement["properties"]["accepted"], false);
    agreement["properties"]["accepted"] = json!(true);
    assert_eq!(cloud.put(&terms, &agreement).status, 200);
    assert_eq!(cloud.get(&terms).value()["properties"]["accepted"], true);
    assert_eq!(cloud.put(&path, &body).status, 201);
}

#[test]
fn throttling_by_compute_comes_without_the_usual_envelope() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.settings.faults =
        Faults::parse(r#"{"limits": {"Microsoft.Compute/PutVM3Min": {"capacity": 1, "per_second": 0.1}}}"#)
            .expect("faults");
    let path = compute("virtualMachines/none");
    cloud.put(&path, &machine("none"));
    let answer = cloud.put(&path, &machine("none"));
    assert_eq!((answer.status, answer.header("Retry-After")), (429, Some("10")));
    assert_eq!(answer.value()["code"], "OperationNotAllowed");
    let detail = &answer.value()["details"][0];
    assert_eq!((&detail["code"], &detail["target"]), (&json!("TooManyRequests"), &json!("PutVM3Min")));
    let counted: Value =
        serde_json::from_str(detail["message"].as_str().expect("a text")).expect("JSON in a text");
    assert_eq!(counted["allowedRequestCount"], 1);
}

#[test]
fn without_a_token_one_is_told_where_to_get_it() {
    let mut cloud = Cloud::new(Profile::Instant);
    let request = Request::new(Method::Get, &format!("{GROUP}?api-version=2025-04-01"))
        .with_header("host", "localhost:8443");
    let answer = cloud.carry_out(&request);
    assert_eq!(refusal(&answer).1, "AuthenticationFailed");
    let way = answer.header("WWW-Authenticate").expect("a way");
    assert!(way.starts_with("Bearer authorization_uri=\"https://localhost:8443/"), "{way}");
}

#[test]
fn quotas_of_disks_are_by_what_they_are_stored_on() {
    let seed = SeedFile {
        resource_groups: vec![SeededGroup {
            name: "rg-demo".to_owned(),
            location: "eastus2".to_owned(),
            tags: Default::default(),
        }],
        quotas: vec![lazuli_simulator::Quota {
            location: "eastus2".into(),
            name: "PremiumDiskCount".into(),
            limit: 1,
        }],
        ..SeedFile::default()
    };
    let mut cloud = Cloud::seeded(Profile::Instant, seed);
    let disk = |sku: &str| {
        json!({
            "location": "eastus2", "sku": { "name": sku },
            "properties": { "creationData": { "createOption": "Empty" }, "diskSizeGB": 4 },
        })
    };
    cloud.make(&compute("disks/standard"), &disk("StandardSSD_LRS"));
    cloud.make(&compute("disks/one"), &disk("Premium_LRS"));
    assert_snapshot!(told(&cloud.put(&compute("disks/two"), &disk("Premium_LRS"))));
    cloud.make_network();
    cloud.put(&net("networkInterfaces/nic-node"), &nic("nodes"));
    let implied = cloud.put(&compute("virtualMachines/node"), &machine("node"));
    assert_eq!(refusal(&implied).1, "OperationNotAllowed", "the disks a machine brings count too");
    let usages = cloud.get(&format!("{SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus2/usages"));
    let premium = usages.value()["value"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|usage| usage["name"]["value"] == "PremiumDiskCount");
    assert_eq!(premium.map(|usage| (&usage["currentValue"], &usage["limit"])), Some((&json!(1), &json!(1))));
}
