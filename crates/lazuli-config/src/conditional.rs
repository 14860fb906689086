//! `condition ? a : b`. The result has the type both have in common, whichever is chosen.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Span, Type, Value};

use crate::codes;
use crate::convert::{self, convert};
use crate::scope::{Failed, Outcome, Scope, is_not_null, unknown};
use crate::syntax::{Conditional, Expr};
use crate::unify;

/// A branch as far as it is evaluated.
struct Branch {
    value: Value,
    /// It may turn out to be a mistake, which makes its type irrelevant.
    may_fail: bool,
}

impl Scope<'_> {
    pub(crate) fn conditional(&mut self, conditional: &Conditional, span: Span) -> Outcome {
        let Conditional { condition, yes, no } = conditional;
        let Ok(condition) = self.eval_as(condition, &Type::Bool, codes::BAD_OPERAND, "the condition") else {
            // Look into the branches for more mistakes; their values are of no use.
            let _ = self.eval(yes);
            let _ = self.eval(no);
            return Err(Failed);
        };
        let Some(truth) = condition.as_bool() else { return self.undecided(&condition, yes, no, span) };
        let (chosen, other) = if truth { (yes, no) } else { (no, yes) };
        let value = self.eval(chosen)?;
        // The other branch gives the result its type; its mistakes do not matter.
        let doubts = self.doubts;
        let value = match self.eval_quietly(other) {
            Ok(unchosen) => {
                let other = Branch { may_fail: self.doubts > doubts, value: unchosen };
                self.common(&value, &other, truth, span)?.marked_as(&other.value)
            }
            Err(Failed) => value,
        };
        Ok(value.marked_as(&condition))
    }

    /// The result while the condition is not known.
    fn undecided(&mut self, condition: &Value, yes: &Expr, no: &Expr, span: Span) -> Outcome {
        // The condition may be what keeps a branch from being evaluated: its mistakes count once it is chosen.
        let doubts = self.doubts;
        let (Ok(yes), Ok(no)) = (self.eval_quietly(yes), self.eval_quietly(no)) else {
            return Ok(unknown(Type::Any, false, &[condition]).marked_as(condition));
        };
        let may_fail = self.doubts > doubts;
        let ty = self.common_type(&yes, &no, may_fail, span)?;
        if yes.is_null() && no.is_null() {
            return Ok(Value::null_of(ty).marked_as(&yes).marked_as(&no).marked_as(condition));
        }
        let not_null = is_not_null(&yes) && is_not_null(&no);
        let sensitive = condition.is_sensitive() || yes.contains_sensitive() || no.contains_sensitive();
        let value = match either(&yes, &no) {
            Some(value) => value,
            // When one turns out to be a mistake, the other keeps its own type.
            None if may_fail && yes.type_of() != no.type_of() => unknown(Type::Any, false, &[condition]),
            None => unknown(ty, not_null, &[condition]),
        };
        Ok(value.with_sensitivity(sensitive))
    }

    /// The chosen value as a value of the type both branches have in common.
    fn common(&mut self, value: &Value, other: &Branch, is_yes: bool, span: Span) -> Outcome {
        let untyped = |v: &Value| v.is_unknown() && v.type_of() == Type::Any;
        let open = || {
            let open = unknown(Type::Any, false, &[value, &other.value]);
            open.with_sensitivity(value.contains_sensitive())
        };
        if untyped(value) {
            return Ok(value.clone());
        }
        if untyped(&other.value) {
            // Of text it is certain that it stays as it is. So are most known values, which are rarely made text.
            let stays = !value.is_unknown() || value.type_of() == Type::String;
            return Ok(if stays { value.clone() } else { open() });
        }
        let (yes, no) = if is_yes { (value, &other.value) } else { (&other.value, value) };
        let ty = self.common_type(yes, no, other.may_fail, span)?;
        match convert(value, &ty) {
            Ok(converted) if converted.is_null() => Ok(converted),
            Ok(converted) if other.may_fail && converted.content() != value.content() => Ok(open()),
            Ok(converted) => Ok(converted),
            Err(_) => self.inconsistent(yes, no, span).map(|_| Value::null()),
        }
    }

    fn common_type(&mut self, yes: &Value, no: &Value, may_fail: bool, span: Span) -> Result<Type, Failed> {
        if let Some(ty) = common_type(yes, no) {
            return Ok(ty);
        }
        self.hasty += u32::from(may_fail);
        self.inconsistent(yes, no, span)
    }

    fn inconsistent(&mut self, yes: &Value, no: &Value, span: Span) -> Result<Type, Failed> {
        let (yes, no) = (convert::describe_value(yes), convert::describe_value(no));
        self.fail(
            Diagnostic::error(codes::BAD_CONDITIONAL, "the two results of a conditional have no common type")
                .at(span, format!("{yes} when true, {no} when false")),
        )
    }
}

/// The type of a conditional's result; the type of a bare null is that of the other.
fn common_type(yes: &Value, no: &Value) -> Option<Type> {
    let bare = |value: &Value| matches!(value.content(), Content::Null(Type::Any));
    match (bare(yes), bare(no)) {
        (true, _) => Some(no.type_of()),
        (_, true) => Some(yes.type_of()),
        _ => unify::common(&[yes.type_of(), no.type_of()]),
    }
}

/// What is known of a value that is one of two, beyond its type: the number that both are, or how many elements both have.
fn either(yes: &Value, no: &Value) -> Option<Value> {
    match (yes.content(), no.content()) {
        (Content::Number(a), Content::Number(b)) if a == b => Some(yes.clone()),
        (Content::List(s, a), Content::List(t, b)) if s == t && a.len() == b.len() => {
            let items = a.iter().map(|_| Value::unknown_of(s.clone())).collect();
            Some(Value::new(Content::List(s.clone(), Arc::new(items))))
        }
        (Content::Set(s, a), Content::Set(t, b)) if s == t && a.len() == b.len() && a.len() < 2 => {
            let items = a.iter().map(|_| Value::unknown_of(s.clone())).collect();
            Some(Value::new(Content::Set(s.clone(), Arc::new(items))))
        }
        (Content::Map(s, a), Content::Map(t, b)) if s == t && a.is_empty() && b.is_empty() => {
            Some(yes.clone())
        }
        _ => None,
    }
}
