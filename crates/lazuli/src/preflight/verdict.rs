//! What checks find, gathered: everything is told at once.

use std::collections::BTreeMap;

use lazuli_core::provider::ProviderError;
use lazuli_core::{Diagnostic, Diagnostics, Sources};

use super::work::{Work, listed};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Checks that passed.
    pub passed: usize,
    /// What is worth knowing, one line each.
    pub facts: Vec<String>,
    /// What somebody should look at.
    pub warnings: Diagnostics,
    /// How many requests the checks took.
    pub requests: usize,
}

/// Findings and refusals while checks go on.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What does not forbid the plan.
    pub findings: Findings,
    /// What does.
    pub problems: Diagnostics,
    /// What could not be asked, by what Azure answered.
    unread: BTreeMap<String, Vec<String>>,
}

impl From<Findings> for Verdict {
    fn from(findings: Findings) -> Self {
        Verdict { findings, ..Verdict::default() }
    }
}

impl Verdict {
    /// A check found nothing wrong.
    pub fn pass(&mut self) {
        self.findings.passed += 1;
    }

    /// Something to look at.
    pub fn warn(&mut self, code: &'static str, text: impl Into<String>) {
        self.findings.warnings.push(Diagnostic::warning(code, text));
    }

    /// Something that forbids the plan.
    pub fn refuse(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Something worth knowing.
    pub fn fact(&mut self, text: String) {
        self.findings.facts.push(text);
    }

    /// A question that Azure did not answer: the check is left out, and that is told.
    pub fn unread(&mut self, what: impl Into<String>, error: &ProviderError) {
        let status = error.status.map_or_else(String::new, |status| format!("{status} "));
        self.unread.entry(format!("{status}{}", error.code)).or_default().push(what.into());
    }

    /// The findings, or everything that forbids the plan.
    ///
    /// # Errors
    /// The refusals.
    pub fn finish(mut self) -> Result<Findings, Diagnostics> {
        for (answer, what) in std::mem::take(&mut self.unread) {
            self.warn("LZ1035", format!("could not be checked: {} (Azure: {answer})", what.join(", ")));
        }
        if self.problems.is_empty() { Ok(self.findings) } else { Err(self.problems) }
    }
}

/// A warning in one line: `subscription Research is PastDue (LZ1020)`; with what it is about in the configuration, and
/// where that is, when it is written there: `… (network.egress, main.hcl:31, LZ1058)`.
pub fn one_line(warning: &Diagnostic, sources: &Sources) -> String {
    let place = warning.primary.as_ref().and_then(|label| {
        let at = sources.location(label.span)?;
        Some(format!("{}, {}:{}, ", label.text, at.file, at.line))
    });
    format!("{} ({}{})", warning.message, place.unwrap_or_default(), warning.code)
}

/// A refusal about some steps: points at where the first of them is written.
pub fn refusal<'a>(
    code: &'static str,
    message: impl Into<String>,
    works: impl IntoIterator<Item = &'a Work>,
) -> Diagnostic {
    let works: Vec<&Work> = works.into_iter().collect();
    let problem = Diagnostic::error(code, message);
    let needed = listed(works.iter().map(|work| &work.address));
    let place = works.iter().find_map(|work| work.span);
    if let [one] = works.as_slice() {
        let problem = problem.about(one.address.clone());
        return match place {
            Some(span) => problem.at(span, ""),
            None => problem,
        };
    }
    match place {
        Some(span) => problem.at(span, format!("for {needed}")),
        None if needed.is_empty() => problem,
        None => problem.note(format!("for {needed}")),
    }
}

/// What a verdict says, for tests: one line per finding.
#[cfg(test)]
pub(super) fn told(verdict: Verdict) -> String {
    let passed = verdict.findings.passed;
    let mut lines = vec![format!("passed {passed}")];
    lines.extend(verdict.findings.facts.iter().map(|fact| format!("fact: {fact}")));
    let warning = |warning| format!("warning: {}", one_line(warning, &Sources::default()));
    lines.extend(verdict.findings.warnings.iter().map(warning));
    for problem in &verdict.problems {
        lines.push(format!("{}: {}", problem.code, problem.message));
        lines.extend(problem.address.iter().map(|address| format!("  about: {address}")));
        lines.extend(problem.facts.iter().map(|fact| format!("  {}: {}", fact.label, fact.text)));
        lines.extend(problem.notes.iter().map(|note| format!("  note: {note}")));
        lines.extend(problem.help.iter().map(|help| format!("  help: {help}")));
    }
    for (answer, what) in &verdict.unread {
        lines.push(format!("unread: {} ({answer})", what.join(", ")));
    }
    lines.join("\n")
}
