//! The grammar: tokens to the syntax tree by recursive descent.
//!
//! A parser works on one piece of a file (an item of a body, an expression, a template) and stops at its first
//! mistake. What can be said without stopping, such as an ambiguous key, is added to the diagnostics.
//!
//! | module | what |
//! |---|---|
//! | `body` | attributes and blocks |
//! | `expression` | operators, operands, calls |
//! | `traversal` | `.name`, `[index]`, splats |
//! | `collection` | `[…]`, `{…}`, `for` |
//! | `template` | quoted text, heredocs, directives |
//! | `pieces` | blank space in templates: `~`, indentation of heredocs |
//! | `expectation` | mistakes in words |

mod body;
mod collection;
mod expectation;
mod expression;
mod pieces;
mod template;
mod traversal;

use std::collections::HashSet;
use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, FileId, Hashing, Span};

use crate::codes;
use crate::parse::too_many;
use crate::scan::{MAX_TOKENS, scan, scan_into, scan_template};
use crate::syntax::{Expr, ExprKind};
use crate::text::normalize;
use crate::token::{Kind, Token};

pub(crate) use body::{Seen, twice};

/// Expressions in expressions and blocks in blocks: what is deeper is refused, because everything behind the parser
/// walks the tree recursively.
pub(crate) const MAX_NESTING: usize = 128;

/// The height of an expression's tree; operators in a chain count as well as brackets.
pub(crate) const MAX_HEIGHT: usize = 400;

/// The spellings so far: each is there once.
pub(crate) type Names = HashSet<Arc<str>, Hashing>;

/// The first mistake of a piece; boxed because results are returned often and mistakes are rare.
pub(crate) type Parsed<T> = Result<T, Box<Diagnostic>>;

/// Where a piece of text comes from.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'t> {
    /// The whole file.
    pub(crate) text: &'t str,
    /// Which file.
    pub(crate) file: FileId,
    /// The piece, as a part of `text`.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A parser on one piece of a file.
pub(crate) struct Parser<'t, 'n> {
    piece: Piece<'t>,
    tokens: Vec<Token<'t>>,
    at: usize,
    /// Where the last token that was taken ends.
    end: usize,
    /// False inside brackets, where lines may end anywhere.
    lines_matter: bool,
    depth: usize,
    /// The height of the expression that was parsed last.
    height: usize,
    names: &'n mut Names,
    diagnostics: &'n mut Diagnostics,
}

impl<'t, 'n> Parser<'t, 'n> {
    /// A parser for items of a body, or for an expression.
    pub(crate) fn new(piece: Piece<'t>, names: &'n mut Names, diagnostics: &'n mut Diagnostics) -> Self {
        let tokens = scan(piece.text.get(piece.start..piece.end).unwrap_or(""));
        Parser::of(piece, tokens, names, diagnostics)
    }

    /// A parser for a text that is a template without quotes around it.
    pub(crate) fn of_template(
        piece: Piece<'t>,
        names: &'n mut Names,
        diagnostics: &'n mut Diagnostics,
    ) -> Self {
        let tokens = scan_template(piece.text.get(piece.start..piece.end).unwrap_or(""));
        Parser::of(piece, tokens, names, diagnostics)
    }

    fn of(
        piece: Piece<'t>,
        tokens: Vec<Token<'t>>,
        names: &'n mut Names,
        diagnostics: &'n mut Diagnostics,
    ) -> Self {
        let (at, end, depth, height) = (0, piece.start, 0, 0);
        Parser { piece, tokens, at, end, lines_matter: true, depth, height, names, diagnostics }
    }

    /// A parser that takes a used list for its tokens: one after the other needs no memory of its own.
    pub(crate) fn reusing(
        tokens: Vec<Token<'t>>,
        piece: Piece<'t>,
        names: &'n mut Names,
        diagnostics: &'n mut Diagnostics,
    ) -> Self {
        let tokens = scan_into(piece.text.get(piece.start..piece.end).unwrap_or(""), tokens);
        Parser::of(piece, tokens, names, diagnostics)
    }

    /// The list of tokens, to be used again.
    pub(crate) fn into_tokens(self) -> Vec<Token<'t>> {
        self.tokens
    }

    /// How many tokens there are.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Refuses a text of so many tokens: memory is finite.
    pub(crate) fn bounded(&self, tokens: usize) -> Parsed<()> {
        if tokens <= MAX_TOKENS {
            return Ok(());
        }
        let start = self.piece.start;
        Err(Box::new(too_many(self.span(start, start))))
    }

    /// An expression and nothing else; lines may end anywhere, as in parentheses.
    pub(crate) fn only_expression(&mut self) -> Parsed<Expr> {
        self.bounded(self.len())?;
        self.lines_matter = false;
        let expr = self.expression()?;
        match self.peek() {
            Kind::End => Ok(expr),
            _ => Err(self.unexpected(expectation::END)),
        }
    }

    fn token(&self, at: usize) -> Token<'t> {
        let nothing = Token { kind: Kind::End, text: "", blanks: 0 };
        self.tokens.get(at).copied().unwrap_or(nothing)
    }

    /// The next token, passing over comments, and over line ends where those do not matter.
    fn peek(&mut self) -> Kind {
        loop {
            let token = self.token(self.at);
            match token.kind {
                Kind::Comment if token.ends_line() && self.lines_matter => return Kind::LineEnd,
                Kind::LineEnd if self.lines_matter => return Kind::LineEnd,
                Kind::Comment | Kind::LineEnd => self.at += 1,
                kind => return kind,
            }
        }
    }

    /// The text of the next token.
    fn peek_text(&mut self) -> &'t str {
        self.peek();
        self.token(self.at).text
    }

    /// True when the next token is that name.
    fn at_word(&mut self, word: &str) -> bool {
        self.peek() == Kind::Name && self.token(self.at).text == word
    }

    /// Takes the next token.
    fn take(&mut self) -> Token<'t> {
        self.peek();
        let token = self.token(self.at);
        self.end = self.start_of(&token) + token.text.len();
        self.at += 1;
        token
    }

    /// Takes the next token if it is of that kind.
    fn take_if(&mut self, kind: Kind) -> Option<Token<'t>> {
        (self.peek() == kind).then(|| self.take())
    }

    /// Takes the next token, which must be of that kind.
    fn expect(&mut self, kind: Kind, expected: &str) -> Parsed<Token<'t>> {
        self.take_if(kind).ok_or_else(|| self.unexpected(expected))
    }

    /// Does something with lines that matter, or with lines that do not.
    fn with_lines<T>(&mut self, matter: bool, what: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let before = std::mem::replace(&mut self.lines_matter, matter);
        let result = what(self);
        self.lines_matter = before;
        result
    }

    /// Does something one level deeper.
    fn deeper<T>(&mut self, what: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_NESTING {
            let limit = format!("at most {MAX_NESTING} nested levels are allowed");
            return Err(self.too_deep(limit));
        }
        self.depth += 1;
        let result = what(self);
        self.depth -= 1;
        result
    }

    /// Notes that the expression parsed last stands in one of that many more levels.
    fn grow(&mut self, height: usize) -> Parsed<()> {
        self.height = height;
        if height > MAX_HEIGHT {
            let limit = format!("at most {MAX_HEIGHT} operators and brackets around each other are allowed");
            return Err(self.too_deep(limit));
        }
        Ok(())
    }

    fn too_deep(&mut self, limit: String) -> Box<Diagnostic> {
        let span = self.next_span();
        let diagnostic = Diagnostic::error(codes::SYNTAX_LIMIT, "this is nested too deeply").at(span, limit);
        Box::new(diagnostic.help("give a part of it a name in `locals`"))
    }

    fn start_of(&self, token: &Token<'_>) -> usize {
        match token.text.is_empty() {
            // The end of the piece.
            true => self.piece.end,
            false => token.start(self.piece.text),
        }
    }

    /// Where the next token begins.
    fn start(&mut self) -> usize {
        self.peek();
        self.start_of(&self.token(self.at))
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.piece.file, start, end)
    }

    /// From `start` to the end of the last token.
    fn span_from(&self, start: usize) -> Span {
        self.span(start, self.end.max(start))
    }

    fn next_span(&mut self) -> Span {
        let start = self.start();
        let length = self.token(self.at).text.trim_end().len();
        self.span(start, start + length)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A name, shared with all others of that spelling.
    pub(crate) fn name(&mut self, text: &str) -> Arc<str> {
        let text = normalize(text);
        if let Some(name) = self.names.get(&*text) {
            return name.clone();
        }
        let name: Arc<str> = Arc::from(&*text);
        self.names.insert(name.clone());
        name
    }

    fn literal(span: Span, value: impl Into<lazuli_core::Value>) -> Expr {
        Expr { span, kind: ExprKind::Literal(value.into()) }
    }
}
