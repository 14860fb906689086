//! The configuration as the planner and the executor ask for it: resources, data and the parts of clusters.
//!
//! | module | what |
//! |---|---|
//! | [`build`] | blocks → declarations: accounts, profiles, clusters, resources, with their dependencies |
//! | `history` | the label a cluster had before; what of one that exists cannot change |
//! | [`evaluate`] | a declaration → what is desired of it, with what is known now |
//! | [`ask`] | an expression that stands in no file |
//! | `seen` | what expressions see of other blocks |

pub mod ask;
pub mod build;
pub mod evaluate;
mod history;
mod seen;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use lazuli_cluster::expand::Expansion;
use lazuli_cluster::names::Account;
use lazuli_config::{Evaluator, Instance, Instances, Root};
use lazuli_core::resource::Declaration;
use lazuli_core::{Address, Diagnostics, Value};

/// A configuration that can be planned. Made anew whenever the roster or the renewals change.
pub struct Blueprint {
    evaluator: Arc<Evaluator>,
    accounts: BTreeMap<Arc<str>, Account>,
    declarations: Vec<Declaration>,
    items: Vec<Item>,
    clusters: Vec<ClusterBlock>,
    /// The copies of blocks with `count` or `for_each`: counted once, every reference asks.
    copies: BTreeMap<Root, Instances>,
    /// All objects of such a block together, at an epoch at which all were known: every reference asks.
    together: Mutex<HashMap<Root, (u64, Value)>>,
    /// Keeps what is computed for one blueprint apart from what is computed for another.
    edition: u64,
    /// True when user-data is rendered: only an apply needs it, and it holds secrets.
    boots: bool,
    /// What deserves a warning.
    pub warnings: Diagnostics,
}

/// What a declaration comes from.
enum Item {
    /// A `resource` or `data` block, by its place in the module.
    Block { data: bool, position: usize, instance: Option<Instance> },
    /// A part of a cluster.
    Part { cluster: usize, part: usize },
}

/// A cluster block, expanded.
struct ClusterBlock {
    address: Address,
    name: Arc<str>,
    instance: Option<Instance>,
    expansion: Expansion,
    object: Value,
}

impl Blueprint {
    /// The clusters, expanded.
    pub fn clusters(&self) -> impl Iterator<Item = &Expansion> {
        self.clusters.iter().map(|c| &c.expansion)
    }

    /// The resource groups that must exist, each with the account it belongs to and the region that is asked of it.
    pub fn groups(&self) -> Vec<(Arc<str>, String, &Expansion)> {
        self.clusters().map(|c| (c.cluster.account.clone(), c.cluster.resource_group.clone(), c)).collect()
    }
}
