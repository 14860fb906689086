//! Type constraints of variables: `list(string)`, `object({ a = optional(number, 1) })`.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::types::Field;
use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Type, Value};

use crate::codes;
use crate::convert::convert;
use crate::mismatch::Mismatch;
use crate::syntax::{Expr, ExprKind, UnaryOperator};

/// A type and the defaults of its optional attributes.
#[derive(Debug, Clone)]
pub struct TypeConstraint {
    /// The type.
    pub ty: Type,
    defaults: Defaults,
}

/// Defaults at one level of a type and below.
#[derive(Debug, Clone, Default)]
struct Defaults {
    /// Of the attributes here.
    here: BTreeMap<Arc<str>, Value>,
    /// Of what lies below an attribute, an element's position, or (under "") every element.
    below: BTreeMap<Arc<str>, Defaults>,
}

impl Defaults {
    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.below.is_empty()
    }
}

impl TypeConstraint {
    /// No constraint.
    pub fn any() -> Self {
        TypeConstraint { ty: Type::Any, defaults: Defaults::default() }
    }

    /// The value converted, with defaults filled in.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn apply(&self, value: &Value) -> Result<Value, Mismatch> {
        if self.defaults.is_empty() {
            return convert(value, &self.ty);
        }
        convert(&fill(value, &self.defaults), &self.ty)
    }
}

fn fill(value: &Value, defaults: &Defaults) -> Value {
    if defaults.is_empty() {
        return value.clone();
    }
    let every = defaults.below.get("");
    let content = match value.content() {
        Content::Object(entries) | Content::Map(_, entries) if every.is_none() => {
            let mut filled: BTreeMap<Arc<str>, Value> = BTreeMap::new();
            for (name, item) in entries.iter() {
                let item = defaults.below.get(name).map_or_else(|| item.clone(), |d| fill(item, d));
                filled.insert(name.clone(), item);
            }
            for (name, default) in &defaults.here {
                if filled.get(name).is_none_or(Value::is_null) {
                    let default =
                        defaults.below.get(name).map_or_else(|| default.clone(), |d| fill(default, d));
                    filled.insert(name.clone(), default);
                }
            }
            Content::Object(Arc::new(filled.into()))
        }
        Content::Object(entries) | Content::Map(_, entries) => {
            let fill_one = |item: &Value| every.map_or_else(|| item.clone(), |d| fill(item, d));
            Content::Object(Arc::new(entries.iter().map(|(k, v)| (k.clone(), fill_one(v))).collect()))
        }
        Content::Tuple(items) | Content::List(_, items) | Content::Set(_, items) => {
            let fill_one = |(i, item): (usize, &Value)| {
                let below = every.or_else(|| defaults.below.get(&*i.to_string()));
                below.map_or_else(|| item.clone(), |d| fill(item, d))
            };
            Content::Tuple(Arc::new(items.iter().enumerate().map(fill_one).collect()))
        }
        other => other.clone(),
    };
    Value::new(content).marked_as(value)
}

/// Reads a type constraint.
///
/// # Errors
/// A diagnostic when the expression is not one.
pub(crate) fn parse(expr: &Expr) -> Result<TypeConstraint, Box<Diagnostic>> {
    let (ty, defaults) = read(expr)?;
    Ok(TypeConstraint { ty, defaults })
}

fn wrong(expr: &Expr, label: impl Into<String>) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::BAD_TYPE_CONSTRAINT, "this is not a type").at(expr.span, label).help(
            "types: string, number, bool, any, list(T), set(T), map(T), object({name = T}), tuple([T])",
        ),
    )
}

fn read(expr: &Expr) -> Result<(Type, Defaults), Box<Diagnostic>> {
    let any = || Arc::new(Type::Any);
    match &expr.kind {
        ExprKind::Variable(name) => {
            let ty = match &**name {
                "any" => Type::Any,
                "bool" => Type::Bool,
                "number" => Type::Number,
                "string" => Type::String,
                "list" => Type::List(any()),
                "set" => Type::Set(any()),
                "map" => Type::Map(any()),
                other => {
                    let names = ["any", "bool", "number", "string", "list", "set", "map", "object", "tuple"];
                    let close = lazuli_core::suggestion::closest(other, names);
                    return Err(match close {
                        Some(close) => wrong(expr, format!("did you mean `{close}`?")),
                        None => wrong(expr, ""),
                    });
                }
            };
            Ok((ty, Defaults::default()))
        }
        ExprKind::Call(call) => {
            let [argument] = call.arguments.as_slice() else {
                return Err(wrong(expr, format!("`{}` takes one argument", call.name.text)));
            };
            match &*call.name.text {
                "list" | "set" | "map" => {
                    let (element, below) = read(argument)?;
                    let element = Arc::new(element);
                    let ty = match &*call.name.text {
                        "list" => Type::List(element),
                        "set" => Type::Set(element),
                        _ => Type::Map(element),
                    };
                    let mut defaults = Defaults::default();
                    if !below.is_empty() {
                        defaults.below.insert(Arc::from(""), below);
                    }
                    Ok((ty, defaults))
                }
                "object" => object(argument),
                "tuple" => tuple(argument),
                "optional" => Err(wrong(expr, "optional can stand only in an object type")),
                _ => Err(wrong(expr, "")),
            }
        }
        _ => Err(wrong(expr, "expected a type such as list(string)")),
    }
}

fn tuple(argument: &Expr) -> Result<(Type, Defaults), Box<Diagnostic>> {
    let ExprKind::Tuple(elements) = &argument.kind else {
        return Err(wrong(argument, "expected a list of types such as [string, number]"));
    };
    let mut defaults = Defaults::default();
    let mut types = Vec::with_capacity(elements.len());
    for (i, element) in elements.iter().enumerate() {
        let (ty, below) = read(element)?;
        types.push(ty);
        if !below.is_empty() {
            defaults.below.insert(i.to_string().into(), below);
        }
    }
    Ok((Type::Tuple(types.into()), defaults))
}

fn object(argument: &Expr) -> Result<(Type, Defaults), Box<Diagnostic>> {
    let ExprKind::Object(items) = &argument.kind else {
        return Err(wrong(argument, "expected types by name such as {name = string}"));
    };
    let mut defaults = Defaults::default();
    let mut fields = BTreeMap::new();
    for item in items {
        let Some(name) = item.key.as_text() else { return Err(wrong(&item.key, "expected a plain name")) };
        let name: Arc<str> = Arc::from(name);
        let (constraint, optional, default) = match &item.value.kind {
            ExprKind::Call(call) if &*call.name.text == "optional" => match call.arguments.as_slice() {
                [ty] => (ty, true, None),
                [ty, default] => (ty, true, Some(default)),
                _ => return Err(wrong(&item.value, "optional takes a type and perhaps a default")),
            },
            _ => (&item.value, false, None),
        };
        let (ty, below) = read(constraint)?;
        if let Some(default) = default {
            let value = constant(default).ok_or_else(|| wrong(default, "a default must be a plain value"))?;
            let filled = fill(&value, &below);
            let value = convert(&filled, &ty).map_err(|m| wrong(default, m.to_string()))?;
            defaults.here.insert(name.clone(), value);
        }
        if !below.is_empty() {
            defaults.below.insert(name.clone(), below);
        }
        fields.insert(name, Field { ty, optional });
    }
    Ok((Type::Object(Arc::new(fields)), defaults))
}

/// The value of an expression made of literals only.
fn constant(expr: &Expr) -> Option<Value> {
    Some(match &expr.kind {
        ExprKind::Literal(value) => value.clone(),
        ExprKind::Tuple(elements) => Value::tuple(elements.iter().map(constant).collect::<Option<Vec<_>>>()?),
        ExprKind::Object(items) => {
            let pairs = items
                .iter()
                .map(|item| Some((Arc::<str>::from(item.key.as_text()?), constant(&item.value)?)));
            Value::object(pairs.collect::<Option<Vec<_>>>()?)
        }
        ExprKind::Unary(unary) if unary.operator == UnaryOperator::Negate => {
            Value::from(constant(&unary.operand)?.as_number()?.negated())
        }
        _ => return None,
    })
}
