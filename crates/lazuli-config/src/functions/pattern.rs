//! Regular expressions as Terraform writes them, in the spelling of the library that matches them.
//!
//! Both are of the RE2 family. What differs: `\d`, `\s`, `\w` and `\b` mean ASCII; a brace that is no repetition, and
//! any bracket within a class, are plain characters; `\Q…\E`, octal escapes and names of groups that begin with a
//! digit exist; `\<`, set operations within classes, long names of Unicode properties and the flags `x` and `R` do not.

use std::iter::Peekable;
use std::str::Chars;

/// A pattern in the library's spelling, its groups without names.
pub(super) struct Pattern {
    pub(super) text: String,
    /// The names of the groups; `None` for those without.
    pub(super) names: Vec<Option<String>>,
}

/// The most often that anything may be repeated.
const MOST: u32 = 1000;

const CATEGORIES: &[&str] = &[
    "Any", "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd",
    "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp",
    "Zs",
];

const CLASSES: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// Reads a pattern.
///
/// # Errors
/// With a sentence about what is wrong.
pub(super) fn read(pattern: &str) -> Result<Pattern, String> {
    let mut reader = Reader {
        chars: pattern.chars().peekable(),
        text: String::with_capacity(pattern.len()),
        names: Vec::new(),
    };
    reader.pattern()?;
    Ok(Pattern { text: reader.text, names: reader.names })
}

struct Reader<'p> {
    chars: Peekable<Chars<'p>>,
    text: String,
    names: Vec<Option<String>>,
}

impl Reader<'_> {
    fn pattern(&mut self) -> Result<(), String> {
        let mut repeated = false;
        while let Some(c) = self.chars.next() {
            let again = match c {
                '*' | '+' | '?' => Some(c.to_string()),
                '{' => self.repetition()?,
                _ => None,
            };
            if let Some(operator) = again {
                if repeated {
                    return Err("expected no second repetition after a repetition".into());
                }
                self.text.push_str(&operator);
                if self.chars.next_if_eq(&'?').is_some() {
                    self.text.push('?');
                }
                repeated = true;
                continue;
            }
            repeated = false;
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' | '|' | '^' | '$' | '.' => self.text.push(c),
                _ => self.literal(c),
            }
        }
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    /// What stands after `{`, if it is a repetition.
    fn repetition(&mut self) -> Result<Option<String>, String> {
        let mut ahead = self.chars.clone();
        let mut inner = String::new();
        loop {
            match ahead.next() {
                Some('}') => break,
                Some(c) if c.is_ascii_digit() || c == ',' => inner.push(c),
                _ => return Ok(None),
            }
        }
        let (least, most) = match inner.split_once(',') {
            Some((least, most)) => (least, Some(most)),
            None => (inner.as_str(), None),
        };
        let plain = |n: &str| n == "0" || !n.starts_with('0') && n.bytes().all(|b| b.is_ascii_digit());
        let open = most.is_some_and(str::is_empty);
        if least.is_empty() || !plain(least) || !(open || most.is_none_or(plain)) {
            return Ok(None);
        }
        let number = |n: &str| n.parse::<u32>().ok().filter(|n| *n <= MOST);
        let too_often = || format!("expected at most {MOST} repetitions");
        let low = number(least).ok_or_else(too_often)?;
        if let Some(most) = most.filter(|most| !most.is_empty())
            && number(most).ok_or_else(too_often)? < low
        {
            return Err("expected a repetition of which the second number is the larger".into());
        }
        self.chars = ahead;
        Ok(Some(format!("{{{inner}}}")))
    }

    fn group(&mut self) -> Result<(), String> {
        if self.chars.next_if_eq(&'?').is_none() {
            self.names.push(None);
            self.text.push('(');
            return Ok(());
        }
        let mut ahead = self.chars.clone();
        ahead.next_if_eq(&'P');
        if ahead.next_if_eq(&'<').is_some() {
            let mut name = String::new();
            while let Some(c) = ahead.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                name.push(c);
            }
            if name.is_empty() || ahead.next() != Some('>') {
                return Err("expected (?P<name>…), the name of letters, digits and _".into());
            }
            self.chars = ahead;
            self.names.push(Some(name));
            self.text.push('(');
            return Ok(());
        }
        let mut flags = String::new();
        loop {
            match self.chars.next() {
                Some(c @ ('i' | 'm' | 's' | 'U')) => flags.push(c),
                Some('-') if !flags.contains('-') => flags.push('-'),
                Some(c @ (':' | ')')) if !flags.ends_with('-') => {
                    match (flags.is_empty(), c) {
                        (true, ')') => self.text.push_str("(?:)"),
                        _ => self.text.push_str(&format!("(?{flags}{c}")),
                    }
                    return Ok(());
                }
                _ => return Err("expected (?flags) or (?flags:…) with flags out of i, m, s and U".into()),
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let c = self.chars.next().ok_or("the pattern ends after \\")?;
        match c {
            'A' | 'z' => self.text.extend(['\\', c]),
            'b' | 'B' => self.text.push_str(&format!("(?-u:\\{c})")),
            'Q' => {
                while let Some(c) = self.chars.next() {
                    if c == '\\' && self.chars.next_if_eq(&'E').is_some() {
                        break;
                    }
                    self.literal(c);
                }
            }
            _ => match self.perl_class(c)? {
                Some((negated, class)) => {
                    let not = if negated { "^" } else { "" };
                    self.text.push_str(&format!("[{not}{class}]"));
                }
                None => {
                    let c = self.escaped(c)?;
                    self.literal(c);
                }
            },
        }
        Ok(())
    }

    /// `\d` and the like, and `\p{…}`: whether negated, and what a class would hold.
    fn perl_class(&mut self, c: char) -> Result<Option<(bool, String)>, String> {
        let class = match c.to_ascii_lowercase() {
            'd' => "0-9".to_owned(),
            's' => "\\t\\n\\x0C\\r ".to_owned(),
            'w' => "0-9A-Za-z_".to_owned(),
            'p' => {
                let unclosed = "expected \\pL or \\p{Greek}";
                let mut name = String::new();
                match self.chars.next().ok_or(unclosed)? {
                    '{' => loop {
                        match self.chars.next().ok_or(unclosed)? {
                            '}' => break,
                            c => name.push(c),
                        }
                    },
                    c => name.push(c),
                }
                let (not, name) = match name.strip_prefix('^') {
                    Some(name) => (true, name),
                    None => (false, name.as_str()),
                };
                let escape = if not { "\\P" } else { "\\p" };
                let script = |n: &str| n.len() > 2 && n.starts_with(|c: char| c.is_ascii_uppercase());
                match name {
                    known if CATEGORIES.contains(&known) => format!("{escape}{{{known}}}"),
                    other if script(other) => format!("{escape}{{Script={other}}}"),
                    _ => return Err(unclosed.into()),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some((c.is_ascii_uppercase(), class)))
    }

    /// The character that `\c…` stands for.
    fn escaped(&mut self, c: char) -> Result<char, String> {
        let digits = |chars: &mut Peekable<Chars<'_>>, radix: u32, most: usize| {
            let mut digits = String::new();
            while digits.len() < most
                && let Some(digit) = chars.next_if(|c| c.is_digit(radix))
            {
                digits.push(digit);
            }
            digits
        };
        let code = match c {
            'a' => 0x07,
            'f' => 0x0c,
            't' => 0x09,
            'n' => 0x0a,
            'r' => 0x0d,
            'v' => 0x0b,
            '0'..='7' => {
                let more = digits(&mut self.chars, 8, 2);
                if c != '0' && more.is_empty() {
                    return Err("there are no references to groups within a pattern".into());
                }
                u32::from_str_radix(&format!("{c}{more}"), 8).unwrap_or(0)
            }
            'x' => {
                let braced = self.chars.next_if_eq(&'{').is_some();
                let hex = digits(&mut self.chars, 16, if braced { 8 } else { 2 });
                let closed = if braced { self.chars.next() == Some('}') } else { hex.len() == 2 };
                match u32::from_str_radix(&hex, 16) {
                    Ok(code) if closed => code,
                    _ => return Err("expected \\x41 or \\x{1F600}".into()),
                }
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
            _ => return Err(format!("\\{c} means nothing in a pattern")),
        };
        char::from_u32(code).ok_or_else(|| format!("there is no character {code:x}"))
    }

    fn class(&mut self) -> Result<(), String> {
        let unclosed = "expected ] after [";
        self.text.push('[');
        if self.chars.next_if_eq(&'^').is_some() {
            self.text.push('^');
        }
        let mut first = true;
        loop {
            let c = self.chars.next().ok_or(unclosed)?;
            if c == ']' && !first {
                self.text.push(']');
                return Ok(());
            }
            first = false;
            if c == '[' && self.chars.peek() == Some(&':') && self.posix_class()? {
                continue;
            }
            if c == '\\'
                && let Some(&named) = self.chars.peek()
                && matches!(named.to_ascii_lowercase(), 'd' | 's' | 'w' | 'p')
            {
                self.chars.next();
                if let Some((negated, class)) = self.perl_class(named)? {
                    let class = if negated { format!("[^{class}]") } else { class };
                    self.text.push_str(&class);
                }
                continue;
            }
            let low = self.class_character(c)?;
            let mut ahead = self.chars.clone();
            if ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']') {
                self.chars = ahead;
                let c = self.chars.next().ok_or(unclosed)?;
                let high = self.class_character(c)?;
                if high < low {
                    return Err(format!("{low}-{high} is no range"));
                }
                self.text.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high)));
            } else {
                self.text.push_str(&format!("\\x{{{:x}}}", u32::from(low)));
            }
        }
    }

    fn class_character(&mut self, c: char) -> Result<char, String> {
        if c != '\\' {
            return Ok(c);
        }
        let c = self.chars.next().ok_or("expected ] after [")?;
        self.escaped(c)
    }

    /// `[:alpha:]`, its first bracket read; false when it is something else.
    fn posix_class(&mut self) -> Result<bool, String> {
        let rest: String = self.chars.clone().skip(1).collect();
        let Some((name, _)) = rest.split_once(":]") else { return Ok(false) };
        if !CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err("expected a class such as [:alpha:]".into());
        }
        self.text.push_str(&format!("[:{name}:]"));
        for _ in 0..name.chars().count() + 3 {
            self.chars.next();
        }
        Ok(true)
    }
}
