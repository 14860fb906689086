//! Nodes: who sits in which slot, what each is made of, and what must be there before it may join.

use lazuli_core::Address;
use lazuli_core::resource::{NodeSlot, Rollout};

use super::NodeFacts;
use super::boot::Pki;
use super::content::Content;
use super::first_boot::boot;
use super::machine::{availability_set, interface, machine, nic_id, nic_type, vm_type};
use super::part::{Part, Site};
use super::phase::{NodeRole, Phase};
use super::surroundings::Surroundings;
use super::{inside, membership};
use crate::names;
use crate::roster::{Records, Seat, Wanted, seat};
use crate::spec::{Cluster, Pool};

/// What the nodes of all pools are added to.
pub(super) struct Sketch<'a> {
    pub(super) around: &'a Surroundings<'a>,
    pub(super) records: Records<'a>,
    pub(super) phase: Phase<'a>,
    pub(super) parts: &'a mut Vec<Part>,
    pub(super) nodes: &'a mut Vec<NodeFacts>,
}

/// The address of a node's membership.
pub(super) fn member(cluster: &Cluster, pool: &Pool, number: u32) -> Address {
    pool.address(&cluster.address).keyed("node", &number.to_string()).child("member")
}

/// Adds the nodes of a pool, replaced after those of the pools `before`. Returns the membership that makes the cluster,
/// while it is one of these.
pub(super) fn expand(
    site: &Site<'_>,
    pool: &Pool,
    before: &[Address],
    sketch: &mut Sketch<'_>,
) -> Option<Address> {
    let Sketch { around, records, phase, .. } = *sketch;
    let pool_address = pool.address(&site.cluster.address);
    let wanted = |slot: &NodeSlot| Wanted {
        vm: (names::resource(&site.group, &vm_type(), &slot.name), machine(site, pool, around, slot)),
        nic: (nic_id(site, slot), interface(site, pool, around)),
        configuration: membership::configuration(site, pool),
    };
    let availability_set = availability_set(site, pool, &pool_address);
    let seats = seat(&site.cluster.address, &site.cluster.name, pool, records, &wanted);
    let (_, subnet_address) = around.subnet(pool);
    let control_plane = site.cluster.control_plane.address(&site.cluster.address);
    // The first control-plane node makes the cluster; everything else joins it.
    let first = control_plane.keyed("node", "1");
    let mut init = None;
    let mut previous = None;
    for Seat { slot, succeeds } in seats {
        let role = match pool.is_control_plane() {
            true => phase.role(&first, &slot, records.world),
            false => NodeRole::Worker,
        };
        let rollout = Rollout {
            pool: pool_address.clone(),
            node: slot.address.clone(),
            window: pool.update.window,
            after: before.to_vec(),
        };
        // Two machines must not make the cluster at the same time.
        let create_first = pool.update.create_first && role != NodeRole::Init;
        let (nic, vm) = (slot.address.child("nic"), slot.address.child("vm"));
        let Wanted { vm: (vm_id, vm_body), nic: (nic_id, nic_body), configuration } = wanted(&slot);
        let mut nic_draft = site
            .part(nic.clone(), nic_type(), nic_id, pool.span)
            .with_body(nic_body)
            .on(subnet_address, "properties.ipConfigurations");
        for (_, balancer) in around.backend_pools(site, pool) {
            nic_draft = nic_draft.on(balancer, "properties.ipConfigurations");
        }
        let nic_part = nic_draft.of_node(&slot, succeeds.as_deref(), rollout.clone(), create_first).done();
        let mut draft = site
            .part(vm.clone(), vm_type(), vm_id, pool.span)
            .with_body(vm_body)
            .on(&nic, "properties.networkProfile")
            .with(Content::Boot(Box::new(boot(site, pool, around, &slot.name, role == NodeRole::Init))))
            .of_node(&slot, succeeds.as_deref(), rollout.clone(), create_first);
        draft = draft.on(
            &around.identity.principal,
            if pool.is_control_plane() { "identity" } else { "azure.json names it" },
        );
        for role in &around.identity.roles {
            draft = draft.after(role, "the cloud provider needs its permissions");
        }
        for name in &around.balancer.names {
            draft = draft.after(name, "nodes resolve the host name of the API");
        }
        if let Some(set) = &availability_set {
            draft = draft.on(&set.declaration.address, "properties.availabilitySet");
        }
        nodes_facts(sketch.nodes, pool, &slot, nic);
        if !site.features.kubernetes {
            if slot.address != first {
                draft = draft.after(&first.child("vm"), "the first control-plane node makes the cluster");
            }
            sketch.parts.extend([nic_part, draft.done()]);
            continue;
        }
        let registration = slot.address.child("registration");
        draft = draft.on(&registration, "its user-data joins the cluster with it");
        let pki = Pki::of(&site.cluster.address);
        let keys: &[&Address] = if role == NodeRole::Init { &pki.all() } else { &[&pki.cluster_ca] };
        for key in keys {
            draft = draft.on(key, "its user-data is made from it");
        }
        let node = membership::Node {
            pool,
            slot: &slot,
            succeeds: succeeds.as_deref(),
            rollout: &rollout,
            role,
            create_first,
        };
        let after = order(site, role, phase, previous.as_ref());
        let configuration = membership::kept(records.world, &slot, configuration);
        let balancer = &around.balancer.address;
        let registration = membership::registration(site, &node, configuration, balancer, &after);
        let member = membership::member(site, &node);
        let address = member.declaration.address.clone();
        if role == NodeRole::Init {
            init = Some(address.clone());
        }
        previous = pool.is_control_plane().then_some(address);
        sketch.parts.extend([registration, nic_part, draft.done(), member]);
    }
    sketch.parts.extend(availability_set);
    init
}

/// What must be there before a node may join.
fn order(
    site: &Site<'_>,
    role: NodeRole,
    phase: Phase<'_>,
    previous: Option<&Address>,
) -> Vec<(Address, &'static str)> {
    let cluster = &site.cluster.address;
    let at = |name: &str| inside::layer(cluster, name);
    let ready = "no node becomes ready without it";
    let layers = [(at("cloud_provider"), ready), (at("network"), ready)];
    match role {
        NodeRole::Init => Vec::new(),
        NodeRole::ControlPlane => {
            let mut after = vec![(at("settings"), "kubeadm reads them to join")];
            if !phase.settled {
                after.extend(layers);
            }
            after.extend(previous.map(|member| (member.clone(), "one control-plane node after the other")));
            after
        }
        NodeRole::Worker => {
            let mut after = vec![(at("components"), "the control plane is current before its workers")];
            after.extend(layers);
            after.push((
                member(site.cluster, &site.cluster.control_plane, 1),
                "it joins the cluster of the first node",
            ));
            after
        }
    }
}

fn nodes_facts(nodes: &mut Vec<NodeFacts>, pool: &Pool, slot: &NodeSlot, nic: Address) {
    nodes.push(NodeFacts {
        name: slot.name.clone(),
        pool: pool.short_name().to_owned(),
        zone: slot.zone.clone(),
        nic,
    });
}
