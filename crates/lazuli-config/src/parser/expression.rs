//! Operators by their precedence, operands, calls.

use lazuli_core::{Diagnostic, Number, Type, Value};

use super::{Parsed, Parser, expectation};
use crate::codes;
use crate::syntax::{Binary, BinaryOperator, Call, Conditional, Expr, ExprKind, Name, Unary, UnaryOperator};
use crate::token::Kind;

/// An operator and how tightly it binds.
fn binary(kind: Kind, text: &str) -> Option<(BinaryOperator, u8)> {
    Some(match (kind, text) {
        (Kind::Operator, "||") => (BinaryOperator::Or, 1),
        (Kind::Operator, "&&") => (BinaryOperator::And, 2),
        (Kind::Operator, "==") => (BinaryOperator::Equal, 3),
        (Kind::Operator, "!=") => (BinaryOperator::NotEqual, 3),
        (Kind::Operator, "<") => (BinaryOperator::Less, 4),
        (Kind::Operator, "<=") => (BinaryOperator::LessOrEqual, 4),
        (Kind::Operator, ">") => (BinaryOperator::Greater, 4),
        (Kind::Operator, ">=") => (BinaryOperator::GreaterOrEqual, 4),
        (Kind::Operator, "+") => (BinaryOperator::Add, 5),
        (Kind::Minus, _) => (BinaryOperator::Subtract, 5),
        (Kind::Operator, "*") => (BinaryOperator::Multiply, 6),
        (Kind::Operator, "/") => (BinaryOperator::Divide, 6),
        (Kind::Operator, "%") => (BinaryOperator::Remainder, 6),
        _ => return None,
    })
}

impl Parser<'_, '_> {
    /// Any expression.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            let start = parser.start();
            let condition = parser.operation(1)?;
            match parser.take_if(Kind::Question) {
                Some(_) => parser.conditional(start, condition),
                None => Ok(condition),
            }
        })
    }

    fn conditional(&mut self, start: usize, condition: Expr) -> Parsed<Expr> {
        let mut height = self.height;
        let yes = self.expression()?;
        height = height.max(self.height);
        self.expect(Kind::Colon, "expected `:` and the value for when the condition does not hold")?;
        let no = self.expression()?;
        self.grow(height.max(self.height) + 1)?;
        let kind = ExprKind::Conditional(Box::new(Conditional { condition, yes, no }));
        Ok(Expr { span: self.span_from(start), kind })
    }

    /// Operands joined by operators that bind at least as tightly as `least`; equals from left to right.
    fn operation(&mut self, least: u8) -> Parsed<Expr> {
        let start = self.start();
        let mut left = self.operand()?;
        loop {
            let kind = self.peek();
            let Some((operator, precedence)) = binary(kind, self.token(self.at).text) else {
                return Ok(left);
            };
            if precedence < least {
                return Ok(left);
            }
            let height = self.height;
            self.take();
            let right = self.operation(precedence + 1)?;
            self.grow(height.max(self.height) + 1)?;
            let kind = ExprKind::Binary(Box::new(Binary { operator, left, right }));
            left = Expr { span: self.span_from(start), kind };
        }
    }

    /// Something between operators: with `-` or `!` before it, and steps into it.
    fn operand(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let operator = match self.peek() {
            Kind::Minus => UnaryOperator::Negate,
            Kind::Not => UnaryOperator::Not,
            _ => {
                let base = self.term()?;
                return self.traversal(start, base);
            }
        };
        self.take();
        let operand = self.deeper(Parser::operand)?;
        self.grow(self.height + 1)?;
        let kind = ExprKind::Unary(Box::new(Unary { operator, operand }));
        Ok(Expr { span: self.span_from(start), kind })
    }

    fn term(&mut self) -> Parsed<Expr> {
        let start = self.start();
        self.height = 0;
        match self.peek() {
            Kind::Number => {
                let token = self.take();
                let value = self.number(start, token.text);
                Ok(Parser::literal(self.span_from(start), value))
            }
            Kind::Name => self.named(start),
            Kind::OpenQuote => self.quoted(start),
            Kind::OpenHeredoc => self.heredoc(start),
            Kind::OpenBracket => self.tuple(start),
            Kind::OpenBrace => self.object(start),
            Kind::OpenParen => {
                self.take();
                let inner = self.with_lines(false, |parser| {
                    let inner = parser.expression()?;
                    parser.expect(Kind::CloseParen, "expected `)`, or an operator")?;
                    Ok(inner)
                })?;
                Ok(Expr { span: self.span_from(start), kind: inner.kind })
            }
            _ => Err(self.unexpected(expectation::VALUE)),
        }
    }

    /// The number as written, exactly.
    pub(super) fn number(&mut self, start: usize, written: &str) -> Value {
        // `1.e3` is `1e3`.
        let error = match written.replace(".e", "e").replace(".E", "E").parse::<Number>() {
            Ok(number) => return Value::from(number),
            Err(error) => error.to_string(),
        };
        let (mantissa, _) = written.split_once(['e', 'E']).unwrap_or((written, ""));
        let is_number = mantissa.matches('.').count() <= 1 && written.matches(['e', 'E', '.']).count() <= 2;
        let shown: String = written.chars().take(40).collect();
        let span = self.span_from(start);
        self.report(match is_number {
            true => Diagnostic::error(codes::SYNTAX_LIMIT, format!("`{shown}` is not a usable number"))
                .at(span, error),
            false => Diagnostic::error(codes::SYNTAX, format!("`{shown}` is not a number"))
                .at(span, "expected digits with at most one dot and one exponent"),
        });
        Value::null_of(Type::Number)
    }

    /// A keyword, a variable or a call.
    fn named(&mut self, start: usize) -> Parsed<Expr> {
        let token = self.take();
        let span = self.span_from(start);
        if matches!(self.peek(), Kind::OpenParen | Kind::DoubleColon) {
            let call = self.call(start, token.text)?;
            return Ok(Expr { span: self.span_from(start), kind: ExprKind::Call(Box::new(call)) });
        }
        let kind = match token.text {
            "true" => ExprKind::Literal(Value::from(true)),
            "false" => ExprKind::Literal(Value::from(false)),
            "null" => ExprKind::Literal(Value::null()),
            name => ExprKind::Variable(self.name(name)),
        };
        Ok(Expr { span, kind })
    }

    fn call(&mut self, start: usize, first: &str) -> Parsed<Call> {
        let mut text = first.to_owned();
        while self.take_if(Kind::DoubleColon).is_some() {
            let part = self.expect(Kind::Name, "expected the name of a function")?;
            text.push_str("::");
            text.push_str(part.text);
        }
        let name = Name { text: self.name(&text), span: self.span_from(start) };
        self.expect(Kind::OpenParen, "expected `(`")?;
        self.with_lines(false, |parser| {
            let (mut arguments, mut expand_last, mut height) = (Vec::new(), false, 0);
            while parser.peek() != Kind::CloseParen {
                arguments.push(parser.expression()?);
                height = height.max(parser.height);
                if parser.take_if(Kind::Ellipsis).is_some() {
                    expand_last = true;
                    break;
                }
                if parser.peek() != Kind::CloseParen {
                    parser.expect(Kind::Comma, "expected `,` or `)`")?;
                }
            }
            let expected = if expand_last { "expected `)` after `...`" } else { "expected `)`" };
            parser.expect(Kind::CloseParen, expected)?;
            parser.grow(height + 1)?;
            Ok(Call { name, arguments, expand_last })
        })
    }
}
