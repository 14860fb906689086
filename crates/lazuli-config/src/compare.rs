//! Equality with unknown parts, and the order sets are kept in.

use std::cmp::Ordering;

use lazuli_core::value::Content;
use lazuli_core::{Type, Unknown, Value};

/// Whether two values are equal; `None` when that depends on something unknown. Marks do not matter.
///
/// Values of different types are different, as in Terraform: `1 == "1"` is false.
pub(crate) fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (a.content(), b.content()) {
        (Content::Unknown(u), Content::Unknown(v)) => {
            let differ = !u.prefix.starts_with(&*v.prefix) && !v.prefix.starts_with(&*u.prefix);
            if differ { Some(false) } else { None }
        }
        (Content::Unknown(unknown), _) => equal_unknown(unknown, b),
        (_, Content::Unknown(unknown)) => equal_unknown(unknown, a),
        (Content::Null(_), Content::Null(_)) => Some(true),
        (Content::Null(_), _) | (_, Content::Null(_)) => Some(false),
        (Content::Bool(a), Content::Bool(b)) => Some(a == b),
        (Content::Number(a), Content::Number(b)) => Some(a == b),
        (Content::String(a), Content::String(b)) => Some(a == b),
        (Content::List(s, a), Content::List(t, b)) => {
            if a.is_empty() && b.is_empty() {
                return Some(s == t || *s == Type::Any || *t == Type::Any);
            }
            all_equal(a, b)
        }
        (Content::Set(_, a), Content::Set(_, b)) => {
            let known = a.iter().chain(b.iter()).all(Value::is_wholly_known);
            if known { all_equal(a, b) } else { None }
        }
        (Content::Tuple(a), Content::Tuple(b)) => all_equal(a, b),
        (Content::Map(_, a), Content::Map(_, b)) | (Content::Object(a), Content::Object(b)) => {
            if a.len() != b.len() || !a.keys().eq(b.keys()) {
                return Some(false);
            }
            every(a.values().zip(b.values()))
        }
        _ => Some(false),
    }
}

fn equal_unknown(unknown: &Unknown, other: &Value) -> Option<bool> {
    match other.content() {
        Content::Null(_) if unknown.not_null => Some(false),
        Content::String(text) if !text.starts_with(&*unknown.prefix) => Some(false),
        Content::Null(_) => None,
        _ => {
            let ty = other.type_of();
            let primitive = |ty: &Type| matches!(ty, Type::Bool | Type::Number | Type::String);
            let differ = primitive(&unknown.ty) && ty != unknown.ty
                || primitive(&ty) && unknown.ty != Type::Any && ty != unknown.ty;
            // A null of another type would still equal nothing but null.
            if differ { Some(false) } else { None }
        }
    }
}

fn all_equal(a: &[Value], b: &[Value]) -> Option<bool> {
    if a.len() != b.len() {
        return Some(false);
    }
    every(a.iter().zip(b))
}

fn every<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut unknown = false;
    for (a, b) in pairs {
        match equal(a, b) {
            Some(false) => return Some(false),
            None => unknown = true,
            Some(true) => {}
        }
    }
    if unknown { None } else { Some(true) }
}

/// A total order: numbers by value, text by bytes, null after everything known, unknown parts last.
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

fn rank(content: &Content) -> u8 {
    match content {
        Content::Bool(_) => 0,
        Content::Number(_) => 1,
        Content::String(_) => 2,
        Content::List(..) | Content::Set(..) | Content::Tuple(_) => 3,
        Content::Map(..) | Content::Object(_) => 4,
        Content::Null(_) => 5,
        Content::Unknown(_) => 6,
    }
}
