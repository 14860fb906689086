//! What identifies an object at a glance: addresses, sizes, zones. Only what is known and not sensitive.

use lazuli_core::Value;
use lazuli_core::address::Key;
use lazuli_core::plan::{Action, Change, Reason};

use super::layout::{clean, count};
use super::names;
use super::place::{Place, Section};
use super::rollout::Rolling;

/// The object as it will be, or as it was when it goes.
pub(super) fn body(change: &Change) -> Option<&Value> {
    change.after.as_ref().or(change.before.as_ref())
}

/// The facts of one object.
pub(super) fn of(change: &Change) -> Vec<String> {
    let Some(body) = body(change) else { return Vec::new() };
    let mut facts: Vec<Option<String>> = Vec::new();
    match &*change.ty.name {
        "Microsoft.Network/virtualNetworks" => {
            facts.push(texts(body, "properties.addressSpace.addressPrefixes"));
        }
        "Microsoft.Network/virtualNetworks/subnets" => {
            facts.push(
                text(body, "properties.addressPrefix").or_else(|| texts(body, "properties.addressPrefixes")),
            );
            facts.push(last(body, "properties.networkSecurityGroup.id"));
        }
        "Microsoft.Network/networkSecurityGroups" => {
            facts.push(counted(body, "properties.securityRules", "rule"));
        }
        "Microsoft.Network/routeTables" => facts.push(counted(body, "properties.routes", "route")),
        "Microsoft.Network/natGateways" => {
            facts.push(counted(body, "properties.publicIpAddresses", "public IP"));
            // One of the Standard SKU lives in one zone; a StandardV2 one in all of them.
            let standard = text(body, "sku.name").is_some_and(|name| name == "Standard");
            facts.push(sku(body));
            facts.push(standard.then(|| "zone-redundant: no".to_owned()));
            facts.push(zones(body));
        }
        "Microsoft.Network/publicIPAddresses" => {
            facts.push(text(body, "properties.dnsSettings.fqdn").or_else(|| host_name(body)));
            facts.push(unusual_sku(body));
            facts.push(zones(body));
        }
        "Microsoft.Network/loadBalancers" => {
            facts.push(frontend_address(body));
            facts.push(ports(body));
            facts.push(unusual_sku(body));
        }
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings" => {
            facts.push(
                last(body, "properties.remoteVirtualNetwork.id").map(|network| format!("to {network}")),
            );
        }
        "Microsoft.Network/privateDnsZones" => {}
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks" => {
            facts.push(last(body, "properties.virtualNetwork.id").map(|network| format!("to {network}")));
        }
        "Microsoft.Network/privateDnsZones/A" => facts.push(record_addresses(body)),
        "Microsoft.Network/networkInterfaces" => facts.push(private_address(body)),
        "Microsoft.Authorization/roleAssignments" => {
            let scope = last(body, "properties.scope").map(|scope| format!(" on {scope}"));
            facts.push(role(body).map(|role| format!("{role}{}", scope.unwrap_or_default())));
        }
        "Microsoft.ManagedIdentity/userAssignedIdentities" => {}
        "Microsoft.Compute/virtualMachines" => {
            facts.push(text(body, "properties.hardwareProfile.vmSize"));
            facts.push(zones(body));
        }
        "Microsoft.Compute/disks" => {
            facts.push(text(body, "properties.diskSizeGB").map(|gb| format!("{gb} GiB")));
            facts.push(sku(body));
            facts.push(zones(body));
        }
        "Lazuli.Kubernetes/clusters/settings" => facts.push(text(body, "properties.kubernetesVersion")),
        lazuli_kubernetes::claims::SERVICES => facts.push(texts(body, "properties.addresses")),
        lazuli_kubernetes::claims::VOLUMES => {
            facts.push(text(body, "properties.claim").map(|claim| format!("of {claim}")));
            facts.push(text(body, "properties.size"));
            facts.push(text(body, "properties.reclaimPolicy").filter(|policy| policy != "Delete"));
        }
        ty if ty.starts_with("Lazuli.Kubernetes/") => facts.push(objects(body)),
        _ => {
            facts.push(sku(body));
            facts.push(text(body, "kind"));
            facts.push(text(body, "location"));
        }
    }
    facts.into_iter().flatten().collect()
}

/// Region and resource group of a cluster, from its resources.
pub(super) fn cluster(changes: &[&Change]) -> Vec<String> {
    // What private DNS is made of lies in no region.
    let location = |change: &Change| text(body(change)?, "location").filter(|location| location != "global");
    let region = changes.iter().find_map(|change| location(change));
    let group = changes.iter().find_map(|c| c.id.as_ref()?.resource_group().map(str::to_owned));
    region.into_iter().chain(group).collect()
}

/// `3 x Standard_D4s_v5, etcd on 256 GiB Premium_LRS`: the machines of a pool afterwards, or before when all go.
pub(super) fn pool(section: &Section, members: &[(Place, &Change)], rolling: &Rolling) -> Vec<String> {
    if !matches!(section, Section::ControlPlane | Section::WorkerPool(_)) {
        return Vec::new();
    }
    let machines: Vec<&Change> = members
        .iter()
        .filter(|(place, c)| place.node.is_some() && &*c.ty.name == "Microsoft.Compute/virtualMachines")
        .map(|(_, change)| *change)
        .collect();
    // What does not change has no object before, but it is there.
    let was = |change: &Change| {
        !matches!(change.action, Action::Create | Action::Read) && change.reason != Some(Reason::Deposed)
    };
    let stays = |change: &Change| !matches!(change.action, Action::Delete | Action::Forget);
    let before = machines.iter().filter(|c| was(c)).count();
    let after = machines.iter().filter(|c| stays(c)).count();
    let shown: Vec<&Value> =
        machines.iter().filter(|c| after == 0 || stays(c)).filter_map(|c| body(c)).collect();
    let mut sizes: Vec<(String, usize)> = Vec::new();
    for size in shown.iter().filter_map(|m| text(m, "properties.hardwareProfile.vmSize")) {
        match sizes.iter_mut().find(|(s, _)| *s == size) {
            Some((_, number)) => *number += 1,
            None => sizes.push((size, 1)),
        }
    }
    let scaled = before > 0 && after > 0 && before != after;
    let mut facts: Vec<String> = match sizes.as_slice() {
        [(size, number)] if scaled => vec![format!("{before} -> {number} x {size}")],
        _ => sizes.iter().map(|(size, number)| format!("{number} x {size}")).collect(),
    };
    if scaled && sizes.len() > 1 {
        facts.insert(0, format!("{before} -> {}", count(after, "node")));
    }
    if *section == Section::ControlPlane {
        facts.extend(shown.first().and_then(|machine| etcd_disk(machine)));
    }
    facts.extend(rolling.fact(section, members));
    facts
}

/// The private address of a load balancer.
fn frontend_address(body: &Value) -> Option<String> {
    let frontend = dig(body, "properties.frontendIPConfigurations")?.as_sequence()?.first()?;
    text(frontend, "properties.privateIPAddress")
}

/// What a name leads to.
fn record_addresses(body: &Value) -> Option<String> {
    let records = dig(body, "properties.aRecords")?.as_sequence()?;
    let addresses: Vec<String> = records.iter().filter_map(|record| text(record, "ipv4Address")).collect();
    (!addresses.is_empty()).then(|| addresses.join(", "))
}

fn etcd_disk(machine: &Value) -> Option<String> {
    let disk = dig(machine, "properties.storageProfile.dataDisks")?.as_sequence()?.first()?;
    let size = text(disk, "diskSizeGB")?;
    let kind =
        text(disk, "managedDisk.storageAccountType").map(|kind| format!(" {kind}")).unwrap_or_default();
    Some(format!("etcd on {size} GiB{kind}"))
}

/// The object's name, where it tells anything; with the former one when it changes.
pub(super) fn name(change: &Change) -> String {
    let name = match (&*change.ty.name, &change.id) {
        // A GUID: people know a role assignment by its role, which is a fact.
        ("Microsoft.Authorization/roleAssignments", _) | (_, None) => return String::new(),
        // Its key is its name, and stands in its title.
        (ty, Some(id)) if ty.starts_with("Lazuli.Kubernetes/") && is_key(change, id.name()) => {
            return String::new();
        }
        (ty, Some(id)) if ty.starts_with("Lazuli.") => id.name().to_owned(),
        (_, Some(id)) => names::object(&change.address, Some(id)),
    };
    match former_name(change) {
        Some(former) => format!("{former} -> {name}"),
        None => name,
    }
}

fn is_key(change: &Change, name: &str) -> bool {
    let segments = change.address.segments();
    matches!(segments.last().and_then(|last| last.key.as_ref()), Some(Key::Name(key)) if key == name)
}

/// The name so far of an object that gets another.
pub(super) fn former_name(change: &Change) -> Option<&str> {
    let (former, id) = (change.previous_id.as_ref()?, change.id.as_ref()?);
    (former.name() != id.name()).then(|| former.name())
}

fn role(body: &Value) -> Option<String> {
    let id = last(body, "properties.roleDefinitionId")?;
    Some(names::role(&id).map_or(id, str::to_owned))
}

/// The availability zone of an object that has exactly one.
pub(in crate::render) fn zone(change: &Change) -> Option<String> {
    match dig(body(change)?, "zones")?.as_sequence()? {
        [zone] => scalar(zone),
        _ => None,
    }
}

fn zones(body: &Value) -> Option<String> {
    let zones = dig(body, "zones")?.as_sequence()?;
    let names: Vec<String> = zones.iter().filter_map(scalar).collect();
    match names.len() {
        0 => None,
        1 => Some(format!("zone {}", names[0])),
        _ => Some(format!("zones {}", names.join(", "))),
    }
}

fn sku(body: &Value) -> Option<String> {
    text(body, "sku.name").map(|name| if name == "Standard" { "Standard SKU".to_owned() } else { name })
}

/// The SKU, unless it is the one everybody has.
fn unusual_sku(body: &Value) -> Option<String> {
    text(body, "sku.name").filter(|name| name != "Standard")
}

fn host_name(body: &Value) -> Option<String> {
    let label = text(body, "properties.dnsSettings.domainNameLabel")?;
    Some(format!("{label}.{}.cloudapp.azure.com", text(body, "location")?))
}

fn ports(body: &Value) -> Option<String> {
    let rules = dig(body, "properties.loadBalancingRules")?.as_sequence()?;
    let ports: Vec<String> = rules.iter().filter_map(|r| text(r, "properties.frontendPort")).collect();
    match ports.len() {
        0 => None,
        1 => Some(format!("port {}", ports[0])),
        _ => Some(format!("ports {}", ports.join(", "))),
    }
}

fn private_address(body: &Value) -> Option<String> {
    let first = dig(body, "properties.ipConfigurations")?.as_sequence()?.first()?;
    text(first, "properties.privateIPAddress")
}

/// How many objects a layer or an add-on is made of.
fn objects(body: &Value) -> Option<String> {
    let number = dig(body, "properties.objects")?.as_entries()?.len();
    (number > 0).then(|| count(number, "object"))
}

fn counted(body: &Value, path: &str, noun: &str) -> Option<String> {
    match dig(body, path)?.as_sequence()?.len() {
        0 => None,
        number => Some(count(number, noun)),
    }
}

/// The last segment of an id.
fn last(body: &Value, path: &str) -> Option<String> {
    text(body, path).and_then(|id| id.rsplit('/').next().map(str::to_owned))
}

fn texts(body: &Value, path: &str) -> Option<String> {
    let items: Vec<String> = dig(body, path)?.as_sequence()?.iter().filter_map(scalar).collect();
    if items.is_empty() { None } else { Some(items.join(", ")) }
}

pub(super) fn text(body: &Value, path: &str) -> Option<String> {
    dig(body, path).and_then(scalar)
}

fn dig<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |here, name| if here.is_sensitive() { None } else { here.get(name) })
}

fn scalar(value: &Value) -> Option<String> {
    if value.is_sensitive() {
        return None;
    }
    let number = || value.as_number().map(ToString::to_string);
    value.as_str().map(|text| clean(text).into_owned()).or_else(number)
}
