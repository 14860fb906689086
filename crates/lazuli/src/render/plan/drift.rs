//! What changed outside of Lazuli, and what becomes of it.

use std::collections::{BTreeMap, HashMap};

use anstream::adapter::strip_str;
use lazuli_core::address::Address;
use lazuli_core::path::PathStep;
use lazuli_core::plan::{Action, Cause, Change, Drift, DriftKind, Plan, PlanMode};
use lazuli_core::{Path, Value};

use super::Page;
use super::place::Place;
use crate::render::layout::{clean, columns, count};
use crate::render::style::{self, paint};
use crate::render::value;

/// How many differences are shown; `-v` shows all.
const SHOWN: usize = 20;
/// What is left of a difference below its address.
const INDENT: usize = 6;

pub(super) fn write(page: &mut Page, plan: &Plan) {
    if plan.drift.is_empty() {
        return;
    }
    page.line(&paint(style::STRONG, "Changed outside of Lazuli"));
    let changes: HashMap<&Address, &Change> = plan.changes.iter().map(|c| (&c.address, c)).collect();
    let lost = lost_nodes(&plan.drift);
    // That the parts of a node go with its machine is told with the machine.
    let follows = |drift: &&Drift| {
        is_deleted(drift) && !is_machine(drift) && node(drift).is_some_and(|node| lost.contains_key(&node))
    };
    let told: Vec<&Drift> = plan.drift.iter().filter(|drift| page.verbose || !follows(drift)).collect();
    let limit = if page.verbose { told.len() } else { SHOWN };
    let becomes = |drift: &Drift| outcome(plan.mode, drift, changes.get(&drift.address).copied());
    let shown = &told[..limit.min(told.len())];
    for alike in shown.chunk_by(|a, b| a.address == b.address && becomes(a) == becomes(b)) {
        let with = node(alike[0]).and_then(|node| lost.get(&node)).copied().unwrap_or(0);
        entry(page, alike, becomes(alike[0]), if page.verbose { 0 } else { with });
    }
    if told.len() > limit {
        page.line(&format!("  … and {} more   -v shows them", told.len() - limit));
    }
    page.line("");
}

fn is_deleted(drift: &Drift) -> bool {
    matches!(drift.what, DriftKind::Deleted)
}

fn is_machine(drift: &Drift) -> bool {
    drift.address.as_str().ends_with(".vm")
}

fn node(drift: &Drift) -> Option<String> {
    Place::of(&drift.address).node
}

/// Nodes whose machine is gone, with how many other things of theirs are gone too.
fn lost_nodes(drift: &[Drift]) -> BTreeMap<String, usize> {
    let mut lost: BTreeMap<String, usize> = BTreeMap::new();
    for gone in drift.iter().filter(|drift| is_deleted(drift) && is_machine(drift)) {
        lost.extend(node(gone).map(|node| (node, 0)));
    }
    for gone in drift.iter().filter(|drift| is_deleted(drift) && !is_machine(drift)) {
        if let Some(number) = node(gone).and_then(|node| lost.get_mut(&node)) {
            *number += 1;
        }
    }
    lost
}

/// What differs of a resource and has the same outcome: on one line where it fits. `with` things are gone with it.
fn entry(page: &mut Page, drifts: &[&Drift], becomes: Becomes, with: usize) {
    let Some(first) = drifts.first() else { return };
    let address = first.address.as_str();
    let becomes_text = becomes.text();
    let told: Vec<Option<String>> = drifts.iter().map(|drift| one_line(drift, with)).collect();
    if let [Some(what)] = told.as_slice() {
        let width = columns(&strip_str(what).to_string());
        if columns(address) + width + columns(becomes_text) + 8 <= page.width {
            page.line(&format!("  {address}   {what}   {becomes_text}"));
            return;
        }
    }
    page.line(&format!("  {address}   {becomes_text}"));
    let margin = " ".repeat(INDENT);
    for (drift, told) in drifts.iter().zip(told) {
        let fits = |what: &String| columns(&strip_str(what).to_string()) + INDENT <= page.width;
        match (&drift.what, told) {
            (_, Some(what)) if fits(&what) => page.line(&format!("{margin}{what}")),
            (DriftKind::Changed { path, .. }, _) if becomes == Becomes::SetBack => {
                page.line(&format!("{margin}{}", spoken(path))); // shown with the change below
            }
            (DriftKind::Changed { path, recorded, observed }, _) => {
                page.line(&format!("{margin}{}", spoken(path)));
                for line in value::difference(recorded.as_ref(), observed.as_ref(), page.width - 8) {
                    page.line(&format!("{margin}  {}", line.styled()));
                }
            }
            (DriftKind::Deleted | DriftKind::Added { .. }, what) => {
                page.wrapped(&margin, &what.unwrap_or_default());
            }
        }
    }
}

fn one_line(drift: &Drift, with: usize) -> Option<String> {
    match &drift.what {
        DriftKind::Deleted if with > 0 => {
            let follow = if with == 1 { "follows" } else { "follow" };
            Some(format!("deleted outside, {} of it {follow}", count(with, "thing")))
        }
        DriftKind::Deleted => Some("deleted outside".to_owned()),
        DriftKind::Added { path } => Some(format!("{} added by someone else", spoken(path))),
        DriftKind::Changed { path, recorded, observed } => {
            let change = value::scalar_change(recorded.as_ref(), observed.as_ref())
                .or_else(|| of_lists(recorded.as_ref()?, observed.as_ref()?))?;
            Some(format!("{}  {change}", spoken(path)))
        }
    }
}

/// The change of a short list of plain values.
fn of_lists(before: &Value, after: &Value) -> Option<String> {
    let is_short = |value: &Value| {
        value.as_sequence().is_none_or(|items| items.len() <= 3) && value.as_entries().is_none()
    };
    (is_short(before) && is_short(after))
        .then(|| format!("{} -> {}", value::inline(before), value::inline(after)))
}

/// `rule "allow_ssh"`, `rule "allow_apiserver" sourceAddressPrefix`: a path as people say it.
fn spoken(path: &Path) -> String {
    let name = |step: &PathStep| match step {
        PathStep::Name(name) => Some(name.to_string()),
        PathStep::Key(_) | PathStep::Index(_) => None,
    };
    let [first, array, PathStep::Key(key), rest @ ..] = path.steps() else { return path.to_string() };
    let noun = match (name(first).as_deref(), name(array).as_deref()) {
        (Some("properties"), Some("securityRules")) => "rule",
        (Some("properties"), Some("routes")) => "route",
        _ => return path.to_string(),
    };
    let below: Vec<String> = rest.iter().filter_map(name).filter(|name| name != "properties").collect();
    format!("{noun} \"{}\" {}", clean(key), below.join(".")).trim_end().to_owned()
}

/// What becomes of a difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Becomes {
    Recorded,
    CreatedAgain,
    SetBack,
    Changed,
    Deleted,
    LeftAlone,
}

impl Becomes {
    fn text(self) -> &'static str {
        match self {
            Becomes::Recorded => "will be recorded",
            Becomes::CreatedAgain => "will be created again",
            Becomes::SetBack => "will be set back (below)",
            Becomes::Changed => "will be as configured now (below)",
            Becomes::Deleted => "goes with the resource",
            Becomes::LeftAlone => "left alone (not ours)",
        }
    }
}

fn outcome(mode: PlanMode, drift: &Drift, change: Option<&Change>) -> Becomes {
    if matches!(drift.what, DriftKind::Added { .. }) {
        return Becomes::LeftAlone;
    }
    let Some(change) = change.filter(|_| mode != PlanMode::RefreshOnly) else { return Becomes::Recorded };
    match (&drift.what, change.action) {
        (DriftKind::Deleted, Action::Create) => Becomes::CreatedAgain,
        (DriftKind::Deleted, action) if action.is_replace() => Becomes::CreatedAgain,
        (DriftKind::Deleted, _) => Becomes::Recorded,
        (_, Action::Delete | Action::Forget) => Becomes::Deleted,
        (DriftKind::Added { .. }, _) => Becomes::LeftAlone,
        (DriftKind::Changed { path, .. }, _) => {
            let touches = |p: &Path| p.starts_with(path) || path.starts_with(p);
            match change.paths.iter().find(|p| touches(&p.path)) {
                Some(p) if p.cause == Cause::Configuration => Becomes::Changed,
                Some(_) => Becomes::SetBack,
                None => Becomes::Recorded,
            }
        }
    }
}
