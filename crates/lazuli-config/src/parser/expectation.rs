//! What is wrong, in words.

use lazuli_core::Diagnostic;

use super::Parser;
use crate::codes;
use crate::token::Kind;

pub(super) const VALUE: &str = "expected a value here";
pub(super) const LINE_END: &str = "expected the end of the line, or a complete expression";
pub(super) const END: &str = "expected the end of the expression";
pub(super) const ITEM: &str = "expected `=` and a value, or a block: labels and `{`";

impl Parser<'_, '_> {
    /// The next token cannot stand where it does.
    pub(super) fn unexpected(&mut self, expected: &str) -> Box<Diagnostic> {
        let at = self.start();
        let text = self.piece.text;
        // What stands in the file counts, not where this piece ends.
        let found = text.get(at..).and_then(|rest| rest.chars().next());
        let kind = self.peek();
        let word = self.token(self.at).text;
        let message = match found {
            None => "the text ends too early".to_owned(),
            Some('\n' | '\r') => "the line ends too early".to_owned(),
            Some('#') => "the line ends too early".to_owned(),
            Some('/') if kind == Kind::LineEnd => "the line ends too early".to_owned(),
            Some(c) if c.is_control() => "unexpected control character".to_owned(),
            Some(_) if matches!(kind, Kind::Name | Kind::Number) => {
                format!("unexpected `{}`", word.chars().take(40).collect::<String>())
            }
            Some(_) if kind == Kind::OpenHeredoc => "unexpected heredoc".to_owned(),
            Some(c) if kind == Kind::Other || kind == Kind::End => format!("unexpected `{c}`"),
            Some(_) => format!("unexpected `{}`", word.trim_end()),
        };
        let width = match kind {
            Kind::LineEnd => 0,
            Kind::End => found.map_or(0, char::len_utf8),
            _ => word.trim_end().len(),
        };
        let span = self.span(at, at + width);
        let diagnostic = Diagnostic::error(codes::SYNTAX, message).at(span, expected);
        let help = match found {
            Some('\'' | '`') => Some("strings are written in double quotes"),
            Some(';') => Some("each argument stands on its own line"),
            Some('&') if word == "&" => Some("did you mean `&&`?"),
            Some('|') if word == "|" => Some("did you mean `||`?"),
            _ => None,
        };
        Box::new(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    }

    /// A mistake between two places of the text.
    pub(super) fn mistake(&self, start: usize, end: usize, message: &str, label: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(codes::SYNTAX, message).at(self.span(start, end), label))
    }
}
