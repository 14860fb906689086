//! Which properties Azure's published types have, and what a body holds that they have not.
//!
//! Belongs here: names. Not here: values and their types, which the rows and their functions check.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

/// What a published type says of one property.
#[derive(Clone, Copy)]
struct Member {
    name: &'static str,
    /// The type of the object below; none for plain values, `*` for whatever one likes, `{}` before the type of the
    /// values of a map.
    holds: Option<&'static str>,
    /// Set by the service; clients may echo it.
    read_only: bool,
}

/// Something in a body that its type does not have.
#[derive(Debug, Clone, PartialEq)]
pub struct Stranger {
    /// The property as it was written.
    pub member: String,
    /// The type that does not have it.
    pub object: String,
    /// Where it stands: `properties.subnets[0].properties.colour`.
    pub path: String,
}

static TYPES: LazyLock<HashMap<&'static str, Vec<Member>>> = LazyLock::new(|| {
    let lines = include_str!("published.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(": ")).map(|(name, members)| (name, parse(members))).collect()
});

fn parse(members: &'static str) -> Vec<Member> {
    let member = |word: &'static str| {
        let (word, read_only) = word.strip_prefix('!').map_or((word, false), |word| (word, true));
        let (name, holds) = word.split_once('=').map_or((word, None), |(name, holds)| (name, Some(holds)));
        Member { name, holds: if read_only { Some("*") } else { holds }, read_only }
    };
    members.split_whitespace().map(member).collect()
}

/// The types whose properties are known.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    TYPES.keys().copied().filter(|name| name.starts_with("Microsoft."))
}

/// The first property of `body` that the published type `kind` does not have, if its properties are known.
///
/// Names are compared without regard to case, as Azure does.
pub fn stranger(kind: &str, body: &Value) -> Option<Stranger> {
    TYPES.contains_key(kind).then(|| find(kind, body, "")).flatten()
}

fn find(object: &str, value: &Value, path: &str) -> Option<Stranger> {
    match value {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .find_map(|(index, value)| find(object, value, &format!("{path}[{index}]"))),
        Value::Object(map) if object.starts_with("{}") => map.iter().find_map(|(name, value)| {
            find(object.trim_start_matches("{}"), value, &format!("{path}.{name}"))
        }),
        Value::Object(map) => {
            let members = TYPES.get(object)?;
            map.iter().find_map(|(name, value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match members.iter().find(|member| member.name.eq_ignore_ascii_case(name)) {
                    None => Some(Stranger { member: name.clone(), object: title(object).to_owned(), path }),
                    Some(member) => find(member.holds?, value, &path),
                }
            })
        }
        _ => None,
    }
}

/// The name of a type as Azure says it, without the resource type that sets it apart from others of that name.
fn title(object: &str) -> &str {
    object.split('@').next().unwrap_or(object)
}

/// Gives the properties of `body` the spelling of the published type.
pub(crate) fn spell(kind: &str, body: &mut Value) {
    match body {
        Value::Array(list) => list.iter_mut().for_each(|value| spell(kind, value)),
        Value::Object(map) => {
            let Some(members) = TYPES.get(kind) else { return };
            for (name, mut value) in std::mem::take(map) {
                let member = members.iter().find(|member| member.name.eq_ignore_ascii_case(&name));
                if let Some(holds) = member.and_then(|member| member.holds) {
                    spell(holds, &mut value);
                }
                map.insert(member.map_or(name, |member| member.name.to_owned()), value);
            }
        }
        _ => {}
    }
}

/// `body` without what only the service sets: what a client would send to get it.
pub fn writable(kind: &str, body: &Value) -> Value {
    match body {
        Value::Array(list) => list.iter().map(|value| writable(kind, value)).collect(),
        Value::Object(map) if kind.starts_with("{}") => {
            let values = kind.trim_start_matches("{}");
            Value::Object(map.iter().map(|(name, value)| (name.clone(), writable(values, value))).collect())
        }
        Value::Object(map) => {
            let Some(members) = TYPES.get(kind) else { return body.clone() };
            let kept = map.iter().filter_map(|(name, value)| {
                let member = members.iter().find(|member| member.name.eq_ignore_ascii_case(name));
                match member {
                    Some(member) if member.read_only => None,
                    Some(Member { holds: Some(object), .. }) => Some((name.clone(), writable(object, value))),
                    _ => Some((name.clone(), value.clone())),
                }
            });
            Value::Object(kept.collect())
        }
        _ => body.clone(),
    }
}

/// The names a client may send in objects of a type of the published resource type `kind`, sorted; empty for types that are
/// not known.
pub fn sendable(kind: &str, object: &str) -> Vec<&'static str> {
    let own = format!("{object}@{kind}");
    let members = TYPES.get(own.as_str()).or_else(|| TYPES.get(object)).map_or(&[][..], Vec::as_slice);
    let mut names: Vec<_> =
        members.iter().filter(|member| !member.read_only).map(|member| member.name).collect();
    names.sort_unstable();
    names
}
