//! Conversions between types, and the type several types have in common. The rules are Terraform's.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::types::Field;
use lazuli_core::value::{Content, Source};
use lazuli_core::{Entries, Number, Type, Unknown, Value};

use crate::compare;
use crate::mismatch::Mismatch;
use crate::set_order;
use crate::unify;

/// A type with its article: `a list of strings`.
pub(crate) fn describe(ty: &Type) -> String {
    match ty {
        Type::Any => "a value".into(),
        Type::Bool => "true or false".into(),
        Type::Number => "a number".into(),
        Type::String => "a string".into(),
        Type::List(element) => format!("a list{}", of(element)),
        Type::Set(element) => format!("a set{}", of(element)),
        Type::Map(element) => format!("a map{}", of(element)),
        Type::Tuple(_) => "a tuple".into(),
        Type::Object(_) => "an object".into(),
    }
}

fn of(element: &Type) -> String {
    match element {
        Type::Any => String::new(),
        Type::Bool => " of truth values".into(),
        Type::Number => " of numbers".into(),
        Type::String => " of strings".into(),
        other => format!(" of {other}"),
    }
}

/// What a value is, with an article, without saying which.
pub(crate) fn describe_value(value: &Value) -> String {
    match value.content() {
        Content::Null(_) => "null".into(),
        Content::Bool(_) => "a truth value".into(),
        Content::Unknown(unknown) if unknown.ty == Type::Any => "a value that is not known yet".into(),
        // The names in the type of a secret are secret: of a list of objects, the list is told.
        _ if value.contains_sensitive() => {
            let full = describe(&value.type_of());
            full.split(" of ").next().unwrap_or(&full).to_owned()
        }
        _ => describe(&value.type_of()),
    }
}

/// Derived from an unknown value: the same origin, but not exactly it.
pub(crate) fn derived(source: Option<&Source>) -> Option<Source> {
    source.map(|source| Source { exact: false, ..source.clone() })
}

/// The value as a value of the type.
///
/// # Errors
/// When there is no conversion.
pub fn convert(value: &Value, ty: &Type) -> Result<Value, Mismatch> {
    if is_of(value, ty) {
        return Ok(value.clone());
    }
    match convert_content(value, ty) {
        Ok(converted) => Ok(converted.marked_as(value)),
        // The keys of a sensitive map are sensitive.
        Err(mismatch) if value.is_sensitive() => Err(Mismatch::new(mismatch.reason)),
        Err(mismatch) => Err(mismatch),
    }
}

/// True when nothing has to be done.
fn is_of(value: &Value, ty: &Type) -> bool {
    match (value.content(), ty) {
        (_, Type::Any)
        | (Content::Bool(_), Type::Bool)
        | (Content::Number(_), Type::Number)
        | (Content::String(_), Type::String) => true,
        (Content::List(have, _), Type::List(want))
        | (Content::Set(have, _), Type::Set(want))
        | (Content::Map(have, _), Type::Map(want)) => have == &**want && !has_any(want),
        _ => false,
    }
}

pub(crate) fn has_any(ty: &Type) -> bool {
    match ty {
        Type::Any => true,
        Type::Bool | Type::Number | Type::String => false,
        Type::List(element) | Type::Set(element) | Type::Map(element) => has_any(element),
        Type::Tuple(elements) => elements.iter().any(has_any),
        Type::Object(fields) => fields.values().any(|field| field.optional || has_any(&field.ty)),
    }
}

fn mismatch(value: &Value, ty: &Type) -> Mismatch {
    Mismatch::new(format!("expected {}, found {}", describe(ty), describe_value(value)))
}

fn convert_content(value: &Value, ty: &Type) -> Result<Value, Mismatch> {
    match value.content() {
        Content::Null(of) if convertible(of, ty) => return Ok(Value::null_of(ty.clone())),
        Content::Null(_) => return Err(mismatch(value, ty)),
        Content::Unknown(unknown) => return convert_unknown(unknown, ty).ok_or_else(|| mismatch(value, ty)),
        _ => {}
    }
    // A collection has a type also while nothing is in it.
    let never = match value.content() {
        Content::List(of, items) | Content::Set(of, items) if items.is_empty() => !fits_elements(of, ty),
        Content::Map(of, entries) if entries.is_empty() => !fits_elements(of, ty),
        _ => false,
    };
    if never {
        return Err(mismatch(value, ty));
    }
    if let Some(cause) = undecided(value, ty) {
        let source = derived(cause.source.as_ref());
        return Ok(Value::unknown(Unknown { not_null: true, source, ..Unknown::of(ty.clone()) }));
    }
    match ty {
        Type::Any => Ok(value.clone()),
        Type::String => match value.content() {
            Content::Bool(truth) => Ok(Value::from(if *truth { "true" } else { "false" })),
            Content::Number(number) => Ok(Value::from(number.to_string())),
            _ => Err(mismatch(value, ty)),
        },
        Type::Number => match value.as_str() {
            Some(text) => match parse_number(text) {
                Some(number) => Ok(Value::from(number)),
                None => Err(Mismatch::new("expected a number, found text that is not one")),
            },
            None => Err(mismatch(value, ty)),
        },
        Type::Bool => match value.as_str() {
            Some("true" | "1") => Ok(Value::from(true)),
            Some("false" | "0") => Ok(Value::from(false)),
            Some(_) => Err(Mismatch::new("expected true or false, found other text")),
            None => Err(mismatch(value, ty)),
        },
        Type::List(element) => {
            if let Content::Set(of, items) = value.content()
                && items.len() > 1
                && let Some(cause) = items.iter().find_map(Value::unknown_part)
            {
                // Two elements may turn out to be one: not even their number is known.
                let element = if has_any(element) { narrowed(of, element) } else { (**element).clone() };
                let (ty, source) = (Type::List(Arc::new(element)), derived(cause.source.as_ref()));
                let unknown = Unknown { not_null: true, source, ..Unknown::of(ty) };
                return Ok(Value::unknown(unknown));
            }
            let (element, items) = elements(value, element).unwrap_or_else(|| Err(mismatch(value, ty)))?;
            Ok(Value::new(Content::List(element, Arc::new(items))))
        }
        Type::Set(element) => {
            let (element, items) = elements(value, element).unwrap_or_else(|| Err(mismatch(value, ty)))?;
            Ok(set(element, items))
        }
        Type::Map(element) => to_map(value, element, ty),
        Type::Tuple(types) => to_tuple(value, types, ty),
        Type::Object(fields) => to_object(value, fields, ty),
    }
}

/// A part of a tuple or an object whose type is not known, when the others do not say what type all elements have.
fn undecided<'v>(value: &'v Value, ty: &Type) -> Option<&'v Unknown> {
    let element = match (value.content(), ty) {
        (Content::Tuple(_), Type::List(element) | Type::Set(element))
        | (Content::Object(_), Type::Map(element)) => element,
        _ => return None,
    };
    let open = |part: &&Value| part.is_unknown() && part.type_of() == Type::Any;
    let first = value.children().find(open).filter(|_| has_any(element))?;
    let others: Vec<Type> = value.children().filter(|part| !open(part)).map(Value::type_of).collect();
    let all: Vec<Type> = value.children().map(Value::type_of).collect();
    (common(&all).is_none() && common(&others).is_some()).then(|| first.unknown_part()).flatten()
}

/// True when elements of one type can be those of a collection of another; of what is no collection nothing is said.
fn fits_elements(of: &Type, ty: &Type) -> bool {
    match ty {
        Type::List(element) | Type::Set(element) | Type::Map(element) => convertible(of, element),
        _ => true,
    }
}

/// Decimal text, with an exponent if need be.
pub(crate) fn parse_number(text: &str) -> Option<Number> {
    text.parse().ok()
}

fn convert_unknown(unknown: &Unknown, ty: &Type) -> Option<Value> {
    if unknown.ty == *ty || *ty == Type::Any {
        return Some(Value::unknown(unknown.clone()));
    }
    if !convertible(&unknown.ty, ty) {
        return None;
    }
    // An attribute whose type was not known is still exactly that attribute; a number made text is not.
    let source =
        if unknown.ty == Type::Any { unknown.source.clone() } else { derived(unknown.source.as_ref()) };
    let prefix = if *ty == Type::String { unknown.prefix.clone() } else { Arc::from("") };
    let ty = if has_any(ty) { narrowed(&unknown.ty, ty) } else { ty.clone() };
    Some(Value::unknown(Unknown { not_null: unknown.not_null, prefix, source, ..Unknown::of(ty) }))
}

/// True when some value of the one type can be converted to the other.
pub(crate) fn convertible(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Any, _) | (_, Type::Any) => true,
        (a, b) if a == b => true,
        (Type::Bool | Type::Number, Type::String) | (Type::String, Type::Bool | Type::Number) => true,
        (Type::List(a) | Type::Set(a), Type::List(b) | Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            convertible(a, b)
        }
        (Type::Tuple(items), Type::List(b) | Type::Set(b)) => one_type(items.iter(), b),
        (Type::Object(fields), Type::Map(b)) => one_type(fields.values().map(|field| &field.ty), b),
        (Type::Map(a), Type::Object(fields)) => fields.values().all(|b| convertible(a, &b.ty)),
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| convertible(a, b))
        }
        (Type::Object(a), Type::Object(b)) => b.iter().all(|(name, want)| match a.get(name) {
            Some(have) => convertible(&have.ty, &want.ty),
            None => want.optional,
        }),
        _ => false,
    }
}

/// True when elements of these types fit a collection of the element type, whose own choice `Any` leaves open.
fn one_type<'t>(items: impl Iterator<Item = &'t Type> + Clone, element: &Type) -> bool {
    if *element == Type::Any {
        let types: Vec<Type> = items.cloned().collect();
        return common(&types).is_some();
    }
    items.clone().all(|ty| convertible(ty, element))
}

/// The type that elements of these types have in common; any when there are none.
fn common(types: &[Type]) -> Option<Type> {
    if types.is_empty() {
        return Some(Type::Any);
    }
    let found = unify::common(types)?;
    // Any type would do for some of them only.
    (found != Type::Any || types.iter().all(|ty| *ty == Type::Any)).then_some(found)
}

/// The elements converted to one type; `None` when the value has none.
fn elements(value: &Value, element: &Type) -> Option<Result<(Type, Vec<Value>), Mismatch>> {
    let items = value.as_sequence()?;
    let element = match value.content() {
        _ if !has_any(element) => element.clone(),
        Content::List(have, _) | Content::Set(have, _) => narrowed(have, element),
        _ if *element != Type::Any => element.clone(), // each element first, then what they have in common
        _ => match element_type(items.iter()) {
            Some(ty) => ty,
            None => return Some(Err(Mismatch::new("expected elements of one type, found different ones"))),
        },
    };
    let converted = items
        .iter()
        .enumerate()
        .map(|(i, item)| convert(item, &element).map_err(|m| m.under(format_args!("[{i}]"))))
        .collect::<Result<Vec<_>, _>>();
    Some(converted.and_then(|items| settled(element, items)))
}

/// The elements once more, where a type that was left open (`list(list(any))`) made lists of different types of them.
fn settled(element: Type, items: Vec<Value>) -> Result<(Type, Vec<Value>), Mismatch> {
    if !has_any(&element) {
        return Ok((element, items));
    }
    let of_one_type = |items: &[Value]| items.windows(2).all(|pair| pair[0].type_of() == pair[1].type_of());
    if of_one_type(&items) {
        return Ok((items.first().map_or(element, Value::type_of), items));
    }
    let different = || Mismatch::new("expected elements of one type, found different ones");
    let element = element_type(items.iter()).ok_or_else(different)?;
    let items = items.iter().map(|item| convert(item, &element)).collect::<Result<Vec<_>, _>>()?;
    if of_one_type(&items) { Ok((element, items)) } else { Err(different()) }
}

fn element_type<'v>(items: impl Iterator<Item = &'v Value>) -> Option<Type> {
    common(&items.map(Value::type_of).collect::<Vec<_>>())
}

/// The found type, within what the constraint demands.
fn narrowed(found: &Type, constraint: &Type) -> Type {
    match (found, constraint) {
        (_, Type::Any) => found.clone(),
        (Type::List(f) | Type::Set(f), Type::List(c)) => Type::List(Arc::new(narrowed(f, c))),
        (Type::List(f) | Type::Set(f), Type::Set(c)) => Type::Set(Arc::new(narrowed(f, c))),
        (Type::Map(f), Type::Map(c)) => Type::Map(Arc::new(narrowed(f, c))),
        (Type::Tuple(types), Type::List(c)) => Type::List(Arc::new(narrowed_all(types.iter(), c))),
        (Type::Tuple(types), Type::Set(c)) => Type::Set(Arc::new(narrowed_all(types.iter(), c))),
        (Type::Object(fields), Type::Map(c)) => {
            Type::Map(Arc::new(narrowed_all(fields.values().map(|field| &field.ty), c)))
        }
        (_, other) => other.clone(),
    }
}

fn narrowed_all<'t>(types: impl Iterator<Item = &'t Type>, constraint: &Type) -> Type {
    let types: Vec<Type> = types.cloned().collect();
    common(&types).map_or_else(|| constraint.clone(), |ty| narrowed(&ty, constraint))
}

/// A set of the elements: sorted, no doubles; a mark on an element is a mark on the whole.
pub(crate) fn set(element: Type, mut items: Vec<Value>) -> Value {
    let sensitive = items.iter().any(Value::contains_sensitive);
    if sensitive {
        items = items.iter().map(unmark).collect();
    }
    set_order::sort(&mut items);
    items.dedup_by(|a, b| compare::equal(a, b) == Some(true));
    Value::new(Content::Set(element, Arc::new(items))).with_sensitivity(sensitive)
}

/// The value without any mark on it or in it.
pub(crate) fn unmark(value: &Value) -> Value {
    if !value.contains_sensitive() {
        return value.clone();
    }
    let items = |items: &Arc<Vec<Value>>| Arc::new(items.iter().map(unmark).collect::<Vec<_>>());
    let entries = |entries: &Arc<Entries>| {
        Arc::new(entries.iter().map(|(k, v)| (k.clone(), unmark(v))).collect::<Entries>())
    };
    Value::new(match value.content() {
        Content::List(ty, i) => Content::List(ty.clone(), items(i)),
        Content::Set(ty, i) => Content::Set(ty.clone(), items(i)),
        Content::Tuple(i) => Content::Tuple(items(i)),
        Content::Map(ty, e) => Content::Map(ty.clone(), entries(e)),
        Content::Object(e) => Content::Object(entries(e)),
        other => other.clone(),
    })
}

fn to_map(value: &Value, element: &Type, ty: &Type) -> Result<Value, Mismatch> {
    let entries = value.as_entries().ok_or_else(|| mismatch(value, ty))?;
    let element = match value.content() {
        _ if !has_any(element) => element.clone(),
        Content::Map(have, _) => narrowed(have, element),
        _ if *element != Type::Any => element.clone(), // each element first, then what they have in common
        _ => {
            // A null fits every type, also one that is not known yet.
            let typed = entries.values().filter(|v| !matches!(v.content(), Content::Null(Type::Any)));
            match element_type(typed) {
                Some(found) => found,
                None => return Err(Mismatch::new("expected elements of one type, found different ones")),
            }
        }
    };
    let converted = entries
        .iter()
        .map(|(name, item)| convert(item, &element).map_err(|m| m.under(format_args!("[{name:?}]"))))
        .collect::<Result<Vec<_>, Mismatch>>()?;
    let (element, items) = settled(element, converted)?;
    Ok(Value::new(Content::Map(element, Arc::new(entries.keys().cloned().zip(items).collect()))))
}

fn to_tuple(value: &Value, types: &[Type], ty: &Type) -> Result<Value, Mismatch> {
    let (Content::Tuple(items) | Content::List(_, items)) = value.content() else {
        return Err(mismatch(value, ty));
    };
    if items.len() != types.len() {
        let (want, have) = (types.len(), items.len());
        return Err(Mismatch::new(format!("expected a tuple of {want} elements, found {have}")));
    }
    let converted = items
        .iter()
        .zip(types)
        .enumerate()
        .map(|(i, (item, ty))| convert(item, ty).map_err(|m| m.under(format_args!("[{i}]"))))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Value::new(Content::Tuple(Arc::new(converted))))
}

fn to_object(value: &Value, fields: &BTreeMap<Arc<str>, Field>, ty: &Type) -> Result<Value, Mismatch> {
    let entries = value.as_entries().ok_or_else(|| mismatch(value, ty))?;
    let mut converted = Vec::with_capacity(fields.len());
    for (name, field) in fields {
        let item = match entries.get(name) {
            Some(item) => convert(item, &field.ty).map_err(|m| m.under(format_args!(".{name}")))?,
            None if field.optional => Value::null_of(field.ty.clone()),
            None => return Err(Mismatch::new(format!("the attribute `{name}` is missing"))),
        };
        converted.push((name.clone(), item));
    }
    Ok(Value::object(converted))
}
