//! The host name of a private API: a private DNS zone, its links to networks, the record `apiserver`.

use lazuli_core::resource::{ResourceId, ResourceType};
use lazuli_core::{Address, Span, Value};

use super::network::Placement;
use super::part::{Draft, Part, Site, VERSION_PRIVATE_DNS, object, reference};
use crate::names;
use crate::spec::{Network, PrivateApi};

/// How long resolvers may keep the record, in seconds.
const TTL: i64 = 300;

/// Adds them; gives the addresses of what must be there before anybody can resolve the name.
pub(super) fn expand(
    site: &Site<'_>,
    private: &PrivateApi,
    network: &Placement,
    parts: &mut Vec<Part>,
) -> Vec<Address> {
    let span = site.cluster.api_server.span;
    let ty = |name: &str| ResourceType::new(&format!("Microsoft.Network/{name}"), VERSION_PRIVATE_DNS);
    let group = match &private.zone_group {
        Some(name) => names::resource_group(site.account, name),
        None => site.group.clone(),
    };
    let zone = site.address("api_server", "private_dns_zone");
    let zone_id = names::resource(&group, &ty("privateDnsZones"), &private.zone);
    let draft = site.part(zone.clone(), ty("privateDnsZones"), zone_id.clone(), span);
    parts.push(match private.zone_group {
        Some(_) => draft.read_only().done(),
        None => global(site, draft, []).done(),
    });

    let mut needed = Vec::new();
    let mut link = |key: &str, name: String, network: &ResourceId, network_part: &Address, span: Span| {
        let address = site.cluster.address.child("api_server").keyed("private_dns_link", key);
        let properties =
            object([("registrationEnabled", Value::from(false)), ("virtualNetwork", reference(network))]);
        let id = zone_id.child("virtualNetworkLinks", &name);
        let draft = site.part(address.clone(), ty("privateDnsZones/virtualNetworkLinks"), id, span);
        parts.push(
            global(site, draft, [("properties", properties)])
                .on(&zone, "lies in it")
                .on(network_part, "properties.virtualNetwork")
                .done(),
        );
        needed.push(address);
    };
    // Who owns both the network and the zone has linked them: Azure allows one link between the two.
    if private.zone_group.is_none() || matches!(site.cluster.network, Network::Dynamic(_)) {
        let vnet = &network.virtual_network;
        link("own", format!("{}-link", vnet.name()), vnet, &site.address("network", "virtual_network"), span);
    }
    // Whoever comes from a network that is peered with resolves the name too.
    if private.zone_group.is_none() {
        for (name, remote, peering) in &network.peers {
            link(name, format!("{}-{name}-link", site.cluster.name), remote, peering, span);
        }
    }

    let record = site.address("api_server", "private_dns_record");
    let target = object([("ipv4Address", Value::string(private.ip.to_string()))]);
    let properties = object([("ttl", Value::int(TTL)), ("aRecords", Value::tuple([target]))]);
    let record_part = site
        .part(record.clone(), ty("privateDnsZones/A"), zone_id.child("A", "apiserver"), span)
        .body([("properties", properties)])
        .on(&zone, "lies in it")
        .done();
    parts.push(record_part);
    needed.push(record);
    needed
}

/// Zones and links lie in no region.
fn global<'a, const N: usize>(site: &Site<'_>, draft: Draft<'a>, members: [(&str, Value); N]) -> Draft<'a> {
    let common = [("location", Value::string("global")), ("tags", site.tags("api_server", false))];
    draft.with_body(Value::object(common.into_iter().chain(members)))
}
