//! `variable` and `output` blocks as declarations.

use std::sync::Arc;

use lazuli_core::suggestion::closest;
use lazuli_core::{Diagnostic, Diagnostics};

use crate::codes;
use crate::convert::describe_value;
use crate::meta::{self, Condition};
use crate::misnamed::{missing_attribute, unknown_attribute, unknown_block, written_as_block};
use crate::module::{Output, Variable};
use crate::module_call;
use crate::parse::broken;
use crate::syntax::{Attribute, Block, Expr, Name, StepKind};
use crate::type_constraint::{self, TypeConstraint};
use crate::walk::{self, Mention};

fn label(block: &Block) -> Name {
    block.labels.first().cloned().unwrap_or_else(|| block.name.clone()) // impossible: labels were counted
}

/// What stands where something plain must stand.
pub(crate) fn found(value: &Expr) -> String {
    match value.as_literal() {
        Some(literal) => describe_value(literal),
        None => "an expression".to_owned(),
    }
}

fn plain_text(attribute: &Attribute, diagnostics: &mut Diagnostics) -> Option<Arc<str>> {
    let text = attribute.value.as_text().map(Arc::from);
    if text.is_none() {
        diagnostics.push(
            Diagnostic::error(codes::NOT_LITERAL, format!("`{}` must be plain", attribute.name.text)).at(
                attribute.value.span,
                format!("expected a string in quotes, found {}", found(&attribute.value)),
            ),
        );
    }
    text
}

fn plain_bool(attribute: &Attribute, otherwise: bool, diagnostics: &mut Diagnostics) -> bool {
    attribute.value.as_literal().and_then(|v| v.as_bool()).unwrap_or_else(|| {
        diagnostics.push(
            Diagnostic::error(codes::NOT_LITERAL, format!("`{}` must be plain", attribute.name.text)).at(
                attribute.value.span,
                format!("expected true or false, found {}", found(&attribute.value)),
            ),
        );
        otherwise
    })
}

/// Refuses a name that no module could be given a value for.
fn reserved(name: &Name, diagnostics: &mut Diagnostics) {
    if module_call::RESERVED.contains(&&*name.text) {
        diagnostics.push(
            Diagnostic::error(codes::BAD_NAME, format!("a variable cannot be named `{}`", name.text))
                .at(name.span, "it means something else in a `module` block")
                .help("give it another name"),
        );
    }
}

/// Refuses a rule that does not look at its variable: it would hold always, or never.
fn looks_elsewhere(name: &Name, rule: &Condition, diagnostics: &mut Diagnostics) {
    let mut looks = false;
    walk::expr(&rule.condition, &mut Vec::new(), &mut |mention| {
        if let Mention::Name { word, steps, .. } = mention {
            let of = match steps.first().map(|step| &step.kind) {
                Some(StepKind::Attribute(of)) if &**word == "var" => of,
                _ => return,
            };
            // What is only misspelled is told by itself.
            looks |= *of == name.text || closest(of, [&*name.text]).is_some();
        }
    });
    if !looks {
        diagnostics.push(
            Diagnostic::error(
                codes::RULE_LOOKS_ELSEWHERE,
                format!("the rule does not look at var.{}", name.text),
            )
            .at(rule.condition.span, "always the same, whatever the variable is")
            .help("a rule of other things is the `precondition` of a resource, or a `check` block"),
        );
    }
}

/// A `variable` block.
pub(crate) fn variable(block: Block, diagnostics: &mut Diagnostics) -> Variable {
    const ATTRIBUTES: [&str; 6] = ["type", "default", "description", "sensitive", "nullable", "deprecated"];
    let name = label(&block);
    reserved(&name, diagnostics);
    let mut variable = Variable {
        name,
        deprecated: None,
        constraint: TypeConstraint::any(),
        typed: block.body.attribute("type").is_some(),
        default: None,
        description: None,
        sensitive: false,
        nullable: true,
        validations: Vec::new(),
    };
    for attribute in block.body.attributes {
        match &*attribute.name.text {
            "type" => match type_constraint::parse(&attribute.value) {
                Ok(constraint) => variable.constraint = constraint,
                Err(diagnostic) => diagnostics.push(*diagnostic),
            },
            "default" => variable.default = Some(attribute.value),
            "description" => variable.description = plain_text(&attribute, diagnostics),
            "sensitive" => variable.sensitive = plain_bool(&attribute, true, diagnostics),
            "nullable" => variable.nullable = plain_bool(&attribute, true, diagnostics),
            "deprecated" => variable.deprecated = plain_text(&attribute, diagnostics),
            "ephemeral" => diagnostics.push(crate::misnamed::not_supported(&attribute.name)),
            _ => diagnostics.push(unknown_attribute(&attribute.name, "variable", ATTRIBUTES.into_iter())),
        }
    }
    for inner in block.body.blocks {
        if &*inner.name.text == "validation" {
            let rule = meta::condition(inner, diagnostics);
            rule.iter().for_each(|rule| looks_elsewhere(&variable.name, rule, diagnostics));
            variable.validations.extend(rule);
        } else if ATTRIBUTES.contains(&&*inner.name.text) {
            diagnostics.push(written_as_block(&inner.name, "variable"));
        } else {
            diagnostics.push(unknown_block(&inner.name, "variable", ["validation"].into_iter()));
        }
    }
    variable
}

/// An `output` block. One without a value is there all the same: who refers to it makes no mistake.
pub(crate) fn output(block: Block, diagnostics: &mut Diagnostics) -> Output {
    const ATTRIBUTES: [&str; 4] = ["value", "description", "sensitive", "depends_on"];
    let name = label(&block);
    let (span, mut value, mut description, mut sensitive) = (block.span, None, None, false);
    let mut preconditions = Vec::new();
    let mut depends_on = Vec::new();
    let mut meant = false; // the value, and it is told where it is written
    for attribute in block.body.attributes {
        match &*attribute.name.text {
            "value" => value = Some(attribute.value),
            "description" => description = plain_text(&attribute, diagnostics),
            "sensitive" => sensitive = plain_bool(&attribute, true, diagnostics),
            "depends_on" => depends_on = meta::depends_on(attribute.value, diagnostics),
            "ephemeral" => diagnostics.push(crate::misnamed::not_supported(&attribute.name)),
            other => {
                meant |= closest(other, ATTRIBUTES) == Some("value");
                diagnostics.push(unknown_attribute(&attribute.name, "output", ATTRIBUTES.into_iter()));
            }
        }
    }
    for inner in block.body.blocks {
        if &*inner.name.text == "precondition" {
            preconditions.extend(meta::condition(inner, diagnostics));
        } else if ATTRIBUTES.contains(&&*inner.name.text) {
            diagnostics.push(written_as_block(&inner.name, "output"));
            meant |= &*inner.name.text == "value";
        } else {
            diagnostics.push(unknown_block(&inner.name, "output", ["precondition"].into_iter()));
        }
    }
    if value.is_none() && !meant {
        diagnostics.push(missing_attribute("value", "output", span));
    }
    let value = value.unwrap_or_else(|| broken(span));
    Output { name, value, description, sensitive, preconditions, depends_on }
}
