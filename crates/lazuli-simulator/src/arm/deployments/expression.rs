//! The syntax of template expressions: `[concat(parameters('name'), '-nic')]`.
//!
//! Belongs here: text to tree. Not here: what the functions do (`functions`).

/// One expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Number(i64),
    Call(String, Vec<Node>),
    Member(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
}

/// The expression inside a string of a template; `None` for text that is only text.
pub(super) fn inside(text: &str) -> Option<&str> {
    text.strip_prefix('[').filter(|rest| !rest.starts_with('['))?.strip_suffix(']')
}

/// Reads an expression, without its brackets.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut reader = Reader { rest: text };
    let node = reader.expression()?;
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(format!("unexpected '{}' after the expression", reader.rest.trim_start())),
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.rest = &self.rest[wanted.len_utf8()..];
        }
        is_there
    }

    fn word(&mut self) -> Result<String, String> {
        self.peek();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(format!("a name is expected at '{}'", self.rest));
        }
        self.rest = rest;
        Ok(word.to_owned())
    }

    fn expression(&mut self) -> Result<Node, String> {
        let mut node = match self.peek() {
            Some('\'') => Node::Text(self.text()?),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number()?,
            _ => self.call()?,
        };
        loop {
            node = if self.take('.') {
                Node::Member(Box::new(node), self.word()?)
            } else if self.take('[') {
                let index = self.expression()?;
                if !self.take(']') {
                    return Err("']' is missing".to_owned());
                }
                Node::Index(Box::new(node), Box::new(index))
            } else {
                return Ok(node);
            };
        }
    }

    /// A quote inside is written twice.
    fn text(&mut self) -> Result<String, String> {
        let mut text = String::new();
        self.rest = &self.rest[1..];
        loop {
            let Some((part, rest)) = self.rest.split_once('\'') else {
                return Err("a quote is missing".to_owned());
            };
            text.push_str(part);
            self.rest = rest;
            match rest.strip_prefix('\'') {
                Some(rest) => {
                    text.push('\'');
                    self.rest = rest;
                }
                None => return Ok(text),
            }
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        let end = self.rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(self.rest.len(), |end| end + 1);
        let (number, rest) = self.rest.split_at(end);
        let parsed = number.parse().map_err(|_| format!("'{number}' is no whole number"))?;
        self.rest = rest;
        Ok(Node::Number(parsed))
    }

    fn call(&mut self) -> Result<Node, String> {
        let name = self.word()?;
        if !self.take('(') {
            return Err(format!("'(' is missing after '{name}'"));
        }
        let mut given = Vec::new();
        if self.take(')') {
            return Ok(Node::Call(name, given));
        }
        loop {
            given.push(self.expression()?);
            if self.take(')') {
                return Ok(Node::Call(name, given));
            }
            if !self.take(',') {
                return Err(format!("',' or ')' is missing in '{name}(…)'"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, given: Vec<Node>) -> Node {
        Node::Call(name.to_owned(), given)
    }

    #[test]
    fn expressions_are_read_and_broken_ones_say_why() {
        let text = |text: &str| Node::Text(text.to_owned());
        let parameters = || call("parameters", vec![text("it''s".replace("''", "'").as_str())]);
        let read = [
            ("'plain'", text("plain")),
            (" parameters( 'it''s' ) ", parameters()),
            ("add(-1, 20)", call("add", vec![Node::Number(-1), Node::Number(20)])),
            (
                "parameters('it''s').a[0]",
                Node::Index(
                    Box::new(Node::Member(Box::new(parameters()), "a".to_owned())),
                    Box::new(Node::Number(0)),
                ),
            ),
        ];
        for (written, wanted) in read {
            assert_eq!(parse(written), Ok(wanted), "{written}");
        }
        let broken = [
            ("concat('a'", "',' or ')' is missing in 'concat(…)'"),
            ("concat", "'(' is missing after 'concat'"),
            ("'a", "a quote is missing"),
            ("a() b", "unexpected 'b' after the expression"),
            ("", "a name is expected at ''"),
        ];
        for (written, wanted) in broken {
            assert_eq!(parse(written), Err(wanted.to_owned()), "{written}");
        }
        assert_eq!([inside("[a()]"), inside("[[a()]"), inside("a()")], [Some("a()"), None, None]);
    }
}
