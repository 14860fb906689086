//! Bodies and Azure's published types: what is refused, and that the simulator's own answers keep to them.

use lazuli_simulator::{Profile, Response, published};
use serde_json::{Value, json};

use crate::cloud::{Cloud, address, code, machine, net, network, refusal};
use crate::contract::{schema, schemas};

#[test]
fn the_table_says_what_the_published_schemas_say() {
    let Some(folder) = schemas() else { return };
    let names = |object: &Value| -> Vec<String> {
        let mut names: Vec<String> =
            object["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    };
    let mut compared = 0;
    for kind in published::kinds() {
        let schema = schema(folder, kind);
        assert_eq!(published::sendable(kind, kind), names(&schema), "{kind}");
        for object in schema["$defs"].as_object().into_iter().flatten().map(|(_, object)| object) {
            if object["additionalProperties"] == json!(false) {
                let title = object["title"].as_str().expect("a title");
                assert_eq!(published::sendable(kind, title), names(object), "{title} of {kind}");
                compared += 1;
            }
        }
    }
    assert!(compared > 400, "{compared}");
}

/// What the details of a refusal say.
fn detail(answer: &Response) -> &str {
    answer.value()["error"]["details"][0]["message"].as_str().unwrap_or("")
}

#[test]
fn the_network_provider_cannot_parse_what_the_type_does_not_have() {
    let mut cloud = Cloud::new(Profile::Instant);
    let mut body = network(&[("nodes", "10.0.0.0/24")]);
    body["properties"]["subnets"][0]["properties"]["colour"] = json!("blue");
    let answer = cloud.put(&net("virtualNetworks/net"), &body);
    assert_eq!(refusal(&answer), (400, "InvalidRequestFormat", "Cannot parse the request."));
    assert_eq!(answer.value()["error"]["details"][0]["code"], "InvalidJson");
    let told = detail(&answer);
    assert!(
        told.starts_with(
            "Could not find member 'colour' on object of type 'SubnetPropertiesFormat'. Path \
             'properties.subnets[0].properties.colour', line 1, position "
        ),
        "{told}"
    );
    assert_eq!(cloud.get(&net("virtualNetworks/net")).status, 404, "nothing is made");
    cloud.make_network();
    let subnet = json!({ "properties": { "addressPrefix": "10.0.1.0/24", "colour": "blue" } });
    let answer = cloud.put(&net("virtualNetworks/net/subnets/second"), &subnet);
    assert_eq!(code(&answer), (400, "InvalidRequestFormat"));
}

#[test]
fn the_gateway_refuses_strangers_at_the_top() {
    let mut cloud = Cloud::new(Profile::Instant);
    let mut body = address();
    body["colour"] = json!("blue");
    let answer = cloud.put(&net("publicIPAddresses/ip"), &body);
    let (status, refused, message) = refusal(&answer);
    assert_eq!((status, refused), (400, "InvalidRequestContent"));
    assert!(
        message.contains(
            "'Could not find member 'colour' on object of type 'ResourceDefinition'. Path 'colour'"
        )
    );
    assert_eq!(answer.header("x-ms-failure-cause"), Some("gateway"));
}

#[test]
fn compute_names_what_it_does_not_know() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic-node");
    let mut body = machine("node");
    body["properties"]["storageProfile"]["osDisk"]["diskSizeGb"] = json!(64);
    let path = crate::cloud::compute("virtualMachines/node");
    assert_eq!(cloud.make(&path, &body)["properties"]["storageProfile"]["osDisk"]["diskSizeGB"], 64);
    body["properties"]["storageProfile"]["osDisk"]["diskSizeTB"] = json!(1);
    let answer = cloud.put(&path, &body);
    assert_eq!(code(&answer), (400, "BadRequest"));
    assert_eq!(answer.value()["error"]["target"], "vm.properties.storageProfile.osDisk.diskSizeTB");
}

#[test]
fn what_a_client_read_it_may_send_back() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic-node");
    cloud.make(&crate::cloud::compute("virtualMachines/node"), &machine("node"));
    for path in [
        net("virtualNetworks/net"),
        net("networkInterfaces/nic-node"),
        crate::cloud::compute("virtualMachines/node"),
        crate::cloud::compute("disks/node-etcd"),
    ] {
        let read = cloud.get(&path).value().clone();
        let answer = cloud.put(&path, &read);
        assert!(answer.status < 300, "{path}: {:?}", answer.body);
        cloud.pass(crate::cloud::MINUTE);
        assert_eq!(cloud.get(&path).value(), &read, "and nothing changes");
    }
}
