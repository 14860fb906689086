//! Sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use super::{Answer, Function, Kind, Known, Problem, items, p, unexpected};
use crate::compare::Ordered;
use crate::convert::{convert, has_any, set};
use crate::limits;
use crate::scope::unknown;
use crate::set_order::uncounted;
use crate::unify::unify;

const FIRST: super::Parameter = p("set", Kind::Set);
const MORE: super::Parameter = p("sets", Kind::Set);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("setunion", &[FIRST], Kind::Set, "The elements of any of the sets.", |a| {
        let (element, sets) = converted(a)?;
        let all: Vec<Value> = sets.iter().flat_map(Value::children).cloned().collect();
        Ok(set(element, all))
    })
    .rest(MORE)
    .known(Known::Itself)
    .typed(set_type),
    Function::new("setintersection", &[FIRST], Kind::Set, "The elements of all the sets.", |a| {
        reduced(a, |held| held)
    })
    .rest(MORE)
    .typed(set_type),
    Function::new(
        "setsubtract",
        &[FIRST, p("minus", Kind::Set)],
        Kind::Set,
        "The elements of the first set that are not in the second.",
        |a| reduced(a, |held| !held),
    )
    .typed(set_type),
    Function::new(
        "setproduct",
        &[],
        Kind::Any,
        "All combinations of one element of each list or set.",
        product,
    )
    .rest(p("lists", Kind::Any))
    .keeps_parts()
    .typed(|a| product_type(a).map(|(ty, _)| ty)),
];

/// The type that the elements of all of the sets can have; empty sets of no type do not matter.
fn common(arguments: &[Value]) -> Result<Type, Problem> {
    let empty = |value: &Value| value.as_sequence().is_some_and(<[Value]>::is_empty);
    let elements = arguments.iter().filter_map(|value| match value.type_of() {
        Type::Set(element) if *element == Type::Any && empty(value) => None,
        Type::Set(element) => Some((*element).clone()),
        _ => None,
    });
    unify(elements.collect()).ok_or_else(|| Problem::new("the sets have no common element type"))
}

fn set_type(arguments: &[Value]) -> Result<Type, Problem> {
    let open = |value: &Value| value.is_unknown() && has_any(&value.type_of());
    let element = common(arguments)?;
    Ok(Type::Set(Arc::new(if arguments.iter().any(open) { Type::Any } else { element })))
}

fn converted(arguments: &[Value]) -> Result<(Type, Vec<Value>), Problem> {
    let element = common(arguments)?;
    let ty = Type::Set(Arc::new(element.clone()));
    let sets = arguments
        .iter()
        .enumerate()
        .map(|(i, value)| convert(value, &ty).map_err(|mismatch| Problem::at(i, mismatch.to_string())));
    let sets: Vec<Value> = sets.collect::<Result<_, _>>()?;
    let first = sets.iter().flat_map(Value::children).map(Value::type_of).next();
    let same = |ty: Type| sets.iter().flat_map(Value::children).all(|item| item.type_of() == ty);
    if element == Type::Any && !first.is_none_or(same) {
        return Err(Problem::new("the sets have no common element type"));
    }
    Ok((element, sets))
}

/// The elements of the first set of which `keep` says so, told whether another set holds them.
fn reduced(arguments: &[Value], keep: fn(bool) -> bool) -> Answer {
    let (element, sets) = converted(arguments)?;
    let mut kept: Vec<Value> = items(&sets, 0).to_vec();
    for i in 1..sets.len() {
        let held: BTreeSet<Ordered<'_>> = items(&sets, i).iter().map(Ordered).collect();
        kept.retain(|item| keep(held.contains(&Ordered(item))));
    }
    Ok(set(element, kept))
}

/// The type of the product, and the types of the elements of its tuples.
fn product_type(arguments: &[Value]) -> Result<(Type, Vec<Type>), Problem> {
    if arguments.len() < 2 {
        return Err(Problem::new("expected at least two lists or sets"));
    }
    let mut of_sets = false;
    let mut elements = Vec::with_capacity(arguments.len());
    for (i, value) in arguments.iter().enumerate() {
        elements.push(match value.type_of() {
            Type::Set(element) => {
                of_sets = true;
                (*element).clone()
            }
            Type::List(element) => (*element).clone(),
            Type::Tuple(types) => unify(types.to_vec())
                .ok_or_else(|| Problem::at(i, "expected elements of one type, found different ones"))?,
            _ => return Err(unexpected(arguments, i, "a list or a set")),
        });
    }
    let tuple = Arc::new(Type::Tuple(elements.clone().into()));
    Ok((if of_sets { Type::Set(tuple) } else { Type::List(tuple) }, elements))
}

fn product(arguments: &[Value]) -> Answer {
    let (ty, elements) = product_type(arguments)?;
    let total = (0..arguments.len()).fold(1usize, |n, i| n.saturating_mul(items(arguments, i).len()));
    if total.saturating_mul(arguments.len()) > limits::PARTS {
        return Err(Problem::new("the result is too long"));
    }
    if let Some(cause) = arguments.iter().find(|value| uncounted(value)) {
        return Ok(unknown(ty, true, &[cause]));
    }
    let mut combinations: Vec<Vec<Value>> = vec![Vec::new()];
    for (i, element) in elements.iter().enumerate() {
        let choices = items(arguments, i).iter().map(|item| convert(item, element));
        let choices: Vec<Value> =
            choices.collect::<Result<_, _>>().map_err(|m| Problem::at(i, m.to_string()))?;
        combinations = combinations
            .iter()
            .flat_map(|combination| {
                choices.iter().map(move |item| combination.iter().chain([item]).cloned().collect())
            })
            .collect();
    }
    let tuples: Vec<Value> = combinations.into_iter().map(Value::tuple).collect();
    let tuple = Type::Tuple(elements.into());
    Ok(match ty {
        Type::Set(_) => set(tuple, tuples),
        _ => Value::new(Content::List(tuple, Arc::new(tuples))),
    })
}
