//! The blank between two tokens that stand beside each other on a line.

use crate::token::{Kind, Token};

/// True when one blank belongs between `token` and `next`; `before` is what precedes `token` in its cell.
pub(super) fn blank_between(before: Option<&Token<'_>>, token: &Token<'_>, next: &Token<'_>) -> bool {
    use Kind::{
        Arrow, CloseBrace, CloseHeredoc, CloseQuote, CloseSequence, Colon, Comma, Dot, DoubleColon, Ellipsis,
        Equals, LineEnd, Minus, Name, Not, Number, OpenBrace, OpenBracket, OpenHeredoc, OpenParen, OpenQuote,
        OpenSequence, Operator, Question, Text,
    };
    match (token.kind, next.kind) {
        (_, LineEnd) => false,
        // Calls, namespaces, attributes, lists of arguments.
        (Name, OpenParen) | (Name, DoubleColon) | (DoubleColon, Name) => false,
        (Dot, _) | (_, Dot) | (_, Comma | Ellipsis) => false,
        (Comma, _) => true,
        // A template is as it is.
        (Text | OpenQuote | OpenHeredoc, _) | (_, Text | CloseQuote | CloseHeredoc) => false,
        // `in` is a name like any other, but `for x in [a]` shall not look like an index.
        (Name, _) if token.text == "in" && before.is_some_and(|b| b.kind == Name) => true,
        (Name | Number, OpenBracket) => false,
        (_, OpenBracket) if token.nesting() < 0 => false,
        (Not, _) => false,
        // A minus belongs to its operand unless what precedes it may be an operand itself.
        (Minus, _) => before.is_some_and(|before| {
            !matches!(
                before.kind,
                OpenParen
                    | OpenBrace
                    | OpenBracket
                    | Equals
                    | Colon
                    | Comma
                    | Question
                    | Operator
                    | Minus
                    | Not
            )
        }),
        (OpenBrace, CloseBrace) => false,
        (OpenBrace, _) | (_, CloseBrace) => true,
        // `${ {…} }`: four braces in a row would be hard to read.
        (OpenSequence, OpenBrace) | (CloseBrace, CloseSequence) => true,
        (CloseSequence, OpenSequence) => false,
        (Arrow, _) => next.nesting() >= 0,
        _ => token.nesting() <= 0 && next.nesting() >= 0,
    }
}
