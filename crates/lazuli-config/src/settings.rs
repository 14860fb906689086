//! The `lazuli` block: read before anything is evaluated, hence plain values only.

use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, Span, Value};

use crate::codes;
use crate::misnamed::{unknown_attribute, unknown_block, wrong_labels};
use crate::syntax::{Block, Name};

/// The `lazuli` block.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `required_version`, as written.
    pub required_version: Option<Name>,
    /// `backend "type" { … }`
    pub backend: Option<Backend>,
}

/// Where the state is kept.
#[derive(Debug, Clone)]
pub struct Backend {
    /// `local`, `azurerm`
    pub kind: Name,
    /// The header.
    pub span: Span,
    /// Its settings: plain strings, numbers and truth values.
    pub settings: Vec<Setting>,
}

/// One setting of a backend.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Value,
    /// Where the value stands.
    pub span: Span,
}

impl Backend {
    /// The setting of that name.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|s| &*s.name.text == name)
    }
}

pub(crate) fn read(block: &Block, diagnostics: &mut Diagnostics) -> Settings {
    let mut settings = Settings::default();
    for attribute in &block.body.attributes {
        if &*attribute.name.text != "required_version" {
            let names = ["required_version"].into_iter();
            diagnostics.push(unknown_attribute(&attribute.name, "lazuli", names));
        } else if let Some(text) = attribute.value.as_text() {
            settings.required_version = Some(Name { text: Arc::from(text), span: attribute.value.span });
        } else {
            diagnostics.push(not_literal("required_version", attribute.value.span));
        }
    }
    for inner in &block.body.blocks {
        if &*inner.name.text != "backend" {
            diagnostics.push(unknown_block(&inner.name, "lazuli", ["backend"].into_iter()));
            continue;
        }
        let [kind] = inner.labels.as_slice() else {
            diagnostics.push(wrong_labels(inner, &["type"]));
            continue;
        };
        if let Some(first) = &settings.backend {
            diagnostics.push(
                Diagnostic::error(codes::WRONG_OCCURRENCE, "there can be only one backend")
                    .at(inner.span, "second")
                    .also_at(first.span, "first"),
            );
            continue;
        }
        settings.backend = Some(backend(inner, kind.clone(), diagnostics));
    }
    settings
}

fn backend(block: &Block, kind: Name, diagnostics: &mut Diagnostics) -> Backend {
    for inner in &block.body.blocks {
        diagnostics.push(unknown_block(&inner.name, "backend", std::iter::empty()));
    }
    let mut settings = Vec::new();
    for attribute in &block.body.attributes {
        match attribute.value.as_literal() {
            Some(value) => settings.push(Setting {
                name: attribute.name.clone(),
                value: value.clone(),
                span: attribute.value.span,
            }),
            None => diagnostics.push(not_literal(&attribute.name.text, attribute.value.span)),
        }
    }
    Backend { kind, span: block.span, settings }
}

fn not_literal(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(codes::NOT_LITERAL, format!("`{name}` must be plain"))
        .at(span, "expected a plain value, not an expression")
        .note("the `lazuli` block is read before anything is evaluated")
}
