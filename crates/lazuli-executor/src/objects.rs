//! What expressions know of resources while a plan is carried out.
//!
//! At the start it is exactly what the planner knew, so that what the plan showed is evaluated again to the same; each
//! step that is done replaces its prediction by what exists.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use lazuli_core::configuration::{Known, KnownObject};
use lazuli_core::path::Path;
use lazuli_core::plan::{Action, Change, Plan};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Desired, ResourceId};
use lazuli_core::{Address, Json, Value};
use lazuli_planner::known::{Exists, object_of};

/// The objects by address.
#[derive(Debug, Default)]
pub struct Objects {
    objects: RwLock<HashMap<Address, KnownObject>>,
    epoch: AtomicU64,
}

impl Objects {
    /// What the planner knew when it made the plan.
    pub fn of_plan(plan: &Plan, recorded: &RecordedWorld, observed: &HashMap<ResourceId, Json>) -> Self {
        let object = |change: &Change| {
            let desired = desired_of(change)?;
            let record = recorded.resources.get(change.previous_address.as_ref().unwrap_or(&change.address));
            let seen = change.id.as_ref().and_then(|id| observed.get(id));
            let exists = Exists::after(change.action, seen.or_else(|| record.map(|r| &r.observed)));
            let sensitive = record.filter(|_| exists.object().is_some()).map_or(&[][..], |r| &r.sensitive);
            Some((change.address.clone(), object_of(&change.address, &desired, exists, sensitive)))
        };
        let objects = plan.changes.iter().filter_map(object).collect();
        Objects { objects: RwLock::new(objects), epoch: AtomicU64::new(1) }
    }

    /// An object exists now.
    pub(crate) fn made(&self, address: &Address, desired: &Desired, observed: &Json, sensitive: &[Path]) {
        let object = object_of(address, desired, Exists::Stays(observed), sensitive);
        self.objects.write().unwrap_or_else(PoisonError::into_inner).insert(address.clone(), object);
        self.epoch.fetch_add(1, Ordering::Release);
    }
}

impl Known for Objects {
    fn object(&self, address: &Address) -> Option<KnownObject> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }
}

/// What was desired of a resource when the plan was made; `None` of one that goes.
fn desired_of(change: &Change) -> Option<Desired> {
    if matches!(change.action, Action::Delete | Action::Forget) {
        return None;
    }
    Some(Desired {
        provider: change.provider,
        account: change.account.clone(),
        ty: change.ty.clone(),
        id: change.id.clone(),
        body: change.after.clone().unwrap_or_else(|| Value::object(Vec::<(&str, Value)>::new())),
        slot: None,
        succeeds: None,
    })
}
