//! What replaces nodes, how, and what it leaves alone.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_core::plan::{Action, Change, Operation, Plan, PlanMode, Reason};
use lazuli_core::resource::Mode;

use super::facts;
use super::place::{Place, Section};
use super::rows;
use crate::preflight::timeline;
use crate::render::duration;
use crate::render::layout::count;

const MACHINE: &str = "Microsoft.Compute/virtualMachines";
const ADDRESS: &str = "Microsoft.Network/publicIPAddresses";

/// The nodes whose replacement waits for that of another node, by address.
#[derive(Debug, Default)]
pub(super) struct Rolling(BTreeSet<String>);

impl Rolling {
    pub(super) fn of(plan: &Plan) -> Self {
        let place = |step: u32| plan.steps.get(step as usize).map(|step| Place::of(&step.address));
        let waits = plan.edges.iter().filter(|edge| edge.because.starts_with("rolling:"));
        // What waits for another pool, or for the control plane, does not wait for its own.
        let later = waits.filter_map(|edge| {
            let (before, after) = (place(edge.before)?, place(edge.after)?);
            let same_pool = before.section == after.section && before.cluster == after.cluster;
            (same_pool && before.node != after.node).then_some(after)
        });
        Rolling(later.filter_map(|place| place.node).collect())
    }

    /// `expand first, 1 extra, 0 unavailable`, when several nodes of a pool are replaced; of the control plane, which never
    /// does otherwise, `one at a time, etcd quorum 2 of 3 kept`.
    pub(super) fn fact(&self, section: &Section, members: &[(Place, &Change)]) -> Option<String> {
        let replaced = members.iter().filter(|(_, change)| change.action.is_replace());
        let mut nodes: BTreeMap<&str, Action> = BTreeMap::new();
        for (place, change) in replaced {
            if let Some(node) = place.node.as_deref() {
                nodes.insert(node, change.action);
            }
        }
        if nodes.len() < 2 {
            return None;
        }
        let waiting = nodes.keys().filter(|node| self.0.contains(**node)).count();
        let window = nodes.len() - waiting;
        let new_first = !matches!(nodes.values().next(), Some(Action::ReplaceDeleteFirst));
        if *section == Section::ControlPlane {
            let machines = members.iter().filter(|(_, c)| &*c.ty.name == MACHINE);
            let all = machines.filter(|(_, c)| !matches!(c.action, Action::Delete | Action::Forget)).count();
            let pace = if window == 1 { "one at a time".to_owned() } else { format!("{window} at a time") };
            return Some(match new_first {
                true => format!("{pace}, etcd quorum {} of {all} kept", all / 2 + 1),
                false => format!("{pace}, old before new"),
            });
        }
        let (strategy, extra, missing) =
            if new_first { ("expand first", window, 0) } else { ("contract first", 0, window) };
        Some(format!("{strategy}, {extra} extra, {missing} unavailable"))
    }
}

/// How a node leaves a cluster that stays: `drain (10m, budgets respected), leave etcd, delete`.
pub(super) fn departure(parts: &[&(Place, &Change)]) -> Option<String> {
    let member = parts.iter().find(|(place, _)| place.part.name == "member")?;
    let (place, change) = (&member.0, member.1);
    let before =
        change.before.as_ref().filter(|_| change.action.is_replace() || change.action == Action::Delete)?;
    let seconds = facts::text(before, "properties.drainTimeoutSeconds")?.parse::<u64>().ok()?;
    let mut ways = vec![format!("drain ({}, budgets respected)", duration::written(seconds))];
    if place.section == Section::ControlPlane {
        ways.push("leave etcd".to_owned());
    }
    ways.push("delete".to_owned());
    Some(ways.join(", "))
}

/// The version of Kubernetes that a cluster has and the one it gets, without the `v`.
pub(super) fn versions(changes: &[&Change]) -> Option<(String, String)> {
    let settings = changes.iter().find(|change| change.address.as_str().ends_with(".layer[\"settings\"]"))?;
    let path = settings.paths.iter().find(|path| path.path.to_string() == "properties.kubernetesVersion")?;
    let bare = |value: &Option<lazuli_core::Value>| {
        let text = value.as_ref()?.as_str()?;
        Some(text.strip_prefix('v').unwrap_or(text).to_owned())
    };
    Some((bare(&path.before)?, bare(&path.after)?))
}

/// Where the version of Kubernetes is written.
pub(super) fn version_place(changes: &[&Change]) -> Option<String> {
    let settings = changes.iter().find(|change| change.address.as_str().ends_with(".layer[\"settings\"]"))?;
    settings.changed_at.as_ref().map(|at| format!("{}:{}", at.file, at.line))
}

/// `Why: kubernetes.version 1.33.6 -> 1.34.2 replaces 9 nodes.`, and what stays as it is.
pub(super) fn why(plan: &Plan, cluster: &str, changes: &[&Change]) -> Vec<String> {
    if plan.mode != PlanMode::Apply {
        return Vec::new();
    }
    let mut nodes: BTreeMap<String, &str> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.action.is_replace()) {
        let node = Place::of(&change.address).node;
        // Who asked, or what happened, is told with the nodes.
        if let (Some(node), Some(Reason::Succession(why))) = (node, &change.reason)
            && !rows::marks(change).is_empty()
        {
            nodes.entry(node).or_insert(why);
        }
    }
    let mut causes: BTreeMap<&str, usize> = BTreeMap::new();
    for cause in nodes.values() {
        *causes.entry(cause).or_default() += 1;
    }
    if causes.is_empty() || causes.len() > 3 {
        return Vec::new();
    }
    let told: Vec<String> = causes
        .iter()
        .map(|(cause, number)| {
            let several = cause.contains(", ");
            let verb = if several { "replace" } else { "replaces" };
            format!("{} {verb} {}", super::layout::clean(cause), count(*number, "node"))
        })
        .collect();
    let mut parts = vec![format!("Why: {}.", told.join("; "))];
    let untouched = untouched(changes);
    if !untouched.is_empty() {
        parts.push(format!("Not touched: {}.", untouched.join(", ")));
    }
    let several = plan.changes.iter().any(|change| {
        let other = Place::of(&change.address).cluster;
        other.is_some_and(|other| other != cluster) && change.action.is_replace()
    });
    if several {
        parts.insert(0, format!("{cluster}:"));
    }
    parts
}

/// What of a cluster stays exactly as it is.
fn untouched(changes: &[&Change]) -> Vec<&'static str> {
    let place = |change: &Change| Place::of(&change.address);
    let stays = |is_it: &dyn Fn(&Change) -> bool| {
        let mut all = changes.iter().filter(|c| c.mode == Mode::Managed && is_it(c)).peekable();
        all.peek().is_some() && all.all(|change| change.action == Action::NoOp)
    };
    let is_address = |change: &Change| &*change.ty.name == ADDRESS;
    let mut words = Vec::new();
    if stays(&|c| place(c).section == Section::Network && !is_address(c)) {
        words.push("network");
    }
    if stays(&|c| place(c).section == Section::ApiServer && place(c).part.name == "load_balancer") {
        words.push("load balancer");
    }
    if stays(&is_address) {
        words.push("addresses");
    }
    if stays(&|c| place(c).section == Section::Identity && place(c).key().is_none()) {
        words.push("identity");
    }
    words
}

/// How many machines more than before and after there are at most while nodes are replaced.
pub(super) fn extra_machines(plan: &Plan) -> usize {
    let weight: Vec<i64> = plan
        .steps
        .iter()
        .map(|step| match (&*step.ty.name, step.operation) {
            (MACHINE, Operation::Create) => 1,
            (MACHINE, Operation::Delete) => -1,
            _ => 0,
        })
        .collect();
    if !weight.contains(&1) || !weight.contains(&-1) {
        return 0;
    }
    let after: i64 = weight.iter().sum();
    let most = timeline::peak(&plan.edges, &weight, true);
    usize::try_from(most - after.max(0)).unwrap_or(0)
}
