//! Old spellings in new ones.
//!
//! * `a = "${x}"` is `a = x`
//! * labels of blocks are quoted
//! * `type = "string"` of a variable is `string`, and `list` is `list(any)`

use std::borrow::Cow;
use std::ops::Range;

use crate::scan::scan;
use crate::token::{Kind, Token};

/// A part of the text and what comes in its place.
struct Edit {
    range: Range<usize>,
    text: String,
}

struct Walker<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    at: usize,
    edits: Vec<Edit>,
}

/// The text with its old spellings replaced, one in another too.
pub(super) fn rewrite(text: &str) -> Cow<'_, str> {
    let mut rewritten = Cow::Borrowed(text);
    while let Some(new) = pass(&rewritten) {
        rewritten = Cow::Owned(new);
    }
    rewritten
}

/// The text with its outermost old spellings replaced, if it has any.
fn pass(text: &str) -> Option<String> {
    let mut walker = Walker { text, tokens: scan(text), at: 0, edits: Vec::new() };
    walker.file();
    if walker.edits.is_empty() {
        return None;
    }
    let mut new = String::with_capacity(text.len());
    let mut from = 0;
    for edit in walker.edits {
        new.push_str(&text[from..edit.range.start]);
        new.push_str(&edit.text);
        from = edit.range.end;
    }
    new.push_str(&text[from..]);
    Some(new)
}

impl Walker<'_> {
    /// Where a token stands in the text.
    fn place(&self, token: usize) -> Range<usize> {
        let token = &self.tokens[token];
        let start = token.start(self.text);
        start..start + token.text.len()
    }

    fn replace(&mut self, tokens: Range<usize>, text: impl Into<String>) {
        let range = self.place(tokens.start).start..self.place(tokens.end - 1).end;
        self.edits.push(Edit { range, text: text.into() });
    }

    fn kind(&self, at: usize) -> Kind {
        self.tokens.get(at).map_or(Kind::End, |token| token.kind)
    }

    /// The first token from `at` on that is no comment.
    fn significant(&self, mut at: usize) -> usize {
        while self.kind(at) == Kind::Comment {
            at += 1;
        }
        at
    }

    /// Goes through the items of the file and of its blocks.
    fn file(&mut self) {
        let mut open_is_variable: Vec<bool> = Vec::new();
        while self.at < self.tokens.len() {
            let at = self.at;
            self.at += 1;
            match self.kind(at) {
                Kind::CloseBrace => {
                    open_is_variable.pop();
                }
                Kind::Name if self.kind(self.significant(self.at)) == Kind::Equals => {
                    let is_type = self.tokens[at].text == "type" && matches!(open_is_variable[..], [true]);
                    self.attribute(is_type);
                }
                Kind::Name => {
                    self.labels();
                    open_is_variable.push(self.tokens[at].text == "variable");
                }
                _ => {}
            }
        }
    }

    /// From after a block's name to after its `{`.
    fn labels(&mut self) {
        loop {
            let at = self.at;
            match self.kind(at) {
                Kind::Name => self.replace(at..at + 1, format!("\"{}\"", self.tokens[at].text)),
                Kind::OpenBrace | Kind::End => {
                    self.at += 1;
                    return;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// From after an attribute's name to the end of its value.
    fn attribute(&mut self, is_type: bool) {
        let equals = self.significant(self.at);
        let start = self.significant(equals + 1);
        let mut depth = 0;
        let mut at = start;
        loop {
            let token = &self.tokens[at];
            let ends = token.ends_line() || token.kind == Kind::CloseBrace;
            if token.kind == Kind::End || (depth == 0 && ends) {
                break;
            }
            depth += token.nesting();
            at += 1;
        }
        self.at = at;
        let mut end = at;
        while end > start && self.kind(end - 1) == Kind::Comment {
            end -= 1;
        }
        if is_type {
            self.type_constraint(start..end);
        } else {
            self.interpolation(start..end);
        }
    }

    fn type_constraint(&mut self, value: Range<usize>) {
        let kinds: Vec<Kind> = self.tokens[value.clone()].iter().take(4).map(|token| token.kind).collect();
        let new = match kinds[..] {
            [Kind::Name] => match self.tokens[value.start].text {
                word @ ("list" | "map" | "set") => format!("{word}(any)"),
                _ => return,
            },
            // Quotes are of a time when elements were strings.
            [Kind::OpenQuote, Kind::Text, Kind::CloseQuote] => match self.tokens[value.start + 1].text {
                "string" => "string".to_owned(),
                word @ ("list" | "map") => format!("{word}(string)"),
                _ => return,
            },
            _ => return,
        };
        self.replace(value, new);
    }

    /// A value that is nothing but one interpolation: what is in it.
    fn interpolation(&mut self, value: Range<usize>) {
        let Some(inside) = self.inside(&value) else { return };
        let mut range = self.place(value.start).start..self.place(value.end - 1).end;
        if self.kind(inside.end - 1) == Kind::CloseHeredoc {
            if self.kind(value.end) != Kind::LineEnd {
                return; // nothing may follow the end of a heredoc
            }
            range.end = self.place(value.end).start;
        }
        let text = &self.text[self.place(inside.start).start..self.place(inside.end - 1).end];
        let text = match self.goes_on(inside.clone(), value.end) && !self.in_parentheses(inside) {
            true => format!("({text})"),
            false => text.to_owned(),
        };
        self.edits.push(Edit { range, text });
    }

    /// The tokens between `"${` and `}"`, when `value` is that and nothing else.
    fn inside(&self, value: &Range<usize>) -> Option<Range<usize>> {
        let kinds = |range: Range<usize>| self.tokens[range].iter().map(|token| token.kind);
        if value.len() < 5
            || !kinds(value.start..value.start + 2).eq([Kind::OpenQuote, Kind::OpenSequence])
            || !self.tokens[value.start + 1].text.starts_with('$')
            || !kinds(value.end - 2..value.end).eq([Kind::CloseSequence, Kind::CloseQuote])
        {
            return None;
        }
        let mut inside = value.start + 2..value.end - 2;
        let mut quotes = 0;
        for token in &self.tokens[inside.clone()] {
            match token.kind {
                Kind::OpenQuote => quotes += 1,
                Kind::CloseQuote => quotes -= 1,
                // Another sequence, or text: more than one interpolation.
                Kind::OpenSequence | Kind::CloseSequence if quotes == 0 => return None,
                _ => {}
            }
        }
        while !inside.is_empty() && self.kind(inside.start) == Kind::LineEnd {
            inside.start += 1;
        }
        while !inside.is_empty() && self.kind(inside.end - 1) == Kind::LineEnd {
            inside.end -= 1;
        }
        (!inside.is_empty()).then_some(inside)
    }

    /// True when the expression of these tokens, bare before the token `next`, might end with its first line.
    fn goes_on(&self, inside: Range<usize>, next: usize) -> bool {
        let mut depth = 0;
        for at in inside.clone() {
            let token = &self.tokens[at];
            depth += token.nesting();
            match token.kind {
                Kind::LineEnd => return true,
                Kind::Comment if depth == 0 && token.ends_line() => {
                    let mut rest =
                        self.tokens[next..].iter().filter(|t| t.kind != Kind::Comment || t.ends_line());
                    return self.significant(at) < inside.end || !rest.next().is_some_and(Token::ends_line);
                }
                _ => {}
            }
        }
        false
    }

    /// True when the tokens begin and end with a parenthesis, and no line ends outside of brackets.
    fn in_parentheses(&self, tokens: Range<usize>) -> bool {
        let mut depth = 0;
        let ends_outside = self.tokens[tokens.clone()].iter().any(|token| {
            depth += token.nesting();
            depth == 0 && token.ends_line()
        });
        let (first, last) = (self.kind(tokens.start), self.kind(tokens.end - 1));
        first == Kind::OpenParen && last == Kind::CloseParen && !ends_outside
    }
}
