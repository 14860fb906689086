//! What holds for lists, sets and maps alike, and the choice among them.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use super::{Answer, Function, Kind, Known, Marks, Problem, items, nullable, p, unexpected};
use crate::compare;
use crate::convert::convert;
use crate::scope::unknown;
use crate::set_order::uncounted;
use crate::unify::unify;

const L: super::Parameter = p("list", Kind::Any);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("alltrue", &[p("list", Kind::Bools)], Kind::Bool, "Whether all elements are true.", |a| {
        for item in items(a, 0) {
            match item.as_bool() {
                Some(true) => {}
                None if item.is_unknown() => return Ok(unknown(Type::Bool, true, &[item])),
                _ => return Ok(Value::from(false)), // null is not true
            }
        }
        Ok(Value::from(true))
    })
    .known(Known::Itself),
    Function::new("anytrue", &[p("list", Kind::Bools)], Kind::Bool, "Whether any element is true.", |a| {
        if items(a, 0).iter().any(|item| item.as_bool() == Some(true)) {
            return Ok(Value::from(true));
        }
        let cause = items(a, 0).iter().find(|item| item.is_unknown());
        Ok(cause.map_or(Value::from(false), |cause| unknown(Type::Bool, true, &[cause])))
    })
    .known(Known::Itself),
    Function::new(
        "coalesce",
        &[],
        Kind::Any,
        "The first argument that is neither null nor an empty string.",
        coalesce,
    )
    .rest(nullable("values", Kind::Any))
    .known(Known::Nothing),
    Function::new(
        "coalescelist",
        &[],
        Kind::Any,
        "The first argument that is not an empty list.",
        coalesce_list,
    )
    .rest(nullable("lists", Kind::Any))
    .known(Known::Nothing),
    Function::new(
        "compact",
        &[p("list", Kind::Strings)],
        Kind::Strings,
        "The list without null and empty strings.",
        |a| {
            let kept =
                items(a, 0).iter().filter(|v| v.as_str().is_some_and(|t| !t.is_empty())).cloned().collect();
            Ok(Value::new(Content::List(Type::String, Arc::new(kept))))
        },
    ),
    Function::new(
        "contains",
        &[L, p("value", Kind::Any)],
        Kind::Bool,
        "Whether the value is an element of the list.",
        contains,
    )
    .known(Known::Itself),
    Function::new(
        "length",
        &[p("value", Kind::Any)],
        Kind::Number,
        "The number of elements or characters.",
        length,
    )
    .marks(Marks::Parts)
    .known(Known::Nothing),
    Function::new("one", &[L], Kind::Any, "The only element, or null of an empty list.", |a| {
        match list(a, 0)? {
            _ if uncounted(&a[0]) => Ok(unknown(element_type(a, 0)?, false, &[&a[0]])),
            [] => element_type(a, 0).map(Value::null_of),
            [only] => Ok(only.clone()),
            several => Err(Problem::at(0, format!("expected at most one element, found {}", several.len()))),
        }
    })
    .keeps_parts()
    .nullable()
    .typed(|a| element_type(a, 0)),
];

/// The elements of a list, set or tuple.
pub(super) fn list(arguments: &[Value], i: usize) -> Result<&[Value], Problem> {
    arguments.get(i).and_then(Value::as_sequence).ok_or_else(|| not_a_list(arguments, i))
}

pub(super) fn not_a_list(arguments: &[Value], i: usize) -> Problem {
    unexpected(arguments, i, "a list")
}

/// The type of the elements of a list, set or tuple, which may be unknown.
pub(super) fn element_type(arguments: &[Value], i: usize) -> Result<Type, Problem> {
    match arguments.get(i).map(Value::type_of) {
        Some(Type::List(element) | Type::Set(element)) => Ok((*element).clone()),
        Some(Type::Tuple(types)) => Ok(match types.as_slice() {
            [only] => only.clone(),
            _ => Type::Any,
        }),
        _ => Err(not_a_list(arguments, i)),
    }
}

fn coalesce(arguments: &[Value]) -> Answer {
    if arguments.is_empty() {
        return Err(Problem::new("expected at least one argument"));
    }
    let Some(ty) = unify(arguments.iter().map(Value::type_of).collect()) else {
        return Err(Problem::new("the arguments have no common type"));
    };
    for (i, value) in arguments.iter().enumerate() {
        let value = convert(value, &ty).map_err(|m| Problem::at(i, m.to_string()))?;
        if value.is_unknown() {
            return Ok(unknown(ty, true, &[&value]));
        }
        if !value.is_null() && value.as_str() != Some("") {
            return Ok(value);
        }
    }
    Err(Problem::new("every argument is null or empty"))
}

fn coalesce_list(arguments: &[Value]) -> Answer {
    let mut open = false;
    let mut ty = None;
    for (i, value) in arguments.iter().enumerate() {
        if value.is_unknown() {
            open = true; // of the arguments after it the types do not matter any more
            break;
        }
        let this = value.type_of();
        if !matches!(this, Type::List(_) | Type::Tuple(_)) {
            return Err(not_a_list(arguments, i));
        }
        open |= ty.get_or_insert_with(|| this.clone()) != &this;
    }
    for value in arguments {
        if value.is_unknown() {
            let ty = if open { Type::Any } else { value.type_of() };
            return Ok(unknown(ty, true, &[value]));
        }
        if value.as_sequence().is_some_and(|items| !items.is_empty()) {
            return Ok(value.clone());
        }
    }
    Err(Problem::new("no argument is a list with elements"))
}

/// A known hit decides; an unknown element leaves open.
fn contains(arguments: &[Value]) -> Answer {
    let mut cause = None;
    for item in list(arguments, 0)? {
        match compare::equal(item, &arguments[1]) {
            Some(true) => return Ok(Value::from(true)),
            Some(false) => {}
            None => cause = Some(if item.is_wholly_known() { &arguments[1] } else { item }),
        }
    }
    Ok(match cause {
        Some(cause) => unknown(Type::Bool, true, &[cause]),
        None => Value::from(false),
    })
}

fn length(arguments: &[Value]) -> Answer {
    let value = &arguments[0];
    let count = match value.content() {
        Content::String(text) => crate::text::characters(text),
        _ if uncounted(value) => return Ok(unknown(Type::Number, true, &[value])),
        Content::List(..) | Content::Set(..) | Content::Tuple(_) => items(arguments, 0).len(),
        Content::Map(_, entries) | Content::Object(entries) => entries.len(),
        Content::Unknown(u) => match &u.ty {
            Type::Tuple(types) => types.len(),
            Type::Object(fields) => fields.len(),
            Type::Bool | Type::Number => return Err(unexpected(arguments, 0, "text, a list or a map")),
            _ => return Ok(unknown(Type::Number, true, &[value])),
        },
        _ => return Err(unexpected(arguments, 0, "text, a list or a map")),
    };
    Ok(Value::int(i64::try_from(count).unwrap_or(i64::MAX)))
}
