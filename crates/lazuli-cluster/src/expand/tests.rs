//! What a cluster becomes: snapshots of whole expansions, Azure's published types, and what must never be made.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use lazuli_core::encoding::to_json;
use lazuli_core::resource::{Bond, Lifecycle, Mode};
use lazuli_core::{Address, Json, Unknown, Value};

use super::{Expansion, Part};
use crate::roster::Renewals;
use crate::spec::Cluster;
use crate::testing::{
    CLUSTER, EXISTING_NETWORK, OWN_NETWORK, PROFILE, account, cluster, decode, decode_at, edited, expanded,
    nothing,
};

fn fresh(cluster: &Cluster) -> Expansion {
    expanded(cluster, &nothing(), &Renewals::new())
}

fn with_profile(profile: &str) -> Cluster {
    decode(profile, CLUSTER).cluster.unwrap_or_else(|problems| panic!("{problems}"))
}

fn static_placement() -> Cluster {
    cluster(&edited(CLUSTER, OWN_NETWORK, EXISTING_NETWORK))
}

fn with_egress(egress: &str) -> String {
    let line = "    cidr = \"10.40.0.0/16\"\n";
    edited(CLUSTER, line, &format!("{line}    egress = \"{egress}\"\n"))
}

fn with_ranges(text: &str) -> String {
    let api = "  api_server {\n    authorized_ranges = [\"203.0.113.0/24\"]\n  }\n";
    edited(text, "  control_plane {\n", &format!("{api}  control_plane {{\n"))
}

fn spot_pool(price: &str) -> Cluster {
    let line = "    count = 3\n";
    let more = format!("    encryption_at_host = true\n    spot {{\n      max_price = {price}\n    }}\n");
    cluster(&edited(CLUSTER, line, &format!("{line}{more}")))
}

fn marketplace() -> Cluster {
    let os = "  os {\n    marketplace {\n      publisher = \"kinvolk\"\n      offer = \"flatcar\"\n      sku = \"stable\"\n      version = \"4230.2.1\"\n      plan = true\n    }\n  }\n";
    with_profile(&edited(PROFILE, "  kubernetes {\n", &format!("{os}  kubernetes {{\n")))
}

fn with_rules() -> Cluster {
    let line = "      cidr = \"10.40.16.0/20\"\n";
    let rule = "      rule \"from-nat\" {\n        priority = 2300\n        direction = \"inbound\"\n        access = \"deny\"\n        protocol = \"any\"\n        source = [\"unknown\", \"10.0.0.0/8\"]\n        destination_ports = [\"22\"]\n        description = \"x\"\n      }\n";
    cluster(&edited(CLUSTER, line, &format!("{line}{rule}")))
}

fn existing_identity() -> Cluster {
    let id =
        "/subscriptions/s/resourceGroups/rg-ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i";
    let identity = format!("  identity {{\n    existing = \"{id}\"\n  }}\n  control_plane {{\n");
    cluster(&edited(CLUSTER, "  control_plane {\n", &identity))
}

/// The identifier of a network to peer with.
const HUB: &str =
    "/subscriptions/s/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/vnet-hub";

fn peered(text: &str, manage_remote: bool) -> String {
    let line = "    cidr = \"10.40.0.0/16\"\n";
    let block = format!(
        "    peering \"hub\" {{\n      virtual_network_id = \"{HUB}\"\n      manage_remote = {manage_remote}\n    }}\n"
    );
    edited(text, line, &format!("{line}{block}"))
}

/// A cluster whose API has no public address, with these lines in `private`.
fn private(text: &str, lines: &str) -> String {
    let api = format!("  api_server {{\n    access = \"private\"\n    private {{\n{lines}    }}\n  }}\n");
    edited(text, "  control_plane {\n", &format!("{api}  control_plane {{\n"))
}

fn shared_zone() -> &'static str {
    "      ip = \"10.40.0.10\"\n      dns_zone = \"k8s.corp\"\n      dns_resource_group = \"rg-dns\"\n"
}

fn without_zones(text: &str) -> String {
    let text = edited(text, "_D4s_v5\"\n", "_D4s_v5\"\n    zones = []\n");
    edited(&text, "_D8s_v5\"\n", "_D8s_v5\"\n    zones = []\n")
}

/// Every kind of cluster there is.
fn variants() -> Vec<(&'static str, Cluster)> {
    vec![
        ("default", cluster(CLUSTER)),
        ("static placement", static_placement()),
        // The published types know whole numbers only; Azure takes fractions of a dollar.
        ("spot", spot_pool("-1")),
        ("marketplace", marketplace()),
        ("authorized ranges", cluster(&with_ranges(CLUSTER))),
        ("no egress", cluster(&with_egress("none"))),
        ("own routes", cluster(&with_ranges(&with_egress("user_defined_routing")))),
        ("rules", with_rules()),
        ("private", cluster(&private(CLUSTER, ""))),
        ("private, peered", cluster(&private(&peered(CLUSTER, true), ""))),
        ("private, by load balancer", cluster(&private(&with_egress("load_balancer"), ""))),
        ("private, own routes", cluster(&private(&with_egress("user_defined_routing"), ""))),
        ("private, no egress", cluster(&private(&with_egress("none"), ""))),
        ("private, shared zone", cluster(&private(CLUSTER, shared_zone()))),
        (
            "private, static placement",
            cluster(&private(&edited(CLUSTER, OWN_NETWORK, EXISTING_NETWORK), shared_zone())),
        ),
        ("by load balancer", cluster(&with_ranges(&with_egress("load_balancer")))),
        ("peered", cluster(&peered(CLUSTER, false))),
        ("without zones", cluster(&without_zones(&private(CLUSTER, "")))),
        ("existing identity", existing_identity()),
    ]
}

/// A value as JSON; what is unknown says who supplies it.
fn json(value: &Value) -> Json {
    let told = value.map_unknown(&mut |unknown: &Unknown| {
        Some(Value::string(match &unknown.source {
            Some(source) => format!("(known after {} {})", source.address, source.path),
            None => "(known after apply)".to_owned(),
        }))
    });
    to_json(&told).unwrap()
}

fn render<'a>(parts: impl IntoIterator<Item = &'a Part>) -> String {
    let mut text = String::new();
    for part in parts {
        let (declaration, desired) = (&part.declaration, &part.desired);
        let mode = if declaration.mode == Mode::Data { "read" } else { "make" };
        writeln!(text, "{}\n  {mode} {}", declaration.address, desired.ty).unwrap();
        writeln!(text, "  {}", desired.id.as_ref().unwrap()).unwrap();
        for need in &declaration.dependencies {
            let bond = if need.bond == Bond::Reference { "needs" } else { "after" };
            writeln!(text, "  {bond} {}: {}", need.on, need.because).unwrap();
        }
        if let (Some(slot), Some(rollout)) = (&desired.slot, &declaration.rollout) {
            let order = if declaration.lifecycle.create_before_destroy { "new first" } else { "old first" };
            let zone = slot.zone.as_deref().unwrap_or("none");
            writeln!(text, "  node {} generation {} zone {zone}", slot.name, slot.generation).unwrap();
            writeln!(text, "  at most {} of {} at once, {order}", rollout.window, rollout.pool).unwrap();
        }
        if let Some(why) = &desired.succeeds {
            writeln!(text, "  because {why}").unwrap();
        }
        if declaration.mode == Mode::Managed {
            writeln!(text, "{:#}", json(&desired.body)).unwrap();
        }
        text.push('\n');
    }
    text.replace(&account().subscription_id, "SUB")
}

fn find<'a>(expansion: &'a Expansion, address: &str) -> &'a Part {
    let address: Address = address.parse().unwrap();
    expansion.parts.iter().find(|part| part.declaration.address == address).unwrap()
}

fn bodies<'a>(expansion: &'a Expansion, ty: &'a str) -> impl Iterator<Item = Json> + 'a {
    let of_type = expansion.parts.iter().filter(move |p| &*p.desired.ty.name == ty);
    of_type.map(|part| json(&part.desired.body))
}

#[test]
fn the_default_architecture() {
    let expansion = fresh(&cluster(CLUSTER));
    assert_eq!(expansion.fqdn, "prod-d4ad9acb.eastus2.cloudapp.azure.com");
    assert_snapshot!(render(&expansion.parts));
}

#[test]
fn static_placement_only_reads_the_network() {
    assert_snapshot!(render(&fresh(&static_placement()).parts));
}

#[test]
fn the_boot_of_a_node_in_an_existing_network_needs_what_its_subnets_say() {
    let subnets = |expansion: &Expansion| {
        let member = find(expansion, "cluster.prod.worker_pool[\"general\"].node[\"1\"].vm");
        let boot = member.boot().unwrap();
        assert!(boot.azure.existing_subnets.iter().all(|subnet| boot.needs().contains(&subnet)));
        boot.azure.existing_subnets.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(subnets(&fresh(&cluster(CLUSTER))).is_empty());
    assert_eq!(
        subnets(&fresh(&static_placement())),
        ["cluster.prod.network.worker_subnet", "cluster.prod.network.control_plane_subnet"]
    );
}

#[test]
fn a_step_that_waits_inside_of_a_cluster_has_more_time_than_its_own_waiting() {
    let expansion = crate::testing::expanded_inside(&cluster(CLUSTER), &nothing(), &Renewals::new());
    let timeouts = |address: &str| find(&expansion, address).declaration.timeouts;
    // 20 minutes of the objects, of etcd and volumes beside the drain of 15.
    for layer in ["cloud_provider", "network", "storage", "components", "settings"] {
        let of = timeouts(&format!("cluster.prod.layer[\"{layer}\"]"));
        assert!(of.create > Some(20 * 60) && of.update > Some(20 * 60), "{layer}: {of:?}");
    }
    let leaving = |member: &str| timeouts(&format!("cluster.prod.{member}.member")).delete.unwrap();
    let worker = leaving("worker_pool[\"general\"].node[\"1\"]");
    assert!(leaving("control_plane.node[\"1\"]") >= worker + 1080, "etcd takes its time");
}

#[test]
fn machines_of_a_spot_pool() {
    let expansion = fresh(&spot_pool("0.25"));
    assert_snapshot!(render([find(&expansion, "cluster.prod.worker_pool[\"general\"].node[\"1\"].vm")]));
}

#[test]
fn machines_of_a_marketplace_image_with_a_plan() {
    let expansion = fresh(&marketplace());
    assert_snapshot!(render([find(&expansion, "cluster.prod.worker_pool[\"general\"].node[\"1\"].vm")]));
}

#[test]
fn authorized_ranges_let_the_clusters_own_nodes_in() {
    let expansion = fresh(&cluster(&with_ranges(CLUSTER)));
    assert_snapshot!(render([find(&expansion, "cluster.prod.network.control_plane_nsg")]));
}

#[test]
fn without_egress_there_is_one_public_address_and_nothing_leaves_by_it() {
    let expansion = fresh(&cluster(&with_egress("none")));
    let shown = ["network.control_plane_subnet", "network.worker_subnet", "api_server.load_balancer"];
    let addresses: Vec<String> = expansion.parts.iter().map(|p| p.declaration.address.to_string()).collect();
    let shown = shown.map(|part| find(&expansion, &format!("cluster.prod.{part}")));
    assert_snapshot!(format!("{}\n\n{}", addresses.join("\n"), render(shown)));
}

fn part<'a>(expansion: &'a Expansion, name: &str) -> &'a Part {
    find(expansion, &format!("cluster.prod.{name}"))
}

fn addresses(expansion: &Expansion) -> String {
    let addresses = expansion.parts.iter().map(|p| p.declaration.address.to_string());
    addresses.filter(|address| !address.contains(".node[")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_private_api_is_inside_and_the_control_plane_leaves_by_the_nat_gateway() {
    let expansion = fresh(&cluster(&private(&peered(CLUSTER, true), "")));
    assert_eq!(expansion.fqdn, "apiserver.prod.internal");
    let shown = [
        "network.control_plane_subnet",
        "network.peering[\"hub\"]",
        "network.remote_peering[\"hub\"]",
        "api_server.load_balancer",
        "api_server.private_dns_zone",
        "api_server.private_dns_link[\"own\"]",
        "api_server.private_dns_link[\"hub\"]",
        "api_server.private_dns_record",
        "control_plane.node[\"1\"].nic",
    ];
    let shown = shown.map(|name| part(&expansion, name));
    assert_snapshot!(format!("{}\n\n{}", addresses(&expansion), render(shown)));
    let first = part(&expansion, "control_plane.node[\"1\"].vm");
    let waits_for =
        |name: &str| first.declaration.dependencies.iter().any(|need| need.on.to_string().ends_with(name));
    assert!(waits_for("private_dns_record") && waits_for("private_dns_link[\"own\"]"));
}

#[test]
fn a_zone_of_somebody_else_is_read_and_a_network_of_somebody_else_is_linked_by_them() {
    let own_network = fresh(&cluster(&private(CLUSTER, shared_zone())));
    let existing = private(&edited(CLUSTER, OWN_NETWORK, EXISTING_NETWORK), shared_zone());
    let existing = fresh(&cluster(&existing));
    let dns = |expansion: &Expansion| {
        let parts = expansion.parts.iter().filter(|p| p.desired.ty.name.contains("privateDnsZones"));
        render(parts.collect::<Vec<_>>())
    };
    assert_snapshot!(format!("{}---\n\n{}", dns(&own_network), dns(&existing)));
}

#[test]
fn nodes_leave_by_a_load_balancer_of_the_clusters_name() {
    let public = fresh(&cluster(&with_ranges(&with_egress("load_balancer"))));
    let shown = [
        "network.control_plane_nsg",
        "network.outbound_public_ip",
        "network.outbound_load_balancer",
        "worker_pool[\"general\"].node[\"1\"].nic",
    ];
    let shown = shown.map(|name| part(&public, name));
    assert_snapshot!(format!("{}\n\n{}", addresses(&public), render(shown)));
    let pools = |expansion: &Expansion, node: &str| {
        let body = json(&part(expansion, &format!("{node}.nic")).desired.body);
        let pools =
            body["properties"]["ipConfigurations"][0]["properties"]["loadBalancerBackendAddressPools"]
                .clone();
        let ids = pools.as_array().cloned().unwrap_or_default();
        ids.iter()
            .map(|id| id["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // Azure lets no network interface join two public load balancers.
    assert_eq!(pools(&public, "control_plane.node[\"1\"]"), ["prod-public-lb-backendPool"]);
    let private = fresh(&cluster(&private(&with_egress("load_balancer"), "")));
    let both = ["prod-internal-lb-backendPool", "prod-outboundBackendPool"];
    assert_eq!(pools(&private, "control_plane.node[\"1\"]"), both);
    assert_eq!(pools(&private, "worker_pool[\"general\"].node[\"1\"]"), both[1..]);
}

#[test]
fn without_zones_nodes_are_in_availability_sets_and_addresses_in_no_zone() {
    let expansion = fresh(&cluster(&without_zones(CLUSTER)));
    let shown = ["control_plane.availability_set", "worker_pool[\"general\"].availability_set"];
    assert_snapshot!(render(shown.map(|name| part(&expansion, name))));
    for part in &expansion.parts {
        assert_eq!(part.desired.body.get("zones"), None, "{}", part.declaration.address);
    }
    for vm in bodies(&expansion, "Microsoft.Compute/virtualMachines") {
        assert!(vm["properties"]["availabilitySet"]["id"].as_str().unwrap().ends_with("-as"));
    }
}

#[test]
fn images_of_shared_galleries_have_names_of_their_own() {
    let image = |id: &str| {
        let os = format!("  os {{\n    gallery_image_id = \"{id}\"\n  }}\n  kubernetes {{\n");
        let expansion = fresh(&with_profile(&edited(PROFILE, "  kubernetes {\n", &os)));
        let vm = bodies(&expansion, "Microsoft.Compute/virtualMachines").next().unwrap();
        vm["properties"]["storageProfile"]["imageReference"].to_string()
    };
    assert_eq!(
        image("/communitygalleries/g/images/i"),
        r#"{"communityGalleryImageId":"/communitygalleries/g/images/i"}"#
    );
    assert_eq!(
        image("/SharedGalleries/g/images/i"),
        r#"{"sharedGalleryImageId":"/SharedGalleries/g/images/i"}"#
    );
    let own = "/subscriptions/s/resourceGroups/é/providers/Microsoft.Compute/images/i";
    assert_eq!(image(own), format!(r#"{{"id":"{own}"}}"#));
}

#[test]
fn protection_guards_the_cluster_and_not_its_nodes() {
    let lifecycle = Lifecycle { prevent_destroy: true, ..Lifecycle::default() };
    let address = Address::root("cluster", "prod");
    let expansion = fresh(&decode_at(PROFILE, CLUSTER, address, lifecycle).cluster.unwrap());
    for part in &expansion.parts {
        let of_node = part.desired.slot.is_some();
        assert_eq!(part.declaration.lifecycle.prevent_destroy, !of_node, "{}", part.declaration.address);
    }
    let lifecycle = Lifecycle { prevent_destroy: true, ..Lifecycle::default() };
    let address = Address::root("cluster", "prod");
    let expansion = fresh(&decode_at(PROFILE, &without_zones(CLUSTER), address, lifecycle).cluster.unwrap());
    let set = part(&expansion, "worker_pool[\"general\"].availability_set");
    assert!(!set.declaration.lifecycle.prevent_destroy, "a pool can be removed");
}

#[test]
fn nobody_gets_a_public_address_but_the_gateway_and_the_api() {
    for (what, cluster) in variants() {
        let expansion = fresh(&cluster);
        for nic in bodies(&expansion, "Microsoft.Network/networkInterfaces") {
            assert!(!nic.to_string().to_lowercase().contains("publicip"), "{what}: {nic:#}");
        }
        for vm in bodies(&expansion, "Microsoft.Compute/virtualMachines") {
            assert!(!vm.to_string().to_lowercase().contains("publicip"), "{what}: {vm:#}");
            let interfaces = vm["properties"]["networkProfile"]["networkInterfaces"].as_array().unwrap();
            assert_eq!(interfaces.len(), 1);
            assert_eq!(interfaces[0]["properties"]["deleteOption"], "Delete");
        }
        let public =
            expansion.parts.iter().filter(|p| &*p.desired.ty.name == "Microsoft.Network/publicIPAddresses");
        for address in public.map(|p| p.declaration.address.to_string()) {
            let known = ["api_server.public_ip", "network.nat_public_ip", "network.outbound_public_ip"];
            let known = known.map(|part| format!("cluster.prod.{part}"));
            assert!(known.contains(&address), "{what}: {address}");
            assert!(!what.starts_with("private") || !address.contains("api_server"), "{what}: {address}");
            let closed = what.ends_with("no egress") || what.ends_with("own routes");
            assert!(!closed || address.ends_with("api_server.public_ip"), "{what}: {address}");
        }
    }
}

#[test]
fn nobody_opens_ssh() {
    for (what, cluster) in variants().into_iter().filter(|(what, _)| *what != "rules") {
        for nsg in bodies(&fresh(&cluster), "Microsoft.Network/networkSecurityGroups") {
            for rule in nsg["properties"]["securityRules"].as_array().unwrap() {
                assert_eq!(rule["name"], "allow_apiserver", "{what}");
                assert_eq!(rule["properties"]["destinationPortRange"], "6443", "{what}");
            }
        }
    }
}

#[test]
fn each_subnet_has_a_security_group_of_its_own() {
    for (what, cluster) in variants() {
        let expansion = fresh(&cluster);
        let managed: Vec<&Part> =
            expansion.parts.iter().filter(|p| p.declaration.mode == Mode::Managed).collect();
        let subnets: Vec<Json> = managed
            .iter()
            .filter(|p| &*p.desired.ty.name == "Microsoft.Network/virtualNetworks/subnets")
            .map(|p| json(&p.desired.body))
            .collect();
        let groups: BTreeSet<String> =
            subnets.iter().map(|s| s["properties"]["networkSecurityGroup"]["id"].to_string()).collect();
        assert_eq!(groups.len(), subnets.len(), "{what}");
        assert_eq!(subnets.len(), if what.ends_with("static placement") { 0 } else { 2 }, "{what}");
    }
}

#[test]
fn every_part_has_one_address_and_one_id_and_needs_only_parts() {
    for (what, cluster) in variants() {
        let expansion = fresh(&cluster);
        let mut before = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for part in &expansion.parts {
            let id = part.desired.id.as_ref().unwrap().as_str().to_lowercase();
            assert!(ids.insert(id), "{what}: {}", part.declaration.address);
            assert!(before.insert(&part.declaration.address), "{what}: {}", part.declaration.address);
        }
        for part in &expansion.parts {
            for need in &part.declaration.dependencies {
                assert!(before.contains(&need.on), "{what}: {} needs {}", part.declaration.address, need.on);
            }
            // Whoever supplies an unknown value comes first.
            let mut sources = Vec::new();
            let _ = part.desired.body.map_unknown(&mut |unknown| {
                sources.extend(unknown.source.clone());
                None
            });
            for source in sources {
                let needed = part.declaration.dependencies.iter().any(|need| need.on == source.address);
                assert!(needed, "{what}: {} uses {}", part.declaration.address, source.address);
            }
        }
    }
}

#[test]
fn names_fit_into_azures_limits() {
    let long =
        edited(CLUSTER, "  cloud_account", &format!("  name = \"{}\"\n  cloud_account", "p".repeat(44)));
    let long = edited(&long, "\"general\"", "\"gpu\"");
    let expansion = fresh(&cluster(&long));
    assert!(expansion.fqdn.split('.').next().unwrap().len() <= 63);
    for part in &expansion.parts {
        let id = part.desired.id.as_ref().unwrap();
        let longest = match &*part.desired.ty.name {
            "Microsoft.Compute/virtualMachines" | "Microsoft.Network/virtualNetworks" => 64,
            _ => 80,
        };
        assert!(id.name().len() <= longest, "{id}");
    }
}

/// The published types, beside the repository or where `LAZULI_SHARED` says.
fn schemas() -> Option<PathBuf> {
    let shared = std::env::var_os("LAZULI_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("azure-schemas");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no azure-schemas; set LAZULI_SHARED");
    None
}

/// The body as it is sent: what is unknown filled in, nulls left out.
fn sendable(body: &Value) -> Json {
    fn without_null(json: &mut Json) {
        match json {
            Json::Object(entries) => {
                entries.retain(|_, value| !value.is_null());
                entries.values_mut().for_each(without_null);
            }
            Json::Array(items) => items.iter_mut().for_each(without_null),
            _ => {}
        }
    }
    let filled = body.map_unknown(&mut |unknown| {
        let path = unknown.source.as_ref().map(|source| source.path.to_string());
        Some(Value::string(match path.as_deref() {
            Some("properties.ipAddress") => "203.0.113.7",
            Some("properties.principalId") => "0b6c4c56-8f5e-4d5e-9c4a-3a3d2f0f7a11",
            _ => "I2Nsb3VkLWNvbmZpZwo=",
        }))
    });
    let mut json = to_json(&filled).unwrap();
    without_null(&mut json);
    json
}

#[test]
fn every_body_is_of_azures_published_type() {
    let Some(schemas) = schemas() else { return };
    for (what, cluster) in variants() {
        for part in fresh(&cluster).parts.iter().filter(|p| p.declaration.mode == Mode::Managed) {
            let file = format!("{}.schema.json", part.desired.ty.to_string().replace('/', "."));
            let schema =
                std::fs::read_to_string(schemas.join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
            let schema: Json = serde_json::from_str(&schema).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let body = sendable(&part.desired.body);
            let problems: Vec<String> =
                validator.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(problems.is_empty(), "{what} {file}\n{}\n{body:#}", problems.join("\n"));
        }
    }
}

#[test]
fn the_cluster_in_expressions_hangs_on_its_parts() {
    for (what, cluster) in variants() {
        let expansion = fresh(&cluster);
        let object = crate::attributes::object(&expansion);
        for name in object.as_entries().unwrap().keys() {
            for need in crate::attributes::needs(&expansion, name) {
                let there = expansion.parts.iter().any(|part| part.declaration.address == need);
                assert!(there, "{what}: {name} needs {need}");
            }
        }
        assert_eq!(object.get("nodes").unwrap().as_entries().unwrap().len(), 6, "{what}");
    }
    let object = crate::attributes::object(&fresh(&cluster_of_one()));
    assert_snapshot!(format!("{:#}", json(&object)).replace(&account().subscription_id, "SUB"));
}

fn cluster_of_one() -> Cluster {
    let text = edited(CLUSTER, "    count = 3\n", "    count = 0\n");
    cluster(&edited(&text, "_D4s_v5\"\n", "_D4s_v5\"\n    count = 1\n"))
}
