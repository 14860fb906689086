//! Meta-arguments: what is said about a block as a whole rather than about what it declares.

use std::sync::{Arc, LazyLock};

use lazuli_core::path::PathStep;
use lazuli_core::{Diagnostic, Diagnostics, Path, Span};

use crate::codes;
use crate::declare::found;
use crate::misnamed::{unknown_attribute, unknown_block};
use crate::syntax::{Attribute, Block, Expr, ExprKind, StepKind};
use crate::template_functions::is_reference;

/// The meta-arguments of a block.
#[derive(Debug, Clone, Default)]
pub struct Meta {
    /// `count` or `for_each`.
    pub repetition: Option<Repetition>,
    /// `depends_on`: references to whole blocks.
    pub depends_on: Vec<Expr>,
    /// `lifecycle`
    pub lifecycle: Lifecycle,
    /// `timeouts`, evaluated with [`crate::Evaluator::timeouts`].
    pub timeouts: Option<Block>,
}

/// How often a block is to be there.
#[derive(Debug, Clone)]
pub enum Repetition {
    /// `count = …`
    Count(Attribute),
    /// `for_each = …`
    ForEach(Attribute),
}

/// `lifecycle { … }`
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// A replacement is made before the old one goes; `None` leaves it to the kind.
    pub create_before_destroy: Option<bool>,
    /// A plan that would destroy it is refused; the span of the setting.
    pub prevent_destroy: Option<Span>,
    /// What somebody else may change.
    pub ignore_changes: IgnoreChanges,
    /// It is replaced when one of these changes.
    pub replace_triggered_by: Vec<Expr>,
    /// Checked before the block is planned.
    pub preconditions: Vec<Condition>,
    /// Checked once its result is known.
    pub postconditions: Vec<Condition>,
}

/// What somebody else may change without Lazuli changing it back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IgnoreChanges {
    /// Nothing.
    #[default]
    Nothing,
    /// These paths.
    Paths(Vec<(Path, Span)>),
    /// Everything.
    All,
}

/// A rule: `condition` and `error_message`.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The block it stands in.
    pub span: Span,
    /// What must be true.
    pub condition: Expr,
    /// What to say when it is not.
    pub error_message: Expr,
}

/// Takes the meta-arguments out of a block.
pub(crate) fn take(block: &mut Block, diagnostics: &mut Diagnostics) -> Arc<Meta> {
    let is_meta = |a: &Attribute| matches!(&*a.name.text, "count" | "for_each" | "depends_on");
    let is_block = |b: &Block| matches!(&*b.name.text, "lifecycle" | "timeouts");
    let (attributes, blocks) =
        (block.body.attributes.iter().any(is_meta), block.body.blocks.iter().any(is_block));
    if !attributes && !blocks {
        return none();
    }
    let mut meta = Meta::default();
    if attributes {
        let (taken, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut block.body.attributes).into_iter().partition(is_meta);
        block.body.attributes = rest;
        for attribute in taken {
            take_attribute(attribute, &mut meta, diagnostics);
        }
    }
    if blocks {
        let mut lifecycle_at = None;
        for inner in std::mem::take(&mut block.body.blocks) {
            match &*inner.name.text {
                "lifecycle" => {
                    once(&mut lifecycle_at, &inner, diagnostics);
                    lifecycle(inner, &mut meta.lifecycle, diagnostics);
                }
                "timeouts" => {
                    let mut at = meta.timeouts.as_ref().map(|b| b.span);
                    once(&mut at, &inner, diagnostics);
                    meta.timeouts = Some(inner);
                }
                _ => block.body.blocks.push(inner),
            }
        }
    }
    Arc::new(meta)
}

/// The meta-arguments of every block that has none.
pub(crate) fn none() -> Arc<Meta> {
    static NONE: LazyLock<Arc<Meta>> = LazyLock::new(Arc::default);
    NONE.clone()
}

fn once(at: &mut Option<Span>, block: &Block, diagnostics: &mut Diagnostics) {
    if let Some(first) = *at {
        diagnostics.push(
            Diagnostic::error(codes::WRONG_OCCURRENCE, format!("`{}` stands twice", block.name.text))
                .at(block.span, "second time")
                .also_at(first, "first time"),
        );
    }
    *at = Some(block.span);
}

fn take_attribute(attribute: Attribute, meta: &mut Meta, diagnostics: &mut Diagnostics) {
    if &*attribute.name.text == "depends_on" {
        meta.depends_on = depends_on(attribute.value, diagnostics);
        return;
    }
    if let Some(Repetition::Count(other) | Repetition::ForEach(other)) = &meta.repetition {
        diagnostics.push(
            Diagnostic::error(codes::BAD_META, "`count` and `for_each` exclude each other")
                .at(attribute.name.span, "second")
                .also_at(other.name.span, "first"),
        );
        return;
    }
    meta.repetition = Some(if &*attribute.name.text == "count" {
        Repetition::Count(attribute)
    } else {
        Repetition::ForEach(attribute)
    });
}

/// The references of a `depends_on`.
pub(crate) fn depends_on(value: Expr, diagnostics: &mut Diagnostics) -> Vec<Expr> {
    let span = value.span;
    if let ExprKind::Tuple(elements) = value.kind {
        for element in elements.iter().filter(|element| !is_reference(element)) {
            diagnostics.push(
                Diagnostic::error(codes::BAD_META, "`depends_on` holds something that is no reference")
                    .at(element.span, "expected a reference such as resource.logs, without quotes"),
            );
        }
        return elements;
    }
    diagnostics.push(
        Diagnostic::error(codes::BAD_META, "`depends_on` is not a list")
            .at(span, "expected a list of references such as [resource.logs]"),
    );
    Vec::new()
}

fn lifecycle(block: Block, lifecycle: &mut Lifecycle, diagnostics: &mut Diagnostics) {
    const ATTRIBUTES: [&str; 4] =
        ["create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by"];
    for attribute in block.body.attributes {
        match &*attribute.name.text {
            "create_before_destroy" => {
                lifecycle.create_before_destroy = plain_bool(&attribute, diagnostics);
            }
            "prevent_destroy" => {
                if plain_bool(&attribute, diagnostics) == Some(true) {
                    lifecycle.prevent_destroy = Some(attribute.name.span.to(attribute.value.span));
                }
            }
            "ignore_changes" => lifecycle.ignore_changes = ignore_changes(&attribute.value, diagnostics),
            "replace_triggered_by" => {
                lifecycle.replace_triggered_by = match attribute.value.kind {
                    ExprKind::Tuple(elements) => elements,
                    kind => vec![Expr { span: attribute.value.span, kind }],
                };
            }
            _ => diagnostics.push(unknown_attribute(&attribute.name, "lifecycle", ATTRIBUTES.into_iter())),
        }
    }
    for inner in block.body.blocks {
        let into = match &*inner.name.text {
            "precondition" => &mut lifecycle.preconditions,
            "postcondition" => &mut lifecycle.postconditions,
            _ => {
                let names = ["precondition", "postcondition"].into_iter();
                diagnostics.push(unknown_block(&inner.name, "lifecycle", names));
                continue;
            }
        };
        into.extend(condition(inner, diagnostics));
    }
}

fn plain_bool(attribute: &Attribute, diagnostics: &mut Diagnostics) -> Option<bool> {
    let truth = attribute.value.as_literal().and_then(|v| v.as_bool());
    if truth.is_none() {
        diagnostics.push(
            Diagnostic::error(codes::NOT_LITERAL, format!("`{}` must be plain", attribute.name.text))
                .at(
                    attribute.value.span,
                    format!("expected true or false, found {}", found(&attribute.value)),
                )
                .note("it is needed before anything is evaluated"),
        );
    }
    truth
}

fn ignore_changes(value: &Expr, diagnostics: &mut Diagnostics) -> IgnoreChanges {
    if matches!(&value.kind, ExprKind::Variable(name) if &**name == "all") {
        return IgnoreChanges::All;
    }
    let ExprKind::Tuple(elements) = &value.kind else {
        diagnostics.push(
            Diagnostic::error(codes::BAD_META, "`ignore_changes` is not a list")
                .at(value.span, "expected a list of paths such as [tags, properties.networkAcls], or all"),
        );
        return IgnoreChanges::Nothing;
    };
    let mut paths = Vec::new();
    for element in elements {
        match path_of(element) {
            Some(path) => paths.push((path, element.span)),
            None => diagnostics.push(
                Diagnostic::error(codes::BAD_META, "this is not a path")
                    .at(element.span, "expected a path such as properties.networkAcls"),
            ),
        }
    }
    IgnoreChanges::Paths(paths)
}

/// The path an expression spells: `a.b["c"][0]`, or the same in quotes.
pub(crate) fn path_of(expr: &Expr) -> Option<Path> {
    match &expr.kind {
        ExprKind::Literal(_) => expr.as_text().filter(|text| !text.is_empty())?.parse().ok(),
        ExprKind::Variable(name) => Some(Path::root().name(name.clone())),
        ExprKind::Traversal(traversal) => {
            let mut path = path_of(&traversal.base)?;
            for step in &traversal.steps {
                path = match &step.kind {
                    StepKind::Attribute(name) => path.name(name.clone()),
                    StepKind::Index(index) => match (index.as_text(), index.as_literal()?.as_i64()) {
                        (Some(key), _) => path.then(PathStep::Key(key.into())),
                        (None, Some(index)) => path.then(PathStep::Index(usize::try_from(index).ok()?)),
                        _ => return None,
                    },
                    StepKind::Splat(_) => return None,
                };
            }
            Some(path)
        }
        _ => None,
    }
}

/// A `validation`, `precondition` or `postcondition` block.
pub(crate) fn condition(block: Block, diagnostics: &mut Diagnostics) -> Option<Condition> {
    let mut condition = None;
    let mut error_message = None;
    for attribute in block.body.attributes {
        match &*attribute.name.text {
            "condition" => condition = Some(attribute.value),
            "error_message" => error_message = Some(attribute.value),
            _ => {
                let names = ["condition", "error_message"].into_iter();
                diagnostics.push(unknown_attribute(&attribute.name, &block.name.text, names));
            }
        }
    }
    for inner in &block.body.blocks {
        diagnostics.push(unknown_block(&inner.name, &block.name.text, std::iter::empty()));
    }
    match (condition, error_message) {
        (Some(condition), Some(error_message)) => {
            Some(Condition { span: block.span, condition, error_message })
        }
        (condition, _) => {
            let missing = if condition.is_none() { "condition" } else { "error_message" };
            diagnostics.push(crate::misnamed::missing_attribute(missing, &block.name.text, block.span));
            None
        }
    }
}
