//! Azure's ids.

use lazuli_core::Value;

use super::{Answer, Function, Kind, Problem, nullable, p, text};
use crate::text::string;

pub(super) static FUNCTIONS: &[Function] = &[Function::new(
    "resource_id",
    &[p("subscription_id", Kind::String), nullable("resource_group", Kind::String), p("type", Kind::String)],
    Kind::String,
    "The id of a resource: its type and, one for each part of the type, its names. Without a resource group (null) the id lies in the subscription.",
    resource_id,
)
.rest(p("names", Kind::String))];

fn resource_id(arguments: &[Value]) -> Answer {
    let kind = text(arguments, 2);
    let names: Vec<&str> = (3..arguments.len()).map(|i| text(arguments, i)).collect();
    let mut parts = kind.split('/');
    let namespace = parts.next().unwrap_or("");
    let types: Vec<&str> = parts.collect();
    if namespace.is_empty() || kind.contains('@') || types.is_empty() || types.iter().any(|t| t.is_empty()) {
        return Err(Problem::at(
            2,
            "expected a type without version such as Microsoft.Network/virtualNetworks/subnets",
        ));
    }
    if types.len() != names.len() {
        let (want, have) = (types.len(), names.len());
        return Err(Problem::at(2, format!("this type needs {want} names, {have} are given")));
    }
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() || name.contains('/') {
            return Err(Problem::at(i + 3, "a name is not empty and has no slash"));
        }
    }
    let mut id = format!("/subscriptions/{}", text(arguments, 0));
    if let Some(group) = arguments.get(1).and_then(Value::as_str) {
        id.push_str("/resourceGroups/");
        id.push_str(group);
    }
    id.push_str("/providers/");
    id.push_str(namespace);
    for (kind, name) in types.iter().zip(names) {
        id.push('/');
        id.push_str(kind);
        id.push('/');
        id.push_str(name);
    }
    Ok(string(&id))
}
