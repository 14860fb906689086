//! `import` blocks as addresses and ids.

use std::sync::Arc;

use lazuli_core::address::Key;
use lazuli_core::{Address, Diagnostic, Diagnostics, Span, Type};

use crate::codes;
use crate::evaluator::{Evaluator, Instances};
use crate::externals::Externals;
use crate::meta::Repetition;
use crate::refactoring::{Import, address_of};
use crate::scope::{Failed, Scope};

/// An object that is to be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What takes it over.
    pub to: Address,
    /// Its id.
    pub id: Arc<str>,
    /// Where the address is written.
    pub span: Span,
}

impl Evaluator {
    /// The objects that `import` blocks name.
    ///
    /// # Errors
    /// When a key or an id cannot be evaluated, or is not known.
    pub fn imports(&self, externals: &dyn Externals) -> Result<Vec<Imported>, Diagnostics> {
        self.run(externals, None, None, |scope| {
            let mut all = Vec::new();
            for import in &self.module().imports {
                let repetition = import.for_each.clone().map(Repetition::ForEach);
                let copies = match scope.copies(repetition.as_ref()) {
                    Ok(Instances::Single) => vec![None],
                    Ok(Instances::Keyed(copies)) => copies.into_iter().map(Some).collect(),
                    Err(Failed) => continue,
                };
                for copy in copies {
                    let unit = self.unit.clone();
                    let one = scope.within(&unit, copy.as_ref(), |scope| scope.import(import));
                    all.extend(one.ok());
                }
            }
            Ok(all)
        })
    }
}

impl Scope<'_> {
    fn import(&mut self, import: &Import) -> Result<Imported, Failed> {
        let id = self.eval_as(&import.id, &Type::String, codes::BAD_ADDRESS, "the id")?;
        let span = import.id.span;
        let Some(text) = id.as_str().filter(|_| !id.is_sensitive()) else {
            let message = "the id of an import must be known and not sensitive";
            return self.fail(Diagnostic::error(codes::BAD_ADDRESS, message).at(span, ""));
        };
        if !text.starts_with('/') {
            let diagnostic = Diagnostic::error(codes::BAD_ADDRESS, "this is not the id of an object");
            return self
                .fail(diagnostic.at(span, "expected something like /subscriptions/…/resourceGroups/…"));
        }
        let mut key = |index: &crate::syntax::Expr| {
            self.eval(index).ok().and_then(|value| match (value.as_str(), value.as_i64()) {
                _ if value.is_sensitive() => None,
                (Some(name), _) => Some(Key::Name(name.to_owned())),
                (None, Some(index)) => u64::try_from(index).ok().map(Key::Index),
                _ => None,
            })
        };
        match address_of(&import.to, &mut key) {
            Some(to) => Ok(Imported { to, id: Arc::from(text), span: import.to.span }),
            None => {
                let message = "the key of an import must be a known text or number";
                self.fail(Diagnostic::error(codes::BAD_ADDRESS, message).at(import.to.span, ""))
            }
        }
    }
}
