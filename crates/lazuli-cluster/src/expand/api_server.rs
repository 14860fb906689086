//! The load balancer in front of the Kubernetes API: public with an address of its own, or in the control plane's subnet.

use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Value};

use super::network::{Placement, id_of, network_type, public_ip};
use super::part::{Part, Site, object, reference, strings};
use super::private_dns;
use crate::spec::PrivateApi;

/// What control-plane nodes join.
pub(super) struct Balancer {
    pub(super) address: Address,
    pub(super) pool: ResourceId,
    /// What must be there before the API's host name can be resolved, where Azure does not know it by itself.
    pub(super) names: Vec<Address>,
}

pub(super) fn expand(site: &Site<'_>, network: &Placement, parts: &mut Vec<Part>) -> Balancer {
    let cluster = site.cluster;
    let balancer = site.address("api_server", "load_balancer");
    let span = cluster.api_server.span;
    let ty = network_type("loadBalancers");
    let (name, frontend_part) = match &cluster.api_server.private {
        Some(private) => (format!("{}-internal-lb", cluster.name), inside(site, private, network)),
        None => {
            let ip = site.address("api_server", "public_ip");
            let (name, label) = (format!("pip-{}-apiserver", cluster.name), Some(site.dns_label.as_str()));
            let ip_part = public_ip(site, &ip, &name, "api_server", span, label);
            let body = vec![("properties", object([("publicIPAddress", reference(&id_of(&ip_part)))]))];
            parts.push(ip_part);
            (format!("{}-public-lb", cluster.name), (body, ip))
        }
    };
    let (mut frontend_body, needed) = frontend_part;
    let id = crate::names::resource(&site.group, &ty, &name);
    let draft = site.part(balancer.clone(), ty, id.clone(), span);
    let (frontend, pool, probe) = (format!("{name}-frontEnd"), format!("{name}-backendPool"), "HTTPSProbe");
    let frontend_id = id.child("frontendIPConfigurations", &frontend);
    let pool_id = id.child("backendAddressPools", &pool);
    let port = i64::from(cluster.api_server.port);
    let named =
        |name: &str, properties: Value| object([("name", Value::string(name)), ("properties", properties)]);

    let probe_properties = object([
        ("protocol", Value::string("Https")),
        ("port", Value::int(port)),
        ("requestPath", Value::string("/readyz")),
        ("intervalInSeconds", Value::int(5)),
        ("probeThreshold", Value::int(2)),
    ]);
    let rule = object([
        ("protocol", Value::string("Tcp")),
        ("frontendPort", Value::int(port)),
        ("backendPort", Value::int(port)),
        ("frontendIPConfiguration", reference(&frontend_id)),
        ("backendAddressPool", reference(&pool_id)),
        ("probe", reference(&id.child("probes", probe))),
        ("disableOutboundSnat", Value::from(true)),
        ("enableFloatingIP", Value::from(false)),
        ("enableTcpReset", Value::from(true)),
        ("idleTimeoutInMinutes", Value::int(4)),
        ("loadDistribution", Value::string("Default")),
    ]);
    // Behind a public API, control-plane nodes have no NAT gateway: they leave through the API's own address.
    let outbound = object([
        ("protocol", Value::string("All")),
        ("frontendIPConfigurations", Value::tuple([reference(&frontend_id)])),
        ("backendAddressPool", reference(&pool_id)),
        ("enableTcpReset", Value::from(true)),
        ("idleTimeoutInMinutes", Value::int(4)),
    ]);
    frontend_body.push(("name", Value::string(frontend.as_str())));
    let mut properties = vec![
        ("frontendIPConfigurations", Value::tuple([Value::object(frontend_body)])),
        ("backendAddressPools", Value::tuple([object([("name", Value::string(pool.as_str()))])])),
        ("probes", Value::tuple([named(probe, probe_properties)])),
        ("loadBalancingRules", Value::tuple([named("LBRuleHTTPS", rule)])),
    ];
    if cluster.leaves_through_api_address() {
        properties.push(("outboundRules", Value::tuple([named("OutboundNATAllProtocols", outbound)])));
    }
    let sku = object([("name", Value::string("Standard")), ("tier", Value::string("Regional"))]);
    let balancer_part = draft
        .tracked("api_server", [("sku", sku), ("properties", Value::object(properties))])
        .on(&needed, "properties.frontendIPConfigurations")
        .done();
    parts.push(balancer_part);
    let names = match &cluster.api_server.private {
        Some(private) => private_dns::expand(site, private, network, parts),
        None => Vec::new(),
    };
    Balancer { address: balancer, pool: pool_id, names }
}

/// A frontend in the subnet of the control plane, and the subnet's address.
fn inside(
    site: &Site<'_>,
    private: &PrivateApi,
    network: &Placement,
) -> (Vec<(&'static str, Value)>, Address) {
    let (subnet, subnet_address) = &network.control_plane_subnet;
    let properties = object([
        ("privateIPAddress", Value::string(private.ip.to_string())),
        ("privateIPAddressVersion", Value::string("IPv4")),
        ("privateIPAllocationMethod", Value::string("Static")),
        ("subnet", reference(subnet)),
    ]);
    let mut body = vec![("properties", properties)];
    let zones = site.cluster.zones_of_the_region();
    if !zones.is_empty() {
        body.push(("zones", strings(zones.iter().copied())));
    }
    (body, subnet_address.clone())
}
