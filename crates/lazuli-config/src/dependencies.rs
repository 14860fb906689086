//! What a block refers to, looking through local values, inputs and outputs of modules: exactly the copies that are
//! named, wherever that can be told.

use std::collections::HashSet;
use std::sync::Arc;

use lazuli_core::address::Key;
use lazuli_core::{Address, Diagnostics, Path, Span};

use crate::evaluator::Evaluator;
use crate::externals::{Externals, Instance, Root};
use crate::graph::Named;
use crate::meta::Repetition;
use crate::module::{Declaration, Module};
use crate::refactoring::{TargetKind, address_of, kind_of, plain_key};
use crate::references::{self, Direct, Link, Reference, ReferenceKey};
use crate::syntax::Expr;
use crate::unit::{Unit, Units};

/// A `cluster` block, in whatever module, however many copies of it there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterPlace {
    /// Its node in the tree of calls.
    node: usize,
    /// Its name.
    pub name: Arc<str>,
}

/// A place in the search: something with a name, seen from a unit.
struct Step {
    unit: Arc<Unit>,
    link: Link,
    /// What `[each.key]` means there.
    own: Own,
    through: (Arc<str>, Span),
}

/// What the key of the copy that a reference stands in is.
#[derive(Clone, PartialEq)]
enum Own {
    /// That of the block asked about, which may be any of its copies.
    Asked,
    /// This one.
    Key(Option<Key>),
}

impl Evaluator {
    /// The blocks a declaration refers to, in its body and its meta-arguments, looking through local values and modules.
    /// With the key of one of its copies, those that this copy refers to.
    pub fn references(&self, declaration: &Declaration, copy: Option<&Key>) -> Vec<Reference> {
        let direct = references::of_declaration(self.module(), declaration);
        if copy.is_some() || !direct.links.is_empty() {
            return self.complete(&direct, copy);
        }
        // There is nothing to look through: what is written is all there is.
        let within = |block: Reference| Reference {
            root: Root { module: self.unit.address.clone(), ..block.root },
            ..block
        };
        direct.blocks.into_iter().map(within).collect()
    }

    /// True when the copies of a declaration refer, each by its own key, to copies of modules: what each refers to has
    /// to be asked for each.
    pub fn refers_by_own_key(&self, declaration: &Declaration) -> bool {
        let links = references::of_declaration(self.module(), declaration).links;
        let by_key = |link: &Link| matches!(link, Link::Output { key: Some(ReferenceKey::Instance), .. });
        links.iter().any(|(link, _)| by_key(link))
    }

    /// The blocks an expression refers to, looking through local values and modules.
    /// With the key of a copy, those that an expression in that copy refers to.
    pub fn references_of(&self, expr: &Expr, copy: Option<&Key>) -> Vec<Reference> {
        self.complete(&references::of_exprs(self.module(), [expr]), copy)
    }

    /// What everything in this module waits for: the `depends_on` of the calls that lead to it.
    pub fn awaited(&self) -> Vec<Reference> {
        let mut all = Vec::new();
        let mut unit = &self.unit;
        while let Some(caller) = &unit.caller {
            let calls = &self.tree.graph.directs(caller.unit.node).calls;
            if let Some(direct) = calls.get(caller.call).map(|call| &call.depends_on) {
                let above = Evaluator { tree: self.tree.clone(), unit: caller.unit.clone() };
                all.extend(above.complete(direct, caller.key()));
            }
            unit = &caller.unit;
        }
        all
    }

    /// The modules whose every block a declaration waits for: what its `depends_on` names, and what those of the calls
    /// that lead here name.
    pub fn awaited_modules(&self, declaration: &Declaration) -> Vec<(Address, Span)> {
        let mut all = Vec::new();
        self.whole_modules(&declaration.meta.depends_on, &mut all);
        let mut unit = &self.unit;
        while let Some(caller) = &unit.caller {
            if let Some(call) = caller.unit.module.calls.at(caller.call) {
                let above = Evaluator { tree: self.tree.clone(), unit: caller.unit.clone() };
                above.whole_modules(&call.meta.depends_on, &mut all);
            }
            unit = &caller.unit;
        }
        all
    }

    /// Those of some references that name a module, or a copy of one.
    fn whole_modules(&self, references: &[Expr], into: &mut Vec<(Address, Span)>) {
        for reference in references {
            let written = address_of(reference, &mut plain_key);
            let Some(written) = written.filter(|a| kind_of(a) == Some(TargetKind::Module)) else { continue };
            let segments = written.segments();
            if let [_, call] = segments.as_slice() {
                let address = self.address_of("module", &call.name);
                let address = call.key.as_ref().map_or(address.clone(), |key| address.instance(key));
                into.push((address, reference.span));
            }
        }
    }

    /// The module instance at an address, when copies on the way are counted.
    pub fn at(&self, address: Option<&Address>) -> Option<Evaluator> {
        let mut here = self.root().unit;
        let segments = address.map(Address::segments).unwrap_or_default();
        for pair in segments.chunks(2) {
            let [_, call] = pair else { return None };
            let (_, units) = self.tree.counted(here.id, here.module.calls.position(&call.name)?)?;
            let units = units?;
            here = match &call.key {
                Some(key) => units.get(key)?.clone(),
                None => units.single()?.clone(),
            };
        }
        Some(Evaluator { tree: self.tree.clone(), unit: here })
    }

    /// A copy of a declaration with its `each.value` as it is known now: it may have been unknown when copies were
    /// counted.
    ///
    /// # Errors
    /// When `for_each` cannot be evaluated.
    pub fn current(
        &self,
        declaration: &Declaration,
        instance: &Instance,
        externals: &dyn Externals,
    ) -> Result<Instance, Diagnostics> {
        match &declaration.meta.repetition {
            Some(Repetition::ForEach(attribute)) if !instance.value.is_wholly_known() => {
                let whole = self.expression(&attribute.value, externals, None)?;
                Ok(crate::named::now(instance, &whole))
            }
            _ => Ok(instance.clone()),
        }
    }

    /// True when it, or a module it is called from, may be there several times.
    pub fn is_copied(&self) -> bool {
        let mut unit = &self.unit;
        while let Some(caller) = &unit.caller {
            if caller.instance.is_some() {
                return true;
            }
            unit = &caller.unit;
        }
        false
    }

    /// True when a cluster of that name is declared at an address of modules, whatever the keys.
    pub fn declares_cluster(&self, modules: Option<&Address>, name: &str) -> bool {
        let segments = modules.map(Address::segments).unwrap_or_default();
        let calls = segments.iter().skip(1).step_by(2).map(|segment| segment.name.as_str());
        let node = self.tree.modules.follow(0, calls);
        node.is_some_and(|node| self.tree.modules.nodes()[node].module.clusters.get(name).is_some())
    }

    fn complete(&self, direct: &Direct, copy: Option<&Key>) -> Vec<Reference> {
        let own = copy.map_or(Own::Asked, |key| Own::Key(Some(key.clone())));
        let mut found = Found { all: Vec::new(), seen: HashSet::new() };
        found.blocks(&self.unit, direct, &own, None);
        let mut visited = HashSet::new();
        let mut open = Vec::new();
        for (link, span) in direct.links.iter().rev() {
            let through = (name_of(&self.unit.module, link), *span);
            open.push(Step { unit: self.unit.clone(), link: link.clone(), own: own.clone(), through });
        }
        while let Some(step) = open.pop() {
            self.step(step, &mut found, &mut visited, &mut open);
        }
        found.all
    }

    fn step(
        &self,
        step: Step,
        found: &mut Found,
        visited: &mut HashSet<(usize, Named)>,
        open: &mut Vec<Step>,
    ) {
        let Step { unit, link, own, through } = step;
        let graph = &self.tree.graph;
        let reaches = |unit: &Unit, named: Named| {
            graph.reach(&self.tree.modules, unit.node, named).is_some_and(|reach| reach.blocks)
        };
        let mut go_on = |unit: &Arc<Unit>, direct: &Direct, own: &Own| {
            found.blocks(unit, direct, own, Some(&through));
            open.extend(direct.links.iter().rev().map(|(link, _)| Step {
                unit: unit.clone(),
                link: link.clone(),
                own: own.clone(),
                through: through.clone(),
            }));
        };
        match link {
            Link::Local(i) => {
                let i = graph.past(&self.tree.modules, unit.node, i);
                let named = Named::Local(i);
                if reaches(&unit, named) && visited.insert((unit.id, named)) {
                    go_on(&unit, &graph.directs(unit.node).locals[i], &Own::Key(None));
                }
            }
            Link::Variable(i) => {
                let named = Named::Variable(i);
                let (Some(caller), Some(variable)) = (&unit.caller, unit.module.variables.at(i)) else {
                    return;
                };
                if !visited.insert((unit.id, named)) {
                    return;
                }
                let call = &graph.directs(caller.unit.node).calls[caller.call];
                let Some(direct) = call.inputs.get(&variable.name.text) else { return };
                let own = Own::Key(caller.key().cloned());
                go_on(&caller.unit, direct, &own);
                // What `each.value` holds may be known only later.
                if direct.own_copy && caller.instance.as_ref().is_some_and(|i| !i.value.is_wholly_known()) {
                    go_on(&caller.unit, &call.repetition, &own);
                }
            }
            Link::Output { call, key, output } => {
                let Some((_, Some(units))) = self.tree.counted(unit.id, call) else { return };
                for child in meant(&units, key.as_ref(), &own) {
                    for (i, declared) in child.module.outputs.iter().enumerate() {
                        let named = Named::Output(i);
                        if output.as_ref().is_none_or(|output| *output == declared.name.text)
                            && reaches(child, named)
                            && visited.insert((child.id, named))
                        {
                            go_on(child, &graph.directs(child.node).outputs[i], &Own::Key(None));
                        }
                    }
                }
            }
        }
    }

    /// Every `cluster` block, in every module.
    pub fn clusters(&self) -> Vec<ClusterPlace> {
        let nodes = self.tree.modules.nodes().iter().enumerate();
        let places = nodes.flat_map(|(node, n)| {
            n.module.clusters.iter().map(move |c| ClusterPlace { node, name: c.name.text.clone() })
        });
        places.collect()
    }

    /// The clusters that must be known before copies of a cluster can be, with the place of the reference.
    pub fn clusters_before(&self, place: &ClusterPlace) -> Vec<(ClusterPlace, Span)> {
        let nodes = self.tree.modules.nodes();
        let Some(cluster) = nodes[place.node].module.clusters.get(&place.name) else { return Vec::new() };
        let direct = references::of_declaration(&nodes[place.node].module, cluster);
        let mut before = self.tree.graph.clusters(&self.tree.modules, place.node, &direct);
        let mut at = place.node;
        while let Some((caller, call)) = nodes[at].caller {
            let repetition = &self.tree.graph.directs(caller).calls[call].repetition;
            before.extend(self.tree.graph.clusters(&self.tree.modules, caller, repetition));
            at = caller;
        }
        let place = |(node, name, span)| (ClusterPlace { node, name }, span);
        before.into_iter().map(place).collect()
    }

    /// The module instances in which copies of a cluster are declared.
    ///
    /// # Errors
    /// When copies of modules on the way cannot be counted.
    pub fn modules_of(
        &self,
        place: &ClusterPlace,
        externals: &dyn Externals,
    ) -> (Vec<Evaluator>, Diagnostics) {
        let nodes = self.tree.modules.nodes();
        let mut way = vec![place.node];
        while let Some((caller, _)) = nodes[*way.last().unwrap_or(&0)].caller {
            way.push(caller);
        }
        way.pop(); // the root
        let mut here = vec![self.root()];
        let mut diagnostics = Diagnostics::new();
        for node in way.into_iter().rev() {
            let mut next = Vec::new();
            for unit in here {
                let (children, found) = unit.children(externals);
                diagnostics.extend(found);
                next.extend(children.into_iter().filter(|child| child.unit.node == node));
            }
            here = next;
        }
        (here, diagnostics)
    }
}

/// The copies of a call that a reference means.
fn meant<'u>(units: &'u Units, key: Option<&ReferenceKey>, own: &Own) -> Vec<&'u Arc<Unit>> {
    if let Some(single) = units.single() {
        return vec![single];
    }
    let key = match (key, own) {
        (Some(ReferenceKey::Literal(key)), _) => Some(key),
        (Some(ReferenceKey::Instance), Own::Key(key)) => key.as_ref(),
        _ => None,
    };
    match key {
        Some(key) => units.get(key).into_iter().collect(),
        None => units.units.iter().collect(),
    }
}

/// What was found, each block's attribute once.
struct Found {
    all: Vec<Reference>,
    seen: HashSet<(Root, Option<ReferenceKey>, Path)>,
}

impl Found {
    fn blocks(&mut self, unit: &Unit, direct: &Direct, own: &Own, through: Option<&(Arc<str>, Span)>) {
        for block in &direct.blocks {
            let key = match (&block.key, own) {
                (Some(ReferenceKey::Instance), Own::Key(key)) => key.clone().map(ReferenceKey::Literal),
                (key, _) => key.clone(),
            };
            let root = Root { module: unit.address.clone(), ..block.root.clone() };
            let new = self.seen.insert((root.clone(), key.clone(), block.attribute.clone()));
            // What is written in the block itself is told as often as it is written.
            if new || through.is_none() {
                let attribute = block.attribute.clone();
                self.all.push(Reference {
                    root,
                    key,
                    attribute,
                    span: block.span,
                    through: through.cloned(),
                });
            }
        }
    }
}

fn name_of(module: &Module, link: &Link) -> Arc<str> {
    let name = match link {
        Link::Local(i) => module.locals.at(*i).map(|l| l.name.text.clone()),
        Link::Variable(i) => module.variables.at(*i).map(|v| v.name.text.clone()),
        Link::Output { call, .. } => module.calls.at(*call).map(|c| c.name.text.clone()),
    };
    name.unwrap_or_default()
}
