//! Private DNS: zones, their links to networks, address records.

use lazuli_core::kind::{Kind, List, Lock};

use super::{NETWORK_NAME, PROMPT_CODES, RECORD_NAME, ZONE_NAME, owned, read_only, seconds};

/// Records differ in what they hold only.
const RECORD: Kind = Kind {
    title: "private DNS record",
    forces_replacement: &[],
    read_only: read_only!["properties.fqdn", "properties.isAutoRegistered"],
    list: List::Parent,
    expected: seconds(1.0, 1.0, 1.0),
    names: RECORD_NAME,
    accepts: PROMPT_CODES,
    ..Kind::GENERAL
};

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
        names: ZONE_NAME,
        ..Kind::GENERAL
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
        names: NETWORK_NAME,
        ..Kind::GENERAL
    },
    Kind {
        name: "Microsoft.Network/privateDnsZones/A",
        keyed: &[owned("properties.aRecords", "ipv4Address")],
        ..RECORD
    },
    Kind {
        name: "Microsoft.Network/privateDnsZones/AAAA",
        keyed: &[owned("properties.aaaaRecords", "ipv6Address")],
        ..RECORD
    },
    Kind { name: "Microsoft.Network/privateDnsZones/CNAME", ..RECORD },
    Kind {
        name: "Microsoft.Network/privateDnsZones/MX",
        keyed: &[owned("properties.mxRecords", "exchange")],
        ..RECORD
    },
    Kind {
        name: "Microsoft.Network/privateDnsZones/PTR",
        keyed: &[owned("properties.ptrRecords", "ptrdname")],
        ..RECORD
    },
    Kind {
        name: "Microsoft.Network/privateDnsZones/SRV",
        keyed: &[owned("properties.srvRecords", "target")],
        ..RECORD
    },
    Kind { name: "Microsoft.Network/privateDnsZones/TXT", ..RECORD },
];
