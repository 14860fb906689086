//! Equality with unknown parts, and the order sets are kept in.

use std::cmp::Ordering;

use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use crate::convert::has_any;

/// Whether two values are equal; `None` when that depends on something unknown. Marks do not matter.
///
/// Values of different types are different, as in Terraform: `1 == "1"` is false.
pub(crate) fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (a.content(), b.content()) {
        (Content::Unknown(u), Content::Unknown(v)) => {
            let apart = !u.prefix.starts_with(&*v.prefix) && !v.prefix.starts_with(&*u.prefix);
            if apart { Some(false) } else { None }
        }
        (Content::Null(_), Content::Null(_)) => Some(true),
        (Content::Null(_), Content::Unknown(unknown)) | (Content::Unknown(unknown), Content::Null(_)) => {
            if unknown.not_null {
                Some(false)
            } else {
                None
            }
        }
        (Content::Null(_), _) | (_, Content::Null(_)) => Some(false),
        (Content::Bool(a), Content::Bool(b)) => Some(a == b),
        (Content::Number(a), Content::Number(b)) => Some(a == b),
        (Content::String(a), Content::String(b)) => Some(a == b),
        (Content::Bool(_) | Content::Number(_) | Content::String(_), _) if !b.is_unknown() => Some(false),
        (_, Content::Bool(_) | Content::Number(_) | Content::String(_)) if !a.is_unknown() => Some(false),
        _ => {
            let (s, t) = (a.type_of(), b.type_of());
            let apart = if untyped(a) || untyped(b) { differ(&s, &t) } else { s != t };
            if apart { Some(false) } else { same(a, b) }
        }
    }
}

/// True when it holds something unknown whose type is not known either.
fn untyped(value: &Value) -> bool {
    match value.content() {
        Content::Unknown(unknown) => has_any(&unknown.ty),
        _ => value.children().any(untyped),
    }
}

/// Whether two values of one type are equal.
fn same(a: &Value, b: &Value) -> Option<bool> {
    match (a.content(), b.content()) {
        (Content::Unknown(unknown), Content::String(text))
        | (Content::String(text), Content::Unknown(unknown)) => {
            if text.starts_with(&*unknown.prefix) {
                None
            } else {
                Some(false)
            }
        }
        (Content::List(_, a), Content::List(_, b)) | (Content::Tuple(a), Content::Tuple(b)) => all_same(a, b),
        (Content::Set(_, a), Content::Set(_, b)) => {
            let known = a.iter().chain(b.iter()).all(Value::is_wholly_known);
            if known || a.is_empty() || b.is_empty() { all_same(a, b) } else { None }
        }
        (Content::Map(_, a), Content::Map(_, b)) | (Content::Object(a), Content::Object(b)) => {
            if a.len() != b.len() || !a.keys().eq(b.keys()) {
                return Some(false);
            }
            every(a.values().zip(b.values()))
        }
        (Content::Unknown(_), Content::Null(_)) | (Content::Null(_), Content::Unknown(_)) => equal(a, b),
        (Content::Unknown(_), _) | (_, Content::Unknown(_)) => None,
        _ => equal(a, b),
    }
}

/// True when no value of the one type can be of the other, `Any` standing for one that is not known.
fn differ(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Any, _) | (_, Type::Any) => false,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            differ(a, b)
        }
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() != b.len() || a.iter().zip(b.iter()).any(|(a, b)| differ(a, b))
        }
        (Type::Object(a), Type::Object(b)) => {
            !a.keys().eq(b.keys()) || a.values().zip(b.values()).any(|(a, b)| differ(&a.ty, &b.ty))
        }
        (a, b) => a != b,
    }
}

fn all_same(a: &[Value], b: &[Value]) -> Option<bool> {
    if a.len() != b.len() {
        return Some(false);
    }
    every(a.iter().zip(b))
}

fn every<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut unknown = false;
    for (a, b) in pairs {
        match same(a, b) {
            Some(false) => return Some(false),
            None => unknown = true,
            Some(true) => {}
        }
    }
    if unknown { None } else { Some(true) }
}

/// A total order: numbers by value, text by bytes, unknown parts after everything known, null last.
pub(crate) fn order(a: &Value, b: &Value) -> Ordering {
    match (a.content(), b.content()) {
        (Content::Bool(a), Content::Bool(b)) => a.cmp(b),
        (Content::Number(a), Content::Number(b)) => a.cmp(b),
        (Content::String(a), Content::String(b)) => a.cmp(b),
        (
            Content::List(_, a) | Content::Set(_, a) | Content::Tuple(a),
            Content::List(_, b) | Content::Set(_, b) | Content::Tuple(b),
        ) => {
            let parts = a.iter().zip(b.iter()).map(|(a, b)| order(a, b)).find(|o| o.is_ne());
            parts.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Content::Map(_, a) | Content::Object(a), Content::Map(_, b) | Content::Object(b)) => {
            let parts = a.iter().zip(b.iter()).map(|((j, a), (k, b))| j.cmp(k).then_with(|| order(a, b)));
            parts.into_iter().find(|o| o.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (x, y) => rank(x).cmp(&rank(y)),
    }
}

/// A value that has a place among others, by [`order`].
pub(crate) struct Ordered<'a>(pub(crate) &'a Value);

impl Ord for Ordered<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.0, other.0)
    }
}

impl PartialOrd for Ordered<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered<'_> {}

fn rank(content: &Content) -> u8 {
    match content {
        Content::Bool(_) => 0,
        Content::Number(_) => 1,
        Content::String(_) => 2,
        Content::List(..) | Content::Set(..) | Content::Tuple(_) => 3,
        Content::Map(..) | Content::Object(_) => 4,
        Content::Unknown(_) => 5,
        Content::Null(_) => 6,
    }
}
