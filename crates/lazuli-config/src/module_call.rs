//! `module` blocks: which directory, with which inputs, how often.

use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, Span};

use crate::codes;
use crate::meta::{self, Meta};
use crate::misnamed::{missing_attribute, unknown_block};
use crate::syntax::{Attribute, Block, Name};

/// `module "name"`
#[derive(Debug, Clone)]
pub struct ModuleCall {
    /// The name.
    pub name: Name,
    /// The header of the block.
    pub span: Span,
    /// The directory as written, relative to that of the calling module: `./network`; `None` when it was refused.
    pub source: Option<Arc<str>>,
    /// Where the source is written.
    pub source_span: Span,
    /// The inputs: values for the variables of the module.
    pub inputs: Vec<Attribute>,
    /// `count`, `for_each`, `depends_on`.
    pub meta: Arc<Meta>,
}

impl ModuleCall {
    /// The input for a variable.
    pub fn input(&self, name: &str) -> Option<&Attribute> {
        self.inputs.iter().find(|input| &*input.name.text == name)
    }
}

/// Names that mean something else in a `module` block, so that no variable may have them.
pub(crate) const RESERVED: [&str; 8] =
    ["source", "version", "providers", "count", "for_each", "depends_on", "lifecycle", "locals"];

/// A `module` block.
pub(crate) fn read(mut block: Block, diagnostics: &mut Diagnostics) -> ModuleCall {
    let name = block.labels.first().cloned().unwrap_or_else(|| block.name.clone()); // impossible: labels were counted
    let misplaced: Vec<_> = std::mem::take(&mut block.body.blocks);
    for inner in misplaced {
        diagnostics.push(unknown_block(&inner.name, "module", std::iter::empty()));
    }
    let meta = meta::take(&mut block, diagnostics);
    let mut source = None;
    let mut inputs = Vec::with_capacity(block.body.attributes.len());
    for attribute in block.body.attributes {
        match &*attribute.name.text {
            "source" => source = Some(attribute),
            "version" => diagnostics.push(
                Diagnostic::error(codes::BAD_SOURCE, "a module in a directory has no version")
                    .at(attribute.name.span, "only modules of a registry have one")
                    .help("take it out"),
            ),
            "providers" => diagnostics.push(
                Diagnostic::error(codes::BAD_SOURCE, "modules take no `providers`")
                    .at(attribute.name.span, "there are none to hand over")
                    .help("hand a cloud account over as an input: account = cloud_account.main"),
            ),
            _ => inputs.push(attribute),
        }
    }
    if source.is_none() {
        diagnostics.push(missing_attribute("source", "module", block.span));
    }
    let source_span = source.as_ref().map_or(block.span, |source| source.value.span);
    let source = source.and_then(|source| directory(&source, diagnostics));
    ModuleCall { name, span: block.span, source, source_span, inputs, meta }
}

/// The directory a `source` names.
fn directory(source: &Attribute, diagnostics: &mut Diagnostics) -> Option<Arc<str>> {
    if crate::parse::is_broken(&source.value) {
        return None; // reported
    }
    let span = source.value.span;
    let Some(text) = source.value.as_text() else {
        diagnostics.push(
            Diagnostic::error(codes::NOT_LITERAL, "`source` must be plain")
                .at(span, "expected a plain string, not an expression")
                .note("modules are read before anything is evaluated"),
        );
        return None;
    };
    match refuse(text) {
        Some(problem) => {
            diagnostics.push(problem.at(span, "not a directory beside this one"));
            None
        }
        None => Some(Arc::from(text)),
    }
}

/// What is wrong with a source that is not a local path.
fn refuse(source: &str) -> Option<Diagnostic> {
    if source.starts_with("./") || source.starts_with("../") || matches!(source, "." | "..") {
        return None;
    }
    let help = match source {
        _ if source.contains("://") || source.starts_with("git::") || source.contains('@') => {
            "modules are not fetched: put the module into a directory of the project, and write its path"
        }
        _ if source.starts_with('/') => "write the path relative to this directory, beginning with ./ or ../",
        _ => "a directory is written with ./ or ../ before it",
    };
    let message = format!("{source:?} is not a source for a module");
    Some(Diagnostic::error(codes::BAD_SOURCE, message).help(help))
}

/// A directory seen from another one: `network` and `../shared` make `shared`. Nothing is looked up.
pub(crate) fn joined(from: &str, source: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::{joined, refuse};

    #[test]
    fn a_source_is_a_path_from_the_module_that_calls() {
        for (from, source, directory) in [
            ("", "./net", "net"),
            ("net", "./inner/", "net/inner"),
            ("net", "../disk", "disk"),
            ("", "../shared", "../shared"),
            ("../shared", "../other/./x", "../other/x"),
            ("net", "..", ""),
        ] {
            assert_eq!(joined(from, source), directory, "{source} from {from}");
        }
    }

    #[test]
    fn only_directories_are_sources() {
        for source in [
            "net",
            "/srv/net",
            "git::https://example.com/net.git",
            "terraform-aws/net",
            "https://example.com/net.zip",
            "",
        ] {
            assert!(refuse(source).is_some(), "{source}");
        }
    }
}
