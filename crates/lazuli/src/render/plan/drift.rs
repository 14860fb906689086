//! What changed outside of Lazuli, and what becomes of it.

use std::collections::HashMap;

use anstream::adapter::strip_str;
use lazuli_core::address::Address;
use lazuli_core::plan::{Action, Cause, Change, Drift, DriftKind, Plan, PlanMode};

use super::Page;
use crate::render::layout::columns;
use crate::render::style::{self, paint};
use crate::render::value;

/// How many differences are shown; `-v` shows all.
const SHOWN: usize = 20;

pub(super) fn write(page: &mut Page, plan: &Plan) {
    if plan.drift.is_empty() {
        return;
    }
    page.line(&paint(style::STRONG, "Changed outside of Lazuli"));
    let changes: HashMap<&Address, &Change> = plan.changes.iter().map(|c| (&c.address, c)).collect();
    let limit = if page.verbose { plan.drift.len() } else { SHOWN };
    let becomes = |drift: &Drift| outcome(plan.mode, drift, changes.get(&drift.address).copied());
    let shown = &plan.drift[..limit.min(plan.drift.len())];
    for alike in shown.chunk_by(|a, b| a.address == b.address && becomes(a) == becomes(b)) {
        entry(page, alike, becomes(&alike[0]));
    }
    if plan.drift.len() > limit {
        page.line(&format!("  … and {} more   -v shows them", plan.drift.len() - limit));
    }
    page.line("");
}

/// What differs of a resource and has the same outcome: on one line where it fits.
fn entry(page: &mut Page, drifts: &[Drift], becomes: Becomes) {
    let Some(first) = drifts.first() else { return };
    let address = first.address.as_str();
    let becomes_text = becomes.text();
    let told: Vec<Option<String>> = drifts.iter().map(|drift| one_line(drift, becomes)).collect();
    if let [Some(what)] = told.as_slice() {
        let width = columns(&strip_str(what).to_string());
        if columns(address) + width + columns(becomes_text) + 8 <= page.width {
            page.line(&format!("  {address}   {what}   {becomes_text}"));
            return;
        }
    }
    if matches!(first.what, DriftKind::Deleted) {
        page.line(&format!("  {address}"));
        page.line(&format!("      deleted, {becomes_text}"));
        return;
    }
    page.line(&format!("  {address}   {becomes_text}"));
    for (drift, told) in drifts.iter().zip(told) {
        match (&drift.what, told) {
            (_, Some(what)) => page.line(&format!("      {what}")),
            (DriftKind::Changed { path, recorded, observed }, None) => {
                page.line(&format!("      {path}"));
                for line in value::difference(recorded.as_ref(), observed.as_ref(), page.width - 8) {
                    page.line(&format!("        {}", line.styled()));
                }
            }
            (DriftKind::Deleted, None) => {}
        }
    }
}

fn one_line(drift: &Drift, becomes: Becomes) -> Option<String> {
    match &drift.what {
        DriftKind::Deleted => Some("deleted".to_owned()),
        // What is set back is shown with the change below.
        DriftKind::Changed { path, .. } if becomes == Becomes::SetBack => Some(path.to_string()),
        DriftKind::Changed { path, recorded, observed } => {
            let change = value::scalar_change(recorded.as_ref(), observed.as_ref())?;
            Some(format!("{path}  {change}"))
        }
    }
}

/// What becomes of a difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Becomes {
    Recorded,
    CreatedAgain,
    SetBack,
    Changed,
    Deleted,
}

impl Becomes {
    fn text(self) -> &'static str {
        match self {
            Becomes::Recorded => "will be recorded",
            Becomes::CreatedAgain => "will be created again",
            Becomes::SetBack => "will be set back (below)",
            Becomes::Changed => "will be as configured now (below)",
            Becomes::Deleted => "goes with the resource",
        }
    }
}

fn outcome(mode: PlanMode, drift: &Drift, change: Option<&Change>) -> Becomes {
    let Some(change) = change.filter(|_| mode != PlanMode::RefreshOnly) else { return Becomes::Recorded };
    match (&drift.what, change.action) {
        (DriftKind::Deleted, Action::Create) => Becomes::CreatedAgain,
        (DriftKind::Deleted, action) if action.is_replace() => Becomes::CreatedAgain,
        (DriftKind::Deleted, _) => Becomes::Recorded,
        (DriftKind::Changed { .. }, Action::Delete | Action::Forget) => Becomes::Deleted,
        (DriftKind::Changed { path, .. }, _) => {
            let touches = |p: &lazuli_core::Path| p.starts_with(path) || path.starts_with(p);
            match change.paths.iter().find(|p| touches(&p.path)) {
                Some(p) if p.cause == Cause::Configuration => Becomes::Changed,
                Some(_) => Becomes::SetBack,
                None => Becomes::Recorded,
            }
        }
    }
}
