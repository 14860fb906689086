//! Tuples, objects, and the `for` forms of both.

use lazuli_core::{Diagnostic, Value};

use super::{Parsed, Parser};
use crate::codes;
use crate::syntax::{Expr, ExprKind, For, Item, StepKind, Traversal};
use crate::token::Kind;

impl Parser<'_, '_> {
    /// `[…]`
    pub(super) fn tuple(&mut self, start: usize) -> Parsed<Expr> {
        self.take();
        self.with_lines(false, |parser| {
            if parser.at_word("for") {
                return parser.for_expression(start, Kind::CloseBracket);
            }
            let (mut elements, mut height) = (Vec::new(), 0);
            while parser.peek() != Kind::CloseBracket {
                elements.push(parser.expression()?);
                height = height.max(parser.height);
                if parser.peek() != Kind::CloseBracket {
                    parser.expect(Kind::Comma, "expected `,` or `]`")?;
                }
            }
            parser.take();
            parser.grow(height + 1)?;
            elements.shrink_to_fit();
            Ok(Expr { span: parser.span_from(start), kind: ExprKind::Tuple(elements) })
        })
    }

    /// `{…}`
    pub(super) fn object(&mut self, start: usize) -> Parsed<Expr> {
        self.take();
        // Where lines end matters in an object and not in a for expression.
        let mut first = self.at;
        while matches!(self.token(first).kind, Kind::LineEnd | Kind::Comment) {
            first += 1;
        }
        if self.token(first).kind == Kind::Name && self.token(first).text == "for" {
            return self.with_lines(false, |parser| parser.for_expression(start, Kind::CloseBrace));
        }
        self.with_lines(true, |parser| {
            let (mut items, mut height) = (Vec::with_capacity(1), 0);
            loop {
                match parser.peek() {
                    Kind::LineEnd => {
                        parser.take();
                        continue;
                    }
                    Kind::CloseBrace => break,
                    _ => {}
                }
                let key = parser.key()?;
                height = height.max(parser.height);
                if !matches!(parser.peek(), Kind::Equals | Kind::Colon) {
                    return Err(parser.unexpected("expected `=` or `:` and the value of this element"));
                }
                parser.take();
                items.push(Item { key, value: parser.expression()? });
                height = height.max(parser.height);
                match parser.peek() {
                    Kind::Comma | Kind::LineEnd => {
                        parser.take();
                    }
                    Kind::CloseBrace => {}
                    _ => return Err(parser.unexpected("expected `,`, the end of the line or `}`")),
                }
            }
            parser.take();
            parser.grow(height + 1)?;
            items.shrink_to_fit();
            Ok(Expr { span: parser.span_from(start), kind: ExprKind::Object(items) })
        })
    }

    /// The key of an element: a bare name is text, anything in parentheses an expression.
    fn key(&mut self) -> Parsed<Expr> {
        let is_expression = self.peek() == Kind::OpenParen;
        let (at, first) = (self.at, self.peek_text());
        let key = self.expression()?;
        if is_expression {
            return Ok(key);
        }
        let alone = (key.span.end - key.span.start) as usize == first.len();
        match &key.kind {
            ExprKind::Variable(_) | ExprKind::Literal(_) if alone && self.token(at).kind == Kind::Name => {
                let name = self.name(first);
                Ok(Parser::literal(key.span, Value::string(name)))
            }
            ExprKind::Traversal(traversal) if is_reference(traversal) => {
                let (span, text) = (key.span, self.source(key.span));
                let help = format!("write ({text}) for a reference, \"{text}\" for a name");
                let diagnostic =
                    Diagnostic::error(codes::BAD_KEY, "the key of an object element is ambiguous")
                        .at(span, "a reference or a name with a dot?")
                        .help(help);
                self.report(diagnostic);
                Ok(key)
            }
            _ => Ok(key),
        }
    }

    fn source(&self, span: lazuli_core::Span) -> &str {
        self.piece.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// From `for` to the bracket that closes it.
    fn for_expression(&mut self, start: usize, close: Kind) -> Parsed<Expr> {
        self.take();
        let is_object = close == Kind::CloseBrace;
        let (key_name, value_name) = self.for_names()?;
        let collection = self.expression()?;
        let mut height = self.height;
        self.expect(Kind::Colon, "expected `:` and the result for each element")?;
        let mut value = self.expression()?;
        height = height.max(self.height);
        let mut key = None;
        let arrow = self.start();
        if self.take_if(Kind::Arrow).is_some() {
            if !is_object {
                return Err(self.mistake(
                    arrow,
                    arrow + 2,
                    "a tuple has no keys",
                    "only `{for …}` takes `=>`",
                ));
            }
            key = Some(std::mem::replace(&mut value, self.expression()?));
            height = height.max(self.height);
        } else if is_object {
            return Err(self.unexpected("expected `=>` and the value: an object needs keys"));
        }
        let ellipsis = self.start();
        let grouped = self.take_if(Kind::Ellipsis).is_some();
        if grouped && !is_object {
            let label = "only `{for …}` takes `...`";
            return Err(self.mistake(ellipsis, ellipsis + 3, "a tuple cannot group its elements", label));
        }
        let mut condition = None;
        if self.at_word("if") {
            self.take();
            condition = Some(self.expression()?);
            height = height.max(self.height);
        }
        self.expect(close, if is_object { "expected `}`" } else { "expected `]`" })?;
        self.grow(height + 1)?;
        let each = For { key_name, value_name, collection, key, value, condition, grouped };
        Ok(Expr { span: self.span_from(start), kind: ExprKind::For(Box::new(each)) })
    }

    /// `value in` or `key, value in`.
    pub(super) fn for_names(&mut self) -> Parsed<(Option<std::sync::Arc<str>>, std::sync::Arc<str>)> {
        let expected = "expected a name for the element";
        let first = self.expect(Kind::Name, expected)?;
        let mut names = (None, self.name(first.text));
        if self.take_if(Kind::Comma).is_some() {
            let second = self.expect(Kind::Name, expected)?;
            names = (Some(names.1), self.name(second.text));
        }
        if !self.at_word("in") {
            return Err(self.unexpected("expected `in` and the collection"));
        }
        self.take();
        Ok(names)
    }
}

/// True for `a.b` and `a[0]`, which might be meant as names.
fn is_reference(traversal: &Traversal) -> bool {
    let plain = |step: &crate::syntax::Step| match &step.kind {
        StepKind::Attribute(_) => true,
        StepKind::Index(index) => matches!(index.kind, ExprKind::Literal(_)),
        StepKind::Splat(_) => false,
    };
    matches!(traversal.base.kind, ExprKind::Variable(_)) && traversal.steps.iter().all(plain)
}
