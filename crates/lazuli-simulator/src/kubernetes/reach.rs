//! From a host name to the machines behind it: public or private DNS, a load balancer's frontend, rule and pool.

use crate::kubernetes::machine::Facts;
use crate::world::{Resource, World};
use crate::{ids, json};

/// Where a host name and a port lead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Nobody knows the name.
    NoSuchHost,
    /// There is an address, but no rule of a load balancer takes the port.
    NoRule { address: String },
    /// Machines (keys) in the pool, with the port they are addressed at.
    Machines { address: String, machines: Vec<(String, u16)> },
}

/// True for a host name that leads to an address in the simulated Azure, whether anybody answers there or not.
pub(crate) fn is_known(world: &World, host: &str) -> bool {
    frontends(world, host).is_some()
}

/// Follows a host name to the virtual machines behind it; without a port, behind any.
pub(crate) fn machines_behind(world: &World, host: &str, port: impl Into<Option<u16>>) -> Reached {
    let port = port.into();
    let Some((address, balancers)) = frontends(world, host) else { return Reached::NoSuchHost };
    let mut found = None;
    for (balancer, frontend) in balancers {
        let frontend = ids::key(&frontend);
        for rule in json::list(&balancer.body, "properties.loadBalancingRules") {
            let leads = json::text(rule, "properties.frontendIPConfiguration.id")
                .is_some_and(|id| ids::key(id) == frontend)
                && port
                    .is_none_or(|port| rule["properties"]["frontendPort"].as_u64() == Some(u64::from(port)));
            let Some(pool) = json::text(rule, "properties.backendAddressPool.id").filter(|_| leads) else {
                continue;
            };
            let backend_port = rule["properties"]["backendPort"].as_u64().unwrap_or(0) as u16;
            let machines: &mut Vec<(String, u16)> = found.get_or_insert_with(Vec::new);
            for user in world.users(&ids::key(pool)) {
                // An interface's IP configuration is the user; its machine uses the interface.
                let nic = catalog_root(world, user);
                for machine in
                    world.users(&nic).filter(|user| user.to_ascii_lowercase().contains("/virtualmachines/"))
                {
                    let entry = (ids::key(machine), backend_port);
                    if !machines.contains(&entry) {
                        machines.push(entry);
                    }
                }
            }
        }
    }
    match found {
        Some(machines) => Reached::Machines { address, machines },
        None => Reached::NoRule { address },
    }
}

/// The key of the interface whose part an id names, or of what it names.
fn catalog_root(world: &World, id: &str) -> String {
    let key = ids::key(id);
    match world.get(&key) {
        Some(_) => key,
        None => ids::key(ids::parent_id(id)),
    }
}

/// The address of a host name and the load balancers with the frontend it belongs to.
fn frontends<'w>(world: &'w World, host: &str) -> Option<(String, Vec<(&'w Resource, String)>)> {
    let public = world.of_kind("Microsoft.Network/publicIPAddresses", "", None).find(|address| {
        let named = json::text(&address.body, "properties.dnsSettings.fqdn");
        named.is_some_and(|fqdn| fqdn.eq_ignore_ascii_case(host))
            || json::text(&address.body, "properties.ipAddress") == Some(host)
    });
    if let Some(public) = public {
        let address = json::text(&public.body, "properties.ipAddress").unwrap_or("").to_owned();
        let key = public.key();
        let of = |frontend: &serde_json::Value| {
            json::text(frontend, "properties.publicIPAddress.id").is_some_and(|id| ids::key(id) == key)
        };
        return Some((address, balancers(world, world.users(&key), of)));
    }
    let address = match host.parse::<std::net::Ipv4Addr>() {
        Ok(_) => host.to_owned(),
        Err(_) => world
            .of_kind("Microsoft.Network/privateDnsZones/A", "", None)
            .find(|record| {
                let fqdn = json::text(&record.body, "properties.fqdn").unwrap_or("");
                fqdn.trim_end_matches('.').eq_ignore_ascii_case(host)
            })
            .and_then(|record| {
                json::list(&record.body, "properties.aRecords").first()?["ipv4Address"].as_str()
            })?
            .to_owned(),
    };
    let of =
        |frontend: &serde_json::Value| json::text(frontend, "properties.privateIPAddress") == Some(&address);
    let all = world.of_kind("Microsoft.Network/loadBalancers", "", None).map(|balancer| balancer.id.as_str());
    let found = balancers(world, all, of);
    Some((address, found))
}

fn balancers<'w>(
    world: &'w World,
    ids: impl Iterator<Item = &'w str>,
    is_meant: impl Fn(&serde_json::Value) -> bool,
) -> Vec<(&'w Resource, String)> {
    let mut found = Vec::new();
    for id in ids {
        let Some(balancer) = id
            .to_ascii_lowercase()
            .find("/loadbalancers/")
            .map(|at| at + "/loadbalancers/".len())
            .map(|at| id[at..].find('/').map_or(id, |end| &id[..at + end]))
            .and_then(|id| world.get(&ids::key(id)))
        else {
            continue;
        };
        for frontend in json::list(&balancer.body, "properties.frontendIPConfigurations") {
            if is_meant(frontend) {
                let name = frontend["name"].as_str().unwrap_or("");
                let entry = (balancer, format!("{}/frontendIPConfigurations/{name}", balancer.id));
                if !found.contains(&entry) {
                    found.push(entry);
                }
            }
        }
    }
    found
}

/// The nodes of a cluster that answer behind its host name: their machine runs, their API server is up.
pub(crate) fn answering(world: &World, host: &str, port: impl Into<Option<u16>>) -> Vec<String> {
    let Reached::Machines { machines, .. } = machines_behind(world, host, port) else { return Vec::new() };
    machines
        .iter()
        .filter_map(|(key, port)| {
            let machine = world.get(key)?;
            let kubelet = machine.machine.as_ref()?.node.as_ref()?;
            let is_up = kubelet.is_control_plane && kubelet.promote_ms.is_none() && kubelet.port == *port;
            (is_up && kubelet.host.eq_ignore_ascii_case(host) && Facts::of(world, machine).is_running)
                .then(|| kubelet.name.clone())
        })
        .collect()
}
