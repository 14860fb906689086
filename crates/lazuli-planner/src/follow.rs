//! What is replaced because something else changes.

use lazuli_core::Address;
use lazuli_core::plan::{Action, Reason};

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
