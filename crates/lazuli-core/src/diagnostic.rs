//! What Lazuli says about a configuration or a run: an error, a warning, with its place and its cure.
//!
//! A diagnostic is data. The binary renders it for people (like rustc) or as JSON.

use crate::address::Address;
use crate::source::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The run cannot go on or did not succeed.
    Error,
    /// The run goes on; somebody should look.
    Warning,
}

/// A place in the configuration with what is to be said there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is said at the underline; may be empty.
    pub text: String,
}

/// One named line under a diagnostic, such as `Azure  409 ZonalAllocationFailed: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The name of the line: `step`, `Azure`, `state`, `next`.
    pub label: &'static str,
    /// The text; may have several lines.
    pub text: String,
}

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// `LZ0103`: every code has a page in `docs/errors`.
    pub code: &'static str,
    /// One line without a full stop: what is wrong.
    pub message: String,
    /// The place, underlined.
    pub primary: Option<Label>,
    /// Other places that matter.
    pub secondary: Vec<Label>,
    /// The resource it is about, when it is about one.
    pub address: Option<Address>,
    /// Named lines: what was being done, what Azure answered, what exists now, what to do next.
    pub facts: Vec<Fact>,
    /// Further explanations, shown as `= note:`.
    pub notes: Vec<String>,
    /// What to do, shown as `= help:`.
    pub help: Option<String>,
}

/// Everything found in one go.
pub type Diagnostics = Vec<Diagnostic>;

impl Diagnostic {
    /// An error without a place.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            address: None,
            facts: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// A warning without a place.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    /// Underlines `span` and says `text` there.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn also_at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Names the resource it is about.
    #[must_use]
    pub fn about(mut self, address: Address) -> Self {
        self.address = Some(address);
        self
    }

    /// Adds a named line.
    #[must_use]
    pub fn fact(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.facts.push(Fact { label, text: text.into() });
        self
    }

    /// Adds an explanation.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// True for an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// True when at least one of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}
