//! Evictions, which disruption budgets may refuse.

use serde_json::{Value, json};

use super::resources::Resource;
use super::selector::Selector;
use super::status::Refusal;
use super::store::{Store, moment};

const BUDGETS: &str = "policy/v1/poddisruptionbudgets";

/// Asks the budgets of a pod, and takes the disruption from the one that allows it.
pub(crate) fn ask(
    store: &mut Store,
    pods: &Resource,
    pod: &Value,
    dry_run: bool,
    now_ms: u64,
) -> Result<(), Refusal> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let (namespace, name) = (text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]));
    let is_over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed" | "Pending") | None);
    if is_over || !pod["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let budgets: Vec<_> = store
        .list(BUDGETS, Some(&namespace))
        .filter(|budget| budget["spec"]["selector"].is_object())
        .filter(|budget| Selector::of_object(&budget["spec"]["selector"]).matches(pod))
        .cloned()
        .collect();
    let budget = match budgets.as_slice() {
        [] => return Ok(()),
        [budget] => budget,
        _ => {
            let why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(Refusal::internal(why));
        }
    };
    let budget_name = text(&budget["metadata"]["name"]);
    let number = |name: &str| budget["status"][name].as_i64().unwrap_or(0);
    if !is_ready(pod) {
        let always = budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
        if always || (number("desiredHealthy") > 0 && number("currentHealthy") >= number("desiredHealthy")) {
            return Ok(());
        }
    }
    if number("observedGeneration") < budget["metadata"]["generation"].as_i64().unwrap_or(0) {
        return Err(Refusal::disruption_budget(format!(
            "The disruption budget {budget_name} is still being processed by the server."
        )));
    }
    if number("disruptionsAllowed") < 0 {
        return Err(Refusal::forbidden(pods, &name, "pdb disruptions allowed is negative"));
    }
    if number("disruptionsAllowed") == 0 {
        return Err(Refusal::disruption_budget(format!(
            "The disruption budget {budget_name} needs {} healthy pods and has {} currently",
            number("desiredHealthy"),
            number("currentHealthy")
        )));
    }
    if !dry_run {
        let left = number("disruptionsAllowed") - 1;
        store.edit(BUDGETS, &namespace, &budget_name, |budget| {
            budget["status"]["disruptionsAllowed"] = json!(left);
            budget["status"]["disruptedPods"][&name] = json!(moment(now_ms));
        });
    }
    Ok(())
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
