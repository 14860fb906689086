//! The way into a value: `.name`, `[index]`, `[*]`, and the old `.0` and `.*`.

use lazuli_core::Diagnostic;

use super::{Parsed, Parser};
use crate::codes;
use crate::syntax::{Expr, ExprKind, Step, StepKind, Traversal};
use crate::token::{Kind, Token};

/// Splats that follow each other: each holds all that follows, so they nest.
const MAX_SPLATS: usize = 16;

impl Parser<'_, '_> {
    /// `base` with the steps that follow it.
    pub(super) fn traversal(&mut self, start: usize, base: Expr) -> Parsed<Expr> {
        if !matches!(self.peek(), Kind::Dot | Kind::OpenBracket) {
            return Ok(base);
        }
        let height = self.height;
        let mut steps = self.steps(0)?;
        steps.shrink_to_fit();
        self.grow(height.max(self.height) + 1)?;
        let kind = ExprKind::Traversal(Box::new(Traversal { base, steps }));
        Ok(Expr { span: self.span_from(start), kind })
    }

    /// Steps up to the end of the traversal; `splats` are around them. Leaves the height of the highest index.
    fn steps(&mut self, splats: usize) -> Parsed<Vec<Step>> {
        let mut steps = Vec::with_capacity(2); // as most have
        let mut height = 0;
        loop {
            let start = self.start();
            let kind = match self.peek() {
                Kind::Dot => {
                    self.take();
                    if self.peek_text() == "*" {
                        self.take();
                        let span = self.span_from(start);
                        let inner = self.names_after_splat()?;
                        steps.push(Step { span, kind: StepKind::Splat(inner) });
                        continue;
                    }
                    self.after_dot(&mut steps)?;
                    continue;
                }
                Kind::OpenBracket => {
                    let open = self.take();
                    if self.peek_text() == "*" {
                        self.take();
                        self.expect(Kind::CloseBracket, "expected `]` after `[*`")?;
                        if splats >= MAX_SPLATS {
                            return Err(self.too_many_splats(&open));
                        }
                        let span = self.span_from(start);
                        let inner = self.steps(splats + 1)?;
                        steps.push(Step { span, kind: StepKind::Splat(inner) });
                        self.height = height.max(self.height) + 1;
                        return Ok(steps);
                    }
                    let index = self.with_lines(false, |parser| {
                        let index = parser.expression()?;
                        parser.expect(Kind::CloseBracket, "expected `]`")?;
                        Ok(index)
                    })?;
                    height = height.max(self.height);
                    StepKind::Index(Box::new(index))
                }
                _ => {
                    self.height = height;
                    return Ok(steps);
                }
            };
            steps.push(Step { span: self.span_from(start), kind });
        }
    }

    /// The name, or the index of old, after a dot.
    fn after_dot(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        match self.peek() {
            Kind::Name => {
                let token = self.take();
                let start = self.start_of(&token);
                let name = self.name(token.text);
                steps.push(Step { span: self.span_from(start), kind: StepKind::Attribute(name) });
            }
            Kind::Number => {
                let token = self.take();
                let start = self.start_of(&token);
                if !token.text.bytes().all(|byte| byte.is_ascii_digit()) {
                    let (end, message) = (self.end, "an index after a dot is one whole number");
                    let indices = token.text.replace('.', "][");
                    let mistake = self.mistake(start, end, message, &format!("write [{indices}] instead"));
                    return Err(mistake);
                }
                let index = self.number(start, token.text);
                let span = self.span_from(start);
                steps.push(Step { span, kind: StepKind::Index(Box::new(Parser::literal(span, index))) });
            }
            _ => return Err(self.unexpected("expected a name after the dot")),
        }
        Ok(())
    }

    /// After `.*` names alone belong to the splat.
    fn names_after_splat(&mut self) -> Parsed<Vec<Step>> {
        let mut steps = Vec::new();
        while self.take_if(Kind::Dot).is_some() {
            if self.peek_text() == "*" {
                return Err(self.unexpected("one `.*` cannot follow another: write [*]"));
            }
            self.after_dot(&mut steps)?;
        }
        Ok(steps)
    }

    fn too_many_splats(&mut self, open: &Token<'_>) -> Box<Diagnostic> {
        let span = self.span_from(self.start_of(open));
        let message = format!("more than {MAX_SPLATS} splats follow each other");
        Box::new(Diagnostic::error(codes::SYNTAX_LIMIT, message).at(span, "one too many"))
    }
}
