//! What the state remembers of a resource.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Json;
use crate::address::Address;
use crate::path::Path;
use crate::resource::{Mode, NodeSlot, ProviderName, ResourceId, ResourceType};

/// A resource as it was last applied and seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its name.
    pub address: Address,
    /// Owned or only read.
    pub mode: Mode,
    /// Who carries it out.
    pub provider: ProviderName,
    /// The cloud account it lives in.
    pub account: Arc<str>,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: ResourceType,
    /// Its id at the provider.
    pub id: ResourceId,
    /// The body that was last sent, write-only parts left out.
    pub inputs: Json,
    /// What the provider last returned.
    pub observed: Json,
    /// The resources it directly depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Address>,
    /// Paths in `inputs` and `observed` that are sensitive: encrypted at rest, never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<Path>,
    /// Salted digests of write-only values, to notice that the configuration changed them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub write_only: BTreeMap<Path, String>,
    /// `lifecycle.prevent_destroy` as last applied: deleting the block does not disarm it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prevent_destroy: bool,
    /// Of a part of a node, the node's slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<NodeSlot>,
    /// The operation whose outcome is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// When it was first created by Lazuli, RFC 3339, UTC.
    pub created_at: String,
    /// When Lazuli last changed it, RFC 3339, UTC.
    pub updated_at: String,
}

/// An operation that was begun and whose end is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What was begun.
    pub operation: crate::plan::Operation,
    /// Where the provider tells how it goes, once it accepted the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What a planner is told of the state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordedWorld {
    /// The identity of the state: every object Lazuli makes carries it as a tag.
    pub lineage: String,
    /// The version of the state.
    pub serial: u64,
    /// Resources by address.
    pub resources: BTreeMap<Address, Recorded>,
    /// Objects that were replaced and not deleted yet.
    pub deposed: Vec<Recorded>,
    /// The last slot of every node that ever was.
    pub roster: BTreeMap<Address, NodeSlot>,
    /// Outputs as last applied; sensitive ones are kept encrypted.
    pub outputs: BTreeMap<Arc<str>, RecordedOutput>,
}

/// An output as last applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedOutput {
    /// Its value.
    pub value: Json,
    /// Whether it is hidden.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
}
