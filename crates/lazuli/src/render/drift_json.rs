//! What somebody else did, for the document of a plan.

use std::sync::Arc;

use lazuli_core::Value;
use lazuli_core::path::PathStep;
use lazuli_core::plan::{Change, Drift, DriftKind, Plan};
use serde_json::{Value as Json, json};

use super::plan_json::{identity, mask, redacted};

/// One difference by itself.
pub(super) fn plain(drift: &Drift) -> Json {
    match &drift.what {
        DriftKind::Deleted => json!({"address": drift.address, "deleted": true}),
        DriftKind::Added { path } => json!({"address": drift.address, "path": path, "added": true}),
        DriftKind::Changed { path, recorded, observed } => json!({
            "address": drift.address,
            "path": path,
            "recorded": recorded.as_ref().map(redacted),
            "observed": observed.as_ref().map(redacted),
        }),
    }
}

/// What somebody else did to a resource, in Terraform's shape. `before` and `after` hold only what they changed.
pub(super) fn resource_drift(plan: &Plan, found: &[Drift]) -> Option<Json> {
    let address = &found.iter().find(|drift| !matches!(drift.what, DriftKind::Added { .. }))?.address;
    let named = |c: &&Change| c.address == *address || c.previous_address.as_ref() == Some(address);
    let change = plan.changes.iter().find(named)?;
    let (mut before, mut after) = (Value::object::<&str>([]), Value::object::<&str>([]));
    let mut actions = "update";
    for drift in found {
        match &drift.what {
            DriftKind::Deleted => actions = "delete",
            // Nothing of the resource's own differs.
            DriftKind::Added { .. } => continue,
            DriftKind::Changed { path, recorded, observed } => {
                before = with(&before, path.steps(), recorded.as_ref());
                after = with(&after, path.steps(), observed.as_ref());
            }
        }
    }
    let mut json = identity(address, change.mode, change);
    let after = (actions == "update").then_some(after);
    json.insert(
        "change".into(),
        json!({
            "actions": [actions],
            "before": redacted(&before),
            "after": after.as_ref().map(redacted),
            "after_unknown": mask(after.as_ref(), &Value::is_unknown),
            "before_sensitive": mask(Some(&before), &Value::is_sensitive),
            "after_sensitive": mask(after.as_ref(), &Value::is_sensitive),
        }),
    );
    Some(Json::Object(json))
}

/// The value with what lies at a path; elements of arrays are members by their key here.
fn with(value: &Value, path: &[PathStep], leaf: Option<&Value>) -> Value {
    let Some((step, below)) = path.split_first() else { return leaf.cloned().unwrap_or_else(Value::null) };
    let name: Arc<str> = match step {
        PathStep::Name(name) | PathStep::Key(name) => name.clone(),
        PathStep::Index(index) => index.to_string().into(),
    };
    let mut entries = value.as_entries().cloned().unwrap_or_default();
    let here = entries.get(&name).cloned().unwrap_or_else(|| Value::object::<&str>([]));
    entries.insert(name, with(&here, below, leaf));
    Value::object(entries)
}
