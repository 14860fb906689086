//! Policies: what they refuse, take note of and change, and the question what they would.

use serde_json::{Value, json};

use super::Call;
use crate::error::ArmError;
use crate::json;
use crate::request::Response;
use crate::world::{Effect, Policy, World};

fn is_about(policy: &Policy, kind: &str) -> bool {
    policy.types.is_empty() || policy.types.iter().any(|ty| ty.eq_ignore_ascii_case(kind))
}

fn is_one_of(values: &[String], value: &str) -> bool {
    values.iter().any(|known| known.eq_ignore_ascii_case(value))
}

/// Whether a body is not what the policy wants.
fn is_against(policy: &Policy, body: &Value) -> bool {
    let Some(field) = policy.field.as_deref() else { return true };
    let given = json::text(body, field);
    match policy.effect {
        Effect::Remove => given.is_some(),
        Effect::Append | Effect::Modify => given != policy.value.as_deref(),
        Effect::Deny | Effect::Audit => match given {
            Some(given) => {
                is_one_of(&policy.denied, given)
                    || (!policy.allowed.is_empty() && !is_one_of(&policy.allowed, given))
            }
            None => policy.denied.is_empty(),
        },
    }
}

/// Whether a body is refused.
fn denies(policy: &Policy, body: &Value) -> bool {
    match policy.effect {
        Effect::Deny => is_against(policy, body),
        Effect::Append => {
            let given = policy.field.as_deref().and_then(|field| json::text(body, field));
            given.is_some() && is_against(policy, body)
        }
        Effect::Audit | Effect::Modify | Effect::Remove => false,
    }
}

fn assignment(world: &World, policy: &Policy) -> String {
    format!("{}/providers/Microsoft.Authorization/policyAssignments/{}", world.subscription_id(), policy.name)
}

fn definition(policy: &Policy) -> String {
    format!("/providers/Microsoft.Authorization/policyDefinitions/{}", policy.name)
}

/// Policies change what is about to be written, or refuse it.
pub(super) fn apply(world: &World, kind: &str, name: &str, body: &mut Value) -> Result<(), ArmError> {
    check(world, kind, name, body)?;
    if body.get("location").is_none() {
        return Ok(());
    }
    for policy in world.conditions.policies.iter().filter(|policy| is_about(policy, kind)) {
        let Some(field) = &policy.field else { continue };
        match (policy.effect, &policy.value) {
            (Effect::Append | Effect::Modify, Some(value)) => json::set(body, field, json!(value)),
            (Effect::Remove, _) => json::remove(body, field),
            _ => {}
        }
    }
    Ok(())
}

/// No policy denies what is about to be written.
pub(super) fn check(world: &World, kind: &str, name: &str, body: &Value) -> Result<(), ArmError> {
    let mut about = world.conditions.policies.iter().filter(|policy| is_about(policy, kind));
    let found = about.find(|policy| denies(policy, body));
    let Some(policy) = found.filter(|_| body.get("location").is_some()) else { return Ok(()) };
    let identifiers = json!([{
        "policyAssignment": { "name": policy.name, "id": assignment(world, policy) },
        "policyDefinition": { "name": policy.name, "id": definition(policy) },
    }]);
    Err(ArmError::gateway(
        403,
        "RequestDisallowedByPolicy",
        format!("Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'."),
    )
    .at(name)
    .with_info("PolicyViolation", violation(world, policy, body)))
}

/// What was looked at of a body.
fn evaluated(policy: &Policy, body: &Value) -> Value {
    let evaluated = policy.field.iter().map(|field| {
        let (operator, target) = match policy.denied.is_empty() {
            true => ("In", &policy.allowed),
            false => ("NotIn", &policy.denied),
        };
        json!({
            "result": "False", "expressionKind": "Field", "expression": field, "path": field,
            "expressionValue": json::get(body, field), "targetValue": target, "operator": operator,
        })
    });
    json!({ "evaluatedExpressions": evaluated.collect::<Vec<_>>() })
}

/// What a refusal tells programs about the policy.
fn violation(world: &World, policy: &Policy, body: &Value) -> Value {
    json!({
        "evaluationDetails": evaluated(policy, body),
        "policyDefinitionId": definition(policy),
        "policyDefinitionName": policy.name,
        "policyDefinitionEffect": "deny",
        "policyAssignmentId": assignment(world, policy),
        "policyAssignmentName": policy.name,
        "policyAssignmentScope": world.subscription_id(),
        "policyAssignmentParameters": {},
    })
}

/// `checkPolicyRestrictions`.
pub(super) fn restrictions(world: &World, call: &Call<'_>) -> Result<Response, ArmError> {
    let asked = call.request.json()?;
    let content = &asked["resourceDetails"]["resourceContent"];
    let kind = content["type"].as_str().unwrap_or("");
    // What audits is told to those only who ask for it.
    let tells_audits = asked["includeAuditEffect"] == true;
    let mut fields: Vec<Value> = Vec::new();
    let mut evaluations = Vec::new();
    for policy in world.conditions.policies.iter().filter(|policy| is_about(policy, kind)) {
        if policy.effect == Effect::Audit && !tells_audits {
            continue;
        }
        let info = json!({ "policyDefinitionId": definition(policy), "policyAssignmentId": assignment(world, policy) });
        if let Some(field) = &policy.field
            && let Some(mut restriction) = restriction(policy, field, &asked["pendingFields"])
        {
            restriction["policy"] = info.clone();
            match fields.iter_mut().find(|known| known["field"] == field.as_str()) {
                Some(known) => {
                    if let Some(list) = known["restrictions"].as_array_mut() {
                        list.push(restriction);
                    }
                }
                None => fields.push(json!({ "field": field, "restrictions": [restriction] })),
            }
        }
        let effect = match policy.effect {
            Effect::Audit => "Audit",
            _ => "Deny",
        };
        if denies(policy, content) || (policy.effect == Effect::Audit && is_against(policy, content)) {
            evaluations.push(json!({
                "policyInfo": info, "evaluationResult": "NonCompliant", "evaluationDetails": evaluated(policy, content),
                "effectDetails": { "policyEffect": effect },
            }));
        }
    }
    Ok(Response::json(
        200,
        json!({ "fieldRestrictions": fields, "contentEvaluationResult": { "policyEvaluations": evaluations } }),
    ))
}

/// What a policy says of a field that is still open; `None` when nothing, or when the field is none of those asked about.
fn restriction(policy: &Policy, field: &str, pending: &Value) -> Option<Value> {
    let is_field = |asked: &&Value| {
        let name = asked["field"].as_str().unwrap_or("");
        name.eq_ignore_ascii_case(field) || (name.eq_ignore_ascii_case("tags") && field.starts_with("tags."))
    };
    let pending = pending.as_array().map(Vec::as_slice).unwrap_or_default();
    let asked = pending.iter().find(is_field);
    if !pending.is_empty() && asked.is_none() {
        return None;
    }
    // The values among which the caller has still to choose.
    let choice: Vec<&str> = asked
        .and_then(|asked| asked["values"].as_array())
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let told = if policy.effect == Effect::Audit { "Audit" } else { "Deny" };
    match policy.effect {
        Effect::Remove => Some(json!({ "result": "Removed", "values": [] })),
        Effect::Append | Effect::Modify => {
            let value = policy.value.as_ref()?;
            Some(json!({ "result": "Required", "defaultValue": value, "values": [value] }))
        }
        Effect::Deny | Effect::Audit if !policy.denied.is_empty() => {
            Some(json!({ "result": told, "values": policy.denied }))
        }
        Effect::Deny | Effect::Audit if !choice.is_empty() && !policy.allowed.is_empty() => {
            let refused: Vec<&str> =
                choice.into_iter().filter(|value| !is_one_of(&policy.allowed, value)).collect();
            (!refused.is_empty()).then(|| json!({ "result": told, "values": refused }))
        }
        Effect::Deny => Some(json!({ "result": "Required", "values": policy.allowed })),
        // Nothing is required by who only takes note.
        Effect::Audit => None,
    }
}
