//! Network interfaces, whose backend pools other controllers write too.

use lazuli_core::kind::{Kind, List, Lock};

use super::{NETWORK_CODES, NETWORK_NAME, network_quota, owned, read_only, seconds, shared};

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "Microsoft.Network/networkInterfaces",
    title: "network interface",
    forces_replacement: &[
        "location",
        "extendedLocation",
        "properties.enableAcceleratedNetworking",
        "properties.ipConfigurations.properties.subnet",
        "properties.ipConfigurations.properties.privateIPAddressVersion",
    ],
    write_only: &[],
    read_only: read_only![
        "kind",
        "properties.resourceGuid",
        "properties.macAddress",
        "properties.primary",
        "properties.virtualMachine",
        "properties.hostedWorkloads",
        "properties.dscpConfiguration",
        "properties.tapConfigurations",
        "properties.privateEndpoint",
        "properties.allowPort25Out",
        "properties.vnetEncryptionSupported",
        "properties.defaultOutboundConnectivityEnabled",
        "properties.dnsSettings.appliedDnsServers",
        "properties.dnsSettings.internalFqdn",
        "properties.dnsSettings.internalDomainNameSuffix",
        "properties.ipConfigurations.etag",
        "properties.ipConfigurations.type",
        "properties.ipConfigurations.properties.provisioningState",
        "properties.ipConfigurations.properties.privateLinkConnectionProperties",
    ],
    keyed: &[
        owned("properties.ipConfigurations", "name"),
        shared("properties.ipConfigurations.properties.loadBalancerBackendAddressPools", "id"),
        shared("properties.ipConfigurations.properties.loadBalancerInboundNatRules", "id"),
        shared("properties.ipConfigurations.properties.applicationSecurityGroups", "id"),
    ],
    unordered: &[],
    ignore_case: &[
        "properties.ipConfigurations.properties.privateIPAllocationMethod",
        "properties.ipConfigurations.properties.privateIPAddressVersion",
    ],
    lock: Lock::Own,
    list: List::ResourceGroup,
    expected: seconds(2.0, 2.0, 8.0),
    names: NETWORK_NAME,
    quotas: &[network_quota("NetworkInterfaces")],
    joined_by: Some("Microsoft.Network/networkInterfaces/join/action"),
    accepts: NETWORK_CODES,
    skus: &[],
    ends_with: None,
}];
