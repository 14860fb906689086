//! Virtual network, subnets, security groups, route table, NAT gateway, peerings; or an existing network, read only.

use lazuli_core::resource::{ResourceId, ResourceType};
use lazuli_core::{Address, Value};

use super::outbound;
use super::part::{Part, Site, VERSION_NETWORK, object, reference, strings, supplied};
use crate::names;
use crate::spec::{DynamicNetwork, Egress, ExistingNetwork, Peering, Rule, Subnet};

/// Priority of the rule that lets the Kubernetes API be reached: above 2000, so that rules of the cloud controller
/// manager (500 and more) and of users fit in front of it.
pub const API_RULE_PRIORITY: u16 = 2201;
/// Its name.
pub const API_RULE: &str = "allow_apiserver";

/// Where nodes go: ids with the addresses of what they belong to.
pub(super) struct Placement {
    pub(super) virtual_network: ResourceId,
    pub(super) control_plane_subnet: (ResourceId, Address),
    pub(super) worker_subnet: (ResourceId, Address),
    pub(super) worker_security_group: Option<ResourceId>,
    pub(super) route_table: Option<ResourceId>,
    /// The backend pool through which nodes leave, with the address of its load balancer.
    pub(super) outbound: Option<(ResourceId, Address)>,
    /// Networks that are peered with: name, id and the address of the peering.
    pub(super) peers: Vec<(String, ResourceId, Address)>,
    /// The resource group of an existing network, when it is another one.
    pub(super) other_group: Option<ResourceId>,
}

pub(super) fn network_type(name: &str) -> ResourceType {
    ResourceType::new(&format!("Microsoft.Network/{name}"), VERSION_NETWORK)
}

pub(super) fn dynamic(site: &Site<'_>, network: &DynamicNetwork, parts: &mut Vec<Part>) -> Placement {
    let name = &site.cluster.name;
    let at = |part: &str| site.address("network", part);
    let (vnet, cp_nsg, worker_nsg, routes) =
        (at("virtual_network"), at("control_plane_nsg"), at("worker_nsg"), at("route_table"));
    let (cp_subnet, worker_subnet) = (at("control_plane_subnet"), at("worker_subnet"));

    let prefixes = object([("addressPrefixes", strings([network.cidr.to_string()]))]);
    let vnet_part = site
        .grouped(vnet.clone(), network_type("virtualNetworks"), &format!("{name}-vnet"), network.span)
        .tracked("network", [("properties", object([("addressSpace", prefixes)]))])
        .done();
    let vnet_id = id_of(&vnet_part);
    let routes_part = site
        .grouped(routes.clone(), network_type("routeTables"), &format!("{name}-routetable"), network.span)
        .tracked("network", [("properties", object([]))])
        .done();
    let cp_nsg_part = control_plane_group(site, network, &cp_nsg);
    let worker_nsg_part = site
        .grouped(
            worker_nsg.clone(),
            network_type("networkSecurityGroups"),
            &format!("{name}-worker-nsg"),
            network.worker.span,
        )
        .tracked(
            "network",
            [(
                "properties",
                object([("securityRules", Value::tuple(network.worker.rules.iter().map(rule)))]),
            )],
        )
        .done();
    let (worker_nsg_id, routes_id, cp_nsg_id) =
        (id_of(&worker_nsg_part), id_of(&routes_part), id_of(&cp_nsg_part));
    let nat = (network.egress == Egress::NatGateway).then(|| nat_gateway(site, network));

    let subnet = |address: &Address,
                  subnet: &Subnet,
                  suffix: &str,
                  nsg: (&Address, &ResourceId),
                  nat: Option<&Part>| {
        let id = vnet_id.child("subnets", &format!("{name}-{suffix}"));
        let mut properties = vec![
            ("addressPrefix", Value::string(subnet.cidr.to_string())),
            ("defaultOutboundAccess", Value::from(false)),
            ("networkSecurityGroup", reference(nsg.1)),
            ("routeTable", reference(&routes_id)),
        ];
        if let Some(nat) = nat {
            properties.push(("natGateway", reference(&id_of(nat))));
        }
        let mut draft = site
            .part(address.clone(), network_type("virtualNetworks/subnets"), id, subnet.span)
            .body([("properties", Value::object(properties))])
            .on(&vnet, "lies in it")
            .on(nsg.0, "properties.networkSecurityGroup")
            .on(&routes, "properties.routeTable");
        if let Some(nat) = nat {
            draft = draft.on(&nat.declaration.address, "properties.natGateway");
        }
        draft.done()
    };
    let gateway = nat.as_ref().map(|(_, gateway)| gateway);
    // Behind a private API there is no public address through which the control plane could leave.
    let cp_gateway = gateway.filter(|_| site.cluster.api_server.private.is_some());
    let cp_subnet_part =
        subnet(&cp_subnet, &network.control_plane, "cp-subnet", (&cp_nsg, &cp_nsg_id), cp_gateway);
    let worker_subnet_part =
        subnet(&worker_subnet, &network.worker, "worker-subnet", (&worker_nsg, &worker_nsg_id), gateway);
    let outbound = (network.egress == Egress::LoadBalancer).then(|| outbound::balancer(site, network));
    let peerings: Vec<Part> =
        network.peerings.iter().flat_map(|p| peering(site, p, (&vnet, &vnet_id))).collect();
    let peer = |p: &Peering| (p.name.clone(), ResourceId::new(p.remote.as_str()), peering_address(site, p));
    let placement = Placement {
        outbound: outbound.as_ref().map(|outbound| outbound.pool.clone()),
        peers: network.peerings.iter().map(peer).collect(),
        virtual_network: vnet_id.clone(),
        control_plane_subnet: (id_of(&cp_subnet_part), cp_subnet),
        worker_subnet: (id_of(&worker_subnet_part), worker_subnet),
        worker_security_group: Some(worker_nsg_id),
        route_table: Some(routes_id),
        other_group: None,
    };
    parts.extend([vnet_part, routes_part, cp_nsg_part, worker_nsg_part]);
    parts.extend(nat.into_iter().flat_map(|(ip, gateway)| [ip, gateway]));
    parts.extend(outbound.into_iter().flat_map(|outbound| [outbound.address, outbound.balancer]));
    parts.extend([cp_subnet_part, worker_subnet_part]);
    parts.extend(peerings);
    placement
}

fn peering_address(site: &Site<'_>, peering: &Peering) -> Address {
    site.cluster.address.child("network").keyed("peering", &peering.name)
}

/// The half of a peering in the cluster's network, and, where it is asked for, the half in the other one. No packet
/// passes before both are there.
fn peering(site: &Site<'_>, peering: &Peering, own: (&Address, &ResourceId)) -> Vec<Part> {
    let (vnet, vnet_id) = own;
    let remote_id = ResourceId::new(peering.remote.as_str());
    let half = |address: Address, at: &ResourceId, name: &str, to: &ResourceId, because: &str| {
        let properties = object([
            ("allowForwardedTraffic", Value::from(true)),
            ("allowGatewayTransit", Value::from(false)),
            ("allowVirtualNetworkAccess", Value::from(true)),
            ("remoteVirtualNetwork", reference(to)),
            ("useRemoteGateways", Value::from(false)),
        ]);
        let ty = network_type("virtualNetworks/virtualNetworkPeerings");
        site.part(address, ty, at.child("virtualNetworkPeerings", name), peering.span)
            .body([("properties", properties)])
            .on(vnet, because)
    };
    let near = half(peering_address(site, peering), vnet_id, &peering.name, &remote_id, "lies in it").done();
    let mut halves = vec![near];
    if peering.manage_remote {
        let address = site.cluster.address.child("network").keyed("remote_peering", &peering.name);
        halves.push(
            half(address, &remote_id, vnet_id.name(), vnet_id, "properties.remoteVirtualNetwork").done(),
        );
    }
    halves
}

/// The control plane's security group: the API is reachable, for everybody or for the authorized ranges. Those always
/// include the addresses through which the cluster's own nodes come to the API.
fn control_plane_group(site: &Site<'_>, network: &DynamicNetwork, address: &Address) -> Part {
    let api = &site.cluster.api_server;
    let mut sources: Vec<Value> =
        api.authorized_ranges.iter().map(|range| Value::string(range.as_str())).collect();
    let mut needs = Vec::new();
    if !sources.is_empty() && api.private.is_some() {
        sources.push(Value::string(network.cidr.to_string()));
    } else if !sources.is_empty() {
        let workers_leave_by = match network.egress {
            Egress::NatGateway => Some("nat_public_ip"),
            Egress::LoadBalancer => Some("outbound_public_ip"),
            Egress::UserDefinedRouting | Egress::None => None,
        };
        if let Some(ip) = workers_leave_by {
            needs = vec![site.address("api_server", "public_ip"), site.address("network", ip)];
        }
        sources.extend(needs.iter().map(|address| supplied(address, "properties.ipAddress")));
    }
    let allow_api = Rule {
        name: API_RULE.to_owned(),
        priority: i64::from(API_RULE_PRIORITY),
        direction: "Inbound",
        access: "Allow",
        protocol: "Tcp",
        source: sources,
        source_ports: Vec::new(),
        destination: Vec::new(),
        destination_ports: vec![api.port.to_string()],
        description: Some("Kubernetes API".to_owned()),
    };
    let rules = std::iter::once(&allow_api).chain(&network.control_plane.rules).map(rule);
    let mut draft = site
        .grouped(
            address.clone(),
            network_type("networkSecurityGroups"),
            &format!("{}-cp-nsg", site.cluster.name),
            network.control_plane.span,
        )
        .tracked("network", [("properties", object([("securityRules", Value::tuple(rules))]))]);
    for own in &needs {
        draft = draft.on(own, "api_server.authorized_ranges includes the cluster's own addresses");
    }
    draft.done()
}

/// Azure wants a single value and several under different names.
fn rule(rule: &Rule) -> Value {
    let any = || Value::string("*");
    let mut properties = vec![
        ("priority", Value::int(rule.priority)),
        ("direction", Value::string(rule.direction)),
        ("access", Value::string(rule.access)),
        ("protocol", Value::string(rule.protocol)),
    ];
    if let Some(description) = &rule.description {
        properties.push(("description", Value::string(description.as_str())));
    }
    let ports = |ports: &[String]| ports.iter().map(|p| Value::string(p.as_str())).collect::<Vec<_>>();
    let sides = [
        ("sourceAddressPrefix", "sourceAddressPrefixes", rule.source.clone()),
        ("destinationAddressPrefix", "destinationAddressPrefixes", rule.destination.clone()),
        ("sourcePortRange", "sourcePortRanges", ports(&rule.source_ports)),
        ("destinationPortRange", "destinationPortRanges", ports(&rule.destination_ports)),
    ];
    for (one, many, mut values) in sides {
        match values.len() {
            0 => properties.push((one, any())),
            1 => properties.push((one, values.remove(0))),
            _ => properties.push((many, Value::tuple(values))),
        }
    }
    object([("name", Value::string(rule.name.as_str())), ("properties", Value::object(properties))])
}

fn nat_gateway(site: &Site<'_>, network: &DynamicNetwork) -> (Part, Part) {
    let name = &site.cluster.name;
    let (ip, gateway) = (site.address("network", "nat_public_ip"), site.address("network", "nat_gateway"));
    let ip_part = public_ip(site, &ip, &format!("pip-{name}-natgw"), "network", network.span, None);
    let addresses = Value::tuple([reference(&id_of(&ip_part))]);
    let properties = object([("idleTimeoutInMinutes", Value::int(4)), ("publicIpAddresses", addresses)]);
    let gateway_part = site
        .grouped(gateway, network_type("natGateways"), &format!("{name}-natgw"), network.span)
        .tracked(
            "network",
            [("sku", object([("name", Value::string("Standard"))])), ("properties", properties)],
        )
        .on(&ip, "properties.publicIpAddresses")
        .done();
    (ip_part, gateway_part)
}

/// A standard, static public address, in all zones where there are any.
pub(super) fn public_ip(
    site: &Site<'_>,
    address: &Address,
    name: &str,
    component: &str,
    span: lazuli_core::Span,
    dns_label: Option<&str>,
) -> Part {
    let mut properties = vec![
        ("idleTimeoutInMinutes", Value::int(4)),
        ("publicIPAddressVersion", Value::string("IPv4")),
        ("publicIPAllocationMethod", Value::string("Static")),
    ];
    if let Some(label) = dns_label {
        properties.push(("dnsSettings", object([("domainNameLabel", Value::string(label))])));
    }
    let draft = site.grouped(address.clone(), network_type("publicIPAddresses"), name, span);
    let sku = ("sku", object([("name", Value::string("Standard")), ("tier", Value::string("Regional"))]));
    let properties = ("properties", Value::object(properties));
    match site.cluster.zones_of_the_region() {
        [] => draft.tracked(component, [sku, properties]).done(),
        zones => {
            draft.tracked(component, [sku, ("zones", strings(zones.iter().copied())), properties]).done()
        }
    }
}

/// An existing network: three objects that are read and never written.
pub(super) fn existing(site: &Site<'_>, network: &ExistingNetwork, parts: &mut Vec<Part>) -> Placement {
    let group = names::resource_group(site.account, &network.resource_group);
    let vnet_id = names::resource(&group, &network_type("virtualNetworks"), &network.virtual_network);
    let vnet = site.address("network", "virtual_network");
    let read = |address: &Address, ty: &str, id: &ResourceId| {
        let draft = site.part(address.clone(), network_type(ty), id.clone(), network.span).read_only();
        if *address == vnet { draft.done() } else { draft.on(&vnet, "lies in it").done() }
    };
    parts.push(read(&vnet, "virtualNetworks", &vnet_id));
    let mut subnet = |part: &str, name: &str| {
        let (id, address) = (vnet_id.child("subnets", name), site.address("network", part));
        parts.push(read(&address, "virtualNetworks/subnets", &id));
        (id, address)
    };
    let control_plane_subnet = subnet("control_plane_subnet", &network.control_plane_subnet);
    let worker_subnet = subnet("worker_subnet", &network.worker_subnet);
    Placement {
        other_group: (group != site.group).then_some(group),
        virtual_network: vnet_id,
        control_plane_subnet,
        worker_subnet,
        worker_security_group: None,
        route_table: None,
        outbound: None,
        peers: Vec::new(),
    }
}

pub(super) fn id_of(part: &Part) -> ResourceId {
    part.desired.id.clone().unwrap_or_else(|| ResourceId::new("")) // impossible: parts are made with their id
}
