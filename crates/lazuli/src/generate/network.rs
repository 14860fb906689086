//! Networks of clusters → `network` blocks.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lazuli_azure::inventory::Found;
use lazuli_cluster::expand::API_RULE;
use lazuli_core::Json;
use lazuli_core::resource::ResourceId;

use super::cluster::{NIC, Node, is, part, string};
use super::hcl::{self, quoted};

/// The `network` block. `halves` are the halves of peerings that are there in the networks of others.
pub(super) fn network(
    name: &str,
    parts: &[&Found],
    first: &Node<'_>,
    halves: &BTreeSet<String>,
) -> Result<String, String> {
    let vnet = part(parts, "Microsoft.Network/virtualNetworks", &format!("{name}-vnet"));
    let Some(vnet) = vnet else { return existing(name, parts, first) };
    let subnet = |suffix: &str| -> &Json {
        let name = format!("{name}-{suffix}");
        let all = vnet["properties"]["subnets"].as_array().into_iter().flatten();
        all.into_iter().find(|s| s["name"] == name.as_str()).map_or(&Json::Null, |s| &s["properties"])
    };
    let mut text = "network {\n".to_owned();
    let _ = writeln!(text, "cidr = {}", string(&vnet["properties"]["addressSpace"]["addressPrefixes"][0]));
    if part(parts, "Microsoft.Network/natGateways", &format!("{name}-natgw")).is_none() {
        let outbound = part(parts, "Microsoft.Network/loadBalancers", name);
        let rules = outbound.and_then(|lb| lb["properties"]["outboundRules"].as_array());
        let egress = if rules.is_some_and(|rules| !rules.is_empty()) {
            "load_balancer"
        } else {
            "user_defined_routing"
        };
        let _ = writeln!(text, "egress = {}", quoted(egress));
    }
    for (block, suffix, group) in
        [("control_plane_subnet", "cp-subnet", "cp-nsg"), ("worker_subnet", "worker-subnet", "worker-nsg")]
    {
        let _ = writeln!(text, "{block} {{\ncidr = {}", string(&subnet(suffix)["addressPrefix"]));
        let group = part(parts, "Microsoft.Network/networkSecurityGroups", &format!("{name}-{group}"));
        let rules = group.and_then(|group| group["properties"]["securityRules"].as_array());
        for found in rules.into_iter().flatten().filter(|rule| rule["name"] != API_RULE) {
            // Those of the cloud controller manager come and go with services.
            if !found["name"].as_str().is_some_and(|name| name.starts_with("k8s-azure-lb_")) {
                text.push_str(&rule(found));
            }
        }
        text.push_str("}\n");
    }
    for (peering, remote) in peerings(vnet) {
        let _ = writeln!(text, "peering {} {{\nvirtual_network_id = {}", quoted(peering), quoted(remote));
        let half = half(remote, &format!("{name}-vnet"));
        if halves.contains(&half.as_str().to_lowercase()) {
            text.push_str("manage_remote = true\n");
        }
        text.push_str("}\n");
    }
    text.push_str("}\n\n");
    Ok(text)
}

/// The peerings of a network that are as a cluster makes them: name and the other network. Others are resources of their
/// own.
fn peerings(vnet: &Json) -> impl Iterator<Item = (&str, &str)> {
    let all = vnet["properties"]["virtualNetworkPeerings"].as_array().into_iter().flatten();
    all.filter_map(|peering| {
        let properties = &peering["properties"];
        let is = |name: &str, wanted: bool| properties[name].as_bool().unwrap_or(false) == wanted;
        let as_ours = is("allowForwardedTraffic", true)
            && is("allowVirtualNetworkAccess", true)
            && is("allowGatewayTransit", false)
            && is("useRemoteGateways", false);
        let name = peering["name"].as_str().filter(|name| as_ours && *name != "own")?;
        Some((name, properties["remoteVirtualNetwork"]["id"].as_str()?))
    })
}

/// The half of a peering that lies in the other network.
fn half(remote: &str, vnet: &str) -> ResourceId {
    ResourceId::new(remote).child("virtualNetworkPeerings", vnet)
}

/// Where the other halves of the peerings of a cluster would be, if the cluster makes them.
pub fn other_halves(name: &str, parts: &[&Found]) -> Vec<ResourceId> {
    let vnet = format!("{name}-vnet");
    let found = part(parts, "Microsoft.Network/virtualNetworks", &vnet);
    found.into_iter().flat_map(peerings).map(|(_, remote)| half(remote, &vnet)).collect()
}

/// A network that the cluster does not own.
fn existing(name: &str, parts: &[&Found], first: &Node<'_>) -> Result<String, String> {
    let subnet_of = |pool: &dyn Fn(&str) -> bool| {
        let nics = parts.iter().filter(|p| is(p, NIC));
        let mut mine = nics.filter(|p| {
            let rest = p.id.name().get(name.len() + 1..).unwrap_or_default();
            pool(rest)
        });
        let subnet = &mine.next()?.body["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"];
        subnet.as_str().map(lazuli_core::resource::ResourceId::new)
    };
    let control_plane = subnet_of(&|rest| rest.starts_with("cp-")).ok_or("its nodes have no subnet")?;
    let worker = subnet_of(&|rest| !rest.starts_with("cp-"));
    let vnet = control_plane.parent().ok_or("its nodes have no subnet")?;
    let mut text = "network {\nexisting {\n".to_owned();
    let group = vnet.resource_group().unwrap_or_default();
    let _ = writeln!(text, "resource_group = {}", quoted(group));
    let _ = writeln!(text, "virtual_network = {}", quoted(vnet.name()));
    let _ = writeln!(text, "control_plane_subnet = {}", quoted(control_plane.name()));
    let worker =
        worker.ok_or_else(|| format!("no worker says which subnet workers of {} are in", first.name))?;
    let _ = writeln!(text, "worker_subnet = {}\n}}\n}}\n", quoted(worker.name()));
    Ok(text)
}

fn rule(found: &Json) -> String {
    let properties = &found["properties"];
    let word = |name: &str| properties[name].as_str().unwrap_or_default().to_lowercase();
    let mut text = format!("rule {} {{\npriority = {}\n", string(&found["name"]), properties["priority"]);
    for name in ["direction", "access", "protocol"] {
        let _ = writeln!(text, "{name} = {}", quoted(&word(name)));
    }
    for (name, one, many) in [
        ("source", "sourceAddressPrefix", "sourceAddressPrefixes"),
        ("source_ports", "sourcePortRange", "sourcePortRanges"),
        ("destination", "destinationAddressPrefix", "destinationAddressPrefixes"),
        ("destination_ports", "destinationPortRange", "destinationPortRanges"),
    ] {
        let all = list(properties, one, many);
        if !all.is_empty() && all != ["*"] {
            let _ = writeln!(text, "{name} = {}", hcl::value(&Json::from(all), &mut |_| None));
        }
    }
    if let Some(description) = properties["description"].as_str().filter(|d| !d.is_empty()) {
        let _ = writeln!(text, "description = {}", quoted(description));
    }
    text + "}\n"
}

/// Azure has a single value and several under different names.
pub(super) fn list(properties: &Json, one: &str, many: &str) -> Vec<String> {
    let several = properties[many].as_array().into_iter().flatten().filter_map(Json::as_str);
    let all: Vec<String> = several.map(str::to_owned).collect();
    if all.is_empty() { properties[one].as_str().map(str::to_owned).into_iter().collect() } else { all }
}
