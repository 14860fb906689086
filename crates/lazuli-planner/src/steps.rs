//! Operations with their constraints → numbered steps.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics};
use petgraph::graph::{DiGraph, NodeIndex};

/// What waits for what, operations named by their place in a list.
#[derive(Debug, Default)]
pub(crate) struct Constraints(Vec<Constraint>);

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Constraint {
    pub(crate) before: usize,
    pub(crate) after: usize,
    pub(crate) strength: Strength,
    pub(crate) because: Arc<str>,
}

/// What is given up when constraints contradict each other: the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// The provider would refuse, or an object would be lost.
    Must,
    /// A recorded dependency that nothing in the objects shows: the record may be older than the configuration.
    Recorded,
    /// It is better so: what refers to something goes before that changes.
    Should,
}

impl Constraints {
    /// `after` waits for `before`, when both exist and are not the same.
    pub(crate) fn add(
        &mut self,
        before: Option<usize>,
        after: Option<usize>,
        strength: Strength,
        because: &Arc<str>,
    ) {
        if let (Some(before), Some(after)) = (before, after)
            && before != after
        {
            self.0.push(Constraint { before, after, strength, because: because.clone() });
        }
    }

    /// One constraint for each pair, the strongest and first of them.
    fn distinct(mut self) -> Vec<Constraint> {
        self.0.sort_by_key(|c| (c.after, c.before, c.strength));
        self.0.dedup_by_key(|c| (c.after, c.before));
        self.0
    }

    /// An order of `count` operations that respects the constraints, ties as listed, with the constraints that hold.
    ///
    /// # Errors
    /// When the constraints that must hold contradict each other; `name` says what an operation is.
    pub(crate) fn order(
        self,
        count: usize,
        name: &dyn Fn(usize) -> String,
    ) -> Result<(Vec<usize>, Vec<Constraint>), Diagnostics> {
        let mut constraints = self.distinct();
        for given_up in [Strength::Should, Strength::Recorded] {
            if let Some(order) = topological(count, &constraints) {
                return Ok((order, constraints));
            }
            let group = groups(count, &constraints);
            constraints.retain(|c| c.strength != given_up || group[c.before] != group[c.after]);
        }
        match topological(count, &constraints) {
            Some(order) => Ok((order, constraints)),
            None => Err(vec![contradiction(count, &constraints, name)]),
        }
    }
}

/// Kahn's algorithm, the first operation of the list first; `None` when there is a cycle.
fn topological(count: usize, constraints: &[Constraint]) -> Option<Vec<usize>> {
    let mut waiting = vec![0usize; count];
    let mut starts = vec![0usize; count + 1];
    for c in constraints {
        waiting[c.after] += 1;
        starts[c.before + 1] += 1;
    }
    for i in 0..count {
        starts[i + 1] += starts[i];
    }
    let mut next = vec![0usize; constraints.len()];
    let mut filled = starts.clone();
    for c in constraints {
        next[filled[c.before]] = c.after;
        filled[c.before] += 1;
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..count).filter(|n| waiting[*n] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for &after in &next[starts[node]..starts[node + 1]] {
            waiting[after] -= 1;
            if waiting[after] == 0 {
                ready.push(Reverse(after));
            }
        }
    }
    (order.len() == count).then_some(order)
}

/// For each operation the number of the group that waits for itself; each other operation is a group of its own.
fn groups(count: usize, constraints: &[Constraint]) -> Vec<usize> {
    let edges = constraints
        .iter()
        .filter_map(|c| Some((u32::try_from(c.before).ok()?, u32::try_from(c.after).ok()?)));
    let mut graph: DiGraph<(), (), u32> = DiGraph::from_edges(edges);
    while graph.node_count() < count {
        graph.add_node(());
    }
    let mut group = vec![0; count];
    for (number, members) in petgraph::algo::kosaraju_scc(&graph).iter().enumerate() {
        for member in members {
            group[NodeIndex::index(*member)] = number;
        }
    }
    group
}

fn contradiction(count: usize, constraints: &[Constraint], name: &dyn Fn(usize) -> String) -> Diagnostic {
    let cycle = shortest_cycle(count, constraints);
    let names: Vec<String> = cycle.iter().map(|c| name(c.before)).collect();
    let first = names.first().cloned().unwrap_or_default();
    let round = format!("{}, then {first}", names.join(", then "));
    let mut diagnostic =
        Diagnostic::error("LZ1007", format!("these steps would have to wait for each other: {round}"));
    for c in &cycle {
        diagnostic =
            diagnostic.note(format!("{} comes before {}: {}", name(c.before), name(c.after), c.because));
    }
    diagnostic.help(
        "make the change in two applies: first take the reference away, then change what it referred to",
    )
}

/// The shortest cycle through the first operation that lies on one.
fn shortest_cycle(count: usize, constraints: &[Constraint]) -> Vec<&Constraint> {
    let group = groups(count, constraints);
    let inside: Vec<&Constraint> = constraints.iter().filter(|c| group[c.before] == group[c.after]).collect();
    let mut next: HashMap<usize, Vec<&Constraint>> = HashMap::new();
    for c in &inside {
        next.entry(c.before).or_default().push(c);
    }
    let starts: BTreeSet<usize> = inside.iter().map(|c| c.before).collect();
    let Some(&start) = starts.first() else { return Vec::new() };
    let mut came_by: HashMap<usize, &Constraint> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(here) = queue.pop_front() {
        for &c in next.get(&here).into_iter().flatten() {
            if c.after == start {
                let mut cycle = vec![c];
                while let Some(&before) = cycle.last().and_then(|c| came_by.get(&c.before)) {
                    cycle.push(before);
                }
                cycle.reverse();
                return cycle;
            }
            if let std::collections::hash_map::Entry::Vacant(entry) = came_by.entry(c.after) {
                entry.insert(c);
                queue.push_back(c.after);
            }
        }
    }
    Vec::new()
}
