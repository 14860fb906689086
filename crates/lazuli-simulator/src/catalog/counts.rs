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

/// Refuses what would go beyond a quota of compute: the limit, how many there are, how many more are asked for.
pub(crate) fn exceeded(
    world: &World,
    what: &str,
    location: &str,
    (limit, used, more): (u64, u64, u64),
) -> ArmError {
    let code = if world.conditions.quota_exceeded { "QuotaExceeded" } else { "OperationNotAllowed" };
    ArmError::new(
        409,
        code,
        format!(
            "Operation could not be completed as it results in exceeding approved {what} quota. Additional details - Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit}, Current Usage: {used}, Additional Required: {more}, (Minimum) New Limit Required: {}.",
            used + more
        ),
    )
}

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
        return Err(exceeded(world, "Virtual Machines", location, (used, used, 1)));
    }
    Ok(())
}

/// The quotas of managed disks: what their SKU begins with, the quota, and what refusals call it. Longer names first, as
/// some begin like others.
pub(crate) const DISKS: &[(&str, &str, &str)] = &[
    ("PremiumV2_", "PremiumV2DiskCount", "Premium SSD v2 Managed Disks"),
    ("Premium_", "PremiumDiskCount", "Premium Storage Managed Disks"),
    ("StandardSSD_", "StandardSSDDiskCount", "Standard SSD Managed Disks"),
    ("Standard_", "StandardDiskCount", "Standard Storage Managed Disks"),
    ("UltraSSD_", "UltraSSDDiskCount", "Ultra SSD Managed Disks"),
];

/// How many disks of a SKU that begins so there are in a region.
pub(crate) fn disks(world: &World, location: &str, prefix: &str) -> u64 {
    let all = world.of_kind("Microsoft.Compute/disks", "", None);
    let counted = all.filter(|disk| {
        disk.location() == location
            && crate::json::text(&disk.body, "sku.name").is_some_and(|sku| sku.starts_with(prefix))
    });
    counted.count() as u64
}

/// There is room for one more disk of each of these SKUs.
pub(crate) fn check_disks(world: &World, location: &str, skus: &[String]) -> Result<(), ArmError> {
    for (prefix, quota, title) in DISKS {
        let more = skus.iter().filter(|sku| sku.starts_with(prefix)).count() as u64;
        let Some(limit) = world.quota(location, quota).filter(|_| more > 0) else { continue };
        let used = disks(world, location, prefix);
        if used + more > limit {
            return Err(exceeded(world, title, location, (limit, used, more)));
        }
    }
    Ok(())
}
