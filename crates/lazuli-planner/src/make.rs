//! The whole plan in one call.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use lazuli_core::configuration::{Configuration, Output};
use lazuli_core::kind::Kinds;
use lazuli_core::plan::{Action, Cause, Change, Drift, DriftKind, OutputChange, Plan, PlanMode, Reason};
use lazuli_core::recorded::{Recorded, RecordedOutput, RecordedWorld};
use lazuli_core::resource::{NodeSlot, ResourceId};
use lazuli_core::source::Location;
use lazuli_core::{Address, Diagnostics, Json, Span};

use crate::apply;
use crate::compare::compare;
use crate::decide::{self, Decision, Gone, Sight};
use crate::draft::Draft;
use crate::order;
use crate::refactoring::Refactoring;

/// What looking at the world gave.
#[derive(Debug, Clone, Copy)]
pub enum Observed<'a> {
    /// Nobody looked (`--refresh=false`): the record is believed.
    Nothing,
    /// The objects that exist, of all that [`Draft::looks`] names.
    Objects(&'a HashMap<ResourceId, Json>),
}

/// What a plan is made from.
pub struct Request<'a> {
    /// What is wanted.
    pub configuration: &'a dyn Configuration,
    /// The schemas of the resource types.
    pub kinds: &'a dyn Kinds,
    /// What the state says.
    pub recorded: &'a RecordedWorld,
    /// What exists.
    pub observed: Observed<'a>,
    /// Towards the configuration, or towards nothing.
    pub mode: PlanMode,
    /// `--replace`: resources to be replaced although nothing asks for it.
    pub replace: &'a BTreeSet<Address>,
    /// What the configuration says about addresses.
    pub refactoring: &'a Refactoring,
    /// Where a span lies, for people.
    pub locate: &'a dyn Fn(Span) -> Option<Location>,
}

/// A change with what ordering needs to know about it.
pub(crate) struct Planned<'a> {
    pub(crate) change: Change,
    /// Of a part of a node, the slot it will have.
    pub(crate) slot: Option<NodeSlot>,
    /// The declaration it belongs to; `None` for what is no longer declared.
    pub(crate) place: Option<usize>,
    /// What the state says of it now: of a replacement, of the predecessor.
    pub(crate) recorded: Option<&'a Recorded>,
    /// True for an object that was set aside by an earlier replacement.
    pub(crate) deposed: bool,
}

/// Makes the plan: the same inputs give the same plan, byte for byte.
///
/// # Errors
/// Everything that forbids it, all at once.
pub fn make(draft: &Draft, request: &Request<'_>) -> Result<Plan, Diagnostics> {
    match request.mode {
        PlanMode::Apply => apply::apply(draft, request),
        PlanMode::Destroy => destroy(request),
        PlanMode::RefreshOnly => refresh(request),
    }
}

fn destroy(request: &Request<'_>) -> Result<Plan, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut planned = Vec::with_capacity(request.recorded.resources.len());
    let protected: BTreeSet<&Address> = request
        .configuration
        .declarations()
        .iter()
        .filter(|d| d.lifecycle.prevent_destroy)
        .map(|d| &d.address)
        .collect();
    let lineage = &request.recorded.lineage;
    for recorded in request.recorded.resources.values() {
        let gone = match request.refactoring.forgets(&recorded.address) {
            true => Gone::Forgotten,
            false => Gone::Destroyed { protected: protected.contains(&recorded.address) },
        };
        match decide::orphan(recorded, request.observed.of_record(recorded), gone, lineage) {
            Ok(decision) => planned.push(of_record(request, recorded, decision, false)),
            Err(problem) => problems.push(*problem),
        }
    }
    planned.extend(deposed(request, &mut problems));
    if !problems.is_empty() {
        return Err(problems);
    }
    let outputs = output_changes(&request.recorded.outputs, Vec::new());
    order::plan(planned, None, request, Vec::new(), outputs)
}

/// No steps: what the record says differently from the world, and which records have no object any more.
fn refresh(request: &Request<'_>) -> Result<Plan, Diagnostics> {
    let mut planned = Vec::with_capacity(request.recorded.resources.len());
    let mut drift = Vec::new();
    for recorded in request.recorded.resources.values() {
        let decision = match request.observed.of_record(recorded) {
            Sight::Absent => plain(Action::Forget, Some(Reason::DeletedOutside)),
            Sight::NotLooked => plain(Action::NoOp, None),
            Sight::Present(object) => {
                let sent = decide::inputs_of(recorded);
                let kind = request.kinds.kind(&recorded.ty);
                Decision {
                    paths: compare(kind, &[], &sent, Some(recorded), Some(object)),
                    ..plain(Action::NoOp, None)
                }
            }
        };
        let mut p = of_record(request, recorded, decision, false);
        drift.extend(drift_of(&p.change));
        p.change.paths.clear();
        planned.push(p);
    }
    order::plan(planned, None, request, drift, Vec::new())
}

fn plain(action: Action, reason: Option<Reason>) -> Decision {
    Decision { action, reason, paths: Vec::new(), before: None }
}

/// What somebody else did to a resource.
pub(crate) fn drift_of(change: &Change) -> Vec<Drift> {
    let drift = |what| Drift { address: change.address.clone(), title: change.title.clone(), what };
    if change.reason == Some(Reason::DeletedOutside) {
        return vec![drift(DriftKind::Deleted)];
    }
    let drifted = change.paths.iter().filter(|p| p.cause == Cause::Drift);
    drifted
        .map(|p| {
            // What was recorded is what is desired still: only the world changed.
            drift(DriftKind::Changed {
                path: p.path.clone(),
                recorded: p.after.clone(),
                observed: p.before.clone(),
            })
        })
        .collect()
}

impl<'a> Observed<'a> {
    /// What looking at an id gave, when it was one of [`Draft::looks`].
    pub(crate) fn sight(self, id: &ResourceId) -> Sight<'a> {
        match self {
            Observed::Nothing => Sight::NotLooked,
            Observed::Objects(objects) => objects.get(id).map_or(Sight::Absent, Sight::Present),
        }
    }

    pub(crate) fn of_record(self, recorded: &Recorded) -> Sight<'a> {
        self.sight(&recorded.id)
    }
}

/// The change of something that only the record knows.
pub(crate) fn of_record<'a>(
    request: &Request<'_>,
    recorded: &'a Recorded,
    decision: Decision,
    deposed: bool,
) -> Planned<'a> {
    Planned {
        slot: None,
        change: Change {
            address: recorded.address.clone(),
            previous_address: None,
            mode: recorded.mode,
            action: decision.action,
            reason: decision.reason,
            provider: recorded.provider,
            account: recorded.account.clone(),
            ty: recorded.ty.clone(),
            title: request.kinds.kind(&recorded.ty).title.into(),
            id: Some(recorded.id.clone()),
            previous_id: None,
            before: decision.before,
            after: None,
            paths: decision.paths,
            origin: None,
        },
        place: None,
        recorded: Some(recorded),
        deposed,
    }
}

/// Objects that an interrupted replacement left behind, and why one of them cannot go.
pub(crate) fn deposed<'a>(request: &Request<'a>, problems: &mut Diagnostics) -> Vec<Planned<'a>> {
    let mut left = Vec::with_capacity(request.recorded.deposed.len());
    for recorded in &request.recorded.deposed {
        let sight = request.observed.of_record(recorded);
        if let Err(problem) = decide::still_ours(recorded, sight, &request.recorded.lineage) {
            problems.push(*problem);
            continue;
        }
        let action = match sight {
            Sight::Absent => Action::Forget,
            Sight::Present(_) | Sight::NotLooked => Action::Delete,
        };
        let before = Some(decide::inputs_of(recorded));
        let decision = Decision { before, ..plain(action, Some(Reason::Deposed)) };
        left.push(of_record(request, recorded, decision, true));
    }
    left
}

/// The outputs as they were and as they will be; one that was or will be sensitive is.
pub(crate) fn output_changes(
    before: &BTreeMap<Arc<str>, RecordedOutput>,
    after: Vec<Output>,
) -> Vec<OutputChange> {
    let named: BTreeSet<Arc<str>> = after.iter().map(|output| output.name.clone()).collect();
    let made = after.into_iter().map(|output| {
        let was = before.get(&output.name);
        OutputChange {
            before: was.map(|was| was.value.clone()),
            name: output.name,
            after: Some(output.value),
            sensitive: output.sensitive || was.is_some_and(|was| was.sensitive),
        }
    });
    let gone = before.iter().filter(|(name, _)| !named.contains(*name)).map(|(name, output)| OutputChange {
        name: name.clone(),
        before: Some(output.value.clone()),
        after: None,
        sensitive: output.sensitive,
    });
    made.chain(gone).collect()
}
