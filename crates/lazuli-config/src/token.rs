//! Tokens: what the parser and the canonical format work on.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
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
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    pub(crate) text: &'t str,
    pub(crate) blanks: u32,
}

impl Token<'_> {
    /// By how much the depth of brackets changes.
    pub(crate) fn nesting(&self) -> i32 {
        match self.kind {
            Kind::OpenBrace | Kind::OpenBracket | Kind::OpenParen | Kind::OpenSequence => 1,
            Kind::CloseBrace | Kind::CloseBracket | Kind::CloseParen | Kind::CloseSequence => -1,
            _ => 0,
        }
    }

    /// Where it begins in the text it was cut from.
    pub(crate) fn start(&self, text: &str) -> usize {
        (self.text.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
    }

    /// True for line ends and for comments that reach to the end of their line.
    pub(crate) fn ends_line(&self) -> bool {
        match self.kind {
            Kind::LineEnd => true,
            Kind::Comment => self.text.ends_with('\n'),
            _ => false,
        }
    }
}
