//! Rules: `validation`, `precondition`, `postcondition`, `assert`.

use lazuli_core::{Diagnostic, Diagnostics, Severity, Type};

use crate::codes;
use crate::convert::convert;
use crate::evaluator::Evaluator;
use crate::externals::Externals;
use crate::meta::Condition;
use crate::scope::{Failed, Scope};

/// How a `check` block stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The module it is in; none for the root.
    pub module: Option<String>,
    /// Its name.
    pub name: String,
    /// The worst of its assertions.
    pub verdict: CheckVerdict,
    /// What the assertions say that do not hold.
    pub problems: Vec<String>,
}

/// What came of a check, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckVerdict {
    /// All of it holds.
    Pass,
    /// Something is not known yet.
    Unknown,
    /// Something does not hold.
    Fail,
    /// Something cannot be evaluated.
    Error,
}

impl Evaluator {
    /// What the checks of this module find: warnings, whatever is wrong. What is not known yet is passed over, and told.
    pub fn checks(&self, externals: &dyn Externals) -> (Diagnostics, Vec<Checked>) {
        let mut warnings = Diagnostics::new();
        let mut all = Vec::new();
        for check in &self.module().checks {
            let module = self.address().map(ToString::to_string);
            let place = module.as_ref().map_or_else(String::new, |module| format!("{module}."));
            let mut checked = Checked {
                module,
                name: check.name.text.to_string(),
                verdict: CheckVerdict::Pass,
                problems: Vec::new(),
            };
            for rule in &check.assertions {
                let found = self.run(externals, None, None, |scope| scope.condition(rule, codes::CHECK));
                let verdict = match &found {
                    Ok(true) => CheckVerdict::Pass,
                    Ok(false) => CheckVerdict::Unknown,
                    Err(found) if found.iter().all(|found| found.code == codes::CHECK) => CheckVerdict::Fail,
                    Err(_) => CheckVerdict::Error,
                };
                checked.verdict = checked.verdict.max(verdict);
                for mut found in found.err().into_iter().flatten() {
                    checked.problems.push(found.message.clone());
                    found.severity = Severity::Warning;
                    found.message = format!("check {place}{}: {}", check.name.text, found.message);
                    warnings.push(found);
                }
            }
            all.push(checked);
        }
        (warnings, all)
    }
}

impl Scope<'_> {
    /// Reports the rules that do not hold.
    pub(crate) fn conditions(&mut self, conditions: &[Condition]) -> Result<(), Failed> {
        let mut failed = false;
        for condition in conditions {
            failed |= self.condition(condition, codes::CONDITION).is_err();
        }
        if failed { Err(Failed) } else { Ok(()) }
    }

    /// True when it holds, false when that is not known yet.
    pub(crate) fn condition(&mut self, rule: &Condition, code: &'static str) -> Result<bool, Failed> {
        let truth = self.eval_as(&rule.condition, &Type::Bool, code, "a condition")?;
        if truth.as_bool() != Some(false) {
            return Ok(truth.as_bool().is_some());
        }
        let message = self.eval(&rule.error_message)?;
        let message = match convert(&message, &Type::String) {
            Ok(text) if text.contains_sensitive() => "(the message is sensitive)".to_owned(),
            Ok(text) => text.as_str().unwrap_or("(the message is not known yet)").trim().to_owned(),
            Err(_) => "(the message is not text)".to_owned(),
        };
        let before = self.diagnostics.len();
        self.diagnostics.push(Diagnostic::error(code, message).at(rule.condition.span, "this is false"));
        self.explain(&rule.condition, before);
        Err(Failed)
    }
}
