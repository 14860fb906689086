//! `check` blocks: what should hold in the world. One that does not is a warning.

use lazuli_core::{Diagnostic, Diagnostics};

use crate::codes;
use crate::meta::{self, Condition};
use crate::misnamed::{not_supported, unknown_attribute, unknown_block};
use crate::syntax::{Block, Name};

/// `check "name"`
#[derive(Debug, Clone)]
pub struct Check {
    /// The name.
    pub name: Name,
    /// What should hold.
    pub assertions: Vec<Condition>,
}

/// A `check` block.
pub(crate) fn read(block: Block, diagnostics: &mut Diagnostics) -> Check {
    let name = block.labels.first().cloned().unwrap_or_else(|| block.name.clone()); // impossible: labels were counted
    let before = diagnostics.len();
    for attribute in &block.body.attributes {
        diagnostics.push(unknown_attribute(&attribute.name, "check", std::iter::empty()));
    }
    let mut assertions = Vec::new();
    for inner in block.body.blocks {
        match &*inner.name.text {
            "assert" => assertions.extend(meta::condition(inner, diagnostics)),
            "data" => diagnostics.push(
                not_supported(&inner.name)
                    .help("declare the `data` block outside of the check, and refer to it"),
            ),
            _ => diagnostics.push(unknown_block(&inner.name, "check", ["assert"].into_iter())),
        }
    }
    if assertions.is_empty() && diagnostics.len() == before {
        diagnostics.push(
            Diagnostic::error(codes::WRONG_OCCURRENCE, "`check` needs a block `assert`")
                .at(block.span, "it checks nothing"),
        );
    }
    Check { name, assertions }
}
