//! Rows of `Microsoft.Network`, less private DNS.

use super::{
    Draft, Family, FirstBody, Flow, GENERIC, Headers, InUse, Kind, Patching, anywhere, loadbalancer, near,
    network, nic,
};
use crate::error::ArmError;
use crate::latency::Delay;
use crate::{ids, json};

const NETWORK: Kind = Kind {
    family: Family::Network,
    located: true,
    put: Flow::put(None),
    delete: Flow::delete(),
    patch: Patching::Tags,
    etag: true,
    locks: true,
    put_accept: Delay::ms(1000, 2000),
    put_work: Delay::ms(1500, 3000),
    delete_accept: Delay::ms(1000, 2000),
    delete_work: Delay::ms(5000, 10_000),
    ..GENERIC
};

/// Types that answer `Succeeded` at once, yet with an operation to poll.
const SETTLED: Flow = Flow::Async {
    headers: Headers::Operation,
    settled: true,
    body: FirstBody::Whole,
    retry_after: None,
    poll_after: 10,
};

const ELEMENT: Kind = Kind { located: false, patch: Patching::Nothing, ..NETWORK };

pub(super) static ROWS: &[Kind] = &[
    Kind {
        name: "Microsoft.Network/virtualNetworks",
        put: Flow::put(Some(3)),
        put_work: Delay::ms(2000, 3000),
        references: &[
            near("properties.subnets[].properties.networkSecurityGroup.id"),
            near("properties.subnets[].properties.routeTable.id"),
            near("properties.subnets[].properties.natGateway.id"),
            anywhere("properties.virtualNetworkPeerings[].properties.remoteVirtualNetwork.id"),
        ],
        sticky: &["virtualNetworkPeerings"],
        read_only: &[
            "properties.resourceGuid",
            "properties.subnets[].properties.ipConfigurations",
            "properties.subnets[].properties.purpose",
            "properties.virtualNetworkPeerings[].properties.peeringState",
            "properties.virtualNetworkPeerings[].properties.peeringSyncLevel",
            "properties.virtualNetworkPeerings[].properties.remoteAddressSpace",
            "properties.virtualNetworkPeerings[].properties.remoteVirtualNetworkAddressSpace",
        ],
        fill: network::fill_virtual_network,
        show: network::show_virtual_network,
        ..NETWORK
    },
    Kind {
        name: "Microsoft.Network/virtualNetworks/subnets",
        embedded: Some("subnets"),
        put: Flow::put(Some(3)),
        put_work: Delay::ms(2000, 3000),
        in_use: Some(InUse {
            status: 400,
            code: "InUseSubnetCannotBeDeleted",
            message: "Subnet {name} is in use by {user} and cannot be deleted. In order to delete the subnet, delete \
                      all the resources within the subnet. See aka.ms/deletesubnet.",
        }),
        ..ELEMENT
    },
    Kind {
        name: "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        embedded: Some("virtualNetworkPeerings"),
        put: Flow::put(Some(10)),
        ..ELEMENT
    },
    Kind {
        name: "Microsoft.Network/networkSecurityGroups",
        read_only: &[
            "properties.resourceGuid",
            "properties.defaultSecurityRules",
            "properties.subnets",
            "properties.networkInterfaces",
        ],
        in_use: Some(InUse {
            status: 400,
            code: "InUseNetworkSecurityGroupCannotBeDeleted",
            message: "Network security group {id} cannot be deleted because it is in use by the following \
                      resources: {user}. In order to delete the Network security group, remove the association \
                      with the resource(s). To learn how to do this, see aka.ms/deletensg.",
        }),
        fill: network::fill_security_group,
        show: network::show_security_group,
        ..NETWORK
    },
    Kind {
        name: "Microsoft.Network/networkSecurityGroups/securityRules",
        embedded: Some("securityRules"),
        ..ELEMENT
    },
    Kind {
        name: "Microsoft.Network/routeTables",
        read_only: &["properties.resourceGuid", "properties.subnets"],
        in_use: Some(InUse {
            status: 400,
            code: "InUseRouteTableCannotBeDeleted",
            message: "Route table {name} is in use and cannot be deleted. It is used by {user}.",
        }),
        fill: network::fill_route_table,
        show: network::show_subnets,
        ..NETWORK
    },
    Kind { name: "Microsoft.Network/routeTables/routes", embedded: Some("routes"), ..ELEMENT },
    Kind {
        name: "Microsoft.Network/publicIPAddresses",
        put: Flow::put(Some(1)),
        put_accept: Delay::ms(4000, 4400),
        put_work: Delay::ms(500, 1000),
        immutable: &[
            "sku.name",
            "sku.tier",
            "zones",
            "properties.publicIPAllocationMethod",
            "properties.publicIPAddressVersion",
            "properties.ipTags",
        ],
        read_only: &[
            "properties.resourceGuid",
            "properties.ipAddress",
            "properties.ipConfiguration",
            "properties.natGateway",
            "properties.dnsSettings.fqdn",
        ],
        in_use: Some(InUse {
            status: 400,
            code: "PublicIPAddressCannotBeDeleted",
            message: "Public IP address {id} can not be deleted since it is still allocated to resource {user}. In \
                      order to delete the public IP, disassociate/detach the Public IP address from the resource. \
                      To learn how to do this, see aka.ms/deletepublicip.",
        }),
        fill: network::fill_public_address,
        settled: network::settle_public_address,
        show: network::show_public_address,
        ..NETWORK
    },
    Kind {
        name: "Microsoft.Network/natGateways",
        put: Flow::put(Some(10)),
        put_accept: Delay::ms(2900, 3500),
        put_work: Delay::ms(6000, 10_000),
        references: &[near("properties.publicIpAddresses[].id")],
        immutable: &["sku.name", "zones"],
        read_only: &["properties.resourceGuid", "properties.subnets"],
        in_use: Some(InUse {
            status: 400,
            code: "InUseNatGatewayCannotBeDeleted",
            message: "Nat gateway {id} cannot be deleted because it is in use by the following resources: {user}.",
        }),
        fill: network::fill_nat_gateway,
        show: network::show_subnets,
        ..NETWORK
    },
    Kind {
        name: "Microsoft.Network/loadBalancers",
        put: SETTLED,
        put_accept: Delay::ms(1500, 3000),
        put_work: Delay::NONE,
        references: loadbalancer::REFERENCES,
        immutable: &["sku.name", "sku.tier"],
        read_only: loadbalancer::READ_ONLY,
        fill: loadbalancer::fill,
        gone: loadbalancer::gone,
        show: loadbalancer::show,
        ..NETWORK
    },
    Kind {
        name: "Microsoft.Network/loadBalancers/frontendIPConfigurations",
        embedded: Some("frontendIPConfigurations"),
        ..ELEMENT
    },
    Kind {
        name: "Microsoft.Network/loadBalancers/backendAddressPools",
        embedded: Some("backendAddressPools"),
        put: SETTLED,
        put_work: Delay::NONE,
        in_use: Some(InUse {
            status: 400,
            code: "InUseBackendAddressPoolCannotBeDeleted",
            message: "Backend address pool {id} cannot be deleted because it is in use by {user}.",
        }),
        ..ELEMENT
    },
    Kind { name: "Microsoft.Network/loadBalancers/probes", embedded: Some("probes"), ..ELEMENT },
    Kind {
        name: "Microsoft.Network/loadBalancers/loadBalancingRules",
        embedded: Some("loadBalancingRules"),
        ..ELEMENT
    },
    Kind {
        name: "Microsoft.Network/loadBalancers/outboundRules",
        embedded: Some("outboundRules"),
        ..ELEMENT
    },
    Kind {
        name: "Microsoft.Network/loadBalancers/inboundNatRules",
        embedded: Some("inboundNatRules"),
        put: SETTLED,
        put_work: Delay::NONE,
        ..ELEMENT
    },
    Kind {
        name: "Microsoft.Network/networkInterfaces",
        put: SETTLED,
        put_accept: Delay::ms(1500, 3000),
        put_work: Delay::NONE,
        references: &[
            near("properties.networkSecurityGroup.id"),
            near("properties.ipConfigurations[].properties.subnet.id"),
            near("properties.ipConfigurations[].properties.publicIPAddress.id"),
            near("properties.ipConfigurations[].properties.loadBalancerBackendAddressPools[].id"),
            near("properties.ipConfigurations[].properties.loadBalancerInboundNatRules[].id"),
        ],
        read_only: &[
            "properties.resourceGuid",
            "properties.virtualMachine",
            "properties.macAddress",
            "properties.primary",
            "properties.dnsSettings.internalDomainNameSuffix",
        ],
        in_use: Some(InUse {
            status: 400,
            code: "NicInUse",
            message: "Network Interface {id} is used by existing resource {user}. In order to delete the network \
                      interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.",
        }),
        fill: nic::fill,
        show: nic::show,
        ..NETWORK
    },
    Kind {
        name: "Microsoft.Network/networkInterfaces/ipConfigurations",
        embedded: Some("ipConfigurations"),
        ..ELEMENT
    },
    Kind { name: "Microsoft.Network/publicIPPrefixes", put: Flow::put(Some(1)), ..NETWORK },
    Kind { name: "Microsoft.Network/applicationSecurityGroups", ..NETWORK },
    Kind {
        name: "Microsoft.Network/privateEndpoints",
        patch: Patching::Nothing,
        put: Flow::put(Some(10)),
        put_work: Delay::ms(10_000, 30_000),
        delete_work: Delay::ms(10_000, 30_000),
        references: &[
            near("properties.subnet.id"),
            anywhere("properties.privateLinkServiceConnections[].properties.privateLinkServiceId"),
        ],
        immutable: &["properties.subnet.id"],
        read_only: &["properties.networkInterfaces"],
        ..NETWORK
    },
    Kind {
        name: "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
        references: &[anywhere("properties.privateDnsZoneConfigs[].properties.privateDnsZoneId")],
        ..ELEMENT
    },
    Kind {
        name: "Microsoft.Network/bastionHosts",
        put: Flow::put(Some(10)),
        put_work: Delay::ms(180_000, 420_000),
        delete_work: Delay::ms(180_000, 420_000),
        references: &[
            near("properties.ipConfigurations[].properties.subnet.id"),
            near("properties.ipConfigurations[].properties.publicIPAddress.id"),
            near("properties.virtualNetwork.id"),
        ],
        fill: fill_bastion,
        ..NETWORK
    },
];

/// Azure takes a Bastion only into a subnet of this name, save for the smallest kind, which has none.
fn fill_bastion(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    let configurations = json::list(draft.body, "properties.ipConfigurations");
    let subnets = configurations.iter().filter_map(|one| json::text(one, "properties.subnet.id"));
    for subnet in subnets {
        if !ids::last(subnet).eq_ignore_ascii_case("AzureBastionSubnet") {
            return Err(ArmError::network(
                400,
                "BastionHostSubnetNameInvalid",
                format!("Bastion host {} must be in a subnet named AzureBastionSubnet.", draft.id),
            ));
        }
    }
    json::default(draft.body, "sku.name", "Standard");
    json::default(draft.body, "properties.scaleUnits", 2);
    Ok(())
}
