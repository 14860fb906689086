//! Template deployments: what a template makes, in which order, and what is said of it.

use lazuli_simulator::{Conditions, Grant, Method, Policy, Profile, Response, SeedFile, SeededGroup};
use serde_json::{Value, json};

use crate::cloud::{Cloud, GROUP, MINUTE, code, compute, is_empty, net, refusal};

fn deployment(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Resources/deployments/{name}")
}

/// A network, an address behind a parameter, interfaces in a loop, and outputs that refer to them.
fn template() -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "prefix": { "type": "string" },
            "count": { "type": "int", "defaultValue": 2, "allowedValues": [1, 2] },
            "password": { "type": "secureString", "defaultValue": "do not show" },
        },
        "variables": {
            "network": "[concat(parameters('prefix'), '-net')]",
            "subnet": "[resourceId('Microsoft.Network/virtualNetworks/subnets', variables('network'), 'nodes')]",
        },
        "resources": [
            {
                "type": "Microsoft.Network/networkInterfaces", "apiVersion": "2025-05-01",
                "name": "[format('{0}-{1:D2}', parameters('prefix'), copyIndex())]",
                "copy": { "name": "interfaces", "count": "[parameters('count')]" },
                "location": "[resourceGroup().location]",
                "dependsOn": ["[resourceId('Microsoft.Network/virtualNetworks', variables('network'))]"],
                "properties": { "ipConfigurations": [{ "name": "ip", "properties": { "subnet": { "id": "[variables('subnet')]" } } }] },
            },
            {
                "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2025-05-01", "name": "[variables('network')]",
                "location": "eastus2",
                "properties": {
                    "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
                    "subnets": [{ "name": "nodes", "properties": { "addressPrefix": "10.0.0.0/24" } }],
                },
            },
            {
                "type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2025-05-01", "name": "never",
                "condition": "[equals(parameters('prefix'), 'other')]", "location": "eastus2", "properties": {},
            },
        ],
        "outputs": {
            "address": { "type": "string", "value": "[reference(concat(parameters('prefix'), '-00')).ipConfigurations[0].properties.privateIPAddress]" },
            "secret": { "type": "secureString", "value": "[parameters('password')]" },
        },
    })
}

fn body(template: &Value, parameters: Value) -> Value {
    json!({ "properties": { "mode": "Incremental", "template": template, "parameters": parameters } })
}

fn prefix() -> Value {
    json!({ "prefix": { "value": "a" } })
}

fn post(cloud: &mut Cloud, target: &str, body: &Value) -> Response {
    let request = cloud.request(Method::Post, target).with_json(body);
    cloud.carry_out(&request)
}

#[test]
fn a_template_is_made_in_its_order_and_shows_what_came_of_it() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let path = deployment("first");
    let answer = cloud.put(&path, &body(&template(), prefix()));
    assert_eq!(
        (answer.status, answer.value()["properties"]["provisioningState"].as_str()),
        (201, Some("Accepted"))
    );
    assert!(!answer.value().to_string().contains("do not show"), "{:#}", answer.value());
    let watch = answer.header("Azure-AsyncOperation").expect("a place to watch").to_owned();
    assert!(watch.contains("/deployments/first/operationStatuses/"), "{watch}");
    assert_eq!(cloud.get(&watch).value()["status"], "Running");
    assert_eq!(cloud.get(&path).value()["properties"]["provisioningState"], "Running");
    assert_eq!(code(&cloud.put(&path, &body(&template(), prefix()))), (409, "DeploymentActive"));
    assert_eq!(code(&cloud.delete(&path)), (409, "DeploymentActive"));
    assert_eq!(cloud.get(&net("networkInterfaces/a-00")).status, 404, "the network comes first");
    cloud.pass(5 * MINUTE);
    assert_eq!(cloud.get(&watch).value()["status"], "Succeeded");
    let done = cloud.get(&path).value()["properties"].clone();
    assert_eq!(done["outputs"]["address"]["value"], "10.0.0.4", "{done:#}");
    assert_eq!(done["outputs"]["secret"], json!({ "type": "secureString" }));
    assert_eq!(done["outputResources"].as_array().map(Vec::len), Some(3));
    assert_eq!(done["parameters"]["count"], json!({ "type": "int", "value": 2 }));
    assert_eq!(cloud.get(&net("networkInterfaces/a-01")).status, 200);
    assert_eq!(cloud.get(&net("publicIPAddresses/never")).status, 404);
    assert_eq!(cloud.put(&path, &body(&template(), prefix())).status, 200, "once more, over what is there");
}

#[test]
fn operations_of_a_deployment_are_listed_and_deployments_come_and_go() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path = deployment("first");
    assert_eq!(code(&cloud.get(&path)), (404, "DeploymentNotFound"));
    cloud.make(&path, &body(&template(), prefix()));
    // Once by the way of the newer clients, once by that of the older.
    for list in [format!("{path}/operations"), format!("{GROUP}/deployments/first/operations")] {
        let listed = cloud.get(&list);
        let listed = listed.value()["value"].as_array().expect("a list").clone();
        let what = |one: &Value| {
            let properties = &one["properties"];
            let name = properties["targetResource"]["resourceName"].as_str().unwrap_or("-");
            format!("{name} {} {}", properties["provisioningState"], properties["statusCode"])
        };
        let told: Vec<String> = listed.iter().map(what).collect();
        let wanted = [
            "a-00 \"Succeeded\" \"Created\"",
            "a-01 \"Succeeded\" \"Created\"",
            "a-net \"Succeeded\" \"Created\"",
            "- \"Succeeded\" \"OK\"",
        ];
        assert_eq!(told, wanted);
        let one = format!("{path}/operations/{}", listed[0]["operationId"].as_str().expect("an id"));
        assert_eq!(cloud.get(&one).value(), &listed[0]);
    }
    let all = format!("{GROUP}/providers/Microsoft.Resources/deployments/");
    assert_eq!(cloud.get(&all).value()["value"].as_array().map(Vec::len), Some(1));
    let failed = format!("{all}?api-version=2024-11-01&$filter=provisioningState eq 'Failed'");
    assert_eq!(cloud.get(&failed).value()["value"].as_array().map(Vec::len), Some(0));
    let export = post(&mut cloud, &format!("{path}/exportTemplate"), &Value::Null);
    assert_eq!(export.value()["template"], template());
    let resources = cloud.get(&format!("{GROUP}/resources"));
    assert!(
        !resources.value().to_string().contains("deployments"),
        "a deployment is no resource of the group"
    );
    let answer = cloud.delete(&path);
    assert_eq!(answer.status, 202);
    let location = answer.header("Location").expect("a place to look").to_owned();
    assert_eq!((cloud.get(&location).status, cloud.get(&path).status), (204, 404));
    assert_eq!(cloud.delete(&path).status, 204);
    assert!(is_empty(&cloud.delete(&path)));
    assert_eq!(cloud.get(&net("virtualNetworks/a-net")).status, 200, "what it made stays");
}

#[test]
fn what_is_wrong_with_a_template_is_said_before_anything_is_made() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut template = template();
        change(&mut template);
        body(&template, prefix())
    };
    let nested = json!({ "type": "Microsoft.Resources/deployments", "apiVersion": "2024-11-01", "name": "inner", "properties": {} });
    let cases = [
        (body(&template(), json!({})), "InvalidTemplate", "parameter 'prefix'"),
        (
            body(&template(), json!({ "prefix": { "value": "a" }, "more": { "value": 1 } })),
            "InvalidTemplate",
            "'more'",
        ),
        (body(&template(), json!({ "prefix": { "value": 1 } })), "InvalidTemplate", "Expected 'string'"),
        (
            body(&template(), json!({ "prefix": { "value": "a" }, "count": { "value": 7 } })),
            "InvalidTemplate",
            "'1,2'",
        ),
        (
            with(&|t| t["resources"][0]["dependsOn"] = json!(["nobody"])),
            "InvalidTemplate",
            "'nobody' is not defined",
        ),
        (with(&|t| t["resources"][1]["dependsOn"] = json!(["interfaces"])), "InvalidTemplate", "Circular"),
        (with(&|t| t["resources"][1]["name"] = json!("a/b")), "InvalidTemplate", "incorrect segment lengths"),
        (with(&|t| t["resources"][1]["tags"] = json!("[nothing()]")), "InvalidTemplate", "'nothing'"),
        (with(&|t| t["resources"][1]["tags"] = json!("[concat('a']")), "InvalidTemplate", "is missing"),
        (with(&|t| t["resources"][2] = t["resources"][1].clone()), "InvalidTemplate", "multiple times"),
        (
            with(&|t| t["resources"][2] = nested.clone()),
            "NestedDeploymentNotSupported",
            "inside a deployment",
        ),
        (
            json!({ "properties": { "mode": "Complete", "template": template() } }),
            "InvalidTemplate",
            "complete mode",
        ),
        (
            json!({ "properties": { "mode": "Incremental", "templateLink": {} } }),
            "InvalidTemplate",
            "templateLink",
        ),
        (json!({ "properties": { "template": template() } }), "InvalidRequestContent", "mode"),
        (
            json!({ "properties": { "mode": "Incremental", "colour": "blue" } }),
            "InvalidRequestContent",
            "'colour'",
        ),
    ];
    let mut cloud = Cloud::new(Profile::Instant);
    for (body, wanted, part) in cases {
        let put = cloud.put(&deployment("bad"), &body);
        let (status, code, message) = refusal(&put);
        assert!(
            (status, code) == (400, wanted) && message.contains(part),
            "{part}: {status} {code} {message}"
        );
        assert_eq!(post(&mut cloud, &format!("{}/validate", deployment("bad")), &body).value(), put.value());
    }
    assert_eq!(cloud.get(&deployment("bad")).status, 404);
    let good = post(&mut cloud, &format!("{}/validate", deployment("good")), &body(&template(), prefix()));
    assert_eq!(
        (good.status, good.value()["properties"]["provisioningState"].as_str()),
        (200, Some("Succeeded"))
    );
    assert_eq!(cloud.get(&net("virtualNetworks/a-net")).status, 404);
    let elsewhere = format!("{}/providers/Microsoft.Resources/deployments/a", crate::cloud::SUBSCRIPTION);
    assert_eq!(code(&cloud.put(&elsewhere, &json!({}))), (400, "DeploymentScopeNotSupported"));
}

#[test]
fn a_resource_that_fails_fails_the_deployment_and_what_waits_for_it_is_not_made() {
    let mut cloud = Cloud::new(Profile::Fast);
    let mut wrong = template();
    wrong["resources"][1]["properties"]["subnets"][0]["properties"]["addressPrefix"] =
        json!("192.168.0.0/24");
    let answer = cloud.put(&deployment("first"), &body(&wrong, prefix()));
    let watch = answer.header("Azure-AsyncOperation").expect("a place to watch").to_owned();
    cloud.pass(MINUTE);
    let status = cloud.get(&watch);
    assert_eq!((status.status, status.value()["status"].as_str()), (200, Some("Failed")));
    assert_eq!(status.value()["error"]["code"], "DeploymentFailed");
    assert_eq!(status.value()["error"]["details"][0]["code"], "NetcfgInvalidSubnet");
    let shown = cloud.get(&deployment("first")).value()["properties"].clone();
    assert_eq!((&shown["provisioningState"], &shown["error"]), (&json!("Failed"), &status.value()["error"]));
    let listed = cloud.get(&format!("{}/operations", deployment("first")));
    assert_eq!(listed.value()["value"].as_array().map(Vec::len), Some(1), "the interfaces were never begun");
    assert_eq!(
        listed.value()["value"][0]["properties"]["statusMessage"]["error"]["code"],
        "NetcfgInvalidSubnet"
    );
    assert_eq!(
        cloud.put(&deployment("first"), &body(&template(), prefix())).status,
        200,
        "and once more, right"
    );
}

#[test]
fn what_if_says_what_would_be_made_changed_and_left_alone() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("networkSecurityGroups/other"), &json!({ "location": "eastus2", "properties": {} }));
    let ask = |cloud: &mut Cloud, template: &Value| {
        let answer = post(cloud, &format!("{}/whatIf", deployment("w")), &body(template, prefix()));
        assert_eq!(answer.status, 202);
        let location = answer.header("Location").expect("a place to look").to_owned();
        let told = cloud.get(&location).value().clone();
        assert_eq!(told["status"], "Succeeded");
        let changes = told["properties"]["changes"].as_array().expect("changes").clone();
        let short = changes.iter().map(|change| {
            let id = change["resourceId"].as_str().unwrap_or("");
            format!("{} {}", change["changeType"].as_str().unwrap_or(""), id.rsplit('/').next().unwrap_or(""))
        });
        (short.collect::<Vec<_>>(), changes)
    };
    let (new, _) = ask(&mut cloud, &template());
    assert_eq!(new, ["Create a-00", "Create a-01", "Ignore other", "Create a-net"]);
    cloud.make(&deployment("w"), &body(&template(), prefix()));
    let (same, _) = ask(&mut cloud, &template());
    assert_eq!(same, ["NoChange a-00", "NoChange a-01", "Ignore other", "NoChange a-net"]);
    let mut changed = template();
    changed["resources"][1]["tags"] = json!({ "of": "mine" });
    changed["resources"][1]["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.0.0.0/8"]);
    let (told, changes) = ask(&mut cloud, &changed);
    assert_eq!(told[3], "Modify a-net");
    assert_eq!(changes[3]["delta"][0]["path"], "properties.addressSpace.addressPrefixes");
    assert_eq!(changes[3]["delta"][0]["children"][0]["after"], "10.0.0.0/8");
    assert_eq!(changes[3]["delta"][1]["propertyChangeType"], "Create");
}

#[test]
fn who_may_not_make_a_resource_may_not_by_a_template_and_policies_hold() {
    let policy = Policy {
        name: "only-west".to_owned(),
        field: Some("location".to_owned()),
        allowed: vec!["westus".to_owned()],
        ..Policy::default()
    };
    let grant = |actions: &[&str]| Grant {
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        ..Grant::default()
    };
    let cases = [
        (Conditions { policies: vec![policy], ..Conditions::default() }, "RequestDisallowedByPolicy"),
        (
            Conditions { grants: vec![grant(&["Microsoft.Resources/*", "*/read"])], ..Conditions::default() },
            "AuthorizationFailed",
        ),
    ];
    for (conditions, wanted) in cases {
        let group = SeededGroup {
            name: "rg-demo".to_owned(),
            location: "eastus2".to_owned(),
            tags: Default::default(),
        };
        let mut cloud = Cloud::seeded(
            Profile::Instant,
            SeedFile { resource_groups: vec![group], conditions, ..SeedFile::default() },
        );
        let answer = cloud.put(&deployment("first"), &body(&template(), prefix()));
        assert_eq!(code(&answer), (400, "InvalidTemplateDeployment"));
        assert_eq!(answer.value()["error"]["details"][0]["code"], wanted);
    }
}

#[test]
fn a_deployment_can_be_canceled_and_what_was_begun_is_made() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.put(&deployment("first"), &body(&template(), prefix()));
    cloud.pass(1000);
    assert_eq!(cloud.get(&net("virtualNetworks/a-net")).status, 200);
    assert_eq!(post(&mut cloud, &format!("{}/cancel", deployment("first")), &Value::Null).status, 204);
    cloud.pass(10 * MINUTE);
    assert_eq!(cloud.get(&deployment("first")).value()["properties"]["provisioningState"], "Canceled");
    assert_eq!(cloud.get(&net("networkInterfaces/a-00")).status, 404);
    let again = post(&mut cloud, &format!("{}/cancel", deployment("first")), &Value::Null);
    assert_eq!(code(&again), (409, "DeploymentCannotBeCancelled"));
    assert_eq!(cloud.get(&compute("virtualMachines/none")).status, 404);
}
