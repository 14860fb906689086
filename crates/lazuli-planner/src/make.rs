//! The whole plan in one call.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use lazuli_core::configuration::{Configuration, Output};
use lazuli_core::kind::Kinds;
use lazuli_core::plan::{Action, Change, Drift, DriftKind, OutputChange, Plan, PlanMode, Reason, Scope};
use lazuli_core::recorded::{Recorded, RecordedOutput, RecordedWorld};
use lazuli_core::resource::{Mode, NodeSlot, ResourceId};
use lazuli_core::source::Location;
use lazuli_core::{Address, Diagnostics, Json, Span};

use crate::apply;
use crate::decide::{self, Decision, Gone, Sight};
use crate::draft::Draft;
use crate::order;
use crate::protect;
use crate::refactoring::Refactoring;
use crate::refresh;
use crate::scope::{self, LeftOut};

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
    /// `--target` and `--exclude`.
    pub scope: &'a Scope,
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
        PlanMode::RefreshOnly => refresh::plan(request),
    }
}

fn destroy(request: &Request<'_>) -> Result<Plan, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut kept = Vec::new();
    let mut planned = Vec::with_capacity(request.recorded.resources.len());
    let protected: BTreeSet<&Address> = request
        .configuration
        .declarations()
        .iter()
        .filter(|d| d.lifecycle.prevent_destroy)
        .map(|d| &d.address)
        .collect();
    let lineage = &request.recorded.lineage;
    let left_out = scope::of_destroy(request.recorded, request.scope);
    for recorded in request.recorded.resources.values() {
        if left_out.record(&recorded.address) {
            planned.push(stays(request, recorded));
            continue;
        }
        let gone = match request.refactoring.forgets(&recorded.address) {
            true => Gone::Forgotten,
            false => Gone::Destroyed { protected: protected.contains(&recorded.address) },
        };
        let sight = request.observed.of_record(recorded);
        match decide::orphan(recorded, sight, gone, lineage) {
            Ok(_) if protect::keeps(recorded, sight, gone) => kept.push(&recorded.address),
            Ok(decision) => planned.push(of_record(request, recorded, decision, false)),
            Err(problem) => problems.push(*problem),
        }
    }
    problems.extend(protect::kept(&kept, true));
    planned.extend(deposed(request, &mut problems));
    if !problems.is_empty() {
        return Err(problems);
    }
    let outputs = outputs_after_destroy(request, &planned);
    let left_out = left_out_of(request.recorded, &left_out);
    Ok(Plan { left_out, ..order::plan(planned, None, request, Vec::new(), outputs)? })
}

/// Outputs go with what they read; when all is destroyed, with everything.
fn outputs_after_destroy(request: &Request<'_>, planned: &[Planned<'_>]) -> Vec<OutputChange> {
    if request.scope.is_whole() {
        return output_changes(&request.recorded.outputs, Vec::new());
    }
    let goes = planned.iter().filter(|p| p.change.action != Action::NoOp);
    let goes = goes.map(|p| p.change.address.clone()).collect();
    let gone = scope::outputs_that_read(request.configuration, &goes);
    let change = |(name, output): (&Arc<str>, &RecordedOutput)| {
        let kept = scope::kept_output(name, output);
        if gone.contains(name) { OutputChange { after: None, ..kept } } else { kept }
    };
    request.recorded.outputs.iter().map(change).collect()
}

/// A record that is none of this plan's business.
pub(crate) fn stays<'a>(request: &Request<'_>, recorded: &'a Recorded) -> Planned<'a> {
    let inputs = decide::inputs_of(recorded);
    let decision = Decision { before: Some(inputs.clone()), ..plain(Action::NoOp, None) };
    let mut planned = of_record(request, recorded, decision, false);
    planned.change.after = (recorded.mode == Mode::Managed).then_some(inputs);
    planned
}

pub(crate) fn left_out_of(world: &RecordedWorld, left_out: &LeftOut<'_>) -> BTreeSet<Address> {
    world.resources.keys().filter(|address| left_out.record(address)).cloned().collect()
}

pub(crate) fn plain(action: Action, reason: Option<Reason>) -> Decision {
    Decision { action, reason, paths: Vec::new(), before: None }
}

/// What somebody else did to a resource.
pub(crate) fn drift_of(change: &Change) -> Vec<Drift> {
    let drift = |what| Drift { address: change.address.clone(), title: change.title.clone(), what };
    if change.reason == Some(Reason::DeletedOutside) {
        return vec![drift(DriftKind::Deleted)];
    }
    let drifted = change.paths.iter().filter(|p| p.changed_outside());
    drifted
        .map(|p| {
            // Unless the configuration changed as well, what was recorded is what is desired still.
            let recorded = p.recorded.as_ref().or(p.after.as_ref()).cloned();
            drift(DriftKind::Changed { path: p.path.clone(), recorded, observed: p.before.clone() })
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
            changed_at: None,
        },
        place: None,
        recorded: Some(recorded),
        deposed,
    }
}

/// Objects that an interrupted replacement left behind, and why one of them cannot go.
pub(crate) fn deposed<'a>(request: &Request<'a>, problems: &mut Diagnostics) -> Vec<Planned<'a>> {
    let mut left = Vec::with_capacity(request.recorded.deposed.len());
    let left_out = |recorded: &&Recorded| LeftOut::deposed(&recorded.address, request.scope);
    for recorded in request.recorded.deposed.iter().filter(|recorded| !left_out(recorded)) {
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

/// The outputs after an apply; those that read something that is left out stay as they were.
pub(crate) fn outputs_after_apply(
    request: &Request<'_>,
    outputs: Vec<Output>,
    left_out: &BTreeSet<Address>,
) -> Vec<OutputChange> {
    let before = &request.recorded.outputs;
    let keep = scope::outputs_that_read(request.configuration, left_out);
    let evaluated = outputs.into_iter().filter(|output| !keep.contains(&output.name)).collect();
    let change = |change: OutputChange| match before.get(&change.name) {
        Some(output) if keep.contains(&change.name) => scope::kept_output(&change.name, output),
        _ => change,
    };
    output_changes(before, evaluated).into_iter().map(change).collect()
}

/// The outputs as they were and as they will be; one that was or will be sensitive is.
fn output_changes(before: &BTreeMap<Arc<str>, RecordedOutput>, after: Vec<Output>) -> Vec<OutputChange> {
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
