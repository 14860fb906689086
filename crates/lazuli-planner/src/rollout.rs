//! The nodes of a pool are replaced a few at a time, and pools in their order.
//!
//! * Node `i` begins when node `i - window` is through, and the first ones when the last ones of the pools that come
//!   before are.
//! * What an interrupted run left of nodes that are replaced goes before further nodes are: it counts as one too many.
//! * Where nodes go before their successors come, nodes that are missing come first: they count as one too few.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::Address;
use lazuli_core::plan::Action;
use lazuli_core::resource::{Declaration, Rollout};

use crate::make::Planned;
use crate::order::Steps;
use crate::steps::{Constraints, Strength};

/// A pool in which something is replaced, or was and is not finished. Parts of nodes by their place in the plan.
struct Pool<'a> {
    rollout: &'a Rollout,
    /// What is replaced, node by node.
    nodes: BTreeMap<&'a Address, Vec<usize>>,
    /// What is left of nodes whose successors are there.
    left: Vec<usize>,
    /// What is missing.
    missing: Vec<usize>,
}

/// Adds the constraints of all pools.
pub(crate) fn order(
    planned: &[Planned<'_>],
    steps: &[Steps],
    declarations: &[Declaration],
    constraints: &mut Constraints,
) {
    let pools = pools(planned, declarations);
    let rolling = Rolling { planned, steps };
    for pool in pools.values() {
        let nodes: Vec<(&&Address, &Vec<usize>)> = pool.nodes.iter().collect();
        let window = pool.rollout.window.max(1);
        for (later, (_, parts)) in nodes.iter().enumerate().skip(window) {
            let (name, earlier) = nodes[later - window];
            let because = format!("rolling: {name} comes first");
            rolling.one_after_the_other(earlier, parts, Strength::Must, &because, constraints);
        }
        // Within a pool the others follow from these.
        let first = || nodes.iter().take(window).map(|(_, parts)| *parts);
        for parts in first() {
            if parts.iter().any(|at| rolling.action(*at) == Action::ReplaceDeleteFirst) {
                let because = "rolling: nodes that are missing come first";
                rolling.one_after_the_other(&pool.missing, parts, Strength::Should, because, constraints);
            }
            let because = "rolling: what is left of the nodes before goes first";
            rolling.one_after_the_other(&pool.left, parts, Strength::Must, because, constraints);
        }
        for before in &pool.rollout.after {
            let Some(earlier) = pools.get(before) else { continue };
            let because = format!("rolling: {before} comes first");
            let last = earlier.nodes.values().rev().take(earlier.rollout.window.max(1));
            for last in last.chain([&earlier.left]) {
                for parts in first() {
                    rolling.one_after_the_other(last, parts, Strength::Must, &because, constraints);
                }
            }
        }
    }
}

fn pools<'a>(planned: &[Planned<'_>], declarations: &'a [Declaration]) -> BTreeMap<&'a Address, Pool<'a>> {
    let rollout = |place: Option<usize>| place.and_then(|place| declarations[place].rollout.as_ref());
    let mut pools: BTreeMap<&Address, Pool<'_>> = BTreeMap::new();
    // Parts of which it is not known yet whether their nodes are replaced.
    let mut others: Vec<(&Rollout, usize)> = Vec::new();
    let mut current = None;
    for (at, p) in planned.iter().enumerate() {
        // What was set aside stands behind its successor.
        if !p.deposed {
            current = Some(p);
        }
        let successor = current.filter(|current| current.change.address == p.change.address);
        let Some(rollout) = rollout(successor.and_then(|successor| successor.place)) else { continue };
        if p.change.action.is_replace() {
            let pool = pools.entry(&rollout.pool).or_insert_with(|| Pool::new(rollout));
            pool.nodes.entry(&rollout.node).or_default().push(at);
        } else if p.deposed || p.change.action == Action::Create {
            others.push((rollout, at));
        }
    }
    for (rollout, at) in others {
        let pool = pools.entry(&rollout.pool).or_insert_with(|| Pool::new(rollout));
        let rest = if planned[at].deposed { &mut pool.left } else { &mut pool.missing };
        pool.nodes.get_mut(&rollout.node).unwrap_or(rest).push(at);
    }
    pools
}

impl<'a> Pool<'a> {
    fn new(rollout: &'a Rollout) -> Pool<'a> {
        Pool { rollout, nodes: BTreeMap::new(), left: Vec::new(), missing: Vec::new() }
    }
}

struct Rolling<'o, 'p> {
    planned: &'o [Planned<'p>],
    steps: &'o [Steps],
}

impl Rolling<'_, '_> {
    fn action(&self, at: usize) -> Action {
        self.planned[at].change.action
    }

    /// Everything of one replacement of a node comes before everything of another one.
    fn one_after_the_other(
        &self,
        earlier: &[usize],
        later: &[usize],
        strength: Strength,
        because: &str,
        constraints: &mut Constraints,
    ) {
        let because: Arc<str> = because.into();
        for before in earlier {
            for after in later {
                constraints.add(self.last(*before), self.first(*after), strength, &because);
            }
        }
    }

    /// The step with which a change begins.
    fn first(&self, at: usize) -> Option<usize> {
        let Steps { forward, delete } = self.steps[at];
        if self.action(at) == Action::ReplaceDeleteFirst { delete } else { forward.or(delete) }
    }

    /// The step with which a change is through.
    fn last(&self, at: usize) -> Option<usize> {
        let Steps { forward, delete } = self.steps[at];
        if self.action(at) == Action::ReplaceDeleteFirst { forward } else { delete.or(forward) }
    }
}
