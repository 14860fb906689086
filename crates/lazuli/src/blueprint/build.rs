//! Blocks → declarations.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use lazuli_cluster::expand::Expansion;
use lazuli_cluster::names::Account;
use lazuli_cluster::roster::Renewals;
use lazuli_config::{ClusterPlace, Declaration as Block, Evaluator, Instance, Instances, ReferenceKey, Root};
use lazuli_core::configuration::{Configuration, Known, KnownObject};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Declaration, Dependency, Mode};
use lazuli_core::{Address, Diagnostic, Diagnostics};

use super::meta::meta;
use super::seen::Seen;
use super::{Blueprint, Item, ownership};

/// What a blueprint is made from.
pub struct Ground<'a> {
    /// The parsed configuration with its variables.
    pub evaluator: Arc<Evaluator>,
    /// What names hang on, for each cloud account.
    pub accounts: BTreeMap<Arc<str>, Account>,
    /// What the state remembers.
    pub recorded: &'a RecordedWorld,
    /// Nodes to be made anew, with the reason.
    pub renewals: &'a Renewals,
    /// True when user-data is to be rendered.
    pub boots: bool,
}

/// Nothing is known of any resource: what blocks are decoded with.
pub(super) struct Nothing;

impl Known for Nothing {
    fn object(&self, _: &Address) -> Option<KnownObject> {
        None
    }

    fn epoch(&self) -> u64 {
        0
    }
}

impl Blueprint {
    /// Decodes and expands every block of every module.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn build(ground: &Ground<'_>) -> Result<Blueprint, Diagnostics> {
        static EDITION: AtomicU64 = AtomicU64::new(1);
        let mut blueprint = Blueprint {
            evaluator: ground.evaluator.clone(),
            units: Vec::new(),
            entered: HashMap::new(),
            accounts: ground.accounts.clone(),
            declarations: Vec::new(),
            items: Vec::new(),
            clusters: Vec::new(),
            places: HashMap::new(),
            named: HashMap::new(),
            profiles: BTreeMap::new(),
            copies: BTreeMap::new(),
            together: Mutex::default(),
            edition: EDITION.fetch_add(1, Ordering::Relaxed),
            boots: ground.boots,
            mark: ownership::Mark::of(&ground.recorded.lineage),
            unmarked: HashSet::new(),
            warnings: Diagnostics::new(),
            checked: Mutex::default(),
            checks: Mutex::default(),
            promised: HashMap::new(),
        };
        let mut problems = Diagnostics::new();
        blueprint.enter((*ground.evaluator).clone(), &mut problems);
        blueprint.add_clusters(ground, &mut problems);
        blueprint.enter_all(&mut problems);
        blueprint.add_blocks(&mut problems);
        blueprint.unmarked = blueprint.without_mark(ground.recorded);
        blueprint.declarations.shrink_to_fit();
        blueprint.items.shrink_to_fit();
        if problems.is_empty() {
            return Ok(blueprint);
        }
        // All mistakes at once: blocks and outputs that nobody will evaluate any more have theirs too.
        let blocks = (0..blueprint.items.len()).filter(|i| matches!(blueprint.items[*i], Item::Block { .. }));
        let more: Diagnostics =
            blocks.filter_map(|i| blueprint.evaluate(i, &Nothing).err()).flatten().collect();
        lazuli_config::merge(&mut problems, more);
        lazuli_config::merge(&mut problems, blueprint.outputs(&Nothing).err().unwrap_or_default());
        Err(problems)
    }

    /// The place of a module instance; decodes its profiles the first time.
    fn enter(&mut self, unit: Evaluator, problems: &mut Diagnostics) -> usize {
        if let Some(place) = self.entered.get(&unit.address().cloned()) {
            return *place;
        }
        let place = self.units.len();
        self.entered.insert(unit.address().cloned(), place);
        self.add_profiles(&unit, problems);
        self.units.push(unit);
        place
    }

    /// Enters every module, those that are called after their callers.
    fn enter_all(&mut self, problems: &mut Diagnostics) {
        let mut open = std::collections::VecDeque::from([0]);
        while let Some(place) = open.pop_front() {
            let (children, found) = self.units[place].children(&Seen { blueprint: self, known: &Nothing });
            lazuli_config::merge(problems, found);
            for child in children {
                open.push_back(self.enter(child, problems));
            }
        }
    }

    /// The copies of a block.
    pub(super) fn instances(&self, root: &Root) -> Cow<'_, Instances> {
        if let Some(counted) = self.copies.get(root) {
            return Cow::Borrowed(counted);
        }
        let unit = match self.entered.get(&root.module) {
            Some(place) => Some(Cow::Borrowed(&self.units[*place])),
            None => self.evaluator.at(root.module.as_ref()).map(Cow::Owned),
        };
        let block = unit.as_ref().and_then(|unit| unit.module().declarations(root.kind).get(&root.name));
        let counted = match (&unit, block) {
            (Some(unit), Some(block)) if block.meta.repetition.is_some() => {
                unit.instances(block, &Seen { blueprint: self, known: &Nothing }).unwrap_or(Instances::Single)
            }
            _ => Instances::Single,
        };
        Cow::Owned(counted)
    }

    /// Counts the copies of a block, when everything they hang on is expanded.
    fn count(&mut self, unit: &Evaluator, block: &Block, problems: &mut Diagnostics) {
        if block.meta.repetition.is_none() {
            return;
        }
        match unit.instances(block, &Seen { blueprint: self, known: &Nothing }) {
            Ok(counted) => drop(self.copies.insert(root_of(unit, block), counted)),
            Err(found) => lazuli_config::merge(problems, found),
        }
    }

    /// The copies of a block that were counted; none when they could not be.
    fn copies(&self, unit: &Evaluator, block: &Block) -> Vec<Option<Instance>> {
        match self.copies.get(&root_of(unit, block)) {
            Some(Instances::Keyed(instances)) => instances.iter().cloned().map(Some).collect(),
            None if block.meta.repetition.is_some() => Vec::new(),
            Some(Instances::Single) | None => vec![None],
        }
    }

    /// Expands the clusters, those that others refer to first.
    fn add_clusters(&mut self, ground: &Ground<'_>, problems: &mut Diagnostics) {
        let evaluator = ground.evaluator.clone();
        let mut waiting = evaluator.clusters();
        while !waiting.is_empty() {
            let open: BTreeSet<ClusterPlace> = waiting.iter().cloned().collect();
            let refers = |place: &ClusterPlace| {
                let before = evaluator.clusters_before(place);
                before.into_iter().find(|(before, _)| open.contains(before))
            };
            let (ready, blocked): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|place| refers(place).is_none());
            if ready.is_empty() {
                for place in blocked {
                    if let Some((before, span)) = refers(&place) {
                        let message = format!(
                            "cluster `{}` cannot be expanded: clusters refer to each other",
                            place.name
                        );
                        problems.push(
                            Diagnostic::error("LZ0243", message)
                                .at(span, format!("needs cluster.{}", before.name)),
                        );
                    }
                }
                return;
            }
            for place in ready {
                let (units, found) = evaluator.modules_of(&place, &Seen { blueprint: self, known: &Nothing });
                lazuli_config::merge(problems, found);
                for unit in units {
                    self.enter(unit.clone(), problems);
                    let Some(block) = unit.module().clusters.get(&place.name) else { continue }; // impossible
                    self.count(&unit, block, problems);
                    for instance in self.copies(&unit, block) {
                        self.add_cluster(ground, &unit, block, instance, problems);
                    }
                }
            }
            waiting = blocked;
        }
    }

    /// Adds the parts of an expanded cluster.
    pub(super) fn add_parts(&mut self, cluster: usize, expansion: &Expansion, own: &[Dependency]) {
        for (part, made) in expansion.parts.iter().enumerate() {
            let mut declaration = made.declaration.clone();
            declaration.dependencies.extend(own.iter().cloned());
            self.declarations.push(declaration);
            self.items.push(Item::Part { cluster, part });
        }
    }

    fn add_blocks(&mut self, problems: &mut Diagnostics) {
        let units = self.units.clone();
        for unit in &units {
            for block in unit.module().data.iter().chain(unit.module().resources.iter()) {
                self.count(unit, block, problems);
            }
        }
        for data in [true, false] {
            for (place, unit) in units.iter().enumerate() {
                let blocks = if data { &unit.module().data } else { &unit.module().resources };
                for (position, block) in blocks.iter().enumerate() {
                    let site = Site { data, unit: place, position };
                    self.add_copies(&site, unit, block, problems);
                }
            }
        }
    }

    fn add_copies(&mut self, site: &Site, unit: &Evaluator, block: &Block, problems: &mut Diagnostics) {
        let awaited = self.awaited(unit, block);
        let by_key = block.meta.repetition.is_some() && unit.refers_by_own_key(block);
        let (own, shared): (Vec<_>, Vec<_>) = match by_key {
            true => (Vec::new(), Vec::new()), // asked for each
            false => unit
                .references(block, None)
                .into_iter()
                .partition(|reference| reference.key == Some(ReferenceKey::Instance)),
        };
        let shared = self.dependencies(&shared, None);
        for instance in self.copies(unit, block) {
            let mut dependencies = Vec::with_capacity(awaited.len() + shared.len() + own.len());
            dependencies.extend_from_slice(&awaited);
            dependencies.extend_from_slice(&shared);
            dependencies.extend(self.dependencies(&own, instance.as_ref()));
            if by_key {
                let key = instance.as_ref().map(|instance| &instance.key);
                dependencies.extend(self.dependencies(&unit.references(block, key), instance.as_ref()));
            }
            self.add_block(site, unit, block, instance, dependencies, problems);
        }
    }

    fn add_block(
        &mut self,
        site: &Site,
        unit: &Evaluator,
        block: &Block,
        instance: Option<Instance>,
        dependencies: Vec<Dependency>,
        problems: &mut Diagnostics,
    ) {
        let seen = Seen { blueprint: self, known: &Nothing };
        let (mut lifecycle, timeouts) = meta(unit, block, &seen, instance.as_ref()).unwrap_or_else(|found| {
            lazuli_config::merge(problems, found);
            Default::default() // the rest of the block is looked at all the same
        });
        match self.triggers(unit, block, instance.as_ref()) {
            Ok(triggers) => lifecycle.replace_triggered_by = triggers,
            Err(found) => lazuli_config::merge(problems, found),
        }
        if block.block.body.attributes.iter().any(|a| &*a.name.text == "ignore") {
            match unit.resource(block, &seen, instance.as_ref()) {
                Ok(resource) => lifecycle.ignore.extend(resource.ignore),
                Err(found) => lazuli_config::merge(problems, found),
            }
        }
        let Site { data, unit: place, position } = *site;
        let address = address_of(unit, block, instance.as_ref());
        if !block.meta.lifecycle.postconditions.is_empty() {
            self.promised.insert(address.clone(), self.items.len());
        }
        self.declarations.push(Declaration {
            address,
            mode: if data { Mode::Data } else { Mode::Managed },
            dependencies,
            origin: Some(block.block.span),
            lifecycle,
            timeouts,
            rollout: None,
        });
        self.items.push(Item::Block { unit: place, data, position, instance });
    }
}

/// Where a block stands.
struct Site {
    data: bool,
    unit: usize,
    position: usize,
}

pub(super) fn root_of(unit: &Evaluator, block: &Block) -> Root {
    Root { module: unit.address().cloned(), kind: block.kind, name: block.name.text.clone() }
}

pub(super) fn address_of(unit: &Evaluator, block: &Block, instance: Option<&Instance>) -> Address {
    let address = unit.address_of(block.kind.word(), &block.name.text);
    instance.map_or(address.clone(), |instance| address.instance(&instance.key))
}
