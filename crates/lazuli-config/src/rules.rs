//! Rules: `validation`, `precondition`, `postcondition`, `assert`.

use lazuli_core::{Diagnostic, Diagnostics, Severity, Type};

use crate::codes;
use crate::convert::convert;
use crate::evaluator::Evaluator;
use crate::externals::Externals;
use crate::meta::Condition;
use crate::scope::{Failed, Scope};

impl Evaluator {
    /// What the checks of this module find: warnings, whatever is wrong. What is not known yet is passed over.
    pub fn checks(&self, externals: &dyn Externals) -> Diagnostics {
        let mut warnings = Diagnostics::new();
        for check in &self.module().checks {
            for rule in &check.assertions {
                let found = self.run(externals, None, None, |scope| scope.condition(rule, codes::CHECK));
                for mut found in found.err().into_iter().flatten() {
                    found.severity = Severity::Warning;
                    let place = self.address().map_or_else(String::new, |module| format!("{module}."));
                    found.message = format!("check {place}{}: {}", check.name.text, found.message);
                    warnings.push(found);
                }
            }
        }
        warnings
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

    pub(crate) fn condition(&mut self, rule: &Condition, code: &'static str) -> Result<(), Failed> {
        let truth = self.eval_as(&rule.condition, &Type::Bool, code, "a condition")?;
        if truth.as_bool() != Some(false) {
            return Ok(());
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
