//! What an expression refers to, without evaluating it.

use std::sync::Arc;

use lazuli_core::address::Key;
use lazuli_core::path::PathStep;
use lazuli_core::{Path, Span};

use crate::externals::Root;
use crate::meta::{Condition, Meta, Repetition};
use crate::module::{DeclarationKind, Module};
use crate::syntax::{Expr, ExprKind, Step, StepKind};
use crate::walk::{self, Mention};

/// A reference to a block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The block.
    pub root: Root,
    /// The instance, when the reference names one; all of them otherwise.
    pub key: Option<ReferenceKey>,
    /// The attribute, as far as it is spelled out: `properties.subnets[0]`.
    pub attribute: Path,
    /// Where it is written: in the block asked about, or where the values it is reached through say so.
    pub span: Span,
    /// The place in the block asked about and what is named there, when it is reached through local values, inputs or
    /// outputs of modules.
    pub through: Option<(Arc<str>, Span)>,
}

/// Which of the copies of a block a reference names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReferenceKey {
    /// The one whose key is written.
    Literal(Key),
    /// The one with the same key as the copy the reference stands in: `[count.index]` or `[each.key]`.
    Instance,
}

/// A value with a name that an expression refers to, in the module the expression stands in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Link {
    /// `local.name`, by position.
    Local(usize),
    /// `var.name`, by position.
    Variable(usize),
    /// `module.name.output`: the call by position, the copy when one is named, the output when one is named.
    Output { call: usize, key: Option<ReferenceKey>, output: Option<Arc<str>> },
}

/// What an expression refers to directly.
#[derive(Debug, Clone, Default)]
pub(crate) struct Direct {
    pub(crate) blocks: Vec<Reference>,
    /// Values with the place.
    pub(crate) links: Vec<(Link, Span)>,
    /// True when it mentions `each` or `count`.
    pub(crate) own_copy: bool,
}

impl Direct {
    pub(crate) fn mention(&mut self, module: &Module, mention: Mention<'_>) {
        let Mention::Name { word, steps, span, .. } = mention else { return };
        let Some(Step { kind: StepKind::Attribute(name), .. }) = steps.first() else { return };
        match &**word {
            "local" => self.links.extend(module.locals.position(name).map(|i| (Link::Local(i), span))),
            "var" => self.links.extend(module.variables.position(name).map(|i| (Link::Variable(i), span))),
            "each" | "count" => self.own_copy = true,
            "module" => {
                let Some(call) = module.calls.position(name) else { return };
                let (key, output) = output(&steps[1..]);
                self.links.push((Link::Output { call, key, output }, span));
            }
            word => {
                if let Some(kind) = DeclarationKind::from_word(word)
                    && module.declarations(kind).get(name).is_some()
                {
                    let (key, attribute) = path(&steps[1..]);
                    let root = Root { module: None, kind, name: name.clone() };
                    self.blocks.push(Reference { root, key, attribute, span, through: None });
                }
            }
        }
    }
}

/// The copy and the output that the steps after `module.name` spell.
pub(crate) fn output(steps: &[Step]) -> (Option<ReferenceKey>, Option<Arc<str>>) {
    let name = |step: Option<&Step>| match step.map(|step| &step.kind) {
        Some(StepKind::Attribute(name)) => Some(name.clone()),
        _ => None,
    };
    match steps.first().map(|step| &step.kind) {
        Some(StepKind::Attribute(output)) => (None, Some(output.clone())),
        Some(StepKind::Index(index)) => {
            let key = match is_own_key(index) {
                true => Some(ReferenceKey::Instance),
                false => crate::refactoring::plain_key(index).map(ReferenceKey::Literal),
            };
            (key, name(steps.get(1)))
        }
        Some(StepKind::Splat(inner)) => (None, name(inner.first())),
        None => (None, None),
    }
}

/// The instance key and the path that steps spell, as far as they are literal.
fn path(steps: &[Step]) -> (Option<ReferenceKey>, Path) {
    let literal = |expr: &Expr| match &expr.kind {
        ExprKind::Literal(value) => match (value.as_str(), value.as_i64()) {
            (Some(name), _) => Some(Key::Name(name.to_owned())),
            (None, Some(index)) => u64::try_from(index).ok().map(Key::Index),
            _ => None,
        },
        _ => None,
    };
    let mut key = None;
    let mut rest = steps;
    if let Some((Step { kind: StepKind::Index(index), .. }, after)) = steps.split_first() {
        key = match is_own_key(index) {
            true => Some(ReferenceKey::Instance),
            false => literal(index).map(ReferenceKey::Literal),
        };
        rest = after;
        if key.is_none() {
            return (None, Path::root());
        }
    }
    let mut attribute = Path::root();
    for step in rest {
        attribute = match &step.kind {
            StepKind::Attribute(name) => attribute.name(name.clone()),
            StepKind::Index(index) => match literal(index) {
                Some(Key::Index(i)) => {
                    attribute.then(PathStep::Index(usize::try_from(i).unwrap_or(usize::MAX)))
                }
                Some(Key::Name(name)) => attribute.name(name),
                None => break,
            },
            StepKind::Splat(_) => break,
        };
    }
    (key, attribute)
}

/// True for `count.index` and `each.key`, which nothing can give another meaning.
fn is_own_key(expr: &Expr) -> bool {
    let ExprKind::Traversal(traversal) = &expr.kind else { return false };
    let (ExprKind::Variable(word), [Step { kind: StepKind::Attribute(name), .. }]) =
        (&traversal.base.kind, traversal.steps.as_slice())
    else {
        return false;
    };
    matches!((&**word, &**name), ("count", "index") | ("each", "key"))
}

/// What expressions refer to directly.
pub(crate) fn of_exprs<'e>(module: &Module, exprs: impl IntoIterator<Item = &'e Expr>) -> Direct {
    let mut direct = Direct::default();
    for expr in exprs {
        walk::expr(expr, &mut Vec::new(), &mut |mention| direct.mention(module, mention));
    }
    direct
}

/// What a declaration refers to directly.
pub(crate) fn of_declaration(module: &Module, declaration: &crate::Declaration) -> Direct {
    let mut direct = Direct::default();
    walk::declaration(declaration, &mut |mention| direct.mention(module, mention));
    one_to_one(&declaration.meta, &mut direct);
    direct
}

/// What says how often something is there refers to.
pub(crate) fn of_repetition(module: &Module, meta: &Meta) -> Direct {
    let (Some(Repetition::Count(attribute)) | Some(Repetition::ForEach(attribute))) = &meta.repetition else {
        return Direct::default();
    };
    let mut direct = of_exprs(module, [&attribute.value]);
    one_to_one(meta, &mut direct);
    direct
}

/// Of `for_each = resource.a` each copy refers to the one with its own key.
fn one_to_one(meta: &Meta, direct: &mut Direct) {
    let Some(Repetition::ForEach(attribute)) = &meta.repetition else { return };
    let ExprKind::Traversal(traversal) = &attribute.value.kind else { return };
    if !matches!(traversal.base.kind, ExprKind::Variable(_)) || traversal.steps.len() != 1 {
        return;
    }
    let span = attribute.value.span;
    for block in direct.blocks.iter_mut().filter(|block| block.span == span) {
        block.key = Some(ReferenceKey::Instance);
    }
    for (link, _) in direct.links.iter_mut().filter(|(_, at)| *at == span) {
        if let Link::Output { key, .. } = link {
            *key = Some(ReferenceKey::Instance);
        }
    }
}

/// What rules refer to directly.
pub(crate) fn of_conditions<'c>(
    module: &Module,
    conditions: impl IntoIterator<Item = &'c Condition>,
) -> Direct {
    let exprs = conditions.into_iter().flat_map(|c| [&c.condition, &c.error_message]);
    of_exprs(module, exprs)
}

impl DeclarationKind {
    /// True for what is read from outside of the configuration.
    pub(crate) fn is_external(self) -> bool {
        matches!(self, DeclarationKind::Cluster | DeclarationKind::Resource | DeclarationKind::Data)
    }
}
