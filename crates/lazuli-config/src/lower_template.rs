//! Templates: a flat list of pieces as written, then `~` trimming, then heredoc indentation, then the tree.
//!
//! The order and the unit of each step are HCL's: trimming and indentation work on the text up to the end of its
//! line, which is why the text is cut into lines here rather than taken from the parser.

use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::template::{Directive, Element, HeredocTemplate, StringTemplate, Strip, Template};
use lazuli_core::{Span, Value};

use crate::lower::Lowering;
use crate::syntax::{Expr, ExprKind, Part};
use crate::text::normalize;

/// One piece of a template.
enum Piece {
    Text(String),
    Value(Expr),
    If(Expr),
    Else,
    EndIf,
    For { key_name: Option<Arc<str>>, value_name: Arc<str>, collection: Expr },
    EndFor,
}

/// Pieces in the making, with trimming applied as they come.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    /// The next piece of text loses its leading blanks.
    trim_next: bool,
}

impl Pieces {
    fn text(&mut self, text: &str) {
        let text = if std::mem::take(&mut self.trim_next) { text.trim_start() } else { text };
        self.pieces.push(Piece::Text(text.to_owned()));
    }

    fn sequence(&mut self, piece: Piece, strip: Strip) {
        if strip.strip_start()
            && let Some(Piece::Text(text)) = self.pieces.last_mut()
        {
            text.truncate(text.trim_end().len());
        }
        self.trim_next = strip.strip_end();
        self.pieces.push(piece);
    }
}

impl Lowering<'_> {
    /// A quoted template. One that is nothing but an interpolation is that expression.
    pub(crate) fn quoted_template(&mut self, template: &StringTemplate, span: Span) -> Expr {
        let mut pieces = Pieces::default();
        self.elements(template.iter(), false, &mut pieces);
        finish(pieces.pieces, span)
    }

    /// A heredoc.
    pub(crate) fn heredoc_template(&mut self, heredoc: &HeredocTemplate, span: Span) -> Expr {
        let mut pieces = Pieces::default();
        self.elements(heredoc.template.iter(), true, &mut pieces);
        if self.source(span).starts_with("<<-") {
            unindent(&mut pieces.pieces);
        }
        finish(pieces.pieces, span)
    }

    fn elements<'e>(
        &mut self,
        elements: impl Iterator<Item = &'e Element>,
        heredoc: bool,
        pieces: &mut Pieces,
    ) {
        for element in elements {
            match element {
                Element::Literal(text) if heredoc => {
                    let written =
                        self.source(self.span(text.span())).replace("$${", "${").replace("%%{", "%{");
                    for line in written.split_inclusive('\n') {
                        pieces.text(line);
                    }
                }
                Element::Literal(text) => pieces.text(text.value()),
                Element::Interpolation(interpolation) => {
                    let value = self.expr(&interpolation.expr);
                    pieces.sequence(Piece::Value(value), interpolation.strip);
                }
                Element::Directive(directive) => self.directive(directive, heredoc, pieces),
            }
        }
    }

    fn directive(&mut self, directive: &Directive, heredoc: bool, pieces: &mut Pieces) {
        match directive {
            Directive::If(choice) => {
                let condition = self.expr(&choice.if_expr.cond_expr);
                pieces.sequence(Piece::If(condition), choice.if_expr.strip);
                self.nested(&choice.if_expr.template, heredoc, pieces);
                if let Some(other) = &choice.else_expr {
                    pieces.sequence(Piece::Else, other.strip);
                    self.nested(&other.template, heredoc, pieces);
                }
                pieces.sequence(Piece::EndIf, choice.endif_expr.strip);
            }
            Directive::For(each) => {
                let piece = Piece::For {
                    key_name: each.for_expr.key_var.as_ref().map(|name| self.name(name.as_str())),
                    value_name: self.name(each.for_expr.value_var.as_str()),
                    collection: self.expr(&each.for_expr.collection_expr),
                };
                pieces.sequence(piece, each.for_expr.strip);
                self.nested(&each.for_expr.template, heredoc, pieces);
                pieces.sequence(Piece::EndFor, each.endfor_expr.strip);
            }
        }
    }

    /// The text of a directive. The parser reads it as the body of a heredoc even inside quotes, where escapes are
    /// still to be resolved.
    fn nested(&mut self, template: &Template, heredoc: bool, pieces: &mut Pieces) {
        if heredoc {
            self.elements(template.iter(), true, pieces);
            return;
        }
        for element in template {
            match element {
                Element::Literal(text) => pieces.text(&unescape(text.value())),
                other => self.elements(std::iter::once(other), false, pieces),
            }
        }
    }
}

/// Resolves the backslash escapes of a quoted string.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        let digits = match chars.next() {
            Some('n') => {
                plain.push('\n');
                continue;
            }
            Some('r') => {
                plain.push('\r');
                continue;
            }
            Some('t') => {
                plain.push('\t');
                continue;
            }
            Some('u') => 4,
            Some('U') => 8,
            Some(other) => {
                plain.push(other);
                continue;
            }
            None => break,
        };
        let code: String = chars.by_ref().take(digits).collect();
        plain.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
    }
    plain
}

/// Takes the indentation that all lines share off each of them. Blank lines neither count nor change.
fn unindent(pieces: &mut [Piece]) {
    let blanks = |text: &str| text.chars().take_while(|c| c.is_whitespace()).count();
    let mut shared = usize::MAX;
    let mut at_line_start = true;
    let mut lines = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        if std::mem::take(&mut at_line_start) {
            match piece {
                Piece::Text(text) if text.trim().is_empty() && text.ends_with('\n') => {}
                Piece::Text(text) => {
                    shared = shared.min(blanks(text));
                    lines.push(i);
                }
                _ => shared = 0,
            }
        }
        if let Piece::Text(text) = piece {
            at_line_start = text.ends_with('\n');
        }
    }
    for i in lines {
        if let Piece::Text(text) = &mut pieces[i] {
            *text = text.chars().skip(shared).collect();
        }
    }
}

/// The pieces as an expression.
fn finish(pieces: Vec<Piece>, span: Span) -> Expr {
    let alone = pieces.len() == 1;
    let mut parts = tree(&mut pieces.into_iter()).0;
    let kind = match parts.len() {
        0 => ExprKind::Literal(Value::from("")),
        1 => match parts.remove(0) {
            Part::Text(text) => ExprKind::Literal(Value::string(text)),
            Part::Value(value) if alone => value.kind,
            other => ExprKind::Template(vec![other]),
        },
        _ => ExprKind::Template(parts),
    };
    Expr { span, kind }
}

/// The parts up to the end of the directive they belong to, and the piece that ended it.
fn tree(pieces: &mut std::vec::IntoIter<Piece>) -> (Vec<Part>, Option<Piece>) {
    let mut parts = Vec::new();
    let mut text = String::new();
    let flush = |text: &mut String, parts: &mut Vec<Part>| {
        if !text.is_empty() {
            parts.push(Part::Text(Arc::from(&*normalize(text))));
            text.clear();
        }
    };
    while let Some(piece) = pieces.next() {
        if let Piece::Text(more) = piece {
            text.push_str(&more);
            continue;
        }
        flush(&mut text, &mut parts);
        parts.push(match piece {
            Piece::Value(value) => Part::Value(value),
            Piece::If(condition) => {
                let (yes, end) = tree(pieces);
                let no = if matches!(end, Some(Piece::Else)) { tree(pieces).0 } else { Vec::new() };
                Part::If { condition, yes, no }
            }
            Piece::For { key_name, value_name, collection } => {
                let body = tree(pieces).0;
                Part::For { key_name, value_name, collection: Box::new(collection), body }
            }
            end => return (parts, Some(end)),
        });
    }
    flush(&mut text, &mut parts);
    (parts, None)
}
