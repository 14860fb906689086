//! References to one block, or to one copy of one: what most references are, and what must not cost more with more copies.

use std::sync::Arc;

use lazuli_core::Value;
use lazuli_core::address::Key;
use lazuli_core::value::Content;

use crate::externals::Root;
use crate::module::DeclarationKind;
use crate::scope::{Failed, Scope};
use crate::syntax::{Expr, ExprKind, Step, StepKind};

impl Scope<'_> {
    /// `resource.name` or `resource.name[key]` and perhaps more, and the steps after that; `None` when it has to be found
    /// step by step.
    pub(crate) fn one<'s>(
        &mut self,
        word: &str,
        steps: &'s [Step],
    ) -> Result<Option<(Value, &'s [Step])>, Failed> {
        let kind = DeclarationKind::from_word(word);
        let Some(kind) = kind.filter(|k| matches!(k, DeclarationKind::Resource | DeclarationKind::Data))
        else {
            return Ok(None);
        };
        let Some((Step { kind: StepKind::Attribute(name), .. }, after)) = steps.split_first() else {
            return Ok(None);
        };
        if self.evaluator.module().declarations(kind).get(name).is_none() {
            return Ok(None);
        }
        let (mut key, mut rest) = (None, after);
        if let Some((Step { kind: StepKind::Index(index), .. }, after)) = rest.split_first() {
            if !is_plain(index) {
                return Ok(None); // it would be evaluated twice
            }
            key = known_key(&self.eval(index)?);
            rest = after;
            if key.is_none() {
                return Ok(None);
            }
        }
        let names = rest.iter().map_while(|step| match &step.kind {
            StepKind::Attribute(name) => Some(name),
            StepKind::Index(_) | StepKind::Splat(_) => None,
        });
        let names: Vec<&Arc<str>> = names.collect();
        let root = Root { module: self.evaluator.unit.address.clone(), kind, name: name.clone() };
        let Some((value, gone)) = self.externals.one(&root, key.as_ref(), &names) else { return Ok(None) };
        self.doubts += u32::from(gone > 0); // it is still to be made
        Ok(Some((value, &rest[gone..])))
    }
}

/// True for an index that can be evaluated twice: of literals and of what tells copies apart.
fn is_plain(index: &Expr) -> bool {
    match &index.kind {
        ExprKind::Literal(_) => true,
        ExprKind::Traversal(traversal) => {
            matches!(&traversal.base.kind, ExprKind::Variable(word) if matches!(&**word, "count" | "each"))
                && traversal.steps.iter().all(|step| matches!(step.kind, StepKind::Attribute(_)))
        }
        ExprKind::Binary(binary) => is_plain(&binary.left) && is_plain(&binary.right),
        _ => false,
    }
}

/// The key of a copy that a value is, when that is known and no secret.
fn known_key(value: &Value) -> Option<Key> {
    if value.is_sensitive() {
        return None;
    }
    match value.content() {
        Content::String(name) => Some(Key::Name(name.to_string())),
        Content::Number(number) => number.as_i64().and_then(|i| u64::try_from(i).ok()).map(Key::Index),
        _ => None,
    }
}
