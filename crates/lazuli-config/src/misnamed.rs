//! Names, labels and attributes of blocks that are not as they should be, told.

use lazuli_core::block::BlockSchema;
use lazuli_core::suggestion::closest;
use lazuli_core::{Diagnostic, Span};

use crate::codes;
use crate::syntax::{Block, Body, Name};
use crate::traverse::some_of;

pub(crate) fn unknown_attribute<'n>(
    name: &Name,
    block: &str,
    names: impl Iterator<Item = &'n str>,
) -> Diagnostic {
    if is_block_of(block, &name.text) {
        return written_as_attribute(name, block);
    }
    let names: Vec<&str> = names.collect();
    let label = match closest(&name.text, names.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => "unknown attribute".to_owned(),
    };
    let message = format!("`{block}` has no attribute `{}`", name.text);
    let diagnostic = Diagnostic::error(codes::UNKNOWN_ATTRIBUTE, message).at(name.span, label);
    if names.is_empty() {
        diagnostic
    } else {
        diagnostic.help(format!("attributes of {block}: {}", some_of(&names)))
    }
}

/// Blocks that no schema knows of: those of the language itself.
fn is_block_of(block: &str, name: &str) -> bool {
    match name {
        "lifecycle" => matches!(block, "resource" | "data" | "cluster" | "removed"),
        "timeouts" => matches!(block, "resource" | "data" | "cluster"),
        "validation" => block == "variable",
        "precondition" => matches!(block, "output" | "lifecycle"),
        "postcondition" => block == "lifecycle",
        "assert" => block == "check",
        "backend" => block == "lazuli",
        "content" => block == "dynamic",
        _ => false,
    }
}

pub(crate) fn written_as_attribute(name: &Name, block: &str) -> Diagnostic {
    let message = format!("`{}` is a block of `{block}`, not an attribute", name.text);
    Diagnostic::error(codes::BLOCK_OR_ATTRIBUTE, message)
        .at(name.span, format!("write {} {{ … }} without `=`", name.text))
}

/// An attribute with braces after it instead of `=`.
pub(crate) fn written_as_block(name: &Name, block: &str) -> Diagnostic {
    let message = format!("`{}` is an attribute of `{block}`, not a block", name.text);
    Diagnostic::error(codes::BLOCK_OR_ATTRIBUTE, message).at(name.span, format!("write {} = …", name.text))
}

pub(crate) fn unknown_block<'n>(
    name: &Name,
    block: &str,
    names: impl Iterator<Item = &'n str>,
) -> Diagnostic {
    let names: Vec<&str> = names.collect();
    let label = match closest(&name.text, names.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => "unknown block".to_owned(),
    };
    let (message, help) = if block == "the configuration" {
        (format!("there is no block `{}`", name.text), "blocks: ".to_owned())
    } else {
        (format!("`{block}` has no block `{}`", name.text), format!("blocks of {block}: "))
    };
    let diagnostic = Diagnostic::error(codes::UNKNOWN_BLOCK, message).at(name.span, label);
    if names.is_empty() { diagnostic } else { diagnostic.help(format!("{help}{}", some_of(&names))) }
}

/// A block that is part of the language and not yet of this version: ignoring it would be worse.
pub(crate) fn not_supported(name: &Name) -> Diagnostic {
    let message = format!("`{}` is not supported by this version of Lazuli", name.text);
    Diagnostic::error(codes::NOT_SUPPORTED, message)
        .at(name.span, "cannot be carried out")
        .help("take it out; nothing was changed")
}

pub(crate) fn missing_attribute(name: &str, block: &str, span: Span) -> Diagnostic {
    Diagnostic::error(codes::MISSING_ATTRIBUTE, format!("`{block}` needs the attribute `{name}`"))
        .at(span, format!("`{name}` is missing"))
}

/// True when an attribute that the block does not have is most likely meant to be `wanted`.
pub(crate) fn is_misspelt(wanted: &str, body: &Body, schema: &BlockSchema) -> bool {
    let names = || schema.attributes.iter().map(|a| a.name);
    let unknown = body.attributes.iter().filter(|a| schema.attribute(&a.name.text).is_none());
    unknown.into_iter().any(|a| closest(&a.name.text, names()) == Some(wanted))
}

pub(crate) fn wrong_labels(block: &Block, labels: &[&str]) -> Diagnostic {
    let name = &block.name.text;
    let mut example = name.to_string();
    for label in labels {
        example.push_str(&format!(" \"{}\"", label.to_uppercase()));
    }
    let (have, want) = (block.labels.len(), labels.len());
    let counted = |n: usize| match n {
        0 => "no label".to_owned(),
        1 => "one label".to_owned(),
        n => format!("{n} labels"),
    };
    let span = block.labels.get(want).map_or(block.span, |extra| extra.span);
    Diagnostic::error(codes::WRONG_LABELS, format!("`{name}` takes {}, not {have}", counted(want)))
        .at(span, format!("expected {example} {{ … }}"))
}
