//! What a failed expression refers to and what that is worth, said with its mistakes.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Span, Value};

use crate::codes;
use crate::convert::describe_value;
use crate::scope::Scope;
use crate::syntax::{Expr, ExprKind, Step, StepKind, Traversal};
use crate::traverse::some_of;
use crate::walk::{self, Mention};

/// References named with one mistake.
const MOST: usize = 4;

/// Characters shown of a text.
const TEXT: usize = 40;

/// Mistakes that no value explains.
const PLAIN: [&str; 5] = [
    codes::UNDECLARED,
    codes::UNKNOWN_NAME,
    codes::UNKNOWN_FUNCTION,
    codes::WRONG_ARGUMENTS,
    codes::EVALUATION_LIMIT,
];

impl Scope<'_> {
    /// What was said since about elements of a value, without what it could tell when the value is sensitive: its
    /// elements by themselves are not.
    pub(crate) fn hide_of(&mut self, value: &Value, before: usize) {
        if !value.is_sensitive() {
            return;
        }
        for diagnostic in self.diagnostics.iter_mut().skip(before).filter(|d| d.is_error()) {
            let message = "an element of something sensitive cannot be used like this";
            let told = Diagnostic::error(diagnostic.code, message);
            let place = diagnostic.primary.as_ref().map(|label| label.span);
            *diagnostic = match place {
                Some(span) => told.at(span, "(the reason is not shown: it is sensitive)"),
                None => told.note("the reason is not shown: it is sensitive"),
            };
        }
    }

    /// Adds to the mistakes from `before` on what the references in `expr` are worth; what was explained already, by a
    /// smaller expression, stays as it is.
    pub(crate) fn explain(&mut self, expr: &Expr, before: usize) {
        let from = before.max(self.explained.min(self.diagnostics.len()));
        let wanted = |d: &Diagnostic| !PLAIN.contains(&d.code);
        if self.quiet == 0 && self.diagnostics[from..].iter().any(wanted) {
            let values = self.referred_to(expr);
            if !values.is_empty() {
                for diagnostic in self.diagnostics[from..].iter_mut().filter(|d| wanted(d)) {
                    diagnostic.notes.push(values.clone());
                }
            }
        }
        self.explained = self.diagnostics.len();
    }

    /// `var.workers is 0; local.zones is a tuple of 3 elements`
    fn referred_to(&mut self, expr: &Expr) -> String {
        let mut names: Vec<(Arc<str>, Vec<Step>, Span)> = Vec::new();
        walk::expr(expr, &mut Vec::new(), &mut |mention| {
            if let Mention::Name { word, steps, span, .. } = mention
                && names.len() < 4 * MOST
            {
                names.push((word.clone(), steps.to_vec(), span));
            }
        });
        self.quiet += 1;
        let before = self.diagnostics.len();
        let mut said: Vec<String> = Vec::new();
        for (word, steps, span) in names {
            let Some((name, value)) = self.furthest(&word, &steps, span) else { continue };
            let text = format!("{name} is {}", glimpse(&value));
            if said.len() < MOST && !said.contains(&text) {
                said.push(text);
            }
        }
        self.diagnostics.truncate(before);
        self.quiet -= 1;
        said.join("; ")
    }

    /// As far along a reference as its value is known to lead, and what is there.
    fn furthest(&mut self, word: &Arc<str>, steps: &[Step], span: Span) -> Option<(String, Value)> {
        let (mut value, rest) = match self.bindings.iter().rev().find(|(name, _)| name == word) {
            Some((_, value)) => (value.clone(), steps),
            None if steps.is_empty() => (self.bare(word, span).ok()?, steps),
            None => self.root(word, span, steps).ok()?,
        };
        let mut name = word.to_string();
        for step in &steps[..steps.len() - rest.len()] {
            name.push_str(&spelled(step)?);
        }
        for step in rest {
            let Some(text) = spelled(step) else { break };
            let base = Expr { span, kind: ExprKind::Literal(value.clone()) };
            let one = Traversal { base, steps: vec![step.clone()] };
            let Ok(next) = self.traversal(&one) else { break };
            value = next;
            name.push_str(&text);
        }
        Some((name, value))
    }
}

/// A step that is the same for every evaluation, as it is written.
fn spelled(step: &Step) -> Option<String> {
    match &step.kind {
        StepKind::Attribute(name) => Some(format!(".{name}")),
        StepKind::Index(index) => match index.as_literal()?.content() {
            Content::String(key) => Some(format!("[{key:?}]")),
            Content::Number(number) => Some(format!("[{number}]")),
            _ => None,
        },
        StepKind::Splat(_) => None,
    }
}

/// A value in a few words; nothing of what is sensitive.
fn glimpse(value: &Value) -> String {
    if value.is_sensitive() {
        return "sensitive".to_owned();
    }
    let elements =
        |count: usize| if count == 1 { "1 element".to_owned() } else { format!("{count} elements") };
    match value.content() {
        Content::Null(_) => "null".to_owned(),
        Content::Bool(truth) => truth.to_string(),
        Content::Number(number) => number.to_string().chars().take(TEXT).collect(),
        Content::String(text) if text.chars().count() > TEXT => {
            format!("{:?}…", text.chars().take(TEXT).collect::<String>())
        }
        Content::String(text) => format!("{text:?}"),
        Content::Unknown(_) => "not known yet".to_owned(),
        Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
            let what = describe_value(value);
            let what = what.split(" of ").next().unwrap_or(&what);
            format!("{what} of {}", elements(items.len()))
        }
        Content::Map(_, entries) | Content::Object(entries) => {
            let what = describe_value(value);
            let what = what.split(" of ").next().unwrap_or(&what);
            let names: Vec<&str> = entries.keys().map(|name| &**name).collect();
            if names.is_empty() {
                format!("{what} of 0 elements")
            } else {
                format!("{what} with {}", some_of(&names))
            }
        }
    }
}
