//! Resource Graph: one query over all resources, of the few forms that clients send most.
//!
//! `resources | where type =~ '…' and resourceGroup =~ '…' | project id, name | limit 10`, also with `==`, `!=`, `!~`,
//! `in~`, `contains`, `startswith`, `take` and `count`. Anything else is refused.

use serde_json::{Map, Value, json};

use super::{Call, render};
use crate::error::ArmError;
use crate::request::Response;
use crate::world::{Resource, World};
use crate::{ids, json};

/// `POST /providers/Microsoft.ResourceGraph/resources`.
pub(super) fn query(world: &World, call: &Call<'_>) -> Result<Response, ArmError> {
    let body = call.request.json()?;
    let query = json::text(&body, "query").unwrap_or("");
    let mut stages = split(query, '|').into_iter();
    let groups = "Microsoft.Resources/resourceGroups";
    let wants_groups = match stages.next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "resources" => false,
        "resourcecontainers" => true,
        other => return Err(invalid(&format!("the table '{other}' is not known"))),
    };
    let mut rows: Vec<Value> = world
        .all("", None)
        .filter(|found| (found.kind == groups) == wants_groups && !found.location().is_empty())
        .map(|found| row(world, found))
        .collect();
    for stage in stages {
        let (verb, rest) = stage.split_once(char::is_whitespace).unwrap_or((&stage, ""));
        match verb.to_ascii_lowercase().as_str() {
            "where" => {
                for condition in conjunction(rest) {
                    let condition = Condition::parse(&condition)?;
                    rows.retain(|row| condition.holds(row));
                }
            }
            "project" => {
                let names = split(rest, ',');
                rows = rows.iter().map(|row| project(row, &names)).collect();
            }
            "limit" | "take" => {
                rows.truncate(rest.trim().parse().map_err(|_| invalid("a limit is a number"))?);
            }
            "count" => rows = vec![json!({ "Count": rows.len() })],
            other => return Err(invalid(&format!("'{other}' is not known"))),
        }
    }
    let total = rows.len();
    let top = body["options"]["$top"].as_u64().unwrap_or(1000).min(1000) as usize;
    let skip = body["options"]["$skip"].as_u64().unwrap_or(0) as usize;
    let token = body["options"]["$skipToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(skip);
    let data: Vec<Value> = rows.into_iter().skip(token).take(top).collect();
    let mut answer = json!({
        "totalRecords": total, "count": data.len(), "data": data, "facets": [], "resultTruncated": "false",
    });
    if token + data.len() < total {
        answer["$skipToken"] = json!((token + data.len()).to_string());
    }
    Ok(Response::json(200, answer))
}

fn row(world: &World, found: &Resource) -> Value {
    let mut row = render::resource(world, found);
    row["type"] = json!(found.kind.to_ascii_lowercase());
    row["resourceGroup"] = json!(ids::group_of(&found.id).unwrap_or_default().to_ascii_lowercase());
    row["subscriptionId"] = json!(world.identity.subscription);
    row["tenantId"] = json!(world.identity.tenant);
    row
}

fn project(row: &Value, names: &[String]) -> Value {
    let shown = names.iter().map(|name| {
        let (name, path) =
            name.split_once('=').map_or((name.as_str(), name.as_str()), |(name, path)| (name, path));
        let value = json::get(row, path.trim()).cloned().unwrap_or_default();
        (name.trim().replace('.', "_"), value)
    });
    Value::Object(shown.collect::<Map<_, _>>())
}

/// One comparison.
struct Condition {
    path: String,
    operator: &'static str,
    values: Vec<String>,
}

/// Longer operators first, as some begin like others.
const OPERATORS: [&str; 7] = ["=~", "==", "!~", "!=", " in~ ", " contains ", " startswith "];

impl Condition {
    fn parse(text: &str) -> Result<Self, ArmError> {
        let found = OPERATORS.iter().find_map(|operator| Some((*operator, text.split_once(operator)?)));
        let Some((operator, (path, values))) = found else {
            return Err(invalid(&format!("the condition '{text}' is not known")));
        };
        let values = values.trim().trim_start_matches('(').trim_end_matches(')');
        let bare = |value: &String| value.trim_matches(['\'', '"']).to_owned();
        let values = split(values, ',').iter().map(bare).collect();
        Ok(Self { path: path.trim().to_owned(), operator: operator.trim(), values })
    }

    fn holds(&self, row: &Value) -> bool {
        let found = json::text(row, &self.path).unwrap_or("");
        let lower = found.to_ascii_lowercase();
        let any = |test: &dyn Fn(&str) -> bool| self.values.iter().any(|value| test(value));
        match self.operator {
            "==" => any(&|value| value == found),
            "!=" => !any(&|value| value == found),
            "!~" => !any(&|value| value.eq_ignore_ascii_case(found)),
            "contains" => any(&|value| lower.contains(&value.to_ascii_lowercase())),
            "startswith" => any(&|value| lower.starts_with(&value.to_ascii_lowercase())),
            _ => any(&|value| value.eq_ignore_ascii_case(found)),
        }
    }
}

/// The conditions between `and`.
fn conjunction(text: &str) -> Vec<String> {
    let mut conditions = vec![String::new()];
    for word in text.split_whitespace() {
        match (word.to_ascii_lowercase().as_str(), conditions.last_mut()) {
            ("and", _) => conditions.push(String::new()),
            (_, Some(last)) => {
                last.push_str(word);
                last.push(' ');
            }
            (_, None) => {}
        }
    }
    conditions
}

/// Parts between separators outside quotes.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut quote = None;
    let parts = text.split(|c| {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
        quote.is_none() && c == separator
    });
    parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn invalid(why: &str) -> ArmError {
    ArmError::new(400, "BadRequest", "Please provide below info when asking for support.").because(
        "InvalidQuery",
        format!(
            "Query is invalid. Please refer to the documentation for the Azure Resource Graph service: {why}."
        ),
    )
}
