//! Declarations as a graph: an order in which everything comes after what it depends on, or the cycle that forbids it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use lazuli_core::resource::{Bond, Declaration, Dependency};
use lazuli_core::{Address, Diagnostic, Diagnostics, Hashing};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

/// The declarations, by place, with their dependencies resolved.
#[derive(Debug)]
pub struct Graph {
    /// Places of declarations by address.
    pub places: HashMap<Address, usize, Hashing>,
    /// For each declaration the declarations it depends on, without doubles, in order of place.
    pub dependencies: Vec<Vec<Link>>,
    /// Every place once, dependencies first; where that leaves a choice, the copies of a block together, after those of
    /// the blocks it refers to, and blocks in the order of declaration.
    pub order: Vec<usize>,
}

/// A resolved dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The place of the declaration that comes first.
    pub on: usize,
    /// False for a dependency that only orders creation.
    pub reference: bool,
    /// Which of the declaration's dependencies it is.
    pub by: usize,
}

impl Graph {
    /// Resolves the dependencies of the declarations and orders them.
    ///
    /// A dependency on something that contains resources (`cluster.prod`) means all of them; one on something that is
    /// not declared is left out: references are checked where they are evaluated.
    ///
    /// # Errors
    /// One diagnostic for each group of resources that depend on each other.
    pub fn new(declarations: &[Declaration]) -> Result<Graph, Diagnostics> {
        let places: HashMap<Address, usize, Hashing> =
            declarations.iter().enumerate().map(|(i, d)| (d.address.clone(), i)).collect();
        let mut graph: DiGraph<usize, &Dependency, u32> =
            DiGraph::with_capacity(declarations.len(), declarations.len() * 3);
        for place in 0..declarations.len() {
            graph.add_node(place);
        }
        let node = |place: usize| NodeIndex::<u32>::new(place);
        let containers = std::cell::OnceCell::new();
        let mut dependencies = Vec::with_capacity(declarations.len());
        for (place, declaration) in declarations.iter().enumerate() {
            let mut links = Vec::with_capacity(declaration.dependencies.len());
            for (by, dependency) in declaration.dependencies.iter().enumerate() {
                let reference = dependency.bond == Bond::Reference;
                match places.get(&dependency.on) {
                    Some(&on) => {
                        graph.add_edge(node(on), node(place), dependency);
                        links.push(Link { on, reference, by });
                    }
                    None => {
                        let containers = containers.get_or_init(|| Containers::new(declarations));
                        for on in containers.within(&dependency.on).into_iter().filter(|on| *on != place) {
                            graph.add_edge(node(on), node(place), dependency);
                            links.push(Link { on, reference, by });
                        }
                    }
                }
            }
            links.sort_unstable_by_key(|link| (link.on, !link.reference, link.by));
            links.dedup_by_key(|link| link.on);
            dependencies.push(links);
        }
        match order(&graph, &ranks(declarations, &dependencies)) {
            Some(order) => Ok(Graph { places, dependencies, order }),
            None => Err(cycles(&graph, declarations)),
        }
    }
}

/// Finds the declarations within `cluster.prod` without looking at all of them.
struct Containers<'a>(Vec<(&'a str, usize)>);

impl<'a> Containers<'a> {
    fn new(declarations: &'a [Declaration]) -> Self {
        let mut names: Vec<(&str, usize)> =
            declarations.iter().enumerate().map(|(place, d)| (d.address.as_str(), place)).collect();
        names.sort_unstable();
        Containers(names)
    }

    fn within(&self, container: &Address) -> Vec<usize> {
        let mut within = Vec::new();
        for start in [format!("{container}."), format!("{container}[")] {
            let from = self.0.partition_point(|(name, _)| *name < start.as_str());
            let names = self.0[from..].iter().take_while(|(name, _)| name.starts_with(&start));
            within.extend(names.map(|(_, place)| *place));
        }
        within
    }
}

/// Kahn's algorithm with the smallest rank first; `None` when there is a cycle.
fn order<N, E>(graph: &DiGraph<N, E, u32>, ranks: &[usize]) -> Option<Vec<usize>> {
    let mut waiting: Vec<usize> =
        graph.node_indices().map(|n| graph.edges_directed(n, petgraph::Incoming).count()).collect();
    let mut ready: BinaryHeap<Reverse<(usize, usize)>> = waiting
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(place, _)| Reverse((ranks[place], place)))
        .collect();
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(Reverse((_, place))) = ready.pop() {
        order.push(place);
        for edge in graph.edges(NodeIndex::new(place)) {
            let target = edge.target().index();
            waiting[target] -= 1;
            if waiting[target] == 0 {
                ready.push(Reverse((ranks[target], target)));
            }
        }
    }
    (order.len() == waiting.len()).then_some(order)
}

/// Which declarations are better first. What sees one copy of a block sees all of them: that is put together once when
/// all are there, and anew for everybody who asks before.
fn ranks(declarations: &[Declaration], dependencies: &[Vec<Link>]) -> Vec<usize> {
    let mut blocks: HashMap<&str, usize, Hashing> =
        HashMap::with_capacity_and_hasher(declarations.len(), Hashing::default());
    let block_of: Vec<usize> = declarations
        .iter()
        .map(|d| {
            let next = blocks.len();
            *blocks.entry(without_key(&d.address)).or_insert(next)
        })
        .collect();
    let count = blocks.len();
    let by_place = || (0..declarations.len()).collect();
    if count == declarations.len() {
        return by_place();
    }
    let mut edges: Vec<(u32, u32)> = Vec::new();
    for (place, links) in dependencies.iter().enumerate() {
        let of = |place: usize| u32::try_from(block_of[place]).unwrap_or(u32::MAX);
        edges.extend(links.iter().map(|link| (of(link.on), of(place))).filter(|(on, by)| on != by));
    }
    edges.sort_unstable();
    edges.dedup();
    let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(count, edges.len());
    for _ in 0..count {
        graph.add_node(());
    }
    graph.extend_with_edges(edges);
    let by_block: Vec<usize> = (0..count).collect();
    let Some(order) = order(&graph, &by_block) else { return by_place() };
    let mut rank = vec![0; count];
    for (at, block) in order.into_iter().enumerate() {
        rank[block] = at;
    }
    block_of.into_iter().map(|block| rank[block]).collect()
}

/// The address of the block whose copy this is; its own when it is none.
fn without_key(address: &Address) -> &str {
    let text = address.as_str();
    if !text.ends_with(']') {
        return text;
    }
    let segments = address.segments();
    let key = segments.last().and_then(|segment| segment.key.as_ref()).map(ToString::to_string);
    key.and_then(|key| text.strip_suffix(key.as_str())).unwrap_or(text)
}

/// One diagnostic for each strongly connected group, with its shortest cycle. `kosaraju_scc` does not recurse.
fn cycles(graph: &DiGraph<usize, &Dependency, u32>, declarations: &[Declaration]) -> Diagnostics {
    let mut groups: Vec<Vec<usize>> = petgraph::algo::kosaraju_scc(graph)
        .into_iter()
        .map(|group| group.into_iter().map(NodeIndex::index).collect::<Vec<_>>())
        .filter(|group| {
            group.len() > 1
                || group.first().is_some_and(|n| graph.contains_edge(NodeIndex::new(*n), NodeIndex::new(*n)))
        })
        .collect();
    for group in &mut groups {
        group.sort_by(|a, b| declarations[*a].address.cmp(&declarations[*b].address));
    }
    groups.sort_by(|a, b| declarations[a[0]].address.cmp(&declarations[b[0]].address));
    groups.iter().map(|group| explain(&shortest_cycle(graph, group), declarations)).collect()
}

/// The shortest cycle through the first member of the group, as pairs of a place and the dependency that leads on from it.
fn shortest_cycle<'a>(
    graph: &DiGraph<usize, &'a Dependency, u32>,
    group: &[usize],
) -> Vec<(usize, &'a Dependency)> {
    let mut best: Vec<(usize, &Dependency)> = Vec::new();
    // Every cycle of a group passes through some member; a bounded number of starts keeps large groups quick.
    for &start in group.iter().take(64) {
        let mut came_by: HashMap<usize, (usize, &Dependency)> = HashMap::new();
        let mut queue = VecDeque::from([start]);
        'search: while let Some(here) = queue.pop_front() {
            // Incoming edges of the order graph are the dependencies of `here`.
            for edge in graph.edges_directed(NodeIndex::new(here), petgraph::Incoming) {
                let next = edge.source().index();
                if next == start {
                    let mut cycle = vec![(here, *edge.weight())];
                    let mut back = here;
                    while let Some(&(previous, dependency)) = came_by.get(&back) {
                        cycle.push((previous, dependency));
                        back = previous;
                    }
                    cycle.reverse();
                    if best.is_empty() || cycle.len() < best.len() {
                        best = cycle;
                    }
                    break 'search;
                }
                if let std::collections::hash_map::Entry::Vacant(entry) = came_by.entry(next) {
                    entry.insert((here, *edge.weight()));
                    queue.push_back(next);
                }
            }
        }
    }
    best
}

fn explain(cycle: &[(usize, &Dependency)], declarations: &[Declaration]) -> Diagnostic {
    let name = |place: usize| &declarations[place].address;
    let names: Vec<String> = cycle.iter().map(|(place, _)| name(*place).to_string()).collect();
    let round = format!("{} -> {}", names.join(" -> "), names.first().map_or("", String::as_str));
    let mut diagnostic =
        Diagnostic::error("LZ1001", format!("these resources depend on each other: {round}"));
    for (i, (place, dependency)) in cycle.iter().enumerate() {
        let next = name(cycle[(i + 1) % cycle.len()].0);
        let text = format!("{} needs {next} here ({})", name(*place), dependency.because);
        match dependency.span {
            Some(span) if diagnostic.primary.is_none() => diagnostic = diagnostic.at(span, text),
            Some(span) => diagnostic = diagnostic.also_at(span, text),
            None => diagnostic = diagnostic.note(text),
        }
    }
    diagnostic.help("take one of these references away, or give its value as text")
}
