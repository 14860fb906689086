//! Virtual networks, security groups, addresses, gateways, load balancers, interfaces.

use lazuli_simulator::Profile;
use serde_json::{Value, json};

use crate::cloud::{Cloud, address, code, compute, machine, net, network, nic, refusal};

#[test]
fn a_network_keeps_its_subnets_inline_and_as_children() {
    let mut cloud = Cloud::new(Profile::Instant);
    let made = cloud.make_network();
    insta::assert_json_snapshot!(made);
    let subnet = cloud.get(&net("virtualNetworks/net/subnets/nodes"));
    assert_eq!(subnet.value(), &made["properties"]["subnets"][0]);
    let second = net("virtualNetworks/net/subnets/second");
    let answer = cloud.put(&second, &json!({ "properties": { "addressPrefix": "10.0.1.0/24" } }));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.value()["properties"]["provisioningState"], "Updating");
    let again = cloud.put(&second, &json!({ "properties": { "addressPrefix": "10.0.1.0/24" } }));
    assert_eq!(again.status, 200);
    let listed = cloud.get(&net("virtualNetworks/net/subnets"));
    assert_eq!(listed.value()["value"].as_array().expect("a list").len(), 2);
    cloud.unmake(&second);
    assert_eq!(
        cloud.get(&net("virtualNetworks/net")).value()["properties"]["subnets"]
            .as_array()
            .expect("a list")
            .len(),
        1
    );
}

#[test]
fn subnets_must_fit_the_network_and_not_overlap() {
    let mut cloud = Cloud::new(Profile::Instant);
    let path = net("virtualNetworks/net");
    let outside = cloud.put(&path, &network(&[("a", "10.1.0.0/24")]));
    assert_eq!(code(&outside), (400, "NetcfgInvalidSubnet"));
    let overlapping = cloud.put(&path, &network(&[("a", "10.0.0.0/24"), ("b", "10.0.0.128/25")]));
    assert_eq!(code(&overlapping), (400, "NetcfgSubnetRangesOverlap"));
    assert_eq!(cloud.get(&path).status, 404, "a refused PUT leaves nothing behind");
}

#[test]
fn a_put_without_subnets_removes_them_unless_they_are_in_use() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    let bare = json!({ "location": "eastus2", "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] } } });
    let shown = cloud.make(&net("virtualNetworks/net"), &bare);
    assert_eq!(shown["properties"]["subnets"], json!([]));
    cloud.make_network();
    cloud.make_nic("nic");
    assert_eq!(code(&cloud.put(&net("virtualNetworks/net"), &bare)), (400, "InUseSubnetCannotBeDeleted"));
}

#[test]
fn an_interface_blocks_its_subnet_and_the_whole_network() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    cloud.make_nic("nic");
    let config = net("networkInterfaces/nic/ipConfigurations/ip");
    for path in [net("virtualNetworks/net/subnets/nodes"), net("virtualNetworks/net")] {
        let answer = cloud.delete(&path);
        let (status, refused, message) = refusal(&answer);
        assert_eq!((status, refused), (400, "InUseSubnetCannotBeDeleted"));
        assert!(message.contains(&format!("Subnet nodes is in use by {config}")), "{message}");
    }
    let shown = cloud.get(&net("virtualNetworks/net/subnets/nodes"));
    assert_eq!(shown.value()["properties"]["ipConfigurations"], json!([{ "id": config }]));
    cloud.unmake(&net("networkInterfaces/nic"));
    cloud.unmake(&net("virtualNetworks/net"));
}

#[test]
fn interfaces_get_the_first_free_address_after_the_reserved_ones() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("virtualNetworks/net"), &network(&[("nodes", "10.0.0.0/29")]));
    let ip = |nic: &Value| nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"].clone();
    assert_eq!(ip(&cloud.make_nic("a")), "10.0.0.4");
    assert_eq!(ip(&cloud.make_nic("b")), "10.0.0.5");
    assert_eq!(ip(&cloud.make_nic("c")), "10.0.0.6");
    let full = cloud.put(&net("networkInterfaces/d"), &nic("nodes"));
    assert_eq!(code(&full), (400, "SubnetIsFull"));
    cloud.unmake(&net("networkInterfaces/b"));
    let mut fixed = nic("nodes");
    fixed["properties"]["ipConfigurations"][0]["properties"]["privateIPAllocationMethod"] = json!("Static");
    fixed["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] = json!("10.0.0.4");
    assert_eq!(code(&cloud.put(&net("networkInterfaces/d"), &fixed)), (400, "PrivateIPAddressInUse"));
    assert_eq!(ip(&cloud.make_nic("e")), "10.0.0.5");
    assert_eq!(ip(&cloud.make_nic("e")), "10.0.0.5", "an update keeps the address");
}

#[test]
fn a_reference_to_nothing_is_refused_in_upper_case() {
    let mut cloud = Cloud::new(Profile::Instant);
    let gateway = json!({
        "location": "eastus2", "sku": { "name": "Standard" },
        "properties": { "publicIpAddresses": [{ "id": net("publicIPAddresses/none") }] },
    });
    let answer = cloud.put(&net("natGateways/nat"), &gateway);
    let (status, refused, message) = refusal(&answer);
    assert_eq!((status, refused), (404, "NotFound"));
    assert_eq!(
        message,
        "Resource /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/RG-DEMO/providers/Microsoft.Network/publicIPAddresses/NONE not found."
    );
    assert_eq!(answer.value()["error"]["details"], json!([]));
    assert_eq!(cloud.get(&net("natGateways/nat")).status, 404);
}

#[test]
fn a_reference_across_regions_is_refused() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("routeTables/rt"), &json!({ "location": "westus2" }));
    let mut body = network(&[("nodes", "10.0.0.0/24")]);
    body["properties"]["subnets"][0]["properties"]["routeTable"] = json!({ "id": net("routeTables/rt") });
    assert_eq!(code(&cloud.put(&net("virtualNetworks/net"), &body)), (400, "InvalidResourceReference"));
}

#[test]
fn security_groups_route_tables_and_gateways_know_their_subnets_and_are_kept_by_them() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("publicIPAddresses/ip"), &address());
    cloud.make(&net("networkSecurityGroups/nsg"), &json!({ "location": "eastus2" }));
    cloud.make(&net("routeTables/rt"), &json!({ "location": "eastus2" }));
    let gateway = json!({
        "location": "eastus2", "sku": { "name": "Standard" },
        "properties": { "publicIpAddresses": [{ "id": net("publicIPAddresses/ip") }] },
    });
    cloud.make(&net("natGateways/nat"), &gateway);
    let mut body = network(&[("nodes", "10.0.0.0/24")]);
    let subnet = &mut body["properties"]["subnets"][0]["properties"];
    subnet["networkSecurityGroup"] = json!({ "id": net("networkSecurityGroups/nsg") });
    subnet["routeTable"] = json!({ "id": net("routeTables/rt") });
    subnet["natGateway"] = json!({ "id": net("natGateways/nat") });
    cloud.make(&net("virtualNetworks/net"), &body);

    let subnets = json!([{ "id": net("virtualNetworks/net/subnets/nodes") }]);
    for (path, refused) in [
        ("networkSecurityGroups/nsg", "InUseNetworkSecurityGroupCannotBeDeleted"),
        ("routeTables/rt", "InUseRouteTableCannotBeDeleted"),
        ("natGateways/nat", "InUseNatGatewayCannotBeDeleted"),
    ] {
        assert_eq!(cloud.get(&net(path)).value()["properties"]["subnets"], subnets, "{path}");
        assert_eq!(code(&cloud.delete(&net(path))), (400, refused));
    }
    let ip = cloud.get(&net("publicIPAddresses/ip"));
    assert_eq!(ip.value()["properties"]["natGateway"], json!({ "id": net("natGateways/nat") }));
    assert_eq!(code(&cloud.delete(&net("publicIPAddresses/ip"))), (400, "PublicIPAddressCannotBeDeleted"));
    for path in ["virtualNetworks/net", "natGateways/nat", "publicIPAddresses/ip", "routeTables/rt"] {
        cloud.unmake(&net(path));
    }
}

#[test]
fn security_rules_are_children_with_unique_priorities() {
    let mut cloud = Cloud::new(Profile::Instant);
    let rule = |priority: u32| {
        json!({ "properties": {
            "priority": priority, "access": "Allow", "direction": "Inbound", "protocol": "Tcp",
            "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "6443",
        } })
    };
    let group = cloud.make(&net("networkSecurityGroups/nsg"), &json!({ "location": "eastus2" }));
    assert_eq!(group["properties"]["defaultSecurityRules"].as_array().expect("a list").len(), 6);
    let made = cloud.make(&net("networkSecurityGroups/nsg/securityRules/api"), &rule(2201));
    insta::assert_json_snapshot!(made);
    let twin = cloud.put(&net("networkSecurityGroups/nsg/securityRules/twin"), &rule(2201));
    assert_eq!(code(&twin), (400, "SecurityRuleConflict"));
    let low = cloud.put(&net("networkSecurityGroups/nsg/securityRules/low"), &rule(99));
    assert_eq!(code(&low), (400, "SecurityRuleInvalidPriority"));
    let orphan = cloud.put(&net("networkSecurityGroups/none/securityRules/api"), &rule(2201));
    let (status, refused, message) = refusal(&orphan);
    assert_eq!((status, refused), (404, "ParentResourceNotFound"));
    assert!(message.contains("'networkSecurityGroups/securityRules'"), "{message}");
    cloud.unmake(&net("networkSecurityGroups/nsg/securityRules/api"));
}

#[test]
fn a_public_address_appears_when_it_is_ready_with_its_dns_name() {
    let mut cloud = Cloud::new(Profile::Realistic);
    let mut body = address();
    body["zones"] = json!(["1", "2", "3"]);
    body["properties"]["dnsSettings"] = json!({ "domainNameLabel": "prod-39421c96" });
    let path = net("publicIPAddresses/ip");
    let answer = cloud.put(&path, &body);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("Retry-After"), Some("1"));
    assert_eq!(answer.value()["properties"].get("ipAddress"), None);
    cloud.pass(60_000);
    let shown = cloud.get(&path).value().clone();
    assert!(shown["properties"]["ipAddress"].as_str().expect("an address").starts_with("20."));
    assert_eq!(shown["properties"]["dnsSettings"]["fqdn"], "prod-39421c96.eastus2.cloudapp.azure.com");
    let thief = cloud.put(&net("publicIPAddresses/thief"), &body);
    assert_eq!(code(&thief), (400, "DnsRecordInUse"));
    body["location"] = json!("westus2");
    body["zones"] = json!([]);
    assert_eq!(cloud.put(&net("publicIPAddresses/elsewhere"), &body).status, 201, "labels are regional");
}

#[test]
fn a_load_balancer_is_settled_at_once_and_links_its_parts() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("publicIPAddresses/api"), &address());
    let answer = cloud.put(&net("loadBalancers/lb"), &balancer(None));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.value()["properties"]["provisioningState"], "Succeeded");
    assert!(answer.header("Azure-AsyncOperation").is_some() && answer.header("Retry-After").is_none());
    cloud.make_network();
    let mut member = nic("nodes");
    member["properties"]["ipConfigurations"][0]["properties"]["loadBalancerBackendAddressPools"] =
        json!([{ "id": net("loadBalancers/lb/backendAddressPools/pool") }]);
    cloud.make(&net("networkInterfaces/nic"), &member);
    insta::assert_json_snapshot!(cloud.get(&net("loadBalancers/lb")).value());
    let ip = cloud.get(&net("publicIPAddresses/api"));
    let frontend = net("loadBalancers/lb/frontendIPConfigurations/front");
    assert_eq!(ip.value()["properties"]["ipConfiguration"], json!({ "id": frontend }));
    let pool = cloud.delete(&net("loadBalancers/lb/backendAddressPools/pool"));
    assert_eq!(code(&pool), (400, "InUseBackendAddressPoolCannotBeDeleted"));
    cloud.unmake(&net("loadBalancers/lb"));
    let nic = cloud.get(&net("networkInterfaces/nic"));
    let pools =
        &nic.value()["properties"]["ipConfigurations"][0]["properties"]["loadBalancerBackendAddressPools"];
    assert_eq!(pools, &json!([]));
}

fn balancer(zones: Option<Value>) -> Value {
    let lb = |part: &str| json!({ "id": net(&format!("loadBalancers/lb/{part}")) });
    let mut front = json!({ "name": "front", "properties": { "publicIPAddress": { "id": net("publicIPAddresses/api") } } });
    if let Some(zones) = zones {
        front["zones"] = zones;
    }
    json!({
        "location": "eastus2", "sku": { "name": "Standard" },
        "properties": {
            "frontendIPConfigurations": [front],
            "backendAddressPools": [{ "name": "pool" }],
            "probes": [{ "name": "probe", "properties": { "protocol": "Https", "port": 6443, "requestPath": "/readyz", "intervalInSeconds": 5 } }],
            "loadBalancingRules": [{ "name": "api", "properties": {
                "protocol": "Tcp", "frontendPort": 6443, "backendPort": 6443, "disableOutboundSnat": true,
                "frontendIPConfiguration": lb("frontendIPConfigurations/front"),
                "backendAddressPool": lb("backendAddressPools/pool"), "probe": lb("probes/probe"),
            } }],
            "outboundRules": [{ "name": "out", "properties": {
                "protocol": "All", "frontendIPConfigurations": [lb("frontendIPConfigurations/front")],
                "backendAddressPool": lb("backendAddressPools/pool"),
            } }],
        },
    })
}

#[test]
fn a_public_frontend_cannot_have_zones_and_a_rule_cannot_point_at_a_missing_part() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make(&net("publicIPAddresses/api"), &address());
    let zoned = cloud.put(&net("loadBalancers/lb"), &balancer(Some(json!(["1"]))));
    assert_eq!(
        code(&zoned),
        (400, "LoadBalancerFrontendIPConfigCannotHaveZoneWhenReferencingPublicIPAddress")
    );
    let mut broken = balancer(None);
    broken["properties"]["probes"] = json!([]);
    assert_eq!(code(&cloud.put(&net("loadBalancers/lb"), &broken)), (400, "InvalidResourceReference"));
}

#[test]
fn an_internal_frontend_takes_an_address_of_its_subnet() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    let body = json!({
        "location": "eastus2", "sku": { "name": "Standard" },
        "properties": { "frontendIPConfigurations": [{
            "name": "front", "zones": ["1", "2", "3"],
            "properties": { "subnet": { "id": net("virtualNetworks/net/subnets/nodes") } },
        }] },
    });
    let shown = cloud.make(&net("loadBalancers/ilb"), &body);
    assert_eq!(
        shown["properties"]["frontendIPConfigurations"][0]["properties"]["privateIPAddress"],
        "10.0.0.4"
    );
    assert_eq!(code(&cloud.delete(&net("virtualNetworks/net"))), (400, "InUseSubnetCannotBeDeleted"));
}

#[test]
fn peerings_connect_once_both_halves_exist() {
    let mut cloud = Cloud::new(Profile::Instant);
    cloud.make_network();
    let mut other = network(&[]);
    other["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.9.0.0/16"]);
    cloud.make(&net("virtualNetworks/other"), &other);
    let half = |to: &str| json!({ "properties": { "remoteVirtualNetwork": { "id": net(&format!("virtualNetworks/{to}")) } } });
    let first = net("virtualNetworks/net/virtualNetworkPeerings/out");
    assert_eq!(cloud.make(&first, &half("other"))["properties"]["peeringState"], "Initiated");
    cloud.make(&net("virtualNetworks/other/virtualNetworkPeerings/back"), &half("net"));
    assert_eq!(cloud.get(&first).value()["properties"]["peeringState"], "Connected");
    cloud.make_network();
    assert_eq!(cloud.get(&first).status, 200, "a PUT of the network leaves its peerings alone");
}

#[test]
fn an_interface_shows_its_machine_and_is_kept_by_it_even_while_the_machine_is_being_deleted() {
    let mut cloud = Cloud::new(Profile::Realistic);
    cloud.make_network();
    cloud.make_nic("nic-a");
    cloud.make(&compute("virtualMachines/a"), &machine("a"));
    let nic = cloud.get(&net("networkInterfaces/nic-a")).value().clone();
    assert_eq!(nic["properties"]["virtualMachine"], json!({ "id": compute("virtualMachines/a") }));
    assert_eq!(nic["properties"]["primary"], true);
    assert_eq!(code(&cloud.delete(&net("networkInterfaces/nic-a"))), (400, "NicInUse"));
    assert_eq!(cloud.delete(&compute("virtualMachines/a")).status, 202);
    cloud.pass(5_000);
    assert_eq!(
        cloud.get(&compute("virtualMachines/a")).value()["properties"]["provisioningState"],
        "Deleting"
    );
    assert_eq!(code(&cloud.delete(&net("networkInterfaces/nic-a"))), (400, "NicInUse"));
    cloud.pass(600_000);
    assert_eq!(cloud.get(&compute("virtualMachines/a")).status, 404);
    cloud.unmake(&net("networkInterfaces/nic-a"));
}
