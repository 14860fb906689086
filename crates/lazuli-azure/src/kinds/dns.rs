//! Private DNS: zones, their links to networks, address records.

use lazuli_core::kind::{Kind, List, Lock};

use super::{owned, read_only, seconds};

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "Microsoft.Network/privateDnsZones",
        title: "private DNS zone",
        forces_replacement: &["location"],
        write_only: &[],
        // Everything in its properties is a count.
        read_only: read_only!["properties"],
        keyed: &[],
        unordered: &[],
        ignore_case: &[],
        lock: Lock::Own,
        list: List::ResourceGroup,
        expected: seconds(15.0, 15.0, 15.0),
    },
    Kind {
        name: "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        title: "private DNS zone link",
        forces_replacement: &["location", "properties.virtualNetwork"],
        write_only: &[],
        read_only: read_only!["properties.virtualNetworkLinkState"],
        keyed: &[],
        unordered: &[],
        ignore_case: &["properties.resolutionPolicy"],
        lock: Lock::Parent,
        list: List::Parent,
        expected: seconds(15.0, 15.0, 15.0),
    },
    Kind {
        name: "Microsoft.Network/privateDnsZones/A",
        title: "private DNS record",
        forces_replacement: &[],
        write_only: &[],
        read_only: read_only!["properties.fqdn", "properties.isAutoRegistered"],
        keyed: &[owned("properties.aRecords", "ipv4Address")],
        unordered: &[],
        ignore_case: &[],
        lock: Lock::Own,
        list: List::Parent,
        expected: seconds(1.0, 1.0, 1.0),
    },
];
