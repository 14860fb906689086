//! Ways into a network from outside of it: private endpoints, Bastion.

use lazuli_core::kind::Kind;

use super::{
    BELOW, ENDPOINT_NAME, IN_GROUP, NETWORK_CODES, NETWORK_NAME, network_quota, owned, read_only, seconds,
};

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "Microsoft.Network/privateEndpoints",
        title: "private endpoint",
        forces_replacement: &[
            "location",
            "extendedLocation",
            "properties.subnet",
            "properties.customNetworkInterfaceName",
            "properties.privateLinkServiceConnections.properties.privateLinkServiceId",
            "properties.privateLinkServiceConnections.properties.groupIds",
            "properties.manualPrivateLinkServiceConnections.properties.privateLinkServiceId",
            "properties.manualPrivateLinkServiceConnections.properties.groupIds",
        ],
        read_only: read_only![
            "properties.networkInterfaces",
            "properties.resourceGuid",
            "properties.privateLinkServiceConnections.etag",
            "properties.privateLinkServiceConnections.type",
            "properties.privateLinkServiceConnections.properties.provisioningState",
            "properties.manualPrivateLinkServiceConnections.etag",
            "properties.manualPrivateLinkServiceConnections.type",
            "properties.manualPrivateLinkServiceConnections.properties.provisioningState",
            "properties.ipConfigurations.etag",
            "properties.ipConfigurations.type",
        ],
        keyed: &[
            owned("properties.privateLinkServiceConnections", "name"),
            owned("properties.manualPrivateLinkServiceConnections", "name"),
            owned("properties.ipConfigurations", "name"),
            owned("properties.applicationSecurityGroups", "id"),
            owned("properties.customDnsConfigs", "fqdn"),
        ],
        unordered: &[
            "properties.privateLinkServiceConnections.properties.groupIds",
            "properties.manualPrivateLinkServiceConnections.properties.groupIds",
            "properties.customDnsConfigs.ipAddresses",
        ],
        expected: seconds(30.0, 15.0, 30.0),
        names: ENDPOINT_NAME,
        quotas: &[network_quota("PrivateEndpoints")],
        accepts: NETWORK_CODES,
        ..IN_GROUP
    },
    Kind {
        name: "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
        title: "private DNS zone group",
        read_only: read_only![
            "properties.privateDnsZoneConfigs.etag",
            "properties.privateDnsZoneConfigs.properties.recordSets",
        ],
        keyed: &[owned("properties.privateDnsZoneConfigs", "name")],
        expected: seconds(15.0, 15.0, 15.0),
        names: NETWORK_NAME,
        ..BELOW
    },
    Kind {
        name: "Microsoft.Network/bastionHosts",
        title: "Bastion",
        // It can be made and removed, hardly changed.
        forces_replacement: &[
            "location",
            "zones",
            "properties.ipConfigurations",
            "properties.virtualNetwork",
        ],
        read_only: read_only![
            "properties.ipConfigurations.etag",
            "properties.ipConfigurations.type",
            "properties.ipConfigurations.properties.provisioningState",
        ],
        keyed: &[owned("properties.ipConfigurations", "name")],
        unordered: &["zones"],
        ignore_case: &["sku.name", "properties.ipConfigurations.properties.privateIPAllocationMethod"],
        expected: seconds(360.0, 120.0, 360.0),
        names: NETWORK_NAME,
        quotas: &[network_quota("BastionHosts")],
        accepts: NETWORK_CODES,
        ..IN_GROUP
    },
];
