//! Kinds: what the planner must know of a resource type. Data only; the tables live with the provider.

mod name;

use crate::resource::{ResourceId, ResourceType};

pub use name::{Characters, Edge, NameRule};

/// The schema of a resource type. Paths are patterns of names, array elements left out:
/// `properties.securityRules.priority` means the priority of every rule. In `read_only`, `*` stands for any one name
/// of a map: `identity.userAssignedIdentities.*.clientId`.
#[derive(Debug)]
pub struct Kind {
    /// ARM's type name, without version.
    pub name: &'static str,
    /// What people call it: `virtual network`.
    pub title: &'static str,
    /// Paths that cannot be changed in place.
    pub forces_replacement: &'static [&'static str],
    /// Paths that are sent and never returned: not compared with what Azure says and never stored.
    pub write_only: &'static [&'static str],
    /// Paths that only Azure writes: never sent back.
    pub read_only: &'static [&'static str],
    /// Arrays whose elements are told apart by a property, and so compared and shown by it, in any order.
    pub keyed: &'static [Keyed],
    /// Arrays of plain values without order.
    pub unordered: &'static [&'static str],
    /// Paths whose text compares without regard to case (ids and locations always do).
    pub ignore_case: &'static [&'static str],
    /// Writes that Azure does not allow at the same time.
    pub lock: Lock,
    /// How refresh finds many at once.
    pub list: List,
    /// How long operations usually take.
    pub expected: Expected,
    /// What Azure allows as a name.
    pub names: NameRule,
    /// The quotas of its region that a create counts against.
    pub quotas: &'static [Quota],
    /// The action that whoever refers to an object of this type needs on it, where it is one of its own.
    pub joined_by: Option<&'static str>,
    /// The HTTP status codes of success.
    pub accepts: Accepts,
    /// Every value of `sku.name` that Azure takes; empty where nobody has said them.
    pub skus: &'static [&'static str],
    /// What takes objects of this type along when it goes for good: they need no step of their own then.
    pub ends_with: Option<EndsWith>,
}

/// An object without which another one is nothing: the keys of a cluster, without which nothing in it can be reached.
///
/// It lies in the same resource group as the other one, below an object of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndsWith {
    /// The type of the object that it lies below: `Lazuli.Tls/clusters`.
    pub root: &'static str,
    /// The rest of its type: `certificateAuthorities`.
    pub ty: &'static str,
    /// Its name: `cluster_ca`.
    pub name: &'static str,
}

impl EndsWith {
    /// The object that takes `id` along.
    pub fn of(&self, id: &ResourceId) -> Option<ResourceId> {
        let (group, rest) = id.as_str().split_once("/providers/")?;
        let root = rest.split('/').nth(2)?;
        let EndsWith { root: root_type, ty, name } = self;
        Some(ResourceId::new(format!("{group}/providers/{root_type}/{root}/{ty}/{name}")))
    }
}

/// A quota, by the name Azure's list of usages gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The namespace whose list it is in: `Microsoft.Network`.
    pub namespace: &'static str,
    /// `PublicIPAddresses`
    pub usage: &'static str,
    /// What is counted.
    pub per: Per,
    /// Only objects with this `sku.name` count; with a `*` at its end, those whose SKU begins so.
    pub sku: Option<&'static str>,
}

impl Quota {
    /// Whether an object of a SKU counts.
    pub fn counts(&self, sku: &str) -> bool {
        self.sku.is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(prefix) => sku.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)),
            None => sku.eq_ignore_ascii_case(wanted),
        })
    }
}

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Objects.
    Object,
    /// The virtual CPUs of a machine.
    Core,
}

/// The HTTP status codes of success: clients of other makers refuse others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepts {
    /// Of a PUT.
    pub put: &'static [u16],
    /// Of a DELETE.
    pub delete: &'static [u16],
}

/// An array of named elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyed {
    /// The array.
    pub path: &'static str,
    /// The property that tells elements apart, usually `name`.
    pub key: &'static str,
    /// True when other writers own elements too: only elements Lazuli wrote are compared, others are kept.
    pub shared: bool,
}

/// Which writes exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// None.
    Free,
    /// Writes on the object itself.
    Own,
    /// Writes on the parent and all its children: a virtual network and its subnets.
    Parent,
}

/// How refresh lists objects of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// One request lists all of a resource group.
    ResourceGroup,
    /// One request lists all below a parent.
    Parent,
    /// They are inside the parent's own body, in the array at this path: subnets in a virtual network.
    InParent(&'static str),
    /// No list carries what is compared: each is read by itself.
    Each,
}

/// Usual durations in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Of a create.
    pub create: f64,
    /// Of an update.
    pub update: f64,
    /// Of a delete.
    pub delete: f64,
}

/// The kinds of a provider.
pub trait Kinds: Send + Sync {
    /// The kind of a type; a safe general one when the type has no table of its own.
    fn kind(&self, ty: &ResourceType) -> &Kind;
}

impl Kind {
    /// A kind about which nothing special is known: everything can be changed in place except name and location.
    pub const GENERAL: Kind = Kind {
        name: "",
        title: "resource",
        forces_replacement: &["location"],
        write_only: &[],
        read_only: &[
            "id",
            "name",
            "type",
            "apiVersion",
            "etag",
            "systemData",
            "properties.provisioningState",
        ],
        keyed: &[],
        unordered: &[],
        ignore_case: &[],
        lock: Lock::Own,
        list: List::Each,
        expected: Expected { create: 10.0, update: 10.0, delete: 10.0 },
        names: NameRule::ANY,
        quotas: &[],
        joined_by: None,
        accepts: Accepts { put: &[200, 201, 202], delete: &[200, 202, 204] },
        skus: &[],
        ends_with: None,
    };

    /// True for types that Azure makes in a region or `global`, and refuses without a `location`: what lies somewhere cannot
    /// be moved.
    pub fn is_located(&self) -> bool {
        !self.name.is_empty() && self.forces_replacement.contains(&"location")
    }

    /// The keyed array at exactly this pattern.
    pub fn keyed_at(&self, pattern: &str) -> Option<&Keyed> {
        self.keyed.iter().find(|keyed| keyed.path == pattern)
    }
}
