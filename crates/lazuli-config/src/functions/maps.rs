//! Maps and objects. Unknown and sensitive parts keep their places wherever the result allows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use super::collection::list;
use super::{Answer, Function, Kind, Known, Problem, items, nullable, p, text};
use crate::convert::convert;
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
    .keeps_parts(),
    Function::new(
        "lookup",
        &[M, p("key", Kind::String), nullable("default", Kind::Any)],
        Kind::Any,
        "The element of the map, or the default.",
        lookup,
    )
    .optional(1)
    .keeps_parts()
    .known(Known::Nothing),
    Function::new("merge", &[], Kind::Any, "All entries of the maps; later ones win.", merge)
        .rest(nullable("maps", Kind::Any))
        .keeps_parts(),
    Function::new(
        "transpose",
        &[p("map", Kind::Any)],
        Kind::Any,
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
    .keeps_parts(),
    Function::new(
        "zipmap",
        &[p("keys", Kind::Strings), p("values", Kind::Any)],
        Kind::Any,
        "A map of the keys to the values.",
        zipmap,
    )
    .keeps_parts(),
];

fn entries(arguments: &[Value], i: usize) -> Result<&BTreeMap<Arc<str>, Value>, Problem> {
    arguments.get(i).and_then(Value::as_entries).ok_or_else(|| Problem::at(i, "expected a map or an object"))
}

fn lookup(arguments: &[Value]) -> Answer {
    let (map, key) = (&arguments[0], &arguments[1]);
    let element = match map.type_of() {
        Type::Map(element) => (*element).clone(),
        _ => Type::Any,
    };
    if map.is_unknown() || key.is_unknown() {
        return Ok(unknown(element, false, &[map, key]));
    }
    match (entries(arguments, 0)?.get(text(arguments, 1)), arguments.get(2)) {
        (Some(found), _) => Ok(found.clone()),
        (None, Some(default)) => convert(default, &element).map_err(|m| Problem::at(2, m.to_string())),
        (None, None) => Err(Problem::at(1, "there is no such key, and no default is given")),
    }
}

fn merge(arguments: &[Value]) -> Answer {
    let mut merged = BTreeMap::new();
    let mut element_types = Vec::new();
    let mut maps_only = true;
    for (i, value) in arguments.iter().enumerate() {
        if value.is_null() {
            continue;
        }
        for (name, item) in entries(arguments, i)? {
            merged.insert(name.clone(), item.clone());
        }
        match value.content() {
            Content::Map(ty, _) => element_types.push(ty.clone()),
            _ => maps_only = false,
        }
    }
    if let [first, rest @ ..] = element_types.as_slice()
        && maps_only
        && rest.iter().all(|ty| ty == first)
    {
        return Ok(Value::new(Content::Map(first.clone(), Arc::new(merged))));
    }
    Ok(Value::new(Content::Object(Arc::new(merged))))
}

fn transpose(arguments: &[Value]) -> Answer {
    let mut transposed: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (key, names) in entries(arguments, 0)? {
        let Some(names) = names.as_sequence() else {
            return Err(Problem::at(0, "expected a map of lists of strings"));
        };
        for name in names {
            let Some(name) = name.as_str() else {
                return Err(Problem::at(0, "expected a map of lists of strings"));
            };
            transposed.entry(Arc::from(name)).or_default().push(Value::string(key.clone()));
        }
    }
    let strings = Type::List(Arc::new(Type::String));
    Ok(Value::map(
        strings,
        transposed
            .into_iter()
            .map(|(name, keys)| (name, Value::new(Content::List(Type::String, Arc::new(keys))))),
    ))
}

fn zipmap(arguments: &[Value]) -> Answer {
    let (keys, values) = (items(arguments, 0), list(arguments, 1)?);
    if keys.len() != values.len() {
        let (a, b) = (keys.len(), values.len());
        return Err(Problem::at(1, format!("expected as many values as keys, found {b} for {a}")));
    }
    let mut entries = BTreeMap::new();
    for (key, value) in keys.iter().zip(values) {
        match key.content() {
            Content::String(name) => entries.insert(name.clone(), value.clone()),
            Content::Unknown(_) => return Ok(unknown(Type::Any, true, &[key])),
            _ => return Err(Problem::at(0, "a key is null")),
        };
    }
    Ok(Value::new(match arguments[1].content() {
        Content::List(ty, _) => Content::Map(ty.clone(), Arc::new(entries)),
        _ => Content::Object(Arc::new(entries)),
    }))
}
