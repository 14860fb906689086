//! Tokens.

/// What a token is, as finely as the format needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Name,
    Number,
    /// `"` that begins a template, and the one that ends it.
    OpenQuote,
    CloseQuote,
    /// Text of a template, as written.
    Text,
    /// `<<EOT` with its line end, and the line that ends it without its line end.
    OpenHeredoc,
    CloseHeredoc,
    /// `${` or `%{`, with `~` or without; `}` or `~}`.
    OpenSequence,
    CloseSequence,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    Dot,
    Comma,
    Ellipsis,
    DoubleColon,
    Equals,
    Not,
    Minus,
    Colon,
    Question,
    /// `+ * / % == != < <= > >= && ||`
    Operator,
    /// `=>`
    Arrow,
    /// `\n` or `\r\n`
    LineEnd,
    /// `#…` and `//…` with the line end, `/*…*/`
    Comment,
    /// The end of the text, with the blanks before it.
    End,
    /// Anything else; a text that parses has none.
    Other,
}

/// A piece of text and the blanks before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) blanks: u32,
}

impl Token<'_> {
    /// By how much the depth of brackets changes.
    pub(super) fn nesting(&self) -> i32 {
        match self.kind {
            Kind::OpenBrace | Kind::OpenBracket | Kind::OpenParen | Kind::OpenSequence => 1,
            Kind::CloseBrace | Kind::CloseBracket | Kind::CloseParen | Kind::CloseSequence => -1,
            _ => 0,
        }
    }

    /// True for line ends and for comments that reach to the end of their line.
    pub(super) fn ends_line(&self) -> bool {
        match self.kind {
            Kind::LineEnd => true,
            Kind::Comment => self.text.ends_with('\n'),
            _ => false,
        }
    }
}
