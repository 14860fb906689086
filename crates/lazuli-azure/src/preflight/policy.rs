//! What policies deny, change and take note of, asked for one object in place of all that are alike.

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;
use serde_json::json;

use super::{elements, text, texts};
use crate::provider::AzureProvider;

const VERSION: &str = "2023-03-01";

/// Something a policy has to say about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// The name of the policy's assignment.
    pub assignment: String,
    /// The id of the assignment.
    pub assignment_id: String,
    /// What of the object: `location`, `tags.owner`; empty for the whole.
    pub field: String,
    /// Values that are denied, allowed ones where something is required, or the one the policy writes.
    pub values: Vec<String>,
    /// What the policy does about it.
    pub effect: Effect,
}

/// What a policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Refuses what there is.
    Denies,
    /// Refuses what lacks something.
    Requires,
    /// Writes a value of its own over the one that was sent.
    Replaces,
    /// Takes away what was sent.
    Removes,
    /// Takes note, and lets it pass.
    Audits,
}

/// The object that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned<'a> {
    /// The resource group's id.
    pub group: &'a str,
    /// The type.
    pub ty: &'a str,
    /// Its API version.
    pub api_version: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What is known of its body: location, tags, properties.
    pub body: &'a Json,
}

impl AzureProvider {
    /// What policies would deny, change and take note of in an object.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses; many principals may not ask this.
    pub async fn restrictions(&self, planned: &Planned<'_>) -> Result<Vec<Restriction>, ProviderError> {
        let path = format!("{}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions", planned.group);
        let mut content = json!({ "type": planned.ty, "name": planned.name });
        for key in ["location", "tags", "sku", "zones", "properties"] {
            if let Some(value) = planned.body.get(key) {
                content[key] = value.clone();
            }
        }
        let body = json!({
            "resourceDetails": {
                "resourceContent": content, "apiVersion": planned.api_version, "scope": planned.group,
            },
            "pendingFields": [{ "field": "location" }, { "field": "tags" }],
            "includeAuditEffect": true,
        });
        let answer = self.inquire(self.arm.url(&path, VERSION, &[]), &body).await?;
        Ok(read(&answer, planned.body))
    }
}

fn read(answer: &Json, body: &Json) -> Vec<Restriction> {
    let told = |policy: &Json, field: String, values: Vec<String>, effect: Effect| {
        let id = text(policy, "/policyAssignmentId");
        let assignment = id.rsplit('/').next().unwrap_or_default().to_owned();
        Restriction { assignment, assignment_id: id, field, values, effect }
    };
    let mut restrictions = Vec::new();
    for restricted in elements(answer, "/fieldRestrictions") {
        let field = text(restricted, "/field");
        let given = value_of(body, &field);
        for restriction in elements(restricted, "/restrictions") {
            let values = texts(restriction, "/values");
            let has = |value: &String| values.iter().any(|v| v.eq_ignore_ascii_case(value));
            let policy = restriction.get("policy").cloned().unwrap_or_default();
            let default = text(restriction, "/defaultValue");
            let effect = match (text(restriction, "/result").as_str(), &given) {
                ("Deny", Some(given)) if has(given) => Effect::Denies,
                ("Audit", Some(given)) if has(given) => Effect::Audits,
                ("Removed", Some(_)) => Effect::Removes,
                // A required value with a default is filled in by the policy itself.
                ("Required", Some(given)) if !default.is_empty() && !has(given) => Effect::Replaces,
                ("Required", None) if default.is_empty() => Effect::Requires,
                ("Required", Some(given)) if default.is_empty() && !values.is_empty() && !has(given) => {
                    Effect::Requires
                }
                _ => continue,
            };
            let values = match effect {
                Effect::Requires => values,
                Effect::Replaces => vec![default],
                _ => given.clone().into_iter().collect(),
            };
            restrictions.push(told(&policy, field.clone(), values, effect));
        }
    }
    for evaluated in elements(answer, "/contentEvaluationResult/policyEvaluations") {
        // Older answers do not name the effect and list what is denied only.
        let effect = match text(evaluated, "/effectDetails/policyEffect").to_ascii_lowercase().as_str() {
            "" | "deny" => Effect::Denies,
            "audit" => Effect::Audits,
            _ => continue,
        };
        if text(evaluated, "/evaluationResult") == "NonCompliant" {
            let policy = evaluated.get("policyInfo").cloned().unwrap_or_default();
            let found = told(&policy, String::new(), Vec::new(), effect);
            // What was told of a field is not told again of the whole, unless it is worse.
            let is_known = |known: &Restriction| {
                let denies = matches!(known.effect, Effect::Denies | Effect::Requires);
                known.assignment_id.eq_ignore_ascii_case(&found.assignment_id)
                    && (denies || effect == Effect::Audits)
            };
            if !restrictions.iter().any(is_known) {
                restrictions.push(found);
            }
        }
    }
    restrictions
}

/// What a body has in a field as policies name them.
fn value_of(body: &Json, field: &str) -> Option<String> {
    let value = match field
        .strip_prefix("tags.")
        .or_else(|| field.strip_prefix("tags['").and_then(|rest| rest.strip_suffix("']")))
    {
        Some(tag) => {
            let tags = body.get("tags")?.as_object()?;
            tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(tag))?.1
        }
        None => body.get(field)?,
    };
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(answer: Json) -> Vec<String> {
        let body = json!({"location": "eastus2", "tags": {"Owner": "me"}});
        let told = |r: Restriction| format!("{} {} {:?} {:?}", r.assignment, r.field, r.values, r.effect);
        read(&answer, &body).into_iter().map(told).collect()
    }

    #[test]
    fn what_is_denied_changed_or_noted_is_told_and_what_is_allowed_is_not() {
        let policy = json!({"policyAssignmentId": "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/regions"});
        let restricted = |field: &str, result: &str, values: Json| json!({"fieldRestrictions": [{"field": field, "restrictions": [{"result": result, "values": values, "policy": policy}]}]});
        let replaced = |field: &str, value: &str| json!({"fieldRestrictions": [{"field": field, "restrictions": [{"result": "Required", "values": [value], "defaultValue": value, "policy": policy}]}]});
        for (answer, expected) in [
            (json!({}), vec![]),
            (restricted("location", "Deny", json!(["westus"])), vec![]),
            (
                restricted("location", "Deny", json!(["eastus2"])),
                vec!["regions location [\"eastus2\"] Denies"],
            ),
            (
                restricted("location", "Required", json!(["westus"])),
                vec!["regions location [\"westus\"] Requires"],
            ),
            (restricted("location", "Required", json!(["EastUS2"])), vec![]),
            (restricted("tags.owner", "Required", json!([])), vec![]),
            (restricted("tags.costs", "Required", json!([])), vec!["regions tags.costs [] Requires"]),
            (restricted("tags.costs", "Removed", json!([])), vec![]),
            (restricted("tags.owner", "Removed", json!([])), vec!["regions tags.owner [\"me\"] Removes"]),
            (restricted("tags.owner", "Audit", json!(["you"])), vec![]),
            (restricted("tags.owner", "Audit", json!(["me"])), vec!["regions tags.owner [\"me\"] Audits"]),
            (replaced("tags.owner", "me"), vec![]),
            (replaced("tags.costs", "42"), vec![]),
            (replaced("tags.owner", "you"), vec!["regions tags.owner [\"you\"] Replaces"]),
            (
                json!({"contentEvaluationResult": {"policyEvaluations": [{"policyInfo": policy, "evaluationResult": "NonCompliant"}]}}),
                vec!["regions  [] Denies"],
            ),
            (
                json!({"contentEvaluationResult": {"policyEvaluations": [{"policyInfo": policy,
                    "evaluationResult": "NonCompliant", "effectDetails": {"policyEffect": "Audit"}}]}}),
                vec!["regions  [] Audits"],
            ),
        ] {
            assert_eq!(found(answer.clone()), expected, "{answer}");
        }
    }
}
