//! The load balancer through which nodes leave, where there is no NAT gateway.

use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Value};

use super::network::{id_of, network_type, public_ip};
use super::part::{Part, Site, object, reference};
use crate::spec::DynamicNetwork;

/// The load balancer with its address, and the pool that nodes join.
pub(super) struct Outbound {
    pub(super) address: Part,
    pub(super) balancer: Part,
    pub(super) pool: (ResourceId, Address),
}

/// It has the cluster's name: the cloud controller manager calls its own load balancer so, and Azure lets no network
/// interface join two public ones. What that one adds stays, since elements of a load balancer are compared by name.
pub(super) fn balancer(site: &Site<'_>, network: &DynamicNetwork) -> Outbound {
    let name = &site.cluster.name;
    let (ip, address) =
        (site.address("network", "outbound_public_ip"), site.address("network", "outbound_load_balancer"));
    let ip_part = public_ip(site, &ip, &format!("pip-{name}-node-outbound"), "network", network.span, None);
    let ty = network_type("loadBalancers");
    let id = crate::names::resource(&site.group, &ty, name);
    let (frontend, pool) = (format!("{name}-frontEnd"), format!("{name}-outboundBackendPool"));
    let frontend_id = id.child("frontendIPConfigurations", &frontend);
    let pool_id = id.child("backendAddressPools", &pool);
    let named =
        |name: &str, properties: Value| object([("name", Value::string(name)), ("properties", properties)]);
    let rule = object([
        ("protocol", Value::string("All")),
        ("frontendIPConfigurations", Value::tuple([reference(&frontend_id)])),
        ("backendAddressPool", reference(&pool_id)),
        ("enableTcpReset", Value::from(true)),
        ("idleTimeoutInMinutes", Value::int(4)),
    ]);
    let properties = object([
        (
            "frontendIPConfigurations",
            Value::tuple([named(&frontend, object([("publicIPAddress", reference(&id_of(&ip_part)))]))]),
        ),
        ("backendAddressPools", Value::tuple([object([("name", Value::string(pool.as_str()))])])),
        ("outboundRules", Value::tuple([named("OutboundNATAllProtocols", rule)])),
    ]);
    let sku = object([("name", Value::string("Standard")), ("tier", Value::string("Regional"))]);
    let balancer = site
        .part(address.clone(), ty, id, network.span)
        .tracked("network", [("sku", sku), ("properties", properties)])
        .on(&ip, "properties.frontendIPConfigurations")
        .done();
    Outbound { address: ip_part, balancer, pool: (pool_id, address) }
}
