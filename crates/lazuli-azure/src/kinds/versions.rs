//! The API versions that are spoken.

use super::Folded;

/// Of resource groups, which are only read.
pub(crate) const RESOURCE_GROUPS_VERSION: &str = "2025-04-01";

/// The API version of each type that has a table: the pins of what Lazuli makes by itself, and of what is imported.
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
    ("Microsoft.Network/networkSecurityGroups/securityRules", "2025-05-01"),
    ("Microsoft.Network/routeTables/routes", "2025-05-01"),
    ("Microsoft.Network/loadBalancers/backendAddressPools", "2025-05-01"),
    ("Microsoft.Network/loadBalancers/inboundNatRules", "2025-05-01"),
    ("Microsoft.Network/applicationSecurityGroups", "2025-05-01"),
    ("Microsoft.Network/publicIPPrefixes", "2025-05-01"),
    ("Microsoft.Network/privateEndpoints", "2025-05-01"),
    ("Microsoft.Network/privateEndpoints/privateDnsZoneGroups", "2025-05-01"),
    ("Microsoft.Network/bastionHosts", "2025-05-01"),
    ("Microsoft.Network/privateDnsZones/AAAA", "2024-06-01"),
    ("Microsoft.Network/privateDnsZones/CNAME", "2024-06-01"),
    ("Microsoft.Network/privateDnsZones/MX", "2024-06-01"),
    ("Microsoft.Network/privateDnsZones/PTR", "2024-06-01"),
    ("Microsoft.Network/privateDnsZones/SRV", "2024-06-01"),
    ("Microsoft.Network/privateDnsZones/TXT", "2024-06-01"),
    ("Microsoft.Compute/virtualMachines/extensions", "2025-04-01"),
    ("Microsoft.Compute/virtualMachines/runCommands", "2025-04-01"),
    ("Microsoft.Compute/proximityPlacementGroups", "2025-04-01"),
    ("Microsoft.Compute/sshPublicKeys", "2025-04-01"),
    ("Microsoft.Compute/images", "2025-04-01"),
    ("Microsoft.Compute/snapshots", "2025-01-02"),
    ("Microsoft.Compute/diskEncryptionSets", "2025-01-02"),
    ("Microsoft.Compute/galleries", "2025-03-03"),
    ("Microsoft.Compute/galleries/images", "2025-03-03"),
    ("Microsoft.Compute/galleries/images/versions", "2025-03-03"),
    ("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials", "2024-11-30"),
    ("Microsoft.Authorization/roleDefinitions", "2022-04-01"),
    ("Microsoft.Authorization/locks", "2020-05-01"),
    ("Microsoft.Storage/storageAccounts/blobServices/containers", "2025-06-01"),
    ("Microsoft.ContainerService/managedClusters", "2025-10-01"),
    ("Microsoft.ContainerService/managedClusters/agentPools", "2025-10-01"),
];

/// The API version of a type, whatever the case of its name.
pub fn api_version(type_name: &str) -> Option<&'static str> {
    API_VERSIONS.iter().find(|(name, _)| Folded(name) == Folded(type_name)).map(|(_, version)| *version)
}
