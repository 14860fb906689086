//! Sets.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use super::{Answer, Function, Kind, Problem, items, p};
use crate::compare;
use crate::convert::{convert, set};
use crate::limits;
use crate::unify::unify;

const SETS: super::Parameter = p("sets", Kind::Set);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("setunion", &[], Kind::Set, "The elements of any of the sets.", |a| {
        combined(a, |mut all, more| {
            all.extend_from_slice(more);
            all
        })
    })
    .rest(SETS),
    Function::new("setintersection", &[], Kind::Set, "The elements of all the sets.", |a| {
        combined(a, |mut all, more| {
            all.retain(|item| holds(more, item));
            all
        })
    })
    .rest(SETS),
    Function::new(
        "setsubtract",
        &[p("set", Kind::Set), p("minus", Kind::Set)],
        Kind::Set,
        "The elements of the first set that are not in the second.",
        |a| {
            combined(a, |mut all, more| {
                all.retain(|item| !holds(more, item));
                all
            })
        },
    ),
    Function::new(
        "setproduct",
        &[],
        Kind::Any,
        "All combinations of one element of each list or set.",
        product,
    )
    .rest(p("lists", Kind::Any)),
];

fn holds(items: &[Value], item: &Value) -> bool {
    items.binary_search_by(|other| compare::order(other, item)).is_ok()
}

fn combined(arguments: &[Value], step: fn(Vec<Value>, &[Value]) -> Vec<Value>) -> Answer {
    let types = arguments.iter().filter_map(|v| match v.content() {
        Content::Set(ty, _) => Some(ty.clone()),
        _ => None,
    });
    let Some(element) = unify(&types.collect::<Vec<_>>()) else {
        return Err(Problem::new("the sets have no common element type"));
    };
    let ty = Type::Set(Arc::new(element.clone()));
    let mut result: Option<Vec<Value>> = None;
    for (i, argument) in arguments.iter().enumerate() {
        let converted = convert(argument, &ty).map_err(|m| Problem::at(i, m.to_string()))?;
        let more = converted.as_sequence().unwrap_or_default();
        result = Some(match result {
            None => more.to_vec(),
            Some(all) => step(all, more),
        });
    }
    result.map(|items| set(element, items)).ok_or_else(|| Problem::new("expected at least one set"))
}

fn product(arguments: &[Value]) -> Answer {
    if arguments.len() < 2 {
        return Err(Problem::new("expected at least two lists or sets"));
    }
    let mut total: usize = 1;
    for (i, argument) in arguments.iter().enumerate() {
        if argument.as_sequence().is_none() {
            return Err(Problem::at(i, "expected a list or a set"));
        }
        total = total.saturating_mul(items(arguments, i).len());
    }
    if total.saturating_mul(arguments.len()) > limits::PARTS {
        return Err(Problem::new("the result is too long"));
    }
    let mut combinations: Vec<Vec<Value>> = vec![Vec::new()];
    for i in 0..arguments.len() {
        let mut longer = Vec::with_capacity(combinations.len() * items(arguments, i).len());
        for combination in &combinations {
            for item in items(arguments, i) {
                let mut next = combination.clone();
                next.push(item.clone());
                longer.push(next);
            }
        }
        combinations = longer;
    }
    let tuples: Vec<Value> = combinations.into_iter().map(Value::tuple).collect();
    let value = Value::tuple(tuples);
    let sets = arguments.iter().all(|a| matches!(a.content(), Content::Set(..)));
    let lists = arguments.iter().all(|a| matches!(a.content(), Content::Set(..) | Content::List(..)));
    let ty = match (sets, lists) {
        (true, _) => Type::Set(Arc::new(Type::Any)),
        (_, true) => Type::List(Arc::new(Type::Any)),
        _ => return Ok(value),
    };
    convert(&value, &ty).map_err(|m| Problem::new(m.to_string()))
}
