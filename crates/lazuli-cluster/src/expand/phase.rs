//! How far a cluster has come: what is made first in a new one comes later when an old one changes.

use lazuli_core::Address;
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::NodeSlot;

use super::boot::Pki;
use super::inside::layer;

/// Of what is observed of a cluster CA that was brought to a cluster that another state made: the name of the node that
/// made the cluster; empty when that is gone.
pub const IMPORTED: &str = "importedWith";

/// The node that made a cluster whose CA was brought to it; empty when that is gone. Such a cluster runs, although nothing
/// of its inside is recorded. `None` for the record of any other CA.
pub fn imported_with(authority: &Recorded) -> Option<&str> {
    authority.observed["properties"][IMPORTED].as_str()
}

/// How far a cluster has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase<'a> {
    /// A control-plane node has become a member: the cluster exists, and every further node joins it.
    pub(super) made: bool,
    /// Nodes can become ready: the layers they need are there.
    pub(super) settled: bool,
    /// Of a cluster that another state made, the node that made it.
    imported: Option<&'a str>,
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

impl Phase<'_> {
    pub(super) fn of<'a>(cluster: &Address, world: &'a RecordedWorld) -> Phase<'a> {
        let is_there = |address: &Address| {
            world.resources.get(address).is_some_and(|recorded| recorded.pending.is_none())
        };
        let control_plane = cluster.child("control_plane");
        let is_member = |address: &&Address| {
            address.is_within(&control_plane) && address.as_str().ends_with(".member") && is_there(address)
        };
        let imported = world.resources.get(&Pki::of(cluster).cluster_ca).and_then(imported_with);
        Phase {
            made: imported.is_some() || world.resources.keys().any(|address| is_member(&address)),
            settled: imported.is_some()
                || ["cloud_provider", "network"].iter().all(|name| is_there(&layer(cluster, name))),
            imported,
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
            None => !self.made || self.imported == Some(slot.name.as_str()),
        };
        if makes { NodeRole::Init } else { NodeRole::ControlPlane }
    }
}
