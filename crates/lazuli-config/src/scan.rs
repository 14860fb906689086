//! Text to tokens. Every byte of the text is in a token or is a blank before one.

use crate::token::{Kind, Token};

/// What the scanner is in.
enum Mode<'t> {
    /// Between `${` and its `}`, with the braces open in it; the outermost one is the file.
    Code {
        braces: u32,
    },
    Quote,
    Heredoc {
        marker: &'t str,
        line_start: bool,
    },
}

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    modes: Vec<Mode<'t>>,
    tokens: Vec<Token<'t>>,
}

/// More tokens than this are not cut: 10 MB of configuration have half of them, and memory is finite.
pub(crate) const MAX_TOKENS: usize = 5_000_000;

/// Cuts the text of a template, such as a file, into tokens: all of it stands as in a heredoc.
pub(crate) fn scan_template(text: &str) -> Vec<Token<'_>> {
    // No line ends it: the marker is empty.
    run(text, Mode::Heredoc { marker: "", line_start: false }, Vec::with_capacity(capacity(text)))
}

/// Cuts a text into tokens; into one more than [`MAX_TOKENS`] if there are more.
pub(crate) fn scan(text: &str) -> Vec<Token<'_>> {
    scan_into(text, Vec::with_capacity(capacity(text)))
}

/// The tokens of a text in a list that was used before.
pub(crate) fn scan_into<'t>(text: &'t str, mut tokens: Vec<Token<'t>>) -> Vec<Token<'t>> {
    tokens.clear();
    run(text, Mode::Code { braces: 0 }, tokens)
}

fn capacity(text: &str) -> usize {
    (text.len() / 4).min(MAX_TOKENS)
}

fn run<'t>(text: &'t str, mode: Mode<'t>, tokens: Vec<Token<'t>>) -> Vec<Token<'t>> {
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at: 0, modes: vec![mode], tokens };
    while scanner.at < text.len() && scanner.tokens.len() <= MAX_TOKENS {
        match scanner.modes.last() {
            Some(Mode::Quote) => scanner.quoted(),
            Some(Mode::Heredoc { marker, line_start }) => {
                let (marker, line_start) = (*marker, *line_start);
                scanner.heredoc(marker, line_start);
            }
            _ => scanner.code(),
        }
    }
    if scanner.tokens.last().is_none_or(|token| token.kind != Kind::End) {
        scanner.push(Kind::End, 0, 0);
    }
    scanner.tokens
}

impl<'t> Scanner<'t> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts(&self, text: &str) -> bool {
        self.bytes[self.at..].starts_with(text.as_bytes())
    }

    /// The next `length` bytes as a token.
    fn push(&mut self, kind: Kind, blanks: usize, length: usize) {
        let text = self.text.get(self.at..self.at + length).unwrap_or("");
        self.tokens.push(Token { kind, text, blanks: u32::try_from(blanks).unwrap_or(u32::MAX) });
        self.at += length;
    }

    fn code(&mut self) {
        let rest = &self.bytes[self.at..];
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        self.at += blanks;
        if self.at == self.bytes.len() {
            self.push(Kind::End, blanks, 0);
            return;
        }
        let (kind, length) = self.token();
        match kind {
            Kind::OpenQuote => self.modes.push(Mode::Quote),
            Kind::OpenHeredoc => {
                let written = &self.text[self.at..self.at + length];
                let marker = written.trim_start_matches(['<', '-']).trim_end();
                self.modes.push(Mode::Heredoc { marker, line_start: true });
            }
            Kind::OpenBrace => self.braces(1),
            Kind::CloseBrace => self.braces(-1),
            Kind::CloseSequence => {
                self.modes.pop();
            }
            _ => {}
        }
        self.push(kind, blanks, length);
    }

    fn braces(&mut self, change: i32) {
        if let Some(Mode::Code { braces }) = self.modes.last_mut() {
            *braces = braces.saturating_add_signed(change);
        }
    }

    /// True where a `}` ends an interpolation or a directive.
    fn sequence_ends(&self) -> bool {
        self.modes.len() > 1 && matches!(self.modes.last(), Some(Mode::Code { braces: 0 }))
    }

    fn token(&self) -> (Kind, usize) {
        let one = |kind| (kind, 1);
        match self.peek(0) {
            b'\n' => one(Kind::LineEnd),
            b'\r' if self.peek(1) == b'\n' => (Kind::LineEnd, 2),
            b'#' => (Kind::Comment, self.line_comment()),
            b'/' if self.peek(1) == b'/' => (Kind::Comment, self.line_comment()),
            b'/' if self.peek(1) == b'*' => {
                let length = self.text[self.at + 2..].find("*/").map(|end| end + 4);
                (Kind::Comment, length.unwrap_or(self.text.len() - self.at))
            }
            b'"' => one(Kind::OpenQuote),
            b'<' if self.heredoc_start().is_some() => (Kind::OpenHeredoc, self.heredoc_start().unwrap_or(2)),
            b'~' if self.peek(1) == b'}' && self.sequence_ends() => (Kind::CloseSequence, 2),
            b'}' if self.sequence_ends() => one(Kind::CloseSequence),
            b'{' => one(Kind::OpenBrace),
            b'}' => one(Kind::CloseBrace),
            b'[' => one(Kind::OpenBracket),
            b']' => one(Kind::CloseBracket),
            b'(' => one(Kind::OpenParen),
            b')' => one(Kind::CloseParen),
            b'.' if self.starts("...") => (Kind::Ellipsis, 3),
            b'.' => one(Kind::Dot),
            b',' => one(Kind::Comma),
            b'?' => one(Kind::Question),
            b':' if self.peek(1) == b':' => (Kind::DoubleColon, 2),
            b':' => one(Kind::Colon),
            b'=' if self.peek(1) == b'>' => (Kind::Arrow, 2),
            b'=' | b'!' | b'<' | b'>' if self.peek(1) == b'=' => (Kind::Operator, 2),
            b'&' if self.peek(1) == b'&' => (Kind::Operator, 2),
            b'|' if self.peek(1) == b'|' => (Kind::Operator, 2),
            b'=' => one(Kind::Equals),
            b'!' => one(Kind::Not),
            b'-' => one(Kind::Minus),
            b'+' | b'*' | b'/' | b'%' | b'<' | b'>' => one(Kind::Operator),
            b'0'..=b'9' => (Kind::Number, self.number()),
            _ => self.name(),
        }
    }

    fn line_comment(&self) -> usize {
        let rest = &self.bytes[self.at..];
        rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |end| end + 1)
    }

    /// Digits with dots and exponents between them. One with two dots is no number, and still one token.
    fn number(&self) -> usize {
        let is_digit = |at: usize| self.peek(at).is_ascii_digit();
        let mut length = 1;
        loop {
            let dot = usize::from(self.peek(length) == b'.');
            length += dot
                + match self.peek(length + dot) {
                    b'0'..=b'9' => 1,
                    b'e' | b'E' if is_digit(length + dot + 1) => 2,
                    b'e' | b'E'
                        if matches!(self.peek(length + dot + 1), b'+' | b'-')
                            && is_digit(length + dot + 2) =>
                    {
                        3
                    }
                    _ => return length,
                };
        }
    }

    fn name(&self) -> (Kind, usize) {
        let rest = &self.text[self.at..];
        let length = name_length(rest);
        match length {
            0 => (Kind::Other, rest.chars().next().map_or(1, char::len_utf8)),
            _ => (Kind::Name, length),
        }
    }

    /// The length of `<<EOT` with its line end.
    fn heredoc_start(&self) -> Option<usize> {
        let rest = &self.text[self.at..];
        let after = rest.strip_prefix("<<-").or_else(|| rest.strip_prefix("<<"))?;
        let marker = name_length(after);
        let line_end = match &after.as_bytes()[marker..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return None,
        };
        (marker > 0).then(|| rest.len() - after.len() + marker + line_end)
    }

    /// `${`, `%{` with their `~`, when one is here and not written twice.
    fn sequence(&self) -> Option<usize> {
        let starts = matches!(self.peek(0), b'$' | b'%') && self.peek(1) == b'{';
        starts.then(|| if self.peek(2) == b'~' { 3 } else { 2 })
    }

    fn open_sequence(&mut self, length: usize) {
        self.push(Kind::OpenSequence, 0, length);
        self.modes.push(Mode::Code { braces: 0 });
    }

    fn quoted(&mut self) {
        if self.peek(0) == b'"' {
            self.modes.pop();
            self.push(Kind::CloseQuote, 0, 1);
            return;
        }
        if let Some(length) = self.sequence() {
            self.open_sequence(length);
            return;
        }
        if matches!(self.peek(0), b'\n' | b'\r') {
            self.modes.pop(); // a string that does not end: its line does
            return;
        }
        let start = self.at;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'"' | b'\n' | b'\r' => break,
                b'\\' if !matches!(self.peek(1), b'\n' | b'\r') => {
                    self.at = (self.at + 2).min(self.bytes.len())
                }
                byte @ (b'$' | b'%') if self.peek(1) == byte && self.peek(2) == b'{' => self.at += 3,
                b'$' | b'%' if self.sequence().is_some() => break,
                _ => self.at += 1,
            }
        }
        self.text_token(start);
    }

    fn heredoc(&mut self, marker: &str, line_start: bool) {
        let rest = &self.bytes[self.at..];
        let line = rest.iter().position(|b| *b == b'\n').map_or(rest, |end| &rest[..end]);
        if line_start && !marker.is_empty() && line.trim_ascii() == marker.as_bytes() {
            let line = line.strip_suffix(b"\r").unwrap_or(line).len();
            self.modes.pop();
            self.push(Kind::CloseHeredoc, 0, line);
            return;
        }
        if let Some(length) = self.sequence() {
            self.line_start(false);
            self.open_sequence(length);
            return;
        }
        let start = self.at;
        let end = self.at + line.len();
        while self.at < end {
            match self.peek(0) {
                byte @ (b'$' | b'%') if self.peek(1) == byte && self.peek(2) == b'{' => self.at += 3,
                b'$' | b'%' if self.sequence().is_some() => break,
                _ => self.at += 1,
            }
        }
        let whole = self.at == end;
        if whole && self.at < self.bytes.len() {
            self.at += 1;
        }
        self.line_start(whole);
        self.text_token(start);
    }

    fn line_start(&mut self, now: bool) {
        if let Some(Mode::Heredoc { line_start, .. }) = self.modes.last_mut() {
            *line_start = now;
        }
    }

    /// What was passed over since `start`, as text.
    fn text_token(&mut self, start: usize) {
        // An escape may have ended inside a character.
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        let length = self.at - start;
        self.at = start;
        self.push(Kind::Text, 0, length);
    }
}

/// The length of the name a text begins with: what Unicode calls an identifier, with `_` and `-`.
pub(crate) fn name_length(text: &str) -> usize {
    // Almost every name is ASCII to its end, and bytes are read faster than characters.
    let ascii = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    let begins = text.starts_with(|c: char| c == '_' || unicode_ident::is_xid_start(c));
    match text.as_bytes().get(ascii) {
        _ if !begins => 0,
        Some(0x80..) => {
            let more = |c: char| c == '-' || unicode_ident::is_xid_continue(c);
            text[ascii..].find(|c| !more(c)).map_or(text.len(), |rest| ascii + rest)
        }
        _ => ascii,
    }
}
