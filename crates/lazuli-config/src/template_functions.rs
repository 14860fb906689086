//! `templatefile` and `templatestring`: text from elsewhere as a template, in which only the given names mean something.

use std::sync::Arc;

use lazuli_core::source::Location;
use lazuli_core::{Diagnostic, FileId, Sources, Span, Value};

use crate::codes;
use crate::convert;
use crate::externals::NoExternals;
use crate::functions::Function;
use crate::parse;
use crate::scope::{Failed, Outcome, Scope};
use crate::syntax::{Expr, ExprKind};
use crate::walk::{self, Mention};

/// Mistakes that are about one template: `try` forgives them, as it does every other mistake in a call.
const OF_THE_TEMPLATE: [&str; 3] = [codes::UNDECLARED, codes::UNKNOWN_NAME, codes::SYNTAX_LIMIT];

/// True for a name or the way into one, as the template of `templatestring` has to be.
pub(crate) fn is_reference(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Variable(_) => true,
        // Parentheses belong to the span of what they hold.
        ExprKind::Traversal(traversal) => {
            expr.span.start == traversal.base.span.start && is_reference(&traversal.base)
        }
        _ => false,
    }
}

/// A template under its name, to tell what is wrong where.
struct Source<'s> {
    sources: Sources,
    file: FileId,
    name: &'s str,
    function: &'static str,
    /// Where the template is called for.
    call: Span,
    /// A value is sensitive: what is wrong might tell it.
    hidden: bool,
    /// The template is: not even its name or a line of it is shown.
    secret: bool,
}

impl Scope<'_> {
    /// The value of a template; `values` are the arguments, converted, and `given` what was written.
    pub(crate) fn render(
        &mut self,
        function: &'static Function,
        name: &str,
        template: &str,
        given: &[(Value, Span)],
        values: &[Value],
    ) -> Outcome {
        let place = |i: usize| given.get(i).map_or(Span::new(FileId(0), 0, 0), |(_, span)| *span);
        let failed = |message: &str| Diagnostic::error(codes::FUNCTION_FAILED, message);
        if self.in_template {
            let message = format!("`{}` is called in a template", function.name);
            return self.fail(failed(&message).at(place(0), "a template cannot use other templates"));
        }
        let is_secret = |(value, _): &(Value, Span)| value.contains_sensitive();
        let (hidden, secret) = (given.iter().any(is_secret), given.first().is_some_and(is_secret));
        let vars = values.get(1).cloned().unwrap_or_else(Value::null);
        let Some(entries) = vars.as_entries() else {
            let label =
                format!("`vars`: expected a map or an object, found {}", convert::describe_value(&vars));
            return self.fail(failed("the names of a template are not usable").at(place(1), label));
        };
        if let Some(bad) = entries.keys().find(|name| !is_name(name)) {
            let bad = if hidden { "one".to_owned() } else { format!("{bad:?}") };
            let label = format!("{bad} is not a name: expected a letter, then letters, digits, `_` and `-`");
            return self.fail(failed("the names of a template are not usable").at(place(1), label));
        }
        let mut sources = Sources::default();
        let file = sources.add(name, template);
        let source = Source { sources, file, name, function: function.name, call: place(0), hidden, secret };
        let expr = match parse::template(template, file) {
            Ok(expr) => expr,
            Err(found) => {
                self.diagnostics.extend(found.into_iter().map(|diagnostic| source.told(diagnostic)));
                return Err(Failed);
            }
        };
        let mut missing = Vec::new();
        walk::expr(&expr, &mut Vec::new(), &mut |mention| {
            if let Mention::Name { word, span, .. } = mention
                && !entries.contains_key(word)
            {
                missing.push((word.clone(), span));
            }
        });
        if !missing.is_empty() {
            let names: Vec<&str> = entries.keys().map(|name| &**name).collect();
            for (word, span) in missing {
                let diagnostic = failed(&format!("a template uses `{word}`, which is not in `vars`"));
                let mut diagnostic = source.told(diagnostic.at(span, "not in `vars`"));
                if !hidden && let Some(close) = lazuli_core::suggestion::closest(&word, names.iter().copied())
                {
                    diagnostic = diagnostic.help(format!("did you mean `{close}`?"));
                }
                self.diagnostics.push(diagnostic);
            }
            return Err(Failed);
        }
        let mut inner = Scope::new(self.evaluator, &NoExternals, None);
        inner.bindings = entries.iter().map(|(name, value)| (Arc::clone(name), value.clone())).collect();
        inner.fuel = self.fuel;
        inner.in_template = true;
        inner.quiet = self.quiet;
        let outcome = inner.eval(&expr);
        let Scope { fuel, diagnostics, .. } = inner;
        self.fuel = fuel;
        self.diagnostics.extend(diagnostics.into_iter().map(|diagnostic| source.told(diagnostic)));
        let value = outcome?;
        if value.is_null() {
            let diagnostic = Diagnostic::error(codes::NULL_VALUE, "the result of a template is null");
            return self.fail(source.told(diagnostic.at(expr.span, "this is null")));
        }
        Ok(value)
    }
}

impl Source<'_> {
    /// A mistake in the template as one of the call, with the line it is in.
    fn told(&self, diagnostic: Diagnostic) -> Diagnostic {
        let Diagnostic { code, message, primary, notes, help, .. } = diagnostic;
        let code = if OF_THE_TEMPLATE.contains(&code) { codes::FUNCTION_FAILED } else { code };
        let here = primary.filter(|label| label.span.file == self.file);
        let location = here.as_ref().and_then(|label| self.sources.location(label.span));
        let at = match &location {
            Some(Location { line, column, .. }) => format!("{}:{line}:{column}", self.name),
            None => self.name.to_owned(),
        };
        if self.secret {
            let message = format!("`{}` cannot render the template", self.function);
            return Diagnostic::error(code, message)
                .at(self.call, "(the reason is not shown: an argument is sensitive)");
        }
        let message =
            if self.hidden { format!("`{}` cannot render {}", self.function, self.name) } else { message };
        let told = Diagnostic::error(code, message).at(self.call, format!("in {at}"));
        let mut told = match here {
            Some(label) => told.note(self.shown(&at, label.span, if self.hidden { "" } else { &label.text })),
            None => told,
        };
        if self.hidden {
            return told.note("the reason is not shown: an argument is sensitive");
        }
        told.notes.extend(notes);
        told.help = help;
        told
    }

    /// The line of a place, underlined.
    fn shown(&self, at: &str, span: Span, label: &str) -> String {
        let text = self.sources.file(self.file).map_or("", |file| &*file.text);
        let (start, end) = (span.start as usize, span.end as usize);
        let from = text[..start].rfind('\n').map_or(0, |line| line + 1);
        let to = text[start..].find('\n').map_or(text.len(), |line| start + line);
        let before = text[from..start].chars().count();
        let marked = text.get(start..end.min(to)).map_or(0, |marked| marked.chars().count()).max(1);
        let line = text[from..to].trim_end_matches('\r').replace('\t', " ");
        format!("{at}\n  {line}\n  {}{} {label}", " ".repeat(before), "^".repeat(marked))
            .trim_end()
            .to_owned()
    }
}

/// A letter, then letters, digits, `_` and `-`.
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}
