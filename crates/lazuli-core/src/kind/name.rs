//! Names: what Azure allows for a type, as data.

/// What a name may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    /// Least number of characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// Which they may be.
    pub characters: Characters,
    /// What the first may be.
    pub first: Edge,
    /// What the last may be.
    pub last: Edge,
    /// Names that are allowed besides.
    pub also: &'static [&'static str],
}

/// Which characters a name may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Characters {
    /// Whatever Azure takes: it is asked.
    Any,
    /// Letters and digits of ASCII, and these.
    Word(&'static str),
    /// Small letters and digits of ASCII, and these.
    Small(&'static str),
    /// A GUID.
    Guid,
    /// Whole numbers with full stops between, such as 1.0.3.
    Version,
}

/// What the first or the last character of a name may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Any character of the name.
    Any,
    /// A letter.
    Letter,
    /// A letter or a digit.
    Word,
    /// A letter, a digit or an underscore.
    WordOrUnderscore,
}

impl NameRule {
    /// No rule is known.
    pub const ANY: NameRule = NameRule {
        min: 1,
        max: 260,
        characters: Characters::Any,
        first: Edge::Any,
        last: Edge::Any,
        also: &[],
    };

    /// Whether Azure would take the name.
    pub fn allows(&self, name: &str) -> bool {
        if self.also.contains(&name) {
            return true;
        }
        let in_range = (self.min..=self.max).contains(&name.chars().count());
        in_range
            && self.characters.allow(name)
            && self.first.allows(name.chars().next())
            && self.last.allows(name.chars().next_back())
    }

    /// The rule for people: `3 to 24 small letters and digits`.
    pub fn says(&self) -> String {
        let mut says = match self.characters {
            Characters::Guid => return "a GUID, such as 6f2d9c1e-54b7-4c0d-9a63-8e1f27d5b0a4".to_owned(),
            Characters::Version => {
                return "three whole numbers with full stops between, such as 1.0.3".to_owned();
            }
            Characters::Any => format!("{} to {} characters", self.min, self.max),
            Characters::Word(others) => format!("{} to {} letters{}", self.min, self.max, and_digits(others)),
            Characters::Small(others) => {
                format!("{} to {} small letters{}", self.min, self.max, and_digits(others))
            }
        };
        for (edge, place) in [(self.first, "first"), (self.last, "last")] {
            if let Some(what) = edge.says() {
                says += &format!(", {what} {place}");
            }
        }
        if !self.also.is_empty() {
            says += &format!("; or {}", self.also.join(", "));
        }
        says
    }
}

fn and_digits(others: &str) -> String {
    if others.is_empty() {
        return " and digits".to_owned();
    }
    let others: Vec<String> = others.chars().map(String::from).collect();
    format!(", digits and {}", others.join(" "))
}

impl Characters {
    fn allow(self, name: &str) -> bool {
        match self {
            Characters::Any => true,
            Characters::Word(others) => name.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c)),
            Characters::Small(others) => {
                name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || others.contains(c))
            }
            Characters::Guid => {
                let parts: Vec<usize> = name.split('-').map(str::len).collect();
                parts == [8, 4, 4, 4, 12] && name.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
            }
            Characters::Version => {
                name.split('.').count() == 3
                    && name.split('.').all(|part| part.parse::<i32>().is_ok_and(|n| n >= 0))
            }
        }
    }
}

impl Edge {
    fn allows(self, c: Option<char>) -> bool {
        c.is_none_or(|c| match self {
            Edge::Any => true,
            Edge::Letter => c.is_alphabetic(),
            Edge::Word => c.is_alphanumeric(),
            Edge::WordOrUnderscore => c.is_alphanumeric() || c == '_',
        })
    }

    fn says(self) -> Option<&'static str> {
        match self {
            Edge::Any => None,
            Edge::Letter => Some("a letter"),
            Edge::Word => Some("a letter or digit"),
            Edge::WordOrUnderscore => Some("a letter, digit or _"),
        }
    }
}
