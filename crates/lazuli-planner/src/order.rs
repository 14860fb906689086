//! Decisions → steps and edges.
//!
//! Rules, with `forward(x)` the create, update or read of `x` and `delete(x)` the removal of what exists of it:
//! * `forward(x)` comes after `forward` of everything `x` depends on;
//! * `delete(x)` comes after `delete` of everything recorded as referring to `x`, and after the update of what referred to it and stays;
//! * delete first: `delete(x)` before `forward(x)`; create first: the other way round, and everything that refers to `x` moves over before the old one goes;
//! * nodes of a pool are replaced in a window: node `i` begins when node `i - window` is through.
//!
//! A dependency on something that does not change orders nothing: it is there already.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

use lazuli_core::kind::{Kind, Lock};
use lazuli_core::plan::{Action, Drift, Edge, Operation, OutputChange, Plan, Reason, Step};
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::{Declaration, ResourceId};
use lazuli_core::{Address, Diagnostic, Diagnostics, Json};

use crate::graph::Link;
use crate::make::{Planned, Request};

/// The shortest time a step is given, in seconds.
const MIN_TIMEOUT: u64 = 600;

/// Replacements that would delete what something else still uses: Azure refuses that half-way, so the plan does before.
pub(crate) fn occupied(planned: &[Planned<'_>], recorded: &BTreeMap<Address, Recorded>) -> Diagnostics {
    let goes: BTreeMap<&Address, &ResourceId> = planned
        .iter()
        .filter(|p| p.change.action == Action::ReplaceDeleteFirst && p.change.previous_id.is_none())
        .filter_map(|p| Some((&p.change.address, p.change.id.as_ref()?)))
        .collect();
    if goes.is_empty() {
        return Diagnostics::new();
    }
    let stays: HashMap<&Address, &Planned<'_>> = planned
        .iter()
        .filter(|p| matches!(p.change.action, Action::NoOp | Action::Update | Action::Move | Action::Adopt))
        .map(|p| (&p.change.address, p))
        .collect();
    let mut problems = Diagnostics::new();
    for user in recorded.values().filter(|r| stays.contains_key(&r.address)) {
        for used in user.dependencies.iter().filter_map(|on| goes.get_key_value(on)) {
            if mentions(&user.inputs, used.1.as_str()) {
                problems.push(
                    Diagnostic::error(
                        "LZ1005",
                        format!("{} must be replaced under the same name, but {} uses it and Azure does not delete what is in use", used.0, user.address),
                    )
                    .about((*used.0).clone())
                    .help(format!("give it another name, so that the new one is made first; or take {} away first", user.address)),
                );
            }
        }
    }
    problems
}

/// True when some text in the JSON is the id, or an id below it.
fn mentions(json: &Json, id: &str) -> bool {
    match json {
        Json::String(text) => {
            text.get(..id.len()).is_some_and(|start| start.eq_ignore_ascii_case(id))
                && text.get(id.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        Json::Array(items) => items.iter().any(|item| mentions(item, id)),
        Json::Object(members) => members.values().any(|member| mentions(member, id)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// An operation before it has its number.
struct Node {
    planned: usize,
    operation: Operation,
}

/// The steps of one planned change.
#[derive(Clone, Copy, Default)]
struct Steps {
    forward: Option<usize>,
    delete: Option<usize>,
}

pub(crate) fn plan(
    mut planned: Vec<Planned<'_>>,
    links: &[Vec<Link>],
    request: &Request<'_>,
    drift: Vec<Drift>,
    outputs: Vec<OutputChange>,
) -> Plan {
    let declarations = request.configuration.declarations();
    planned.sort_by(|a, b| (&a.change.address, a.deposed).cmp(&(&b.change.address, b.deposed)));
    let mut at_place: HashMap<usize, usize> = HashMap::new();
    for (index, p) in planned.iter().enumerate() {
        if let Some(place) = p.place {
            at_place.insert(place, index);
        }
    }
    settle_replacements(&mut planned, links, &at_place);

    let mut nodes: Vec<Node> = Vec::new();
    let steps: Vec<Steps> =
        planned.iter().enumerate().map(|(index, p)| operations(p.change.action, index, &mut nodes)).collect();
    let mut edges: BTreeMap<(usize, usize), Arc<str>> = BTreeMap::new();
    let mut edge = |before: Option<usize>, after: Option<usize>, because: &Arc<str>| {
        if let (Some(before), Some(after)) = (before, after)
            && before != after
        {
            edges.entry((before, after)).or_insert_with(|| because.clone());
        }
    };

    let attached: Arc<str> = "uses it".into();
    let let_go: Arc<str> = "stops using it first".into();
    let place_free: Arc<str> = "the old one goes first".into();
    let made_first: Arc<str> = "the new one is made first".into();
    let users = users_by_recorded_dependency(&planned);
    for (index, p) in planned.iter().enumerate() {
        let own = steps[index];
        if let Some(place) = p.place {
            for link in links.get(place).into_iter().flatten() {
                let Some(&on) = at_place.get(&link.on) else { continue };
                let because = declarations[place]
                    .dependencies
                    .get(link.by)
                    .map_or_else(|| attached.clone(), |d| d.because.clone());
                edge(steps[on].forward, own.forward, &because);
                if link.reference && planned[on].change.action == Action::ReplaceCreateFirst {
                    edge(own.forward, steps[on].delete, &let_go);
                }
            }
        }
        match p.change.action {
            Action::ReplaceDeleteFirst => edge(own.delete, own.forward, &place_free),
            Action::ReplaceCreateFirst => edge(own.forward, own.delete, &made_first),
            _ => {}
        }
        let Some(recorded) = p.recorded.filter(|_| own.delete.is_some()) else { continue };
        for &user in users.get(&recorded.address).into_iter().flatten() {
            if steps[user].delete.is_some() {
                edge(steps[user].delete, own.delete, &attached);
            } else if p.change.action != Action::ReplaceDeleteFirst {
                edge(steps[user].forward, own.delete, &let_go);
            }
        }
    }
    roll(&planned, &steps, declarations, &mut edge);
    finish(planned, nodes, edges, links, request, drift, outputs)
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

/// A resource that is created first cannot wait for something that is deleted first: the dependency is created first
/// too where its id allows that, otherwise the dependent is deleted first as well.
fn settle_replacements(planned: &mut [Planned<'_>], links: &[Vec<Link>], at_place: &HashMap<usize, usize>) {
    loop {
        let mut settled = true;
        for index in 0..planned.len() {
            if planned[index].change.action != Action::ReplaceCreateFirst {
                continue;
            }
            let on: Vec<usize> = planned[index]
                .place
                .and_then(|place| links.get(place))
                .into_iter()
                .flatten()
                .filter(|link| link.reference)
                .filter_map(|link| at_place.get(&link.on).copied())
                .filter(|on| planned[*on].change.action == Action::ReplaceDeleteFirst)
                .collect();
            for on in on {
                settled = false;
                if planned[on].change.previous_id.is_some() {
                    planned[on].change.action = Action::ReplaceCreateFirst;
                } else {
                    planned[index].change.action = Action::ReplaceDeleteFirst;
                }
            }
        }
        if settled {
            return; // each round turns at least one change, and only into what the next round leaves alone or turns back once
        }
    }
}

fn users_by_recorded_dependency<'a>(planned: &[Planned<'a>]) -> HashMap<&'a Address, Vec<usize>> {
    let mut users: HashMap<&Address, Vec<usize>> = HashMap::new();
    for (index, p) in planned.iter().enumerate() {
        for on in p.recorded.iter().flat_map(|r| &r.dependencies) {
            users.entry(on).or_default().push(index);
        }
    }
    users
}

/// Edges that let the nodes of a pool be replaced a few at a time.
fn roll(
    planned: &[Planned<'_>],
    steps: &[Steps],
    declarations: &[Declaration],
    edge: &mut dyn FnMut(Option<usize>, Option<usize>, &Arc<str>),
) {
    let mut pools: BTreeMap<&Address, (usize, BTreeMap<&Address, Vec<usize>>)> = BTreeMap::new();
    for (index, p) in planned.iter().enumerate().filter(|(_, p)| p.change.action.is_replace()) {
        if let Some(rollout) = p.place.and_then(|place| declarations[place].rollout.as_ref()) {
            let pool = pools.entry(&rollout.pool).or_insert_with(|| (rollout.window.max(1), BTreeMap::new()));
            pool.1.entry(&rollout.node).or_default().push(index);
        }
    }
    for (window, nodes) in pools.values() {
        let nodes: Vec<(&&Address, &Vec<usize>)> = nodes.iter().collect();
        for later in *window..nodes.len() {
            let (earlier_name, earlier) = nodes[later - window];
            let because: Arc<str> = format!("rolling: {earlier_name} comes first").into();
            for (before, after) in earlier.iter().flat_map(|b| nodes[later].1.iter().map(move |a| (*b, *a))) {
                let create_first = planned[after].change.action == Action::ReplaceCreateFirst;
                let (last, first) = if create_first {
                    (steps[before].delete, steps[after].forward)
                } else {
                    (steps[before].forward, steps[after].delete)
                };
                edge(last, first, &because);
            }
        }
    }
}

/// Numbers the steps in an order that respects the edges; ties in order of address.
fn finish(
    planned: Vec<Planned<'_>>,
    nodes: Vec<Node>,
    edges: BTreeMap<(usize, usize), Arc<str>>,
    links: &[Vec<Link>],
    request: &Request<'_>,
    drift: Vec<Drift>,
    outputs: Vec<OutputChange>,
) -> Plan {
    let mut waiting = vec![0usize; nodes.len()];
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (before, after) in edges.keys() {
        waiting[*after] += 1;
        next[*before].push(*after);
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..nodes.len()).filter(|n| waiting[*n] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(nodes.len());
    let mut number = vec![u32::MAX; nodes.len()];
    while let Some(Reverse(node)) = ready.pop() {
        number[node] = u32::try_from(order.len()).unwrap_or(u32::MAX);
        order.push(node);
        for &after in &next[node] {
            waiting[after] -= 1;
            if waiting[after] == 0 {
                ready.push(Reverse(after));
            }
        }
    }
    let declarations = request.configuration.declarations();
    let steps = order
        .iter()
        .map(|&node| step(&nodes[node], number[node], &planned, links, declarations, request))
        .collect();
    let mut edges: Vec<Edge> = edges
        .into_iter()
        .map(|((before, after), because)| Edge { before: number[before], after: number[after], because })
        .collect();
    edges.sort_by_key(|edge| (edge.after, edge.before));
    Plan {
        mode: request.mode,
        lineage: request.recorded.lineage.clone(),
        serial: request.recorded.serial,
        changes: planned.into_iter().map(|p| p.change).collect(),
        drift,
        steps,
        edges,
        outputs,
    }
}

fn step(
    node: &Node,
    number: u32,
    planned: &[Planned<'_>],
    links: &[Vec<Link>],
    declarations: &[Declaration],
    request: &Request<'_>,
) -> Step {
    let p = &planned[node.planned];
    let change = &p.change;
    let deletes = node.operation == Operation::Delete;
    let (ty, id) = match p.recorded.filter(|_| deletes) {
        Some(recorded) => (recorded.ty.clone(), Some(recorded.id.clone())),
        None => (change.ty.clone(), change.id.clone()),
    };
    let kind = request.kinds.kind(&ty);
    let declaration = p.place.map(|place| &declarations[place]);
    let timeouts = declaration.map(|d| d.timeouts).unwrap_or_default();
    let (expected, configured) = match node.operation {
        Operation::Create => (kind.expected.create, timeouts.create),
        Operation::Update => (kind.expected.update, timeouts.update),
        Operation::Delete => (kind.expected.delete, timeouts.delete),
        Operation::Read => (0.2, None),
    };
    let dependencies: BTreeSet<&Address> = p
        .place
        .and_then(|place| links.get(place))
        .into_iter()
        .flatten()
        .filter(|link| link.reference && !crate::decide::is_data(request.configuration, link.on))
        .map(|link| &declarations[link.on].address)
        .collect();
    let writes = matches!(node.operation, Operation::Create | Operation::Update);
    Step {
        number,
        address: change.address.clone(),
        operation: node.operation,
        change: u32::try_from(node.planned).unwrap_or(u32::MAX),
        provider: change.provider,
        account: change.account.clone(),
        lock: id.as_ref().and_then(|id| lock(kind, id)),
        ty,
        id,
        planned: if writes { change.after.clone() } else { None },
        removed: match node.operation {
            Operation::Update => change.paths.iter().filter(|c| c.after.is_none()).map(|c| c.path.clone()).collect(),
            _ => Vec::new(),
        },
        deposed: change.action == Action::ReplaceCreateFirst || deletes && (p.deposed || change.reason == Some(Reason::Deposed)),
        dependencies: if writes { dependencies.into_iter().cloned().collect() } else { Vec::new() },
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // durations of kinds are small and positive
        timeout: configured.unwrap_or_else(|| MIN_TIMEOUT.max((expected * 20.0) as u64)),
        expected,
        slot: if writes { p.slot.clone() } else { None },
        prevent_destroy: declaration.is_some_and(|d| d.lifecycle.prevent_destroy),
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
