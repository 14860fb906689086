//! What is known of each resource type: one table per type, one file per family. Data only.
//!
//! Azure's published types do not say what forces a replacement; these tables do.

mod access;
mod aks;
mod codes;
mod compute;
mod dns;
mod extension;
mod identity;
mod image;
mod load_balancer;
mod names;
mod network;
mod network_interface;
mod storage;
mod versions;
mod virtual_network;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use lazuli_core::Hashing;
use lazuli_core::kind::{Expected, Keyed, Kind, Kinds, List, Lock, Per, Quota};
use lazuli_core::resource::ResourceType;

use codes::*;
use names::*;
pub use versions::{API_VERSIONS, api_version};

pub(crate) use versions::RESOURCE_GROUPS_VERSION;

/// The kinds of the provider `azure`.
#[derive(Debug, Clone, Copy, Default)]
pub struct AzureKinds;

impl Kinds for AzureKinds {
    fn kind(&self, ty: &ResourceType) -> &Kind {
        by_name(&ty.name)
    }
}

/// Every type that has a table of its own.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    [
        virtual_network::KINDS,
        network::KINDS,
        load_balancer::KINDS,
        network_interface::KINDS,
        dns::KINDS,
        compute::KINDS,
        identity::KINDS,
        storage::KINDS,
        access::KINDS,
        extension::KINDS,
        image::KINDS,
        aks::KINDS,
    ]
    .into_iter()
    .flatten()
}

/// The kind of a type by its name, whatever its case; the general one when it has no table.
pub fn by_name(name: &str) -> &'static Kind {
    static BY_NAME: LazyLock<HashMap<Folded<'static>, &'static Kind, Hashing>> =
        LazyLock::new(|| all().map(|kind| (Folded(kind.name), kind)).collect());
    static GENERAL: Kind = Kind::GENERAL;
    // Siblings of a network's child types (rules, routes, pools) are written one after the other, as subnets are.
    static CHILD: Kind = Kind { lock: Lock::Parent, ..Kind::GENERAL };
    lookup(&BY_NAME, name).unwrap_or(if is_child(name) { &CHILD } else { &GENERAL })
}

/// The quotas that objects of a type count against, whatever the case of its name.
pub fn quotas(name: &str) -> &'static [Quota] {
    by_name(name).quotas
}

fn is_child(name: &str) -> bool {
    let network = name.get(..18).is_some_and(|start| start.eq_ignore_ascii_case("Microsoft.Network/"));
    network && name.matches('/').count() > 1
}

fn lookup<'a>(
    map: &'a HashMap<Folded<'static>, &'static Kind, Hashing>,
    name: &'a str,
) -> Option<&'static Kind> {
    // The map's key type is covariant: for the time of the question it may hold names that live shorter.
    let map: &HashMap<Folded<'a>, &'static Kind, Hashing> = map;
    map.get(&Folded(name)).copied()
}

/// What a list needs besides its path: role assignments of a scope, without those below it.
pub(crate) fn list_query(kind: &Kind) -> &'static [(&'static str, &'static str)] {
    if kind.name == identity::ROLE_ASSIGNMENTS { &[("$filter", "atScope()")] } else { &[] }
}

/// What a delete needs besides its path: a machine that has been drained is not shut down politely once more.
pub(crate) fn delete_query(kind: &Kind) -> &'static [(&'static str, &'static str)] {
    if kind.name == compute::VIRTUAL_MACHINES { &[("forceDeletion", "true")] } else { &[] }
}

/// Text that compares without regard to ASCII case.
#[derive(Debug, Clone, Copy)]
struct Folded<'a>(&'a str);

impl PartialEq for Folded<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Folded<'_> {}

impl Hash for Folded<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

/// The paths only Azure writes, of every type, and those of this one.
macro_rules! read_only {
    ($($path:literal),* $(,)?) => {
        &["id", "name", "type", "apiVersion", "etag", "systemData", "properties.provisioningState", $($path),*]
    };
}
use read_only;

/// What most types of a resource group have in common.
const IN_GROUP: Kind = Kind { list: List::ResourceGroup, ..Kind::GENERAL };
/// What most types below another resource have in common: they have no region, and writes to them exclude each other.
const BELOW: Kind = Kind { forces_replacement: &[], lock: Lock::Parent, list: List::Parent, ..Kind::GENERAL };

/// An array whose other elements belong to others.
const fn shared(path: &'static str, key: &'static str) -> Keyed {
    Keyed { path, key, shared: true }
}

/// An array that is Lazuli's alone.
const fn owned(path: &'static str, key: &'static str) -> Keyed {
    Keyed { path, key, shared: false }
}

/// Seconds from the request to its end: the measured times of Azure, without the waits of whoever asks too rarely.
const fn seconds(create: f64, update: f64, delete: f64) -> Expected {
    Expected { create, update, delete }
}

/// A quota of the network.
const fn network_quota(usage: &'static str) -> Quota {
    Quota { namespace: "Microsoft.Network", usage, per: Per::Object, sku: None }
}

/// A quota of the network that counts objects of the Standard SKU only.
const fn standard_quota(usage: &'static str) -> Quota {
    Quota { sku: Some("Standard"), ..network_quota(usage) }
}

/// A quota of machines and disks.
const fn compute_quota(usage: &'static str) -> Quota {
    Quota { namespace: "Microsoft.Compute", usage, per: Per::Object, sku: None }
}

/// A quota of disks, which are counted by what they are stored on.
const fn disk_quota(usage: &'static str, sku: &'static str) -> Quota {
    Quota { sku: Some(sku), ..compute_quota(usage) }
}

/// Virtual CPUs of the region; those of a family are counted under the family's name besides.
const CORES: Quota = Quota { namespace: "Microsoft.Compute", usage: "cores", per: Per::Core, sku: None };

#[cfg(test)]
mod tests;
