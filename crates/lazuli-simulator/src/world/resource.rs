//! One thing that exists, and what only machines have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kubernetes::{FirstBoot, Kubelet};
use crate::{catalog, ids};

/// One thing that exists: a resource group, a resource, or an extension such as a lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resource {
    /// The id with the casing of its first writer.
    pub(crate) id: String,
    /// `Microsoft.Network/virtualNetworks`.
    pub(crate) kind: String,
    /// What a GET shows, less what is derived (id, etag, states, back-references).
    pub(crate) body: Value,
    /// The etag, a bare GUID.
    pub(crate) etag: String,
    pub(crate) state: State,
    pub(crate) created_ms: u64,
    /// Which drawing of the world made it; the root of values invented later.
    pub(crate) serial: u64,
    /// The operation under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    /// What only virtual machines have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) machine: Option<Machine>,
}

/// The running side of a virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// SHA-256 of the decoded custom data; the data itself is kept until the first boot has read it.
    pub(crate) custom_data_sha256: Option<String>,
    /// `running`, `stopped`, `deallocated`, or empty before the first boot.
    pub(crate) power: String,
    /// When the power state last changed.
    pub(crate) power_ms: u64,
    /// Serial console.
    pub(crate) console: Vec<String>,
    /// What the first boot has still to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) boot: Option<FirstBoot>,
    /// Files that scripts have left, in base64, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) files: BTreeMap<String, String>,
    /// The kubelet, once the machine is a node of a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<Kubelet>,
}

/// `provisioningState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Creating,
    Updating,
    Succeeded,
    Failed,
    Canceled,
    Deleting,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
            Self::Deleting => "Deleting",
        }
    }
}

impl Resource {
    pub(crate) fn key(&self) -> String {
        ids::key(&self.id)
    }

    pub(crate) fn name(&self) -> &str {
        ids::last(&self.id)
    }

    pub(crate) fn location(&self) -> &str {
        crate::json::text(&self.body, "location").unwrap_or("")
    }

    pub(crate) fn row(&self) -> &'static catalog::Kind {
        catalog::find(&self.kind)
    }
}
