//! The subscription can be changed and has registered the namespaces that are written to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazuli_azure::checks::Subscription;
use lazuli_core::provider::ProviderError;

use super::verdict::{Verdict, refusal};
use super::work::Works;

/// Namespaces that are registered in every subscription.
const ALWAYS: &[&str] = &["Microsoft.Authorization", "Microsoft.Resources"];

/// A namespace of a subscription.
pub type Namespace = (Arc<str>, String);

/// The namespaces whose objects are made or changed.
pub fn needed(works: &Works) -> BTreeSet<Namespace> {
    let written = works.all.iter().filter(|work| !work.deletes());
    let pairs =
        written.filter_map(|work| Some((work.account.clone(), work.ty.split_once('/')?.0.to_owned())));
    pairs.filter(|(_, name)| !ALWAYS.iter().any(|always| always.eq_ignore_ascii_case(name))).collect()
}

/// A subscription that is about to be closed is told; a closed one refuses everything.
pub fn subscriptions(found: &BTreeMap<Arc<str>, Result<Subscription, ProviderError>>, verdict: &mut Verdict) {
    for (account, answer) in found {
        match answer {
            Ok(subscription) if ["Warned", "PastDue"].contains(&subscription.state.as_str()) => verdict.warn(
                "LZ1020",
                format!(
                    "subscription {} is {}: Azure will close it soon, its owner must settle the bill",
                    subscription.name, subscription.state
                ),
            ),
            Ok(_) => verdict.pass(),
            Err(error) if error.code == "SubscriptionDisabled" => {
                let problem = refusal("LZ1020", error.message.clone(), []);
                verdict.refuse(
                    problem.help("ask its owner to enable it; until then Azure only lets it be read"),
                );
            }
            Err(error) => verdict.unread(format!("the subscription of cloud_account.{account}"), error),
        }
    }
}

/// Every namespace is registered.
pub fn check(
    works: &Works,
    found: &BTreeMap<Namespace, Result<String, ProviderError>>,
    verdict: &mut Verdict,
) {
    for ((account, namespace), answer) in found {
        let state = match answer {
            Ok(state) => state,
            Err(error) => {
                verdict.unread(format!("registration of {namespace}"), error);
                continue;
            }
        };
        match state.as_str() {
            "Registered" => verdict.pass(),
            "Registering" => verdict.warn(
                "LZ1021",
                format!("{namespace} is being registered: the first steps may have to wait for it"),
            ),
            _ => {
                let users = works.all.iter().filter(|work| {
                    work.account == *account
                        && !work.deletes()
                        && work.ty.starts_with(&format!("{namespace}/"))
                });
                let subscription =
                    users.clone().next().map(|work| work.id.split('/').nth(2).unwrap_or_default());
                let message = format!("the subscription has not registered `{namespace}`");
                verdict.refuse(
                    refusal("LZ1021", message, users)
                        .fact("Azure", format!("registrationState {state}"))
                        .help(format!(
                            "register it once, which takes a few minutes: az provider register --namespace {namespace} --subscription {} --wait",
                            subscription.unwrap_or_default()
                        )),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use lazuli_core::plan::Operation;
    use serde_json::json;

    use super::super::verdict::told;
    use super::super::work::example::{work, works};
    use super::*;

    #[test]
    fn only_what_is_written_needs_its_namespace() {
        let plan = works(
            vec![
                work(Operation::Create, "Microsoft.Network/publicIPAddresses", "a", json!({})),
                work(Operation::Delete, "Microsoft.Compute/disks", "b", json!({})),
                work(Operation::Create, "Microsoft.Authorization/roleAssignments", "c", json!({})),
            ],
            &[],
        );
        assert_eq!(needed(&plan), BTreeSet::from([("main".into(), "Microsoft.Network".to_owned())]));
        let mut verdict = Verdict::default();
        for state in ["Registered", "Registering", "NotRegistered"] {
            let found = needed(&plan).into_iter().map(|key| (key, Ok(state.to_owned()))).collect();
            check(&plan, &found, &mut verdict);
        }
        assert_snapshot!(told(verdict));
    }

    #[test]
    fn the_state_of_the_subscription_is_told() {
        let state = |state: &str| {
            let subscription = Subscription {
                id: "s".into(),
                name: "Research".into(),
                state: state.into(),
                tenant_id: "t".into(),
            };
            BTreeMap::from([("main".into(), Ok(subscription))])
        };
        let mut verdict = Verdict::default();
        subscriptions(&state("Enabled"), &mut verdict);
        subscriptions(&state("PastDue"), &mut verdict);
        assert_snapshot!(told(verdict));
    }
}
