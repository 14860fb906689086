//! Which other blocks an expression refers to, without evaluating it, looking through local values.

use std::collections::HashSet;
use std::sync::Arc;

use lazuli_core::address::Key;
use lazuli_core::path::PathStep;
use lazuli_core::{Path, Span};

use crate::externals::Root;
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
    /// Where it is written: in the block asked about, or in `locals` when it is reached through one.
    pub span: Span,
    /// The place in the block asked about and the local value named there, when it is reached through one.
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

/// What an expression refers to directly.
#[derive(Debug, Default)]
pub(crate) struct Direct {
    pub(crate) blocks: Vec<Reference>,
    /// Local values by position, with the place.
    pub(crate) locals: Vec<(usize, Span)>,
}

impl Direct {
    fn mention(&mut self, module: &Module, mention: Mention<'_>) {
        let Mention::Name { word, steps, span } = mention else { return };
        let Some(Step { kind: StepKind::Attribute(name), .. }) = steps.first() else { return };
        if &**word == "local" {
            self.locals.extend(module.locals.position(name).map(|i| (i, span)));
        } else if let Some(kind) = DeclarationKind::from_word(word)
            && module.declarations(kind).get(name).is_some()
        {
            let (key, attribute) = path(&steps[1..]);
            let root = Root { kind, name: name.clone() };
            self.blocks.push(Reference { root, key, attribute, span, through: None });
        }
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

/// What one expression refers to directly.
pub(crate) fn of_expr(module: &Module, expr: &Expr) -> Direct {
    let mut direct = Direct::default();
    walk::expr(expr, &mut Vec::new(), &mut |mention| direct.mention(module, mention));
    direct
}

/// What a declaration refers to directly.
pub(crate) fn of_declaration(module: &Module, declaration: &crate::Declaration) -> Direct {
    let mut direct = Direct::default();
    walk::declaration(declaration, &mut |mention| direct.mention(module, mention));
    direct
}

/// The local values, what each refers to, and an order in which they can be evaluated.
#[derive(Debug, Default)]
pub(crate) struct LocalGraph {
    /// What each refers to directly.
    direct: Vec<Direct>,
    /// Every local value after those it refers to; those in a cycle are left out.
    pub(crate) order: Vec<usize>,
    /// What can be said of each; `None` for one in or behind a cycle.
    reach: Vec<Option<Reach>>,
    /// The cycles: positions, each with the place of the reference to the next.
    pub(crate) cycles: Vec<Vec<(usize, Span)>>,
}

/// What a local value reaches.
#[derive(Debug, Clone, Default)]
struct Reach {
    /// Where to look on for blocks: itself, or past local values that only pass one other on; `None` when it reaches
    /// no block.
    through: Option<usize>,
    /// True when something it reaches is read from outside.
    external: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    New,
    Open,
    Done,
}

impl LocalGraph {
    pub(crate) fn new(module: &Module) -> Self {
        let direct: Vec<Direct> = module.locals.iter().map(|local| of_expr(module, &local.value)).collect();
        let mut graph = LocalGraph { reach: vec![None; direct.len()], direct, ..LocalGraph::default() };
        graph.sort();
        for i in graph.order.clone() {
            graph.reach[i] = graph.reach_of(i);
        }
        graph
    }

    /// Depth first without recursion: a chain of local values may be long.
    fn sort(&mut self) {
        let mut visits = vec![Visit::New; self.direct.len()];
        for start in 0..self.direct.len() {
            if visits[start] != Visit::New {
                continue;
            }
            let mut stack = vec![(start, 0)];
            visits[start] = Visit::Open;
            while let Some((node, next)) = stack.last_mut() {
                let (node, position) = (*node, *next);
                *next += 1;
                match self.direct[node].locals.get(position) {
                    None => {
                        visits[node] = Visit::Done;
                        self.order.push(node);
                        stack.pop();
                    }
                    Some((to, _)) if visits[*to] == Visit::New => {
                        visits[*to] = Visit::Open;
                        stack.push((*to, 0));
                    }
                    Some((to, _)) if visits[*to] == Visit::Open => {
                        let begin = stack.iter().position(|(n, _)| n == to).unwrap_or(0);
                        let edges = stack[begin..].iter().map(|(n, next)| {
                            let span = self.direct[*n].locals[next.saturating_sub(1)].1;
                            (*n, span)
                        });
                        self.cycles.push(edges.collect());
                    }
                    Some(_) => {}
                }
            }
        }
        let broken: HashSet<usize> = self.cycles.iter().flatten().map(|(i, _)| *i).collect();
        self.order.retain(|i| !broken.contains(i));
    }

    /// What a local value reaches whose own local values are done.
    fn reach_of(&self, i: usize) -> Option<Reach> {
        let Direct { blocks, locals } = &self.direct[i];
        let mut below = Vec::with_capacity(locals.len());
        let mut external = blocks.iter().any(|r| r.root.kind.is_external());
        for (local, _) in locals {
            let reach = self.reach[*local].as_ref()?;
            external |= reach.external;
            below.extend(reach.through);
        }
        below.sort_unstable();
        below.dedup();
        let through = match (blocks.is_empty(), below.as_slice()) {
            (true, []) => None,
            (true, [only]) => Some(*only),
            _ => Some(i),
        };
        Some(Reach { through, external })
    }

    /// The local values a local value refers to directly.
    pub(crate) fn locals_of(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        self.direct[i].locals.iter().map(|(local, _)| *local)
    }

    /// True when evaluating it reads nothing that changes.
    pub(crate) fn is_pure(&self, i: usize) -> bool {
        self.reach[i].as_ref().is_some_and(|reach| !reach.external)
    }

    /// True when it is in a cycle or refers to one.
    pub(crate) fn is_broken(&self, i: usize) -> bool {
        self.reach[i].is_none()
    }

    /// All blocks of direct references, looking through local values; each block's attribute once.
    pub(crate) fn complete(&self, module: &Module, direct: Direct) -> Vec<Reference> {
        let mut all = direct.blocks;
        if direct.locals.is_empty() {
            return all;
        }
        let mut seen: HashSet<(Root, Option<ReferenceKey>, Path)> =
            all.iter().map(|r| (r.root.clone(), r.key.clone(), r.attribute.clone())).collect();
        let mut visited = HashSet::new();
        for (local, span) in direct.locals {
            let Some(name) = module.locals.iter().nth(local).map(|l| l.name.text.clone()) else { continue };
            let mut open: Vec<usize> = self.reach[local].iter().filter_map(|r| r.through).collect();
            while let Some(local) = open.pop() {
                if !visited.insert(local) {
                    continue;
                }
                for reference in &self.direct[local].blocks {
                    let what = (reference.root.clone(), reference.key.clone(), reference.attribute.clone());
                    if seen.insert(what) {
                        all.push(Reference { through: Some((name.clone(), span)), ..reference.clone() });
                    }
                }
                let below = self.direct[local].locals.iter().filter_map(|(l, _)| self.reach[*l].as_ref());
                open.extend(below.filter_map(|reach| reach.through));
            }
        }
        all
    }
}

impl DeclarationKind {
    /// True for what is read from outside of the configuration.
    pub(crate) fn is_external(self) -> bool {
        matches!(self, DeclarationKind::Cluster | DeclarationKind::Resource | DeclarationKind::Data)
    }
}
