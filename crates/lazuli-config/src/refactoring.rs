//! `moved`, `removed` and `import` blocks: what a configuration says about addresses rather than about objects.

use lazuli_core::address::Key;
use lazuli_core::{Address, Diagnostic, Diagnostics, Span};

use crate::codes;
use crate::misnamed::{missing_attribute, unknown_attribute, unknown_block};
use crate::syntax::{Attribute, Block, Expr, ExprKind, StepKind};

/// An address as written in a configuration, relative to the module it is written in.
#[derive(Debug, Clone)]
pub struct Target {
    /// The address.
    pub address: Address,
    /// Where it is written.
    pub span: Span,
}

/// What an address in a configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// A call of a module, or one of its copies.
    Module,
    /// A resource, or one of its copies.
    Resource,
    /// A cluster, or one of its copies.
    Cluster,
    /// A part of a cluster.
    Part,
}

impl TargetKind {
    fn word(self) -> &'static str {
        match self {
            TargetKind::Module => "a module",
            TargetKind::Resource => "a resource",
            TargetKind::Cluster => "a cluster",
            TargetKind::Part => "a part of a cluster",
        }
    }
}

/// `moved { from to }`
#[derive(Debug, Clone)]
pub struct Moved {
    /// The address until now.
    pub from: Target,
    /// The address from now on.
    pub to: Target,
}

/// `removed { from lifecycle { destroy } }`
#[derive(Debug, Clone)]
pub struct Removed {
    /// What is declared no longer.
    pub from: Target,
    /// True when it is to be deleted, false when it is only to be forgotten.
    pub destroy: bool,
}

/// `import { to id for_each }`
#[derive(Debug, Clone)]
pub struct Import {
    /// What takes the object over; its keys may be expressions when there is a `for_each`.
    pub to: Expr,
    /// The object's id.
    pub id: Expr,
    /// One import for each.
    pub for_each: Option<Attribute>,
    /// The header of the block.
    pub span: Span,
}

/// What an address names; `None` when it is not the address of something that is declared.
pub fn kind_of(address: &Address) -> Option<TargetKind> {
    let segments = address.segments();
    let mut rest = segments.as_slice();
    while let [word, name, after @ ..] = rest
        && word.name == "module"
        && word.key.is_none()
    {
        if after.is_empty() {
            return Some(TargetKind::Module);
        }
        let _ = name;
        rest = after;
    }
    match rest {
        [word, _, below @ ..] if word.key.is_none() => match (word.name.as_str(), below.is_empty()) {
            ("resource", true) => Some(TargetKind::Resource),
            ("cluster", true) => Some(TargetKind::Cluster),
            ("cluster", false) => Some(TargetKind::Part),
            _ => None,
        },
        _ => None,
    }
}

/// The address an expression spells, its keys given by `key`.
pub(crate) fn address_of(expr: &Expr, key: &mut dyn FnMut(&Expr) -> Option<Key>) -> Option<Address> {
    let ExprKind::Traversal(traversal) = &expr.kind else { return None };
    let ExprKind::Variable(first) = &traversal.base.kind else { return None };
    let mut text = first.to_string();
    for step in &traversal.steps {
        match &step.kind {
            StepKind::Attribute(name) => {
                text.push('.');
                text.push_str(name);
            }
            StepKind::Index(index) => text.push_str(&key(index)?.to_string()),
            StepKind::Splat(_) => return None,
        }
    }
    text.parse().ok()
}

/// A key that is written plainly.
pub(crate) fn plain_key(expr: &Expr) -> Option<Key> {
    let value = expr.as_literal()?;
    match (value.as_str(), value.as_i64()) {
        (Some(name), _) => Some(Key::Name(name.to_owned())),
        (None, Some(index)) => u64::try_from(index).ok().map(Key::Index),
        _ => None,
    }
}

fn target(attribute: &Attribute, diagnostics: &mut Diagnostics) -> Option<Target> {
    let span = attribute.value.span;
    let address = address_of(&attribute.value, &mut plain_key);
    let named = address.as_ref().and_then(kind_of);
    let problem = |label: &str| {
        let message =
            format!("`{}` is not the address of something that can be declared", attribute.name.text);
        Diagnostic::error(codes::BAD_ADDRESS, message)
            .at(span, label)
            .help("for example resource.logs, resource.logs[\"a\"], cluster.prod, module.net, module.net.resource.logs")
    };
    match (address, named) {
        (Some(_), Some(TargetKind::Part)) => {
            diagnostics.push(problem("a part of a cluster goes with its cluster"));
            None
        }
        (Some(address), Some(_)) => Some(Target { address, span }),
        (Some(_), None) => {
            diagnostics.push(problem("expected a resource, a cluster or a module"));
            None
        }
        (None, _) => {
            diagnostics.push(problem("expected an address, not an expression or text"));
            None
        }
    }
}

/// The attributes of a block by name; others, and blocks that are none of `blocks`, are reported.
fn attributes(
    block: &mut Block,
    names: &[&str],
    blocks: &[&str],
    diagnostics: &mut Diagnostics,
) -> Vec<Attribute> {
    let word = block.name.text.clone();
    for inner in block.body.blocks.iter().filter(|inner| !blocks.contains(&&*inner.name.text)) {
        diagnostics.push(unknown_block(&inner.name, &word, blocks.iter().copied()));
    }
    let (known, unknown): (Vec<_>, Vec<_>) =
        std::mem::take(&mut block.body.attributes).into_iter().partition(|a| names.contains(&&*a.name.text));
    for attribute in &unknown {
        diagnostics.push(unknown_attribute(&attribute.name, &word, names.iter().copied()));
    }
    known
}

fn take(from: &mut Vec<Attribute>, name: &str) -> Option<Attribute> {
    let at = from.iter().position(|a| &*a.name.text == name)?;
    Some(from.swap_remove(at))
}

fn required(
    from: &mut Vec<Attribute>,
    name: &str,
    block: &Block,
    diagnostics: &mut Diagnostics,
) -> Option<Attribute> {
    let found = take(from, name);
    if found.is_none() {
        diagnostics.push(missing_attribute(name, &block.name.text, block.span));
    }
    found
}

/// A `moved` block.
pub(crate) fn moved(mut block: Block, diagnostics: &mut Diagnostics) -> Option<Moved> {
    let mut found = attributes(&mut block, &["from", "to"], &[], diagnostics);
    let from = required(&mut found, "from", &block, diagnostics);
    let to = required(&mut found, "to", &block, diagnostics);
    let from = from.and_then(|a| target(&a, diagnostics));
    let to = to.and_then(|a| target(&a, diagnostics));
    let moved = Moved { from: from?, to: to? };
    let (before, after) = (kind_of(&moved.from.address), kind_of(&moved.to.address));
    if let (Some(before), Some(after)) = (before, after)
        && before != after
    {
        diagnostics.push(
            Diagnostic::error(
                codes::BAD_ADDRESS,
                format!("{} cannot become {}", before.word(), after.word()),
            )
            .at(moved.to.span, after.word())
            .also_at(moved.from.span, before.word()),
        );
        return None;
    }
    Some(moved)
}

/// A `removed` block.
pub(crate) fn removed(mut block: Block, diagnostics: &mut Diagnostics) -> Option<Removed> {
    let mut found = attributes(&mut block, &["from"], &["lifecycle"], diagnostics);
    let from = required(&mut found, "from", &block, diagnostics);
    let mut destroy = true;
    for mut inner in std::mem::take(&mut block.body.blocks) {
        if &*inner.name.text != "lifecycle" {
            continue;
        }
        for attribute in attributes(&mut inner, &["destroy"], &[], diagnostics) {
            match attribute.value.as_literal().and_then(|v| v.as_bool()) {
                Some(truth) => destroy = truth,
                None => {
                    diagnostics.push(Diagnostic::error(codes::NOT_LITERAL, "`destroy` must be plain").at(
                        attribute.value.span,
                        format!("expected true or false, found {}", crate::declare::found(&attribute.value)),
                    ))
                }
            }
        }
    }
    let from = target(&from?, diagnostics)?;
    if from.address.segments().iter().any(|segment| segment.key.is_some()) {
        diagnostics.push(
            Diagnostic::error(codes::BAD_ADDRESS, "`removed` speaks of all copies of a block")
                .at(from.span, "without a key")
                .help("a single copy goes when its key goes from `for_each` or `count`"),
        );
        return None;
    }
    Some(Removed { from, destroy })
}

/// An `import` block.
pub(crate) fn import(mut block: Block, diagnostics: &mut Diagnostics) -> Option<Import> {
    let mut found = attributes(&mut block, &["to", "id", "for_each"], &[], diagnostics);
    let to = required(&mut found, "to", &block, diagnostics);
    let id = required(&mut found, "id", &block, diagnostics);
    let for_each = take(&mut found, "for_each");
    let (to, id) = (to?.value, id?.value);
    // Whatever the keys will be, the rest must be an address.
    let some_key = |expr: &Expr| plain_key(expr).or_else(|| Some(Key::Name("key".to_owned())));
    let named = address_of(&to, &mut { some_key }).as_ref().and_then(kind_of);
    if !matches!(named, Some(TargetKind::Resource | TargetKind::Part)) {
        let label = match named {
            Some(TargetKind::Cluster) => "a cluster is many objects: import its parts one by one",
            Some(TargetKind::Module) => "a module is no object",
            _ => "expected a resource, or a part of a cluster",
        };
        diagnostics.push(
            Diagnostic::error(
                codes::BAD_ADDRESS,
                "`to` is not the address of something that can be imported",
            )
            .at(to.span, label)
            .help("for example resource.logs, or cluster.prod.network.virtual_network"),
        );
        return None;
    }
    Some(Import { to, id, for_each, span: block.span })
}
