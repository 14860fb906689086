//! No deny assignment forbids a step: it outweighs every role.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_azure::permissions::Granted;
use lazuli_azure::preflight::denials::DenyAssignment;
use lazuli_core::provider::ProviderError;

use super::access::{Need, Place};
use super::verdict::{Verdict, refusal};

/// The deny assignments of resource groups.
pub type DenyAssignments = BTreeMap<Place, Result<Vec<DenyAssignment>, ProviderError>>;

/// No step needs what is denied.
pub fn check(needs: &[Need<'_>], found: &DenyAssignments, verdict: &mut Verdict) {
    let mut told = BTreeSet::new();
    for (place, answer) in found {
        let assignments = match answer {
            Ok(assignments) => assignments,
            Err(error) => {
                let group = place.1.rsplit('/').next().unwrap_or_default();
                verdict.unread(format!("deny assignments of {group}"), error);
                continue;
            }
        };
        let mut free = true;
        for assignment in assignments.iter().filter(|assignment| assignment.binds != Some(false)) {
            let denied: Vec<&Need<'_>> =
                needs.iter().filter(|need| need.group() == *place && denies(assignment, need)).collect();
            if denied.is_empty() {
                continue;
            }
            free = false;
            if !told.insert((place.0.clone(), assignment.scope.to_ascii_lowercase(), &assignment.name)) {
                continue;
            }
            let actions: BTreeSet<&str> = denied.iter().map(|need| need.action.as_str()).collect();
            let actions = actions.into_iter().collect::<Vec<_>>().join("\n");
            let name = &assignment.name;
            if assignment.binds == Some(true) {
                let message = format!("the deny assignment `{name}` forbids what the plan does");
                verdict.refuse(
                    refusal("LZ1036", message, denied.iter().map(|need| need.work))
                        .fact("denied", actions)
                        .fact("scope", assignment.scope.clone())
                        .help("no role outweighs it: whoever manages it (a managed application, a deployment stack) must lift it, or choose another resource group"),
                );
            } else {
                verdict.warn(
                    "LZ1036",
                    format!(
                        "the deny assignment `{name}` on {} names groups: if the account is in one of them, Azure refuses {}",
                        assignment.scope,
                        actions.replace('\n', ", ")
                    ),
                );
            }
        }
        if free {
            verdict.pass();
        }
    }
}

fn denies(assignment: &DenyAssignment, need: &Need<'_>) -> bool {
    let (scope, target) = (assignment.scope.to_ascii_lowercase(), need.target.to_ascii_lowercase());
    // What is set above the subscription is listed because it holds here.
    let above = !scope.starts_with("/subscriptions/");
    let covers = match assignment.only_there {
        true => target == scope,
        false => {
            above || target.strip_prefix(&scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    };
    covers && Granted(assignment.denied.clone()).allows(&need.action)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use lazuli_azure::permissions::Grant;
    use lazuli_core::plan::Operation;
    use serde_json::json;

    use super::super::access::needed;
    use super::super::verdict::told;
    use super::super::work::example::{GROUP, work, works};
    use super::*;

    #[test]
    fn what_is_denied_is_refused_and_what_may_be_denied_is_told() {
        let table = || work(Operation::Create, "Microsoft.Network/routeTables", "rt", json!({}));
        let plan = works(vec![table()], &[]);
        let needs = needed(&plan);
        let assignment = |scope: &str, actions: &[&str], binds: Option<bool>| DenyAssignment {
            name: "managed".into(),
            scope: scope.into(),
            denied: vec![Grant {
                actions: actions.iter().map(|action| (*action).to_owned()).collect(),
                not_actions: vec!["*/read".to_owned()],
                condition: None,
            }],
            binds,
            ..DenyAssignment::default()
        };
        let mut lines = Vec::new();
        for (scope, actions, binds) in [
            (GROUP, &["*"][..], Some(true)),
            (GROUP, &["*"][..], None),
            (GROUP, &["*"][..], Some(false)),
            (GROUP, &["Microsoft.Compute/*"][..], Some(true)),
            ("/subscriptions/s/resourceGroups/other", &["*"][..], Some(true)),
            ("/providers/Microsoft.Management/managementGroups/m", &["*/write"][..], Some(true)),
        ] {
            let place = ("main".into(), GROUP.to_owned());
            let found = BTreeMap::from([(place, Ok(vec![assignment(scope, actions, binds)]))]);
            let mut verdict = Verdict::default();
            check(&needs, &found, &mut verdict);
            lines.push(format!("{scope} {actions:?} {binds:?}\n{}", told(verdict)));
        }
        assert_snapshot!(lines.join("\n\n"));
    }
}
