//! What the record says about a cluster beyond its nodes: the label it had before, and what of it cannot change any more.

use std::collections::HashSet;

use lazuli_cluster::expand::Expansion;
use lazuli_cluster::spec::Network;
use lazuli_core::address::Key;
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Mode, ResourceId};
use lazuli_core::{Address, Diagnostic, Diagnostics, Json};

use super::Blueprint;

/// The address under which a cluster is recorded, when its block has another label now: its objects keep their ids.
pub(super) fn former(
    world: &RecordedWorld,
    expansion: &Expansion,
    is_declared: impl Fn(&Address) -> bool,
) -> Option<Address> {
    let address = &expansion.cluster.address;
    if world.resources.keys().any(|recorded| recorded.is_within(address)) {
        return None;
    }
    let own = expansion.parts.iter().filter(|part| part.declaration.mode == Mode::Managed);
    let ids: HashSet<&ResourceId> = own.filter_map(|part| part.desired.id.as_ref()).collect();
    let of_cluster = |r: &&Recorded| ids.contains(&r.id) && parts_of(&r.address).is_some();
    let same = world.resources.values().find(of_cluster)?;
    let (module, label, key) = parts_of(&same.address)?;
    let former = cluster(module.as_ref(), &label, key.as_ref());
    (!is_declared(&former)).then_some(former)
}

/// The address of a cluster.
pub(super) fn cluster(module: Option<&Address>, label: &str, key: Option<&Key>) -> Address {
    let root = match module {
        None => Address::root("cluster", label),
        Some(module) => module.child("cluster").child(label),
    };
    key.map_or(root.clone(), |key| root.instance(key))
}

/// The module, the label and the key of the cluster that an address is, or lies in; `None` when it is no cluster's.
pub(super) fn parts_of(address: &Address) -> Option<(Option<Address>, String, Option<Key>)> {
    let segments = address.segments();
    let at = segments.chunks(2).take_while(|pair| pair[0].name == "module").count() * 2;
    let [word, label, ..] = segments.get(at..)? else { return None };
    if word.name != "cluster" {
        return None;
    }
    let mut module: Option<Address> = None;
    for call in segments[..at].iter().skip(1).step_by(2) {
        let below = match &module {
            None => Address::root("module", &call.name),
            Some(above) => above.child("module").child(&call.name),
        };
        module = Some(call.key.as_ref().map_or(below.clone(), |key| below.instance(key)));
    }
    Some((module, label.name.clone(), label.key.clone()))
}

/// The record as if the cluster had always had its new address.
pub(super) fn renamed(world: &RecordedWorld, from: &Address, to: &Address) -> RecordedWorld {
    let rename = |address: &Address| match address.is_within(from) {
        true => format!("{to}{}", &address.as_str()[from.as_str().len()..])
            .parse()
            .unwrap_or_else(|_| address.clone()),
        false => address.clone(),
    };
    let mut world = world.clone();
    world.resources = std::mem::take(&mut world.resources)
        .into_values()
        .map(|mut recorded| {
            recorded.address = rename(&recorded.address);
            if let Some(slot) = &mut recorded.slot {
                slot.address = rename(&slot.address);
            }
            (recorded.address.clone(), recorded)
        })
        .collect();
    world.roster = std::mem::take(&mut world.roster)
        .into_values()
        .map(|mut slot| {
            slot.address = rename(&slot.address);
            (slot.address.clone(), slot)
        })
        .collect();
    world
}

impl Blueprint {
    /// What is asked of clusters that exist and cannot be done to them.
    pub fn unchangeable(&self, world: &RecordedWorld) -> Diagnostics {
        self.clusters().flat_map(|expansion| unchangeable(expansion, world)).collect()
    }
}

fn unchangeable(expansion: &Expansion, world: &RecordedWorld) -> Diagnostics {
    let cluster = &expansion.cluster;
    let input = |part: Address, pointer: &str| -> Option<&str> {
        world.resources.get(&part)?.inputs.pointer(pointer).and_then(Json::as_str)
    };
    let mut problems = Diagnostics::new();
    let region = input(cluster.address.child("api_server").child("load_balancer"), "/location");
    if let Some(region) = region.filter(|region| !region.eq_ignore_ascii_case(&cluster.region)) {
        problems.push(
            Diagnostic::error(
                "LZ0246",
                format!("{} lies in {region} and cannot move to {}", cluster.address, cluster.region),
            )
            .at(cluster.span, "the region of a cluster that exists cannot change")
            .help("make a second cluster there, or destroy this one first"),
        );
    }
    problems.extend(moved_api(expansion, world));
    if problems.is_empty() {
        problems.extend(lazuli_cluster::history::refused(expansion, world));
    }
    let Network::Dynamic(network) = &cluster.network else { return problems };
    for (name, subnet, pool) in [
        ("control_plane_subnet", &network.control_plane, "control_plane"),
        ("worker_subnet", &network.worker, "worker_pool"),
    ] {
        let before = input(cluster.address.child("network").child(name), "/properties/addressPrefix");
        let nodes = world.resources.keys().any(|address| {
            let rest = address
                .as_str()
                .strip_prefix(cluster.address.as_str())
                .and_then(|rest| rest.strip_prefix('.'));
            rest.is_some_and(|rest| rest.starts_with(pool))
        });
        if let Some(before) = before.filter(|before| nodes && **before != subnet.cidr.to_string()) {
            problems.push(
                Diagnostic::error(
                    "LZ0246",
                    format!(
                        "the {name} of {} cannot change from {before} to {}",
                        cluster.address, subnet.cidr
                    ),
                )
                .at(subnet.span, "nodes have addresses in it")
                .help("make a second cluster with the other addresses, or destroy this one first"),
            );
        }
    }
    problems
}

/// The address under which nodes know the API, and for which its certificates are made, cannot change.
fn moved_api(expansion: &Expansion, world: &RecordedWorld) -> Option<Diagnostic> {
    let cluster = &expansion.cluster;
    let part = |name: &str| cluster.address.child("api_server").child(name);
    let balancer = world.resources.get(&part("load_balancer"))?;
    let wanted = |name: &str| {
        let address = part(name);
        let part = expansion.parts.iter().find(|part| part.declaration.address == address)?;
        part.desired.id.as_ref()
    };
    let same = |a: &ResourceId, b: &ResourceId| a.as_str().eq_ignore_ascii_case(b.as_str());
    let private = cluster.api_server.private.as_ref();
    let was_private = balancer.inputs.pointer(FRONTEND_ADDRESS).and_then(Json::as_str);
    let zone = || {
        let record = world.resources.get(&part("private_dns_record"))?;
        let moved = !same(&record.id, wanted("private_dns_record")?);
        moved.then_some("the private DNS zone of its API")
    };
    let what = match (was_private, private) {
        (None, Some(_)) => "a public API into a private one",
        (Some(_), None) => "a private API into a public one",
        (Some(before), Some(private)) if before != private.ip.to_string() => "the address of its API",
        (Some(_), Some(_)) => zone()?,
        (None, None) => return None,
    };
    Some(
        Diagnostic::error("LZ0246", format!("{} cannot change {what}", cluster.address))
            .at(cluster.api_server.span, "its nodes know the API by the address it was made with")
            .help("make a second cluster with the other address, or destroy this one first"),
    )
}

/// Where a load balancer says its private address.
const FRONTEND_ADDRESS: &str = "/properties/frontendIPConfigurations/0/properties/privateIPAddress";
