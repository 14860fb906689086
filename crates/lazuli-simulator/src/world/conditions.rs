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
