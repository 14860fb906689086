//! Values with names, over all modules: what each refers to, what can be said of it without evaluating it, and the
//! circles they make.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lazuli_core::Span;

use crate::module::{DeclarationKind, Module};
use crate::references::{self, Direct, Link};
use crate::tree::Modules;

/// A value with a name in a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    /// A variable, by position.
    Variable(usize),
    /// A local value, by position.
    Local(usize),
    /// An output, by position.
    Output(usize),
    /// How often a module is called, by position of the call.
    Call(usize),
    /// All outputs of all copies of a call; never in the graph.
    Whole(usize),
}

/// What the values of one module refer to directly, in that module.
#[derive(Debug, Default)]
pub(crate) struct Directs {
    pub(crate) locals: Vec<Direct>,
    /// With preconditions and `depends_on`.
    pub(crate) outputs: Vec<Direct>,
    pub(crate) calls: Vec<CallDirect>,
    /// `count` and `for_each` of blocks.
    pub(crate) copies: HashMap<(DeclarationKind, Arc<str>), (usize, Direct)>,
}

/// What a call refers to.
#[derive(Debug, Default)]
pub(crate) struct CallDirect {
    pub(crate) repetition: Direct,
    pub(crate) inputs: HashMap<Arc<str>, Direct>,
    pub(crate) depends_on: Direct,
}

impl Directs {
    fn new(module: &Module) -> Self {
        let outputs = module.outputs.iter().map(|output| {
            let rules = output.preconditions.iter().flat_map(|c| [&c.condition, &c.error_message]);
            references::of_exprs(
                module,
                std::iter::once(&output.value).chain(rules).chain(&output.depends_on),
            )
        });
        let calls = module.calls.iter().map(|call| CallDirect {
            repetition: references::of_repetition(module, &call.meta),
            inputs: call
                .inputs
                .iter()
                .map(|input| (input.name.text.clone(), references::of_exprs(module, [&input.value])))
                .collect(),
            depends_on: references::of_exprs(module, &call.meta.depends_on),
        });
        let blocks = module.clusters.iter().chain(&module.resources).chain(&module.data);
        let copies = blocks
            .filter(|b| b.meta.repetition.is_some())
            .map(|b| ((b.kind, b.name.text.clone()), references::of_repetition(module, &b.meta)));
        Directs {
            locals: module.locals.iter().map(|local| references::of_exprs(module, [&local.value])).collect(),
            outputs: outputs.collect(),
            calls: calls.collect(),
            copies: copies.enumerate().map(|(i, (block, direct))| (block, (i, direct))).collect(),
        }
    }
}

/// The values of all modules.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// For each node of the tree, where its values begin.
    pub(crate) bases: Vec<usize>,
    /// For each node of the tree, its module's direct references; shared by calls of the same module.
    directs: Vec<Arc<Directs>>,
    /// For each value those it needs, with the place of the reference.
    needs: Vec<Vec<(usize, Span)>>,
    /// What can be said of each; `None` for one in or behind a circle.
    reach: Vec<Option<Reach>>,
    /// For each value the clusters it refers to itself.
    clusters: Vec<Vec<(usize, Arc<str>)>>,
    /// The circles: values, each with the place of the reference to the next.
    pub(crate) circles: Vec<Vec<(usize, Span)>>,
}

/// What a value reaches.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reach {
    /// True when it reaches a block: there is something to look for.
    pub(crate) blocks: bool,
    /// True when something it reaches is read from outside.
    external: bool,
    /// The local value of the same module to go on from: itself, or past local values that only pass one other on.
    skip: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    New,
    Open,
    Done,
}

/// Circles that are told: in a tangle there may be as many as references, each as long as all values.
const MOST_CIRCLES: usize = 50;

impl Graph {
    pub(crate) fn new(modules: &Modules) -> Self {
        let mut graph = Graph::default();
        let mut shared: HashMap<*const Module, Arc<Directs>> = HashMap::new();
        let mut count = 0;
        for node in modules.nodes() {
            let module = &node.module;
            let directs =
                shared.entry(Arc::as_ptr(module)).or_insert_with(|| Arc::new(Directs::new(module))).clone();
            graph.bases.push(count);
            count += module.variables.len() + module.locals.len() + module.outputs.len();
            count += module.calls.len() + directs.copies.len();
            graph.directs.push(directs);
        }
        graph.needs = vec![Vec::new(); count];
        graph.clusters = vec![Vec::new(); count];
        let mut external = vec![false; count];
        let mut blocks = vec![false; count];
        for at in 0..modules.nodes().len() {
            graph.node(modules, at, &mut external, &mut blocks);
        }
        let order = graph.sort();
        graph.reach = vec![None; count];
        for value in order {
            graph.reach[value] = graph.reach_of(value, external[value], blocks[value]);
        }
        graph.skips(modules);
        graph
    }

    /// The references of one module's values.
    fn node(&mut self, modules: &Modules, at: usize, external: &mut [bool], blocks: &mut [bool]) {
        let node = &modules.nodes()[at];
        let directs = self.directs[at].clone();
        let mut add = |graph: &mut Graph, frame: usize, value: usize, direct: &Direct| {
            external[value] |= direct.blocks.iter().any(|r| r.root.kind.is_external());
            blocks[value] |= !direct.blocks.is_empty();
            let clusters = direct.blocks.iter().filter(|r| r.root.kind == DeclarationKind::Cluster);
            graph.clusters[value].extend(clusters.map(|r| (frame, r.root.name.clone())));
            let needs = graph.needed(modules, frame, direct);
            graph.needs[value].extend(needs);
        };
        for (i, direct) in directs.locals.iter().enumerate() {
            add(self, at, self.value(modules, at, Named::Local(i)), direct);
        }
        for (i, direct) in directs.outputs.iter().enumerate() {
            add(self, at, self.value(modules, at, Named::Output(i)), direct);
        }
        for (i, call) in directs.calls.iter().enumerate() {
            add(self, at, self.value(modules, at, Named::Call(i)), &call.repetition);
        }
        for (i, direct) in directs.copies.values() {
            add(self, at, self.copies(modules, at, *i), direct);
        }
        let Some((caller, call)) = node.caller else { return };
        let given = self.directs[caller].clone();
        for (i, variable) in node.module.variables.iter().enumerate() {
            if let Some(direct) = given.calls[call].inputs.get(&variable.name.text) {
                let value = self.value(modules, at, Named::Variable(i));
                add(self, caller, value, direct);
                if direct.own_copy {
                    let span = modules.nodes()[caller].module.calls.at(call).map(|c| c.span);
                    let repetition = self.value(modules, caller, Named::Call(call));
                    self.needs[value].extend(span.map(|span| (repetition, span)));
                }
            }
        }
    }

    /// The values that something in the module of `frame` needs.
    fn needed(&self, modules: &Modules, frame: usize, direct: &Direct) -> Vec<(usize, Span)> {
        let mut needs = Vec::new();
        for (link, span) in &direct.links {
            match link {
                Link::Local(i) => needs.push((self.value(modules, frame, Named::Local(*i)), *span)),
                Link::Variable(i) => needs.push((self.value(modules, frame, Named::Variable(*i)), *span)),
                Link::Output { call, output, .. } => {
                    needs.push((self.value(modules, frame, Named::Call(*call)), *span));
                    let Some(child) = modules.nodes()[frame].calls[*call] else { continue };
                    let outputs = &modules.nodes()[child].module.outputs;
                    let meant = match output {
                        Some(output) => outputs.position(output).map_or(0..0, |i| i..i + 1),
                        None => 0..outputs.len(),
                    };
                    needs.extend(meant.map(|i| (self.value(modules, child, Named::Output(i)), *span)));
                }
            }
        }
        for block in &direct.blocks {
            let copies = &self.directs[frame].copies;
            if !copies.is_empty()
                && let Some((i, _)) = copies.get(&(block.root.kind, block.root.name.clone()))
            {
                needs.push((self.copies(modules, frame, *i), block.span));
            }
        }
        needs
    }

    fn value(&self, modules: &Modules, at: usize, named: Named) -> usize {
        let module = &modules.nodes()[at].module;
        let (variables, locals) = (module.variables.len(), module.locals.len());
        self.bases[at]
            + match named {
                Named::Variable(i) => i,
                Named::Local(i) => variables + i,
                Named::Output(i) => variables + locals + i,
                Named::Call(i) | Named::Whole(i) => variables + locals + module.outputs.len() + i,
            }
    }

    fn copies(&self, modules: &Modules, at: usize, i: usize) -> usize {
        let module = &modules.nodes()[at].module;
        let before = module.variables.len() + module.locals.len() + module.outputs.len() + module.calls.len();
        self.bases[at] + before + i
    }

    /// Every value after those it needs, as far as there are no circles. Depth first without recursion: a chain may be long.
    fn sort(&mut self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.needs.len());
        let mut visits = vec![Visit::New; self.needs.len()];
        let mut circles: Vec<Vec<(usize, Span)>> = Vec::new();
        for start in 0..self.needs.len() {
            if visits[start] != Visit::New {
                continue;
            }
            let mut stack = vec![(start, 0)];
            visits[start] = Visit::Open;
            while let Some((value, next)) = stack.last_mut() {
                let (value, position) = (*value, *next);
                *next += 1;
                match self.needs[value].get(position) {
                    None => {
                        visits[value] = Visit::Done;
                        order.push(value);
                        stack.pop();
                    }
                    Some((to, _)) if visits[*to] == Visit::New => {
                        visits[*to] = Visit::Open;
                        stack.push((*to, 0));
                    }
                    Some((to, _)) if visits[*to] == Visit::Open && circles.len() < MOST_CIRCLES => {
                        let begin = stack.iter().position(|(n, _)| n == to).unwrap_or(0);
                        let edges = stack[begin..]
                            .iter()
                            .map(|(n, next)| (*n, self.needs[*n][next.saturating_sub(1)].1));
                        circles.push(edges.collect());
                    }
                    Some(_) => {}
                }
            }
        }
        // What is in a circle needs no mark: of something it needs, nothing can be said before.
        self.circles = circles;
        order
    }

    /// What a value reaches whose own needs are done.
    fn reach_of(&self, value: usize, external: bool, blocks: bool) -> Option<Reach> {
        let mut reach = Reach { blocks, external, skip: None };
        for (needed, _) in &self.needs[value] {
            let below = self.reach[*needed].as_ref()?;
            reach.blocks |= below.blocks;
            reach.external |= below.external;
        }
        Some(reach)
    }

    /// Finds local values that only pass another one on, in every module.
    fn skips(&mut self, modules: &Modules) {
        for at in 0..modules.nodes().len() {
            let directs = self.directs[at].clone();
            let first = self.value(modules, at, Named::Local(0));
            let mut path = Vec::new();
            for local in 0..directs.locals.len() {
                let mut here = local;
                let end = loop {
                    if let Some(end) = self.reach[first + here].and_then(|reach| reach.skip) {
                        break end;
                    }
                    path.push(here);
                    match passes_on(&directs.locals[here]) {
                        Some(next) if self.reach[first + here].is_some() => here = next,
                        _ => break here,
                    }
                };
                for local in path.drain(..) {
                    if let Some(reach) = &mut self.reach[first + local] {
                        reach.skip = Some(end);
                    }
                }
            }
        }
    }

    pub(crate) fn directs(&self, at: usize) -> &Directs {
        &self.directs[at]
    }

    /// What can be said of a value; `None` for one in or behind a circle.
    pub(crate) fn reach(&self, modules: &Modules, at: usize, named: Named) -> Option<Reach> {
        self.reach[self.value(modules, at, named)]
    }

    /// True when evaluating it reads nothing that changes.
    pub(crate) fn is_pure(&self, modules: &Modules, at: usize, named: Named) -> bool {
        self.reach(modules, at, named).is_some_and(|reach| !reach.external)
    }

    /// True when something with these references, in the module of `at`, reads nothing that changes.
    pub(crate) fn reads_nothing(&self, modules: &Modules, at: usize, direct: &Direct) -> bool {
        let own = direct.blocks.iter().any(|r| r.root.kind.is_external());
        let pure = |value: usize| self.reach[value].is_some_and(|reach| !reach.external);
        !own && self.needed(modules, at, direct).into_iter().all(|(value, _)| pure(value))
    }

    /// The clusters that something in the module of `at` refers to, itself or through values, with the place where it
    /// does.
    pub(crate) fn clusters(
        &self,
        modules: &Modules,
        at: usize,
        direct: &Direct,
    ) -> Vec<(usize, Arc<str>, Span)> {
        let own = direct.blocks.iter().filter(|r| r.root.kind == DeclarationKind::Cluster);
        let mut all: Vec<_> = own.map(|r| (at, r.root.name.clone(), r.span)).collect();
        let mut open = self.needed(modules, at, direct);
        let mut seen = HashSet::new();
        while let Some((value, span)) = open.pop() {
            if seen.insert(value) {
                all.extend(self.clusters[value].iter().map(|(at, name)| (*at, name.clone(), span)));
                open.extend(self.needs[value].iter().map(|(needed, _)| (*needed, span)));
            }
        }
        all
    }

    /// The local value to go on from when looking for blocks.
    pub(crate) fn past(&self, modules: &Modules, at: usize, local: usize) -> usize {
        self.reach(modules, at, Named::Local(local)).and_then(|reach| reach.skip).unwrap_or(local)
    }
}

/// The one local value that a local value passes on, when it does nothing else.
fn passes_on(direct: &Direct) -> Option<usize> {
    let mut only = None;
    if !direct.blocks.is_empty() {
        return None;
    }
    for (link, _) in &direct.links {
        match (link, only) {
            (Link::Local(i), None) => only = Some(*i),
            (Link::Local(i), Some(before)) if *i == before => {}
            _ => return None,
        }
    }
    only
}
