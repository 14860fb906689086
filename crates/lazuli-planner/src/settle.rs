//! Which of two is first in a replacement: the deletion or the creation.
//!
//! What keeps its id can only be deleted first. What gets another id is created first when its `lifecycle` says so, when
//! something that stays still uses the old object, or when something created first is made from it. A resource that is
//! created first but is made from one that can only be deleted first is deleted first too: its creation has to wait for
//! that deletion, which waits for its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use lazuli_core::encoding::to_json;
use lazuli_core::plan::{Action, Change};
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Diagnostic, Diagnostics, Json, Value};

use crate::graph::{Graph, Link};
use crate::make::Planned;

/// Objects that must go so that their id can be used again, while something that stays goes on using it: Azure refuses
/// that half-way, so the plan does before.
pub(crate) fn occupied(planned: &[Planned<'_>]) -> Diagnostics {
    let freed = || planned.iter().filter(|p| deletes(&p.change)).filter_map(|p| p.recorded);
    let mut problems = Diagnostics::new();
    if freed().next().is_none() {
        return problems;
    }
    let ids: HashSet<&ResourceId> = freed().map(|recorded| &recorded.id).collect();
    let taken: HashMap<&ResourceId, &Address> = planned
        .iter()
        .filter(|p| p.change.action == Action::Create || p.change.action.is_replace())
        .filter_map(|p| Some((p.change.id.as_ref().filter(|id| ids.contains(id))?, &p.change.address)))
        .collect();
    let goes: BTreeMap<&Address, (&ResourceId, &Address)> = freed()
        .filter_map(|recorded| Some((&recorded.address, (&recorded.id, *taken.get(&recorded.id)?))))
        .collect();
    for (p, user) in planned.iter().filter(|p| stays(&p.change)).filter_map(|p| Some((p, p.recorded?))) {
        for (address, (id, taker)) in user.dependencies.iter().filter_map(|on| goes.get_key_value(on)) {
            if mentions(&user.inputs, id.as_str()) && goes_on_using(&p.change, id) {
                problems.push(in_use(address, taker, &user.address));
            }
        }
    }
    problems
}

fn in_use(address: &Address, taker: &Address, user: &Address) -> Diagnostic {
    let must = match address == taker {
        true => "must be replaced under the same name".to_owned(),
        false => format!("must go before {taker} can have its name"),
    };
    let message = format!("{address} {must}, but {user} uses it and Azure does not delete what is in use");
    let help = format!(
        "give {taker} another name, so that the new one is made first; or take the reference of {user} away first"
    );
    Diagnostic::error("LZ1005", message).about(address.clone()).help(help)
}

/// True for what exists before and after, as the same object.
pub(crate) fn stays(change: &Change) -> bool {
    matches!(change.action, Action::NoOp | Action::Update | Action::Move | Action::Adopt)
}

/// False when the change takes every mention of the id away.
fn goes_on_using(change: &Change, id: &ResourceId) -> bool {
    change.action != Action::Update
        || change.after.as_ref().is_none_or(|after| value_mentions(after, id.as_str()))
}

fn value_mentions(value: &Value, id: &str) -> bool {
    match to_json(value) {
        Ok(json) => mentions(&json, id),
        Err(_) => value.children().any(|child| value_mentions(child, id)),
    }
}

/// True when some text in the JSON is the id, or an id below it.
pub(crate) fn mentions(json: &Json, id: &str) -> bool {
    match json {
        Json::String(text) => is_below(text, id),
        Json::Array(items) => items.iter().any(|item| mentions(item, id)),
        Json::Object(members) => members.values().any(|member| mentions(member, id)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

fn is_below(text: &str, id: &str) -> bool {
    text.get(..id.len()).is_some_and(|start| start.eq_ignore_ascii_case(id))
        && text.get(id.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// True when the object cannot be without the other one: it says its id, or lies below it.
pub(crate) fn refers(user: &Recorded, used: &Recorded) -> bool {
    is_below(user.id.as_str(), used.id.as_str()) || mentions(&user.inputs, used.id.as_str())
}

/// The places of things in a plan.
pub(crate) struct Index<'p> {
    /// By place of declaration: the place in the plan.
    pub(crate) at_place: Vec<Option<usize>>,
    /// By recorded address: who is recorded as depending on it.
    pub(crate) users: HashMap<&'p Address, Vec<usize>>,
    /// By id: the object that is deleted.
    pub(crate) freed: HashMap<&'p ResourceId, usize>,
    /// By place in the plan: its object is gone already, so that its users stand for it.
    gone: Vec<bool>,
}

impl<'p> Index<'p> {
    pub(crate) fn new(planned: &[Planned<'p>], declarations: usize) -> Self {
        let mut at_place = vec![None; declarations];
        let mut users: HashMap<&Address, Vec<usize>> = HashMap::new();
        let mut freed = HashMap::new();
        let leaves: HashSet<&Address> =
            planned.iter().filter(|p| !stays(&p.change)).filter_map(|p| Some(&p.recorded?.address)).collect();
        let gone = planned.iter().map(|p| p.recorded.is_some() && !stays(&p.change) && !deletes(&p.change));
        for (index, p) in planned.iter().enumerate() {
            if let Some(place) = p.place {
                at_place[place] = Some(index);
            }
            let Some(recorded) = p.recorded else { continue };
            for on in recorded.dependencies.iter().filter(|on| leaves.contains(on)) {
                users.entry(on).or_default().push(index);
            }
            if deletes(&p.change) {
                freed.insert(&recorded.id, index);
            }
        }
        Index { at_place, users, freed, gone: gone.collect() }
    }

    /// Who is recorded as depending on what is deleted, directly or through something that is gone already.
    pub(crate) fn users_of(&self, planned: &[Planned<'_>], used: &Recorded) -> Vec<usize> {
        let mut users = self.users.get(&used.address).cloned().unwrap_or_default();
        if !users.iter().any(|user| self.gone[*user]) {
            return users;
        }
        let mut at = 0;
        while let Some(&user) = users.get(at) {
            if let Some(gone) = planned[user].recorded.filter(|_| self.gone[user]) {
                for further in self.users.get(&gone.address).into_iter().flatten() {
                    if !users.contains(further) {
                        users.push(*further);
                    }
                }
            }
            at += 1;
        }
        users
    }
}

/// True when an object of the record goes.
pub(crate) fn deletes(change: &Change) -> bool {
    change.action == Action::Delete || change.action.is_replace()
}

/// Settles the order of every replacement.
pub(crate) fn settle(planned: &mut [Planned<'_>], graph: &Graph, index: &Index<'_>) {
    if !planned.iter().any(|p| p.change.action.is_replace()) {
        return;
    }
    let free: Vec<bool> = (0..planned.len()).map(|at| may_be_created_first(planned, at, index)).collect();
    for at in 0..planned.len() {
        if planned[at].change.action.is_replace() {
            let first = free[at]
                && (planned[at].change.action == Action::ReplaceCreateFirst
                    || in_use_by_others(planned, at, index));
            planned[at].change.action = order_of(first);
        }
    }
    pull_down(planned, graph, index, &free);
    pull_up(planned, graph, index);
}

fn order_of(create_first: bool) -> Action {
    if create_first { Action::ReplaceCreateFirst } else { Action::ReplaceDeleteFirst }
}

/// The new object has another id, which no other replacement has to set free.
fn may_be_created_first(planned: &[Planned<'_>], at: usize, index: &Index<'_>) -> bool {
    let change = &planned[at].change;
    let holder = change.id.as_ref().and_then(|id| index.freed.get(id));
    change.previous_id.is_some()
        && holder.is_none_or(|holder| *holder == at || !planned[*holder].change.action.is_replace())
}

/// Something that stays refers to the old object: it moves over to the new one before the old one can go.
fn in_use_by_others(planned: &[Planned<'_>], at: usize, index: &Index<'_>) -> bool {
    planned[at].recorded.is_some_and(|used| {
        index.users_of(planned, used).into_iter().any(|user| {
            stays(&planned[user].change) && planned[user].recorded.is_some_and(|user| refers(user, used))
        })
    })
}

/// What is made from something that can only be deleted first is deleted first.
fn pull_down(planned: &mut [Planned<'_>], graph: &Graph, index: &Index<'_>, free: &[bool]) {
    let mut below_pinned = vec![false; graph.order.len()];
    for &place in &graph.order {
        let Some(at) = index.at_place[place].filter(|at| moves(&planned[*at].change)) else { continue };
        let pinned = |link: &Link| {
            below_pinned[link.on]
                || index.at_place[link.on]
                    .is_some_and(|on| planned[on].change.action == Action::ReplaceDeleteFirst && !free[on])
        };
        below_pinned[place] = graph.dependencies[place].iter().any(pinned);
        if below_pinned[place] && planned[at].change.action == Action::ReplaceCreateFirst {
            planned[at].change.action = Action::ReplaceDeleteFirst;
        }
    }
}

/// What something created first is made from is created first.
fn pull_up(planned: &mut [Planned<'_>], graph: &Graph, index: &Index<'_>) {
    let mut above_first = vec![false; graph.order.len()];
    for &place in graph.order.iter().rev() {
        let Some(at) = index.at_place[place].filter(|at| moves(&planned[*at].change)) else { continue };
        let action = &mut planned[at].change.action;
        if above_first[place] && *action == Action::ReplaceDeleteFirst {
            *action = Action::ReplaceCreateFirst;
        }
        if above_first[place] || *action == Action::ReplaceCreateFirst {
            for link in &graph.dependencies[place] {
                above_first[link.on] = true;
            }
        }
    }
}

/// True for what has a step that others can wait for.
fn moves(change: &Change) -> bool {
    !matches!(change.action, Action::NoOp | Action::Move | Action::Forget)
}
