//! The configuration as the planner and the executor ask for it: resources, data and the parts of clusters.
//!
//! | module | what |
//! |---|---|
//! | [`build`] | blocks → declarations, in every module: in which order, how many copies |
//! | `cluster` | clusters with their profiles |
//! | `content` | user-data of machines, objects of layers and add-ons |
//! | `dependencies`, `meta` | what a block waits for; `lifecycle` and `timeouts` |
//! | `history` | the label a cluster had before; what of one that exists cannot change |
//! | `keyless` | clusters whose keys are not in the state: what of them can be planned |
//! | `ownership` | the tag by which an object says whose it is |
//! | `refactoring` | `moved`, `removed`, `import` |
//! | [`evaluate`] | a declaration → what is desired of it, with what is known now |
//! | [`ask`] | an expression that stands in no file |
//! | `seen` | what expressions see of other blocks |
//! | `written` | the attribute that makes a difference |

pub mod ask;
pub mod build;
mod cluster;
mod content;
mod dependencies;
pub mod evaluate;
mod history;
mod ids;
mod keyless;
mod meta;
mod ownership;
mod refactoring;
mod seen;
#[cfg(test)]
mod tests;
mod written;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use lazuli_cluster::expand::Expansion;
use lazuli_cluster::names::Account;
use lazuli_cluster::spec::Profile;
use lazuli_config::{Checked, Evaluator, Instance, Instances, Root};
use lazuli_core::resource::Declaration;
use lazuli_core::{Address, Diagnostics, Value};

/// A configuration that can be planned. Made anew whenever the roster or the renewals change.
pub struct Blueprint {
    /// The root module.
    evaluator: Arc<Evaluator>,
    /// Every module instance, the root first.
    units: Vec<Evaluator>,
    /// Their places by address.
    entered: HashMap<Option<Address>, usize>,
    accounts: BTreeMap<Arc<str>, Account>,
    declarations: Vec<Declaration>,
    items: Vec<Item>,
    clusters: Vec<ClusterBlock>,
    /// The places of clusters by address, and by the block they are copies of.
    places: HashMap<Address, usize>,
    named: HashMap<Root, Vec<usize>>,
    /// Profiles by the name modules know them by; `None` for one that is wrong.
    profiles: BTreeMap<Arc<str>, Option<Profile>>,
    /// The copies of blocks with `count` or `for_each`: counted once, every reference asks.
    copies: BTreeMap<Root, Instances>,
    /// All objects of such a block together, at an epoch at which all were known: every reference asks.
    together: Mutex<HashMap<Root, (u64, Value)>>,
    /// Keeps what is computed for one blueprint apart from what is computed for another.
    edition: u64,
    /// True when user-data is rendered: only an apply needs it, and it holds secrets.
    boots: bool,
    /// The tag that says which state an object belongs to.
    mark: ownership::Mark,
    /// What exists without it, or is imported: it is left as it is.
    unmarked: HashSet<Address>,
    /// What deserves a warning.
    pub warnings: Diagnostics,
    /// The items of blocks with postconditions, by address.
    promised: HashMap<Address, usize>,
    /// What `check` blocks found when everything was evaluated last.
    checked: Mutex<Diagnostics>,
    /// How they stood then.
    checks: Mutex<Vec<Checked>>,
}

/// What a declaration comes from.
enum Item {
    /// A `resource` or `data` block, by the place of its module instance and its own in the module.
    Block { unit: usize, data: bool, position: usize, instance: Option<Instance> },
    /// A part of a cluster.
    Part { cluster: usize, part: usize },
}

/// A cluster block, expanded.
struct ClusterBlock {
    address: Address,
    unit: Evaluator,
    /// Among the clusters of its module.
    position: usize,
    instance: Option<Instance>,
    expansion: Expansion,
    object: Value,
}

impl Blueprint {
    /// The clusters, expanded.
    pub fn clusters(&self) -> impl Iterator<Item = &Expansion> {
        self.clusters.iter().map(|c| &c.expansion)
    }

    /// What `check` blocks found when the outputs were evaluated last: warnings.
    pub fn checked(&self) -> Diagnostics {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How `check` blocks stood when the outputs were evaluated last.
    pub fn checks(&self) -> Vec<Checked> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The resource groups that must exist, each with the account it belongs to and the region that is asked of it.
    pub fn groups(&self) -> Vec<(Arc<str>, String, &Expansion)> {
        self.clusters().map(|c| (c.cluster.account.clone(), c.cluster.resource_group.clone(), c)).collect()
    }
}
