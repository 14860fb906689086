//! Management locks stand in no step's way.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_azure::preflight::locks::Lock;
use lazuli_core::provider::ProviderError;

use super::access::Place;
use super::verdict::{Verdict, refusal};
use super::work::{Work, Works};

/// The locks of groups, of what is in them and of their subscription.
pub type Locks = BTreeMap<Place, Result<Vec<Lock>, ProviderError>>;

/// The groups in which something happens.
pub fn needed(works: &Works) -> BTreeSet<Place> {
    works.all.iter().map(|work| (work.account.clone(), work.scope())).collect()
}

/// No lock forbids a step.
pub fn check(works: &Works, found: &Locks, verdict: &mut Verdict) {
    let mut told = BTreeSet::new();
    // A lock that the plan deletes is gone before what it lies on: its id lies below that one's.
    let deleted = works.all.iter().filter(|work| work.deletes());
    let deleted: BTreeSet<String> = deleted.map(|work| work.id.to_ascii_lowercase()).collect();
    for ((account, scope), answer) in found {
        let locks = match answer {
            Ok(locks) => locks,
            Err(error) => {
                verdict.unread(format!("locks of {}", scope.rsplit('/').next().unwrap_or_default()), error);
                continue;
            }
        };
        let mut free = true;
        for lock in locks.iter().filter(|lock| !deleted.contains(&id_of(lock).to_ascii_lowercase())) {
            let held: Vec<&Work> =
                works.all.iter().filter(|work| work.account == *account && forbids(lock, work)).collect();
            if held.is_empty() {
                continue;
            }
            free = false;
            let key = format!("{}/{}", lock.scope, lock.name).to_ascii_lowercase();
            if told.insert(key) {
                verdict.refuse(forbidden(lock, &held));
            }
        }
        if free {
            verdict.pass();
        }
    }
}

fn forbidden(lock: &Lock, held: &[&Work]) -> lazuli_core::Diagnostic {
    let deletes = held.iter().filter(|work| work.deletes()).count();
    let (level, what) = match lock.read_only {
        true => ("ReadOnly", "changed"),
        false => ("CanNotDelete", "deleted"),
    };
    let number = if lock.read_only { held.len() } else { deletes };
    let steps = if number == 1 { "step" } else { "steps" };
    let message =
        format!("the lock `{}` forbids {number} {steps}: nothing may be {what} under it", lock.name);
    let problem =
        refusal("LZ1032", message, held.iter().copied()).fact("lock", format!("{level} on {}", lock.scope));
    let problem = match lock.notes.is_empty() {
        true => problem,
        false => problem.fact("notes", lock.notes.clone()),
    };
    problem.help(format!("ask whoever set it, then: az lock delete --ids {}", id_of(lock)))
}

fn id_of(lock: &Lock) -> String {
    format!("{}/providers/Microsoft.Authorization/locks/{}", lock.scope, lock.name)
}

/// A lock holds for its scope and everything below; a deletion also meets the locks of what it takes with it.
fn forbids(lock: &Lock, work: &Work) -> bool {
    let (scope, id) = (lock.scope.to_ascii_lowercase(), work.id.to_ascii_lowercase());
    let below = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    (lock.read_only || work.deletes()) && (below(&id, &scope) || (work.deletes() && below(&scope, &id)))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use lazuli_core::plan::Operation;
    use serde_json::json;

    use super::super::verdict::told;
    use super::super::work::example::{GROUP, work, works};
    use super::*;

    #[test]
    fn locks_forbid_what_they_forbid() {
        let plan = works(
            vec![
                work(Operation::Create, "Microsoft.Network/routeTables", "new", json!({})),
                work(Operation::Delete, "Microsoft.Network/routeTables", "old", json!({})),
                work(Operation::Delete, "Microsoft.Network/virtualNetworks", "v", json!({})),
            ],
            &[],
        );
        let old = format!("{GROUP}/providers/Microsoft.Network/routeTables/old");
        let inner = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/V/subnets/s");
        let mut lines = Vec::new();
        for (scope, read_only) in [
            ("/subscriptions/s", true),
            (GROUP, false),
            (old.as_str(), false),
            (inner.as_str(), false),
            ("/subscriptions/s/resourceGroups/rg2", true),
        ] {
            let lock = Lock { name: "keep".into(), scope: scope.into(), read_only, notes: "ask Ada".into() };
            let found = needed(&plan).into_iter().map(|place| (place, Ok(vec![lock.clone()]))).collect();
            let mut verdict = Verdict::default();
            check(&plan, &found, &mut verdict);
            lines.push(format!("{scope}\n{}", told(verdict)));
        }
        assert_snapshot!(lines.join("\n\n"));
    }
}
