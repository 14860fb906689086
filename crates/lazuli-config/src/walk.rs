//! Walking over expressions: every name that is not bound by the expression itself, and every call.

use std::sync::Arc;

use lazuli_core::Span;

use crate::meta::{Condition, Meta, Repetition};
use crate::module::{Declaration, Module};
use crate::module_call::ModuleCall;
use crate::syntax::{Block, Body, Call, Expr, ExprKind, Part, Step, StepKind};

/// Something an expression mentions.
pub(crate) enum Mention<'a> {
    /// A name with the steps from it: where the name stands, and where all of it; and the names that are bound there.
    Name { word: &'a Arc<str>, at: Span, steps: &'a [Step], span: Span, bound: Vec<Arc<str>> },
    /// A call.
    Call(&'a Call),
}

pub(crate) type Visit<'v, 'a> = &'v mut dyn FnMut(Mention<'a>);

/// Walks over one expression. `bound` holds the names that mean something else there.
pub(crate) fn expr<'a>(expr: &'a Expr, bound: &mut Vec<Arc<str>>, visit: Visit<'_, 'a>) {
    match &expr.kind {
        ExprKind::Literal(_) => {}
        ExprKind::Template(parts) => template(parts, bound, visit),
        ExprKind::Tuple(elements) => each(elements, bound, visit),
        ExprKind::Object(items) => {
            for item in items {
                self::expr(&item.key, bound, visit);
                self::expr(&item.value, bound, visit);
            }
        }
        ExprKind::Variable(word) => {
            if !bound.contains(word) {
                let bound = bound.clone();
                visit(Mention::Name { word, at: expr.span, steps: &[], span: expr.span, bound });
            }
        }
        ExprKind::Traversal(traversal) => {
            match &traversal.base.kind {
                ExprKind::Variable(word) => {
                    if !bound.contains(word) {
                        let (at, steps, bound) = (traversal.base.span, &traversal.steps, bound.clone());
                        visit(Mention::Name { word, at, steps, span: expr.span, bound });
                    }
                }
                _ => self::expr(&traversal.base, bound, visit),
            }
            steps(&traversal.steps, bound, visit);
        }
        ExprKind::Unary(unary) => self::expr(&unary.operand, bound, visit),
        ExprKind::Binary(binary) => {
            self::expr(&binary.left, bound, visit);
            self::expr(&binary.right, bound, visit);
        }
        ExprKind::Conditional(conditional) => {
            self::expr(&conditional.condition, bound, visit);
            self::expr(&conditional.yes, bound, visit);
            self::expr(&conditional.no, bound, visit);
        }
        ExprKind::Call(call) => {
            visit(Mention::Call(call));
            each(&call.arguments, bound, visit);
        }
        ExprKind::For(each) => {
            self::expr(&each.collection, bound, visit);
            let depth = bound.len();
            bound.extend(each.key_name.clone());
            bound.push(each.value_name.clone());
            for inner in each.key.iter().chain([&each.value]).chain(&each.condition) {
                self::expr(inner, bound, visit);
            }
            bound.truncate(depth);
        }
    }
}

fn each<'a>(exprs: &'a [Expr], bound: &mut Vec<Arc<str>>, visit: Visit<'_, 'a>) {
    for inner in exprs {
        expr(inner, bound, visit);
    }
}

fn steps<'a>(steps: &'a [Step], bound: &mut Vec<Arc<str>>, visit: Visit<'_, 'a>) {
    for step in steps {
        match &step.kind {
            StepKind::Attribute(_) => {}
            StepKind::Index(index) => expr(index, bound, visit),
            StepKind::Splat(inner) => self::steps(inner, bound, visit),
        }
    }
}

fn template<'a>(parts: &'a [Part], bound: &mut Vec<Arc<str>>, visit: Visit<'_, 'a>) {
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::Value(value) => expr(value, bound, visit),
            Part::If { condition, yes, no } => {
                expr(condition, bound, visit);
                template(yes, bound, visit);
                template(no, bound, visit);
            }
            Part::For { key_name, value_name, collection, body } => {
                expr(collection, bound, visit);
                let depth = bound.len();
                bound.extend(key_name.clone());
                bound.push(value_name.clone());
                template(body, bound, visit);
                bound.truncate(depth);
            }
        }
    }
}

/// Walks over every expression in a body; `dynamic` blocks bind their iterator.
pub(crate) fn body<'a>(body: &'a Body, bound: &mut Vec<Arc<str>>, visit: Visit<'_, 'a>) {
    for attribute in &body.attributes {
        expr(&attribute.value, bound, visit);
    }
    for block in &body.blocks {
        self::block(block, bound, visit);
    }
}

fn block<'a>(block: &'a Block, bound: &mut Vec<Arc<str>>, visit: Visit<'_, 'a>) {
    if &*block.name.text != "dynamic" {
        body(&block.body, bound, visit);
        return;
    }
    for attribute in &block.body.attributes {
        if matches!(&*attribute.name.text, "for_each") {
            expr(&attribute.value, bound, visit);
        }
    }
    let depth = bound.len();
    bound.extend(iterator_name(block));
    for attribute in &block.body.attributes {
        if matches!(&*attribute.name.text, "labels") {
            expr(&attribute.value, bound, visit);
        }
    }
    for inner in &block.body.blocks {
        body(&inner.body, bound, visit);
    }
    bound.truncate(depth);
}

/// The name a `dynamic` block gives to its element: `iterator`, or the name of the blocks it makes.
pub(crate) fn iterator_name(block: &Block) -> Option<Arc<str>> {
    let written = block.body.attribute("iterator").and_then(|a| match &a.value.kind {
        ExprKind::Variable(name) => Some(name.clone()),
        _ => None,
    });
    written.or_else(|| block.labels.first().map(|label| label.text.clone()))
}

/// Walks over every expression of a declaration, its meta-arguments included.
pub(crate) fn declaration<'a>(declaration: &'a Declaration, visit: Visit<'_, 'a>) {
    let mut bound = Vec::new();
    repetition(&declaration.meta, visit);
    body(&declaration.block.body, &mut bound, visit);
    each(&declaration.meta.depends_on, &mut bound, visit);
    each(&declaration.meta.lifecycle.replace_triggered_by, &mut bound, visit);
    if let Some(timeouts) = &declaration.meta.timeouts {
        body(&timeouts.body, &mut bound, visit);
    }
    conditions(&declaration.meta.lifecycle.preconditions, visit);
    conditions(&declaration.meta.lifecycle.postconditions, visit);
}

fn repetition<'a>(meta: &'a Meta, visit: Visit<'_, 'a>) {
    if let Some(Repetition::Count(attribute) | Repetition::ForEach(attribute)) = &meta.repetition {
        expr(&attribute.value, &mut Vec::new(), visit);
    }
}

/// Walks over every expression of a call of a module.
pub(crate) fn call<'a>(call: &'a ModuleCall, visit: Visit<'_, 'a>) {
    repetition(&call.meta, visit);
    for input in &call.inputs {
        expr(&input.value, &mut Vec::new(), visit);
    }
    each(&call.meta.depends_on, &mut Vec::new(), visit);
}

/// Walks over the expressions of a module that stand in no block with copies: those of local values, outputs,
/// variables, checks.
pub(crate) fn values<'a>(module: &'a Module, visit: Visit<'_, 'a>) {
    for local in &module.locals {
        expr(&local.value, &mut Vec::new(), visit);
    }
    for output in &module.outputs {
        expr(&output.value, &mut Vec::new(), visit);
        conditions(&output.preconditions, visit);
        each(&output.depends_on, &mut Vec::new(), visit);
    }
    for variable in &module.variables {
        if let Some(default) = &variable.default {
            expr(default, &mut Vec::new(), visit);
        }
        conditions(&variable.validations, visit);
    }
    for check in &module.checks {
        conditions(&check.assertions, visit);
    }
}

/// Walks over every expression of a module but those of `import` blocks.
pub(crate) fn module<'a>(module: &'a Module, visit: Visit<'_, 'a>) {
    values(module, visit);
    let kinds =
        [&module.cloud_accounts, &module.cluster_profiles, &module.clusters, &module.resources, &module.data];
    for declared in kinds.into_iter().flatten() {
        declaration(declared, visit);
    }
    for called in &module.calls {
        call(called, visit);
    }
}

/// Walks over the expressions of rules.
pub(crate) fn conditions<'a>(conditions: &'a [Condition], visit: Visit<'_, 'a>) {
    let mut bound = Vec::new();
    for condition in conditions {
        expr(&condition.condition, &mut bound, visit);
        expr(&condition.error_message, &mut bound, visit);
    }
}

/// The place of the first name an expression mentions, if any.
pub(crate) fn mentions_name(expr: &Expr) -> Option<Span> {
    let mut place = None;
    self::expr(expr, &mut Vec::new(), &mut |mention| {
        if let Mention::Name { span, .. } = mention {
            place.get_or_insert(span);
        }
    });
    place
}
