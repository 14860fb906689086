//! The tag by which an object says which state it belongs to: put on what `resource` blocks make, as on the parts of
//! clusters, so that another state leaves it alone and a lost record is found again.
//!
//! What is imported, or was made without the tag, is not touched for its sake: a plan after an import stays empty.

use std::collections::HashSet;
use std::sync::Arc;

use lazuli_config::{Placement, Resource};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Mode, ResourceType};
use lazuli_core::{Address, Diagnostic, Diagnostics, Entries, Value};
use lazuli_planner::decide::LINEAGE_TAG;

use super::Blueprint;

/// The tag, made once and shared by all that carry it.
pub(super) struct Mark {
    key: Arc<str>,
    lineage: Value,
    tags: Arc<str>,
}

impl Mark {
    pub(super) fn of(lineage: &str) -> Mark {
        Mark { key: LINEAGE_TAG.into(), lineage: Value::string(lineage), tags: "tags".into() }
    }

    /// The body with the tag, when its type can carry one: Azure's tracked resources are those of a resource group that
    /// have a location. Tags that are not known yet are left for when they are.
    pub(super) fn put_on(&self, body: Value, placement: &Placement, ty: &ResourceType) -> Value {
        let tracked = matches!(placement, Placement::ResourceGroup(_)) && !is_access(&ty.name); // a location, but no tags
        let located = body.get("location").is_some_and(|location| !location.is_null());
        let tags = body.get("tags").filter(|tags| !tags.is_null());
        let known = tags.map_or_else(|| Some(Entries::default()), |tags| tags.as_entries().cloned());
        let (true, true, Some(mut marked)) = (tracked, located, known) else { return body };
        let Some(mut entries) = body.as_entries().cloned() else { return body };
        marked.insert(self.key.clone(), self.lineage.clone());
        let marked = Value::object(marked);
        let marked = tags.map_or_else(|| marked.clone(), |tags| marked.clone().marked_as(tags));
        entries.insert(self.tags.clone(), marked);
        Value::object(entries).marked_as(&body)
    }
}

impl Blueprint {
    /// Leaves a resource as it is, without the tag: it is being imported.
    pub fn leave_unmarked(&mut self, address: &Address) {
        self.unmarked.insert(address.clone());
    }

    /// The addresses of resources that exist without the tag, and of those that are imported.
    pub(super) fn without_mark(&self, world: &RecordedWorld) -> HashSet<Address> {
        let carries = |recorded: &Recorded| {
            let tags = recorded.inputs.get("tags").and_then(|tags| tags.as_object());
            tags.is_some_and(|tags| tags.keys().any(|key| key.eq_ignore_ascii_case(LINEAGE_TAG)))
        };
        let made = world.resources.values().filter(|r| r.mode == Mode::Managed && !carries(r));
        let mut without: HashSet<Address> = made.map(|recorded| recorded.address.clone()).collect();
        if without.is_empty() && self.units.iter().all(|unit| unit.module().imports.is_empty()) {
            return without;
        }
        // What is wrong with these blocks is told where they are carried out.
        let told = self.refactoring(world).unwrap_or_default();
        let moved: Vec<Address> =
            told.moves.iter().filter(|(_, from)| without.contains(*from)).map(|(to, _)| to.clone()).collect();
        let new = told.imports.into_keys().filter(|to| !world.resources.contains_key(to));
        without.extend(moved.into_iter().chain(new));
        without
    }
}

/// Refuses the tag in a configuration: whose an object is is not for it to say.
pub(super) fn refuse_mark(resource: &Resource) -> Result<(), Diagnostics> {
    let mut tags =
        resource.body.get("tags").and_then(Value::as_entries).into_iter().flat_map(|tags| tags.keys());
    if !tags.any(|key| key.eq_ignore_ascii_case(LINEAGE_TAG)) {
        return Ok(());
    }
    let problem = Diagnostic::error("LZ0214", format!("the tag `{LINEAGE_TAG}` is reserved"))
        .at(resource.block.span_of("tags"), "by it an object says which Lazuli state it belongs to")
        .help("take it out");
    Err(vec![problem])
}

/// True for role assignments and the like.
fn is_access(type_name: &str) -> bool {
    const ACCESS: &str = "microsoft.authorization/";
    type_name.get(..ACCESS.len()).is_some_and(|start| start.eq_ignore_ascii_case(ACCESS))
}
