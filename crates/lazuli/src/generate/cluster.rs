//! The parts of a cluster that Lazuli made → one `cluster` block with its profile. Its parts say by tags whose they are;
//! what only user-data holds (commands, arguments) is not to be read, and labels, taints and the addresses of pods are told by
//! the cluster itself alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lazuli_azure::inventory::Found;
use lazuli_cluster::names;
use lazuli_cluster::spec::HealthCheck;
use lazuli_core::resource::{NodeSlot, ResourceId};
use lazuli_core::{Address, Json};
use lazuli_kubernetes::survey::{Beyond, Survey};

use super::api_server::api_server;
use super::hcl::{self, quoted};
use super::network::network;
use super::pool::pool_block;

const VM: &str = "Microsoft.Compute/virtualMachines";
pub(super) const NIC: &str = "Microsoft.Network/networkInterfaces";

/// What is known of a cluster beside its own parts.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// What it says itself, to who has its keys.
    pub inside: Option<Survey>,
    /// The halves of its peerings that are there in the networks of others, ids in lower case.
    pub halves: BTreeSet<String>,
    /// The private DNS zones in which its API may have its name.
    pub zones: Vec<ResourceId>,
}

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
pub(super) struct Node<'a> {
    pool: String,
    pub(super) slot: String,
    suffix: String,
    pub(super) vm: &'a Json,
    pub(super) name: &'a str,
}

/// Writes the cluster whose parts these are. The reason when the parts are not enough to tell.
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
    elsewhere: &Elsewhere,
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
    let inside = elsewhere.inside.as_ref();
    let runs = |survey: &Survey| survey.members.get(first.name)?["version"].as_str().map(str::to_owned);
    let version = version.or_else(|| Some(inside.and_then(runs)?.trim_start_matches('v').to_owned()));
    let version = version.map(|v| quoted(&v)).unwrap_or_else(|| {
        written.unknown.push("the version of Kubernetes: the image does not say it".to_owned());
        format!("var.{label}_kubernetes_version")
    });
    let components = inside.map(|survey| components(&survey.beyond)).unwrap_or_default();
    let _ = writeln!(text, "kubernetes {{\nversion = {version}\n{components}}}");
    let mut of_pods = String::new();
    if parts.iter().any(|p| is(p, NIC) && p.body["properties"]["enableIPForwarding"] != true) {
        of_pods.push_str("cni = \"manifests\"\n");
    }
    for (name, theirs) in [("pod_cidr", "podSubnet"), ("service_cidr", "serviceSubnet")] {
        let range = inside.and_then(|survey| survey.kubeadm["networking"][theirs].as_str());
        if let Some(range) = range.filter(|range| !USUAL_RANGES.contains(range)) {
            let _ = writeln!(of_pods, "{name} = {}", quoted(range));
        }
    }
    if !of_pods.is_empty() {
        let _ = writeln!(text, "network {{\n{of_pods}}}");
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
    text.push_str(&network(name, parts, first, &elsewhere.halves)?);
    text.push_str(&api_server(name, parts, &elsewhere.zones)?);
    if let Some(existing) = identity(name, first) {
        let _ = writeln!(text, "identity {{\nexisting = {}\n}}\n", quoted(&existing));
    }
    let address: Address = format!("cluster.{label}").parse().map_err(|_| "its name makes no address")?;
    let pools: BTreeSet<&str> = nodes.iter().map(|node| node.pool.as_str()).collect();
    let in_order = std::iter::once("cp").chain(pools.into_iter().filter(|pool| *pool != "cp"));
    for pool in in_order {
        let members: Vec<&Node<'_>> = nodes.iter().filter(|node| node.pool == pool).collect();
        text.push_str(&pool_block(pool, &members, inside, &mut written.unknown));
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
    let patience =
        inside.and_then(|survey| survey.members.get(first.name)?["startupTimeoutSeconds"].as_u64());
    if let Some(patience) = patience.filter(|patience| *patience != HealthCheck::STARTUP_TIMEOUT) {
        let _ = writeln!(text, "health_check {{\nnode_startup_timeout = \"{patience}s\"\n}}\n");
    }
    text.truncate(text.trim_end().len());
    text.push_str("\n}\n\n");
    written.unknown.push(match inside {
        None => {
            "labels, taints, commands, arguments of kubelets and the addresses of pods and services: only user-data holds \
             them; they matter when nodes are made"
        }
        Some(_) => {
            "commands, arguments of kubelets, and how many nodes are replaced at a time: they matter when nodes are made"
        }
    }
    .to_owned());
    written.unknown.extend(inside.into_iter().flat_map(sets));
    Ok(written)
}

/// The ranges that pods and services have when nobody says.
const USUAL_RANGES: [&str; 2] = ["192.168.0.0/16", "10.96.0.0/12"];

/// What is configured of the components of the control plane.
fn components(beyond: &Beyond) -> String {
    let mut text = String::new();
    let plain = |value: Json| hcl::value(&value, &mut |_| None);
    if !beyond.feature_gates.is_empty() {
        let _ = writeln!(text, "feature_gates = {}", plain(serde_json::json!(beyond.feature_gates)));
    }
    for component in ["api_server", "controller_manager", "scheduler"] {
        let args = beyond.args.get(component);
        let names = Some(&beyond.cert_sans).filter(|names| component == "api_server" && !names.is_empty());
        if args.is_none() && names.is_none() {
            continue;
        }
        let _ = writeln!(text, "{component} {{");
        if let Some(args) = args {
            let _ = writeln!(text, "extra_args = {}", plain(serde_json::json!(args)));
        }
        if let Some(names) = names {
            let _ = writeln!(text, "cert_sans = {}", plain(serde_json::json!(names)));
        }
        text.push_str("}\n");
    }
    text
}

/// The sets of objects in a cluster that come from manifests and blocks which nobody can read from it.
fn sets(survey: &Survey) -> impl Iterator<Item = String> {
    let of_users =
        |set: &str| ["addon/", "namespace/", "rolebinding/"].iter().any(|kind| set.starts_with(kind));
    survey.sets.iter().filter(move |(set, _)| of_users(set)).map(|(set, objects)| {
        let shown: Vec<&str> = objects.iter().take(5).map(String::as_str).collect();
        let more = if objects.len() > shown.len() { ", …" } else { "" };
        format!(
            "{set}, which is in the cluster ({}{more}): it stays as it is until its block is written again",
            shown.join(", ")
        )
    })
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
pub(super) fn string(json: &Json) -> String {
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

pub(super) fn is(part: &Found, ty: &str) -> bool {
    *part.ty.name == *ty
}

/// The part of a type with a name.
pub(super) fn part<'a>(parts: &[&'a Found], ty: &str, name: &str) -> Option<&'a Json> {
    let found = parts.iter().find(|p| is(p, ty) && p.id.name().eq_ignore_ascii_case(name));
    found.map(|found| &found.body)
}

/// The identity of the control plane, when it is not the cluster's own.
fn identity(name: &str, first: &Node<'_>) -> Option<String> {
    let (id, _) = first.vm["identity"]["userAssignedIdentities"].as_object()?.iter().next()?;
    let own = id.to_lowercase().ends_with(&format!("/{name}-cp-identity").to_lowercase());
    (!own).then(|| id.clone())
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
