//! What is said about names that mean nothing.

use std::sync::Arc;

use lazuli_core::suggestion::closest;
use lazuli_core::{Diagnostic, Span};

use crate::codes;
use crate::syntax::Name;
use crate::traverse::some_of;

/// The words references begin with.
pub(crate) const ROOTS: &[&str] = &[
    "var",
    "local",
    "resource",
    "data",
    "cluster",
    "cloud_account",
    "cluster_profile",
    "each",
    "count",
    "self",
    "path",
    "module",
];

/// Names looked at for "did you mean": beyond that, looking takes longer than it helps.
const MOST_CANDIDATES: usize = 2_000;

/// `root.name` where no such name is declared.
pub(crate) fn undeclared<'n>(root: &str, name: &Name, declared: impl Iterator<Item = &'n str>) -> Diagnostic {
    let declared: Vec<&str> = declared.take(MOST_CANDIDATES).collect();
    let label = match closest(&name.text, declared.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => "not declared".to_owned(),
    };
    let diagnostic = Diagnostic::error(codes::UNDECLARED, format!("{root}.{} is not declared", name.text))
        .at(name.span, label);
    match declared.len() {
        0 => diagnostic.help(format!("nothing is declared that {root} could refer to")),
        _ => diagnostic.help(format!("declared: {}", some_of(&declared))),
    }
}

/// A bare name that is bound nowhere.
pub(crate) fn unknown_name(name: &str, span: Span, bound: &[Arc<str>]) -> Diagnostic {
    if name == "self" {
        return Diagnostic::error(codes::NO_INSTANCE, "`self` has no meaning here")
            .at(span, "only the `postcondition` of a block has it");
    }
    let candidates = bound.iter().map(|n| &**n).chain(ROOTS.iter().copied());
    let diagnostic = Diagnostic::error(codes::UNKNOWN_NAME, format!("`{name}` means nothing here"));
    if ROOTS.contains(&name) {
        return diagnostic.at(span, format!("expected a name after it: {name}.NAME"));
    }
    match closest(name, candidates) {
        Some(close) => diagnostic.at(span, format!("did you mean `{close}`?")),
        None => diagnostic.at(span, "").help(format!("for text, write it in quotes: \"{name}\"")),
    }
}

/// `each` or `count` where there is no such repetition.
pub(crate) fn no_instance(word: &str, span: Span) -> Diagnostic {
    let argument = if word == "each" { "for_each" } else { "count" };
    Diagnostic::error(codes::NO_INSTANCE, format!("`{word}` has no meaning here"))
        .at(span, format!("the block has no `{argument}`"))
}
