//! Templates: a flat list of pieces as written, then `~` trimming, then heredoc indentation, then the tree.
//!
//! The order and the unit of each step are HCL's: trimming and indentation work on the text up to the end of its line.

use std::sync::Arc;

use lazuli_core::{Span, Value};

use crate::syntax::{Expr, ExprKind, Part};
use crate::text::normalize;

/// One piece of a template.
pub(super) enum Piece {
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
pub(super) struct Pieces {
    pieces: Vec<Piece>,
    /// The next piece of text loses its leading blanks.
    trim_next: bool,
}

impl Pieces {
    pub(super) fn text(&mut self, text: &str) {
        let text = if std::mem::take(&mut self.trim_next) { text.trim_start() } else { text };
        self.pieces.push(Piece::Text(text.to_owned()));
    }

    /// An interpolation or a directive; blanks before and after it go where `~` says so.
    pub(super) fn sequence(&mut self, piece: Piece, (before, after): (bool, bool)) {
        if before && let Some(Piece::Text(text)) = self.pieces.last_mut() {
            text.truncate(text.trim_end().len());
        }
        self.trim_next = after;
        self.pieces.push(piece);
    }

    /// All pieces; without the indentation that all lines share if `unindented`.
    pub(super) fn done(mut self, unindented: bool) -> Vec<Piece> {
        if unindented {
            unindent(&mut self.pieces);
        }
        self.pieces
    }
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
pub(super) fn finish(pieces: Vec<Piece>, span: Span) -> Expr {
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
