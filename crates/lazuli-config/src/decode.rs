//! Blocks against schemas: names, labels, shapes, what is required, how often blocks stand, `dynamic` blocks.

use std::sync::Arc;

use lazuli_core::block::{self, AttributeSchema, BlockSchema, Occurs, Shape};
use lazuli_core::suggestion::closest;
use lazuli_core::{Diagnostic, Span, Type, Value};

use crate::codes;
use crate::convert::{convert, describe_value};
use crate::misnamed::{
    is_misspelt, missing_attribute, unknown_attribute, unknown_block, written_as_attribute, written_as_block,
    wrong_labels,
};
use crate::module::DeclarationKind;
use crate::parse::is_broken;
use crate::scope::{Failed, Outcome, Scope};
use crate::syntax::{Attribute, Block, Body, Expr, ExprKind, Name};
use crate::walk::iterator_name;

/// A block as far as it could be evaluated.
pub(crate) struct Partial {
    pub(crate) block: block::Block,
    pub(crate) failed: bool,
    /// True when a block in it could not be read at all.
    pub(crate) lacks_blocks: bool,
    /// Where attributes of it stand that could not be evaluated: unknown values are in their places.
    pub(crate) guessed: Vec<Span>,
}

/// What stands for an attribute that could not be evaluated, or whose name is misspelt.
fn guess(attribute: &Attribute, body: &Body, schema: &'static BlockSchema) -> Option<block::Attribute> {
    let name: &str = &attribute.name.text;
    let meant = match schema.attribute(name) {
        Some(known) => known,
        None if schema.block(name).is_some() => return None,
        None => {
            let meant = closest(name, schema.attributes.iter().map(|a| a.name))?;
            schema.attribute(meant).filter(|meant| body.attribute(meant.name).is_none())?
        }
    };
    Some(block::Attribute {
        name: Arc::from(meant.name),
        name_span: attribute.name.span,
        value: Value::unknown_of(Type::Any),
        span: attribute.value.span,
    })
}

impl Scope<'_> {
    /// Evaluates a block against its schema.
    pub(crate) fn decode(
        &mut self,
        block: &Block,
        schema: &'static BlockSchema,
    ) -> Result<block::Block, Failed> {
        let partial = self.decode_partially(block, schema);
        if partial.failed { Err(Failed) } else { Ok(partial.block) }
    }

    /// Evaluates a block as far as that goes: what is wrong in one place says nothing of the others.
    pub(crate) fn decode_partially(&mut self, block: &Block, schema: &'static BlockSchema) -> Partial {
        let mislabelled = block.labels.len() != schema.labels.len();
        if mislabelled {
            self.diagnostics.push(wrong_labels(block, schema.labels));
        }
        let labels = block
            .labels
            .iter()
            .map(|label| block::Label { text: label.text.clone(), span: label.span })
            .collect();
        let mut partial = self.decode_body(&block.name.text, labels, block.span, &block.body, schema);
        partial.failed |= mislabelled;
        partial
    }

    fn decode_body(
        &mut self,
        name: &Arc<str>,
        labels: Vec<block::Label>,
        span: Span,
        body: &Body,
        schema: &'static BlockSchema,
    ) -> Partial {
        let before = self.diagnostics.len();
        let mut failed = false;
        let mut lacks_blocks = false;
        let mut guessed = Vec::new();
        let mut attributes = Vec::with_capacity(body.attributes.len());
        for attribute in &body.attributes {
            match self.decode_attribute(attribute, schema) {
                Ok(Some(decoded)) => attributes.push(decoded),
                Ok(None) => {}
                Err(Failed) => {
                    failed = true;
                    if let Some(guess) = guess(attribute, body, schema) {
                        guessed.push(guess.span);
                        attributes.push(guess);
                    }
                }
            }
        }
        for wanted in schema.attributes.iter().filter(|a| a.required) {
            let written = body.attribute(wanted.name);
            if written.is_none() && is_misspelt(wanted.name, body, schema) {
                failed = true; // said where it is written
            } else if written.is_none() {
                self.diagnostics.push(missing_attribute(wanted.name, schema.name, span));
            } else if let Some(written) = written
                && !attributes.iter().any(|a: &block::Attribute| &*a.name == wanted.name)
            {
                self.diagnostics.push(
                    Diagnostic::error(codes::MISSING_ATTRIBUTE, format!("`{}` is null", wanted.name))
                        .at(written.value.span, format!("expected {}", wanted.shape.describe())),
                );
            }
        }
        let mut blocks = Vec::with_capacity(body.blocks.len());
        for inner in &body.blocks {
            let is_dynamic = &*inner.name.text == "dynamic";
            let outcome = if is_dynamic {
                self.dynamic(inner, schema, &mut blocks)
            } else {
                self.nested(inner, schema).map(|partial| {
                    failed |= partial.failed;
                    lacks_blocks |= partial.lacks_blocks;
                    guessed.extend(partial.guessed);
                    blocks.push(partial.block);
                })
            };
            failed |= outcome.is_err();
            // A block that nothing is like is missed by nobody.
            lacks_blocks |= is_dynamic && outcome.is_err();
        }
        self.occurrences(body, &blocks, span, schema);
        let clean = self.diagnostics[before..].iter().all(|d| !d.is_error());
        Partial {
            block: block::Block { name: name.clone(), labels, span, attributes, blocks },
            failed: failed || !clean,
            lacks_blocks,
            guessed,
        }
    }

    fn nested(&mut self, inner: &Block, schema: &'static BlockSchema) -> Result<Partial, Failed> {
        match schema.block(&inner.name.text) {
            Some(nested) => Ok(self.decode_partially(inner, nested.schema)),
            None if schema.attribute(&inner.name.text).is_some() => {
                self.fail(written_as_block(&inner.name, schema.name))
            }
            None => {
                let names = || schema.blocks.iter().map(|b| b.schema.name);
                self.diagnostics.push(unknown_block(&inner.name, schema.name, names()));
                // A misspelt one is read as what it is meant to be: it may have mistakes of its own.
                let meant = closest(&inner.name.text, names()).and_then(|meant| schema.block(meant));
                let meant = meant.ok_or(Failed)?;
                let mut partial = self.decode_partially(inner, meant.schema);
                partial.block.name = Arc::from(meant.schema.name);
                Ok(Partial { failed: true, ..partial })
            }
        }
    }

    /// How often blocks stand, and that the labels of repeated ones differ.
    fn occurrences(
        &mut self,
        body: &Body,
        blocks: &[block::Block],
        span: Span,
        schema: &'static BlockSchema,
    ) {
        // What is written and could not be read, or is misspelt, is not missing.
        let names = || schema.blocks.iter().map(|nested| nested.schema.name);
        let is_meant = |name: &str| {
            body.blocks.iter().any(|inner| {
                let written = match inner.labels.first() {
                    Some(label) if &*inner.name.text == "dynamic" => &label.text,
                    _ => &inner.name.text,
                };
                &**written == name
                    || schema.block(written).is_none() && closest(written, names()) == Some(name)
            }) || body.attributes.iter().any(|attribute| &*attribute.name.text == name)
        };
        for nested in schema.blocks {
            let name = nested.schema.name;
            let mut found = blocks.iter().filter(|b| &*b.name == name);
            match nested.occurs {
                Occurs::Required | Occurs::Optional => {
                    let first = found.next();
                    if first.is_none() && nested.occurs == Occurs::Required && !is_meant(name) {
                        let message = format!("`{}` needs a block `{name}`", schema.name);
                        let diagnostic = Diagnostic::error(codes::WRONG_OCCURRENCE, message);
                        self.diagnostics.push(diagnostic.at(span, format!("`{name} {{ … }}` is missing")));
                    }
                    if let (Some(first), Some(second)) = (first, found.next()) {
                        let message = format!("`{}` takes one block `{name}`", schema.name);
                        self.diagnostics.push(
                            Diagnostic::error(codes::WRONG_OCCURRENCE, message)
                                .at(second.span, "second")
                                .also_at(first.span, "first"),
                        );
                    }
                }
                Occurs::Many if nested.schema.labels.is_empty() => {}
                Occurs::Many => {
                    let mut seen: std::collections::HashMap<Vec<&str>, Span> =
                        std::collections::HashMap::new();
                    for block in found {
                        let labels: Vec<&str> = block.labels.iter().map(|l| &*l.text).collect();
                        let message = format!("{name} \"{}\" is declared twice", labels.join("\" \""));
                        if let Some(first) = seen.insert(labels, block.span) {
                            self.diagnostics.push(
                                Diagnostic::error(codes::DUPLICATE, message)
                                    .at(block.span, "second time")
                                    .also_at(first, "first time"),
                            );
                        }
                    }
                }
            }
        }
    }

    fn decode_attribute(
        &mut self,
        attribute: &Attribute,
        schema: &'static BlockSchema,
    ) -> Result<Option<block::Attribute>, Failed> {
        let name = &attribute.name;
        let Some(AttributeSchema { shape, .. }) = schema.attribute(&name.text) else {
            if schema.block(&name.text).is_some() {
                return self.fail(written_as_attribute(name, schema.name));
            }
            // Its value may have mistakes of its own.
            let _ = self.eval(&attribute.value);
            let names = schema.attributes.iter().map(|a| a.name);
            return self.fail(unknown_attribute(name, schema.name, names));
        };
        if is_broken(&attribute.value) {
            return Err(Failed);
        }
        let value = self.eval(&attribute.value)?;
        if value.is_null() {
            return Ok(None);
        }
        let before = self.diagnostics.len();
        let value = self.shaped(value, *shape, name, &attribute.value).inspect_err(|Failed| {
            self.explain(&attribute.value, before);
        })?;
        Ok(Some(block::Attribute {
            name: name.text.clone(),
            name_span: name.span,
            value,
            span: attribute.value.span,
        }))
    }

    fn shaped(&mut self, value: Value, shape: Shape, name: &Name, expr: &Expr) -> Outcome {
        let string = || Arc::new(Type::String);
        let ty = match shape {
            Shape::String => Type::String,
            Shape::Number => Type::Number,
            Shape::Bool => Type::Bool,
            Shape::Strings => Type::List(string()),
            Shape::StringMap => Type::Map(string()),
            Shape::Any => return Ok(value),
            Shape::Reference(kind) => return self.reference(&value, kind, name, expr),
        };
        convert(&value, &ty).or_else(|mismatch| {
            let mut label = mismatch.to_string();
            if mismatch.path.is_empty()
                && mismatch.reason.starts_with("expected")
                && label.contains(", found")
            {
                label = format!("expected {}, found {}", shape.describe(), describe_value(&value));
            }
            let message = format!("`{}` must be {}", name.text, shape.describe());
            self.fail(Diagnostic::error(codes::WRONG_SHAPE, message).at(expr.span, label))
        })
    }

    /// `cloud_account.main` as the name it refers to.
    fn reference(&mut self, value: &Value, kind: &'static str, name: &Name, expr: &Expr) -> Outcome {
        let part = |field: &str| value.get(field).filter(|part| !part.is_sensitive()).and_then(Value::as_str);
        if let (Some(found), Some(target)) = (part("kind"), part("name")) {
            if found == kind {
                return Ok(Value::from(target));
            }
            let message = format!("`{}` must be {}", name.text, Shape::Reference(kind).describe());
            let label = format!("this refers to a {found}");
            return self.fail(Diagnostic::error(codes::WRONG_SHAPE, message).at(expr.span, label));
        }
        let message = format!("`{}` must be {}", name.text, Shape::Reference(kind).describe());
        let diagnostic = Diagnostic::error(codes::WRONG_SHAPE, message)
            .at(expr.span, format!("expected a reference, found {}", describe_value(value)));
        let declared = DeclarationKind::from_word(kind)
            .zip(value.as_str().filter(|_| !value.is_sensitive()))
            .filter(|(kind, text)| self.evaluator.module().declarations(*kind).get(text).is_some());
        self.fail(match declared {
            Some((_, text)) => diagnostic.help(format!("write {kind}.{text}, without quotes")),
            None => diagnostic,
        })
    }

    /// `dynamic "name" { for_each = …  content { … } }`: one block per element.
    fn dynamic(
        &mut self,
        dynamic: &Block,
        schema: &'static BlockSchema,
        into: &mut Vec<block::Block>,
    ) -> Result<(), Failed> {
        let [label] = dynamic.labels.as_slice() else {
            return self.fail(wrong_labels(dynamic, &["block"]));
        };
        let Some(nested) = schema.block(&label.text) else {
            let names = schema.blocks.iter().map(|b| b.schema.name);
            return self.fail(unknown_block(label, schema.name, names));
        };
        for attribute in &dynamic.body.attributes {
            const NAMES: [&str; 3] = ["for_each", "iterator", "labels"];
            if !NAMES.contains(&&*attribute.name.text) {
                return self.fail(unknown_attribute(&attribute.name, "dynamic", NAMES.into_iter()));
            }
        }
        let Some(for_each) = dynamic.body.attribute("for_each") else {
            return self.fail(missing_attribute("for_each", "dynamic", dynamic.span));
        };
        let [content] = dynamic.body.blocks.as_slice() else {
            let diagnostic =
                Diagnostic::error(codes::WRONG_OCCURRENCE, "`dynamic` takes one block `content`");
            return self.fail(diagnostic.at(dynamic.span, "expected content { … }"));
        };
        if &*content.name.text != "content" {
            return self.fail(unknown_block(&content.name, "dynamic", ["content"].into_iter()));
        }
        let iterator = iterator_name(dynamic).unwrap_or_else(|| label.text.clone());
        let collection = self.eval(&for_each.value)?;
        let Some(pairs) = self.walk(&collection, for_each.value.span)? else {
            let diagnostic =
                Diagnostic::error(codes::BAD_REPETITION, "`for_each` is not known while planning");
            return self
                .fail(diagnostic.at(for_each.value.span, "must be known to say which blocks there are"));
        };
        let depth = self.bindings.len();
        let mut failed = false;
        for (key, value) in pairs {
            let parts = [("key", key.marked_as(&collection)), ("value", value.marked_as(&collection))];
            let element = Value::object(parts);
            self.bindings.push((iterator.clone(), element));
            let partial = self.dynamic_labels(dynamic, nested.schema).map(|labels| {
                self.decode_body(&label.text, labels, dynamic.span, &content.body, nested.schema)
            });
            self.bindings.truncate(depth);
            match partial {
                Ok(partial) if !partial.failed => into.push(partial.block),
                Ok(_) | Err(Failed) => {
                    failed = true;
                    break; // the next element would fail likewise
                }
            }
        }
        if failed { Err(Failed) } else { Ok(()) }
    }

    fn dynamic_labels(
        &mut self,
        dynamic: &Block,
        schema: &'static BlockSchema,
    ) -> Result<Vec<block::Label>, Failed> {
        let written: &[Expr] = match dynamic.body.attribute("labels").map(|a| &a.value.kind) {
            Some(ExprKind::Tuple(elements)) => elements,
            _ => &[],
        };
        if written.len() != schema.labels.len() {
            let message =
                format!("`{}` takes {} labels, not {}", schema.name, schema.labels.len(), written.len());
            let help = format!("labels = [{}]", schema.labels.join(", "));
            return self
                .fail(Diagnostic::error(codes::WRONG_LABELS, message).at(dynamic.span, "").help(help));
        }
        let mut labels = Vec::with_capacity(written.len());
        for expr in written {
            let value = self.eval_as(expr, &Type::String, codes::BAD_NAME, "a label")?;
            match value.as_str().filter(|_| !value.is_sensitive()) {
                Some(text) => labels.push(block::Label { text: Arc::from(text), span: expr.span }),
                None => {
                    let diagnostic =
                        Diagnostic::error(codes::BAD_NAME, "a label must be known and not sensitive");
                    return self.fail(diagnostic.at(expr.span, ""));
                }
            }
        }
        Ok(labels)
    }
}
