//! Lists in their order. Unknown and sensitive parts keep their places wherever the result allows it.

use std::collections::BTreeSet;
use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Number, Type, Value};

use super::collection::{element_type, list, not_a_list};
use super::{Answer, Function, Kind, Known, Problem, items, p, whole};
use crate::compare::{self, Ordered};
use crate::convert::{convert, has_any};
use crate::limits;
use crate::scope::unknown;
use crate::set_order::uncounted;
use crate::unify::unify;

const L: super::Parameter = p("list", Kind::Any);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "chunklist",
        &[p("list", Kind::List), p("size", Kind::Number)],
        Kind::Any,
        "The list cut into lists of that size.",
        chunk,
    )
    .keeps_parts()
    .typed(|a| Ok(Type::List(Arc::new(a[0].type_of())))),
    Function::new("concat", &[], Kind::Any, "The lists one after the other.", concat)
        .rest(p("lists", Kind::Any))
        .keeps_parts()
        .typed(|a| {
            let lists = a.iter().map(|value| match value.type_of() {
                Type::List(element) => Some((*element).clone()),
                _ => None,
            });
            if let Some(element) = lists.collect::<Option<Vec<_>>>().and_then(unify) {
                // Lists whose types have nothing in common make a tuple.
                let open = |value: &Value| value.is_unknown() && has_any(&value.type_of());
                return Ok(if a.iter().any(open) { Type::Any } else { Type::List(Arc::new(element)) });
            }
            // What stands after an unknown one does not matter any more.
            let known = a.iter().take_while(|value| !value.is_unknown()).count();
            sequence_types(&a[..(known + 1).min(a.len())]).map(|_| Type::Any)
        }),
    Function::new(
        "distinct",
        &[p("list", Kind::List)],
        Kind::List,
        "The list with each element once.",
        |a| {
            let mut seen = BTreeSet::new();
            Ok(like(&a[0], items(a, 0).iter().filter(|item| seen.insert(Ordered(item))).cloned().collect()))
        },
    )
    .typed(|a| Ok(a[0].type_of())),
    Function::new(
        "element",
        &[L, p("index", Kind::Number)],
        Kind::Any,
        "The element at the index, counted round and round.",
        |a| {
            element_at(a)?;
            let elements = list(a, 0)?;
            let index = wrapped(whole(a, 1)?, elements.len())?;
            elements.get(index).cloned().ok_or_else(|| Problem::at(1, "no such element"))
        },
    )
    .keeps_parts()
    .nullable()
    .typed(element_at),
    Function::new("flatten", &[L], Kind::Any, "The elements of all lists in the list, however deep.", |a| {
        let mut flat = Vec::new();
        list(a, 0)?;
        let mut sensitive = false;
        match flatten(&a[0], &mut flat, &mut sensitive)? {
            // How many elements there are tells something of every list among them.
            None => Ok(Value::tuple(flat).with_sensitivity(sensitive)),
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
            ordered(a, 0)?;
            for (i, item) in items(a, 0).iter().enumerate() {
                match compare::equal(item, &a[1]) {
                    Some(true) => return Ok(Value::int(i64::try_from(i).unwrap_or(i64::MAX))),
                    Some(false) => {}
                    None => return Ok(unknown(Type::Number, true, &[item, &a[1]])),
                }
            }
            Err(Problem::at(1, "it is not in the list"))
        },
    )
    .known(Known::Itself),
    Function::new(
        "matchkeys",
        &[p("values", Kind::List), p("keys", Kind::List), p("wanted", Kind::List)],
        Kind::List,
        "The values whose key, at the same index, is among the wanted ones.",
        match_keys,
    )
    .known(Known::Itself)
    .typed(|a| key_type(a).map(|_| a[0].type_of())),
    Function::new(
        "range",
        &[],
        Kind::Numbers,
        "Numbers from start to limit: range(limit), range(start, limit), range(start, limit, step).",
        range,
    )
    .rest(p("numbers", Kind::Number)),
    Function::new("reverse", &[L], Kind::Any, "The list backwards.", |a| {
        let elements = list(a, 0)?;
        if uncounted(&a[0]) {
            let ty = Type::List(Arc::new(element_type(a, 0)?));
            return Ok(unknown(ty, true, &[&a[0]]));
        }
        Ok(like(&a[0], elements.iter().rev().cloned().collect()))
    })
    .keeps_parts()
    .typed(|a| match a[0].type_of() {
        Type::List(element) | Type::Set(element) => Ok(Type::List(element)),
        Type::Tuple(types) => Ok(Type::Tuple(Arc::new(types.iter().rev().cloned().collect()))),
        _ => Err(not_a_list(a, 0)),
    }),
    Function::new(
        "slice",
        &[L, p("start", Kind::Number), p("end", Kind::Number)],
        Kind::Any,
        "The elements from start up to, not including, end.",
        |a| {
            let (start, end) = bounds(a)?;
            let part = list(a, 0)?.get(start.unwrap_or(0)..end.unwrap_or(0));
            part.map(|part| like(&a[0], part.to_vec())).ok_or_else(|| Problem::at(2, "expected start <= end"))
        },
    )
    .keeps_parts()
    .typed(|a| match (a[0].type_of(), bounds(a)?) {
        (Type::Tuple(types), (Some(start), Some(end))) => {
            Ok(types.get(start..end).map_or(Type::Any, |types| Type::Tuple(Arc::new(types.to_vec()))))
        }
        (ty @ Type::List(_), _) => Ok(ty),
        _ => Ok(Type::Any),
    }),
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

/// The elements as what they were taken from: a list of the same type, or a tuple.
pub(super) fn like(of: &Value, elements: Vec<Value>) -> Value {
    Value::new(match of.content() {
        Content::List(ty, _) | Content::Set(ty, _) => Content::List(ty.clone(), Arc::new(elements)),
        _ => Content::Tuple(Arc::new(elements)),
    })
}

/// The type of something whose elements have indices: a list or a tuple.
fn ordered(arguments: &[Value], i: usize) -> Result<Type, Problem> {
    match arguments.get(i).map(Value::type_of) {
        Some(ty @ (Type::List(_) | Type::Tuple(_))) => Ok(ty),
        Some(Type::Set(_)) => {
            Err(Problem::at(i, "expected a list, found a set, whose elements have no order"))
        }
        _ => Err(not_a_list(arguments, i)),
    }
}

fn sequence_types(arguments: &[Value]) -> Result<Vec<Type>, Problem> {
    (0..arguments.len()).map(|i| ordered(arguments, i)).collect()
}

fn chunk(arguments: &[Value]) -> Answer {
    let size =
        usize::try_from(whole(arguments, 1)?).map_err(|_| Problem::at(1, "expected no less than 0"))?;
    let elements = items(arguments, 0);
    let chunks: Vec<Value> = if elements.is_empty() {
        Vec::new()
    } else {
        elements
            .chunks(if size == 0 { elements.len() } else { size })
            .map(|c| like(&arguments[0], c.to_vec()))
            .collect()
    };
    Ok(Value::new(Content::List(arguments[0].type_of(), Arc::new(chunks))))
}

fn concat(arguments: &[Value]) -> Answer {
    if arguments.is_empty() {
        return Err(Problem::new("expected at least one list"));
    }
    let types = sequence_types(arguments)?;
    let mut all = Vec::new();
    for i in 0..arguments.len() {
        all.extend_from_slice(list(arguments, i)?);
        if all.len() > limits::PARTS {
            return Err(Problem::new("the result is too long"));
        }
    }
    let lists = types.into_iter().map(|ty| match ty {
        Type::List(element) => Some((*element).clone()),
        _ => None,
    });
    if let Some(ty) = lists.collect::<Option<Vec<_>>>().and_then(unify)
        && let Ok(converted) = all.iter().map(|v| convert(v, &ty)).collect::<Result<Vec<_>, _>>()
    {
        let list = Value::new(Content::List(ty.clone(), Arc::new(converted)));
        let ty = Type::List(Arc::new(ty));
        return convert(&list, &ty).map_err(|_| Problem::new("the lists have no common element type"));
    }
    Ok(Value::tuple(all))
}

/// The index, counted round and round, in so many elements.
fn wrapped(index: i64, count: usize) -> Result<usize, Problem> {
    if count == 0 {
        return Err(Problem::at(0, "the list is empty"));
    }
    let index = index.rem_euclid(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(usize::try_from(index).unwrap_or(0))
}

/// The type of the element at the index.
fn element_at(arguments: &[Value]) -> Result<Type, Problem> {
    match ordered(arguments, 0)? {
        Type::List(element) => Ok((*element).clone()),
        Type::Tuple(types) if !arguments[1].is_unknown() => {
            let index = wrapped(whole(arguments, 1)?, types.len())?;
            Ok(types.get(index).cloned().unwrap_or(Type::Any))
        }
        _ => Ok(Type::Any),
    }
}

/// Flattens into `into`; an unknown part that might be a list makes the whole unknown.
fn flatten(value: &Value, into: &mut Vec<Value>, sensitive: &mut bool) -> Result<Option<Value>, Problem> {
    if uncounted(value) {
        return Ok(Some(value.clone()));
    }
    for item in value.children() {
        match item.content() {
            Content::List(..) | Content::Set(..) | Content::Tuple(_) => {
                *sensitive |= item.is_sensitive();
                if let Some(cause) = flatten(item, into, sensitive)? {
                    return Ok(Some(cause));
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

/// The type that the keys and the wanted keys have in common.
fn key_type(arguments: &[Value]) -> Result<Type, Problem> {
    unify(vec![arguments[1].type_of(), arguments[2].type_of()])
        .ok_or_else(|| Problem::at(2, "the keys and the wanted keys have no common type"))
}

fn match_keys(arguments: &[Value]) -> Answer {
    let ty = key_type(arguments)?;
    let values = items(arguments, 0);
    let converted = |i: usize| convert(&arguments[i], &ty).map_err(|m| Problem::at(i, m.to_string()));
    let (keys, wanted) = (converted(1)?, converted(2)?);
    let (keys, wanted) = (keys.as_sequence().unwrap_or_default(), wanted.as_sequence().unwrap_or_default());
    if values.len() != keys.len() {
        let (have, want) = (keys.len(), values.len());
        return Err(Problem::at(1, format!("expected as many keys as values, found {have} for {want}")));
    }
    if wanted.is_empty() {
        return Ok(like(&arguments[0], Vec::new()));
    }
    if let Some(cause) = values.iter().chain(keys).find(|part| !part.is_wholly_known()) {
        return Ok(unknown(arguments[0].type_of(), true, &[cause]));
    }
    let known: BTreeSet<Ordered<'_>> = wanted.iter().filter(|v| v.is_wholly_known()).map(Ordered).collect();
    let cause = wanted.iter().find(|v| !v.is_wholly_known());
    let mut kept = Vec::new();
    for (value, key) in values.iter().zip(keys) {
        if known.contains(&Ordered(key)) {
            kept.push(value.clone());
        } else if let Some(cause) = cause {
            return Ok(unknown(arguments[0].type_of(), true, &[cause]));
        }
    }
    Ok(like(&arguments[0], kept))
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
    if start != limit && step == zero {
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

/// The two indices of `slice`, as far as they are known, checked as far as that goes.
fn bounds(arguments: &[Value]) -> Result<(Option<usize>, Option<usize>), Problem> {
    let length = match ordered(arguments, 0)? {
        Type::Tuple(types) => Some(types.len()),
        _ => arguments[0].as_sequence().map(<[Value]>::len),
    };
    let bound = |i: usize| -> Result<Option<usize>, Problem> {
        if arguments[i].is_unknown() {
            return Ok(None);
        }
        let index =
            usize::try_from(whole(arguments, i)?).map_err(|_| Problem::at(i, "expected no less than 0"))?;
        match length {
            Some(length) if index > length => Err(Problem::at(i, format!("expected no more than {length}"))),
            _ => Ok(Some(index)),
        }
    };
    let (start, end) = (bound(1)?, bound(2)?);
    match (start, end) {
        (Some(s), Some(e)) if s > e => Err(Problem::at(2, format!("expected no less than the start, {s}"))),
        _ => Ok((start, end)),
    }
}
