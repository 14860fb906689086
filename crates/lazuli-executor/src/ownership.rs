//! Law 5: nothing is created over an object that is not this state's.
//!
//! A plan that looked has refused such objects already, by the same rule (`decide` of the planner); here it is about
//! what a plan could not see: what appeared since it was saved, what has an id that became known only now, and all of it
//! without a refresh.

use std::collections::HashSet;

use lazuli_core::configuration::Known as _;
use lazuli_core::plan::{Action, Operation, Step};
use lazuli_core::provider::Provider;
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Desired, Mode, ProviderName, ResourceId};
use lazuli_core::{Json, Value};
use lazuli_planner::decide::LINEAGE_TAG;

use crate::error::{Owner, StepError};
use crate::objects::Objects;
use crate::resolve::{READ, Sight, look};
use crate::step::Context;

/// The ids of what is recorded as ours. A create that nobody saw accepted proves nothing yet.
pub(crate) fn recorded_ids(world: &RecordedWorld) -> HashSet<ResourceId> {
    let recorded = world.resources.values().chain(&world.deposed).filter(|r| r.mode == Mode::Managed);
    let proven = recorded
        .filter(|r| r.pending.as_ref().is_none_or(|p| p.operation != Operation::Create || p.url.is_some()));
    proven.map(|r| r.id.clone()).collect()
}

/// Looks whether the id of what is to be created is free, or used by an object of ours.
///
/// # Errors
/// [`StepError::Exists`] when it is somebody else's, and when it cannot be read.
pub(crate) async fn claim(
    context: &Context,
    step: &Step,
    desired: &Desired,
    id: &ResourceId,
    provider: &dyn Provider,
) -> Result<(), StepError> {
    if context.owned.contains(id) || was_looked_at(context, step) {
        return Ok(());
    }
    let object = match look(provider, &desired.ty, id).await {
        Sight::Absent => return Ok(()),
        Sight::Present(object) => object,
        Sight::Unreadable(Some(error)) => return Err(StepError::Provider(Box::new(error))),
        Sight::Unreadable(None) => return Err(StepError::Timeout(READ)),
    };
    // Objects that cannot carry tags are ours when what they lie below is; of Kubernetes objects, that is the cluster.
    let cannot_carry_tags = desired.body.get("tags").is_none() && object.get("tags").is_none();
    if is_lineage(&object, &context.run.plan.lineage)
        || cannot_carry_tags && (desired.provider != ProviderName::Azure || lies_below_ours(context, id))
    {
        return Ok(());
    }
    Err(StepError::Exists { id: id.clone(), owner: owner(&object) })
}

/// Who an object that is not ours belongs to.
pub(crate) fn owner(object: &Json) -> Owner {
    lineage(object).map_or(Owner::Nobody, |other| Owner::State(other.to_owned()))
}

/// True when an object cannot have come of what was sent: that says whose it is, and the object does not say the same.
pub(crate) fn is_not_what_was_sent(sent: &Json, object: &Json, ours: &str) -> bool {
    is_lineage(sent, ours) && !is_lineage(object, ours)
}

fn is_lineage(object: &Json, ours: &str) -> bool {
    lineage(object) == Some(ours)
}

/// The state an object says it belongs to. Azure does not tell upper and lower case apart in the keys of tags.
fn lineage(object: &Json) -> Option<&str> {
    let tags = object.get("tags")?.as_object()?;
    let (_, lineage) = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(LINEAGE_TAG))?;
    lineage.as_str()
}

/// True when the plan's refresh has looked at the id a step creates: it was known before anything was looked at.
fn was_looked_at(context: &Context, step: &Step) -> bool {
    let (true, Some(planned)) = (context.run.looked, &step.id) else { return false };
    let Some(place) = context.places.get(&step.address) else { return false };
    let nothing_known = Objects::default();
    let early = context.run.configuration.evaluate(*place, &nothing_known);
    early.is_ok_and(|early| early.id.as_ref() == Some(planned))
}

/// True when a managed resource of the plan that exists by now is what an id lies below.
fn lies_below_ours(context: &Context, id: &ResourceId) -> bool {
    let managed = context.run.plan.changes.iter().filter(|change| change.mode == Mode::Managed);
    let mut stays = managed.filter(|change| !matches!(change.action, Action::Delete | Action::Forget));
    stays.any(|change| {
        let elsewhere = change.id.as_ref().is_some_and(|above| !lies_below(id, above.as_str()));
        let object = if elsewhere { None } else { context.objects.object(&change.address) };
        object.is_some_and(|object| {
            let above = object.value.get("id").and_then(Value::as_str);
            object.complete && above.is_some_and(|above| lies_below(id, above))
        })
    })
}

fn lies_below(id: &ResourceId, above: &str) -> bool {
    let (start, rest) = (id.as_str().get(..above.len()), id.as_str().get(above.len()..));
    start.is_some_and(|start| start.eq_ignore_ascii_case(above)) && rest.is_some_and(|r| r.starts_with('/'))
}
