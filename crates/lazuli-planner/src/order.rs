//! Decisions → steps and edges.
//!
//! Rules, with `forward(x)` the create, update or read of `x` and `delete(x)` the removal of what exists of it:
//! * `forward(x)` comes after `forward` of everything `x` depends on;
//! * `delete(x)` comes after `delete` of everything recorded as referring to `x`, and after the update of what referred to it and stays;
//! * delete first: `delete(x)` before `forward(x)`; create first: the other way round, and everything that refers to `x` moves over before the old one goes;
//! * what goes for good, or is deleted first, goes before what it referred to is updated, unless that contradicts the rest;
//! * an id is taken only after the object that had it is gone;
//! * the nodes of a pool are replaced a few at a time, see `rollout.rs`.
//!
//! A dependency on something that does not change orders nothing: it is there already.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lazuli_core::kind::{Kind, Lock};
use lazuli_core::plan::{Action, Drift, Edge, Operation, OutputChange, Plan, Step};
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::{Declaration, Mode, ResourceId};
use lazuli_core::{Address, Diagnostics};

use crate::ends;
use crate::graph::Graph;
use crate::make::{Planned, Request};
use crate::rollout;
use crate::settle::{Index, mentions, refers, settle, stays};
use crate::steps::{Constraints, Strength};

/// The shortest time a step is given, in seconds.
const MIN_TIMEOUT: u64 = 600;

/// An operation before it has its number.
struct Node {
    planned: usize,
    operation: Operation,
}

/// The operations of one planned change, by their place in the list of all.
#[derive(Clone, Copy, Default)]
pub(crate) struct Steps {
    pub(crate) forward: Option<usize>,
    pub(crate) delete: Option<usize>,
}

/// Orders what was decided. Without a graph nothing is created or changed.
pub(crate) fn plan(
    mut planned: Vec<Planned<'_>>,
    graph: Option<&Graph>,
    request: &Request<'_>,
    drift: Vec<Drift>,
    outputs: Vec<OutputChange>,
) -> Result<Plan, Diagnostics> {
    let declarations: &[Declaration] =
        if graph.is_some() { request.configuration.declarations() } else { &[] };
    ends::end(&mut planned, request.kinds);
    planned.sort_by(|a, b| {
        (&a.change.address, a.deposed, a.place).cmp(&(&b.change.address, b.deposed, b.place))
    });
    let index = Index::new(&planned, declarations.len());
    if let Some(graph) = graph {
        settle(&mut planned, graph, &index);
    }
    let mut nodes: Vec<Node> = Vec::new();
    let steps: Vec<Steps> =
        planned.iter().enumerate().map(|(at, p)| operations(p.change.action, at, &mut nodes)).collect();
    let ordering = Ordering { planned: &planned, steps: &steps, declarations, index: &index };
    let mut constraints = Constraints::default();
    if let Some(graph) = graph {
        ordering.forward(graph, &mut constraints);
    }
    ordering.deletions(&mut constraints);
    ordering.ids(&mut constraints);
    rollout::order(&planned, &steps, declarations, &mut constraints);
    let name = |node: usize| {
        let Node { planned: at, operation } = &nodes[node];
        format!("{} {}", verb(*operation), planned[*at].change.address)
    };
    let (order, constraints) = constraints.order(nodes.len(), &name)?;

    let mut number = vec![0; nodes.len()];
    for (place, &node) in (0u32..).zip(&order) {
        number[node] = place;
    }
    let mut edges: Vec<Edge> = constraints
        .into_iter()
        .map(|c| Edge { before: number[c.before], after: number[c.after], because: c.because })
        .collect();
    edges.sort_unstable_by_key(|edge| (edge.after, edge.before));
    let steps = Builder::new(&planned, graph, declarations, request);
    let steps = order.iter().map(|&node| steps.step(&nodes[node], number[node])).collect();
    Ok(Plan {
        mode: request.mode,
        lineage: request.recorded.lineage.clone(),
        serial: request.recorded.serial,
        changes: planned.into_iter().map(|p| p.change).collect(),
        drift,
        steps,
        edges,
        outputs,
        scope: request.scope.clone(),
        left_out: BTreeSet::new(),
    })
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Read => "read",
    }
}

fn operations(action: Action, planned: usize, nodes: &mut Vec<Node>) -> Steps {
    let mut add = |operation| {
        nodes.push(Node { planned, operation });
        Some(nodes.len() - 1)
    };
    match action {
        Action::NoOp | Action::Move | Action::Forget => Steps::default(),
        Action::Create => Steps { forward: add(Operation::Create), delete: None },
        Action::Update | Action::Adopt => Steps { forward: add(Operation::Update), delete: None },
        Action::Read => Steps { forward: add(Operation::Read), delete: None },
        Action::Delete => Steps { forward: None, delete: add(Operation::Delete) },
        Action::ReplaceDeleteFirst | Action::ReplaceCreateFirst => {
            Steps { delete: add(Operation::Delete), forward: add(Operation::Create) }
        }
    }
}

/// What the constraints are made from.
struct Ordering<'o, 'p> {
    planned: &'o [Planned<'p>],
    steps: &'o [Steps],
    declarations: &'o [Declaration],
    index: &'o Index<'p>,
}

impl Ordering<'_, '_> {
    fn action(&self, at: usize) -> Action {
        self.planned[at].change.action
    }

    /// After everything it depends on; and what refers to something that is created first moves over before the old one goes.
    fn forward(&self, graph: &Graph, constraints: &mut Constraints) {
        let let_go: Arc<str> = "stops using it first".into();
        for (at, p) in self.planned.iter().enumerate() {
            let (Some(place), Some(_)) = (p.place, self.steps[at].forward) else { continue };
            for link in &graph.dependencies[place] {
                let Some(on) = self.index.at_place[link.on] else { continue };
                let because = &self.declarations[place].dependencies[link.by].because;
                constraints.add(self.steps[on].forward, self.steps[at].forward, Strength::Must, because);
                if link.reference && self.action(on) == Action::ReplaceCreateFirst {
                    constraints.add(self.steps[at].forward, self.steps[on].delete, Strength::Must, &let_go);
                }
            }
        }
    }

    /// Everything that has to do with an object going away.
    fn deletions(&self, constraints: &mut Constraints) {
        let place_free: Arc<str> = "the old one goes first".into();
        let made_first: Arc<str> = "the new one is made first".into();
        let goes_first: Arc<str> = "goes before that changes".into();
        let updated: HashMap<&Address, usize> = self
            .planned
            .iter()
            .enumerate()
            .filter(|(_, p)| p.change.action == Action::Update)
            .filter_map(|(at, p)| Some((&p.recorded?.address, at)))
            .collect();
        for (at, p) in self.planned.iter().enumerate() {
            let own = self.steps[at];
            let Some(recorded) = p.recorded.filter(|_| own.delete.is_some()) else { continue };
            match p.change.action {
                Action::ReplaceDeleteFirst => {
                    constraints.add(own.delete, own.forward, Strength::Must, &place_free)
                }
                Action::ReplaceCreateFirst => {
                    constraints.add(own.forward, own.delete, Strength::Must, &made_first)
                }
                _ => {}
            }
            if p.deposed {
                // Its successor never came to be, when that is still to be made: the old one serves until then.
                let successor =
                    at.checked_sub(1).filter(|c| self.planned[*c].change.address == p.change.address);
                if let Some(successor) = successor {
                    constraints.add(self.steps[successor].forward, own.delete, Strength::Should, &made_first);
                }
            }
            self.users_first(at, recorded, constraints);
            let rolls = p.place.is_some_and(|place| self.declarations[place].rollout.is_some());
            if p.change.action != Action::ReplaceCreateFirst && !rolls {
                for on in recorded.dependencies.iter().filter_map(|on| updated.get(on)) {
                    constraints.add(own.delete, self.steps[*on].forward, Strength::Should, &goes_first);
                }
            }
        }
    }

    /// Before an object goes, its users go, or stop using it.
    fn users_first(&self, at: usize, recorded: &Recorded, constraints: &mut Constraints) {
        let own = self.steps[at];
        let attached: Arc<str> = "uses it".into();
        let let_go: Arc<str> = "stops using it first".into();
        for user in self.index.users_of(self.planned, recorded) {
            let Some(using) = self.planned[user].recorded else { continue };
            if self.steps[user].delete.is_some() {
                let strength = if refers(using, recorded) { Strength::Must } else { Strength::Recorded };
                constraints.add(self.steps[user].delete, own.delete, strength, &attached);
            } else if stays(&self.planned[user].change) && mentions(&using.inputs, recorded.id.as_str()) {
                constraints.add(self.steps[user].forward, own.delete, Strength::Must, &let_go);
            }
        }
    }

    /// An id is taken only when it is free.
    fn ids(&self, constraints: &mut Constraints) {
        if self.index.freed.is_empty() {
            return;
        }
        let freed: Arc<str> = "the one that has its id goes first".into();
        for (at, p) in self.planned.iter().enumerate() {
            if p.place.is_none() || self.steps[at].forward.is_none() {
                continue;
            }
            let holder = p.change.id.as_ref().and_then(|id| self.index.freed.get(id)).copied();
            if let Some(holder) = holder.filter(|holder| *holder != at) {
                constraints.add(self.steps[holder].delete, self.steps[at].forward, Strength::Must, &freed);
            }
        }
    }
}

/// What the steps are made from.
struct Builder<'b, 'p> {
    planned: &'b [Planned<'p>],
    declarations: &'b [Declaration],
    request: &'b Request<'b>,
    /// By place, what is recorded as its dependencies: what it refers to, looking through what is only read.
    dependencies: Vec<Vec<usize>>,
    /// How long deleting may take, where the configuration says so: also of what a destroy plans without its place.
    delete_timeouts: HashMap<&'b Address, u64>,
}

impl<'b, 'p> Builder<'b, 'p> {
    fn new(
        planned: &'b [Planned<'p>],
        graph: Option<&Graph>,
        declarations: &'b [Declaration],
        request: &'b Request<'b>,
    ) -> Self {
        let mut dependencies: Vec<Vec<usize>> = vec![Vec::new(); declarations.len()];
        for &place in graph.map_or(&[][..], |graph| &graph.order) {
            let links = graph.iter().flat_map(|graph| &graph.dependencies[place]);
            let mut own = Vec::with_capacity(links.clone().count());
            for link in links.filter(|link| link.reference) {
                match declarations[link.on].mode {
                    Mode::Managed => own.push(link.on),
                    Mode::Data => own.extend(&dependencies[link.on]),
                }
            }
            own.sort_unstable();
            own.dedup();
            dependencies[place] = own;
        }
        let all = request.configuration.declarations().iter();
        let delete_timeouts = all.filter_map(|d| Some((&d.address, d.timeouts.delete?))).collect();
        Builder { planned, declarations, request, dependencies, delete_timeouts }
    }

    fn step(&self, node: &Node, number: u32) -> Step {
        let p = &self.planned[node.planned];
        let change = &p.change;
        let deletes = node.operation == Operation::Delete;
        let (ty, id) = match p.recorded.filter(|_| deletes) {
            Some(recorded) => (recorded.ty.clone(), Some(recorded.id.clone())),
            None => (change.ty.clone(), change.id.clone()),
        };
        let kind = self.request.kinds.kind(&ty);
        let declaration = p.place.map(|place| &self.declarations[place]);
        let timeouts = declaration.map(|d| d.timeouts).unwrap_or_default();
        let (expected, configured) = match node.operation {
            Operation::Create => (kind.expected.create, timeouts.create),
            Operation::Update => (kind.expected.update, timeouts.update),
            Operation::Delete => (kind.expected.delete, self.delete_timeouts.get(&change.address).copied()),
            Operation::Read => (0.2, None),
        };
        let writes = matches!(node.operation, Operation::Create | Operation::Update);
        let removed =
            change.paths.iter().filter(|c| node.operation == Operation::Update && c.after.is_none());
        Step {
            number,
            address: change.address.clone(),
            operation: node.operation,
            change: u32::try_from(node.planned).unwrap_or(u32::MAX),
            provider: change.provider,
            account: p.recorded.filter(|_| deletes).map_or(&change.account, |r| &r.account).clone(),
            lock: id.as_ref().and_then(|id| lock(kind, id)),
            ty,
            id,
            planned: if writes { change.after.clone() } else { None },
            removed: removed.map(|c| c.path.clone()).collect(),
            deposed: change.action == Action::ReplaceCreateFirst || p.deposed,
            dependencies: if writes { self.dependencies(p) } else { Vec::new() },
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // durations of kinds are small and positive
            timeout: configured.unwrap_or_else(|| MIN_TIMEOUT.max((expected * 20.0) as u64)),
            expected,
            slot: if writes { p.slot.clone() } else { None },
            prevent_destroy: writes && declaration.is_some_and(|d| d.lifecycle.prevent_destroy),
        }
    }

    fn dependencies(&self, p: &Planned<'_>) -> Vec<Address> {
        let places = p.place.into_iter().flat_map(|place| &self.dependencies[place]);
        let mut dependencies: Vec<Address> =
            places.map(|place| self.declarations[*place].address.clone()).collect();
        dependencies.sort_unstable();
        dependencies
    }
}

/// What a step locks while it runs.
fn lock(kind: &Kind, id: &ResourceId) -> Option<Arc<str>> {
    match kind.lock {
        Lock::Free => None,
        Lock::Own => Some(id.as_str().to_lowercase().into()),
        Lock::Parent => Some(
            id.parent()
                .map_or_else(|| id.as_str().to_lowercase(), |parent| parent.as_str().to_lowercase())
                .into(),
        ),
    }
}
