//! Policies deny nothing that is made, and change none of it. One object is asked about in place of all that are alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_azure::preflight::policy::{Effect, Restriction};
use lazuli_core::provider::ProviderError;

use super::verdict::{Verdict, refusal};
use super::work::{Work, Works, listed};

/// What objects have in common that policies look at: account, group, type, and location with tags as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alike {
    /// The account.
    pub account: Arc<str>,
    /// The resource group's id.
    pub group: String,
    /// The type.
    pub ty: Arc<str>,
    look: String,
}

/// What policies deny, change and take note of.
pub type Restrictions = BTreeMap<Alike, Result<Vec<Restriction>, ProviderError>>;

/// Objects that are made, one for all that are alike.
pub fn needed(works: &Works) -> BTreeMap<Alike, &Work> {
    let mut found = BTreeMap::new();
    // What extends another object or lies in one has no location or tags for a policy to look at.
    let tracked = |work: &&Work| {
        work.creates() && work.body.get("location").is_some() && work.scope().contains("/resourceGroups/")
    };
    for work in works.all.iter().filter(tracked) {
        found.entry(alike(work)).or_insert(work);
    }
    found
}

fn alike(work: &Work) -> Alike {
    let part = |key: &str| work.body.get(key).map(ToString::to_string).unwrap_or_default();
    Alike {
        account: work.account.clone(),
        group: work.scope(),
        ty: work.ty.clone(),
        look: format!("{} {}", part("location"), part("tags")),
    }
}

/// No policy denies anything; what one changes or takes note of is worth a warning.
pub fn check(works: &Works, found: &Restrictions, verdict: &mut Verdict) {
    let mut unread: BTreeMap<String, usize> = BTreeMap::new();
    let mut told: BTreeMap<(String, String), (&Restriction, Vec<&Work>)> = BTreeMap::new();
    for (key, answer) in found {
        match answer {
            Ok(restrictions) if restrictions.is_empty() => verdict.pass(),
            Ok(restrictions) => {
                for restriction in restrictions {
                    let entry = (restriction.assignment_id.to_ascii_lowercase(), restriction.field.clone());
                    let (_, users) = told.entry(entry).or_insert((restriction, Vec::new()));
                    users.extend(works.all.iter().filter(|work| work.creates() && alike(work) == *key));
                }
            }
            Err(error) => {
                let status = error.status.map_or_else(String::new, |status| format!("{status} "));
                *unread.entry(format!("{status}{}", error.code)).or_default() += 1;
            }
        }
    }
    for (restriction, users) in told.into_values() {
        say(restriction, users, verdict);
    }
    // Few principals may ask this: it is told, and no reason to worry.
    for (answer, _) in unread {
        verdict
            .fact(format!("policies were not looked at: the account may not ask for them (Azure: {answer})"));
    }
}

fn say(restriction: &Restriction, users: Vec<&Work>, verdict: &mut Verdict) {
    let types = listed(users.iter().map(|work| work.ty.rsplit('/').next().unwrap_or_default().to_owned()));
    let Restriction { assignment, assignment_id, field, values, effect } = restriction;
    let values = values.join(", ");
    let denied =
        || refusal("LZ1033", format!("the policy `{assignment}` denies {types}"), users.iter().copied());
    let problem = match effect {
        Effect::Denies if field.is_empty() => denied().fact("policy", assignment_id.clone()),
        Effect::Denies => {
            denied().fact("policy", assignment_id.clone()).fact("denies", format!("{field} = {values}"))
        }
        Effect::Requires => {
            let asked = if values.is_empty() { field.clone() } else { format!("{field}: {values}") };
            denied().fact("policy", assignment_id.clone()).fact("asks for", asked)
        }
        Effect::Removes => {
            let text = format!(
                "the policy `{assignment}` takes {field} away from {types}: leave it out, or every plan will set it again"
            );
            return verdict.warn("LZ1061", text);
        }
        Effect::Replaces => {
            let text = format!(
                "the policy `{assignment}` sets {field} of {types} to {values}: write the same, or every plan will change it back"
            );
            return verdict.warn("LZ1061", text);
        }
        Effect::Audits => {
            let what = if field.is_empty() { String::new() } else { format!(" for {field} = {values}") };
            return verdict.warn(
                "LZ1062",
                format!("the policy `{assignment}` will list {types} as not compliant{what}"),
            );
        }
    };
    verdict.refuse(problem.help(match field.strip_prefix("tags") {
        Some(_) => "set the tag in `tags`, or ask whoever assigned the policy for an exemption",
        None => "do as the policy says, or ask whoever assigned it for an exemption",
    }));
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use lazuli_core::plan::Operation;
    use lazuli_core::provider::Outcome;
    use serde_json::json;

    use super::super::verdict::told;
    use super::super::work::example::{work, works};
    use super::*;

    #[test]
    fn alike_objects_are_asked_about_once_and_denied_together() {
        let address =
            |name: &str| work(Operation::Create, "Microsoft.Network/publicIPAddresses", name, json!({}));
        let plan = works(
            vec![
                address("a"),
                address("b"),
                work(Operation::Create, "Microsoft.Compute/disks", "c", json!({})),
            ],
            &[],
        );
        let needed = needed(&plan);
        assert_eq!(needed.len(), 2);
        let restriction = |field: &str, effect| Restriction {
            assignment: "no-public".into(),
            assignment_id: "/x/no-public".into(),
            field: field.into(),
            values: if effect == Effect::Requires { vec![] } else { vec!["me".into()] },
            effect,
        };
        let mut verdict = Verdict::default();
        for answer in [
            Ok(vec![]),
            Ok(vec![restriction("", Effect::Denies)]),
            Ok(vec![restriction("tags.owner", Effect::Requires)]),
            Ok(vec![restriction("tags.owner", Effect::Denies)]),
            Ok(vec![restriction("tags.owner", Effect::Removes)]),
            Ok(vec![restriction("tags.owner", Effect::Replaces)]),
            Ok(vec![restriction("tags.owner", Effect::Audits)]),
            Ok(vec![restriction("", Effect::Audits)]),
            Err(ProviderError {
                status: Some(403),
                ..ProviderError::own("AuthorizationFailed", "no", Outcome::Nothing)
            }),
        ] {
            let found = needed.keys().map(|key| (key.clone(), answer.clone())).collect();
            check(&plan, &found, &mut verdict);
        }
        assert_snapshot!(told(verdict));
    }
}
