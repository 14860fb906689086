//! Disruption budgets: how many pods may be evicted right now.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::look::{is_ready, name, namespace, owner, selects, set_condition, share};
use super::{Round, condition};

const BUDGETS: &str = "policy/v1/poddisruptionbudgets";

pub(super) fn act(round: &mut Round<'_>) {
    let budgets: Vec<Arc<Value>> = round.store.list(BUDGETS, None).cloned().collect();
    for budget in &budgets {
        if !is_concerned(round, budget) {
            continue;
        }
        let view = round.view;
        let of_namespace =
            view.pods().map(|pod| &pod.object).filter(|pod| namespace(pod) == namespace(budget));
        let meant: Vec<&Arc<Value>> = of_namespace.filter(|pod| is_meant(budget, pod)).collect();
        let (wanted, expected) = wanted(round, budget, &meant);
        let healthy = meant.iter().filter(|pod| is_ready(pod)).count() as i64;
        let allowed = (healthy - wanted).max(0);
        let now = round.now;
        round.store.edit(BUDGETS, namespace(budget), name(budget), |budget| {
            let generation = budget["metadata"]["generation"].clone();
            let conditions = budget["status"]["conditions"].clone();
            budget["status"] = json!({
                "disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": wanted, "expectedPods": expected,
                "observedGeneration": generation, "conditions": conditions,
            });
            let (status, why) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
            set_condition(budget, condition("DisruptionAllowed", status, why, "", now));
        });
    }
}

/// Whether a budget is about a pod, which is in its namespace.
fn is_meant(budget: &Value, pod: &Value) -> bool {
    selects(&budget["spec"]["selector"], &pod["metadata"]["labels"])
}

/// Whether anything changed that a budget's numbers follow from.
fn is_concerned(round: &Round<'_>, budget: &Value) -> bool {
    let changes = round.changes;
    changes.has_new_counts
        || changes.budgets.contains(&(namespace(budget).to_owned(), name(budget).to_owned()))
        || changes.moved.iter().any(|pod| namespace(pod) == namespace(budget) && is_meant(budget, pod))
}

/// How many pods must stay healthy, and of how many.
fn wanted(round: &Round<'_>, budget: &Value, meant: &[&Arc<Value>]) -> (i64, i64) {
    let mut controllers = BTreeMap::new();
    let mut alone = 0;
    for pod in meant {
        match owner(pod).and_then(|owner| super::replicas::expected(round, owner, namespace(budget))) {
            Some((uid, count)) => drop(controllers.insert(uid, count)),
            None => alone += 1,
        }
    }
    let expected = controllers.values().sum::<i64>() + alone;
    let least = &budget["spec"]["minAvailable"];
    let most = &budget["spec"]["maxUnavailable"];
    match (share(least, expected, true), share(most, expected, true)) {
        // A number counts the pods that are there, a share those that should be.
        (Some(least), _) if budget["spec"]["minAvailable"].is_number() => (least, meant.len() as i64),
        (Some(least), _) => (least, expected),
        (None, Some(most)) => ((expected - most).max(0), expected),
        (None, None) => (0, expected),
    }
}
