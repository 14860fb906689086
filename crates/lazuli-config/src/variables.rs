//! Values of variables: from files, flags and the environment, converted, defaulted, validated.

use std::fmt;
use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, Sources, Span, Type, Value};

use crate::codes;
use crate::convert::convert;
use crate::evaluator::Evaluator;
use crate::externals::NoExternals;
use crate::graph::Named;
use crate::meta::Condition;
use crate::module::Variable;
use crate::parse::{is_broken, parse_expression};
use crate::references;
use crate::scope::{Failed, Outcome, Scope};
use crate::syntax::{Attribute, Expr};
use crate::text;
use crate::unit::Unit;

/// A value given for a variable.
#[derive(Debug, Clone)]
pub struct VariableInput {
    /// The variable.
    pub name: Arc<str>,
    /// Where it is named, when it comes from a file.
    pub span: Option<Span>,
    /// The value.
    pub value: InputValue,
    /// Where it comes from.
    pub origin: Origin,
}

/// The value of a variable as given.
#[derive(Debug, Clone)]
pub enum InputValue {
    /// Text from a flag or the environment: itself for a variable of a plain type, else an expression.
    Text(String),
    /// An expression from a file.
    Expr(Box<Expr>),
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An environment variable of that name; one for an undeclared variable is ignored.
    Environment(Arc<str>),
    /// A file of that name; an entry for an undeclared variable is a warning.
    File(Arc<str>),
    /// `--var`; an undeclared variable is an error.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Environment(name) => write!(f, "the environment variable {name}"),
            Origin::File(name) => f.write_str(name),
            Origin::Flag => f.write_str("--var"),
        }
    }
}

impl VariableInput {
    /// A value from a flag or the environment. It may be a secret and is never shown.
    pub fn text(name: &str, value: &str, origin: Origin) -> Self {
        VariableInput { name: Arc::from(name), span: None, value: InputValue::Text(value.to_owned()), origin }
    }
}

/// The values of all variables in the order declared; `None` for those that were refused.
pub(crate) fn values(evaluator: &Evaluator, inputs: &[VariableInput]) -> (Vec<Option<Value>>, Diagnostics) {
    let module = evaluator.module();
    let mut diagnostics = Vec::new();
    let mut given: Vec<Option<&VariableInput>> = vec![None; module.variables.len()];
    for input in inputs {
        match module.variables.position(&input.name) {
            Some(i) => {
                diagnostics.extend(module.variables.at(i).and_then(|v| deprecated(v, input.span)));
                given[i] = Some(input);
            }
            None => diagnostics.extend(undeclared(evaluator, input)),
        }
    }
    let values = module
        .variables
        .iter()
        .zip(given)
        .map(|(variable, input)| {
            value(evaluator, variable, input, &mut diagnostics).map(|value| marked(value, variable))
        })
        .collect();
    (values, diagnostics)
}

/// A warning when a value is given to a variable that nobody should give one to any more.
pub(crate) fn deprecated(variable: &Variable, given: Option<Span>) -> Option<Diagnostic> {
    let why = variable.deprecated.as_ref()?;
    let message = format!("the variable \"{}\" is deprecated: {why}", variable.name.text);
    let warning = Diagnostic::warning(codes::DEPRECATED, message);
    Some(match given {
        Some(span) => warning.at(span, "given here").also_at(variable.name.span, "declared here"),
        None => warning.at(variable.name.span, "it is given a value"),
    })
}

fn undeclared(evaluator: &Evaluator, input: &VariableInput) -> Option<Diagnostic> {
    let message = format!("there is no variable \"{}\"", input.name);
    let names = evaluator.module().variables.iter().map(|v| &*v.name.text);
    let close = lazuli_core::suggestion::closest(&input.name, names);
    let label = close.map_or_else(|| "not declared".to_owned(), |close| format!("did you mean `{close}`?"));
    match &input.origin {
        Origin::Environment(_) => None,
        Origin::File(_) => {
            let diagnostic = Diagnostic::warning(codes::UNDECLARED_VARIABLE, message);
            Some(match input.span {
                Some(span) => diagnostic.at(span, label),
                None => diagnostic.help(label),
            })
        }
        Origin::Flag => {
            let diagnostic = Diagnostic::error(codes::UNDECLARED_VARIABLE, format!("{message} (from --var)"));
            Some(match close {
                Some(_) => diagnostic.help(label),
                None => diagnostic.help("declare it with a `variable` block, or drop the flag"),
            })
        }
    }
}

/// The value of one variable.
fn value(
    evaluator: &Evaluator,
    variable: &Variable,
    input: Option<&VariableInput>,
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    let name = &variable.name.text;
    if let Some(input) = input {
        let (given, span) = match &input.value {
            InputValue::Text(text) => {
                (from_text(evaluator, variable, text, &input.origin, diagnostics)?, None)
            }
            InputValue::Expr(expr) => (constant(evaluator, variable, expr, diagnostics)?, Some(expr.span)),
        };
        let given = marked(given, variable); // before anything is said about it
        let refused = |message: String, label: String| {
            let diagnostic = Diagnostic::error(codes::BAD_VARIABLE_VALUE, message);
            let declared = format!("declared here as {}", variable.constraint.ty);
            // The line a secret stands on is not shown.
            match span.filter(|_| !variable.sensitive) {
                Some(span) => diagnostic.at(span, label).also_at(variable.name.span, declared),
                None => diagnostic.at(variable.name.span, declared).note(label),
            }
        };
        if !given.is_null() || variable.nullable {
            let converted = variable.constraint.apply(&given);
            return converted
                .map_err(|mismatch| {
                    let message =
                        format!("the value of variable \"{name}\" from {} has the wrong type", input.origin);
                    diagnostics.push(refused(message, mismatch.to_string()));
                })
                .ok();
        }
        if variable.default.is_none() {
            let message = format!("the value of variable \"{name}\" from {} is null", input.origin);
            diagnostics.push(refused(message, "null, but nullable = false".to_owned()));
            return None;
        }
    }
    if variable.default.is_none() {
        diagnostics.push(
            Diagnostic::error(codes::NO_VALUE, format!("variable \"{name}\" has no value"))
                .at(variable.name.span, "declared without a default")
                .help(format!(
                    "give one with --var {name}=…, in a file of variables, or as LAZULI_VAR_{name}"
                )),
        );
        return None;
    }
    default_value(evaluator, variable, diagnostics)
}

/// The default of a variable, checked; `None` when there is none, or it is wrong.
fn default_value(evaluator: &Evaluator, variable: &Variable, diagnostics: &mut Diagnostics) -> Option<Value> {
    let name = &variable.name.text;
    let default = variable.default.as_ref()?;
    if is_broken(default) {
        return None;
    }
    let value = marked(constant(evaluator, variable, default, diagnostics)?, variable);
    if value.is_null() && !variable.nullable {
        diagnostics.push(
            Diagnostic::error(
                codes::BAD_VARIABLE_VALUE,
                format!("the default of variable \"{name}\" is null"),
            )
            .at(default.span, "but nullable = false"),
        );
        return None;
    }
    match variable.constraint.apply(&value) {
        Ok(value) => Some(value),
        Err(mismatch) => {
            let message = format!("the default of variable \"{name}\" has the wrong type");
            let span = if variable.sensitive { variable.name.span } else { default.span };
            diagnostics.push(
                Diagnostic::error(codes::BAD_VARIABLE_VALUE, message)
                    .at(span, mismatch.to_string())
                    .note(format!("declared as {}", variable.constraint.ty)),
            );
            None
        }
    }
}

/// Evaluates an expression that may refer to nothing.
fn constant(
    evaluator: &Evaluator,
    variable: &Variable,
    expr: &Expr,
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    let evaluated = match crate::walk::mentions_name(expr) {
        Some(span) => {
            let message = "the value of a variable cannot refer to anything";
            Err(vec![Diagnostic::error(codes::NOT_LITERAL, message).at(span, "a reference")])
        }
        None => evaluator.expression(expr, &NoExternals, None),
    };
    evaluated
        .map_err(|found| match found.first() {
            // The line a secret stands on is not shown, nor anything that is said about it.
            Some(first) if variable.sensitive => diagnostics.push(
                Diagnostic::error(
                    first.code,
                    format!("a value of variable \"{}\" is wrong", variable.name.text),
                )
                .at(variable.name.span, "declared here as sensitive")
                .note("the reason is not shown: the variable is sensitive"),
            ),
            _ => diagnostics.extend(found),
        })
        .ok()
}

fn from_text(
    evaluator: &Evaluator,
    variable: &Variable,
    given: &str,
    origin: &Origin,
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    match &variable.constraint.ty {
        Type::Bool | Type::Number | Type::String => return Some(text::string(given)),
        Type::Any if !variable.typed => {
            let text = text::string(given);
            match like_default(evaluator, variable) {
                None => return Some(text),
                Some(ty @ (Type::Bool | Type::Number | Type::String)) => {
                    return Some(convert(&text, &ty).unwrap_or(text));
                }
                Some(_) => {} // an expression, as for a variable of that type
            }
        }
        _ => {}
    }
    // The text is no file people can open, and may be a secret: it is not shown.
    let mut sources = Sources::default();
    let parsed = parse_expression(&mut sources, "value", given);
    let evaluated = parsed.and_then(|expr| {
        if crate::walk::mentions_name(&expr).is_some() {
            return Err(vec![Diagnostic::error(
                codes::NOT_LITERAL,
                "it refers to something; text stands in quotes",
            )]);
        }
        evaluator.expression(&expr, &NoExternals, None)
    });
    match evaluated {
        Ok(value) => Some(value),
        Err(found) => {
            let message = format!(
                "the value of variable \"{}\" from {origin} is not an expression",
                variable.name.text
            );
            let mut diagnostic = Diagnostic::error(codes::BAD_VARIABLE_VALUE, message)
                .at(variable.name.span, format!("declared here as {}", variable.constraint.ty));
            for reason in found.iter().take(usize::from(!variable.sensitive)) {
                diagnostic = diagnostic.note(reason.message.clone());
            }
            diagnostics.push(diagnostic);
            None
        }
    }
}

/// The value of a variable of a module that is called: of the input as the caller evaluated it, or the default.
pub(crate) fn of_input(
    scope: &mut Scope<'_>,
    unit: &Arc<Unit>,
    variable: &Variable,
    given: Option<(Value, &Attribute)>,
) -> Outcome {
    let name = &variable.name.text;
    let checked = match given {
        Some((given, input)) if !given.is_null() || variable.nullable => {
            let given = marked(given, variable);
            variable.constraint.apply(&given).or_else(|mismatch| {
                let message = format!("the input \"{name}\" has the wrong type");
                let declared = format!("declared here as {}", variable.constraint.ty);
                scope.fail(
                    Diagnostic::error(codes::BAD_VARIABLE_VALUE, message)
                        .at(input.value.span, mismatch.to_string())
                        .also_at(variable.name.span, declared),
                )
            })?
        }
        Some((_, input)) if variable.default.is_none() => {
            return scope.fail(
                Diagnostic::error(codes::BAD_VARIABLE_VALUE, format!("the input \"{name}\" is null"))
                    .at(input.value.span, "null")
                    .also_at(variable.name.span, "declared here with nullable = false"),
            );
        }
        _ => {
            let evaluator = Evaluator { tree: scope.evaluator.tree.clone(), unit: unit.clone() };
            default_value(&evaluator, variable, &mut scope.diagnostics).ok_or(Failed)?
        }
    };
    Ok(marked(checked, variable))
}

/// A value, sensitive when the variable is.
fn marked(value: Value, variable: &Variable) -> Value {
    if variable.sensitive { value.sensitive() } else { value }
}

/// The type of the default of a variable without one: what is given as text is meant like it.
fn like_default(evaluator: &Evaluator, variable: &Variable) -> Option<Type> {
    let default = variable.default.as_ref().filter(|default| !is_broken(default))?;
    let value = constant(evaluator, variable, default, &mut Diagnostics::new())?;
    if value.is_null() { None } else { Some(value.type_of()) }
}

/// Checks the rules of a module's variables: those that read nothing from outside, or all others.
pub(crate) fn validate(scope: &mut Scope<'_>, pure: bool) {
    let unit = scope.evaluator.unit.clone();
    let tree = scope.evaluator.tree.clone();
    for (i, variable) in unit.module.variables.iter().enumerate() {
        let named = Named::Variable(i);
        // The rules of an input that may change are checked whenever it is evaluated.
        let changes = unit.caller.is_some() && !tree.graph.is_pure(&tree.modules, unit.node, named);
        let wanted = |rule: &&Condition| {
            let direct = references::of_conditions(&unit.module, [*rule]);
            !changes && tree.graph.reads_nothing(&tree.modules, unit.node, &direct) == pure
        };
        let rules: Vec<&Condition> = variable.validations.iter().filter(wanted).collect();
        if rules.is_empty() && (pure || !changes) || scope.named(&unit, named).is_err() {
            continue; // nothing to check, or refused already
        }
        for rule in rules {
            let _ = scope.condition(rule, codes::VALIDATION);
        }
    }
}
