//! What makes a machine a node of the cluster: its registration before it is made, its membership afterwards.

use std::collections::BTreeMap;

use lazuli_core::address::Key;
use lazuli_core::encoding::from_json;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{NodeSlot, Rollout, Timeouts};
use lazuli_core::{Address, Value};
use uuid::Uuid;

use super::boot::Pki;
use super::part::{Part, Site, object, strings};
use super::phase::NodeRole;
use crate::spec::{Cluster, Pool};

/// What else a step of a member may take beyond its waiting, in seconds: detaching volumes, some reserve.
const RESERVE: u64 = 900;
/// What a control-plane member takes beside that: until etcd has caught up, until it has left it, until the rest is well.
const ETCD_RESERVE: u64 = 1500;

/// The node that a registration and a membership are of.
pub(super) struct Node<'a> {
    pub(super) pool: &'a Pool,
    pub(super) slot: &'a NodeSlot,
    pub(super) succeeds: Option<&'a str>,
    pub(super) rollout: &'a Rollout,
    pub(super) role: NodeRole,
    pub(super) create_first: bool,
}

/// The registration: the right to join, `after` what must be there before.
pub(super) fn registration(
    site: &Site<'_>,
    node: &Node<'_>,
    configuration: Value,
    balancer: &Address,
    after: &[(Address, &'static str)],
) -> Part {
    let pki = Pki::of(&site.cluster.address);
    let address = node.slot.address.child("registration");
    let properties = object([
        ("node", Value::string(node.slot.name.as_str())),
        ("role", Value::string(node.role.as_str())),
        ("configuration", configuration),
    ]);
    let mut draft = site
        .inside(address, "registrations", &node.slot.name, node.pool.span)
        .body([("properties", properties)])
        .on(balancer, "the API is reached through it");
    let keys: &[&Address] = match node.role {
        NodeRole::Worker => &[&pki.cluster_ca],
        NodeRole::Init | NodeRole::ControlPlane => &pki.all(),
    };
    for key in keys {
        draft = draft.on(key, "what it joins with is made from it");
    }
    for (address, because) in after {
        draft = draft.after(address, because);
    }
    draft.of_node(node.slot, node.succeeds, node.rollout.clone(), node.create_first).done()
}

/// The membership: the node is there, ready, labelled; and drained before it goes.
pub(super) fn member(site: &Site<'_>, node: &Node<'_>) -> Part {
    let Node { pool, slot, .. } = node;
    let cluster = site.cluster;
    let address = slot.address.child("member");
    let update = &pool.update;
    let startup = cluster.health_check.node_startup_timeout;
    let seconds = |seconds: u64| Value::int(i64::try_from(seconds).unwrap_or(i64::MAX));
    let taints = pool.taints.iter().map(|taint| {
        object([
            ("key", Value::string(taint.key.as_str())),
            ("value", Value::string(taint.value.as_str())),
            ("effect", Value::string(taint.effect.as_str())),
        ])
    });
    let mut properties = vec![
        ("node", Value::string(slot.name.as_str())),
        ("role", Value::string(node.role.as_str())),
        ("version", Value::string(format!("v{}", cluster.profile.kubernetes))),
        ("labels", Value::object(pool.labels.iter().map(|(k, v)| (k.as_str(), Value::string(v.as_str()))))),
        ("taints", Value::tuple(taints)),
        ("cordoned", Value::from(is_cordoned(pool, slot))),
        ("providerId", Value::string(provider_id(site, slot))),
        ("drainTimeoutSeconds", seconds(update.drain_timeout)),
        ("startupTimeoutSeconds", seconds(startup)),
        ("minReadySeconds", seconds(update.min_ready_seconds)),
    ];
    if let Some(zone) = &slot.zone {
        properties.push(("zone", Value::string(format!("{}-{zone}", cluster.region))));
    }
    if node.role == NodeRole::Init {
        properties.push(("first", Value::from(true)));
    }
    let ty = if pool.is_control_plane() { "controlPlaneMembers" } else { "members" };
    let mut part = site
        .inside(address, ty, &slot.name, pool.span)
        .body([("properties", Value::object(properties))])
        .on(&slot.address.child("vm"), "providerId")
        .of_node(slot, node.succeeds, node.rollout.clone(), node.create_first)
        .done();
    // Its own waiting ends first, and says what it waited for.
    let reserve = if pool.is_control_plane() { RESERVE + ETCD_RESERVE } else { RESERVE };
    let at_least = |configured: Option<u64>, needed: u64| Some(configured.unwrap_or(0).max(needed + reserve));
    part.declaration.timeouts = Timeouts {
        create: at_least(cluster.timeouts.create, startup + update.min_ready_seconds),
        update: cluster.timeouts.update,
        delete: at_least(cluster.timeouts.delete, update.drain_timeout),
    };
    part
}

/// True for the node of a slot that the pool holds out of scheduling.
fn is_cordoned(pool: &Pool, slot: &NodeSlot) -> bool {
    let number = slot.address.segments().pop().and_then(|segment| segment.key);
    number.is_some_and(|number| pool.cordon.iter().any(|slot| number == Key::Name(slot.clone())))
}

/// As the cloud provider writes it: the resource group in lower case.
fn provider_id(site: &Site<'_>, slot: &NodeSlot) -> String {
    let (subscription, group) = (&site.account.subscription_id, site.cluster.resource_group.to_lowercase());
    format!(
        "azure:///subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{}",
        slot.name
    )
}

/// What a node was prepared with and cannot change without being made anew, beside its machine. Recorded with the
/// registration.
pub(super) fn configuration(site: &Site<'_>, pool: &Pool) -> Value {
    let Cluster { profile, proxy, .. } = site.cluster;
    let texts = |map: &BTreeMap<String, String>| {
        Value::object(map.iter().map(|(name, value)| (name.as_str(), Value::string(value.as_str()))))
    };
    let mut kubelet = profile.kubelet_args.clone();
    kubelet.extend(pool.kubelet_args.clone());
    let gates = profile.feature_gates.iter().map(|(name, open)| (name.as_str(), Value::from(*open)));
    let mut members = vec![
        ("kubernetesVersion", Value::string(profile.kubernetes.to_string())),
        ("cni", Value::string(profile.cni.as_str())),
        ("featureGates", Value::object(gates)),
        ("kubeletArgs", texts(&kubelet)),
        ("commands", commands(site, pool)),
    ];
    if pool.is_control_plane() {
        members.extend([
            ("apiServerArgs", texts(&profile.api_server_args)),
            ("certSans", strings(profile.cert_sans.iter().map(String::as_str))),
            ("controllerManagerArgs", texts(&profile.controller_manager_args)),
            ("schedulerArgs", texts(&profile.scheduler_args)),
        ]);
    }
    members.extend(site.rotations.remembered(pool.is_control_plane()));
    let text = |text: &Option<String>| text.as_deref().map_or_else(Value::null, Value::string);
    members.push((
        "proxy",
        match proxy {
            None => object([]),
            Some(proxy) => object([
                ("http", text(&proxy.http)),
                ("https", text(&proxy.https)),
                ("noProxy", strings(proxy.no_proxy.iter().map(String::as_str))),
            ]),
        },
    ));
    Value::object(members)
}

/// A digest: commands may hold secrets.
fn commands(site: &Site<'_>, pool: &Pool) -> Value {
    if pool.pre_bootstrap.0.is_empty() && pool.post_bootstrap.0.is_empty() {
        return Value::string("none");
    }
    let mut text = site.lineage.to_owned();
    for commands in [&pool.pre_bootstrap, &pool.post_bootstrap] {
        for command in &commands.0 {
            text += &format!("\n{}:{command}", command.len());
        }
        text += "\n-";
    }
    Value::string(Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).to_string()).sensitive()
}

/// The recorded configuration of a node that stays, else what is wanted: a newer release that records more of it
/// changes nothing.
pub(super) fn kept(world: &RecordedWorld, slot: &NodeSlot, wanted: Value) -> Value {
    let recorded = world.resources.get(&slot.address.child("registration"));
    let same_node = recorded.filter(|recorded| recorded.slot.as_ref() == Some(slot));
    let Some(before) = same_node.and_then(|r| r.inputs.pointer("/properties/configuration")) else {
        return wanted;
    };
    let before = from_json(before);
    let Some(entries) = before.as_entries() else { return wanted };
    let mark = |name: &str, value: &Value| match (name, value.as_str()) {
        ("commands", Some(text)) if text != "none" => value.clone().sensitive(),
        _ => value.clone(),
    };
    Value::object(entries.iter().map(|(name, value)| (name.clone(), mark(name, value))))
}
