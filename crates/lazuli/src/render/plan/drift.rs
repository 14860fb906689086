//! What changed outside of Lazuli, and what becomes of it.

use std::collections::HashMap;

use lazuli_core::address::Address;
use lazuli_core::plan::{Action, Change, Drift, DriftKind, Plan, PlanMode};

use super::Page;
use crate::render::layout::{columns, pad};
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
    for drift in plan.drift.iter().take(limit) {
        let becomes = outcome(plan.mode, drift, changes.get(&drift.address).copied());
        entry(page, drift, becomes);
    }
    if plan.drift.len() > limit {
        page.line(&format!("  … and {} more   -v shows them", plan.drift.len() - limit));
    }
    page.line("");
}

fn entry(page: &mut Page, drift: &Drift, becomes: &str) {
    let address = pad(drift.address.as_str(), 46);
    let what = match &drift.what {
        DriftKind::Deleted => "deleted".to_owned(),
        DriftKind::Changed { path, recorded, observed } => {
            let side = |v: &Option<lazuli_core::Value>| {
                v.as_ref().map_or_else(|| "(absent)".to_owned(), value::inline)
            };
            format!("{path}  {} -> {}", side(recorded), side(observed))
        }
    };
    let one_line = format!("  {address}  {what}   {becomes}");
    if columns(&one_line) <= page.width {
        page.line(&one_line);
        return;
    }
    if let DriftKind::Changed { path, recorded, observed } = &drift.what {
        page.line(&format!("  {}   {becomes}", drift.address));
        page.line(&format!("      {path}"));
        for line in value::difference(recorded.as_ref(), observed.as_ref(), page.width - 8) {
            page.line(&format!("        {}", line.styled()));
        }
    } else {
        page.line(&format!("  {}", drift.address));
        page.line(&format!("      {what}   {becomes}"));
    }
}

fn outcome(mode: PlanMode, drift: &Drift, change: Option<&Change>) -> &'static str {
    if mode == PlanMode::RefreshOnly {
        return "will be recorded";
    }
    let Some(change) = change else { return "will be recorded" };
    match (&drift.what, change.action) {
        (DriftKind::Deleted, Action::Create) => "will be created again",
        (DriftKind::Deleted, action) if action.is_replace() => "will be created again",
        (DriftKind::Deleted, _) => "will be recorded",
        (DriftKind::Changed { .. }, Action::Delete | Action::Forget) => "goes with the resource",
        (DriftKind::Changed { path, .. }, _) => {
            let touched = change.paths.iter().any(|p| p.path.starts_with(path) || path.starts_with(&p.path));
            if touched { "will be set back" } else { "as configured now, will be recorded" }
        }
    }
}
