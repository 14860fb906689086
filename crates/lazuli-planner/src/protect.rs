//! `prevent_destroy`, as it is declared and as the state remembers it: what is protected is neither replaced nor deleted.

use lazuli_core::plan::Reason;
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::Mode;
use lazuli_core::{Address, Diagnostic};

use crate::decide::{Case, Decision, Gone, Sight};

/// How many further resources are named.
const NAMED: usize = 5;

/// True for a record that must not go. What is gone already needs no protection.
pub(crate) fn keeps(recorded: &Recorded, sight: Sight<'_>, gone: Gone) -> bool {
    let protected = match gone {
        Gone::OnlyRead | Gone::Forgotten => false,
        Gone::Undeclared => recorded.prevent_destroy,
        Gone::Destroyed { protected } => protected || recorded.prevent_destroy,
    };
    protected && recorded.mode == Mode::Managed && sight != Sight::Absent
}

/// Says once of all that is protected that it would go; `destroyed` when everything is to be.
pub(crate) fn kept(addresses: &[&Address], destroyed: bool) -> Option<Diagnostic> {
    let first = addresses.first()?;
    let (subject, them) = match addresses.len() {
        1 => (format!("{first} is"), "it"),
        number => (format!("{first} and {} more are", number - 1), "them"),
    };
    let (what, help) = match destroyed {
        true => (
            format!("and this would destroy {them}"),
            "set prevent_destroy = false, or take the line away, and apply that first; only then destroy",
        ),
        false => (
            format!("but no block declares {them} any more"),
            "put the block back with prevent_destroy = false and apply that, and only then take it away; or leave what \
             it made in Azure, with a `removed` block that says destroy = false",
        ),
    };
    let message = format!("{subject} protected by lifecycle.prevent_destroy, {what}");
    let mut problem = Diagnostic::error("LZ1004", message).about((*first).clone());
    let others: Vec<&str> = addresses.iter().skip(1).map(|address| address.as_str()).collect();
    if !others.is_empty() {
        let more = match others.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = others[..others.len().min(NAMED)].join(", ");
        problem = problem.note(format!("protected as well: {named}{more}"));
    }
    Some(problem.note("the state remembers the protection of the last apply").help(help))
}

/// Refuses to replace what is protected, now or as last applied.
pub(crate) fn not_replaced(case: &Case<'_>, decision: &Decision) -> Option<Diagnostic> {
    let lifecycle = &case.declaration.lifecycle;
    let protected = lifecycle.prevent_destroy || case.recorded.is_some_and(|r| r.prevent_destroy);
    if !decision.action.is_replace() || !protected {
        return None;
    }
    let address = &case.declaration.address;
    let mut diagnostic = Diagnostic::error(
        "LZ1004",
        format!("{address} must be replaced, but lifecycle.prevent_destroy forbids to delete it"),
    )
    .about(address.clone())
    .help("take the change back, or set prevent_destroy = false, apply that, and then make the change");
    for forced in decision.paths.iter().filter(|p| p.forces_replacement) {
        diagnostic = diagnostic.note(format!("{} cannot be changed in place", forced.path));
    }
    if let Some(Reason::Follows(other)) = &decision.reason {
        diagnostic = diagnostic.note(format!("it goes with {other}, which is replaced"));
    }
    match case.declaration.origin {
        Some(span) => Some(diagnostic.at(span, "protected here")),
        None => Some(diagnostic),
    }
}
