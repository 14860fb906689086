//! The load balancer of an API, the rule that lets clients in, its DNS zone → an `api_server` block.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lazuli_azure::inventory::Found;
use lazuli_cluster::expand::API_RULE;
use lazuli_core::Json;
use lazuli_core::resource::ResourceId;

use super::cluster::{is, part, string};
use super::hcl::{self, quoted};
use super::network::list;

const ZONES: &str = "Microsoft.Network/privateDnsZones";

/// The address of a private API; `None` when it is public.
pub fn private_address<'a>(name: &str, parts: &[&'a Found]) -> Option<&'a str> {
    let balancer = part(parts, "Microsoft.Network/loadBalancers", &format!("{name}-internal-lb"))?;
    balancer["properties"]["frontendIPConfigurations"][0]["properties"]["privateIPAddress"].as_str()
}

/// True when the zone of a private API is among the parts.
pub fn has_zone(parts: &[&Found]) -> bool {
    parts.iter().any(|p| is(p, ZONES))
}

/// The `api_server` block; empty when everything is as nobody asking gets it. `elsewhere` are the zones in other resource
/// groups where the API may have its name.
///
/// # Errors
/// When a private API has its name in a zone that is not among the parts.
pub(super) fn api_server(name: &str, parts: &[&Found], elsewhere: &[ResourceId]) -> Result<String, String> {
    let of = |suffix: &str| part(parts, "Microsoft.Network/loadBalancers", &format!("{name}-{suffix}"));
    let inside = of("internal-lb");
    let balancer = inside.or(of("public-lb"));
    let port = balancer
        .and_then(|lb| lb["properties"]["loadBalancingRules"][0]["properties"]["frontendPort"].as_i64());
    let group = part(parts, "Microsoft.Network/networkSecurityGroups", &format!("{name}-cp-nsg"));
    let rules = group.and_then(|group| group["properties"]["securityRules"].as_array());
    let api = rules.into_iter().flatten().find(|rule| rule["name"] == API_RULE);
    let mut sources = api.map_or_else(Vec::new, |rule| {
        list(&rule["properties"], "sourceAddressPrefix", "sourceAddressPrefixes")
    });
    // The cluster's own addresses are always among them.
    let own: BTreeSet<&str> = ["apiserver", "natgw"]
        .iter()
        .filter_map(|of| part(parts, "Microsoft.Network/publicIPAddresses", &format!("pip-{name}-{of}")))
        .filter_map(|address| address["properties"]["ipAddress"].as_str())
        .collect();
    let vnet = part(parts, "Microsoft.Network/virtualNetworks", &format!("{name}-vnet"));
    let cidr = vnet
        .and_then(|vnet| vnet["properties"]["addressSpace"]["addressPrefixes"][0].as_str())
        .filter(|_| inside.is_some());
    sources.retain(|source| source != "*" && !own.contains(source.as_str()) && cidr != Some(source.as_str()));
    let port = port.filter(|port| *port != 6443);
    if port.is_none() && sources.is_empty() && inside.is_none() {
        return Ok(String::new());
    }
    let mut text = "api_server {\n".to_owned();
    if let Some(inside) = inside {
        text.push_str(&private(name, parts, inside, elsewhere)?);
    }
    if let Some(port) = port {
        let _ = writeln!(text, "port = {port}");
    }
    if !sources.is_empty() {
        let _ = writeln!(text, "authorized_ranges = {}", hcl::value(&Json::from(sources), &mut |_| None));
    }
    Ok(text + "}\n\n")
}

/// What makes an API private: its address, and the zone in which it has its name.
fn private(
    name: &str,
    parts: &[&Found],
    balancer: &Json,
    elsewhere: &[ResourceId],
) -> Result<String, String> {
    let frontend = &balancer["properties"]["frontendIPConfigurations"][0]["properties"];
    let mut text =
        format!("access = \"private\"\nprivate {{\nip = {}\n", string(&frontend["privateIPAddress"]));
    match (parts.iter().find(|p| is(p, ZONES)), elsewhere) {
        (Some(zone), _) if zone.id.name().eq_ignore_ascii_case(&format!("{name}.internal")) => {}
        (Some(zone), _) => {
            let _ = writeln!(text, "dns_zone = {}", quoted(zone.id.name()));
        }
        (None, [zone]) => {
            let group = zone.resource_group().unwrap_or_default();
            let _ = writeln!(text, "dns_zone = {}", quoted(zone.name()));
            let _ = writeln!(text, "dns_resource_group = {}", quoted(group));
        }
        (None, []) => {
            return Err("its API has a name in a private DNS zone of others, and none that the account may see has it"
                .to_owned());
        }
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|zone| zone.as_str()).collect();
            return Err(format!("the name of its API may be in any of these zones: {}", names.join(", ")));
        }
    }
    Ok(text + "}\n")
}
