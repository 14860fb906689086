//! Cuts a body into its items (attributes and blocks) without parsing them, so that one bad item spoils no other.
//!
//! Knows strings, `${}` nesting, comments and heredocs, nothing else. Brackets that do not match and strings that do
//! not end are reported here, where the opening is known.

use std::ops::Range;

use lazuli_core::{Diagnostic, FileId, Span};

use crate::codes;

/// Brackets nested deeper than this are not looked into; the parser's own limit is lower.
const MAX_OPEN: usize = 512;

/// Blocks that may begin a file's item: where to go on after a brace that never closes.
const TOP_LEVEL: &[&str] = &[
    "lazuli",
    "cloud_account",
    "variable",
    "locals",
    "output",
    "cluster_profile",
    "cluster",
    "resource",
    "data",
    "module",
    "check",
    "moved",
    "removed",
    "import",
];

/// One item of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// All of it, without surrounding blank space and comments.
    pub(crate) range: Range<usize>,
    /// Between the braces, when it looks like a block.
    pub(crate) inner: Option<Range<usize>>,
    /// True when something in it was reported already.
    pub(crate) spoilt: bool,
}

enum Open {
    Bracket { close: u8, at: usize, is_block: bool },
    Interpolation { at: usize },
    Quote { at: usize },
    Heredoc { at: usize, marker: Range<usize> },
}

impl Open {
    fn at(&self) -> usize {
        match self {
            Open::Bracket { at, .. }
            | Open::Interpolation { at }
            | Open::Quote { at }
            | Open::Heredoc { at, .. } => *at,
        }
    }
}

struct Splitter<'t> {
    text: &'t [u8],
    file: FileId,
    at: usize,
    end: usize,
    open: Vec<Open>,
    start: Option<usize>,
    inner: Option<Range<usize>>,
    /// Set when the current item was reported already.
    spoilt: bool,
    /// Set once `=` was seen: what follows is an expression, its braces are no block.
    is_attribute: bool,
    /// The last byte that is neither blank nor in a comment.
    last: u8,
    /// The first closing brace whose indentation is not that of its opening line.
    suspect: Option<(usize, usize)>,
    chunks: Vec<Chunk>,
    diagnostics: Vec<Diagnostic>,
}

/// What a body consists of.
pub(crate) struct Split {
    /// The items.
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Cuts `range` of `text` into items.
pub(crate) fn split(text: &str, range: Range<usize>, file: FileId) -> Split {
    let mut splitter = Splitter {
        text: text.as_bytes(),
        file,
        at: range.start,
        end: range.end,
        open: Vec::new(),
        start: None,
        inner: None,
        spoilt: false,
        is_attribute: false,
        last: b'\n',
        suspect: None,
        chunks: Vec::new(),
        diagnostics: Vec::new(),
    };
    loop {
        splitter.run();
        if !splitter.recover() {
            break;
        }
    }
    let Splitter { chunks, diagnostics, .. } = splitter;
    Split { chunks, diagnostics }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || byte >= 0x80
}

impl Splitter<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        let at = self.at + ahead;
        if at < self.end { self.text[at] } else { 0 }
    }

    fn span(&self, start: usize, length: usize) -> Span {
        Span::new(self.file, start, (start + length).min(self.end))
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.spoilt = true;
        self.diagnostics.push(diagnostic);
    }

    fn run(&mut self) {
        while self.at < self.end {
            match self.open.last() {
                Some(Open::Quote { at }) => {
                    let at = *at;
                    self.quoted(at);
                }
                Some(Open::Heredoc { marker, .. }) => {
                    let marker = marker.clone();
                    self.heredoc(&marker);
                }
                _ => self.code(),
            }
            if self.open.len() > MAX_OPEN {
                let at = self.open.last().map_or(0, Open::at);
                let message = format!("brackets are nested deeper than {MAX_OPEN} levels");
                self.report(
                    Diagnostic::error(codes::SYNTAX_LIMIT, message)
                        .at(self.span(at, 1), "one level too deep"),
                );
                self.at = self.end;
            }
        }
    }

    fn begin(&mut self) {
        if self.start.is_none() {
            self.start = Some(self.at);
        }
    }

    fn finish(&mut self) {
        if let Some(start) = self.start.take() {
            let inner = self.inner.take();
            self.chunks.push(Chunk { range: start..self.at, inner, spoilt: self.spoilt });
        }
        self.inner = None;
        self.spoilt = false;
        self.is_attribute = false;
    }

    fn code(&mut self) {
        match self.peek(0) {
            b'\n' => {
                self.last = b'\n';
                if self.open.is_empty() {
                    self.finish();
                }
                self.at += 1;
            }
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'#' => self.line_comment(),
            b'/' if self.peek(1) == b'/' => self.line_comment(),
            b'/' if self.peek(1) == b'*' => self.block_comment(),
            b'"' => {
                self.begin();
                self.open.push(Open::Quote { at: self.at });
                self.last = b'"';
                self.at += 1;
            }
            b'<' if self.peek(1) == b'<' => {
                self.begin();
                self.heredoc_start();
            }
            byte @ (b'{' | b'[' | b'(') => {
                self.begin();
                let close = match byte {
                    b'{' => b'}',
                    b'[' => b']',
                    _ => b')',
                };
                let in_body = match self.open.last() {
                    None => !self.is_attribute,
                    Some(Open::Bracket { is_block, .. }) => *is_block,
                    Some(_) => false,
                };
                let is_block = byte == b'{' && in_body && (is_name_byte(self.last) || self.last == b'"');
                if is_block && self.open.is_empty() && self.inner.is_none() {
                    self.inner = Some(self.at + 1..self.at + 1);
                }
                self.open.push(Open::Bracket { close, at: self.at, is_block });
                self.last = byte;
                self.at += 1;
            }
            byte @ (b'}' | b']' | b')') => self.close(byte),
            byte => {
                self.begin();
                if byte == b'=' && self.open.is_empty() {
                    self.is_attribute = true;
                }
                self.skip(is_name_byte);
                self.last = self.text[self.at - 1];
            }
        }
    }

    /// Passes over the byte that is here, whatever it is, and over those after it that are like it.
    fn skip(&mut self, alike: impl Fn(u8) -> bool) {
        let more = self.text[self.at + 1..self.end].iter().take_while(|byte| alike(**byte)).count();
        self.at += 1 + more;
    }

    fn line_comment(&mut self) {
        while self.at < self.end && self.text[self.at] != b'\n' {
            self.at += 1;
        }
    }

    fn block_comment(&mut self) {
        let start = self.at;
        self.at += 2;
        while self.at < self.end {
            if self.peek(0) == b'*' && self.peek(1) == b'/' {
                self.at += 2;
                return;
            }
            self.at += 1;
        }
        self.report(
            Diagnostic::error(codes::SYNTAX, "a comment does not end")
                .at(self.span(start, 2), "`*/` is missing for this comment"),
        );
    }

    fn close(&mut self, byte: u8) {
        self.begin();
        match self.open.last() {
            None => {
                let message = format!("`{}` closes nothing", byte as char);
                self.report(Diagnostic::error(codes::SYNTAX, message).at(self.span(self.at, 1), "remove it"));
            }
            Some(Open::Interpolation { .. }) if byte == b'}' => {
                self.open.pop();
            }
            Some(Open::Bracket { close, at, .. }) if *close == byte => {
                let at = *at;
                self.open.pop();
                if byte == b'}' && self.suspect.is_none() && self.misaligned(at) {
                    self.suspect = Some((at, self.at));
                }
                self.end_inner(at);
            }
            Some(open) => {
                let (wanted, at) = match open {
                    Open::Bracket { close, at, .. } => (*close as char, *at),
                    other => ('}', other.at()),
                };
                self.report(
                    Diagnostic::error(
                        codes::SYNTAX,
                        format!("`{}` where `{wanted}` is needed", byte as char),
                    )
                    .at(self.span(self.at, 1), format!("expected `{wanted}`"))
                    .also_at(self.span(at, 1), "to close this"),
                );
                // The bracket it was meant for, if there is one, is closed by it.
                let meant = self
                    .open
                    .iter()
                    .rposition(|o| matches!(o, Open::Bracket { close, .. } if *close == byte));
                if let Some(meant) = meant {
                    let at = self.open[meant].at();
                    self.open.truncate(meant);
                    self.end_inner(at);
                }
            }
        }
        self.at += 1;
    }

    /// Notes the end of the block whose brace opened at `open`, when it is the item's own.
    fn end_inner(&mut self, open: usize) {
        if self.open.is_empty()
            && let Some(inner) = &mut self.inner
            && inner.start == open + 1
        {
            inner.end = self.at;
        }
    }

    /// True when the brace at `self.at` stands first on its line, deeper or less deep than the line of its opening.
    fn misaligned(&self, open: usize) -> bool {
        let indent = |at: usize| {
            let line = self.text[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
            let blank = self.text[line..at].iter().take_while(|b| b.is_ascii_whitespace()).count();
            (blank, line + blank == at)
        };
        // Long lines make this costly; they are not where indentation tells anything.
        if self.at - open > 1 << 16 {
            return false;
        }
        let (here, first) = indent(self.at);
        first && here != indent(open).0
    }

    fn quoted(&mut self, opened: usize) {
        match self.peek(0) {
            b'\\' => self.at += if matches!(self.peek(1), b'\n' | b'\r') { 1 } else { 2 },
            b'"' => {
                self.open.pop();
                self.at += 1;
            }
            b'\n' | b'\r' => {
                self.open.pop();
                self.report(
                    Diagnostic::error(codes::SYNTAX, "a string does not end on its line")
                        .at(self.span(opened, 1), "this string")
                        .help("close it with `\"`; write \\n for a line break, or use a heredoc (<<-EOT)"),
                );
            }
            byte @ (b'$' | b'%') if self.peek(1) == byte && self.peek(2) == b'{' => self.at += 3,
            b'$' | b'%' if self.peek(1) == b'{' => {
                self.open.push(Open::Interpolation { at: self.at });
                self.at += 2;
            }
            _ => self.skip(|byte| !matches!(byte, b'\\' | b'"' | b'\n' | b'\r' | b'$' | b'%')),
        }
    }

    fn heredoc_start(&mut self) {
        let start = self.at;
        let mut at = self.at + 2;
        if at < self.end && self.text[at] == b'-' {
            at += 1;
        }
        let marker_start = at;
        while at < self.end && is_name_byte(self.text[at]) {
            at += 1;
        }
        let marker = marker_start..at;
        if at < self.end && self.text[at] == b'\r' {
            at += 1;
        }
        if marker.is_empty() || at >= self.end || self.text[at] != b'\n' {
            self.at += 2; // not a heredoc: the parser says what it is
            return;
        }
        self.open.push(Open::Heredoc { at: start, marker: marker.clone() });
        self.at = at + 1;
        self.heredoc_end(&marker);
    }

    /// At the beginning of a line of a heredoc: ends it when the line is its marker.
    fn heredoc_end(&mut self, marker: &Range<usize>) {
        let rest = &self.text[self.at..self.end];
        let line = rest.iter().position(|b| *b == b'\n').map_or(rest, |end| &rest[..end]);
        if line.trim_ascii() == &self.text[marker.clone()] {
            self.open.pop();
            self.at += line.len();
        }
    }

    fn heredoc(&mut self, marker: &Range<usize>) {
        match self.peek(0) {
            b'\n' => {
                self.at += 1;
                self.heredoc_end(marker);
            }
            byte @ (b'$' | b'%') if self.peek(1) == byte && self.peek(2) == b'{' => self.at += 3,
            b'$' | b'%' if self.peek(1) == b'{' => {
                self.open.push(Open::Interpolation { at: self.at });
                self.at += 2;
            }
            _ => self.at += 1,
        }
    }

    /// At the end of the text: reports what was left open and finds the next place to go on from; false when done.
    fn recover(&mut self) -> bool {
        self.at = self.at.min(self.end);
        let Some(open) = self.open.first() else {
            self.finish();
            return false;
        };
        let outermost = open.at();
        let innermost = self.open.last().map_or(outermost, Open::at);
        if !self.spoilt {
            let (message, label, at) = match self.open.last() {
                Some(Open::Heredoc { at, marker }) => {
                    let marker = String::from_utf8_lossy(&self.text[marker.clone()]).into_owned();
                    (
                        "a heredoc does not end".to_owned(),
                        format!("no line consists of `{marker}` alone"),
                        *at,
                    )
                }
                Some(Open::Quote { at }) => {
                    ("a string does not end".to_owned(), "this string".to_owned(), *at)
                }
                Some(Open::Interpolation { at }) => {
                    ("an interpolation does not end".to_owned(), "`}` is missing for this".to_owned(), *at)
                }
                Some(Open::Bracket { close, at, .. }) => {
                    let (close, opening) = (*close as char, self.text[*at] as char);
                    (format!("`{opening}` is never closed"), format!("`{close}` is missing for this"), *at)
                }
                None => return false, // impossible: checked above
            };
            let mut diagnostic = Diagnostic::error(codes::SYNTAX, message).at(self.span(at, 1), label);
            if let Some((open, close)) = self.suspect
                && open > innermost
            {
                diagnostic = diagnostic
                    .also_at(self.span(open, 1), "this may be the one")
                    .also_at(self.span(close, 1), "because its `}` is indented otherwise");
            }
            self.report(diagnostic);
        }
        self.open.clear();
        self.start = None;
        self.suspect = None;
        self.finish();
        self.spoilt = false;
        match self.next_top_level(outermost) {
            Some(next) => {
                self.at = next;
                true
            }
            None => false,
        }
    }

    /// The first line after `after` that begins, unindented, with the name of a top-level block.
    fn next_top_level(&self, after: usize) -> Option<usize> {
        let mut at = after;
        while let Some(newline) = self.text[at..self.end].iter().position(|b| *b == b'\n') {
            at += newline + 1;
            let name_end = self.text[at..self.end].iter().position(|b| !is_name_byte(*b)).unwrap_or(0);
            let name = &self.text[at..at + name_end];
            if TOP_LEVEL.iter().any(|keyword| keyword.as_bytes() == name) {
                return Some(at);
            }
        }
        None
    }
}
