//! What can be derived from the resources, kept at hand so that no request walks the world.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use super::{Resource, World, addresses::Addresses};
use crate::{catalog, ids, json};

#[derive(Debug, Default)]
pub(super) struct Index {
    /// Lower-case kind to keys.
    pub(super) by_kind: HashMap<String, BTreeSet<String>>,
    /// Key of a target to its users: key to id as written.
    pub(super) users: HashMap<String, BTreeMap<String, String>>,
    /// Operations under way by the time they end.
    pub(super) due: BTreeSet<(u64, String)>,
    /// Lock domain to the operation that holds it.
    pub(super) locks: HashMap<String, String>,
    /// Subnet key to its private addresses.
    pub(super) addresses: HashMap<String, Addresses>,
    /// `location/label` to the key of the public address.
    pub(super) labels: HashMap<String, String>,
    /// Principal id to the time of its creation.
    pub(super) principals: HashMap<String, u64>,
    /// Virtual CPUs by location and family (`""` for all).
    pub(super) cores: HashMap<(String, String), u64>,
    /// Resources by location and lower-case kind.
    pub(super) counts: HashMap<(String, String), u64>,
    /// First boots by the time they are over.
    pub(super) boots: BTreeSet<(u64, String)>,
    /// Keys of machines by the host name of their cluster's API and the node's name.
    pub(super) nodes: HashMap<String, BTreeMap<String, String>>,
    /// Nodes whose machines changed, by the host name of their cluster's API.
    pub(super) changed_nodes: HashMap<String, BTreeSet<String>>,
}

impl Index {
    pub(super) fn learn(&mut self, key: &str, resource: &Resource) {
        self.by_kind.entry(resource.kind.to_ascii_lowercase()).or_default().insert(key.to_owned());
        for (source, target) in catalog::references_of(resource.row(), &resource.id, &resource.body) {
            self.users.entry(ids::key(&target)).or_default().insert(ids::key(&source), source);
        }
        for (subnet, address) in private_addresses(resource) {
            self.addresses.entry(subnet).or_default().take(address);
        }
        if let Some(label) = label(resource) {
            self.labels.insert(label, key.to_owned());
        }
        for principal in principals(resource) {
            self.principals.insert(principal, resource.created_ms);
        }
        for (family, cores) in cores(resource) {
            *self.cores.entry((resource.location().to_owned(), family)).or_default() += cores;
        }
        *self
            .counts
            .entry((resource.location().to_owned(), resource.kind.to_ascii_lowercase()))
            .or_default() += 1;
        if let Some(machine) = &resource.machine {
            if let Some(due) = machine.boot.as_ref().and_then(|boot| boot.due_ms) {
                self.boots.insert((due, key.to_owned()));
            }
            if let Some(kubelet) = &machine.node {
                let nodes = self.nodes.entry(kubelet.host.clone()).or_default();
                nodes.insert(kubelet.name.clone(), key.to_owned());
            }
        }
    }

    /// Takes down that a machine changed, if it is a node.
    pub(super) fn note_node(&mut self, machine: &Resource) {
        if let Some(kubelet) = machine.machine.as_ref().and_then(|machine| machine.node.as_ref()) {
            self.changed_nodes.entry(kubelet.host.clone()).or_default().insert(kubelet.name.clone());
        }
    }

    pub(super) fn forget(&mut self, key: &str, resource: &Resource) {
        if let Some(keys) = self.by_kind.get_mut(&resource.kind.to_ascii_lowercase()) {
            keys.remove(key);
        }
        for (source, target) in catalog::references_of(resource.row(), &resource.id, &resource.body) {
            let target = ids::key(&target);
            if let Some(users) = self.users.get_mut(&target) {
                users.remove(&ids::key(&source));
                if users.is_empty() {
                    self.users.remove(&target);
                }
            }
        }
        for (subnet, address) in private_addresses(resource) {
            if let Some(addresses) = self.addresses.get_mut(&subnet) {
                addresses.release(address);
            }
        }
        if let Some(label) = label(resource) {
            self.labels.remove(&label);
        }
        for principal in principals(resource) {
            self.principals.remove(&principal);
        }
        for (family, cores) in cores(resource) {
            if let Some(used) = self.cores.get_mut(&(resource.location().to_owned(), family)) {
                *used = used.saturating_sub(cores);
            }
        }
        if let Some(count) =
            self.counts.get_mut(&(resource.location().to_owned(), resource.kind.to_ascii_lowercase()))
        {
            *count = count.saturating_sub(1);
        }
        if let Some(machine) = &resource.machine {
            if let Some(due) = machine.boot.as_ref().and_then(|boot| boot.due_ms) {
                self.boots.remove(&(due, key.to_owned()));
            }
            if let Some(kubelet) = &machine.node
                && let Some(nodes) = self.nodes.get_mut(&kubelet.host)
                && nodes.get(&kubelet.name).is_some_and(|holder| holder == key)
            {
                nodes.remove(&kubelet.name);
            }
        }
    }
}

/// Subnet key and address of every IP configuration and internal frontend.
fn private_addresses(resource: &Resource) -> Vec<(String, u32)> {
    let collection = match resource.kind.as_str() {
        "Microsoft.Network/networkInterfaces" => "properties.ipConfigurations",
        "Microsoft.Network/loadBalancers" => "properties.frontendIPConfigurations",
        _ => return Vec::new(),
    };
    json::list(&resource.body, collection)
        .iter()
        .filter_map(|element| {
            let subnet = json::text(element, "properties.subnet.id")?;
            let address: Ipv4Addr = json::text(element, "properties.privateIPAddress")?.parse().ok()?;
            Some((ids::key(subnet), address.into()))
        })
        .collect()
}

fn label(resource: &Resource) -> Option<String> {
    let label = json::text(&resource.body, "properties.dnsSettings.domainNameLabel")?;
    (resource.kind == "Microsoft.Network/publicIPAddresses")
        .then(|| format!("{}/{}", resource.location(), label.to_ascii_lowercase()))
}

/// Principals of user-assigned identities and of machines with an identity of their own.
fn principals(resource: &Resource) -> impl Iterator<Item = String> {
    let own = match resource.kind.as_str() {
        "Microsoft.ManagedIdentity/userAssignedIdentities" => "properties.principalId",
        _ => "identity.principalId",
    };
    json::text(&resource.body, own).map(str::to_ascii_lowercase).into_iter()
}

fn cores(resource: &Resource) -> Vec<(String, u64)> {
    if resource.kind != "Microsoft.Compute/virtualMachines" {
        return Vec::new();
    }
    let Some(size) =
        json::text(&resource.body, "properties.hardwareProfile.vmSize").and_then(catalog::skus::find)
    else {
        return Vec::new();
    };
    match json::text(&resource.body, "properties.priority") {
        Some("Spot" | "Low") => vec![(catalog::skus::SPOT.to_owned(), size.cores)],
        _ => vec![(String::new(), size.cores), (size.family, size.cores)],
    }
}

impl World {
    /// The first free private address of a subnet between two addresses.
    pub(crate) fn next_address(&mut self, subnet: &str, first: u32, last: u32) -> Option<u32> {
        self.index.addresses.entry(subnet.to_owned()).or_default().next(first, last)
    }

    pub(crate) fn is_address_taken(&self, subnet: &str, address: u32) -> bool {
        self.index.addresses.get(subnet).is_some_and(|addresses| addresses.is_taken(address))
    }

    /// Builds the derived indexes anew, after reading a world from a file.
    pub(crate) fn rebuild(&mut self) {
        let mut index = Index::default();
        for (key, resource) in &self.resources {
            index.learn(key, resource);
        }
        for operation in self.operations.values().filter(|operation| !operation.finished) {
            index.due.insert((operation.done_ms, operation.id.clone()));
            if let Some(lock) = &operation.lock {
                index.locks.insert(lock.clone(), operation.id.clone());
            }
        }
        self.index = index;
    }
}
