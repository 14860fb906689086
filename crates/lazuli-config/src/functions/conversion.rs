//! Conversions, sensitivity, `try` and `can`.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Type, Unknown, Value};

use super::{Answer, Body, Function, Kind, Known, Marks, Problem, nullable, p};
use crate::convert::convert;

const V: super::Parameter = nullable("value", Kind::Any);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("tostring", &[V], Kind::String, "The value as text.", |a| to(a, Type::String)).sees_all(),
    Function::new("tonumber", &[V], Kind::Number, "The value as a number.", |a| to(a, Type::Number))
        .sees_all(),
    Function::new("tobool", &[V], Kind::Bool, "The value as a truth value.", |a| to(a, Type::Bool))
        .sees_all(),
    Function::new("tolist", &[V], Kind::List, "The value as a list.", |a| {
        to(a, Type::List(Arc::new(Type::Any)))
    })
    .sees_all(),
    Function::new("toset", &[V], Kind::Set, "The value as a set.", |a| to(a, Type::Set(Arc::new(Type::Any))))
        .sees_all(),
    Function::new("tomap", &[V], Kind::Map, "The value as a map.", |a| to(a, Type::Map(Arc::new(Type::Any))))
        .sees_all(),
    Function::new("sensitive", &[V], Kind::Any, "The value, never shown from here on.", |a| {
        Ok(only(a)?.clone().sensitive())
    })
    .sees_all(),
    Function::new(
        "nonsensitive",
        &[V],
        Kind::Any,
        "The value, shown from here on; parts keep their marks.",
        |a| Ok(only(a)?.clone().with_sensitivity(false)),
    )
    .sees_all(),
    Function::new(
        "ephemeralasnull",
        &[V],
        Kind::Any,
        "The value. Lazuli has no ephemeral values that it would have to leave out.",
        |a| only(a).cloned(),
    )
    .sees_all(),
    Function::new("issensitive", &[V], Kind::Bool, "Whether the value is sensitive.", |a| {
        let value = only(a)?;
        if value.is_unknown() && !value.is_sensitive() {
            return Ok(Value::unknown_of(Type::Bool));
        }
        Ok(Value::from(value.is_sensitive()))
    })
    .sees_all(),
    Function::new("try", &[], Kind::Any, "The first of the expressions that can be evaluated.", |a| {
        only(a).cloned()
    })
    .rest(V)
    .with_body(Body::Try),
    Function::new(
        "can",
        &[p("expression", Kind::Any)],
        Kind::Bool,
        "Whether the expression can be evaluated.",
        |_| Ok(Value::from(true)),
    )
    .marks(Marks::Own)
    .known(Known::Nothing)
    .with_body(Body::Can),
];

fn only(arguments: &[Value]) -> Result<&Value, Problem> {
    arguments.first().ok_or_else(|| Problem::new("expected one argument"))
}

fn to(arguments: &[Value], ty: Type) -> Answer {
    let value = only(arguments)?;
    let converted = convert(value, &ty).map_err(|mismatch| Problem::at(0, mismatch.to_string()))?;
    // Nothing but its type and origin is said of the unknown result of a conversion that is asked for.
    Ok(match converted.content() {
        Content::Unknown(unknown) => {
            let ty = if value.is_unknown() { ty } else { unknown.ty.clone() };
            let plain = Unknown { source: unknown.source.clone(), ..Unknown::of(ty) };
            Value::unknown(plain).marked_as(&converted)
        }
        _ => converted,
    })
}
