//! The parts of a cluster that Lazuli made → one `cluster` block with its profile. Its parts say by tags whose they are;
//! what only user-data holds (labels, taints, commands, arguments, the addresses of pods) is not to be read from Azure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lazuli_azure::inventory::Found;
use lazuli_cluster::expand::API_RULE;
use lazuli_cluster::names;
use lazuli_core::resource::NodeSlot;
use lazuli_core::{Address, Json};

use super::hcl::{self, quoted};

const VM: &str = "Microsoft.Compute/virtualMachines";
const NIC: &str = "Microsoft.Network/networkInterfaces";

/// A cluster as it is written.
#[derive(Debug, Default)]
pub struct Written {
    /// `cluster_profile` and `cluster`.
    pub text: String,
    /// The seats of its nodes one generation before, so that the next ones are those that are there.
    pub seats: Vec<NodeSlot>,
    /// What cannot be read from Azure, for people.
    pub unknown: Vec<String>,
}

/// A virtual machine of a cluster.
struct Node<'a> {
    pool: String,
    slot: String,
    suffix: String,
    vm: &'a Json,
    name: &'a str,
}

/// Writes the cluster whose parts these are. The reason when they are not enough to tell.
///
/// # Errors
/// Why the parts are no cluster that can be written.
pub fn write(
    name: &str,
    parts: &[&Found],
    account: &str,
    lineage: &str,
    label: &str,
    profile: &str,
) -> Result<Written, String> {
    let mut nodes: Vec<Node<'_>> = parts.iter().filter(|p| is(p, VM)).filter_map(|p| node(name, p)).collect();
    nodes.sort_by_key(|node| (node.pool.clone(), node.slot.parse::<u32>().unwrap_or(0)));
    let first =
        nodes.iter().find(|node| node.pool == "cp").ok_or("it has no virtual machine of a control plane")?;
    let mut written = Written::default();
    let text = &mut written.text;

    let (image, version) = image(&first.vm["properties"]["storageProfile"]["imageReference"]);
    let _ = writeln!(text, "cluster_profile {} {{", quoted(profile));
    text.push_str(&image);
    let version = version.map(|v| quoted(&v)).unwrap_or_else(|| {
        written.unknown.push("the version of Kubernetes: the image does not say it".to_owned());
        format!("var.{label}_kubernetes_version")
    });
    let _ = writeln!(text, "kubernetes {{\nversion = {version}\n}}");
    if parts.iter().any(|p| is(p, NIC) && p.body["properties"]["enableIPForwarding"] != true) {
        text.push_str("network {\ncni = \"manifests\"\n}\n");
    }
    text.push_str("}\n\n");
    if version.starts_with("var.") {
        let _ = writeln!(text, "variable \"{label}_kubernetes_version\" {{\ntype = string\n}}\n");
    }

    let _ = writeln!(text, "cluster {} {{", quoted(label));
    if label != name {
        let _ = writeln!(text, "name = {}", quoted(name));
    }
    let _ = writeln!(text, "cloud_account = cloud_account.{account}\nprofile = cluster_profile.{profile}");
    let _ = writeln!(text, "region = {}", string(&first.vm["location"]));
    let group = parts.iter().find(|p| is(p, VM)).and_then(|p| p.id.resource_group()).unwrap_or_default();
    let _ = writeln!(text, "resource_group = {}", quoted(group));
    let key = &first.vm["properties"]["osProfile"]["linuxConfiguration"]["ssh"]["publicKeys"][0]["keyData"];
    let _ = writeln!(text, "ssh_key = {}", string(key));
    let tags = tags(&first.vm["tags"]);
    if !tags.is_empty() {
        let _ = writeln!(text, "tags = {}", hcl::value(&Json::Object(tags), &mut |_| None));
    }
    text.push('\n');
    text.push_str(&network(name, parts, first)?);
    text.push_str(&api_server(name, parts));
    if let Some(existing) = identity(name, first) {
        let _ = writeln!(text, "identity {{\nexisting = {}\n}}\n", quoted(&existing));
    }
    let address: Address = format!("cluster.{label}").parse().map_err(|_| "its name makes no address")?;
    let pools: BTreeSet<&str> = nodes.iter().map(|node| node.pool.as_str()).collect();
    let in_order = std::iter::once("cp").chain(pools.into_iter().filter(|pool| *pool != "cp"));
    for pool in in_order {
        let members: Vec<&Node<'_>> = nodes.iter().filter(|node| node.pool == pool).collect();
        text.push_str(&pool_block(pool, &members, &mut written.unknown));
        let pool_address = match pool {
            "cp" => address.child("control_plane"),
            name => address.keyed("worker_pool", name),
        };
        for node in members {
            let generation = names::generation_of(lineage, pool_address.as_str(), &node.slot, &node.suffix);
            let slot = generation.map(|generation| NodeSlot {
                address: pool_address.keyed("node", &node.slot),
                generation: generation - 1,
                name: node.name.to_owned(),
                zone: node.vm["zones"][0].as_str().map(str::to_owned),
            });
            written.seats.extend(slot);
        }
    }
    text.truncate(text.trim_end().len());
    text.push_str("\n}\n\n");
    written.unknown.push(
        "labels, taints, commands, arguments of kubelets and the addresses of pods and services: only user-data holds them; \
         they matter when nodes are made"
            .to_owned(),
    );
    Ok(written)
}

/// `CLUSTER-POOL-SLOT-SUFFIX`
fn node<'a>(cluster: &str, vm: &'a Found) -> Option<Node<'a>> {
    let name = vm.id.name();
    let rest = name.get(cluster.len()..)?.strip_prefix('-')?;
    let (rest, suffix) = rest.rsplit_once('-')?;
    let (pool, slot) = rest.rsplit_once('-')?;
    slot.parse::<u32>().ok()?;
    Some(Node { pool: pool.to_owned(), slot: slot.to_owned(), suffix: suffix.to_owned(), vm: &vm.body, name })
}

/// A text of an object; empty when there is none.
fn string(json: &Json) -> String {
    quoted(json.as_str().unwrap_or_default())
}

/// The `os` block, and the version of Kubernetes when the image says it.
fn image(reference: &Json) -> (String, Option<String>) {
    let gallery = ["communityGalleryImageId", "sharedGalleryImageId", "id"]
        .iter()
        .find_map(|kind| reference[*kind].as_str());
    if let Some(id) = gallery {
        let segments: Vec<&str> = id.split('/').collect();
        // `/CommunityGalleries/ClusterAPI-…/Images/NAME/Versions/VERSION`
        if let ["", _, gallery, _, image, _, version] = segments.as_slice()
            && gallery.starts_with("ClusterAPI-")
        {
            let os = if *image == "capi-ubun2-2404" {
                String::new()
            } else {
                format!("os {{\nimage = {}\n}}\n", quoted(image))
            };
            return (os, Some((*version).to_owned()));
        }
        return (format!("os {{\ngallery_image_id = {}\n}}\n", quoted(id)), None);
    }
    let [publisher, offer, sku, version] =
        ["publisher", "offer", "sku", "version"].map(|name| string(&reference[name]));
    let market = format!(
        "os {{\nmarketplace {{\npublisher = {publisher}\noffer = {offer}\nsku = {sku}\nversion = {version}\n}}\n}}\n"
    );
    (market, None)
}

/// The user's tags.
fn tags(tags: &Json) -> serde_json::Map<String, Json> {
    let own = |name: &str| {
        let name = name.to_lowercase();
        name.starts_with("lazuli_") || name.starts_with("kubernetes.io_cluster_")
    };
    let all = tags.as_object().into_iter().flatten();
    all.filter(|(name, _)| !own(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn is(part: &Found, ty: &str) -> bool {
    *part.ty.name == *ty
}

/// The part of a type with a name.
fn part<'a>(parts: &[&'a Found], ty: &str, name: &str) -> Option<&'a Json> {
    let found = parts.iter().find(|p| is(p, ty) && p.id.name().eq_ignore_ascii_case(name));
    found.map(|found| &found.body)
}

fn network(name: &str, parts: &[&Found], first: &Node<'_>) -> Result<String, String> {
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
        text.push_str("egress = \"user_defined_routing\"\n");
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
    text.push_str("}\n\n");
    Ok(text)
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
fn list(properties: &Json, one: &str, many: &str) -> Vec<String> {
    let several = properties[many].as_array().into_iter().flatten().filter_map(Json::as_str);
    let all: Vec<String> = several.map(str::to_owned).collect();
    if all.is_empty() { properties[one].as_str().map(str::to_owned).into_iter().collect() } else { all }
}

fn api_server(name: &str, parts: &[&Found]) -> String {
    let balancer = part(parts, "Microsoft.Network/loadBalancers", &format!("{name}-public-lb"));
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
    sources.retain(|source| source != "*" && !own.contains(source.as_str()));
    let port = port.filter(|port| *port != 6443);
    if port.is_none() && sources.is_empty() {
        return String::new();
    }
    let mut text = "api_server {\n".to_owned();
    if let Some(port) = port {
        let _ = writeln!(text, "port = {port}");
    }
    if !sources.is_empty() {
        let _ = writeln!(text, "authorized_ranges = {}", hcl::value(&Json::from(sources), &mut |_| None));
    }
    text + "}\n\n"
}

/// The identity of the control plane, when it is not the cluster's own.
fn identity(name: &str, first: &Node<'_>) -> Option<String> {
    let (id, _) = first.vm["identity"]["userAssignedIdentities"].as_object()?.iter().next()?;
    let own = id.to_lowercase().ends_with(&format!("/{name}-cp-identity").to_lowercase());
    (!own).then(|| id.clone())
}

fn pool_block(pool: &str, nodes: &[&Node<'_>], unknown: &mut Vec<String>) -> String {
    let Some(first) = nodes.first() else { return String::new() };
    let properties = &first.vm["properties"];
    let head =
        if pool == "cp" { "control_plane".to_owned() } else { format!("worker_pool {}", quoted(pool)) };
    let last = nodes.iter().filter_map(|node| node.slot.parse::<usize>().ok()).max().unwrap_or(0);
    if last != nodes.len() {
        unknown
            .push(format!("pool {pool} has {} of {last} nodes: the next plan makes the others", nodes.len()));
    }
    let mut text = format!("{head} {{\ncount = {last}\n");
    let _ = writeln!(text, "instance_type = {}", string(&properties["hardwareProfile"]["vmSize"]));
    let zones: BTreeSet<&str> = nodes.iter().filter_map(|node| node.vm["zones"][0].as_str()).collect();
    if !zones.is_empty() && zones.len() < 3 && nodes.len() >= 3 {
        let zones: Vec<Json> = zones.into_iter().map(Json::from).collect();
        let _ = writeln!(text, "zones = {}", hcl::value(&Json::from(zones), &mut |_| None));
    }
    if properties["securityProfile"]["encryptionAtHost"] == true {
        text.push_str("encryption_at_host = true\n");
    }
    let storage = &properties["storageProfile"];
    text.push_str(&disk("os_disk", &storage["osDisk"], 128));
    if pool == "cp" {
        text.push_str(&disk("etcd_disk", &storage["dataDisks"][0], ETCD_GB));
    }
    if properties["priority"] == "Spot" {
        let price = &properties["billingProfile"]["maxPrice"];
        let price = if price.is_number() { price.to_string() } else { "-1".to_owned() };
        let _ = writeln!(text, "spot {{\nmax_price = {price}\n}}");
    }
    text + "}\n\n"
}

/// GiB of the disk of etcd, when nobody says.
const ETCD_GB: i64 = 256;

/// The block of a disk, when it is another one than nobody asking gets.
fn disk(block: &str, disk: &Json, usual_gb: i64) -> String {
    let size = disk["diskSizeGB"].as_i64().filter(|size| *size != usual_gb);
    let sku = disk["managedDisk"]["storageAccountType"].as_str().filter(|sku| *sku != "Premium_LRS");
    if size.is_none() && sku.is_none() {
        return String::new();
    }
    let mut text = format!("{block} {{\n");
    if let Some(size) = size {
        let _ = writeln!(text, "size_gb = {size}");
    }
    if let Some(sku) = sku {
        let _ = writeln!(text, "type = {}", quoted(sku));
    }
    text + "}\n"
}

/// The names of the clusters that objects say they belong to, with their parts.
pub fn clusters(objects: &[Found]) -> BTreeMap<String, Vec<&Found>> {
    let mut clusters: BTreeMap<String, Vec<&Found>> = BTreeMap::new();
    for found in objects {
        if let Some(name) = super::cluster::tag(&found.body, "lazuli_cluster") {
            clusters.entry(name.to_owned()).or_default().push(found);
        }
    }
    clusters
}

/// A tag, whatever the case of its name.
pub fn tag<'a>(object: &'a Json, name: &str) -> Option<&'a str> {
    let mut tags = object["tags"].as_object()?.iter();
    tags.find(|(key, _)| key.eq_ignore_ascii_case(name))?.1.as_str()
}
