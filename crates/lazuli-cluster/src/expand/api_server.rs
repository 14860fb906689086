//! The public load balancer in front of the Kubernetes API, and its address.

use lazuli_core::resource::{ResourceId, ResourceType};
use lazuli_core::{Address, Value};

use super::network::{id_of, public_ip};
use super::part::{Part, Site, VERSION_NETWORK, object, reference};

/// What control-plane nodes join.
pub(super) struct Balancer {
    pub(super) address: Address,
    pub(super) pool: ResourceId,
}

pub(super) fn expand(site: &Site<'_>, parts: &mut Vec<Part>) -> Balancer {
    let cluster = site.cluster;
    let (ip, balancer) =
        (site.address("api_server", "public_ip"), site.address("api_server", "load_balancer"));
    let span = cluster.api_server.span;
    let ip_part = public_ip(
        site,
        &ip,
        &format!("pip-{}-apiserver", cluster.name),
        "api_server",
        span,
        Some(&site.dns_label),
    );
    let name = format!("{}-public-lb", cluster.name);
    let ty = ResourceType::new("Microsoft.Network/loadBalancers", VERSION_NETWORK);
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
    // Control-plane nodes have no NAT gateway: they leave through the API's own address.
    let outbound = object([
        ("protocol", Value::string("All")),
        ("frontendIPConfigurations", Value::tuple([reference(&frontend_id)])),
        ("backendAddressPool", reference(&pool_id)),
        ("enableTcpReset", Value::from(true)),
        ("idleTimeoutInMinutes", Value::int(4)),
    ]);
    let mut properties = vec![
        (
            "frontendIPConfigurations",
            Value::tuple([named(&frontend, object([("publicIPAddress", reference(&id_of(&ip_part)))]))]),
        ),
        ("backendAddressPools", Value::tuple([object([("name", Value::string(pool.as_str()))])])),
        ("probes", Value::tuple([named(probe, probe_properties)])),
        ("loadBalancingRules", Value::tuple([named("LBRuleHTTPS", rule)])),
    ];
    if cluster.network.leaves_through_api_address() {
        properties.push(("outboundRules", Value::tuple([named("OutboundNATAllProtocols", outbound)])));
    }
    let sku = object([("name", Value::string("Standard")), ("tier", Value::string("Regional"))]);
    let balancer_part = draft
        .tracked("api_server", [("sku", sku), ("properties", Value::object(properties))])
        .on(&ip, "properties.frontendIPConfigurations")
        .done();
    parts.extend([ip_part, balancer_part]);
    Balancer { address: balancer, pool: pool_id }
}
