//! The cloud controller manager: load balancers for Services, routes for nodes' pods.
//!
//! It changes the simulated Azure as the real one does, through the same doors as any other client.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Round;
use super::look::{has, is_going, items, name, namespace, set_condition, uid};
use crate::request::Method;
use crate::{arm, ids, json};

const NETWORK: &str = "2025-05-01";
const CLEANUP: &str = "service.kubernetes.io/load-balancer-cleanup";

/// What a running cloud controller manager is told by its flags.
struct Flags {
    cluster_name: String,
    has_routes: bool,
}

pub(super) fn act(round: &mut Round<'_>) {
    let Some(flags) = flags(round) else { return };
    for service in round.store.list("v1/services", None).cloned().collect::<Vec<_>>() {
        balance(round, &flags, &service);
    }
    if flags.has_routes {
        route(round);
    }
}

fn flags(round: &Round<'_>) -> Option<Flags> {
    let pod = round.view.cloud_controllers().find(|pod| round.running(&pod.node).is_some())?;
    let pod = &pod.object;
    let containers = items(&pod["spec"]["containers"]);
    let words: Vec<&str> = containers
        .flat_map(|c| items(&c["command"]).chain(items(&c["args"])))
        .filter_map(Value::as_str)
        .collect();
    let value = |flag: &str| words.iter().find_map(|word| word.strip_prefix(flag)?.strip_prefix('='));
    Some(Flags {
        cluster_name: value("--cluster-name").unwrap_or(&round.state.cluster_name).to_owned(),
        has_routes: value("--configure-cloud-routes").unwrap_or("true") == "true"
            && value("--allocate-node-cidrs").unwrap_or("false") == "true",
    })
}

/// The id of something in the cluster's resource group; `None` when nobody told the cloud provider which that is.
pub(super) fn in_group(round: &Round<'_>, group: &str, rest: &str) -> Option<String> {
    let group = round.state.azure[group].as_str().or_else(|| round.state.azure["resourceGroup"].as_str())?;
    Some(format!("{}/resourceGroups/{group}/providers/{rest}", round.world.subscription_id()))
}

pub(super) fn location(round: &Round<'_>) -> String {
    round.state.azure["location"].as_str().unwrap_or("").to_owned()
}

fn write(round: &mut Round<'_>, method: Method, id: &str, body: Option<&Value>) -> bool {
    let now = round.now;
    arm::as_controller(round.world, now, method, id, NETWORK, body).is_ok()
}

fn body_of(round: &Round<'_>, id: &str) -> Option<Value> {
    round.world.get(&ids::key(id)).map(|found| found.body.clone())
}

/// Gives a Service of type LoadBalancer its balancer, or takes it away.
fn balance(round: &mut Round<'_>, flags: &Flags, service: &Value) {
    let is_wanted = service["spec"]["type"] == "LoadBalancer" && !is_going(service);
    let is_held = items(&service["metadata"]["finalizers"]).any(|finalizer| finalizer == CLEANUP);
    let is_served = items(&service["status"]["loadBalancer"]["ingress"]).next().is_some();
    let (space, own_name) = (namespace(service).to_owned(), name(service).to_owned());
    if is_wanted && !is_held {
        round.store.edit("v1/services", &space, &own_name, |service| {
            if !service["metadata"]["finalizers"].is_array() {
                service["metadata"]["finalizers"] = json!([]);
            }
            if let Some(list) = service["metadata"]["finalizers"].as_array_mut() {
                list.push(json!(CLEANUP));
            }
        });
    } else if is_wanted && !is_served {
        if let Some(address) = provide(round, flags, service) {
            round.store.edit("v1/services", &space, &own_name, |service| {
                service["status"]["loadBalancer"] =
                    json!({ "ingress": [{ "ip": address, "ipMode": "VIP" }] });
            });
        }
    } else if !is_wanted && is_held && withdraw(round, flags, service) {
        let edited = round.store.edit("v1/services", &space, &own_name, |service| {
            if let Some(list) = service["metadata"]["finalizers"].as_array_mut() {
                list.retain(|finalizer| finalizer != CLEANUP);
            }
            service["status"]["loadBalancer"] = json!({});
        });
        let is_free =
            edited.is_some_and(|service| items(&service["metadata"]["finalizers"]).next().is_none());
        if is_going(service) && is_free {
            round.store.remove("v1/services", &space, &own_name);
        }
    }
}

/// The name the cloud's controllers give to what belongs to a Service.
fn short(service: &Value) -> String {
    format!("a{}", uid(service).replace('-', "")).chars().take(32).collect()
}

struct Parts {
    balancer: String,
    address: String,
    security_group: Option<String>,
}

fn parts(round: &Round<'_>, flags: &Flags, service: &Value) -> Option<Parts> {
    let cluster = &flags.cluster_name;
    let group = round.state.azure["securityGroupName"].as_str();
    Some(Parts {
        balancer: in_group(
            round,
            "loadBalancerResourceGroup",
            &format!("Microsoft.Network/loadBalancers/{cluster}"),
        )?,
        address: in_group(
            round,
            "resourceGroup",
            &format!("Microsoft.Network/publicIPAddresses/{cluster}-{}", short(service)),
        )?,
        security_group: match group {
            Some(group) if !group.is_empty() => in_group(
                round,
                "securityGroupResourceGroup",
                &format!("Microsoft.Network/networkSecurityGroups/{group}"),
            ),
            _ => None,
        },
    })
}

/// Makes the public address, the balancer's parts and the security rule; says the address.
fn provide(round: &mut Round<'_>, flags: &Flags, service: &Value) -> Option<String> {
    let Parts { balancer, address, security_group } = parts(round, flags, service)?;
    let own = short(service);
    if body_of(round, &address).is_none() {
        let body = json!({
            "location": location(round), "sku": { "name": "Standard" },
            "tags": { "k8s-azure-cluster-name": flags.cluster_name, "k8s-azure-service": format!("{}/{}", namespace(service), name(service)) },
            "properties": { "publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4" },
        });
        if !write(round, Method::Put, &address, Some(&body)) {
            return None;
        }
    }
    let shown = json::text(&body_of(round, &address)?, "properties.ipAddress")?.to_owned();
    let mut body = body_of(round, &balancer).unwrap_or_else(|| {
        json!({ "location": location(round), "sku": { "name": "Standard" }, "properties": { "backendAddressPools": [{ "name": flags.cluster_name }] } })
    });
    let part = |collection: &str, name: &str| json!({ "id": format!("{balancer}/{collection}/{name}") });
    for collection in ["frontendIPConfigurations", "loadBalancingRules", "probes"] {
        if !body["properties"][collection].is_array() {
            body["properties"][collection] = json!([]);
        }
    }
    let mut add = |collection: &str, element: Value| {
        if let Some(list) = body["properties"][collection].as_array_mut() {
            list.retain(|old| old["name"] != element["name"]);
            list.push(element);
        }
    };
    add(
        "frontendIPConfigurations",
        json!({ "name": own, "properties": { "publicIPAddress": { "id": address } } }),
    );
    let mut ports = Vec::new();
    for port in items(&service["spec"]["ports"]) {
        let (protocol, number) =
            (port["protocol"].as_str().unwrap_or("TCP"), port["port"].as_u64().unwrap_or(0));
        let rule = format!("{own}-{protocol}-{number}");
        let protocol = if protocol == "UDP" { "Udp" } else { "Tcp" };
        let node_port = port["nodePort"].as_u64().unwrap_or(30_000 + number % 2_000);
        add(
            "probes",
            json!({ "name": rule, "properties": { "protocol": "Tcp", "port": node_port, "intervalInSeconds": 5, "numberOfProbes": 2 } }),
        );
        add(
            "loadBalancingRules",
            json!({ "name": rule, "properties": {
            "protocol": protocol, "frontendPort": number, "backendPort": number, "enableFloatingIP": true, "disableOutboundSnat": true,
            "frontendIPConfiguration": part("frontendIPConfigurations", &own), "backendAddressPool": part("backendAddressPools", &flags.cluster_name),
            "probe": part("probes", &rule),
        } }),
        );
        ports.push((rule, protocol, number));
    }
    if !write(round, Method::Put, &balancer, Some(&body)) {
        return None;
    }
    if let Some(group) = security_group.filter(|group| round.world.get(&ids::key(group)).is_some()) {
        for (rule, protocol, port) in ports {
            let used: Vec<u64> = items(&body_of(round, &group)?["properties"]["securityRules"])
                .filter(|rule| rule["properties"]["direction"] == "Inbound")
                .filter_map(|rule| rule["properties"]["priority"].as_u64())
                .collect();
            let priority = (500..4096).find(|priority| !used.contains(priority)).unwrap_or(4096);
            let body = json!({ "properties": {
                "protocol": protocol, "sourcePortRange": "*", "destinationPortRange": port.to_string(), "sourceAddressPrefix": "Internet",
                "destinationAddressPrefix": shown, "access": "Allow", "direction": "Inbound", "priority": priority,
            } });
            write(round, Method::Put, &format!("{group}/securityRules/{rule}-Internet"), Some(&body));
        }
    }
    Some(shown)
}

/// Takes away what [`provide`] made. True when nothing is left.
fn withdraw(round: &mut Round<'_>, flags: &Flags, service: &Value) -> bool {
    let Some(Parts { balancer, address, security_group }) = parts(round, flags, service) else { return true };
    let own = short(service);
    if let Some(mut body) = body_of(round, &balancer) {
        for collection in ["loadBalancingRules", "probes", "frontendIPConfigurations"] {
            if let Some(list) = body["properties"][collection].as_array_mut() {
                list.retain(|element| !element["name"].as_str().unwrap_or("").starts_with(&own));
            }
        }
        let is_empty = items(&body["properties"]["frontendIPConfigurations"]).next().is_none();
        let is_done = match is_empty {
            true => write(round, Method::Delete, &balancer, None),
            false => write(round, Method::Put, &balancer, Some(&body)),
        };
        if !is_done {
            return false;
        }
    }
    if let Some(group) = security_group {
        let rules = body_of(round, &group).unwrap_or_default();
        let names = items(&rules["properties"]["securityRules"]).filter_map(|rule| rule["name"].as_str());
        for rule in names.filter(|name| name.starts_with(&own)) {
            write(round, Method::Delete, &format!("{group}/securityRules/{rule}"), None);
        }
    }
    body_of(round, &address).is_none() || write(round, Method::Delete, &address, None)
}

/// Keeps one route per node with a range, all in one write.
fn route(round: &mut Round<'_>) {
    let Some(table) = round.state.azure["routeTableName"].as_str().filter(|table| !table.is_empty()) else {
        return;
    };
    let rest = format!("Microsoft.Network/routeTables/{table}");
    let Some(id) = in_group(round, "routeTableResourceGroup", &rest) else { return };
    let Some(found) = round.world.get(&ids::key(&id)) else { return };
    // Neither the nodes nor the table have changed since all was well.
    if round.changes.nodes.is_empty() && round.routed.as_ref() == Some(&found.etag) {
        return;
    }
    let (mut body, etag) = (found.body.clone(), found.etag.clone());
    *round.routed = None;
    let mut wanted = Vec::new();
    let nodes: Vec<Arc<Value>> = round.store.list("v1/nodes", None).cloned().collect();
    for node in &nodes {
        let Some(range) = node["spec"]["podCIDR"].as_str() else { continue };
        let address = items(&node["status"]["addresses"]).find(|address| address["type"] == "InternalIP");
        if let Some(address) = address.and_then(|address| address["address"].as_str()) {
            wanted.push((name(node), range, address));
        }
    }
    let ours = |route: &Value| route["properties"]["nextHopType"] == "VirtualAppliance";
    let mut have: Vec<(&str, &str, &str)> = items(&body["properties"]["routes"])
        .filter(|route| ours(route))
        .map(|route| {
            let text = |path: &str| json::text(route, path).unwrap_or("");
            (text("name"), text("properties.addressPrefix"), text("properties.nextHopIpAddress"))
        })
        .collect();
    have.sort_unstable();
    if have != wanted {
        let mut routes: Vec<Value> =
            items(&body["properties"]["routes"]).filter(|route| !ours(route)).cloned().collect();
        routes.extend(wanted.iter().map(|(name, range, address)| {
            json!({ "name": name, "properties": { "addressPrefix": range, "nextHopType": "VirtualAppliance", "nextHopIpAddress": address } })
        }));
        body["properties"]["routes"] = Value::Array(routes);
        if !write(round, Method::Put, &id, Some(&body)) {
            return;
        }
    } else {
        *round.routed = Some(etag);
    }
    let now = round.now;
    for (node, ..) in wanted {
        let is_known = round.store.get("v1/nodes", "", node).is_some_and(|node| {
            items(&node["status"]["conditions"]).any(|c| c["type"] == "NetworkUnavailable")
                && !has(node, "NetworkUnavailable")
        });
        if !is_known {
            round.store.edit("v1/nodes", "", node, |node| {
                set_condition(
                    node,
                    super::condition(
                        "NetworkUnavailable",
                        "False",
                        "RouteCreated",
                        "RouteController created a route",
                        now,
                    ),
                );
            });
        }
    }
}
