//! What policies deny, asked for one object in place of all that are alike.

use lazuli_core::Json;
use lazuli_core::provider::ProviderError;
use serde_json::json;

use super::{elements, text, texts};
use crate::provider::AzureProvider;

const VERSION: &str = "2023-03-01";

/// Something a policy denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The name of the policy's assignment.
    pub assignment: String,
    /// The id of the assignment.
    pub assignment_id: String,
    /// What of the object: `location`, `tags.owner`; empty for the whole.
    pub field: String,
    /// Values that are denied, or allowed ones where `required`.
    pub values: Vec<String>,
    /// Whether a value is asked for rather than denied.
    pub required: bool,
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
    /// What policies would deny of an object.
    ///
    /// # Errors
    /// When Azure cannot be asked or refuses; many principals may not ask this.
    pub async fn denials(&self, planned: &Planned<'_>) -> Result<Vec<Denial>, ProviderError> {
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
        });
        let answer = self.inquire(self.arm.url(&path, VERSION, &[]), &body).await?;
        Ok(read(&answer, planned.body))
    }
}

fn read(answer: &Json, body: &Json) -> Vec<Denial> {
    let denial = |policy: &Json, field: String, values: Vec<String>, required: bool| {
        let id = text(policy, "/policyAssignmentId");
        let assignment = id.rsplit('/').next().unwrap_or_default().to_owned();
        Denial { assignment, assignment_id: id, field, values, required }
    };
    let mut denials = Vec::new();
    for restricted in elements(answer, "/fieldRestrictions") {
        let field = text(restricted, "/field");
        let given = value_of(body, &field);
        for restriction in elements(restricted, "/restrictions") {
            let values = texts(restriction, "/values");
            let has = |value: &String| values.iter().any(|v| v.eq_ignore_ascii_case(value));
            let policy = restriction.get("policy").cloned().unwrap_or_default();
            match text(restriction, "/result").as_str() {
                "Deny" if given.as_ref().is_some_and(has) => {
                    denials.push(denial(&policy, field.clone(), given.clone().into_iter().collect(), false));
                }
                // A required value with a default is filled in by the policy itself.
                "Required"
                    if text(restriction, "/defaultValue").is_empty()
                        && given.as_ref().is_none_or(|given| !values.is_empty() && !has(given)) =>
                {
                    denials.push(denial(&policy, field.clone(), values, true));
                }
                _ => {}
            }
        }
    }
    for evaluated in elements(answer, "/contentEvaluationResult/policyEvaluations") {
        let effect = text(evaluated, "/effectDetails/policyEffect");
        // Audits do not stand in the way; older answers do not name the effect and list what is denied only.
        if text(evaluated, "/evaluationResult") == "NonCompliant"
            && (effect.is_empty() || effect.eq_ignore_ascii_case("deny"))
        {
            let policy = evaluated.get("policyInfo").cloned().unwrap_or_default();
            let found = denial(&policy, String::new(), Vec::new(), false);
            if !denials.iter().any(|d: &Denial| d.assignment_id.eq_ignore_ascii_case(&found.assignment_id)) {
                denials.push(found);
            }
        }
    }
    denials
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
        let told = |d: Denial| format!("{} {} {:?} required={}", d.assignment, d.field, d.values, d.required);
        read(&answer, &body).into_iter().map(told).collect()
    }

    #[test]
    fn what_is_denied_is_told_and_what_is_allowed_is_not() {
        let policy = json!({"policyAssignmentId": "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/regions"});
        let restricted = |field: &str, result: &str, values: Json| json!({"fieldRestrictions": [{"field": field, "restrictions": [{"result": result, "values": values, "policy": policy}]}]});
        for (answer, expected) in [
            (json!({}), vec![]),
            (restricted("location", "Deny", json!(["westus"])), vec![]),
            (
                restricted("location", "Deny", json!(["eastus2"])),
                vec!["regions location [\"eastus2\"] required=false"],
            ),
            (
                restricted("location", "Required", json!(["westus"])),
                vec!["regions location [\"westus\"] required=true"],
            ),
            (restricted("location", "Required", json!(["EastUS2"])), vec![]),
            (restricted("tags.owner", "Required", json!([])), vec![]),
            (restricted("tags.costs", "Required", json!([])), vec!["regions tags.costs [] required=true"]),
            (restricted("location", "Removed", json!([])), vec![]),
            (
                json!({"contentEvaluationResult": {"policyEvaluations": [{"policyInfo": policy, "evaluationResult": "NonCompliant"}]}}),
                vec!["regions  [] required=false"],
            ),
            (
                json!({"contentEvaluationResult": {"policyEvaluations": [{"policyInfo": policy,
                    "evaluationResult": "NonCompliant", "effectDetails": {"policyEffect": "Audit"}}]}}),
                vec![],
            ),
        ] {
            assert_eq!(found(answer.clone()), expected, "{answer}");
        }
    }
}
