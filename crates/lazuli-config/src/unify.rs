//! The type that several types have in common: of a conditional's results, of a list's elements. The rules are Terraform's,
//! also where another choice would be as good: two results that differ in type differ in the plan.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use lazuli_core::Type;
use lazuli_core::types::Field;

use crate::convert::convertible;

/// The type all of them can be converted to, any when they are none; `None` when there is no such type.
pub(crate) fn unify(types: Vec<Type>) -> Option<Type> {
    if types.is_empty() { Some(Type::Any) } else { common(&types) }
}

/// The type all of them can be converted to; `None` when there is none, or they are none.
pub(crate) fn common(types: &[Type]) -> Option<Type> {
    let first = types.first()?;
    if types.iter().all(|ty| ty == first) {
        return Some(first.clone());
    }
    // Each once: many elements have few types.
    let mut seen = HashSet::new();
    let types: Vec<Type> = types.iter().filter(|ty| seen.insert(*ty)).cloned().collect();
    let (types, first) = (types.as_slice(), types.first()?);
    let count = |is: fn(&Type) -> bool| types.iter().filter(|ty| is(ty)).count();
    let dynamic = count(|ty| matches!(ty, Type::Any));
    let maps = count(|ty| matches!(ty, Type::Map(_)));
    let lists = count(|ty| matches!(ty, Type::List(_)));
    let sets = count(|ty| matches!(ty, Type::Set(_)));
    let objects = count(|ty| matches!(ty, Type::Object(_)));
    let tuples = count(|ty| matches!(ty, Type::Tuple(_)));
    let all = types.len();
    let alike = |kind: usize| kind > 0 && kind + dynamic == all;
    if alike(maps) || alike(lists) || alike(sets) || alike(objects) || alike(tuples) {
        if dynamic > 0 {
            return Some(Type::Any); // whatever it turns out to be decides
        }
        return match first {
            Type::Map(_) => unify_elements(types).map(Type::Map),
            Type::List(_) => unify_elements(types).map(Type::List),
            Type::Set(_) => unify_elements(types).map(Type::Set),
            Type::Object(_) => unify_objects(types),
            _ => unify_tuples(types),
        };
    }
    if maps > 0 && maps + objects + dynamic == all {
        let (own, rest): (Vec<_>, Vec<_>) = types.iter().partition(|ty| matches!(ty, Type::Object(_)));
        let found = as_collection(own, rest, |element| Type::Map(Arc::new(element)));
        if found.is_some() {
            return found;
        }
    } else if lists > 0 && lists + tuples + dynamic == all {
        let (own, rest): (Vec<_>, Vec<_>) = types.iter().partition(|ty| matches!(ty, Type::Tuple(_)));
        let found = as_collection(own, rest, |element| Type::List(Arc::new(element)));
        if found.is_some() {
            return found;
        }
    } else if objects > 0 && tuples > 0 {
        return None;
    }
    preferred(types)
}

/// The type among them that all others can be converted to; of several the most general.
fn preferred(types: &[Type]) -> Option<Type> {
    let mut rest: Vec<&Type> = types.iter().collect();
    while !rest.is_empty() {
        let best = |ty: &Type| rest.iter().all(|other| prefer(other, ty) != Ordering::Less);
        let place = rest.iter().position(|ty| best(ty)).unwrap_or(0);
        let want = rest.remove(place);
        if types.iter().all(|ty| ty == want || convertible(ty, want)) {
            return Some(want.clone());
        }
    }
    None
}

/// `Less` when the first is the better choice.
fn prefer(a: &Type, b: &Type) -> Ordering {
    match (a, b) {
        (Type::Any, Type::Any) => Ordering::Equal,
        (Type::Any, _) => Ordering::Greater,
        (_, Type::Any) => Ordering::Less,
        (Type::String, Type::Bool | Type::Number) => Ordering::Less,
        (Type::Bool | Type::Number, Type::String) => Ordering::Greater,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            prefer(a, b)
        }
        (Type::List(_) | Type::Tuple(_), Type::Set(_))
        | (Type::List(_), Type::Tuple(_))
        | (Type::Map(_), Type::Object(_)) => Ordering::Less,
        (Type::Set(_), Type::List(_) | Type::Tuple(_))
        | (Type::Tuple(_), Type::List(_))
        | (Type::Object(_), Type::Map(_)) => Ordering::Greater,
        (Type::Object(a), Type::Object(b)) if a.keys().eq(b.keys()) => {
            agreed(a.values().zip(b.values()).map(|(a, b)| prefer(&a.ty, &b.ty)))
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            agreed(a.iter().zip(b.iter()).map(|(a, b)| prefer(a, b)))
        }
        _ => Ordering::Equal,
    }
}

/// What all say that say anything; `Equal` when they contradict each other.
fn agreed(orders: impl Iterator<Item = Ordering>) -> Ordering {
    let mut agreed = Ordering::Equal;
    for order in orders {
        match (agreed, order) {
            (_, Ordering::Equal) => {}
            (Ordering::Equal, order) => agreed = order,
            (a, b) if a == b => {}
            _ => return Ordering::Equal,
        }
    }
    agreed
}

/// Tuples as one list, or objects as one map, and then together with the others.
fn as_collection(own: Vec<&Type>, rest: Vec<&Type>, of: fn(Type) -> Type) -> Option<Type> {
    let own = of(common(&parts(own.into_iter()))?);
    let mut types: Vec<Type> = rest.into_iter().cloned().collect();
    types.push(own);
    let found = common(&types)?;
    matches!(found, Type::List(_) | Type::Map(_)).then_some(found)
}

fn unify_elements(types: &[Type]) -> Option<Arc<Type>> {
    common(&parts(types.iter())).map(Arc::new)
}

/// The types of everything directly inside.
fn parts<'t>(types: impl Iterator<Item = &'t Type>) -> Vec<Type> {
    let mut parts = Vec::new();
    for ty in types {
        match ty {
            Type::List(element) | Type::Set(element) | Type::Map(element) => parts.push((**element).clone()),
            Type::Tuple(items) => parts.extend(items.iter().cloned()),
            Type::Object(fields) => parts.extend(fields.values().map(|field| field.ty.clone())),
            _ => {}
        }
    }
    parts
}

/// Objects of the same attributes attribute by attribute, others as a map.
fn unify_objects(types: &[Type]) -> Option<Type> {
    let objects: Vec<&BTreeMap<Arc<str>, Field>> = types.iter().filter_map(as_object).collect();
    if objects.iter().any(|object| !object.keys().eq(objects[0].keys())) {
        return unify_elements(types).map(Type::Map);
    }
    let fields = objects[0].keys().map(|name| {
        let across: Vec<Type> = objects.iter().filter_map(|o| o.get(name)).map(|f| f.ty.clone()).collect();
        Some((name.clone(), Field::required(common(&across)?)))
    });
    fields.collect::<Option<_>>().map(|fields| Type::Object(Arc::new(fields)))
}

/// Tuples of the same length element by element, others as a list.
fn unify_tuples(types: &[Type]) -> Option<Type> {
    let tuples: Vec<&[Type]> = types.iter().filter_map(as_tuple).collect();
    if tuples.iter().any(|tuple| tuple.len() != tuples[0].len()) {
        return unify_elements(types).map(Type::List);
    }
    let columns = (0..tuples[0].len()).map(|i| {
        let across: Vec<Type> = tuples.iter().map(|tuple| tuple[i].clone()).collect();
        common(&across)
    });
    columns.collect::<Option<Vec<_>>>().map(|elements| Type::Tuple(elements.into()))
}

fn as_object(ty: &Type) -> Option<&BTreeMap<Arc<str>, Field>> {
    match ty {
        Type::Object(fields) => Some(fields),
        _ => None,
    }
}

fn as_tuple(ty: &Type) -> Option<&[Type]> {
    match ty {
        Type::Tuple(elements) => Some(elements),
        _ => None,
    }
}
