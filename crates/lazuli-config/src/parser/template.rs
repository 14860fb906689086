//! Templates: quoted, in heredocs, and bare.

use lazuli_core::{Diagnostic, Value};

use super::pieces::{Piece, Pieces, finish};
use super::{Parsed, Parser};
use crate::codes;
use crate::syntax::{Expr, ExprKind};
use crate::token::{Kind, Token};

/// Plain texts up to so many bytes are shared with all others of that spelling: regions, types and sizes stand in very many
/// resources.
const SHARED: usize = 64;

/// What a directive may be followed by.
enum Open {
    If { at: usize, has_else: bool },
    For { at: usize },
}

impl<'t> Parser<'t, '_> {
    /// `"…"`. One that is nothing but an interpolation is that expression.
    pub(super) fn quoted(&mut self, start: usize) -> Parsed<Expr> {
        self.take();
        if let Some(text) = self.plain_text() {
            let text = self.name(text);
            return Ok(Parser::literal(self.span_from(start), Value::string(text)));
        }
        let pieces = self.with_lines(true, |parser| parser.pieces(Kind::CloseQuote))?;
        self.expect(Kind::CloseQuote, "expected the end of the string")?;
        let mut expr = finish(pieces.done(false), self.span_from(start));
        if let Some(text) = expr.as_text().filter(|text| text.len() <= SHARED) {
            let text = self.name(text);
            expr.kind = ExprKind::Literal(Value::string(text));
        }
        Ok(expr)
    }

    /// `<<EOT`, or `<<-EOT` whose lines lose the indentation they share.
    /// The whole of a short string in which nothing has a meaning of its own, up to and with its end: most strings.
    fn plain_text(&mut self) -> Option<&'t str> {
        let (text, end) = (self.token(self.at), self.token(self.at + 1));
        let plain = text.kind == Kind::Text && text.text.len() <= SHARED && end.kind == Kind::CloseQuote;
        if !plain || text.text.contains(['\\', '$', '%']) {
            return None;
        }
        self.take();
        self.take();
        Some(text.text)
    }

    pub(super) fn heredoc(&mut self, start: usize) -> Parsed<Expr> {
        let open = self.take();
        let pieces = self.with_lines(true, |parser| parser.pieces(Kind::CloseHeredoc))?;
        self.expect(Kind::CloseHeredoc, "expected the end of the heredoc")?;
        Ok(finish(pieces.done(open.text.starts_with("<<-")), self.span_from(start)))
    }

    /// A text that is a template as a whole.
    pub(crate) fn only_template(&mut self) -> Parsed<Expr> {
        self.bounded(self.len())?;
        let pieces = self.pieces(Kind::End)?;
        let (start, end) = (self.piece.start, self.piece.end);
        match self.peek() {
            Kind::End => Ok(finish(pieces.done(false), self.span(start, end))),
            _ => Err(self.unexpected("expected text")),
        }
    }

    /// Text, interpolations and directives up to what ends the template. Leaves the height of the highest.
    fn pieces(&mut self, end: Kind) -> Parsed<Pieces> {
        let mut pieces = Pieces::default();
        let mut open: Vec<Open> = Vec::new();
        let mut highest = 0;
        loop {
            match self.peek() {
                Kind::Text => {
                    let token = self.take();
                    match end {
                        Kind::CloseQuote => pieces.text(&self.unescaped(&token)?),
                        _ => pieces.text(&token.text.replace("$${", "${").replace("%%{", "%{")),
                    }
                }
                Kind::OpenSequence => {
                    let token = self.take();
                    let at = self.start_of(&token);
                    let piece = self.with_lines(false, |parser| match token.text.starts_with('$') {
                        true => Ok(Piece::Value(parser.expression()?)),
                        false => parser.directive(at, &mut open),
                    })?;
                    highest = highest.max(self.height + open.len() + 1);
                    let strips = (token.text.ends_with('~'), self.close_sequence()?);
                    pieces.sequence(piece, strips);
                }
                _ => break,
            }
            if open.len() + self.depth > super::MAX_NESTING {
                let limit = format!("at most {} nested levels are allowed", super::MAX_NESTING);
                return Err(self.too_deep(limit));
            }
        }
        if let Some(Open::If { at, .. } | Open::For { at }) = open.last() {
            let label = "its `%{ endif }` or `%{ endfor }` is missing";
            return Err(self.mistake(*at, at + 2, "a directive does not end", label));
        }
        self.grow(highest)?;
        Ok(pieces)
    }

    /// `}` or `~}`; true for the latter.
    fn close_sequence(&mut self) -> Parsed<bool> {
        let close = self.with_lines(false, |parser| {
            parser.expect(Kind::CloseSequence, "expected `}`: an interpolation holds one expression")
        })?;
        Ok(close.text.starts_with('~'))
    }

    /// From after `%{` to before `}`.
    fn directive(&mut self, at: usize, open: &mut Vec<Open>) -> Parsed<Piece> {
        self.height = 0;
        let word = self.peek_text();
        let start = self.start();
        if self.peek() != Kind::Name {
            return Err(self.unexpected("expected if, else, endif, for or endfor"));
        }
        let out_of_place = |parser: &Self, label: &str| {
            let message = format!("`{word}` belongs to nothing here");
            Err(parser.mistake(start, start + word.len(), &message, label))
        };
        match (word, open.last_mut()) {
            ("if", _) => {
                self.take();
                open.push(Open::If { at, has_else: false });
                Ok(Piece::If(self.expression()?))
            }
            ("for", _) => {
                self.take();
                open.push(Open::For { at });
                let (key_name, value_name) = self.for_names()?;
                Ok(Piece::For { key_name, value_name, collection: self.expression()? })
            }
            ("else", Some(Open::If { has_else, .. })) if !*has_else => {
                self.take();
                *has_else = true;
                Ok(Piece::Else)
            }
            ("endif", Some(Open::If { .. })) => {
                self.take();
                open.pop();
                Ok(Piece::EndIf)
            }
            ("endfor", Some(Open::For { .. })) => {
                self.take();
                open.pop();
                Ok(Piece::EndFor)
            }
            ("else", _) => out_of_place(self, "there is no `if` that it could be the other case of"),
            ("endif", _) => out_of_place(self, "there is no `if` that it could end"),
            ("endfor", _) => out_of_place(self, "there is no `for` that it could end"),
            _ => Err(self.unexpected("expected if, else, endif, for or endfor")),
        }
    }

    /// The text of a quoted string with its escapes resolved.
    pub(super) fn unescaped(&self, token: &Token<'_>) -> Parsed<String> {
        let start = self.start_of(token);
        let mut text = String::with_capacity(token.text.len());
        let mut rest = token.text;
        while let Some(at) = rest.find(['\\', '$', '%']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if rest.starts_with("$${") || rest.starts_with("%%{") {
                text.push_str(&rest[1..3]);
                rest = &rest[3..];
                continue;
            }
            if !rest.starts_with('\\') {
                text.push_str(&rest[..1]);
                rest = &rest[1..];
                continue;
            }
            let Some((c, length)) = escape(rest) else {
                let at = start + token.text.len() - rest.len();
                let width = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                let label = "expected one of \\n \\r \\t \\\" \\\\ \\uNNNN \\UNNNNNNNN";
                let diagnostic = Diagnostic::error(codes::SYNTAX, "there is no such escape sequence")
                    .at(self.span(at, at + width), label);
                return Err(Box::new(diagnostic));
            };
            text.push(c);
            rest = &rest[length..];
        }
        text.push_str(rest);
        Ok(text)
    }
}

/// The character that an escape sequence stands for, and the sequence's length.
fn escape(text: &str) -> Option<(char, usize)> {
    let digits = match text.as_bytes().get(1)? {
        b'n' => return Some(('\n', 2)),
        b'r' => return Some(('\r', 2)),
        b't' => return Some(('\t', 2)),
        b'"' => return Some(('"', 2)),
        b'\\' => return Some(('\\', 2)),
        b'u' => 4,
        b'U' => 8,
        _ => return None,
    };
    let code = text.get(2..2 + digits).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, 2 + digits))
}
