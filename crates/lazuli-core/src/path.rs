//! Paths into an object: `properties.securityRules["allow_apiserver"].priority`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Where in an object. The empty path is the object itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Vec<PathStep>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathStep {
    /// An attribute of an object.
    Name(Arc<str>),
    /// An element of an array by position.
    Index(usize),
    /// An element of an array by its `name`.
    Key(Arc<str>),
}

/// Why text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path such as properties.subnets[\"a\"].id")]
pub struct PathError(String);

impl Path {
    /// The object itself.
    pub fn root() -> Self {
        Path::default()
    }

    /// The steps from the object inwards.
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// This path and one step more.
    #[must_use]
    pub fn then(&self, step: PathStep) -> Path {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step);
        Path(steps)
    }

    /// This path and an attribute name more.
    #[must_use]
    pub fn name(&self, name: impl Into<Arc<str>>) -> Path {
        self.then(PathStep::Name(name.into()))
    }

    /// True when `self` lies at or below `prefix`.
    pub fn starts_with(&self, prefix: &Path) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// True when the path matches a pattern of names such as `properties.securityRules`, elements left out:
    /// `properties.securityRules["x"].priority` matches `properties.securityRules.priority`.
    pub fn matches(&self, pattern: &str) -> bool {
        let mut names = self.0.iter().filter_map(|step| match step {
            PathStep::Name(name) => Some(&**name),
            PathStep::Index(_) | PathStep::Key(_) => None,
        });
        pattern.split('.').all(|wanted| names.next() == Some(wanted)) && names.next().is_none()
    }

    /// True when the path lies at or below what a pattern of names matches.
    pub fn is_under(&self, pattern: &str) -> bool {
        let mut names = self.0.iter().filter_map(|step| match step {
            PathStep::Name(name) => Some(&**name),
            PathStep::Index(_) | PathStep::Key(_) => None,
        });
        pattern.split('.').all(|wanted| names.next() == Some(wanted))
    }
}

impl FromIterator<PathStep> for Path {
    fn from_iter<I: IntoIterator<Item = PathStep>>(steps: I) -> Self {
        Path(steps.into_iter().collect())
    }
}

/// True for a word that needs no quotes in a path or an address.
pub(crate) fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Name(name) if is_word(name) => {
                    write!(f, "{}{name}", if i == 0 { "" } else { "." })?
                }
                PathStep::Name(name) => write!(f, ".{}", serde_json::Value::from(&**name))?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
                PathStep::Key(key) => write!(f, "[{}]", serde_json::Value::from(&**key))?,
            }
        }
        Ok(())
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || PathError(text.to_owned());
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (token, after) = leading_token(inner).ok_or_else(malformed)?;
                rest = after.strip_prefix(']').ok_or_else(malformed)?;
                steps.push(match token {
                    Token::Quoted(key) => PathStep::Key(key.into()),
                    Token::Bare(index) => PathStep::Index(index.parse().map_err(|_| malformed())?),
                });
                continue;
            }
            let inner = match rest.strip_prefix('.') {
                Some(inner) if !steps.is_empty() || inner.starts_with('"') => inner,
                None if steps.is_empty() => rest,
                _ => return Err(malformed()),
            };
            let (token, after) = leading_token(inner).ok_or_else(malformed)?;
            rest = after;
            steps.push(PathStep::Name(match token {
                Token::Quoted(name) => name.into(),
                Token::Bare(name) => name.into(),
            }));
        }
        Ok(Path(steps))
    }
}

/// A quoted string or a bare word.
pub(crate) enum Token<'a> {
    Quoted(String),
    Bare(&'a str),
}

/// Splits a JSON-quoted string or a bare word off the front; `None` for neither.
pub(crate) fn leading_token(text: &str) -> Option<(Token<'_>, &str)> {
    if text.starts_with('"') {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let quoted = stream.next()?.ok()?;
        let used = stream.byte_offset();
        return Some((Token::Quoted(quoted), text.get(used..)?));
    }
    let end = text.find(['.', '[', ']', '"']).unwrap_or(text.len());
    if end == 0 { None } else { Some((Token::Bare(&text[..end]), &text[end..])) }
}

impl serde::Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Path {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[test]
    fn paths_are_printed_as_they_are_read() {
        for text in ["properties.subnets[\"a b\"].id", "zones[0]", "tags.\"a.b\"", "", ".\"x y\".z"] {
            assert_eq!(text.parse::<Path>().unwrap().to_string(), text);
        }
        for text in ["a..b", "a[", "a[x]", ".", ".a", "a[\"b\""] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }

    #[test]
    fn patterns_leave_elements_out() {
        let path: Path = "properties.securityRules[\"x\"].priority".parse().unwrap();
        assert!(path.matches("properties.securityRules.priority"));
        assert!(path.is_under("properties.securityRules"));
        assert!(!path.matches("properties.securityRules"));
    }
}
