//! What a template is to make: its parameters, its resources in their order, and what is wrong with it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::functions::{self, Problem, Scope};
use crate::error::ArmError;
use crate::ids;
use crate::world::{Progress, Step};

/// What a resource of a template has beside the body that is sent.
const NOT_SENT: &[&str] = &[
    "type",
    "name",
    "apiVersion",
    "dependsOn",
    "condition",
    "copy",
    "comments",
    "scope",
    "resources",
    "metadata",
    "existing",
    "resourceGroup",
    "subscriptionId",
];

/// 400 `InvalidTemplate`.
pub(super) fn invalid(what: impl std::fmt::Display) -> ArmError {
    ArmError::gateway(400, "InvalidTemplate", format!("Deployment template validation failed: '{what}'."))
}

/// What an expression has to do with, when it must have a value at once.
pub(super) fn settled<T>(outcome: Result<T, Problem>) -> Result<T, ArmError> {
    outcome.map_err(|problem| match problem {
        Problem::Invalid(message) => ArmError::gateway(
            400,
            "InvalidTemplate",
            format!("Unable to process template language expressions: '{message}'"),
        ),
        Problem::NotYet(id) => invalid(format!(
            "The template function 'reference' is not expected here: '{id}' is not there yet"
        )),
    })
}

/// The id of a resource below a scope; `None` when the names do not fit the type.
pub(super) fn id_of(base: &str, kind: &str, name: &str) -> Option<String> {
    let (namespace, types) = kind.split_once('/')?;
    let (types, names): (Vec<&str>, Vec<&str>) = (types.split('/').collect(), name.split('/').collect());
    if types.len() != names.len() || names.iter().any(|name| name.is_empty()) {
        return None;
    }
    if kind.eq_ignore_ascii_case("Microsoft.Resources/resourceGroups") {
        return Some(format!("{base}/resourceGroups/{name}"));
    }
    let pairs = types.iter().zip(names).map(|(kind, name)| format!("/{kind}/{name}"));
    Some(format!("{base}/providers/{namespace}{}", pairs.collect::<String>()))
}

/// The values of the parameters by name, and how a deployment shows them (without those that are secret).
///
/// # Errors
/// One is missing, is not declared, or is not what it is declared to be.
pub(super) fn parameters(
    scope: &Scope<'_>,
    template: &Value,
    given: &Value,
) -> Result<(Value, Value), ArmError> {
    let none = Map::new();
    let declared = template["parameters"].as_object().unwrap_or(&none);
    let given = given.as_object().unwrap_or(&none);
    if let Some(stranger) =
        given.keys().find(|name| !declared.keys().any(|known| known.eq_ignore_ascii_case(name)))
    {
        let known: Vec<&str> = declared.keys().map(String::as_str).collect();
        return Err(invalid(format!(
            "The template parameters '{stranger}' in the parameters file are not valid; they are not present in the original template and can therefore not be provided at deployment time. The only supported parameters for this template are '{}'. Please see https://aka.ms/arm-pass-parameter-values for usage details.",
            known.join(", ")
        )));
    }
    let (mut values, mut shown) = (json!({}), json!({}));
    for (name, declaration) in declared {
        let sent = given.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, sent)| sent);
        if sent.is_some_and(|sent| sent.get("reference").is_some()) {
            return Err(invalid(format!(
                "The parameter '{name}' refers to a key vault, which this simulated Azure does not read"
            )));
        }
        let value = match (sent.and_then(|sent| sent.get("value")), declaration.get("defaultValue")) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => {
                let scope = Scope { parameters: &values, ..scope.clone() };
                settled(functions::evaluate(&scope, default))?
            }
            (None, None) => {
                return Err(invalid(format!(
                    "The value for the template parameter '{name}' at line '1' and column '1' is not provided. Please see https://aka.ms/arm-create-parameter-file for usage details."
                )));
            }
        };
        suits(name, declaration, &value)?;
        let ty = declaration["type"].as_str().unwrap_or("String");
        shown[name] = match ty.to_ascii_lowercase().starts_with("secure") {
            true => json!({ "type": ty }),
            false => json!({ "type": ty, "value": value }),
        };
        values[name] = value;
    }
    Ok((values, shown))
}

fn suits(name: &str, declaration: &Value, value: &Value) -> Result<(), ArmError> {
    let ty = declaration["type"].as_str().unwrap_or("").to_ascii_lowercase();
    let is_right = match ty.as_str() {
        "string" | "securestring" => value.is_string(),
        "int" => value.is_i64(),
        "bool" => value.is_boolean(),
        "array" => value.is_array(),
        "object" | "secureobject" => value.is_object(),
        other => {
            return Err(invalid(format!(
                "The template parameter '{name}' has the type '{other}', which there is not."
            )));
        }
    };
    if !is_right {
        return Err(invalid(format!(
            "Template parameter JToken type is not valid. Expected '{ty}' for the parameter '{name}'. Please see https://aka.ms/arm-create-parameter-file for usage details."
        )));
    }
    match declaration["allowedValues"].as_array() {
        Some(allowed) if !allowed.contains(value) => Err(invalid(format!(
            "The provided value for the template parameter '{name}' is not valid. The value '{}' is not part of the allowed value(s): '{}'.",
            functions::said(value),
            allowed.iter().map(functions::said).collect::<Vec<_>>().join(",")
        ))),
        _ => Ok(()),
    }
}

/// A resource of the template, before its order is known.
struct Found {
    step: Step,
    /// What other resources may call it, in lower case.
    names: Vec<String>,
    waits_for: Vec<String>,
    is_made: bool,
}

/// What the template makes, each with what must be there before.
///
/// # Errors
/// A resource is not whole, is there twice, waits for what is not there or for itself, or is a deployment of its own.
pub(super) fn steps(scope: &Scope<'_>, template: &Value) -> Result<Vec<Step>, ArmError> {
    let mut found = Vec::new();
    match &template["resources"] {
        Value::Array(resources) => {
            for resource in resources {
                find(scope, resource, None, None, &mut found)?;
            }
        }
        // Templates of the second language name their resources.
        Value::Object(resources) => {
            for (symbol, resource) in resources {
                find(scope, resource, Some(symbol), None, &mut found)?;
            }
        }
        _ => return Err(invalid("The template property 'resources' is missing")),
    }
    let mut known = BTreeSet::new();
    if let Some(twice) =
        found.iter().filter(|one| one.is_made).find(|one| !known.insert(ids::key(&one.step.id)))
    {
        return Err(invalid(format!(
            "The resource '{}' at line '1' and column '1' is defined multiple times in a template. Please see https://aka.ms/arm-syntax-resources for usage details.",
            twice.step.id
        )));
    }
    let after = found.iter().map(|one| befores(one, &found)).collect::<Result<Vec<_>, _>>()?;
    let made = found.into_iter().zip(after).filter(|(one, _)| one.is_made);
    let steps: Vec<Step> = made.map(|(one, after)| Step { after, ..one.step }).collect();
    match circle(&steps) {
        Some(id) => Err(invalid(format!(
            "Circular dependency detected on resource: '{id}'. Please see https://aka.ms/arm-syntax-resources for usage details."
        ))),
        None => Ok(steps),
    }
}

fn find(
    scope: &Scope<'_>,
    resource: &Value,
    symbol: Option<&str>,
    parent: Option<(&str, &str)>,
    found: &mut Vec<Found>,
) -> Result<(), ArmError> {
    let turns = match resource.get("copy") {
        None => vec![None],
        Some(copy) => {
            let count = settled(functions::evaluate(scope, &copy["count"]))?.as_i64().unwrap_or(0);
            let name = copy["name"].as_str().unwrap_or("copy");
            (0..count.clamp(0, 800)).map(|turn| Some((name.to_owned(), turn))).collect()
        }
    };
    for turn in turns {
        let loops: Vec<_> = scope.loops.iter().cloned().chain(turn.clone()).collect();
        let scope = Scope { loops, ..scope.clone() };
        let said = |name: &str| -> Result<Option<String>, ArmError> {
            let value = resource.get(name).filter(|value| !value.is_null());
            value
                .map(|value| settled(functions::evaluate(&scope, value)).map(|value| functions::said(&value)))
                .transpose()
        };
        let missing =
            |name: &str| invalid(format!("The template resource at line '1' and column '1' has no '{name}'"));
        let mut kind = said("type")?.ok_or_else(|| missing("type"))?;
        let mut name = said("name")?.ok_or_else(|| missing("name"))?;
        if let Some((above, parent)) = parent {
            (kind, name) = (format!("{above}/{kind}"), format!("{parent}/{name}"));
        }
        if kind.eq_ignore_ascii_case("Microsoft.Resources/deployments") {
            return Err(ArmError::gateway(
                400,
                "NestedDeploymentNotSupported",
                format!(
                    "The resource '{name}' is a deployment inside a deployment. This simulated Azure carries out templates whose resources stand in the template itself; put the resources of the nested template there."
                ),
            ));
        }
        let api_version = said("apiVersion")?.ok_or_else(|| missing("apiVersion"))?;
        let base = said("scope")?.filter(|scope| !scope.is_empty());
        let base = match base {
            Some(other) if other.starts_with("/subscriptions/") => other,
            // `Microsoft.Compute/virtualMachines/a`: in the group that is deployed to.
            Some(other) => format!("{}/providers/{other}", functions::said(&scope.group["id"])),
            None => functions::said(&scope.group["id"]),
        };
        let id = id_of(&base, &kind, &name).ok_or_else(|| invalid(format!(
            "The template resource '{name}' for type '{kind}' at line '1' and column '1' has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name. A root resource type must have segment length one greater than its resource name. Please see https://aka.ms/arm-syntax-resources for usage details."
        )))?;
        let is_wanted = said("condition")?.is_none_or(|condition| condition.eq_ignore_ascii_case("true"));
        let is_made = is_wanted && resource["existing"] != true;
        let waits_for = match resource.get("dependsOn") {
            Some(list) => settled(functions::evaluate(&scope, list))?
                .as_array()
                .into_iter()
                .flatten()
                .map(functions::said)
                .collect(),
            None => Vec::new(),
        };
        let mut names =
            vec![ids::key(&id), format!("{kind}/{name}").to_ascii_lowercase(), name.to_ascii_lowercase()];
        names.extend(turn.map(|(name, _)| name.to_ascii_lowercase()));
        names.extend(symbol.map(str::to_ascii_lowercase));
        let body =
            resource.as_object().into_iter().flatten().filter(|(name, _)| !NOT_SENT.contains(&name.as_str()));
        let step = Step {
            id,
            symbol: symbol.map(str::to_owned),
            api_version,
            body: Value::Object(body.map(|(name, value)| (name.clone(), value.clone())).collect()),
            loops: scope.loops.clone(),
            after: Vec::new(),
            progress: Progress::Waiting,
            not_before_ms: 0,
            started_ms: None,
            ended_ms: None,
        };
        found.push(Found { step, names, waits_for, is_made });
        for child in resource["resources"].as_array().into_iter().flatten().filter(|_| is_made) {
            find(&scope, child, None, Some((&kind, &name)), found)?;
        }
    }
    Ok(())
}

/// The keys of what one resource waits for.
fn befores(one: &Found, all: &[Found]) -> Result<Vec<String>, ArmError> {
    let mut keys = BTreeSet::new();
    for wanted in &one.waits_for {
        let lower = ids::key(wanted);
        let mut meant = all.iter().filter(|other| other.names.contains(&lower)).peekable();
        if meant.peek().is_none() {
            return Err(invalid(format!(
                "The resource '{wanted}' is not defined in the template. Please see https://aka.ms/arm-syntax for usage details."
            )));
        }
        keys.extend(meant.filter(|other| other.is_made).map(|other| ids::key(&other.step.id)));
    }
    Ok(keys.into_iter().collect())
}

/// A resource that waits for itself.
fn circle(steps: &[Step]) -> Option<&str> {
    let mut done: BTreeSet<String> = BTreeSet::new();
    loop {
        let (ready, stuck): (Vec<&Step>, Vec<&Step>) = steps
            .iter()
            .filter(|step| !done.contains(&ids::key(&step.id)))
            .partition(|step| step.after.iter().all(|key| done.contains(key)));
        if ready.is_empty() {
            return stuck.first().map(|step| step.id.as_str());
        }
        done.extend(ready.iter().map(|step| ids::key(&step.id)));
    }
}
