//! The API versions that are spoken.

use super::Folded;

/// Of resource groups, which are only read.
pub(crate) const RESOURCE_GROUPS_VERSION: &str = "2025-04-01";

/// The API version of each type Lazuli makes by itself.
pub const API_VERSIONS: &[(&str, &str)] = &[
    ("Microsoft.Network/virtualNetworks", "2025-05-01"),
    ("Microsoft.Network/virtualNetworks/subnets", "2025-05-01"),
    ("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", "2025-05-01"),
    ("Microsoft.Network/networkSecurityGroups", "2025-05-01"),
    ("Microsoft.Network/routeTables", "2025-05-01"),
    ("Microsoft.Network/publicIPAddresses", "2025-05-01"),
    ("Microsoft.Network/natGateways", "2025-05-01"),
    ("Microsoft.Network/loadBalancers", "2025-05-01"),
    ("Microsoft.Network/networkInterfaces", "2025-05-01"),
    ("Microsoft.Network/privateDnsZones", "2024-06-01"),
    ("Microsoft.Network/privateDnsZones/virtualNetworkLinks", "2024-06-01"),
    ("Microsoft.Network/privateDnsZones/A", "2024-06-01"),
    ("Microsoft.Compute/virtualMachines", "2025-04-01"),
    ("Microsoft.Compute/availabilitySets", "2025-04-01"),
    ("Microsoft.Compute/disks", "2025-01-02"),
    ("Microsoft.ManagedIdentity/userAssignedIdentities", "2024-11-30"),
    ("Microsoft.Authorization/roleAssignments", "2022-04-01"),
    ("Microsoft.Storage/storageAccounts", "2025-06-01"),
];

/// The API version of a type, whatever the case of its name.
pub fn api_version(type_name: &str) -> Option<&'static str> {
    API_VERSIONS.iter().find(|(name, _)| Folded(name) == Folded(type_name)).map(|(_, version)| *version)
}
