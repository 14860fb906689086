//! What surrounds the resources of a subscription: who may do what, which policies hold, what is not for sale.
//!
//! A seed sets it; no request changes it.

use serde::{Deserialize, Serialize};

/// The surroundings. The default forbids nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conditions {
    /// `Enabled` unless set; `Disabled` makes everything read-only.
    pub subscription_state: Option<String>,
    /// What the one service principal may do; everything when there are none.
    pub grants: Vec<Grant>,
    /// Policies: what they deny, take note of, add or take away.
    pub policies: Vec<Policy>,
    /// Deny assignments, which no role outweighs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<Denial>,
    /// Offers of the marketplace that are sold under terms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sold: Vec<Sold>,
    /// Whether quotas are refused in the newer form, `QuotaExceeded` rather than `OperationNotAllowed`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub quota_exceeded: bool,
    /// VM sizes that are not for this subscription.
    pub closed_sizes: Vec<ClosedSize>,
    /// How much room there is for machines; there is enough where none is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capacity: Vec<Room>,
    /// How many operations the network provider carries out at once; what is more it refuses with `RetryableError`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_operations: Option<u64>,
}

/// A role that is assigned to the service principal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Where, with everything below: the id of a group or a resource; the whole subscription when absent.
    #[serde(default)]
    pub scope: Option<String>,
    /// Patterns of actions, such as `Microsoft.Network/*`.
    pub actions: Vec<String>,
    /// Patterns that are taken out again.
    #[serde(default)]
    pub not_actions: Vec<String>,
    /// A condition of the role assignment. The simulated Azure lists it and takes it for met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// A deny assignment on everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// Its name.
    pub name: String,
    /// Where, with everything below: the id of a group or a resource; the whole subscription when absent.
    #[serde(default)]
    pub scope: Option<String>,
    /// Patterns of actions that are denied.
    pub actions: Vec<String>,
    /// Patterns that are taken out again.
    #[serde(default)]
    pub not_actions: Vec<String>,
}

/// A plan of an offer that is sold under terms, which somebody must accept once per subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sold {
    /// Who publishes it.
    pub publisher: String,
    /// The product.
    pub offer: String,
    /// The plan; the SKU of its images.
    pub plan: String,
    /// Whether the terms were accepted already.
    #[serde(default)]
    pub accepted: bool,
}

/// A policy assignment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The name of the assignment.
    pub name: String,
    /// Types it is about; all when empty.
    #[serde(default)]
    pub types: Vec<String>,
    /// `location` or `tags.NAME`; without one the types are denied altogether.
    #[serde(default)]
    pub field: Option<String>,
    /// What the field may be; anything, as long as it is there, when empty.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// What the field may not be; then it may be missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
    /// What comes of what is not as it should be.
    #[serde(default)]
    pub effect: Effect,
    /// What `append` and `modify` write into the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What a policy does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Refuses.
    #[default]
    Deny,
    /// Only takes note.
    Audit,
    /// Writes its value where there is none, and refuses another.
    Append,
    /// Writes its value whatever there is.
    Modify,
    /// Takes the field away.
    Remove,
}

/// A VM size that the subscription may not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedSize {
    /// Its name.
    pub name: String,
    /// Where.
    pub location: String,
    /// In which zones; in the whole region when empty.
    #[serde(default)]
    pub zones: Vec<String>,
}

/// Room for machines in a region. What finds none cannot be allocated, and no list tells so beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Room {
    /// Where.
    pub location: String,
    /// For machines in these zones; for all when empty.
    #[serde(default)]
    pub zones: Vec<String>,
    /// For machines of this size; for all when absent.
    #[serde(default)]
    pub size: Option<String>,
    /// How many of them there may be at once. Those that are deallocated do not count.
    pub machines: u64,
    /// How many of these may have constraints: accelerated networking, an ephemeral disk, spot, an availability set or a
    /// proximity placement group. All of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constrained: Option<u64>,
    /// When it is told.
    #[serde(default)]
    pub told: Told,
}

/// When Azure tells that there is no room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The machine is taken, and its operation fails.
    #[default]
    Later,
    /// The machine is refused.
    AtOnce,
    /// The machine is refused as one whose size cannot be had: `SkuNotAvailable`.
    AsSku,
}
