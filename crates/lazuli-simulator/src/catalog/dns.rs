//! Rows and rules of private DNS.

use serde_json::{Value, json};

use super::{Draft, Family, FirstBody, Flow, GENERIC, Headers, Kind, anywhere};
use crate::error::ArmError;
use crate::latency::Delay;
use crate::world::{Resource, World};
use crate::{ids, json};

const FLOW: Flow = Flow::Async {
    headers: Headers::Both,
    settled: false,
    body: FirstBody::Nothing,
    retry_after: Some(30),
    poll_after: 30,
};

const ZONE: Kind = Kind {
    family: Family::PrivateDns,
    located: true,
    created: 202,
    updated: 202,
    put: FLOW,
    delete: FLOW,
    etag: true,
    locks: true,
    put_accept: Delay::ms(1500, 2000),
    put_work: Delay::ms(10_000, 35_000),
    delete_accept: Delay::ms(1500, 2000),
    delete_work: Delay::ms(10_000, 35_000),
    ..GENERIC
};

const RECORD: Kind = Kind {
    family: Family::PrivateDns,
    etag: true,
    has_state: false,
    read_only: &["properties.fqdn", "properties.isAutoRegistered"],
    fill: fill_record,
    ..GENERIC
};

pub(super) static ROWS: &[Kind] = &[
    Kind {
        name: "Microsoft.Network/privateDnsZones",
        blocking_child: Some("Microsoft.Network/privateDnsZones/virtualNetworkLinks"),
        fill: fill_zone,
        show: show_zone,
        ..ZONE
    },
    Kind {
        name: "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        references: &[anywhere("properties.virtualNetwork.id")],
        read_only: &["properties.virtualNetworkLinkState"],
        immutable: &["properties.virtualNetwork.id"],
        fill: fill_link,
        show: show_link,
        ..ZONE
    },
    Kind { name: "Microsoft.Network/privateDnsZones/A", ..RECORD },
    Kind { name: "Microsoft.Network/privateDnsZones/AAAA", ..RECORD },
    Kind { name: "Microsoft.Network/privateDnsZones/CNAME", ..RECORD },
    Kind { name: "Microsoft.Network/privateDnsZones/TXT", ..RECORD },
    Kind { name: "Microsoft.Network/privateDnsZones/SRV", ..RECORD },
    Kind { name: "Microsoft.Network/privateDnsZones/MX", ..RECORD },
    Kind { name: "Microsoft.Network/privateDnsZones/PTR", ..RECORD },
];

fn fill_zone(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    if draft.location() != "global" {
        return Err(ArmError::new(
            400,
            "LocationNotAvailableForResourceType",
            format!(
                "The provided location '{}' is not available for resource type 'Microsoft.Network/privateDnsZones'. List of available regions for the resource type is 'global'.",
                draft.location()
            ),
        ));
    }
    json::set(draft.body, "properties.maxNumberOfRecordSets", json!(25_000));
    json::set(draft.body, "properties.maxNumberOfVirtualNetworkLinks", json!(1000));
    json::set(draft.body, "properties.maxNumberOfVirtualNetworkLinksWithRegistration", json!(100));
    Ok(())
}

fn show_zone(world: &World, zone: &Resource, value: &mut Value) {
    let links = "Microsoft.Network/privateDnsZones/virtualNetworkLinks";
    let prefix = format!("{}/", zone.key());
    let count = world.of_kind(links, &prefix, None).count();
    // The zone's own SOA record counts.
    let records = world.below(&zone.key()).len().saturating_sub(count) + 1;
    json::set(value, "properties.numberOfRecordSets", json!(records));
    json::set(value, "properties.numberOfVirtualNetworkLinks", json!(count));
    json::set(value, "properties.numberOfVirtualNetworkLinksWithRegistration", json!(0));
}

fn fill_link(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    json::default(draft.body, "properties.registrationEnabled", false);
    Ok(())
}

fn show_link(_: &World, link: &Resource, value: &mut Value) {
    let state = if link.operation.is_some() { "InProgress" } else { "Completed" };
    json::set(value, "properties.virtualNetworkLinkState", json!(state));
}

fn fill_record(draft: &mut Draft<'_>) -> Result<(), ArmError> {
    let name = ids::last(draft.id);
    let zone = ids::last(ids::parent_id(draft.id));
    let fqdn = if name == "@" { format!("{zone}.") } else { format!("{name}.{zone}.") };
    json::set(draft.body, "properties.fqdn", json!(fqdn));
    json::set(draft.body, "properties.isAutoRegistered", json!(false));
    json::default(draft.body, "properties.ttl", 3600);
    Ok(())
}
