//! Evaluation of expressions: one [`Scope`] per call from outside, with what names mean there.
//!
//! Mistakes are collected in the scope; an expression that failed yields [`Failed`] and its neighbours are evaluated
//! all the same, so that every mistake is found in one go.

use std::collections::HashMap;
use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Diagnostics, Span, Type, Unknown, Value};

use crate::codes;
use crate::convert::{self, convert, derived};
use crate::evaluator::Evaluator;
use crate::externals::{Externals, Instance};
use crate::graph::Named;
use crate::limits;
use crate::syntax::{Expr, ExprKind};

/// It did not work; why is among the scope's diagnostics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed;

pub(crate) type Outcome = Result<Value, Failed>;

/// Where an expression is evaluated.
pub(crate) struct Scope<'a> {
    pub(crate) evaluator: &'a Evaluator,
    pub(crate) externals: &'a dyn Externals,
    pub(crate) instance: Option<&'a Instance>,
    /// `self`
    pub(crate) this: Option<&'a Value>,
    /// Names bound by `for` and `dynamic`, innermost last.
    pub(crate) bindings: Vec<(Arc<str>, Value)>,
    /// The generation of externals this evaluation began with: what is computed is kept for no later one.
    pub(crate) generation: Option<u64>,
    /// Values with names that read externals, by unit; `None` for those that failed. They stay the same to the end of
    /// the evaluation, whatever becomes known meanwhile.
    pub(crate) session: HashMap<(usize, Named), Option<Value>>,
    pub(crate) diagnostics: Diagnostics,
    /// Mistakes of values with names. Whoever reads one fails without another word, `try` included, so they are told even
    /// where a mistake would be forgiven.
    pub(crate) elsewhere: Diagnostics,
    pub(crate) fuel: u64,
    /// Above zero while mistakes will be forgotten again: nobody needs to explain them.
    pub(crate) quiet: u32,
    /// How many of the mistakes say what the values in them were, or need not.
    pub(crate) explained: usize,
    /// How often each call of `uuid()` and its like was made.
    pub(crate) momentary: HashMap<Span, u32>,
    /// True inside of the template of `templatefile` or `templatestring`.
    pub(crate) in_template: bool,
    /// In how many other evaluations this one takes place.
    pub(crate) depth: usize,
    /// How often something was done with an unknown value that may turn out to be a mistake.
    pub(crate) doubts: u32,
    /// How many mistakes were told early, that what is unknown may yet prevent.
    pub(crate) hasty: u32,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(
        evaluator: &'a Evaluator,
        externals: &'a dyn Externals,
        instance: Option<&'a Instance>,
    ) -> Self {
        Scope {
            evaluator,
            externals,
            instance,
            this: None,
            bindings: Vec::new(),
            generation: externals.generation(),
            session: HashMap::new(),
            diagnostics: Vec::new(),
            elsewhere: Vec::new(),
            fuel: limits::STEPS,
            quiet: 0,
            explained: 0,
            momentary: HashMap::new(),
            in_template: false,
            depth: 0,
            doubts: 0,
            hasty: 0,
        }
    }

    pub(crate) fn fail<T>(&mut self, diagnostic: Diagnostic) -> Result<T, Failed> {
        self.diagnostics.push(diagnostic);
        Err(Failed)
    }

    pub(crate) fn spend(&mut self, steps: u64, span: Span) -> Result<(), Failed> {
        if self.fuel == 0 {
            return Err(Failed); // reported when it ran out
        }
        self.fuel = self.fuel.saturating_sub(steps);
        if self.fuel == 0 {
            let message = format!("evaluation takes more than {} steps", limits::STEPS);
            return self
                .fail(Diagnostic::error(codes::EVALUATION_LIMIT, message).at(span, "while evaluating this"));
        }
        Ok(())
    }

    /// Refuses a value beyond the limits.
    pub(crate) fn bounded(&mut self, value: Value, span: Span) -> Outcome {
        match limits::exceeded(&value) {
            None => Ok(value),
            Some(reason) => {
                self.fail(Diagnostic::error(codes::EVALUATION_LIMIT, reason).at(span, "the value of this"))
            }
        }
    }

    /// The value of an expression.
    pub(crate) fn eval(&mut self, expr: &Expr) -> Outcome {
        self.spend(1, expr.span)?;
        let before = self.diagnostics.len();
        let outcome = self.eval_kind(expr);
        if outcome.is_err() && self.diagnostics.len() > before {
            self.explain(expr, before);
        }
        outcome
    }

    /// The value of an expression whose mistakes do not matter.
    pub(crate) fn eval_quietly(&mut self, expr: &Expr) -> Outcome {
        let before = self.diagnostics.len();
        self.quiet += 1;
        let outcome = self.eval(expr);
        self.quiet -= 1;
        self.diagnostics.truncate(before);
        outcome
    }

    fn eval_kind(&mut self, expr: &Expr) -> Outcome {
        match &expr.kind {
            ExprKind::Literal(value) => Ok(value.clone()),
            ExprKind::Template(parts) => self.template(parts, expr.span),
            ExprKind::Tuple(elements) => {
                let mut items = Vec::with_capacity(elements.len());
                let mut failed = false;
                for element in elements {
                    match self.eval(element) {
                        Ok(value) => items.push(value),
                        Err(Failed) => failed = true,
                    }
                }
                if failed { Err(Failed) } else { Ok(Value::new(Content::Tuple(Arc::new(items)))) }
            }
            ExprKind::Object(items) => self.object(items),
            ExprKind::Variable(name) => self.bare(name, expr.span),
            ExprKind::Traversal(traversal) => self.traversal(traversal),
            ExprKind::Unary(unary) => self.unary(unary),
            ExprKind::Binary(binary) => self.binary(binary, expr.span),
            ExprKind::Conditional(conditional) => self.conditional(conditional, expr.span),
            ExprKind::Call(call) => self.call(call, expr.span),
            ExprKind::For(each) => self.for_each(each, expr.span),
        }
    }

    /// The value of an expression converted to a type; null is refused.
    pub(crate) fn eval_as(&mut self, expr: &Expr, ty: &Type, code: &'static str, what: &str) -> Outcome {
        let value = self.eval(expr)?;
        self.converted(&value, ty, code, what, expr.span)
    }

    pub(crate) fn converted(
        &mut self,
        value: &Value,
        ty: &Type,
        code: &'static str,
        what: &str,
        span: Span,
    ) -> Outcome {
        if value.is_null() {
            return self.fail(
                Diagnostic::error(codes::NULL_VALUE, format!("{what} is null"))
                    .at(span, format!("expected {}", convert::describe(ty))),
            );
        }
        if let Content::Unknown(unknown) = value.content()
            && (unknown.ty != *ty || !unknown.not_null)
        {
            self.doubts += 1;
        }
        convert(value, ty).or_else(|mismatch| {
            let message = format!("{what} has the wrong type");
            self.fail(Diagnostic::error(code, message).at(span, mismatch.to_string()))
        })
    }
}

/// Known, or known not to be null.
pub(crate) fn is_not_null(value: &Value) -> bool {
    match value.content() {
        Content::Null(_) => false,
        Content::Unknown(unknown) => unknown.not_null,
        _ => true,
    }
}

/// Something unknown that was made from the values, with the origin of the first unknown among them.
pub(crate) fn unknown(ty: Type, not_null: bool, from: &[&Value]) -> Value {
    let source = from.iter().find_map(|v| v.unknown_part().and_then(|u| derived(u.source.as_ref())));
    let not_null = not_null && ty != Type::Any; // of a value without a type nothing is known at all
    Value::unknown(Unknown { not_null, source, ..Unknown::of(ty) })
}
