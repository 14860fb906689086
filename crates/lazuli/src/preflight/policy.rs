//! Policies deny nothing that is made. One object is asked about in place of all that are alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_azure::preflight::policy::Denial;
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

/// What policies deny.
pub type Denials = BTreeMap<Alike, Result<Vec<Denial>, ProviderError>>;

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

/// No policy denies anything.
pub fn check(works: &Works, found: &Denials, verdict: &mut Verdict) {
    let mut unread: BTreeMap<String, usize> = BTreeMap::new();
    let mut denied: BTreeMap<(String, String), (&Denial, Vec<&Work>)> = BTreeMap::new();
    for (key, answer) in found {
        match answer {
            Ok(denials) if denials.is_empty() => verdict.pass(),
            Ok(denials) => {
                for denial in denials {
                    let entry = (denial.assignment_id.to_ascii_lowercase(), denial.field.clone());
                    let (_, users) = denied.entry(entry).or_insert((denial, Vec::new()));
                    users.extend(works.all.iter().filter(|work| work.creates() && alike(work) == *key));
                }
            }
            Err(error) => {
                let status = error.status.map_or_else(String::new, |status| format!("{status} "));
                *unread.entry(format!("{status}{}", error.code)).or_default() += 1;
            }
        }
    }
    for (denial, users) in denied.into_values() {
        let types =
            listed(users.iter().map(|work| work.ty.rsplit('/').next().unwrap_or_default().to_owned()));
        let problem = refusal("LZ1033", format!("the policy `{}` denies {types}", denial.assignment), users)
            .fact("policy", denial.assignment_id.clone());
        let values = denial.values.join(", ");
        let problem = match (denial.field.as_str(), denial.required) {
            ("", _) => problem,
            (field, true) if values.is_empty() => problem.fact("asks for", field.to_owned()),
            (field, true) => problem.fact("asks for", format!("{field}: {values}")),
            (field, false) => problem.fact("denies", format!("{field} = {values}")),
        };
        verdict.refuse(problem.help(match denial.field.strip_prefix("tags") {
            Some(_) => "set the tag in `tags`, or ask whoever assigned the policy for an exemption",
            None => "do as the policy says, or ask whoever assigned it for an exemption",
        }));
    }
    // Few principals may ask this: it is told, and no reason to worry.
    for (answer, _) in unread {
        verdict
            .fact(format!("policies were not looked at: the account may not ask for them (Azure: {answer})"));
    }
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
        let denial = |field: &str, required| Denial {
            assignment: "no-public".into(),
            assignment_id: "/x/no-public".into(),
            field: field.into(),
            values: vec![],
            required,
        };
        let mut verdict = Verdict::default();
        for answer in [
            Ok(vec![]),
            Ok(vec![denial("", false)]),
            Ok(vec![denial("tags.owner", true)]),
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
