//! Resources: their types and ids, how they are declared, what is desired of them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::path::Path;
use crate::source::Span;
use crate::value::Value;

/// What carries a resource's steps out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// Azure Resource Manager.
    Azure,
    /// The cluster's own API.
    Kubernetes,
    /// Keys and certificates.
    Tls,
}

/// A resource type with the API version that is spoken: `Microsoft.Network/virtualNetworks@2025-05-01`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceType {
    /// Namespace and type, nested types joined by `/`: `Microsoft.Network/virtualNetworks/subnets`.
    pub name: Arc<str>,
    /// `2025-05-01`, possibly with a suffix such as `-preview`.
    pub api_version: Arc<str>,
}

/// Why text is not a resource type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a resource type such as Microsoft.Network/virtualNetworks@2025-05-01")]
pub struct ResourceTypeError(String);

impl ResourceType {
    /// A type known at compile time.
    pub fn new(name: &str, api_version: &str) -> Self {
        ResourceType { name: name.into(), api_version: api_version.into() }
    }
}

impl FromStr for ResourceType {
    type Err = ResourceTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ResourceTypeError(text.to_owned());
        let (name, version) = text.split_once('@').ok_or_else(refuse)?;
        let (namespace, rest) = name.split_once('/').ok_or_else(refuse)?;
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
        };
        let date = version.len() >= 10
            && version
                .bytes()
                .enumerate()
                .take(10)
                .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        if word(namespace) && namespace.contains('.') && rest.split('/').all(word) && date {
            Ok(ResourceType { name: name.into(), api_version: version.into() })
        } else {
            Err(refuse())
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.api_version)
    }
}

impl Serialize for ResourceType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The identity of an object at its provider; of an Azure object its resource id, which compares without regard to case.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceId(Arc<str>);

impl ResourceId {
    /// Takes the text as it is.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        ResourceId(text.into())
    }

    /// The spelling it was made with.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text, shared.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    /// The segment after `key`, such as `resourceGroups`; keys compare without regard to case.
    pub fn segment(&self, key: &str) -> Option<&str> {
        let mut parts = self.0.split('/');
        parts.find(|part| part.eq_ignore_ascii_case(key))?;
        parts.next()
    }

    /// The resource group's name.
    pub fn resource_group(&self) -> Option<&str> {
        self.segment("resourceGroups")
    }

    /// The id of an object below this one.
    #[must_use]
    pub fn child(&self, ty: &str, name: &str) -> ResourceId {
        ResourceId(format!("{}/{ty}/{name}", self.0).into())
    }

    /// The id two segments up: the parent of a nested resource.
    pub fn parent(&self) -> Option<ResourceId> {
        let (rest, _) = self.0.rsplit_once('/')?;
        let (rest, _) = rest.rsplit_once('/')?;
        if rest.is_empty() { None } else { Some(ResourceId(rest.into())) }
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ResourceId {}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut lower = [0; 64]; // a byte at a time is slow
        for piece in self.0.as_bytes().chunks(lower.len()) {
            let lower = &mut lower[..piece.len()];
            lower.copy_from_slice(piece);
            lower.make_ascii_lowercase();
            state.write(lower);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether Lazuli owns the object or only reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Created, changed and deleted.
    Managed,
    /// Only read: a `data` block, or an object of a static placement.
    Data,
}

/// A resource as the configuration declares it, before it is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Its name.
    pub address: Address,
    /// Owned or only read.
    pub mode: Mode,
    /// What must be done before it, from references and `depends_on`.
    pub dependencies: Vec<Dependency>,
    /// Where it is written; of a part of a cluster, the block it comes from.
    pub origin: Option<Span>,
    /// Its `lifecycle`.
    pub lifecycle: Lifecycle,
    /// How long one step on it may take, in seconds, where the configuration says so.
    pub timeouts: Timeouts,
    /// Of a part of a node: the pool whose nodes are replaced a few at a time.
    pub rollout: Option<Rollout>,
}

/// How many nodes of a pool may be in replacement at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// The pool: `cluster.prod.worker_pool["general"]`.
    pub pool: Address,
    /// The node of the pool.
    pub node: Address,
    /// At most so many nodes of the pool are in replacement at the same time; at least one.
    pub window: usize,
    /// Pools whose nodes are replaced before any of this one.
    pub after: Vec<Address>,
}

/// An ordering constraint with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// What must come first.
    pub on: Address,
    /// The attribute that refers to it, or what else makes the order: `properties.subnets`, `depends_on`.
    pub because: Arc<str>,
    /// Where the reference stands.
    pub span: Option<Span>,
    /// How strong it is.
    pub bond: Bond,
}

/// What a dependency means for deleting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bond {
    /// It refers to the other: recorded, and deleted before it.
    Reference,
    /// It only comes later when both are made: nothing is recorded, deleting is free.
    Sequence,
}

/// The `lifecycle` block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Plans that would delete it are refused.
    pub prevent_destroy: bool,
    /// Its replacement is made before it is deleted.
    pub create_before_destroy: bool,
    /// Paths in which another writer's changes are left alone.
    pub ignore: Vec<Path>,
    /// What makes it be replaced by changing.
    pub replace_triggered_by: Vec<Trigger>,
}

/// Something whose change has a resource replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The resource, or what contains several.
    pub on: Address,
    /// The attribute; empty for any change.
    pub path: Path,
}

/// The `timeouts` block, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Of a create.
    pub create: Option<u64>,
    /// Of an update.
    pub update: Option<u64>,
    /// Of a delete.
    pub delete: Option<u64>,
}

/// What the configuration wants of one resource, given what is known now.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Who carries it out.
    pub provider: ProviderName,
    /// The cloud account it lives in.
    pub account: Arc<str>,
    /// Its type.
    pub ty: ResourceType,
    /// Its id; `None` only while its name is not known yet.
    pub id: Option<ResourceId>,
    /// The object as the provider is to be sent it: Azure's top-level names (`location`, `tags`, `properties`, …).
    pub body: Value,
    /// Of a part of a node, the node's slot.
    pub slot: Option<NodeSlot>,
    /// Why this object takes the place of another, when the expansion chose so: `instance_type Standard_D4s_v5 -> Standard_D8s_v5`.
    pub succeeds: Option<String>,
}

/// Who occupies a node's address: chosen at creation, recorded, read from the state from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSlot {
    /// The node: `cluster.prod.worker_pool["general"].node["3"]`.
    pub address: Address,
    /// Rises with every creation at that slot and outlives the node.
    pub generation: u32,
    /// The name of the virtual machine, which never comes back.
    pub name: String,
    /// Its availability zone, where there are zones.
    pub zone: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{ResourceId, ResourceType};

    #[test]
    fn a_type_needs_a_namespace_a_name_and_a_dated_version() {
        assert!("Microsoft.Network/virtualNetworks@2025-05-01".parse::<ResourceType>().is_ok());
        for text in [
            "Microsoft.Network/virtualNetworks",
            "virtualNetworks@2025-05-01",
            "Microsoft.Network/@2025-05-01",
            "Microsoft.Network/x@new",
        ] {
            assert!(text.parse::<ResourceType>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids_compare_without_regard_to_case() {
        let id = ResourceId::new(
            "/subscriptions/s/resourceGroups/RG/providers/Microsoft.Network/virtualNetworks/v/subnets/a",
        );
        assert_eq!(id, ResourceId::new(id.as_str().to_lowercase()));
        assert_eq!(id.resource_group(), Some("RG"));
        assert_eq!(id.name(), "a");
        assert_eq!(id.parent().unwrap().name(), "v");
    }
}
