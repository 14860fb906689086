//! What is wanted of a node.

use std::collections::BTreeMap;
use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};
use serde::{Deserialize, Serialize};

/// What a node is in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The control-plane node that makes the cluster.
    Init,
    /// A control-plane node that joins.
    ControlPlane,
    /// A worker.
    Worker,
}

/// A node that may join.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Registration {
    /// Its name, the virtual machine's.
    pub node: String,
    /// What it becomes.
    pub role: Role,
}

/// A taint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberTaint {
    /// Its key.
    pub key: String,
    /// Its value, often none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`.
    pub effect: String,
}

/// A node as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its name, the virtual machine's.
    pub node: String,
    /// What it is.
    pub role: Role,
    /// The kubelet's version: `v1.34.2`.
    pub version: String,
    /// `eastus2-1`, where there are zones.
    #[serde(default)]
    pub zone: Option<String>,
    /// Labels of ours.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Taints of ours.
    #[serde(default)]
    pub taints: Vec<MemberTaint>,
    /// Whether new pods stay away.
    #[serde(default)]
    pub cordoned: bool,
    /// `azure:///subscriptions/…`, once a cloud provider has said so.
    #[serde(default)]
    pub provider_id: Option<String>,
    /// How long its pods may take to leave, in seconds.
    #[serde(default = "fifteen_minutes")]
    pub drain_timeout_seconds: u64,
    /// How long it may take to become ready, in seconds.
    #[serde(default = "twenty_minutes")]
    pub startup_timeout_seconds: u64,
    /// How long it must stay ready before it counts, in seconds.
    #[serde(default)]
    pub min_ready_seconds: u64,
    /// True of the node that makes the cluster, while there is no network yet.
    #[serde(default)]
    pub first: bool,
}

fn fifteen_minutes() -> u64 {
    15 * 60
}

fn twenty_minutes() -> u64 {
    20 * 60
}

impl Member {
    /// Reads the body of a member.
    ///
    /// # Errors
    /// When it is not one.
    pub fn of(body: &Json) -> Result<Self, ProviderError> {
        read(body)
    }

    /// True of control-plane nodes.
    pub fn is_control_plane(&self) -> bool {
        self.role != Role::Worker
    }

    /// True when a token lets it join.
    pub(super) fn joins(&self) -> bool {
        !self.first && self.role != Role::Init
    }

    pub(super) fn drain_timeout(&self) -> Duration {
        Duration::from_secs(self.drain_timeout_seconds)
    }
}

impl Registration {
    /// Reads the body of a registration.
    ///
    /// # Errors
    /// When it is not one.
    pub fn of(body: &Json) -> Result<Self, ProviderError> {
        read(body)
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &Json) -> Result<T, ProviderError> {
    T::deserialize(&body["properties"])
        .map_err(|e| ProviderError::own("InvalidBody", format!("`properties`: {e}"), Outcome::Nothing))
}
