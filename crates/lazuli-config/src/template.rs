//! Templates: text with values, choices and repetitions in it.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Span, Type, Unknown, Value};
use unicode_normalization::char::canonical_combining_class;

use crate::codes;
use crate::convert::{convert, derived};
use crate::limits;
use crate::scope::{Failed, Outcome, Scope};
use crate::syntax::{Expr, Part};
use crate::text;

/// Text in the making: all of it, or what is known of its beginning.
#[derive(Default)]
struct Text {
    text: String,
    /// The first unknown part, after which nothing is added.
    unknown: Option<Unknown>,
    sensitive: bool,
}

impl Text {
    fn push(&mut self, more: &str) {
        if self.unknown.is_none() {
            self.text.push_str(more);
        }
    }
}

impl Scope<'_> {
    pub(crate) fn template(&mut self, parts: &[Part], span: Span) -> Outcome {
        if parts.is_empty() {
            return Err(Failed); // stands for an expression that could not be parsed
        }
        let mut text = Text::default();
        self.parts(parts, &mut text, span)?;
        self.spend(limits::work_of_text(&text.text), span)?;
        let value = match text.unknown {
            None => text::string(&text.text),
            Some(unknown) => Value::unknown(Unknown {
                not_null: true,
                prefix: Arc::from(safe_prefix(&text.text)),
                source: derived(unknown.source.as_ref()),
                ..Unknown::of(Type::String)
            }),
        };
        Ok(value.with_sensitivity(text.sensitive))
    }

    fn parts(&mut self, parts: &[Part], text: &mut Text, span: Span) -> Result<(), Failed> {
        let mut failed = false;
        for part in parts {
            failed |= self.part(part, text, span).is_err();
            if text.text.len() > limits::STRING {
                let message = format!("a string is longer than {} MiB", limits::STRING >> 20);
                return self
                    .fail(Diagnostic::error(codes::EVALUATION_LIMIT, message).at(span, "the text of this"));
            }
        }
        if failed { Err(Failed) } else { Ok(()) }
    }

    fn part(&mut self, part: &Part, text: &mut Text, span: Span) -> Result<(), Failed> {
        match part {
            Part::Text(more) => text.push(more),
            Part::Value(expr) => {
                let value = self.eval(expr)?;
                self.insert(&value, expr, text)?;
            }
            Part::If { condition, yes, no } => {
                let truth = self.eval_as(condition, &Type::Bool, codes::BAD_TEMPLATE, "the condition")?;
                text.sensitive |= truth.is_sensitive();
                match (truth.as_bool(), truth.unknown_part()) {
                    (Some(true), _) => self.parts(yes, text, span)?,
                    (Some(false), _) => self.parts(no, text, span)?,
                    (None, unknown) => {
                        self.doubts += 1;
                        let unknown = unknown.cloned().unwrap_or_else(|| Unknown::of(Type::Bool));
                        text.unknown.get_or_insert(unknown);
                    }
                }
            }
            Part::For { key_name, value_name, collection, body } => {
                let value = self.eval(collection)?;
                text.sensitive |= value.is_sensitive();
                let Some(pairs) = self.walk(&value, collection.span)? else {
                    if let Some(unknown) = value.unknown_part() {
                        text.unknown.get_or_insert(unknown.clone());
                    }
                    return Ok(());
                };
                let depth = self.bindings.len();
                self.spend(pairs.len() as u64, collection.span)?;
                for (key, item) in pairs {
                    let before = self.diagnostics.len();
                    self.bind(key_name.as_ref(), value_name, key, item);
                    let outcome = self.parts(body, text, span);
                    self.bindings.truncate(depth);
                    if outcome.is_err() {
                        self.hide_of(&value, before);
                    }
                    outcome?;
                }
            }
        }
        Ok(())
    }

    fn insert(&mut self, value: &Value, expr: &Expr, text: &mut Text) -> Result<(), Failed> {
        text.sensitive |= value.contains_sensitive();
        match value.content() {
            Content::Null(_) => {
                let diagnostic = Diagnostic::error(codes::NULL_VALUE, "null cannot stand in a template");
                self.fail(diagnostic.at(expr.span, "this is null"))
            }
            Content::String(more) => {
                text.push(more);
                Ok(())
            }
            _ => match convert(value, &Type::String) {
                Ok(converted) => {
                    if let Content::Unknown(unknown) = value.content()
                        && !(unknown.not_null
                            && matches!(unknown.ty, Type::String | Type::Number | Type::Bool))
                    {
                        self.doubts += 1;
                    }
                    match converted.content() {
                        Content::String(more) => text.push(more),
                        Content::Unknown(unknown) if text.unknown.is_none() => {
                            text.text.push_str(&unknown.prefix);
                            text.unknown = Some((**unknown).clone());
                        }
                        _ => {}
                    }
                    Ok(())
                }
                Err(mismatch) => {
                    let diagnostic =
                        Diagnostic::error(codes::BAD_TEMPLATE, "a value cannot stand in a template");
                    let diagnostic = diagnostic.at(expr.span, mismatch.to_string());
                    self.fail(diagnostic.help("jsonencode() makes text of any value, join() of a list"))
                }
            },
        }
    }
}

/// The part of a known beginning that stays whatever follows. What follows may begin with an accent, and text is normalised:
/// an accent changes the last letter, or takes its place among the accents of that letter.
pub(crate) fn safe_prefix(text: &str) -> &str {
    let takes_no_accent =
        |last: char| last.is_ascii() && !last.is_ascii_alphanumeric() && !"<=>".contains(last);
    if text.chars().next_back().is_none_or(takes_no_accent) {
        return text;
    }
    let last_letter = text.char_indices().rev().find(|(_, c)| canonical_combining_class(*c) == 0);
    &text[..last_letter.map_or(0, |(at, _)| at)]
}
