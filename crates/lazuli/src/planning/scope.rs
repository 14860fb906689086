//! What a plan is limited to: addresses that do not exist, and what is left undone.

use std::collections::BTreeSet;

use lazuli_core::configuration::Configuration;
use lazuli_core::plan::{Action, Plan};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::{Address, Diagnostic, Diagnostics};

use super::Wish;
use crate::blueprint::Blueprint;
use crate::failure::Failure;

/// Refuses addresses that nothing has: `--replace` needs something declared, the others may name what is only recorded.
pub(super) fn unknown_addresses(
    wish: &Wish,
    blueprint: &Blueprint,
    recorded: &RecordedWorld,
) -> Result<(), Failure> {
    let declared: Vec<&Address> = blueprint.declarations().iter().map(|d| &d.address).collect();
    let all: Vec<&Address> = declared.iter().copied().chain(recorded.resources.keys()).collect();
    let flags = [
        ("--replace", &wish.replace, &declared),
        ("--target", &wish.scope.targets, &all),
        ("--exclude", &wish.scope.excludes, &all),
    ];
    let mut problems = Diagnostics::new();
    for (flag, asked, known) in flags {
        let unknown = asked.iter().filter(|asked| !known.iter().any(|known| known.is_within(asked)));
        for address in unknown {
            let problem =
                Diagnostic::error("LZ1008", format!("{flag} {address}: no resource has this address"));
            problems.push(match closest(address, known) {
                Some(close) => problem.help(format!("did you mean {close}?")),
                None => problem.help("`lazuli state list` shows the addresses there are"),
            });
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure { diagnostics: problems, ..Failure::default() }) }
}

/// The address most like a misspelt one: of a resource, or of what contains some.
fn closest(address: &Address, known: &[&Address]) -> Option<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for address in known {
        let mut next = Some((*address).clone());
        while let Some(here) = next.filter(|here| names.insert(here.to_string())) {
            next = here.parent();
        }
    }
    lazuli_core::suggestion::closest(address.as_str(), names.iter().map(String::as_str)).map(str::to_owned)
}

/// Refuses to leave out what is to be replaced.
pub(super) fn not_replaced(wish: &Wish, plan: &Plan) -> Result<(), Failure> {
    let left = |asked: &&Address| plan.left_out.iter().any(|left| left.is_within(asked));
    match wish.replace.iter().find(left) {
        None => Ok(()),
        Some(asked) => {
            let message = format!("--replace {asked}: --target or --exclude leaves it out");
            Err(Failure::of(Diagnostic::error("LZ1008", message).help("name it with --target as well")))
        }
    }
}

/// The warning that a plan is not about everything.
pub fn partial(plan: &Plan) -> Option<Diagnostic> {
    if plan.scope.is_whole() {
        return None;
    }
    let number = plan.left_out.len();
    let message = match number {
        0 => "this plan is limited by --target or --exclude, although that leaves nothing out".to_owned(),
        1 => "this plan is partial: it leaves out 1 resource".to_owned(),
        _ => format!("this plan is partial: it leaves out {number} resources"),
    };
    let warning = Diagnostic::warning("LZ1014", message);
    Some(warning.help("a plan without these flags says what is left to do"))
}

/// What a plan for the targets alone leaves undone, in one line; nothing when nothing else is pending.
pub(super) fn left_undone(whole: &Plan, plan: &Plan) -> Option<Diagnostic> {
    let pending = whole.changes.iter().filter(|change| {
        !matches!(change.action, Action::NoOp | Action::Read) && plan.left_out.contains(&change.address)
    });
    let message = match pending.count() {
        0 => return None,
        1 => "another change is pending and left out".to_owned(),
        number => format!("{number} other changes are pending and left out"),
    };
    Some(Diagnostic::warning("LZ1014", message).help("`lazuli plan` shows them"))
}
