//! Policies: what is asked about them is what then happens.

use lazuli_simulator::{Conditions, Effect, Method, Policy, Profile, SeedFile, SeededGroup};
use serde_json::{Value, json};

use crate::cloud::{Cloud, GROUP, code, net};

fn cloud(policy: Policy) -> Cloud {
    let group =
        SeededGroup { name: "rg-demo".to_owned(), location: "eastus2".to_owned(), tags: Default::default() };
    let conditions = Conditions { policies: vec![policy], ..Conditions::default() };
    Cloud::seeded(
        Profile::Instant,
        SeedFile { resource_groups: vec![group], conditions, ..SeedFile::default() },
    )
}

fn ask(cloud: &mut Cloud, body: &Value, more: &Value) -> Value {
    let path = format!("{GROUP}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions");
    let mut content = body.clone();
    content["type"] = json!("Microsoft.Network/routeTables");
    let mut asked = json!({ "resourceDetails": { "apiVersion": "2025-05-01", "resourceContent": content } });
    for (name, value) in more.as_object().into_iter().flatten() {
        asked[name] = value.clone();
    }
    let request = cloud.request(Method::Post, &path).with_json(&asked);
    cloud.carry_out(&request).value().clone()
}

/// `location Required a,b` per restriction, and the effects of what is not as it should be.
fn told(answer: &Value) -> Vec<String> {
    let mut told = Vec::new();
    for field in answer["fieldRestrictions"].as_array().expect("fields") {
        for restriction in field["restrictions"].as_array().expect("restrictions") {
            let values: Vec<&str> =
                restriction["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let default = restriction["defaultValue"].as_str().map(|value| format!(" default {value}"));
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            told.push(format!(
                "{} {} {}{}",
                text(&field["field"]),
                text(&restriction["result"]),
                values.join(","),
                default.unwrap_or_default()
            ));
        }
    }
    for evaluation in answer["contentEvaluationResult"]["policyEvaluations"].as_array().expect("evaluations")
    {
        told.push(evaluation["effectDetails"]["policyEffect"].as_str().expect("an effect").to_owned());
    }
    told
}

#[test]
fn each_effect_is_told_beforehand_and_does_what_was_told() {
    let strings = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let policy = |field: &str, effect, allowed: &[&str], denied: &[&str], value: Option<&str>| Policy {
        name: "p".to_owned(),
        field: Some(field.to_owned()),
        effect,
        allowed: strings(allowed),
        denied: strings(denied),
        value: value.map(str::to_owned),
        ..Policy::default()
    };
    let plain = json!({ "location": "eastus2" });
    let tagged = json!({ "location": "eastus2", "tags": { "owner": "me" } });
    let tags = json!({ "owner": "me" });
    let everything = json!({ "includeAuditEffect": true });
    let choice = json!({ "pendingFields": [{ "field": "location", "values": ["westus", "northeurope"] }] });
    let elsewhere = json!({ "pendingFields": [{ "field": "name" }] });
    let none = json!({});
    // The policy, the body, what else is asked; what is told; the status of the write and the tags that it leaves.
    let cases = [
        (
            policy("location", Effect::Deny, &["westus"], &[], None),
            &plain,
            &none,
            vec!["location Required westus", "Deny"],
            403,
            None,
        ),
        (
            policy("location", Effect::Deny, &["westus"], &[], None),
            &plain,
            &choice,
            vec!["location Deny northeurope", "Deny"],
            403,
            None,
        ),
        (
            policy("location", Effect::Deny, &[], &["eastus2"], None),
            &plain,
            &none,
            vec!["location Deny eastus2", "Deny"],
            403,
            None,
        ),
        (
            policy("location", Effect::Deny, &[], &["westus"], None),
            &plain,
            &none,
            vec!["location Deny westus"],
            201,
            None,
        ),
        (
            policy("location", Effect::Deny, &["westus"], &[], None),
            &plain,
            &elsewhere,
            vec!["Deny"],
            403,
            None,
        ),
        (
            policy("tags.owner", Effect::Deny, &[], &[], None),
            &plain,
            &none,
            vec!["tags.owner Required ", "Deny"],
            403,
            None,
        ),
        (
            policy("tags.owner", Effect::Deny, &[], &[], None),
            &tagged,
            &none,
            vec!["tags.owner Required "],
            201,
            Some(tags.clone()),
        ),
        (
            policy("tags.owner", Effect::Audit, &["you"], &[], None),
            &tagged,
            &none,
            vec![],
            201,
            Some(tags.clone()),
        ),
        (
            policy("tags.owner", Effect::Audit, &["you"], &[], None),
            &tagged,
            &everything,
            vec!["Audit"],
            201,
            Some(tags.clone()),
        ),
        (
            policy("tags.owner", Effect::Audit, &[], &["me"], None),
            &tagged,
            &everything,
            vec!["tags.owner Audit me", "Audit"],
            201,
            Some(tags.clone()),
        ),
        (
            policy("tags.owner", Effect::Remove, &[], &[], None),
            &tagged,
            &none,
            vec!["tags.owner Removed "],
            201,
            Some(json!({})),
        ),
        (
            policy("tags.owner", Effect::Append, &[], &[], Some("all")),
            &plain,
            &none,
            vec!["tags.owner Required all default all"],
            201,
            Some(json!({ "owner": "all" })),
        ),
        (
            policy("tags.owner", Effect::Append, &[], &[], Some("all")),
            &tagged,
            &none,
            vec!["tags.owner Required all default all", "Deny"],
            403,
            None,
        ),
        (
            policy("tags.owner", Effect::Modify, &[], &[], Some("all")),
            &tagged,
            &none,
            vec!["tags.owner Required all default all"],
            201,
            Some(json!({ "owner": "all" })),
        ),
    ];
    for (policy, body, more, wanted, status, tags) in cases {
        let what = format!("{policy:?} {body} {more}");
        let mut cloud = cloud(policy);
        assert_eq!(told(&ask(&mut cloud, body, more)), wanted, "{what}");
        let answer = cloud.put(&net("routeTables/rt"), body);
        assert_eq!(answer.status, status, "{what}");
        if status == 403 {
            assert_eq!(code(&answer), (403, "RequestDisallowedByPolicy"), "{what}");
        } else {
            assert_eq!(answer.value().get("tags").cloned(), tags, "{what}");
        }
    }
}
