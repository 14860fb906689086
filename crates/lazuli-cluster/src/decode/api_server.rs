//! `api_server`.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use lazuli_core::Diagnostic;
use lazuli_core::block::Block;

use super::name;
use super::reader::{Reader, shown};
use crate::spec::{ApiServer, Network, PrivateApi, Transport};

/// Addresses Azure keeps at the beginning of every subnet; it keeps the last one too.
const KEPT_AT_THE_BEGINNING: u32 = 4;

pub(super) fn api_server(
    read: &mut Reader,
    cluster: &Block,
    name: Option<&str>,
    network: Option<&Network>,
) -> Option<ApiServer> {
    let Some(block) = cluster.block("api_server") else {
        let authorized_ranges = Vec::new();
        let (port, transport, private) = (6443, Transport::Direct, None);
        return Some(ApiServer { port, transport, authorized_ranges, private, span: cluster.span });
    };
    let is_private = match block.attribute("access") {
        Some(_) => read.choice(block, "access", &[("public", false), ("private", true)]),
        None => Some(false),
    };
    let details = block.block("private");
    if let (Some(false), Some(details)) = (is_private, details) {
        read.problem(
            Diagnostic::error(
                "LZ0223",
                "`private` says where a private API server is, and this one is public",
            )
            .at(details.span, "has no meaning here")
            .help("set access = \"private\", or take the block out"),
        );
    }
    let transport = match block.attribute("transport") {
        Some(_) => {
            let words = [Transport::Direct, Transport::RunCommand].map(|word| (word.as_str(), word));
            read.choice(block, "transport", &words)
        }
        None => Some(Transport::Direct),
    };
    let port = match block.attribute("port") {
        Some(_) => read.int(block, "port", 1..=65535),
        None => Some(6443),
    };
    let authorized_ranges = authorized_ranges(read, block);
    let private = match is_private? {
        true => Some(private(read, block, details, name?, network?)?),
        false => None,
    };
    let (port, transport) = (u16::try_from(port?).ok()?, transport?);
    Some(ApiServer { port, transport, authorized_ranges, private, span: block.span })
}

fn authorized_ranges(read: &mut Reader, block: &Block) -> Vec<String> {
    let mut ranges = Vec::new();
    for range in read.texts(block, "authorized_ranges") {
        if range.parse::<Ipv4Net>().is_err() && range.parse::<Ipv4Addr>().is_err() {
            let shown = shown(block, "authorized_ranges", &range);
            read.problem(
                Diagnostic::error("LZ0223", format!("`{shown}` is not an IPv4 address or network"))
                    .at(block.span_of("authorized_ranges"), "for example 203.0.113.0/24"),
            );
        }
        if let Ok(net) = range.parse::<Ipv4Net>()
            && net.trunc() != net
        {
            let shown = shown(block, "authorized_ranges", &range);
            read.problem(
                Diagnostic::error("LZ0223", format!("`{shown}` is an address in a network, not a network"))
                    .at(block.span_of("authorized_ranges"), format!("the network is {}", net.trunc())),
            );
        }
        if !ranges.contains(&range) {
            ranges.push(range);
        }
    }
    ranges
}

fn private(
    read: &mut Reader,
    api_server: &Block,
    details: Option<&Block>,
    cluster: &str,
    network: &Network,
) -> Option<PrivateApi> {
    let written = |name: &str| details.filter(|block| block.attribute(name).is_some());
    let ip = match written("ip") {
        Some(block) => private_address(read, block, network),
        None => default_address(read, details.unwrap_or(api_server), network),
    };
    let zone = match written("dns_zone") {
        Some(block) => name::DNS_ZONE.read(read, block, "dns_zone").map(|zone| zone.to_lowercase()),
        None => Some(format!("{cluster}.internal")),
    };
    let zone_group = match written("dns_resource_group") {
        Some(block) if block.attribute("dns_zone").is_none() => {
            read.problem(
                Diagnostic::error("LZ0105", "`dns_resource_group` needs `dns_zone`")
                    .at(block.span_of("dns_resource_group"), "which zone of that resource group is it?")
                    .help("without both, the cluster makes a private DNS zone of its own"),
            );
            None
        }
        Some(block) => Some(Some(name::RESOURCE_GROUP.read(read, block, "dns_resource_group")?)),
        None => Some(None),
    };
    Some(PrivateApi { ip: ip?, zone: zone?, zone_group: zone_group? })
}

/// The last address of the control plane's subnet that can be had: Azure gives those of nodes from the beginning.
fn default_address(read: &mut Reader, block: &Block, network: &Network) -> Option<Ipv4Addr> {
    match network {
        Network::Dynamic(network) => {
            let last = u32::from(network.control_plane.cidr.broadcast());
            Some(Ipv4Addr::from(last.saturating_sub(1)))
        }
        Network::Existing(_) => {
            read.problem(
                Diagnostic::error("LZ0105", "a private API server in an existing network needs `private.ip`")
                    .at(block.span, "which address of the control plane's subnet is free is not known here")
                    .help("ask for a free address and write: private { ip = \"…\" }"),
            );
            None
        }
    }
}

fn private_address(read: &mut Reader, block: &Block, network: &Network) -> Option<Ipv4Addr> {
    let ip: Ipv4Addr = read.parsed(block, "ip", "an IPv4 address such as 10.40.0.10")?;
    // Of an existing subnet the addresses are not known here.
    let Network::Dynamic(network) = network else { return Some(ip) };
    let subnet = network.control_plane.cidr;
    let why = if !subnet.contains(&ip) {
        Some(format!("it must lie in the subnet of the control plane, {subnet}"))
    } else if u32::from(ip) - u32::from(subnet.network()) < KEPT_AT_THE_BEGINNING || ip == subnet.broadcast()
    {
        Some(format!("Azure keeps the first {KEPT_AT_THE_BEGINNING} addresses and the last one of {subnet}"))
    } else {
        None
    };
    if let Some(why) = why {
        read.problem(
            Diagnostic::error("LZ0220", format!("the API server cannot have the address {ip}"))
                .at(block.span_of("ip"), why)
                .also_at(network.control_plane.span, "the subnet"),
        );
        return None;
    }
    Some(ip)
}
