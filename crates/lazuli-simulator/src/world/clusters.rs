//! Clusters, and the machines that are their nodes.

use std::collections::BTreeSet;

use super::{Resource, World};
use crate::ids;
use crate::kubernetes::{Cluster, Kubelet};

impl World {
    /// Lets the cluster that a machine is a node of know that something happened to it.
    pub(crate) fn wake(&mut self, machine: &Resource) {
        if let Some(kubelet) = machine.machine.as_ref().and_then(|machine| machine.node.as_ref())
            && let Some(cluster) = self.clusters.get_mut(&kubelet.host)
        {
            cluster.agenda.is_woken = true;
        }
    }

    /// The machines that are nodes of a cluster, in order of the nodes' names.
    pub(crate) fn nodes_of<'w>(
        &'w self,
        host: &str,
    ) -> impl Iterator<Item = (&'w Resource, &'w Kubelet)> + use<'w> {
        self.index.nodes.get(host).into_iter().flat_map(|nodes| nodes.values()).filter_map(|key| {
            let machine = self.resources.get(key)?;
            Some((machine, machine.machine.as_ref()?.node.as_ref()?))
        })
    }

    /// The machine that is a node of a cluster.
    pub(crate) fn node_of(&self, host: &str, node: &str) -> Option<(&Resource, &Kubelet)> {
        let machine = self.resources.get(self.index.nodes.get(host)?.get(node)?)?;
        Some((machine, machine.machine.as_ref()?.node.as_ref()?))
    }

    /// The nodes of a cluster whose machines, or the interfaces of those, changed since the last call.
    pub(crate) fn take_changed_nodes(&mut self, host: &str) -> BTreeSet<String> {
        self.index.changed_nodes.remove(host).unwrap_or_default()
    }

    /// Takes down that a machine changed which is a node, or one whose interface did.
    pub(super) fn note_node(&mut self, key: &str, resource: &Resource) {
        let machines = match &*resource.kind {
            "Microsoft.Compute/virtualMachines" => return self.index.note_node(resource),
            "Microsoft.Network/networkInterfaces" => self.users(key).map(ids::key).collect::<Vec<_>>(),
            _ => return,
        };
        for machine in machines.iter().filter_map(|key| self.resources.get(key)) {
            self.index.note_node(machine);
        }
    }

    /// Adds a cluster under the host name of its API server.
    pub(crate) fn put_cluster(&mut self, cluster: Cluster) -> &mut Cluster {
        let host = cluster.host().to_owned();
        self.clusters.remove(&host);
        self.clusters.entry(host).or_insert(cluster)
    }

    /// Removes a cluster and all that is in it.
    pub(crate) fn remove_cluster(&mut self, host: &str) {
        if self.clusters.remove(host).is_some() {
            self.dirty.clusters_gone.insert(host.to_owned());
            self.index.changed_nodes.remove(host);
        }
    }
}
