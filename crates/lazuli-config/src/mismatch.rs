//! Why a value is not, and cannot be made, what is expected.

use std::fmt;

/// Why a value cannot be converted. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the value, `.a[0]`; empty for the value itself.
    pub path: String,
    /// `expected a number, found a list`
    pub reason: String,
}

impl Mismatch {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Mismatch { path: String::new(), reason: reason.into() }
    }

    pub(crate) fn under(self, step: impl fmt::Display) -> Self {
        Mismatch { path: format!("{step}{}", self.path), reason: self.reason }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}: {}", self.path, self.reason)
        }
    }
}
