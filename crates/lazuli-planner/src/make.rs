//! The whole plan in one call.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use lazuli_core::configuration::{Configuration, Output};
use lazuli_core::kind::Kinds;
use lazuli_core::plan::{Action, Change, Drift, DriftKind, OutputChange, Plan, PlanMode, Reason};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Mode, NodeSlot, ResourceId};
use lazuli_core::source::Location;
use lazuli_core::{Address, Diagnostic, Diagnostics, Json, Span};

use crate::decide::{self, Case, Decision, Sight};
use crate::draft::Draft;
use crate::known::{Reached, object_of};
use crate::order;

/// What looking at the world gave.
#[derive(Debug, Clone, Copy)]
pub enum Observed<'a> {
    /// Nobody looked (`--refresh=false`): the record is believed.
    Nothing,
    /// The objects that exist, of all that [`Draft::looks`] names.
    Objects(&'a HashMap<ResourceId, Json>),
}

impl<'a> Observed<'a> {
    fn sight(self, id: Option<&ResourceId>) -> Sight<'a> {
        match (self, id) {
            (Observed::Nothing, _) => Sight::NotLooked,
            (Observed::Objects(_), None) => Sight::Absent,
            (Observed::Objects(objects), Some(id)) => objects.get(id).map_or(Sight::Absent, Sight::Present),
        }
    }
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
        PlanMode::Destroy => destroy(request),
        PlanMode::Apply | PlanMode::RefreshOnly => apply(draft, request),
    }
}

fn destroy(request: &Request<'_>) -> Result<Plan, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut planned = Vec::with_capacity(request.recorded.resources.len());
    for recorded in request.recorded.resources.values() {
        match decide::orphan(recorded, request.observed.sight(Some(&recorded.id)), true) {
            Ok(decision) => planned.push(of_record(request, recorded, decision, false)),
            Err(problem) => problems.push(*problem),
        }
    }
    planned.extend(deposed(request));
    if !problems.is_empty() {
        return Err(problems);
    }
    let outputs = output_changes(&request.recorded.outputs, Vec::new());
    Ok(order::plan(planned, &[], request, Vec::new(), outputs))
}

fn apply(draft: &Draft, request: &Request<'_>) -> Result<Plan, Diagnostics> {
    let declarations = request.configuration.declarations();
    let recorded = &request.recorded.resources;
    let mut problems = Diagnostics::new();
    // A record whose address is no longer declared belongs to whoever desires its id now: that is a move.
    let by_id: HashMap<&ResourceId, &Recorded> = recorded
        .values()
        .filter(|r| !draft.graph.places.contains_key(&r.address))
        .map(|r| (&r.id, r))
        .collect();
    let mut moved_from: BTreeSet<&Address> = BTreeSet::new();
    let reached = Reached::new(&draft.graph.places, 2);
    let mut slots: Vec<Option<Planned<'_>>> = (0..declarations.len()).map(|_| None).collect();
    let mut drift = Vec::new();
    for &place in &draft.graph.order {
        let declaration = &declarations[place];
        if draft.graph.dependencies[place].iter().any(|link| slots[link.on].is_none()) {
            continue; // what it depends on has its own error
        }
        let first = &draft.desired[place];
        let desired = if first.id.is_some() && first.body.is_wholly_known() {
            first.clone()
        } else {
            match request.configuration.evaluate(place, &reached) {
                Ok(desired) => desired,
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            }
        };
        let kind = request.kinds.kind(&desired.ty);
        let here = recorded.get(&declaration.address);
        let former =
            if here.is_none() { desired.id.as_ref().and_then(|id| by_id.get(id)).copied() } else { None };
        let before = here.or(former);
        let observed = request.observed.sight(desired.id.as_ref());
        let case = Case {
            declaration,
            desired: &desired,
            kind,
            recorded: before,
            observed,
            predecessor: request.observed.sight(before.map(|r| &r.id)),
            lineage: &request.recorded.lineage,
            asked_to_replace: request.replace.iter().any(|asked| declaration.address.is_within(asked)),
        };
        let decided = match declaration.mode {
            Mode::Managed => decide::managed(&case),
            Mode::Data => {
                let waits = draft.graph.dependencies[place].iter().any(|link| {
                    slots[link.on].as_ref().is_some_and(|p| !matches!(p.change.action, Action::NoOp))
                });
                decide::data(&case, waits)
            }
        };
        let mut decision = match decided {
            Ok(decision) => decision,
            Err(problem) => {
                problems.push(*problem);
                continue;
            }
        };
        if let (Some(former), Action::NoOp) = (former, decision.action) {
            moved_from.insert(&former.address);
            decision.action = Action::Move;
        } else if let Some(former) = former {
            moved_from.insert(&former.address);
        }
        if decision.action.is_replace() || decision.action == Action::Delete {
            if let Some(problem) = protected(
                before,
                declaration.lifecycle.prevent_destroy,
                &declaration.address,
                declaration.origin,
            ) {
                problems.push(problem);
                continue;
            }
        }
        collect_drift(&declaration.address, kind.title, &decision, &mut drift);
        let existing = match (decision.action, observed) {
            (Action::Create | Action::Read | Action::ReplaceCreateFirst | Action::ReplaceDeleteFirst, _) => {
                None
            }
            (_, Sight::Present(object)) => Some(object),
            _ => before.map(|r| &r.observed),
        };
        reached.reach(place, object_of(&desired, existing));
        let previous_id = before.filter(|r| Some(&r.id) != desired.id.as_ref()).map(|r| r.id.clone());
        slots[place] = Some(Planned {
            change: Change {
                address: declaration.address.clone(),
                previous_address: former.map(|f| f.address.clone()),
                mode: declaration.mode,
                action: decision.action,
                reason: decision.reason,
                provider: desired.provider,
                account: desired.account.clone(),
                ty: desired.ty.clone(),
                title: kind.title.into(),
                id: desired.id.clone(),
                previous_id,
                before: decision.before,
                after: (declaration.mode == Mode::Managed).then(|| desired.body.clone()),
                paths: decision.paths,
                origin: declaration.origin.and_then(|span| (request.locate)(span)),
            },
            slot: desired.slot,
            place: Some(place),
            recorded: before,
            deposed: false,
        });
    }
    let outputs = match request.configuration.outputs(&reached) {
        Ok(outputs) => output_changes(&request.recorded.outputs, outputs),
        Err(found) => {
            if problems.is_empty() {
                problems.extend(found);
            }
            Vec::new()
        }
    };
    let mut planned: Vec<Planned<'_>> = slots.into_iter().flatten().collect();
    for gone in recorded
        .values()
        .filter(|r| !draft.graph.places.contains_key(&r.address) && !moved_from.contains(&r.address))
    {
        match decide::orphan(gone, request.observed.sight(Some(&gone.id)), false) {
            Ok(decision) => planned.push(of_record(request, gone, decision, false)),
            Err(problem) => problems.push(*problem),
        }
    }
    planned.extend(deposed(request));
    problems.extend(order::occupied(&planned, recorded));
    if !problems.is_empty() {
        return Err(problems);
    }
    drift.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(order::plan(planned, &draft.graph.dependencies, request, drift, outputs))
}

fn protected(
    recorded: Option<&Recorded>,
    declared: bool,
    address: &Address,
    origin: Option<Span>,
) -> Option<Diagnostic> {
    if !declared && !recorded.is_some_and(|r| r.prevent_destroy) {
        return None;
    }
    let diagnostic = Diagnostic::error(
        "LZ1004",
        format!("{address} must be replaced, but lifecycle.prevent_destroy forbids to delete it"),
    )
    .about(address.clone())
    .help("take the change back, or set prevent_destroy = false, apply that, and then make the change");
    Some(match origin {
        Some(span) => diagnostic.at(span, "protected here"),
        None => diagnostic,
    })
}

fn collect_drift(address: &Address, title: &str, decision: &Decision, drift: &mut Vec<Drift>) {
    let title: Arc<str> = title.into();
    if decision.reason == Some(Reason::DeletedOutside) {
        drift.push(Drift { address: address.clone(), title, what: DriftKind::Deleted });
        return;
    }
    for path in decision.paths.iter().filter(|p| p.cause == lazuli_core::plan::Cause::Drift) {
        // What was recorded is what is desired still: only the world changed.
        let what = DriftKind::Changed {
            path: path.path.clone(),
            recorded: path.after.clone(),
            observed: path.before.clone(),
        };
        drift.push(Drift { address: address.clone(), title: title.clone(), what });
    }
}

fn of_record<'a>(
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

/// Objects that an interrupted replacement left behind.
fn deposed<'a>(request: &Request<'a>) -> Vec<Planned<'a>> {
    let left = request.recorded.deposed.iter();
    left.map(|recorded| {
        let action = match request.observed.sight(Some(&recorded.id)) {
            Sight::Absent => Action::Forget,
            Sight::Present(_) | Sight::NotLooked => Action::Delete,
        };
        let before = Some(lazuli_core::encoding::from_json(&recorded.inputs));
        let decision = Decision { action, reason: Some(Reason::Deposed), paths: Vec::new(), before };
        of_record(request, recorded, decision, true)
    })
    .collect()
}

fn output_changes(
    before: &BTreeMap<Arc<str>, lazuli_core::recorded::RecordedOutput>,
    after: Vec<Output>,
) -> Vec<OutputChange> {
    let mut changes: Vec<OutputChange> = after
        .into_iter()
        .map(|output| OutputChange {
            before: before.get(&output.name).map(|b| b.value.clone()),
            name: output.name,
            after: Some(output.value),
            sensitive: output.sensitive,
        })
        .collect();
    let gone =
        before.iter().filter(|(name, _)| !changes.iter().any(|c| c.name == **name)).map(|(name, output)| {
            OutputChange {
                name: name.clone(),
                before: Some(output.value.clone()),
                after: None,
                sensitive: output.sensitive,
            }
        });
    let gone: Vec<_> = gone.collect();
    changes.extend(gone);
    changes
}
