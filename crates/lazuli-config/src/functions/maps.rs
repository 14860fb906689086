//! Maps and objects. Unknown and sensitive parts keep their places wherever the result allows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::types::Field;
use lazuli_core::value::Content;
use lazuli_core::{Entries, Type, Value};

use super::collection::list;
use super::{Answer, Function, Kind, Known, Problem, items, nullable, p, text, unexpected};
use crate::convert::{convert, has_any};
use crate::scope::unknown;

const M: super::Parameter = p("map", Kind::Any);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("keys", &[M], Kind::Strings, "The keys of the map.", |a| {
        let keys: Vec<Value> = entries(a, 0)?.keys().map(|k| Value::string(k.clone())).collect();
        Ok(match a[0].content() {
            Content::Object(_) => Value::tuple(keys),
            _ => Value::new(Content::List(Type::String, Arc::new(keys))),
        })
    })
    .keeps_parts()
    .typed(|a| match a[0].type_of() {
        Type::Map(_) => Ok(Kind::Strings.ty()),
        Type::Object(fields) => Ok(Type::Tuple(Arc::new(fields.iter().map(|_| Type::String).collect()))),
        _ => Err(not_a_map(a, 0)),
    }),
    Function::new(
        "lookup",
        &[M, p("key", Kind::String), nullable("default", Kind::Any)],
        Kind::Any,
        "The element of the map, or the default.",
        lookup,
    )
    .optional(1)
    .sees_all(),
    Function::new("merge", &[], Kind::Any, "All entries of the maps; later ones win.", merge)
        .rest(nullable("maps", Kind::Any))
        .keeps_parts()
        .known(Known::Nothing),
    Function::new(
        "transpose",
        &[p("map", Kind::StringLists)],
        Kind::StringLists,
        "A map of lists of strings with keys and elements exchanged.",
        transpose,
    ),
    Function::new("values", &[M], Kind::Any, "The elements of the map, by key.", |a| {
        let values: Vec<Value> = entries(a, 0)?.values().cloned().collect();
        Ok(match a[0].content() {
            Content::Map(element, _) => Value::new(Content::List(element.clone(), Arc::new(values))),
            _ => Value::tuple(values),
        })
    })
    .keeps_parts()
    .typed(|a| match a[0].type_of() {
        Type::Map(element) => Ok(Type::List(element)),
        Type::Object(fields) => Ok(Type::Tuple(Arc::new(fields.values().map(|f| f.ty.clone()).collect()))),
        _ => Err(not_a_map(a, 0)),
    }),
    Function::new(
        "zipmap",
        &[p("keys", Kind::Strings), p("values", Kind::Any)],
        Kind::Any,
        "A map of the keys to the values.",
        zipmap,
    )
    .keeps_parts()
    .typed(zipped_type),
];

fn not_a_map(arguments: &[Value], i: usize) -> Problem {
    unexpected(arguments, i, "a map or an object")
}

fn entries(arguments: &[Value], i: usize) -> Result<&Entries, Problem> {
    arguments.get(i).and_then(Value::as_entries).ok_or_else(|| not_a_map(arguments, i))
}

fn lookup(arguments: &[Value]) -> Answer {
    let (map, key, default) = (&arguments[0], &arguments[1], arguments.get(2));
    let outer = map.is_sensitive() || key.is_sensitive();
    // A map's default is of the type of its elements whether it is needed or not.
    let whole = match map.content() {
        // Of a large object the whole type is not made for the sake of one attribute.
        Content::Object(entries) => {
            let found = key.as_str().and_then(|key| Some((key, entries.get(key)?)));
            let field = found.map(|(name, value)| (Arc::from(name), Field::required(value.type_of())));
            Type::Object(Arc::new(field.into_iter().collect()))
        }
        _ => map.type_of(),
    };
    let (element, default) = match (whole, default) {
        (Type::Map(element), Some(default)) => {
            let default = convert(default, &element).map_err(|m| Problem::at(2, m.to_string()))?;
            ((*element).clone(), Some(default))
        }
        (Type::Map(element), None) => ((*element).clone(), None),
        (Type::Object(fields), default) => {
            let field = key.as_str().and_then(|key| fields.get(key)).map(|field| field.ty.clone());
            (field.unwrap_or(Type::Any), default.cloned())
        }
        (Type::Any, default) if map.is_unknown() => (Type::Any, default.cloned()),
        _ => return Err(not_a_map(arguments, 0)),
    };
    if map.is_unknown() || key.is_unknown() {
        let sensitive = arguments.iter().any(Value::contains_sensitive);
        return Ok(unknown(element, false, &[map, key]).with_sensitivity(sensitive));
    }
    let found = match (entries(arguments, 0)?.get(text(arguments, 1)), default) {
        (Some(found), _) => found.clone(),
        (None, Some(default)) => default,
        (None, None) => return Err(Problem::at(1, "there is no such key, and no default is given")),
    };
    let sensitive = outer || found.is_sensitive();
    Ok(found.with_sensitivity(sensitive))
}

/// The type all of them have, if it is a map's; the object of all their attributes if those are known.
fn merged_type(arguments: &[Value]) -> Result<Type, Problem> {
    let mut fields = BTreeMap::new();
    let mut open = false;
    let some_unknown = arguments.iter().any(Value::is_unknown);
    for (i, value) in arguments.iter().enumerate() {
        match (value.content(), value.type_of()) {
            // What stands after one that could be anything does not matter any more.
            (_, Type::Any) if some_unknown => return Ok(Type::Any),
            (Content::Null(Type::Any | Type::Map(_) | Type::Object(_)), _) => {}
            (Content::Map(_, entries), _) => {
                fields.extend(entries.iter().map(|(k, v)| (k.clone(), Field::required(v.type_of()))));
            }
            (_, Type::Object(more)) => fields.extend(more.iter().map(|(k, f)| (k.clone(), f.clone()))),
            (_, Type::Map(_)) => open = true,
            _ => return Err(not_a_map(arguments, i)),
        }
    }
    let first = arguments.first().map(Value::type_of);
    match first {
        // Maps that are not known yet may be of different types.
        Some(ty) if some_unknown && has_any(&ty) => Ok(Type::Any),
        Some(ty @ Type::Map(_)) if arguments.iter().all(|a| a.type_of() == ty) => Ok(ty),
        _ if open => Ok(Type::Any),
        _ => Ok(Type::Object(Arc::new(fields))),
    }
}

fn merge(arguments: &[Value]) -> Answer {
    let ty = merged_type(arguments)?;
    if let Some(cause) = arguments.iter().find(|value| value.is_unknown()) {
        let sensitive = arguments.iter().any(Value::contains_sensitive);
        return Ok(unknown(ty, true, &[cause]).with_sensitivity(sensitive));
    }
    let entries = arguments.iter().filter_map(Value::as_entries).flatten();
    let merged = Arc::new(entries.map(|(name, item)| (name.clone(), item.clone())).collect());
    Ok(Value::new(match ty {
        Type::Map(element) => Content::Map((*element).clone(), merged),
        _ => Content::Object(merged),
    }))
}

fn transpose(arguments: &[Value]) -> Answer {
    let mut transposed: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (key, names) in entries(arguments, 0)? {
        let Some(names) = names.as_sequence() else {
            return Err(Problem::at(0, "a list in it is null"));
        };
        for name in names {
            let Some(name) = name.as_str() else {
                return Err(Problem::at(0, "a string in it is null"));
            };
            transposed.entry(Arc::from(name)).or_default().push(Value::string(key.clone()));
        }
    }
    Ok(Value::map(
        Kind::Strings.ty(),
        transposed
            .into_iter()
            .map(|(name, keys)| (name, Value::new(Content::List(Type::String, Arc::new(keys))))),
    ))
}

fn zipped_type(arguments: &[Value]) -> Result<Type, Problem> {
    match arguments[1].type_of() {
        Type::List(element) => Ok(Type::Map(element)),
        Type::Tuple(_) => Ok(Type::Any),
        _ => Err(unexpected(arguments, 1, "a list")),
    }
}

fn zipmap(arguments: &[Value]) -> Answer {
    let ty = zipped_type(arguments)?;
    let (keys, values) = (items(arguments, 0), list(arguments, 1)?);
    let sensitive = arguments[0].contains_sensitive();
    if let Some(cause) = keys.iter().find(|key| key.is_unknown()) {
        let sensitive = sensitive || arguments[1].contains_sensitive();
        return Ok(unknown(ty, true, &[cause]).with_sensitivity(sensitive));
    }
    if keys.len() != values.len() {
        let (a, b) = (keys.len(), values.len());
        return Err(Problem::at(1, format!("expected as many values as keys, found {b} for {a}")));
    }
    let mut entries = BTreeMap::new();
    for (key, value) in keys.iter().zip(values) {
        match key.content() {
            Content::String(name) => entries.insert(name.clone(), value.clone()),
            _ => return Err(Problem::at(0, "a key is null")),
        };
    }
    let zipped = Value::new(match arguments[1].content() {
        Content::List(ty, _) => Content::Map(ty.clone(), Arc::new(entries.into())),
        _ => Content::Object(Arc::new(entries.into())),
    });
    Ok(zipped.with_sensitivity(sensitive))
}
