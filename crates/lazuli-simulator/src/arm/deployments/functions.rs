//! What the functions of a template are worth: those that real clients use.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::expression::{self, Node};
use crate::{ids, random};

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Problem {
    /// It never will: what is wrong.
    Invalid(String),
    /// Not before the resource of this id is there.
    NotYet(String),
}

/// What expressions may refer to.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    /// `name: value`.
    pub(super) parameters: &'a Value,
    /// As the template writes them.
    pub(super) variables: &'a Value,
    /// The id of the subscription.
    pub(super) subscription: String,
    pub(super) tenant: String,
    /// The group that is deployed to: `id`, `name`, `location`, `tags`.
    pub(super) group: Value,
    pub(super) deployment: String,
    /// The moment of the deployment.
    pub(super) moment: String,
    /// Where the loops stand, by name; the innermost is last.
    pub(super) loops: Vec<(String, i64)>,
    /// Shows the resource of an id or of a name in the template.
    pub(super) look: &'a dyn Fn(&str) -> Result<Value, Problem>,
}

type Outcome = Result<Value, Problem>;

fn invalid<T>(message: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Invalid(message.into()))
}

/// A value of a template, with every expression in it replaced by what it is worth.
pub(super) fn evaluate(scope: &Scope<'_>, value: &Value) -> Outcome {
    Ok(match value {
        Value::String(text) => match expression::inside(text) {
            Some(inside) => {
                let node = expression::parse(inside).map_err(|why| {
                    Problem::Invalid(format!("Unable to parse language expression '{inside}': {why}."))
                })?;
                worth(scope, &node)?
            }
            None => Value::String(text.strip_prefix("[[").map_or(text.clone(), |rest| format!("[{rest}"))),
        },
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| evaluate(scope, item)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let mut made = Map::new();
            for (name, value) in map {
                let name = match expression::inside(name) {
                    Some(_) => said(&evaluate(scope, &json!(name))?),
                    None => name.clone(),
                };
                made.insert(name, evaluate(scope, value)?);
            }
            Value::Object(made)
        }
        other => other.clone(),
    })
}

fn worth(scope: &Scope<'_>, node: &Node) -> Outcome {
    match node {
        Node::Text(text) => Ok(json!(text)),
        Node::Number(number) => Ok(json!(number)),
        Node::Member(of, name) => member(&worth(scope, of)?, name),
        Node::Index(of, index) => {
            let (of, index) = (worth(scope, of)?, worth(scope, index)?);
            match (&of, &index) {
                (Value::Array(items), Value::Number(at)) => {
                    let found = at.as_u64().and_then(|at| items.get(at as usize));
                    found.cloned().map_or_else(|| invalid(format!("The index '{at}' is out of bounds.")), Ok)
                }
                _ => member(&of, &said(&index)),
            }
        }
        Node::Call(name, given) => call(scope, &name.to_ascii_lowercase(), given),
    }
}

/// Names of properties compare without regard to case.
fn member(of: &Value, name: &str) -> Outcome {
    let found = of.as_object().and_then(|map| map.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
    match found {
        Some((_, value)) => Ok(value.clone()),
        None => invalid(format!("The language expression property '{name}' doesn't exist.")),
    }
}

/// A value as text.
pub(super) fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

fn number(value: &Value) -> Result<i64, Problem> {
    let parsed = value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    parsed.map_or_else(|| invalid(format!("'{value}' is no whole number.")), Ok)
}

fn is_true(value: &Value) -> bool {
    value == &json!(true) || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

fn call(scope: &Scope<'_>, name: &str, given: &[Node]) -> Outcome {
    // These look at some of what they are given only.
    match (name, given) {
        ("if", [condition, yes, no]) => {
            return worth(scope, if is_true(&worth(scope, condition)?) { yes } else { no });
        }
        ("coalesce", _) => {
            for one in given {
                let value = worth(scope, one)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            return Ok(Value::Null);
        }
        _ => {}
    }
    let given = given.iter().map(|one| worth(scope, one)).collect::<Result<Vec<_>, _>>()?;
    match of_deployment(scope, name, &given) {
        Some(outcome) => outcome,
        None => of_values(name, &given),
    }
}

/// Functions of what is deployed, and where.
fn of_deployment(scope: &Scope<'_>, name: &str, given: &[Value]) -> Option<Outcome> {
    let first = given.first().map(said).unwrap_or_default();
    Some(match name {
        "parameters" => named(scope.parameters, &first)
            .cloned()
            .map_or_else(|| invalid(format!("The template parameter '{first}' is not found.")), Ok),
        "variables" => match named(scope.variables, &first) {
            Some(value) => evaluate(scope, value),
            None => invalid(format!("The template variable '{first}' is not found.")),
        },
        "resourceid" => resource_id(scope, given),
        "subscriptionresourceid" => {
            let (kind, names) = given.split_first()?;
            id_below(&scope.subscription, &said(kind), names)
        }
        "extensionresourceid" => {
            let [base, kind, names @ ..] = given else { return None };
            id_below(&said(base), &said(kind), names)
        }
        "reference" => {
            let is_full = given.get(2).is_some_and(|full| said(full).eq_ignore_ascii_case("full"));
            (scope.look)(&first)
                .map(|shown| if is_full { shown } else { shown.get("properties").cloned().unwrap_or(shown) })
        }
        "providers" => {
            Ok(json!({ "resourceType": given.get(1), "apiVersions": ["2025-05-01"], "locations": [] }))
        }
        "resourcegroup" => Ok(scope.group.clone()),
        "subscription" => Ok(json!({
            "id": scope.subscription, "subscriptionId": ids::last(&scope.subscription), "tenantId": scope.tenant,
            "displayName": "Simulated subscription",
        })),
        "tenant" => Ok(json!({ "tenantId": scope.tenant })),
        "deployment" => Ok(json!({ "name": scope.deployment })),
        "utcnow" => {
            Ok(json!(scope.moment.replace([':', '-'], "").get(..15).map(|moment| format!("{moment}Z"))))
        }
        "newguid" => Ok(json!(random::guid_of(&["newGuid", &scope.moment, &scope.deployment]))),
        "copyindex" => {
            let (wanted, offset) = match given {
                [Value::String(_), offset @ ..] => (Some(&first), offset.first()),
                offset => (None, offset.first()),
            };
            let found = scope.loops.iter().rev().find(|(name, _)| wanted.is_none_or(|wanted| wanted == name));
            match found {
                Some((_, at)) => offset.map_or(Ok(0), number).map(|offset| json!(at + offset)),
                None => invalid("The template function 'copyIndex' is not expected at this location."),
            }
        }
        _ => return None,
    })
}

fn named<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    map.as_object()?.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// `resourceId([subscription], [group], type, names…)`.
fn resource_id(scope: &Scope<'_>, given: &[Value]) -> Outcome {
    let Some(at) = given.iter().position(|one| said(one).contains('/')) else {
        return invalid(
            "Unable to evaluate template language function 'resourceId': no resource type is given.",
        );
    };
    let (before, rest) = given.split_at(at);
    let base = match before {
        [] => said(&scope.group["id"]),
        [group] => format!("{}/resourceGroups/{}", scope.subscription, said(group)),
        [subscription, group, ..] => {
            format!("/subscriptions/{}/resourceGroups/{}", said(subscription), said(group))
        }
    };
    id_below(&base, &said(&rest[0]), &rest[1..])
}

fn id_below(base: &str, kind: &str, names: &[Value]) -> Outcome {
    let names: Vec<String> = names.iter().map(said).collect();
    match super::template::id_of(base, kind, &names.join("/")) {
        Some(id) => Ok(json!(id)),
        None => invalid(format!(
            "Unable to evaluate template language function 'resourceId': the type '{kind}' requires '{}' resource name argument(s).",
            kind.split('/').count() - 1
        )),
    }
}

/// Functions of nothing but what they are given.
fn of_values(name: &str, given: &[Value]) -> Outcome {
    let text = |at: usize| given.get(at).map(said).unwrap_or_default();
    let whole =
        |at: usize| given.get(at).map_or_else(|| invalid(format!("'{name}' is given too little.")), number);
    let first = given.first().unwrap_or(&Value::Null);
    Ok(match (name, given) {
        ("concat", [Value::Array(_), ..]) => {
            Value::Array(given.iter().filter_map(Value::as_array).flatten().cloned().collect())
        }
        ("concat", _) => json!(given.iter().map(said).collect::<String>()),
        ("format", [pattern, rest @ ..]) => json!(format(&said(pattern), rest)),
        ("true", []) => json!(true),
        ("false", []) => json!(false),
        ("null", []) => Value::Null,
        ("string", [one]) => json!(said(one)),
        ("int", [_]) => json!(whole(0)?),
        ("bool", [one]) => json!(is_true(one) || one == &json!(1)),
        ("not", [one]) => json!(!is_true(one)),
        ("and", _) => json!(given.iter().all(is_true)),
        ("or", _) => json!(given.iter().any(is_true)),
        ("equals", [a, b]) => json!(a == b),
        ("less", [..]) if given.len() == 2 => json!(whole(0)? < whole(1)?),
        ("greater", [..]) if given.len() == 2 => json!(whole(0)? > whole(1)?),
        ("add", [..]) => json!(whole(0)? + whole(1)?),
        ("sub", [..]) => json!(whole(0)? - whole(1)?),
        ("mul", [..]) => json!(whole(0)? * whole(1)?),
        ("div" | "mod", [..]) => {
            let (a, b) = (whole(0)?, whole(1)?);
            let (Some(div), Some(rem)) = (a.checked_div(b), a.checked_rem(b)) else {
                return invalid("Attempted to divide by zero.");
            };
            json!(if name == "div" { div } else { rem })
        }
        ("tolower", [_]) => json!(text(0).to_lowercase()),
        ("toupper", [_]) => json!(text(0).to_uppercase()),
        ("trim", [_]) => json!(text(0).trim()),
        ("replace", [_, _, _]) => json!(text(0).replace(&text(1), &text(2))),
        ("split", [_, _]) => json!(text(0).split(&text(1)).collect::<Vec<_>>()),
        ("join", [Value::Array(items), _]) => {
            json!(items.iter().map(said).collect::<Vec<_>>().join(&text(1)))
        }
        ("startswith", [_, _]) => json!(text(0).to_lowercase().starts_with(&text(1).to_lowercase())),
        ("endswith", [_, _]) => json!(text(0).to_lowercase().ends_with(&text(1).to_lowercase())),
        ("substring", [_, ..]) => {
            let from = whole(1)?.max(0) as usize;
            let length = if given.len() > 2 { whole(2)?.max(0) as usize } else { usize::MAX };
            json!(text(0).chars().skip(from).take(length).collect::<String>())
        }
        ("take", [Value::Array(items), _]) => {
            json!(items.iter().take(whole(1)?.max(0) as usize).collect::<Vec<_>>())
        }
        ("take", [_, _]) => json!(text(0).chars().take(whole(1)?.max(0) as usize).collect::<String>()),
        ("skip", [Value::Array(items), _]) => {
            json!(items.iter().skip(whole(1)?.max(0) as usize).collect::<Vec<_>>())
        }
        ("skip", [_, _]) => json!(text(0).chars().skip(whole(1)?.max(0) as usize).collect::<String>()),
        ("base64", [_]) => json!(STANDARD.encode(text(0))),
        ("uniquestring", [_, ..]) => {
            let all = given.iter().map(said).collect::<Vec<_>>().join("-");
            json!(&random::sha256_hex(all.as_bytes())[..13])
        }
        ("guid", [_, ..]) => {
            let all = given.iter().map(said).collect::<Vec<_>>();
            json!(random::guid_of(&all.iter().map(String::as_str).collect::<Vec<_>>()))
        }
        ("json", [_]) => serde_json::from_str(&text(0)).or_else(|_| invalid("The text is no JSON."))?,
        ("createarray", _) => json!(given),
        ("array", [Value::Array(_)]) => first.clone(),
        ("array", [one]) => json!([one]),
        ("createobject", _) => {
            let pairs = given.chunks_exact(2).map(|pair| (said(&pair[0]), pair[1].clone()));
            Value::Object(pairs.collect())
        }
        ("union", [Value::Object(_), ..]) => {
            Value::Object(given.iter().filter_map(Value::as_object).flat_map(Map::clone).collect())
        }
        ("union", [Value::Array(_), ..]) => {
            let mut all: Vec<&Value> = Vec::new();
            for one in given.iter().filter_map(Value::as_array).flatten() {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
            json!(all)
        }
        ("range", [_, _]) => {
            json!((whole(0)?..whole(0)?.saturating_add(whole(1)?.clamp(0, 10_000))).collect::<Vec<_>>())
        }
        ("length", [Value::Array(items)]) => json!(items.len()),
        ("length", [Value::Object(map)]) => json!(map.len()),
        ("length", [_]) => json!(text(0).chars().count()),
        ("empty", [Value::Array(items)]) => json!(items.is_empty()),
        ("empty", [Value::Object(map)]) => json!(map.is_empty()),
        ("empty", [_]) => json!(text(0).is_empty()),
        ("first", [Value::Array(items)]) => items.first().cloned().unwrap_or_default(),
        ("last", [Value::Array(items)]) => items.last().cloned().unwrap_or_default(),
        ("first", [_]) => json!(text(0).chars().take(1).collect::<String>()),
        ("last", [_]) => json!(text(0).chars().last().map(String::from).unwrap_or_default()),
        ("contains", [Value::Array(items), one]) => json!(items.contains(one)),
        ("contains", [Value::Object(_), _]) => json!(named(first, &text(1)).is_some()),
        ("contains", [_, _]) => json!(text(0).contains(&text(1))),
        _ => {
            return invalid(format!(
                "The template function '{name}' is not one that this simulated Azure knows with {} argument(s).",
                given.len()
            ));
        }
    })
}

/// `{0}` stands for the first value after the pattern; what follows a colon (`{0:D2}`) gives numbers leading zeros.
fn format(pattern: &str, values: &[Value]) -> String {
    let mut made = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        made.push_str(before);
        let Some((inside, after)) = after.split_once('}') else { break };
        let (at, how) = inside.split_once(':').unwrap_or((inside, ""));
        let value =
            at.trim().parse::<usize>().ok().and_then(|at| values.get(at)).map(said).unwrap_or_default();
        match how.strip_prefix(['D', 'd']).and_then(|width| width.parse::<usize>().ok()) {
            Some(width) => made.push_str(&format!("{value:0>width$}")),
            None => made.push_str(&value),
        }
        rest = after;
    }
    made + rest
}
