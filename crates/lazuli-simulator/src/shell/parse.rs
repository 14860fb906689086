//! From the text of a script to what is to be done.

/// A command list: how each pipeline hangs on the one before.
#[derive(Debug, Clone, Default)]
pub(super) struct List(pub(super) Vec<(Link, Pipeline)>);

#[derive(Debug, Clone, Copy)]
pub(super) enum Link {
    Then,
    And,
    Or,
}

#[derive(Debug, Clone)]
pub(super) struct Pipeline(pub(super) Vec<Command>);

#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) action: Action,
    pub(super) redirects: Vec<Redirect>,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    Simple(Simple),
    Group(List),
    For { variable: String, words: Vec<Word>, body: List },
}

#[derive(Debug, Clone, Default)]
pub(super) struct Simple {
    pub(super) assignments: Vec<(String, Word)>,
    pub(super) words: Vec<Word>,
    /// Where it stands.
    pub(super) line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    In,
    Out,
    Errors,
}

#[derive(Debug, Clone)]
pub(super) struct Redirect {
    pub(super) of: Stream,
    pub(super) appends: bool,
    pub(super) to: Word,
}

/// A word: its parts, and of each whether it is within quotes.
#[derive(Debug, Clone, Default)]
pub(super) struct Word(pub(super) Vec<(Part, bool)>);

#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(String),
    Variable(String),
    /// `${name%pattern}` and `${name#pattern}`.
    Trimmed {
        name: String,
        at_end: bool,
        pattern: String,
    },
    Output(List),
    Sum(String),
}

/// Parses a script.
pub(super) fn script(text: &str) -> Result<List, String> {
    let mut parser = Parser { text: text.chars().collect(), at: 0, first_line: 1 };
    let list = parser.list(&[])?;
    parser.skip(true);
    match parser.peek() {
        None => Ok(list),
        Some(found) => Err(format!("Syntax error: \"{found}\" unexpected")),
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    first_line: usize,
}

const OPERATORS: &str = ";|&<>()\n";

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn looks_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.text.get(self.at + i) == Some(&c))
    }

    fn takes(&mut self, text: &str) -> bool {
        let found = self.looks_at(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// Skips blanks and remarks; over the ends of lines and of commands as well, if wanted.
    fn skip(&mut self, over_lines: bool) {
        loop {
            match self.peek() {
                Some(' ' | '\t') => self.at += 1,
                Some('\\') if self.looks_at("\\\n") => self.at += 2,
                Some('\n' | ';') if over_lines => self.at += 1,
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// The plain word that comes next, which is not taken.
    fn next_word(&self) -> String {
        let rest = self.text.iter().skip(self.at);
        rest.take_while(|c| !c.is_whitespace() && !OPERATORS.contains(**c)).collect()
    }

    fn list(&mut self, until: &[&str]) -> Result<List, String> {
        let mut list = List::default();
        let mut link = Link::Then;
        loop {
            self.skip(true);
            if self.peek().is_none_or(|c| c == ')') || until.contains(&self.next_word().as_str()) {
                return Ok(list);
            }
            list.0.push((link, self.pipeline()?));
            self.skip(false);
            link = if self.takes("&&") {
                Link::And
            } else if self.takes("||") {
                Link::Or
            } else {
                Link::Then
            };
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, String> {
        let mut commands = vec![self.command()?];
        loop {
            self.skip(false);
            if self.looks_at("||") || !self.takes("|") {
                return Ok(Pipeline(commands));
            }
            self.skip(true);
            commands.push(self.command()?);
        }
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        self.skip(true);
        if self.next_word() == word && self.takes(word) {
            return Ok(());
        }
        Err(format!("Syntax error: expecting \"{word}\""))
    }

    fn command(&mut self) -> Result<Command, String> {
        let mut redirects = Vec::new();
        let action = match self.next_word().as_str() {
            "{" => {
                self.at += 1;
                let list = self.list(&["}"])?;
                self.expect("}")?;
                Action::Group(list)
            }
            "for" => {
                self.at += "for".len();
                self.skip(false);
                let variable = self.next_word();
                self.at += variable.chars().count();
                self.expect("in")?;
                let mut words = Vec::new();
                loop {
                    self.skip(false);
                    match self.peek() {
                        None | Some(';' | '\n') => break,
                        Some(_) => words.push(self.word()?),
                    }
                }
                self.expect("do")?;
                let body = self.list(&["done"])?;
                self.expect("done")?;
                Action::For { variable, words, body }
            }
            _ => Action::Simple(self.simple(&mut redirects)?),
        };
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        Ok(Command { action, redirects })
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, String> {
        self.skip(false);
        let of = if self.takes("2>") {
            Stream::Errors
        } else if self.takes(">") {
            Stream::Out
        } else if self.takes("<") {
            Stream::In
        } else {
            return Ok(None);
        };
        let appends = of != Stream::In && self.takes(">");
        self.skip(false);
        Ok(Some(Redirect { of, appends, to: self.word()? }))
    }

    fn simple(&mut self, redirects: &mut Vec<Redirect>) -> Result<Simple, String> {
        let line = self.first_line + self.text[..self.at].iter().filter(|c| **c == '\n').count();
        let mut simple = Simple { line, ..Simple::default() };
        loop {
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            match self.peek() {
                None => return Ok(simple),
                Some(c) if ";|)\n".contains(c) || self.looks_at("&&") => return Ok(simple),
                Some(c) if "&(".contains(c) => return Err(format!("Syntax error: \"{c}\" unexpected")),
                Some(_) => {}
            }
            let name: String = {
                let rest = self.text.iter().skip(self.at);
                rest.take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect()
            };
            let assigns = !name.is_empty()
                && simple.words.is_empty()
                && self.text.get(self.at + name.len()) == Some(&'=');
            if assigns {
                self.at += name.len() + 1;
                let value = self.word()?;
                simple.assignments.push((name, value));
            } else {
                simple.words.push(self.word()?);
            }
        }
    }

    fn word(&mut self) -> Result<Word, String> {
        let mut word = Word::default();
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && !OPERATORS.contains(*c)) {
            self.at += 1;
            match c {
                '\'' => {
                    let text = self.until('\'')?;
                    word.0.push((Part::Text(text), true));
                }
                '"' => self.in_quotes(&mut word)?,
                '\\' => {
                    let next = self.peek().unwrap_or('\\');
                    self.at += 1;
                    if next != '\n' {
                        word.0.push((Part::Text(next.to_string()), true));
                    }
                }
                '$' => {
                    let part = self.dollar()?;
                    word.0.push((part, false));
                }
                c => word.text(c, false),
            }
        }
        Ok(word)
    }

    fn until(&mut self, end: char) -> Result<String, String> {
        let from = self.at;
        while self.peek().is_some_and(|c| c != end) {
            self.at += 1;
        }
        if self.peek().is_none() {
            return Err("Syntax error: Unterminated quoted string".to_owned());
        }
        self.at += 1;
        Ok(self.text[from..self.at - 1].iter().collect())
    }

    fn in_quotes(&mut self, word: &mut Word) -> Result<(), String> {
        word.0.push((Part::Text(String::new()), true));
        loop {
            let Some(c) = self.peek() else {
                return Err("Syntax error: Unterminated quoted string".to_owned());
            };
            self.at += 1;
            match c {
                '"' => return Ok(()),
                '\\' if self.peek().is_some_and(|c| "$`\"\\\n".contains(c)) => {
                    let next = self.peek().unwrap_or_default();
                    self.at += 1;
                    if next != '\n' {
                        word.text(next, true);
                    }
                }
                '$' => {
                    let part = self.dollar()?;
                    word.0.push((part, true));
                }
                c => word.text(c, true),
            }
        }
    }

    /// What stands after a dollar.
    fn dollar(&mut self) -> Result<Part, String> {
        if self.takes("((") {
            let from = self.at;
            while self.peek().is_some() && !self.looks_at("))") {
                self.at += 1;
            }
            let sum = self.text[from..self.at].iter().collect();
            return if self.takes("))") { Ok(Part::Sum(sum)) } else { Err(missing("))")) };
        }
        if self.takes("(") {
            let list = self.list(&[])?;
            return if self.takes(")") { Ok(Part::Output(list)) } else { Err(missing(")")) };
        }
        if self.takes("{") {
            let inner = self.until('}').map_err(|_| missing("}"))?;
            let Some(at) = inner.find(['%', '#']) else { return Ok(Part::Variable(inner)) };
            let (name, pattern) = inner.split_at(at);
            let at_end = pattern.starts_with('%');
            return Ok(Part::Trimmed { name: name.to_owned(), at_end, pattern: pattern[1..].to_owned() });
        }
        if self.takes("?") {
            return Ok(Part::Variable("?".to_owned()));
        }
        let rest = self.text.iter().skip(self.at);
        let name: String = rest.take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
        self.at += name.len();
        Ok(if name.is_empty() { Part::Text("$".to_owned()) } else { Part::Variable(name) })
    }
}

fn missing(what: &str) -> String {
    format!("Syntax error: missing '{what}'")
}

impl Word {
    fn text(&mut self, c: char, is_quoted: bool) {
        match self.0.last_mut() {
            Some((Part::Text(text), quoted)) if *quoted == is_quoted => text.push(c),
            _ => self.0.push((Part::Text(c.to_string()), is_quoted)),
        }
    }
}
