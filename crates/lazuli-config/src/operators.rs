//! Unary and binary operators.

use std::cmp::Ordering;

use lazuli_core::{Diagnostic, Number, Span, Type, Value};

use crate::codes;
use crate::compare;
use crate::limits;
use crate::scope::{Failed, Outcome, Scope, unknown};
use crate::syntax::{Binary, BinaryOperator, Expr, Unary, UnaryOperator};

impl Scope<'_> {
    pub(crate) fn unary(&mut self, unary: &Unary) -> Outcome {
        let (ty, symbol) = match unary.operator {
            UnaryOperator::Negate => (Type::Number, "-"),
            UnaryOperator::Not => (Type::Bool, "!"),
        };
        let operand = self.operand(&unary.operand, &ty, symbol)?;
        let result = match (unary.operator, operand.as_number(), operand.as_bool()) {
            (UnaryOperator::Negate, Some(number), _) => Value::from(number.negated()),
            (UnaryOperator::Not, _, Some(truth)) => Value::from(!truth),
            _ => unknown(ty, true, &[&operand]),
        };
        Ok(result.marked_as(&operand))
    }

    fn operand(&mut self, expr: &Expr, ty: &Type, symbol: &str) -> Outcome {
        self.eval_as(expr, ty, codes::BAD_OPERAND, &operand_of(symbol))
    }

    pub(crate) fn binary(&mut self, binary: &Binary, span: Span) -> Outcome {
        let Binary { operator, left, right } = binary;
        match operator {
            BinaryOperator::And => self.logic(left, right, "&&", false),
            BinaryOperator::Or => self.logic(left, right, "||", true),
            BinaryOperator::Equal => self.equality(left, right, false, span),
            BinaryOperator::NotEqual => self.equality(left, right, true, span),
            _ => {
                let symbol = operator.symbol();
                let a = self.operand(left, &Type::Number, symbol);
                let b = self.operand(right, &Type::Number, symbol);
                let (a, b) = (a?, b?);
                self.arithmetic(*operator, &a, &b, right.span, span)
                    .map(|result| result.marked_as(&a).marked_as(&b))
            }
        }
    }

    fn arithmetic(
        &mut self,
        operator: BinaryOperator,
        left: &Value,
        right: &Value,
        divisor: Span,
        span: Span,
    ) -> Outcome {
        let (Some(a), Some(b)) = (left.as_number(), right.as_number()) else {
            let compares = matches!(
                operator,
                BinaryOperator::Less
                    | BinaryOperator::LessOrEqual
                    | BinaryOperator::Greater
                    | BinaryOperator::GreaterOrEqual
            );
            let ty = if compares { Type::Bool } else { Type::Number };
            return Ok(unknown(ty, true, &[left, right]));
        };
        let order = a.cmp(b);
        Ok(match operator {
            BinaryOperator::Add => Value::from(a.add(b)),
            BinaryOperator::Subtract => Value::from(a.sub(b)),
            BinaryOperator::Multiply => return self.number(a.mul(b), span),
            BinaryOperator::Divide => match a.div(b) {
                Some(quotient) => return self.number(quotient, span),
                None => {
                    let diagnostic = Diagnostic::error(codes::BAD_OPERAND, "division by zero");
                    return self.fail(diagnostic.at(divisor, "this is zero"));
                }
            },
            BinaryOperator::Remainder => Value::from(a.rem(b)),
            BinaryOperator::Less => Value::from(order == Ordering::Less),
            BinaryOperator::LessOrEqual => Value::from(order != Ordering::Greater),
            BinaryOperator::Greater => Value::from(order == Ordering::Greater),
            _ => Value::from(order != Ordering::Less),
        })
    }

    /// A number, unless its digits have grown beyond use.
    fn number(&mut self, number: Number, span: Span) -> Outcome {
        if number.is_excessive() {
            let message = "a number has more than 10000 digits";
            return self
                .fail(Diagnostic::error(codes::EVALUATION_LIMIT, message).at(span, "the result of this"));
        }
        Ok(Value::from(number))
    }

    /// `&&` and `||`: an operand that decides the result makes the other one irrelevant, even one that is unknown, null
    /// or cannot be evaluated; only a value that could never stand there is still a mistake.
    fn logic(&mut self, left: &Expr, right: &Expr, symbol: &str, decides: bool) -> Outcome {
        let a = self.operand(left, &Type::Bool, symbol);
        if let Ok(a) = &a
            && a.as_bool() == Some(decides)
        {
            return match self.eval_quietly(right) {
                Ok(b) if b.is_null() => Ok(a.clone().marked_as(&b)),
                Ok(b) => self
                    .converted(&b, &Type::Bool, codes::BAD_OPERAND, &operand_of(symbol), right.span)
                    .map(|b| a.clone().marked_as(&b)),
                Err(Failed) => Ok(a.clone()),
            };
        }
        let b = self.operand(right, &Type::Bool, symbol);
        if b.is_err() && a.as_ref().is_ok_and(Value::is_unknown) {
            self.hasty += 1; // it may yet be irrelevant
        }
        let (a, b) = (a?, b?);
        let result = match (a.as_bool(), b.as_bool()) {
            (_, Some(truth)) if truth == decides => Value::from(decides),
            (Some(_), Some(_)) => Value::from(!decides),
            _ => unknown(Type::Bool, true, &[&a, &b]),
        };
        Ok(result.marked_as(&a).marked_as(&b))
    }

    fn equality(&mut self, left: &Expr, right: &Expr, negated: bool, span: Span) -> Outcome {
        let a = self.eval(left);
        let b = self.eval(right);
        let (Ok(a), Ok(b)) = (a, b) else { return Err(Failed) };
        self.spend(limits::work_of_pair(&a, &b), span)?;
        let sensitive = a.contains_sensitive() || b.contains_sensitive();
        let result = match compare::equal(&a, &b) {
            Some(equal) => Value::from(equal != negated),
            None => unknown(Type::Bool, true, &[&a, &b]),
        };
        Ok(result.with_sensitivity(sensitive))
    }
}

fn operand_of(symbol: &str) -> String {
    format!("an operand of `{symbol}`")
}
