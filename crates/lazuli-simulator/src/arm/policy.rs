//! Policies that deny, and the question what they would deny.

use serde_json::{Value, json};

use super::Call;
use crate::error::ArmError;
use crate::json;
use crate::request::Response;
use crate::world::{Policy, World};

fn is_about(policy: &Policy, kind: &str) -> bool {
    policy.types.is_empty() || policy.types.iter().any(|ty| ty.eq_ignore_ascii_case(kind))
}

fn denies(policy: &Policy, kind: &str, body: &Value) -> bool {
    let Some(field) = policy.field.as_deref().filter(|_| is_about(policy, kind)) else {
        return policy.field.is_none() && is_about(policy, kind);
    };
    match json::text(body, field) {
        None => true,
        Some(value) => {
            !policy.allowed.is_empty()
                && !policy.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(value))
        }
    }
}

fn assignment(world: &World, policy: &Policy) -> String {
    format!("{}/providers/Microsoft.Authorization/policyAssignments/{}", world.subscription_id(), policy.name)
}

/// No policy denies what is about to be written.
pub(super) fn check(world: &World, kind: &str, name: &str, body: &Value) -> Result<(), ArmError> {
    let found = world.conditions.policies.iter().find(|policy| denies(policy, kind, body));
    let Some(policy) = found.filter(|_| body.get("location").is_some()) else { return Ok(()) };
    let identifiers = json!([{
        "policyAssignment": { "name": policy.name, "id": assignment(world, policy) },
        "policyDefinition": { "name": policy.name, "id": format!("/providers/Microsoft.Authorization/policyDefinitions/{}", policy.name) },
    }]);
    Err(ArmError::gateway(
        403,
        "RequestDisallowedByPolicy",
        format!("Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'."),
    )
    .at(name)
    .with_info("PolicyViolation", violation(world, policy, body)))
}

/// What a refusal tells programs about the policy.
fn violation(world: &World, policy: &Policy, body: &Value) -> Value {
    let evaluated = policy.field.iter().map(|field| {
        json!({
            "result": "False", "expressionKind": "Field", "expression": field, "path": field,
            "expressionValue": json::get(body, field), "targetValue": policy.allowed, "operator": "In",
        })
    });
    json!({
        "evaluationDetails": { "evaluatedExpressions": evaluated.collect::<Vec<_>>() },
        "policyDefinitionId": format!("/providers/Microsoft.Authorization/policyDefinitions/{}", policy.name),
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
    let mut fields = Vec::new();
    let mut evaluations = Vec::new();
    for policy in world.conditions.policies.iter().filter(|policy| is_about(policy, kind)) {
        let info = json!({
            "policyDefinitionId": format!("/providers/Microsoft.Authorization/policyDefinitions/{}", policy.name),
            "policyAssignmentId": assignment(world, policy),
        });
        if let Some(field) = &policy.field {
            fields.push(json!({
                "field": field,
                "restrictions": [{ "result": "Required", "values": policy.allowed, "policy": info }],
            }));
        }
        if denies(policy, kind, content) {
            evaluations.push(json!({
                "policyInfo": info, "evaluationResult": "NonCompliant",
                "effectDetails": { "policyEffect": "Deny" },
            }));
        }
    }
    Ok(Response::json(
        200,
        json!({ "fieldRestrictions": fields, "contentEvaluationResult": { "policyEvaluations": evaluations } }),
    ))
}
