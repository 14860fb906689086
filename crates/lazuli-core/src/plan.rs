//! The plan as data: changes for people, steps and edges for the executor. `lazuli-planner` makes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Json;
use crate::address::Address;
use crate::path::Path;
use crate::resource::{Mode, NodeSlot, ProviderName, ResourceId, ResourceType};
use crate::source::Location;
use crate::value::Value;

/// What will happen, in full: the executor follows it and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whether the configured world is wanted, or none of it.
    pub mode: PlanMode,
    /// The state it was made for.
    pub lineage: String,
    /// The version of that state; a plan for another version is stale.
    pub serial: u64,
    /// Every resource with what happens to it, unchanged ones included, in order of address.
    pub changes: Vec<Change>,
    /// What differs between record and world without the configuration having changed.
    pub drift: Vec<Drift>,
    /// The operations, in an order that respects the edges.
    pub steps: Vec<Step>,
    /// What waits for what.
    pub edges: Vec<Edge>,
    /// The outputs with what happens to them.
    pub outputs: Vec<OutputChange>,
    /// What it was limited to.
    #[serde(default, skip_serializing_if = "Scope::is_whole")]
    pub scope: Scope,
    /// Resources, declared or recorded, that the limits leave out: nothing happens to them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left_out: BTreeSet<Address>,
}

/// Which part of the world a plan is about. An address that others begin with stands for all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `--target`: only these and what they depend on; everything when there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub targets: BTreeSet<Address>,
    /// `--exclude`: neither these nor what depends on them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub excludes: BTreeSet<Address>,
    /// What the targets depend on stays as it is where it exists; only what does not exist yet comes along.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
}

impl Scope {
    /// True when nothing limits it.
    pub fn is_whole(&self) -> bool {
        self.targets.is_empty() && self.excludes.is_empty()
    }
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanMode {
    /// Towards the configuration.
    Apply,
    /// Towards nothing.
    Destroy,
    /// Only the record is brought up to date.
    RefreshOnly,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    NoOp,
    /// `+`
    Create,
    /// `~`
    Update,
    /// `-/+` deleted, then created
    ReplaceDeleteFirst,
    /// `+/-` created, then deleted
    ReplaceCreateFirst,
    /// `-`
    Delete,
    /// `<=` read during apply
    Read,
    /// taken over: exists already and carries our lineage, or an `import` block says so
    Adopt,
    /// `→` only its address changes
    Move,
    /// no longer recorded, left in the world
    Forget,
}

impl Action {
    /// The symbol people know from Terraform.
    pub fn symbol(self) -> &'static str {
        match self {
            Action::NoOp => " ",
            Action::Create => "+",
            Action::Update | Action::Adopt => "~",
            Action::ReplaceDeleteFirst => "-/+",
            Action::ReplaceCreateFirst => "+/-",
            Action::Delete => "-",
            Action::Read => "<=",
            Action::Move => "→",
            Action::Forget => ".",
        }
    }

    /// True for both replacements.
    pub fn is_replace(self) -> bool {
        matches!(self, Action::ReplaceDeleteFirst | Action::ReplaceCreateFirst)
    }
}

/// A resource with what happens to it and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its name.
    pub address: Address,
    /// Its name so far, when it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_address: Option<Address>,
    /// Owned or only read.
    pub mode: Mode,
    /// What happens.
    pub action: Action,
    /// Why it happens, when that is not plain from the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Who carries it out.
    pub provider: ProviderName,
    /// The cloud account.
    pub account: Arc<str>,
    /// The type.
    #[serde(rename = "type")]
    pub ty: ResourceType,
    /// What people call the type.
    pub title: Arc<str>,
    /// The id afterwards (before, of a delete), when known.
    pub id: Option<ResourceId>,
    /// The id before, when the replacement has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_id: Option<ResourceId>,
    /// What exists now, limited to what Lazuli owns; sensitive parts are marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What will exist, limited to what Lazuli owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Attribute by attribute, what differs.
    pub paths: Vec<PathChange>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Location>,
    /// Where the attribute is written that makes the difference, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Location>,
}

/// One attribute that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathChange {
    /// Where.
    pub path: Path,
    /// Now; `None` when it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Afterwards; `None` when it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// As last recorded, when that is a third value: somebody else changed it, and the configuration did too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Value>,
    /// True when it cannot be changed in place.
    pub forces_replacement: bool,
    /// Who changed it.
    pub cause: Cause,
}

impl PathChange {
    /// True when somebody else changed it, whether the configuration did too or not.
    pub fn changed_outside(&self) -> bool {
        self.cause == Cause::Drift || self.recorded.is_some()
    }
}

/// Who made a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The configuration.
    Configuration,
    /// Somebody else, in the world.
    Drift,
}

/// Why something happens to a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The configuration changed.
    Configuration,
    /// Somebody changed it outside of Lazuli.
    Drift,
    /// Somebody deleted it outside of Lazuli.
    DeletedOutside,
    /// Its block is gone, or its slot or instance.
    NotInConfiguration,
    /// Everything is being destroyed.
    Destroy,
    /// `--replace`.
    Asked,
    /// Another object takes its place.
    Succession(String),
    /// Something it is attached to is replaced.
    Follows(Address),
    /// Left over from a replacement that was interrupted.
    Deposed,
    /// An earlier run began it and did not finish.
    Unfinished,
    /// What it says depends on something that is not known yet.
    DependsOnUnknown,
    /// Something its `replace_triggered_by` names changes.
    Triggered(Address),
    /// An `import` block gives it an object that exists.
    Imported,
    /// It ends with the cluster it is in, whose keys go.
    EndsWith(Address),
}

/// What differs between record and world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The resource.
    pub address: Address,
    /// Its type's title.
    pub title: Arc<str>,
    /// What is different.
    pub what: DriftKind,
}

/// How the world differs from the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// The object is gone.
    Deleted,
    /// An attribute Lazuli owns has another value.
    Changed {
        /// Where.
        path: Path,
        /// As recorded.
        recorded: Option<Value>,
        /// As found.
        observed: Option<Value>,
    },
    /// An element that somebody else put into an array in which others own elements too: it is left alone.
    Added {
        /// Where.
        path: Path,
    },
}

/// One operation on one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number: its place in [`Plan::steps`].
    pub number: u32,
    /// The resource.
    pub address: Address,
    /// What is done.
    pub operation: Operation,
    /// Its place in [`Plan::changes`].
    pub change: u32,
    /// Who carries it out.
    pub provider: ProviderName,
    /// The cloud account.
    pub account: Arc<str>,
    /// The type.
    #[serde(rename = "type")]
    pub ty: ResourceType,
    /// The object's id, when known.
    pub id: Option<ResourceId>,
    /// The body as planned; known parts are a promise. `None` for deletes and reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Value>,
    /// Paths that were sent before and are to be taken away by an update.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Path>,
    /// True for a create whose predecessor is deleted later, and for the delete of such a predecessor.
    pub deposed: bool,
    /// The direct dependencies to record.
    pub dependencies: Vec<Address>,
    /// Steps with the same lock never run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Arc<str>>,
    /// How long it may take, in seconds.
    pub timeout: u64,
    /// How long it usually takes, in seconds.
    pub expected: f64,
    /// Of a part of a node, the node's slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<NodeSlot>,
    /// Recorded with the resource: `lifecycle.prevent_destroy`.
    #[serde(default)]
    pub prevent_destroy: bool,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Makes the object.
    Create,
    /// Changes it in place.
    Update,
    /// Removes it.
    Delete,
    /// Reads it.
    Read,
}

/// `after` waits for `before`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The step that comes first.
    pub before: u32,
    /// The step that waits.
    pub after: u32,
    /// Why: `properties.subnets refers to it`.
    pub because: Arc<str>,
}

/// An output with what happens to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputChange {
    /// Its name.
    pub name: Arc<str>,
    /// As last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// As it will be; `None` when it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Whether it is hidden.
    pub sensitive: bool,
}

/// How many resources are added, changed, removed; a replacement counts as one added and one removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Created.
    pub add: usize,
    /// Changed in place.
    pub change: usize,
    /// Deleted.
    pub remove: usize,
    /// Adopted or imported.
    pub import: usize,
    /// Given another address.
    #[serde(rename = "move")]
    pub moved: usize,
}

impl Summary {
    /// Counts actions.
    pub fn of(actions: impl IntoIterator<Item = Action>) -> Summary {
        let mut summary = Summary::default();
        for action in actions {
            match action {
                Action::Create => summary.add += 1,
                Action::Update => summary.change += 1,
                Action::Delete => summary.remove += 1,
                Action::ReplaceDeleteFirst | Action::ReplaceCreateFirst => {
                    summary.add += 1;
                    summary.remove += 1;
                }
                Action::Adopt => summary.import += 1,
                Action::Move => summary.moved += 1,
                Action::NoOp | Action::Read | Action::Forget => {}
            }
        }
        summary
    }
}

impl Plan {
    /// Counts the changes.
    pub fn summary(&self) -> Summary {
        Summary::of(self.changes.iter().map(|change| change.action))
    }

    /// True when applying it would change nothing, outputs and, where that is all it does, the record included.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.operation == Operation::Read)
            && self.changes.iter().all(|c| matches!(c.action, Action::NoOp | Action::Read))
            && self.outputs.iter().all(|o| !o.changes())
            && (self.mode != PlanMode::RefreshOnly || self.drift.is_empty())
    }

    /// The expected duration in seconds: the longest chain of steps.
    pub fn critical_path(&self) -> (f64, Vec<u32>) {
        let mut finish = vec![0.0_f64; self.steps.len()];
        let mut previous = vec![None; self.steps.len()];
        let mut incoming: Vec<Vec<u32>> = vec![Vec::new(); self.steps.len()];
        for edge in &self.edges {
            if let Some(list) = incoming.get_mut(edge.after as usize) {
                list.push(edge.before);
            }
        }
        for (i, step) in self.steps.iter().enumerate() {
            let start =
                incoming[i].iter().map(|b| (finish[*b as usize], *b)).max_by(|a, b| a.0.total_cmp(&b.0));
            previous[i] = start.map(|(_, before)| before);
            finish[i] = start.map_or(0.0, |(time, _)| time) + step.expected;
        }
        let Some(last) = (0..finish.len()).max_by(|a, b| finish[*a].total_cmp(&finish[*b])) else {
            return (0.0, Vec::new());
        };
        let mut path = vec![self.steps[last].number];
        while let Some(before) = previous[path[path.len() - 1] as usize] {
            path.push(before);
        }
        path.reverse();
        (finish[last], path)
    }
}

impl OutputChange {
    /// True when the value will be another one than before.
    pub fn changes(&self) -> bool {
        let before = self.before.as_ref().map(crate::encoding::from_json);
        match (&before, &self.after) {
            (None, None) => false,
            (Some(before), Some(after)) => match crate::encoding::to_json(after) {
                Ok(json) => crate::encoding::from_json(&json) != *before,
                Err(_) => true,
            },
            _ => true,
        }
    }
}
