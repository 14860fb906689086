//! What is replaced because something else changes.

use lazuli_core::plan::{Action, Change, Reason};
use lazuli_core::resource::{Declaration, Trigger};
use lazuli_core::{Address, Path};

use crate::decide::{Case, Decision, Sight};

/// Turns a decision that would leave the object alone into a replacement, because what it lies below is replaced under
/// the same id and takes it along.
pub(crate) fn follow(decision: &mut Decision, case: &Case<'_>, replaced: &Address) {
    if matches!(decision.action, Action::NoOp | Action::Update | Action::Move | Action::Adopt) {
        decision.action = Action::ReplaceDeleteFirst;
        decision.reason = Some(Reason::Follows(replaced.clone()));
        if decision.before.is_none() {
            decision.before = case.recorded.and_then(|r| match case.observed {
                Sight::Present(object) => case.before(Some(r), object),
                Sight::Absent | Sight::NotLooked => case.before(Some(r), &r.observed),
            });
        }
    }
}

/// Turns a decision that would leave the object alone into a replacement, because something changes that it is to be
/// replaced with.
pub(crate) fn triggered(decision: &mut Decision, case: &Case<'_>, trigger: &Address) {
    if matches!(decision.action, Action::NoOp | Action::Update | Action::Move) {
        follow(decision, case, trigger);
        decision.reason = Some(Reason::Triggered(trigger.clone()));
    }
}

/// What a resource's `replace_triggered_by` names and this plan changes, of the changes of what it depends on.
pub(crate) fn trigger<'c>(
    declaration: &Declaration,
    changes: impl Iterator<Item = &'c Change>,
) -> Option<&'c Address> {
    let triggers = &declaration.lifecycle.replace_triggered_by;
    if triggers.is_empty() {
        return None;
    }
    let mut changes = changes.filter(|c| c.action == Action::Update || c.action.is_replace());
    let pulls = |change: &Change, trigger: &Trigger| {
        let path = &trigger.path;
        let written = |path: &Path| change.after.as_ref().is_some_and(|after| after.at(path).is_some());
        change.address.is_within(&trigger.on)
            && (path.steps().is_empty()
                || change.paths.iter().any(|p| overlap(&p.path, path))
                // What nobody writes comes from Azure, and may be another one afterwards.
                || !written(path) && !is_fixed(path, change))
    };
    changes.find(|change| triggers.iter().any(|trigger| pulls(change, trigger))).map(|c| &c.address)
}

/// True when one of two paths lies in the other.
fn overlap(a: &Path, b: &Path) -> bool {
    a.steps().starts_with(b.steps()) || b.steps().starts_with(a.steps())
}

/// True for what stays as it is when an object keeps its id.
fn is_fixed(path: &Path, change: &Change) -> bool {
    change.previous_id.is_none() && matches!(path.to_string().as_str(), "id" | "name" | "type")
}
