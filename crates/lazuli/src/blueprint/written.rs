//! Where a difference is written: the attribute, when it can be told, rather than the block.

use std::collections::HashMap;

use lazuli_config::syntax::{Block as Syntax, Body, Expr, ExprKind};
use lazuli_core::path::PathStep;
use lazuli_core::plan::{Cause, Change, PathChange, Plan, Reason};
use lazuli_core::{Address, Path, Sources, Span};

use super::{Blueprint, ClusterBlock, Item};

/// Attributes of the roster's reasons that the configuration has elsewhere or calls otherwise.
const NAMED: &[(&str, Block, &[&str])] = &[
    ("kubernetes.version", Block::Profile, &["kubernetes", "version"]),
    ("kubernetes.feature_gates", Block::Profile, &["kubernetes", "feature_gates"]),
    ("kubernetes.api_server.extra_args", Block::Profile, &["kubernetes", "api_server", "extra_args"]),
    ("kubernetes.api_server.cert_sans", Block::Profile, &["kubernetes", "api_server", "cert_sans"]),
    (
        "kubernetes.controller_manager.extra_args",
        Block::Profile,
        &["kubernetes", "controller_manager", "extra_args"],
    ),
    ("kubernetes.scheduler.extra_args", Block::Profile, &["kubernetes", "scheduler", "extra_args"]),
    ("kubelet.extra_args", Block::Pool, &["kubelet", "extra_args"]),
    ("kubelet.extra_args", Block::Profile, &["kubernetes", "kubelet", "extra_args"]),
    ("network.cni", Block::Profile, &["network", "cni"]),
    ("image", Block::Profile, &["os"]),
    ("bootstrap", Block::Pool, &["pre_bootstrap_commands"]),
    ("bootstrap", Block::Pool, &["post_bootstrap_commands"]),
    ("proxy", Block::Cluster, &["proxy"]),
    ("region", Block::Cluster, &["region"]),
    ("resource_group", Block::Cluster, &["resource_group"]),
    ("ssh_key", Block::Cluster, &["ssh_key"]),
    ("subnet", Block::Cluster, &["network"]),
    ("cloud_account", Block::Cluster, &["cloud_account"]),
    ("instance_type", Block::Pool, &["instance_type"]),
    ("os_disk.size_gb", Block::Pool, &["os_disk", "size_gb"]),
    ("os_disk.type", Block::Pool, &["os_disk", "type"]),
    ("etcd_disk.size_gb", Block::Pool, &["etcd_disk", "size_gb"]),
    ("etcd_disk.type", Block::Pool, &["etcd_disk", "type"]),
    ("priority", Block::Pool, &["spot"]),
    ("spot.max_price", Block::Pool, &["spot", "max_price"]),
    ("encryption_at_host", Block::Pool, &["encryption_at_host"]),
    ("zone", Block::Pool, &["zones"]),
    ("its", Block::Pool, &["zones"]),
];

/// What parts of a cluster take from which attribute: the end of an address, the beginning of a path.
const TAKEN: &[(&str, &str, Block, &[&str])] = &[
    ("", "tags", Block::Cluster, &["tags"]),
    ("", "lifecycle", Block::Cluster, &["lifecycle", "prevent_destroy"]),
    ("virtual_network", "properties.addressSpace", Block::Cluster, &["network", "cidr"]),
    (
        "control_plane_subnet",
        "properties.addressPrefix",
        Block::Cluster,
        &["network", "control_plane_subnet", "cidr"],
    ),
    ("worker_subnet", "properties.addressPrefix", Block::Cluster, &["network", "worker_subnet", "cidr"]),
    (
        "control_plane_nsg",
        "properties.securityRules[\"allow_apiserver\"]",
        Block::Cluster,
        &["api_server", "authorized_ranges"],
    ),
    ("load_balancer", "properties.loadBalancingRules", Block::Cluster, &["api_server", "port"]),
    ("member", "properties.labels", Block::Pool, &["labels"]),
    ("member", "properties.taints", Block::Pool, &["taint"]),
    ("member", "properties.cordoned", Block::Pool, &["cordon"]),
    ("member", "properties.drainTimeoutSeconds", Block::Pool, &["update", "drain_timeout"]),
    ("member", "properties.minReadySeconds", Block::Pool, &["update", "min_ready_seconds"]),
    ("member", "properties.startupTimeoutSeconds", Block::Cluster, &["health_check", "node_startup_timeout"]),
    ("layer[\"settings\"]", "properties.kubernetesVersion", Block::Profile, &["kubernetes", "version"]),
    (
        "layer[\"settings\"]",
        "properties.clusterConfiguration.kubernetesVersion",
        Block::Profile,
        &["kubernetes", "version"],
    ),
    ("layer[\"components\"]", "properties.kubernetesVersion", Block::Profile, &["kubernetes", "version"]),
];

/// Which block of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Cluster,
    Profile,
    /// The control plane, or the pool of workers the address names.
    Pool,
}

impl Blueprint {
    /// Says of every change that the configuration makes where the attribute is written.
    pub fn place_changes(&self, plan: &mut Plan, sources: &Sources) {
        let is_placed = |change: &Change| {
            matches!(
                change.reason,
                None | Some(Reason::Configuration | Reason::Succession(_) | Reason::Unfinished)
            ) && (change.action.is_replace() || !change.paths.is_empty())
        };
        if !plan.changes.iter().any(is_placed) {
            return;
        }
        let places: HashMap<&Address, usize> =
            self.declarations.iter().enumerate().map(|(place, d)| (&d.address, place)).collect();
        for change in plan.changes.iter_mut().filter(|change| is_placed(change)) {
            let item = places.get(&change.address).and_then(|place| self.items.get(*place));
            let span = item.and_then(|item| self.span_of(item, change));
            change.changed_at = span.and_then(|span| sources.location(span));
        }
        self.images_follow(plan);
    }

    /// Layers whose objects get other images and nothing else change because the version of Kubernetes does.
    fn images_follow(&self, plan: &mut Plan) {
        for cluster in &self.clusters {
            let settings = cluster.address.keyed("layer", "settings");
            let is_version = |change: &&Change| {
                let version = |path: &PathChange| path.path.to_string() == "properties.kubernetesVersion";
                change.address == settings && change.paths.iter().any(version)
            };
            let Some(at) = plan.changes.iter().find(is_version).and_then(|change| change.changed_at.clone())
            else {
                continue;
            };
            let image = |path: &PathChange| matches!(path.path.steps().last(), Some(PathStep::Name(name)) if &**name == "image");
            let layers = plan.changes.iter_mut().filter(|change| {
                let segments = change.address.segments();
                change.address.is_within(&cluster.address)
                    && segments.last().is_some_and(|last| last.name == "layer")
                    && change.changed_at.is_none()
            });
            for layer in layers.filter(|layer| !layer.paths.is_empty() && layer.paths.iter().all(image)) {
                layer.changed_at = Some(at.clone());
            }
        }
    }

    /// The attribute of a pool, when it is written.
    pub fn attribute_of_pool(&self, address: &Address, attribute: &str) -> Option<Span> {
        let cluster = self.clusters.iter().find(|cluster| address.is_within(&cluster.address))?;
        self.find(cluster, address, Block::Pool, &[attribute])
    }

    /// An attribute of a cluster, when it is written.
    pub fn attribute_of_cluster(&self, cluster: &Address, attribute: &[&str]) -> Option<Span> {
        let cluster = self.clusters.iter().find(|block| block.address == *cluster)?;
        self.find(cluster, &cluster.address, Block::Cluster, attribute)
    }

    fn span_of(&self, item: &Item, change: &Change) -> Option<Span> {
        match item {
            Item::Block { unit, data, position, .. } => {
                let module = self.units.get(*unit)?.module();
                let blocks = if *data { &module.data } else { &module.resources };
                in_resource(&blocks.iter().nth(*position)?.block.body, change)
            }
            Item::Part { cluster, .. } => self.in_cluster(self.clusters.get(*cluster)?, change),
        }
    }

    fn in_cluster(&self, cluster: &ClusterBlock, change: &Change) -> Option<Span> {
        if let Some(Reason::Succession(why)) = &change.reason {
            let word = why.split([' ', ',']).next().unwrap_or_default();
            let places = NAMED.iter().filter(|(name, ..)| *name == word);
            return places
                .map(|(_, block, path)| self.find(cluster, &change.address, *block, path))
                .find_map(|span| span);
        }
        let address = change.address.as_str();
        let configured = || change.paths.iter().filter(|path| path.cause == Cause::Configuration);
        configured().find_map(|path| {
            let text = path.path.to_string();
            let taken = TAKEN.iter().find(|(part, start, ..)| {
                text.starts_with(start) && (part.is_empty() || address.ends_with(&format!(".{part}")))
            });
            let (_, _, block, attribute) = taken?;
            self.find(cluster, &change.address, *block, attribute)
        })
    }

    fn find(&self, cluster: &ClusterBlock, address: &Address, block: Block, path: &[&str]) -> Option<Span> {
        let body = &cluster.unit.module().clusters.iter().nth(cluster.position)?.block.body;
        match block {
            Block::Cluster => within(body, path),
            Block::Pool => within(&pool(body, &cluster.address, address)?.body, path),
            Block::Profile => {
                let span = cluster.expansion.cluster.profile.span;
                let profiles = self.units.iter().flat_map(|unit| unit.module().cluster_profiles.iter());
                let profile = profiles.map(|profile| &profile.block).find(|block| block.span == span)?;
                within(&profile.body, path)
            }
        }
    }
}

/// The block of the pool that an address of a cluster lies in.
fn pool<'b>(body: &'b Body, cluster: &Address, address: &Address) -> Option<&'b Syntax> {
    let segments = address.segments();
    let segment = segments.get(cluster.segments().len())?;
    let is_it = |block: &&Syntax| match (&*segment.name, &segment.key) {
        ("control_plane", _) => &*block.name.text == "control_plane",
        ("worker_pool", Some(lazuli_core::address::Key::Name(name))) => {
            &*block.name.text == "worker_pool"
                && block.labels.first().is_some_and(|label| *label.text == **name)
        }
        _ => false,
    };
    body.blocks.iter().find(is_it)
}

/// The name of an attribute, or the header of a block, by the way to it.
fn within(body: &Body, path: &[&str]) -> Option<Span> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty()
        && let Some(attribute) = body.attribute(first)
    {
        return Some(attribute.name.span);
    }
    let block = body.blocks.iter().find(|block| *block.name.text == **first)?;
    // What is not written any more is missed where it was.
    Some(within(&block.body, rest).unwrap_or(block.span))
}

/// The attribute of a resource block that makes the first difference, those that force a replacement first.
fn in_resource(body: &Body, change: &Change) -> Option<Span> {
    let configured = || change.paths.iter().filter(|path| path.cause == Cause::Configuration);
    let first = configured().find(|path| path.forces_replacement).or_else(|| configured().next())?;
    let steps = first.path.steps();
    if steps == Path::root().name("id").steps() {
        let ids = [change.previous_id.as_ref()?, change.id.as_ref()?];
        let name = |attribute: &&str| match *attribute {
            "name" => ids[0].name() != ids[1].name(),
            "resource_group" => ids[0].resource_group() != ids[1].resource_group(),
            _ => true,
        };
        let attribute =
            ["name", "resource_group", "parent_id"].iter().find(|a| name(a) && body.attribute(a).is_some());
        return Some(body.attribute(attribute?)?.name.span);
    }
    let PathStep::Name(name) = steps.first()? else { return None };
    match body.attribute(name) {
        Some(attribute) => Some(inside(&attribute.value, &steps[1..]).unwrap_or(attribute.name.span)),
        None if &**name == "lifecycle" => within(body, &["lifecycle", "prevent_destroy"]),
        None => None,
    }
}

/// The key of an object that was written as such, as deep as the way goes.
fn inside(value: &Expr, steps: &[PathStep]) -> Option<Span> {
    let (PathStep::Name(name), rest) = (steps.first()?, &steps[1..]) else { return None };
    let ExprKind::Object(items) = &value.kind else { return None };
    let is_it = |key: &Expr| matches!(&key.kind, ExprKind::Literal(key) if key.as_str() == Some(&**name));
    let item = items.iter().find(|item| is_it(&item.key))?;
    Some(inside(&item.value, rest).unwrap_or(item.key.span))
}
