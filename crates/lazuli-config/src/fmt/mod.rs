//! The canonical format of configuration files: where blanks stand, and nothing else but a few old spellings.
//!
//! It is the format that people know from `terraform fmt`. Works on tokens, so that comments, heredocs and everything
//! else in a file are kept as they are.
//!
//! | module | what |
//! |---|---|
//! | `rewrite` | old spellings replaced: `"${x}"` by `x`, bare labels by quoted ones |
//! | `layout` | lines, indentation, columns |
//! | `spacing` | the blank between two tokens of a line |

mod layout;
mod rewrite;
mod spacing;

use std::borrow::Cow;

use lazuli_core::diagnostic::has_errors;
use lazuli_core::{Diagnostic, Diagnostics, FileId, Sources, Span};

use crate::codes;
use crate::parallel::parse_file;
use crate::scan::{MAX_TOKENS, scan};
use crate::token::Token;

/// A file in the canonical format.
///
/// Formatting is idempotent. It changes blank space between tokens, and old spellings that mean the same as new ones;
/// every comment stays. Line ends are kept, a byte order mark is not.
///
/// # Errors
/// Everything that keeps the text from being parsed: a text that means nothing is not touched.
pub fn format(sources: &mut Sources, name: &str, text: &str) -> Result<String, Diagnostics> {
    let parsed = unix(text);
    let file = sources.add(name, &*parsed);
    let diagnostics = problems(&parsed, file);
    if has_errors(&diagnostics) {
        return Err(diagnostics);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rewritten = match rewrite::rewrite(text) {
        // Where an old spelling holds comments or heredocs, the new one may not fit in its place.
        Cow::Owned(new) if has_errors(&problems(&unix(&new), file)) => Cow::Borrowed(text),
        new => new,
    };
    let tokens = scan(&rewritten);
    // Comments count too here, which the parser passes over; the scanner stops at the limit.
    if tokens.len() > MAX_TOKENS {
        let message = format!("the text has more than {MAX_TOKENS} words, signs and comments");
        let problem =
            Diagnostic::error(codes::SYNTAX_LIMIT, message).at(Span::new(file, 0, 0), "in this file");
        return Err(vec![problem]);
    }
    let formatted = layout::layout(tokens.clone());
    if same(&tokens, &scan(&formatted)) {
        return Ok(formatted);
    }
    let problem =
        Diagnostic::error(codes::SYNTAX, "this file cannot be formatted without a change of its meaning");
    Err(vec![problem.at(Span::new(file, 0, 0), "the file is left as it is")])
}

/// The text with the line ends that the parser knows.
fn unix(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
}

fn problems(text: &str, file: FileId) -> Diagnostics {
    parse_file(text, file).1
}

/// True when both are the same words in the same order.
fn same(one: &[Token<'_>], other: &[Token<'_>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.kind == b.kind && a.text == b.text)
}
