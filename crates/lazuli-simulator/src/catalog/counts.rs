//! How many objects of a type a subscription may have in a region.

use crate::error::ArmError;
use crate::world::World;

/// A network quota: its name, the type it counts, the code by which one more is refused.
pub(crate) struct Counted {
    pub(crate) quota: &'static str,
    pub(crate) kind: &'static str,
    code: &'static str,
}

const fn counted(quota: &'static str, kind: &'static str, code: &'static str) -> Counted {
    Counted { quota, kind, code }
}

/// The quotas of the network provider.
pub(crate) const NETWORK: &[Counted] = &[
    counted("VirtualNetworks", "Microsoft.Network/virtualNetworks", "VirtualNetworkCountLimitReached"),
    counted(
        "NetworkSecurityGroups",
        "Microsoft.Network/networkSecurityGroups",
        "NetworkSecurityGroupCountLimitReached",
    ),
    counted("PublicIPAddresses", "Microsoft.Network/publicIPAddresses", "PublicIPCountLimitReached"),
    counted(
        "StandardSkuPublicIpAddresses",
        "Microsoft.Network/publicIPAddresses",
        "PublicIPCountLimitReached",
    ),
    counted("NetworkInterfaces", "Microsoft.Network/networkInterfaces", "NetworkInterfaceCountLimitReached"),
    counted("LoadBalancers", "Microsoft.Network/loadBalancers", "LoadBalancerCountLimitReached"),
    counted("StandardSkuLoadBalancers", "Microsoft.Network/loadBalancers", "LoadBalancerCountLimitReached"),
    counted("NatGateways", "Microsoft.Network/natGateways", "NatGatewayCountLimitReached"),
    counted("RouteTables", "Microsoft.Network/routeTables", "RouteTableCountLimitReached"),
];

/// There is room for one more.
pub(crate) fn check(world: &World, kind: &str, location: &str) -> Result<(), ArmError> {
    for counted in NETWORK.iter().filter(|counted| counted.kind == kind) {
        let used = world.count(location, kind);
        if world.quota(location, counted.quota).is_some_and(|limit| used >= limit) {
            return Err(ArmError::network(
                400,
                counted.code,
                format!(
                    "Cannot create more than {used} {} for this subscription in this region.",
                    counted.quota
                ),
            ));
        }
    }
    let machines = kind == "Microsoft.Compute/virtualMachines";
    let used = world.count(location, kind);
    if machines && world.quota(location, "virtualMachines").is_some_and(|limit| used >= limit) {
        return Err(ArmError::new(
            409,
            "OperationNotAllowed",
            format!(
                "Operation could not be completed as it results in exceeding approved Virtual Machines quota. Additional details - Deployment Model: Resource Manager, Location: {location}, Current Limit: {used}, Current Usage: {used}, Additional Required: 1, (Minimum) New Limit Required: {}.",
                used + 1
            ),
        ));
    }
    Ok(())
}
