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
    /// Policies that deny.
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

/// A policy assignment with the effect `deny`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
