//! Machines name the plan their image is sold under, and somebody accepted its terms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazuli_azure::preflight::terms::Plan;
use lazuli_core::provider::ProviderError;

use super::capabilities::{ImagesOf, image_of};
use super::sizes::MACHINES;
use super::verdict::{Verdict, refusal};
use super::work::{Work, Works};

/// Whether the terms of plans are accepted, by account.
pub type Terms = BTreeMap<(Arc<str>, Plan), Result<bool, ProviderError>>;

/// The plans of machines that are made.
pub fn needed(works: &Works) -> BTreeSet<(Arc<str>, Plan)> {
    works.created(MACHINES).filter_map(|work| Some((work.account.clone(), plan_of(work)?))).collect()
}

fn plan_of(work: &Work) -> Option<Plan> {
    Plan::of(work.body.get("plan")?)
}

/// Every plan is named and accepted.
pub fn check(works: &Works, images: &ImagesOf, found: &Terms, verdict: &mut Verdict) {
    let mut unnamed: BTreeMap<&Plan, Vec<&Work>> = BTreeMap::new();
    for work in works.created(MACHINES) {
        let image = image_of(work).and_then(|key| images.get(&key)?.as_ref().ok());
        if let Some(plan) = image.and_then(|image| image.plan.as_ref())
            && plan_of(work).as_ref() != Some(plan)
        {
            unnamed.entry(plan).or_default().push(work);
        }
    }
    for (plan, users) in unnamed {
        verdict.refuse(
            refusal(
                "LZ1037",
                format!("the image is sold under the plan {plan}, which the machine does not name"),
                users,
            )
            .help(format!(
                "add to the machine: plan = {{ publisher = \"{}\", product = \"{}\", name = \"{}\" }}",
                plan.publisher, plan.product, plan.name
            )),
        );
    }
    for ((account, plan), answer) in found {
        match answer {
            Ok(true) => verdict.pass(),
            Ok(false) => {
                let users = works
                    .created(MACHINES)
                    .filter(|work| work.account == *account && plan_of(work).as_ref() == Some(plan));
                let problem = refusal("LZ1037", format!("nobody has accepted the terms of {plan}"), users);
                verdict.refuse(problem.help(format!(
                    "read them, then accept them once for the subscription: az vm image terms accept --publisher {} --offer {} --plan {}",
                    plan.publisher, plan.product, plan.name
                )));
            }
            Err(error) => verdict.unread(format!("the terms of {plan}"), error),
        }
    }
}
