//! How far a cluster has come: what is made first in a new one comes later when an old one changes.

use lazuli_core::Address;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::NodeSlot;

use super::inside::layer;

/// How far a cluster has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    /// A control-plane node has become a member: the cluster exists, and every further node joins it.
    pub(super) made: bool,
    /// Nodes can become ready: the layers they need are there.
    pub(super) settled: bool,
}

/// What a node is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeRole {
    /// It makes the cluster.
    Init,
    /// It joins the control plane.
    ControlPlane,
    /// It joins as a worker.
    Worker,
}

impl NodeRole {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            NodeRole::Init => "init",
            NodeRole::ControlPlane => "control_plane",
            NodeRole::Worker => "worker",
        }
    }
}

impl Phase {
    pub(super) fn of(cluster: &Address, world: &RecordedWorld) -> Phase {
        let is_there = |address: &Address| {
            world.resources.get(address).is_some_and(|recorded| recorded.pending.is_none())
        };
        let control_plane = cluster.child("control_plane");
        let is_member = |address: &&Address| {
            address.is_within(&control_plane) && address.as_str().ends_with(".member") && is_there(address)
        };
        Phase {
            made: world.resources.keys().any(|address| is_member(&address)),
            settled: ["cloud_provider", "network"].iter().all(|name| is_there(&layer(cluster, name))),
        }
    }

    /// The role of a control-plane node. There is one that makes the cluster, and never a second one: a node that takes
    /// its place joins.
    pub(super) fn role(self, first: &Address, slot: &NodeSlot, world: &RecordedWorld) -> NodeRole {
        if slot.address != *first {
            return NodeRole::ControlPlane;
        }
        let registration = world.resources.get(&slot.address.child("registration"));
        let makes = match registration.filter(|recorded| recorded.slot.as_ref() == Some(slot)) {
            Some(recorded) => {
                let role = recorded.inputs.pointer("/properties/role").and_then(|role| role.as_str());
                role == Some(NodeRole::Init.as_str())
            }
            None => !self.made,
        };
        if makes { NodeRole::Init } else { NodeRole::ControlPlane }
    }
}
