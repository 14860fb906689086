//! Lists. Unknown and sensitive parts keep their places wherever the result allows it.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Number, Type, Value};

use super::{Answer, Function, Kind, Known, Problem, items, nullable, p, whole};
use crate::compare;
use crate::convert::convert;
use crate::limits;
use crate::scope::unknown;
use crate::unify::unify;

const L: super::Parameter = p("list", Kind::Any);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("alltrue", &[p("list", Kind::Bools)], Kind::Bool, "Whether all elements are true.", |a| {
        truth(a, false)
    })
    .known(Known::Itself),
    Function::new("anytrue", &[p("list", Kind::Bools)], Kind::Bool, "Whether any element is true.", |a| {
        truth(a, true)
    })
    .known(Known::Itself),
    Function::new(
        "chunklist",
        &[p("list", Kind::List), p("size", Kind::Number)],
        Kind::Any,
        "The list cut into lists of that size.",
        chunk,
    )
    .keeps_parts(),
    Function::new(
        "coalesce",
        &[],
        Kind::Any,
        "The first argument that is neither null nor an empty string.",
        coalesce,
    )
    .rest(nullable("values", Kind::Any))
    .known(Known::Nothing),
    Function::new("coalescelist", &[], Kind::Any, "The first argument that is not an empty list.", |a| {
        for (i, value) in a.iter().enumerate() {
            match value.content() {
                Content::Null(_) => {}
                Content::Unknown(_) => return Ok(unknown(Type::Any, true, &[value])),
                _ if list(a, i)?.is_empty() => {}
                _ => return Ok(value.clone()),
            }
        }
        Err(Problem::new("no argument is a list with elements"))
    })
    .rest(nullable("lists", Kind::Any))
    .keeps_parts()
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
    Function::new("concat", &[], Kind::Any, "The lists one after the other.", concat)
        .rest(p("lists", Kind::Any))
        .keeps_parts(),
    Function::new(
        "contains",
        &[L, p("value", Kind::Any)],
        Kind::Bool,
        "Whether the value is an element of the list.",
        contains,
    )
    .known(Known::Itself),
    Function::new(
        "distinct",
        &[p("list", Kind::List)],
        Kind::List,
        "The list with each element once.",
        |a| {
            let mut kept: Vec<Value> = Vec::new();
            let mut seen = std::collections::BTreeSet::new();
            for item in items(a, 0) {
                let fresh = match item.content() {
                    Content::String(text) => seen.insert(text.clone()),
                    _ => !kept.iter().any(|k| compare::equal(k, item) == Some(true)),
                };
                if fresh {
                    kept.push(item.clone());
                }
            }
            Ok(like(&a[0], kept))
        },
    )
    .typed(|a| a.first().map_or(Type::Any, Value::type_of)),
    Function::new(
        "element",
        &[L, p("index", Kind::Number)],
        Kind::Any,
        "The element at the index, counted round and round.",
        |a| {
            let elements = list(a, 0)?;
            let count = i64::try_from(elements.len()).unwrap_or(i64::MAX);
            if count == 0 {
                return Err(Problem::at(0, "the list is empty"));
            }
            let index = whole(a, 1)?.rem_euclid(count);
            elements
                .get(usize::try_from(index).unwrap_or(0))
                .cloned()
                .ok_or_else(|| Problem::at(1, "no such element"))
        },
    )
    .keeps_parts(),
    Function::new("flatten", &[L], Kind::Any, "The elements of all lists in the list, however deep.", |a| {
        let mut flat = Vec::new();
        list(a, 0)?;
        match flatten(&a[0], &mut flat)? {
            None => Ok(Value::tuple(flat)),
            Some(cause) => Ok(unknown(Type::Any, true, &[&cause])),
        }
    })
    .keeps_parts(),
    Function::new(
        "index",
        &[L, p("value", Kind::Any)],
        Kind::Number,
        "The index of the value in the list.",
        |a| {
            let place = list(a, 0)?.iter().position(|item| compare::equal(item, &a[1]) == Some(true));
            let index = place.and_then(|i| i64::try_from(i).ok());
            index.map(Value::int).ok_or_else(|| Problem::at(1, "it is not in the list"))
        },
    ),
    Function::new(
        "length",
        &[p("value", Kind::Any)],
        Kind::Number,
        "The number of elements or characters.",
        length,
    )
    .keeps_parts(),
    Function::new("one", &[L], Kind::Any, "The only element, or null of an empty list.", |a| {
        match list(a, 0)? {
            [] => Ok(Value::null()),
            [only] => Ok(only.clone()),
            several => Err(Problem::at(0, format!("expected at most one element, found {}", several.len()))),
        }
    })
    .keeps_parts(),
    Function::new(
        "range",
        &[],
        Kind::Numbers,
        "Numbers from start to limit: range(limit), range(start, limit), range(start, limit, step).",
        range,
    )
    .rest(p("numbers", Kind::Number)),
    Function::new("reverse", &[L], Kind::Any, "The list backwards.", |a| {
        let reversed: Vec<Value> = list(a, 0)?.iter().rev().cloned().collect();
        Ok(like(&a[0], reversed))
    })
    .keeps_parts(),
    Function::new(
        "slice",
        &[L, p("start", Kind::Number), p("end", Kind::Number)],
        Kind::Any,
        "The elements from start up to, not including, end.",
        |a| {
            let elements = list(a, 0)?;
            let start =
                usize::try_from(whole(a, 1)?).map_err(|_| Problem::at(1, "expected no less than 0"))?;
            let end = usize::try_from(whole(a, 2)?).map_err(|_| Problem::at(2, "expected no less than 0"))?;
            match elements.get(start..end) {
                Some(part) => Ok(like(&a[0], part.to_vec())),
                None => Err(Problem::at(2, format!("expected 0 <= start <= end <= {}", elements.len()))),
            }
        },
    )
    .keeps_parts(),
    Function::new("sort", &[p("list", Kind::Strings)], Kind::Strings, "The strings in order.", |a| {
        let mut sorted = items(a, 0).to_vec();
        if let Some(cause) = sorted.iter().find(|v| v.is_unknown()) {
            let any = unknown(Type::String, true, &[cause]);
            return Ok(Value::new(Content::List(Type::String, Arc::new(vec![any; sorted.len()]))));
        }
        if sorted.iter().any(Value::is_null) {
            return Err(Problem::at(0, "an element is null"));
        }
        sorted.sort_by(compare::order);
        Ok(Value::new(Content::List(Type::String, Arc::new(sorted))))
    })
    .known(Known::Itself),
];

/// The elements of a list, set or tuple.
pub(super) fn list(arguments: &[Value], i: usize) -> Result<&[Value], Problem> {
    arguments.get(i).and_then(Value::as_sequence).ok_or_else(|| Problem::at(i, "expected a list"))
}

/// The elements as what they were taken from: a list of the same type, or a tuple.
fn like(of: &Value, elements: Vec<Value>) -> Value {
    Value::new(match of.content() {
        Content::List(ty, _) | Content::Set(ty, _) => Content::List(ty.clone(), Arc::new(elements)),
        _ => Content::Tuple(Arc::new(elements)),
    })
}

fn truth(arguments: &[Value], decides: bool) -> Answer {
    let mut cause = None;
    for item in items(arguments, 0) {
        match item.as_bool() {
            Some(truth) if truth == decides => return Ok(Value::from(decides)),
            None if item.is_unknown() => cause = Some(item),
            None if !decides => return Ok(Value::from(false)), // null is not true
            _ => {}
        }
    }
    Ok(match cause {
        Some(cause) => unknown(Type::Bool, true, &[cause]),
        None => Value::from(!decides),
    })
}

fn chunk(arguments: &[Value]) -> Answer {
    let size =
        usize::try_from(whole(arguments, 1)?).map_err(|_| Problem::at(1, "expected no less than 0"))?;
    let elements = items(arguments, 0);
    let ty = arguments[0].type_of();
    let chunks: Vec<Value> = if elements.is_empty() {
        Vec::new()
    } else {
        elements
            .chunks(if size == 0 { elements.len() } else { size })
            .map(|c| like(&arguments[0], c.to_vec()))
            .collect()
    };
    Ok(Value::new(Content::List(ty, Arc::new(chunks))))
}

fn coalesce(arguments: &[Value]) -> Answer {
    let Some(ty) = unify(&arguments.iter().map(Value::type_of).collect::<Vec<_>>()) else {
        return Err(Problem::new("the arguments have no common type"));
    };
    for (i, value) in arguments.iter().enumerate() {
        if value.is_unknown() {
            return Ok(unknown(ty, true, &[value]));
        }
        if !value.is_null() && value.as_str() != Some("") {
            return convert(value, &ty).map_err(|m| Problem::at(i, m.to_string()));
        }
    }
    Err(Problem::new("every argument is null or empty"))
}

fn concat(arguments: &[Value]) -> Answer {
    if arguments.is_empty() {
        return Err(Problem::new("expected at least one list"));
    }
    let mut all = Vec::new();
    let mut element_types = Vec::new();
    let mut lists_only = true;
    for i in 0..arguments.len() {
        let elements = list(arguments, i)?;
        if all.len() + elements.len() > limits::PARTS {
            return Err(Problem::new("the result is too long"));
        }
        all.extend_from_slice(elements);
        match arguments[i].content() {
            Content::List(ty, _) => element_types.push(ty.clone()),
            Content::Set(..) => return Err(Problem::at(i, "expected a list, found a set")),
            _ => lists_only = false,
        }
    }
    if lists_only
        && let Some(ty) = unify(&element_types)
        && let Ok(converted) = all.iter().map(|v| convert(v, &ty)).collect::<Result<Vec<_>, _>>()
    {
        return Ok(Value::new(Content::List(ty, Arc::new(converted))));
    }
    Ok(Value::tuple(all))
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

/// Flattens into `into`; an unknown part that might be a list makes the whole unknown.
fn flatten(value: &Value, into: &mut Vec<Value>) -> Result<Option<Value>, Problem> {
    for item in value.as_sequence().unwrap_or_default() {
        match item.content() {
            Content::List(..) | Content::Set(..) | Content::Tuple(_) => {
                let mark = into.len();
                if let Some(cause) = flatten(item, into)? {
                    return Ok(Some(cause));
                }
                if item.is_sensitive() {
                    for inner in &mut into[mark..] {
                        *inner = inner.clone().sensitive();
                    }
                }
            }
            Content::Unknown(u)
                if !matches!(
                    u.ty,
                    Type::Bool | Type::Number | Type::String | Type::Object(_) | Type::Map(_)
                ) =>
            {
                return Ok(Some(item.clone()));
            }
            _ => into.push(item.clone()),
        }
        if into.len() > limits::PARTS {
            return Err(Problem::new("the result is too long"));
        }
    }
    Ok(None)
}

fn length(arguments: &[Value]) -> Answer {
    let value = &arguments[0];
    let count = match value.content() {
        Content::String(text) => text.chars().count(),
        Content::Set(_, items) if items.len() > 1 && !value.is_wholly_known() => {
            return Ok(unknown(Type::Number, true, &[value]));
        }
        Content::List(..) | Content::Set(..) | Content::Tuple(_) => items(arguments, 0).len(),
        Content::Map(_, entries) | Content::Object(entries) => entries.len(),
        _ => return Err(Problem::at(0, "expected text, a list or a map")),
    };
    Ok(Value::int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn range(arguments: &[Value]) -> Answer {
    const MOST: usize = 1024;
    let number =
        |i: usize| arguments.get(i).and_then(Value::as_number).cloned().unwrap_or_else(|| Number::from(0i64));
    let (zero, one) = (Number::from(0i64), Number::from(1i64));
    let (start, limit, step) = match arguments.len() {
        1 => (zero.clone(), number(0), if number(0).is_negative() { one.negated() } else { one }),
        2 => (number(0), number(1), if number(1) < number(0) { one.negated() } else { one }),
        3 => (number(0), number(1), number(2)),
        _ => return Err(Problem::new("expected one to three numbers")),
    };
    if step == zero {
        return Err(Problem::at(2, "the step is zero"));
    }
    if (limit > start && step.is_negative()) || (limit < start && !step.is_negative()) {
        return Err(Problem::at(2, "the step leads away from the limit"));
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while if step.is_negative() { next > limit } else { next < limit } {
        if numbers.len() == MOST {
            return Err(Problem::new(format!("more than {MOST} numbers")));
        }
        let following = next.add(&step);
        numbers.push(Value::from(next));
        next = following;
    }
    Ok(Value::new(Content::List(Type::Number, Arc::new(numbers))))
}
