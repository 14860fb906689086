//! Addresses in networks that exist: room in subnets, ranges that lie in each other or must not.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use lazuli_core::resource::ResourceId;
use lazuli_core::source::Span;
use lazuli_core::{Address, Diagnostic, Json};

use super::timeline::demand;
use super::verdict::{Verdict, refusal};
use super::work::{Work, Works, listed};

const NETWORKS: &str = "Microsoft.Network/virtualNetworks";
const SUBNETS: &str = "Microsoft.Network/virtualNetworks/subnets";
const PEERINGS: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
const NICS: &str = "Microsoft.Network/networkInterfaces";
const BALANCERS: &str = "Microsoft.Network/loadBalancers";

/// Azure keeps the first four addresses of a subnet and the last one.
const RESERVED: u64 = 5;

/// Ranges that no virtual network may have, with what Azure uses them for.
const FORBIDDEN: &[(&str, &str)] = &[
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("168.63.129.16/32", "Azure's own DNS"),
];

/// Objects that exist, by id.
pub type Objects = HashMap<ResourceId, Json>;

/// The inner ranges of a cluster that is placed in a network that exists.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The cluster.
    pub cluster: Address,
    /// Where it says in which network.
    pub span: Option<Span>,
    /// The network.
    pub network: ResourceId,
    /// Addresses of pods.
    pub pods: Ipv4Net,
    /// Addresses of services.
    pub services: Ipv4Net,
}

/// Every subnet that exists has room for what is put into it, and lets it in.
pub fn subnets(works: &Works, objects: &Objects, verdict: &mut Verdict) {
    let mut by_subnet: BTreeMap<String, Vec<(&Work, i64)>> = BTreeMap::new();
    for work in works.all.iter().filter(|work| work.is(NICS) || work.is(BALANCERS)) {
        let mut add = |body: &Json, sign: i64| {
            for subnet in subnets_of(body) {
                by_subnet.entry(subnet.to_ascii_lowercase()).or_default().push((work, sign));
            }
        };
        add(&work.body, 1);
        add(&work.before, -1);
    }
    for (id, weighed) in by_subnet {
        let Some(subnet) = subnet(&ResourceId::new(id.as_str()), objects) else { continue };
        let name = id.rsplit('/').next().unwrap_or_default();
        let takers = || weighed.iter().filter(|(_, amount)| *amount > 0).map(|(work, _)| *work);
        if takers().next().is_none() {
            continue;
        }
        delegation(name, &subnet, takers(), verdict);
        let amounts: Vec<(u32, i64)> = weighed.iter().map(|(work, amount)| (work.number, *amount)).collect();
        let demand = demand(works, &amounts);
        let ranges = ranges_of(&subnet, "/properties/addressPrefix", "/properties/addressPrefixes");
        let size: u64 =
            ranges.iter().map(|range| (1_u64 << (32 - range.prefix_len())).saturating_sub(RESERVED)).sum();
        let used = subnet.pointer("/properties/ipConfigurations").and_then(Json::as_array).map_or(0, Vec::len)
            as u64;
        let free = i64::try_from(size.saturating_sub(used)).unwrap_or(i64::MAX);
        if ranges.is_empty() {
            continue;
        }
        fixed(name, &id, &ranges, takers(), verdict);
        if demand.at_least > free {
            let more = match demand.at_least {
                1 => "one more address".to_owned(),
                many => format!("{many} more addresses"),
            };
            let message = format!("the subnet `{name}` has no room for {more}");
            verdict.refuse(
                refusal("LZ1029", message, takers())
                    .fact(
                        "subnet",
                        format!("{}: {size} addresses besides Azure's {RESERVED}", listed(&ranges)),
                    )
                    .fact("in use", used.to_string())
                    .help("use a larger subnet, fewer nodes, or replace fewer nodes at a time"),
            );
        } else if demand.at_most > free {
            verdict.warn(
                "LZ1029",
                format!(
                    "subnet {name}: {free} addresses are free, up to {} are needed at a time because new nodes may be \
                     made before old ones are gone",
                    demand.at_most
                ),
            );
        } else {
            verdict.pass();
        }
    }
}

fn delegation<'a>(name: &str, subnet: &Json, takers: impl Iterator<Item = &'a Work>, verdict: &mut Verdict) {
    let delegations =
        subnet.pointer("/properties/delegations").and_then(Json::as_array).into_iter().flatten();
    let services: Vec<&str> =
        delegations.filter_map(|one| one.pointer("/properties/serviceName")?.as_str()).collect();
    if services.is_empty() {
        return;
    }
    let message = format!("the subnet `{name}` is delegated to {}", services.join(", "));
    verdict.refuse(
        refusal("LZ1030", message, takers)
            .note("Azure puts nothing else into a delegated subnet")
            .help("use another subnet, or have the delegation removed"),
    );
}

/// Fixed addresses lie in the subnet and are none of those that Azure keeps.
fn fixed<'a>(
    name: &str,
    subnet: &str,
    ranges: &[Ipv4Net],
    takers: impl Iterator<Item = &'a Work>,
    verdict: &mut Verdict,
) {
    let usable = |address: &Ipv4Addr| {
        ranges.iter().any(|range| {
            let number = u32::from(*address);
            range.contains(address)
                && number >= u32::from(range.network()) + (RESERVED as u32 - 1)
                && *address != range.broadcast()
        })
    };
    for work in takers.filter(|work| work.creates()) {
        let here = configurations(&work.body).filter(|one| {
            one.pointer("/properties/subnet/id")
                .and_then(Json::as_str)
                .is_some_and(|id| id.eq_ignore_ascii_case(subnet))
        });
        let addresses = here
            .filter(|one| {
                one.pointer("/properties/privateIPAllocationMethod").and_then(Json::as_str) == Some("Static")
            })
            .filter_map(|one| one.pointer("/properties/privateIPAddress")?.as_str()?.parse().ok());
        for address in addresses.filter(|address: &Ipv4Addr| !usable(address)) {
            verdict.refuse(
                refusal(
                    "LZ1028",
                    format!("{address} is no address that can be had in the subnet `{name}`"),
                    [work],
                )
                .fact("subnet", listed(ranges))
                .note("Azure keeps the first four addresses of every range and the last one")
                .help("choose another address of the subnet, or leave it to Azure"),
            );
        }
    }
}

/// Ranges of networks, subnets and peerings that are made suit what is there.
pub fn ranges(works: &Works, objects: &Objects, verdict: &mut Verdict) {
    for work in works.writes(NETWORKS) {
        for range in network_ranges(&work.body) {
            let forbidden = FORBIDDEN.iter().find(|(forbidden, _)| {
                forbidden.parse().is_ok_and(|forbidden: Ipv4Net| overlap(&forbidden, &range))
            });
            if let Some((forbidden, use_)) = forbidden {
                let message = format!("{range} cannot be used in a virtual network");
                verdict.refuse(
                    refusal("LZ1028", message, [work])
                        .fact("overlaps", format!("{forbidden} ({use_})"))
                        .help("use private addresses: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"),
                );
            }
        }
    }
    for work in works.writes(SUBNETS) {
        one_subnet(work, works, objects, verdict);
    }
    for work in works.created(PEERINGS) {
        let parent = ResourceId::new(work.id.as_str()).parent();
        let remote = work.text("/properties/remoteVirtualNetwork/id").map(ResourceId::new);
        let (Some(here), Some(there)) = (
            parent.and_then(|id| network(&id, works, objects)),
            remote.as_ref().and_then(|id| network(id, works, objects)),
        ) else {
            continue;
        };
        let (ours, theirs) = (network_ranges(&here), network_ranges(&there));
        match pair(&ours, &theirs) {
            None => verdict.pass(),
            Some((ours, theirs)) => {
                let name = remote.as_ref().map_or("", ResourceId::name);
                let message = format!("the network cannot be peered with `{name}`: their addresses overlap");
                verdict.refuse(
                    refusal("LZ1028", message, [work])
                        .fact("overlaps", format!("{ours} here, {theirs} there"))
                        .help("peered networks need addresses of their own: change one of them"),
                );
            }
        }
    }
}

fn one_subnet(work: &Work, works: &Works, objects: &Objects, verdict: &mut Verdict) {
    let id = ResourceId::new(work.id.as_str());
    let Some(parent) = id.parent() else { return };
    let Some(around) = network(&parent, works, objects) else { return };
    let outer = network_ranges(&around);
    let siblings = around.pointer("/properties/subnets").and_then(Json::as_array).into_iter().flatten();
    let taken: Vec<(String, Ipv4Net)> = siblings
        .filter(|sibling| {
            sibling
                .get("name")
                .and_then(Json::as_str)
                .is_some_and(|name| !name.eq_ignore_ascii_case(id.name()))
        })
        .flat_map(|sibling| {
            let name = sibling.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
            ranges_of(sibling, "/properties/addressPrefix", "/properties/addressPrefixes")
                .into_iter()
                .map(move |range| (name.clone(), range))
        })
        .filter(|(name, _)| {
            let other = parent.child("subnets", name);
            // One that is on its way out leaves its range.
            !works.all.iter().any(|work| work.deletes() && ResourceId::new(work.id.as_str()) == other)
        })
        .collect();
    let mut fine = true;
    for range in ranges_of(&work.body, "/properties/addressPrefix", "/properties/addressPrefixes") {
        if !outer.is_empty() && !outer.iter().any(|outer| outer.contains(&range)) {
            fine = false;
            let message = format!("the subnet's {range} lies outside of the network `{}`", parent.name());
            verdict.refuse(
                refusal("LZ1028", message, [work])
                    .fact("network", listed(&outer))
                    .help("choose a range inside the network's addresses"),
            );
        }
        if let Some((name, other)) = taken.iter().find(|(_, other)| overlap(other, &range)) {
            fine = false;
            let message = format!("the subnet's {range} overlaps the subnet `{name}`");
            verdict.refuse(
                refusal("LZ1028", message, [work])
                    .fact("taken", format!("{other} by {name}"))
                    .help("choose a range that no other subnet has"),
            );
        }
    }
    if fine {
        verdict.pass();
    }
}

/// Pods and services of a cluster in somebody else's network have addresses of their own.
pub fn placements(placed: &[Placed], objects: &Objects, verdict: &mut Verdict) {
    for one in placed {
        let Some(network) = objects.get(&one.network) else { continue };
        let ours = [("pods", one.pods), ("services", one.services)];
        let mut fine = true;
        for (what, range) in ours {
            if let Some(other) = network_ranges(network).iter().find(|other| overlap(other, &range)) {
                fine = false;
                let message = format!(
                    "the addresses of {what}, {range}, overlap those of the network `{}`",
                    one.network.name()
                );
                let problem = Diagnostic::error("LZ1028", message)
                    .fact("network", other.to_string())
                    .help(format!("give the profile other addresses for {what}"));
                verdict.refuse(match one.span {
                    Some(span) => problem.at(span, format!("{} is to live in it", one.cluster)),
                    None => problem,
                });
            }
            for (peer, other) in peers(network) {
                if overlap(&other, &range) {
                    fine = false;
                    verdict.warn(
                        "LZ1028",
                        format!(
                            "{}: the addresses of {what}, {range}, overlap {other} of the peered network {peer}: {what} \
                             cannot reach it",
                            one.cluster
                        ),
                    );
                }
            }
        }
        if fine {
            verdict.pass();
        }
    }
}

/// The networks a network is peered with, range by range.
fn peers(network: &Json) -> Vec<(String, Ipv4Net)> {
    let peerings =
        network.pointer("/properties/virtualNetworkPeerings").and_then(Json::as_array).into_iter().flatten();
    peerings
        .flat_map(|peering| {
            let remote = peering.pointer("/properties/remoteVirtualNetwork/id").and_then(Json::as_str);
            let name = remote.and_then(|id| id.rsplit('/').next()).unwrap_or_default().to_owned();
            let spaces =
                ["remoteVirtualNetworkAddressSpace", "remoteAddressSpace"].into_iter().find_map(|space| {
                    let ranges = ranges_of(peering, "", &format!("/properties/{space}/addressPrefixes"));
                    (!ranges.is_empty()).then_some(ranges)
                });
            spaces.unwrap_or_default().into_iter().map(move |range| (name.clone(), range))
        })
        .collect()
}

/// A network as it will be, or as it is.
fn network(id: &ResourceId, works: &Works, objects: &Objects) -> Option<Json> {
    let planned = works.writes(NETWORKS).find(|work| ResourceId::new(work.id.as_str()) == *id);
    planned.map(|work| work.body.clone()).or_else(|| objects.get(id).cloned())
}

/// A subnet that exists: by itself, or in its network.
fn subnet(id: &ResourceId, objects: &Objects) -> Option<Json> {
    if let Some(found) = objects.get(id) {
        return Some(found.clone());
    }
    let network = objects.get(&id.parent()?)?;
    let subnets = network.pointer("/properties/subnets")?.as_array()?;
    subnets
        .iter()
        .find(|subnet| {
            subnet.get("name").and_then(Json::as_str).is_some_and(|name| name.eq_ignore_ascii_case(id.name()))
        })
        .cloned()
}

/// The subnets of an interface's or load balancer's configurations, once for each.
fn subnets_of(body: &Json) -> Vec<&str> {
    configurations(body).filter_map(|one| one.pointer("/properties/subnet/id")?.as_str()).collect()
}

/// The configurations of an interface or load balancer.
fn configurations(body: &Json) -> impl Iterator<Item = &Json> {
    ["/properties/ipConfigurations", "/properties/frontendIPConfigurations"]
        .into_iter()
        .filter_map(|pointer| body.pointer(pointer)?.as_array())
        .flatten()
}

fn network_ranges(network: &Json) -> Vec<Ipv4Net> {
    ranges_of(network, "", "/properties/addressSpace/addressPrefixes")
}

/// The IPv4 ranges at a pointer to one and at a pointer to several.
fn ranges_of(body: &Json, one: &str, several: &str) -> Vec<Ipv4Net> {
    let several = body.pointer(several).and_then(Json::as_array).filter(|several| !several.is_empty());
    let texts: Vec<&str> = match several {
        Some(several) => several.iter().filter_map(Json::as_str).collect(),
        None => body.pointer(one).and_then(Json::as_str).into_iter().collect(),
    };
    texts.into_iter().filter_map(|text| text.parse().ok()).collect()
}

fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(b) || b.contains(a)
}

fn pair<'a>(ours: &'a [Ipv4Net], theirs: &'a [Ipv4Net]) -> Option<(&'a Ipv4Net, &'a Ipv4Net)> {
    ours.iter().find_map(|ours| Some((ours, theirs.iter().find(|theirs| overlap(ours, theirs))?)))
}

#[cfg(test)]
mod tests;
