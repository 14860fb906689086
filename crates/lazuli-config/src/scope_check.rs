//! References to things that are declared nowhere, calls of functions that do not exist:
//! all that can be said before anything is evaluated, also about branches that never are.

use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, Span};

use crate::codes;
use crate::functions;
use crate::meta::{Meta, Repetition};
use crate::module::{Declaration, DeclarationKind, Module};
use crate::names;
use crate::syntax::{Name, Step, StepKind};
use crate::walk::{self, Mention};

/// Everything wrong with the names in a module.
pub(crate) fn check(module: &Module, called: bool) -> Diagnostics {
    let mut check = Check { module, called, each: false, count: false, this: false, diagnostics: Vec::new() };
    walk::values(module, &mut |m| check.mention(m));
    let kinds =
        [&module.cloud_accounts, &module.cluster_profiles, &module.clusters, &module.resources, &module.data];
    for declaration in kinds.into_iter().flatten() {
        check.declaration(declaration);
    }
    for call in &module.calls {
        check.repeated(&call.meta);
        walk::call(call, &mut |m| check.mention(m));
    }
    for import in &module.imports {
        (check.each, check.count) = (import.for_each.is_some(), false);
        let exprs = import.for_each.iter().map(|a| &a.value).chain([&import.id]);
        exprs.for_each(|expr| walk::expr(expr, &mut Vec::new(), &mut |m| check.mention(m)));
    }
    let mut diagnostics = check.diagnostics;
    if diagnostics.len() >= MOST
        && let Some(last) = diagnostics.last_mut()
    {
        last.notes.push(format!("after {MOST} of this kind, no more are looked for"));
    }
    diagnostics
}

/// Mistakes of this kind that are told: nobody reads more, and each costs a search for what was meant.
const MOST: usize = 200;

struct Check<'m> {
    module: &'m Module,
    /// True for a module that is not the root.
    called: bool,
    each: bool,
    count: bool,
    this: bool,
    diagnostics: Diagnostics,
}

impl Check<'_> {
    fn declaration(&mut self, declaration: &Declaration) {
        // The repetition itself has no instance yet; naming `each` in it is caught when it is evaluated.
        self.repeated(&declaration.meta);
        self.this = !declaration.meta.lifecycle.postconditions.is_empty();
        walk::declaration(declaration, &mut |m| self.mention(m));
        (self.each, self.count, self.this) = (false, false, false);
    }

    fn repeated(&mut self, meta: &Meta) {
        self.each = matches!(meta.repetition, Some(Repetition::ForEach(_)));
        self.count = matches!(meta.repetition, Some(Repetition::Count(_)));
    }

    fn mention(&mut self, mention: Mention<'_>) {
        if self.diagnostics.len() >= MOST {
            return;
        }
        match mention {
            Mention::Call(call) => {
                if functions::find(&call.name.text).is_none() {
                    self.diagnostics.push(functions::unknown(&call.name));
                }
            }
            Mention::Name { word, at, steps, span, bound } => self.name(word, steps, (at, span), &bound),
        }
    }

    fn name(&mut self, word: &Arc<str>, steps: &[Step], (at, span): (Span, Span), bound: &[Arc<str>]) {
        let module = self.module;
        let first = match steps.first() {
            Some(Step { kind: StepKind::Attribute(name), span }) => {
                Some(Name { text: name.clone(), span: *span })
            }
            _ => None,
        };
        let Some(name) = first else {
            if !(&**word == "self" && self.this) {
                self.diagnostics.push(names::unknown_name(word, at, bound));
            }
            return;
        };
        let found = match &**word {
            "var" => lookup("var", &name, module.variables.get(&name.text).is_some(), || {
                module.variables.iter().map(|v| &*v.name.text).collect()
            }),
            "local" => lookup("local", &name, module.locals.get(&name.text).is_some(), || {
                module.locals.iter().map(|l| &*l.name.text).collect()
            }),
            "each" if self.each => {
                let known = matches!(&*name.text, "key" | "value");
                lookup("each", &name, known, || vec!["key", "value"])
            }
            "count" if self.count => lookup("count", &name, &*name.text == "index", || vec!["index"]),
            "each" | "count" => Some(names::no_instance(word, name.span)),
            "path" => {
                let known = matches!(&*name.text, "module" | "root" | "cwd");
                lookup("path", &name, known, || vec!["module", "root", "cwd"])
            }
            "module" => lookup("module", &name, module.calls.get(&name.text).is_some(), || {
                module.calls.iter().map(|c| &*c.name.text).collect()
            }),
            "cloud_account" if self.called => Some(
                Diagnostic::error(codes::ROOT_ONLY, "a module does not see the accounts of the root")
                    .at(span, "hand it over as an input")
                    .help("a variable here, and in the call the account: account = cloud_account.main"),
            ),
            "self" if self.this => None,
            other => match DeclarationKind::from_word(other) {
                Some(kind) => {
                    let declared = module.declarations(kind);
                    lookup(kind.word(), &name, declared.get(&name.text).is_some(), || {
                        declared.iter().map(|d| &*d.name.text).collect()
                    })
                }
                None => Some(names::unknown_name(word, at, bound)),
            },
        };
        self.diagnostics.extend(found);
    }
}

fn lookup<'n>(
    word: &str,
    name: &Name,
    found: bool,
    names: impl FnOnce() -> Vec<&'n str>,
) -> Option<Diagnostic> {
    if found { None } else { Some(names::undeclared(word, name, names().into_iter())) }
}
