//! Blocks → declarations.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use lazuli_cluster::decode::{self, Context};
use lazuli_cluster::expand::{Expansion, expand};
use lazuli_cluster::names::Account;
use lazuli_cluster::roster::{Records, Renewals};
use lazuli_cluster::spec::Profile;
use lazuli_cluster::{attributes, schema};
use lazuli_config::{
    Declaration as Block, DeclarationKind, Evaluator, Externals, IgnoreChanges, Instance, Instances,
    NoExternals, Reference, ReferenceKey, Root,
};
use lazuli_core::address::Key;
use lazuli_core::configuration::{Configuration, Known, KnownObject};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{Bond, Declaration, Dependency, Lifecycle, Mode, Timeouts};
use lazuli_core::{Address, Diagnostic, Diagnostics, Path};

use super::history;
use super::seen::Seen;
use super::{Blueprint, ClusterBlock, Item};

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
struct Nothing;

impl Known for Nothing {
    fn object(&self, _: &Address) -> Option<KnownObject> {
        None
    }

    fn epoch(&self) -> u64 {
        0
    }
}

impl Blueprint {
    /// Decodes and expands every block.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn build(ground: &Ground<'_>) -> Result<Blueprint, Diagnostics> {
        static EDITION: AtomicU64 = AtomicU64::new(1);
        let mut blueprint = Blueprint {
            evaluator: ground.evaluator.clone(),
            accounts: ground.accounts.clone(),
            declarations: Vec::new(),
            items: Vec::new(),
            clusters: Vec::new(),
            copies: BTreeMap::new(),
            together: Mutex::default(),
            edition: EDITION.fetch_add(1, Ordering::Relaxed),
            boots: ground.boots,
            warnings: Diagnostics::new(),
        };
        let mut problems = Diagnostics::new();
        let profiles = profiles(&ground.evaluator, &mut blueprint.warnings, &mut problems);
        blueprint.add_clusters(ground, &profiles, &mut problems);
        blueprint.add_blocks(&mut problems);
        if problems.is_empty() {
            return Ok(blueprint);
        }
        // All mistakes at once: blocks that nobody will evaluate any more have theirs too.
        let blocks = (0..blueprint.items.len()).filter(|i| matches!(blueprint.items[*i], Item::Block { .. }));
        problems.extend(blocks.filter_map(|i| blueprint.evaluate(i, &Nothing).err()).flatten());
        Err(problems)
    }

    /// The copies of a block.
    pub(super) fn instances(&self, root: &Root) -> Cow<'_, Instances> {
        if let Some(counted) = self.copies.get(root) {
            return Cow::Borrowed(counted);
        }
        let counted = match self.evaluator.module().declarations(root.kind).get(&root.name) {
            Some(block) if block.meta.repetition.is_some() => self
                .evaluator
                .instances(block, &Seen { blueprint: self, known: &Nothing })
                .unwrap_or(Instances::Single),
            _ => Instances::Single,
        };
        Cow::Owned(counted)
    }

    /// Counts the copies of a block, when everything they hang on is expanded.
    fn count(&mut self, block: &Block, problems: &mut Diagnostics) {
        if block.meta.repetition.is_none() {
            return;
        }
        match self.evaluator.instances(block, &Seen { blueprint: self, known: &Nothing }) {
            Ok(counted) => drop(self.copies.insert(root_of(block), counted)),
            Err(found) => problems.extend(found),
        }
    }

    /// The copies of a block that were counted; none when they could not be.
    fn copies(&self, block: &Block) -> Vec<Option<Instance>> {
        match self.copies.get(&root_of(block)) {
            Some(Instances::Keyed(instances)) => instances.iter().cloned().map(Some).collect(),
            None if block.meta.repetition.is_some() => Vec::new(),
            Some(Instances::Single) | None => vec![None],
        }
    }

    /// True when a cluster block, or a copy of one, has this address.
    fn is_declared(&self, address: &Address) -> bool {
        self.evaluator.module().clusters.iter().any(|block| {
            self.copies(block)
                .iter()
                .any(|instance| address_of("cluster", block, instance.as_ref()) == *address)
        })
    }

    /// Expands the clusters, those that others refer to first.
    fn add_clusters(
        &mut self,
        ground: &Ground<'_>,
        profiles: &BTreeMap<Arc<str>, Option<Profile>>,
        problems: &mut Diagnostics,
    ) {
        let evaluator = ground.evaluator.clone();
        let mut waiting: Vec<&Block> = evaluator.module().clusters.iter().collect();
        while !waiting.is_empty() {
            let names: BTreeSet<Arc<str>> = waiting.iter().map(|b| b.name.text.clone()).collect();
            let refers = |block: &Block| {
                let references = evaluator.references(block);
                references
                    .into_iter()
                    .find(|r| r.root.kind == DeclarationKind::Cluster && names.contains(&r.root.name))
            };
            let (ready, blocked): (Vec<&Block>, Vec<&Block>) =
                waiting.iter().partition(|block| refers(block).is_none());
            if ready.is_empty() {
                for block in blocked {
                    if let Some(reference) = refers(block) {
                        let message = format!(
                            "cluster `{}` cannot be expanded: clusters refer to each other",
                            block.name.text
                        );
                        problems.push(
                            Diagnostic::error("LZ0243", message)
                                .at(reference.span, format!("needs {}", reference.root)),
                        );
                    }
                }
                return;
            }
            for block in ready {
                self.count(block, problems);
                for instance in self.copies(block) {
                    self.add_cluster(ground, block, instance, profiles, problems);
                }
            }
            waiting = blocked;
        }
    }

    fn add_cluster(
        &mut self,
        ground: &Ground<'_>,
        block: &Block,
        instance: Option<Instance>,
        profiles: &BTreeMap<Arc<str>, Option<Profile>>,
        problems: &mut Diagnostics,
    ) {
        let seen = Seen { blueprint: self, known: &Nothing };
        let address = address_of("cluster", block, instance.as_ref());
        let evaluated = self.evaluator.block(&block.block, &schema::CLUSTER, &seen, instance.as_ref());
        let (evaluated, meta) = match (evaluated, meta(&self.evaluator, block, &seen, instance.as_ref())) {
            (Ok(evaluated), Ok(meta)) => (evaluated, meta),
            (evaluated, meta) => {
                problems
                    .extend(evaluated.err().into_iter().flatten().chain(meta.err().into_iter().flatten()));
                return;
            }
        };
        let profile = evaluated.value("profile").and_then(|v| v.as_str()).and_then(|name| profiles.get(name));
        let Some(Some(profile)) = profile else { return }; // what is wrong with the profile has been said
        if instance.is_some() && evaluated.attribute("name").is_none() {
            let text = "every cluster needs a name of its own in Azure";
            problems.push(
                Diagnostic::error("LZ0105", "under count and for_each a cluster needs `name`")
                    .at(evaluated.span, text),
            );
            return;
        }
        let context = Context { address: address.clone(), lifecycle: meta.0, timeouts: meta.1 };
        let (cluster, warnings) = match decode::cluster(&evaluated, profile.clone(), context) {
            Ok(decoded) => decoded,
            Err(found) => {
                problems.extend(found);
                return;
            }
        };
        self.warnings.extend(warnings);
        let Some(account) = self.accounts.get(&cluster.account) else { return }; // undeclared accounts are refused where they are named
        let records = Records { world: ground.recorded, renewals: ground.renewals };
        let mut expansion = expand(&cluster, account, records);
        if let Some(former) =
            history::former(ground.recorded, &expansion, |address| self.is_declared(address))
        {
            let world = history::renamed(ground.recorded, &former, &address);
            expansion = expand(&cluster, account, Records { world: &world, renewals: ground.renewals });
        }
        problems.extend(user_data(&expansion));
        let own = self.dependencies(&self.evaluator.references(block), instance.as_ref());
        let object = attributes::object(&expansion);
        let place = self.clusters.len();
        for (part, made) in expansion.parts.iter().enumerate() {
            let mut declaration = made.declaration.clone();
            declaration.dependencies.extend(own.iter().cloned());
            self.declarations.push(declaration);
            self.items.push(Item::Part { cluster: place, part });
        }
        self.clusters.push(ClusterBlock {
            address,
            name: block.name.text.clone(),
            instance,
            expansion,
            object,
        });
    }

    fn add_blocks(&mut self, problems: &mut Diagnostics) {
        let evaluator = self.evaluator.clone();
        let module = evaluator.module();
        for block in module.data.iter().chain(module.resources.iter()) {
            self.count(block, problems);
        }
        for (data, blocks) in [(true, &module.data), (false, &module.resources)] {
            for (position, block) in blocks.iter().enumerate() {
                let (own, shared): (Vec<_>, Vec<_>) = evaluator
                    .references(block)
                    .into_iter()
                    .partition(|reference| reference.key == Some(ReferenceKey::Instance));
                let shared = self.dependencies(&shared, None);
                for instance in self.copies(block) {
                    let mut dependencies = shared.clone();
                    dependencies.extend(self.dependencies(&own, instance.as_ref()));
                    self.add_block(data, position, block, instance, dependencies, problems);
                }
            }
        }
    }

    fn add_block(
        &mut self,
        data: bool,
        position: usize,
        block: &Block,
        instance: Option<Instance>,
        dependencies: Vec<Dependency>,
        problems: &mut Diagnostics,
    ) {
        let seen = Seen { blueprint: self, known: &Nothing };
        let (lifecycle, timeouts) = match meta(&self.evaluator, block, &seen, instance.as_ref()) {
            Ok(meta) => meta,
            Err(found) => {
                problems.extend(found);
                return;
            }
        };
        let mut lifecycle = lifecycle;
        if block.block.body.attributes.iter().any(|a| &*a.name.text == "ignore") {
            match self.evaluator.resource(block, &seen, instance.as_ref()) {
                Ok(resource) => lifecycle.ignore.extend(resource.ignore),
                Err(found) => problems.extend(found),
            }
        }
        self.declarations.push(Declaration {
            address: address_of(if data { "data" } else { "resource" }, block, instance.as_ref()),
            mode: if data { Mode::Data } else { Mode::Managed },
            dependencies,
            origin: Some(block.block.span),
            lifecycle,
            timeouts,
            rollout: None,
        });
        self.items.push(Item::Block { data, position, instance });
    }

    /// The resources a block waits for, or the copy of it that `instance` is.
    pub(super) fn dependencies(
        &self,
        references: &[Reference],
        instance: Option<&Instance>,
    ) -> Vec<Dependency> {
        let mut dependencies = Vec::with_capacity(references.len());
        for reference in references {
            let span = Some(reference.through.as_ref().map_or(reference.span, |(_, span)| *span));
            let because: Arc<str> = match reference.attribute.steps().is_empty() {
                true => format!("refers to {}", reference.root).into(),
                false => format!("refers to {}.{}", reference.root, reference.attribute).into(),
            };
            let mut on = |address: Address| {
                dependencies.push(Dependency {
                    on: address,
                    because: because.clone(),
                    span,
                    bond: Bond::Reference,
                });
            };
            let address = Address::root(reference.root.kind.word(), &reference.root.name);
            let key = match &reference.key {
                Some(ReferenceKey::Literal(key)) => Some(key),
                Some(ReferenceKey::Instance) => instance.map(|instance| &instance.key),
                None => None,
            };
            match reference.root.kind {
                DeclarationKind::CloudAccount | DeclarationKind::ClusterProfile => {}
                DeclarationKind::Cluster => self.on_cluster(reference, key, &mut on),
                DeclarationKind::Resource | DeclarationKind::Data => {
                    match (key, &*self.instances(&reference.root)) {
                        (_, Instances::Single) => on(address),
                        (Some(key), Instances::Keyed(all)) => on(address.instance(&converted(key, all))),
                        (None, Instances::Keyed(all)) => {
                            all.iter().for_each(|i| on(address.instance(&i.key)))
                        }
                    }
                }
            }
        }
        dependencies
    }

    fn on_cluster(&self, reference: &Reference, key: Option<&Key>, on: &mut dyn FnMut(Address)) {
        let meant = self.clusters.iter().filter(|c| c.name == reference.root.name);
        let meant = meant.filter(|c| {
            let of = |instance: &Instance, key: &Key| {
                converted(key, std::slice::from_ref(instance)) == instance.key
            };
            key.is_none_or(|key| c.instance.as_ref().is_some_and(|instance| of(instance, key)))
        });
        for cluster in meant {
            match reference.attribute.steps().first() {
                Some(lazuli_core::path::PathStep::Name(attribute)) => {
                    attributes::needs(&cluster.expansion, attribute).into_iter().for_each(&mut *on);
                }
                _ => on(cluster.address.clone()),
            }
        }
    }
}

/// A key as the copies of a block have theirs: what is indexed converts `"1"` to `1` and back.
fn converted(key: &Key, copies: &[Instance]) -> Key {
    match (key, copies.first().map(|copy| &copy.key)) {
        (Key::Index(index), Some(Key::Name(_))) => Key::Name(index.to_string()),
        (Key::Name(name), Some(Key::Index(_))) => name.parse().map_or_else(|_| key.clone(), Key::Index),
        _ => key.clone(),
    }
}

/// What forbids to render the user-data of a pool's nodes: found before anything is made.
fn user_data(expansion: &Expansion) -> Diagnostics {
    let mut pools = BTreeSet::new();
    let first_of_pool = expansion.parts.iter().filter(|part| {
        part.declaration.rollout.as_ref().is_some_and(|r| part.boot.is_some() && pools.insert(&r.pool))
    });
    let problems = first_of_pool.filter_map(|part| {
        let problem = *crate::boot::check(part.boot.as_ref()?).err()?;
        Some(match part.declaration.origin {
            Some(span) => problem.at(span, "nodes of this pool could not boot"),
            None => problem,
        })
    });
    problems.collect()
}

/// The profiles; `None` for one that is wrong.
fn profiles(
    evaluator: &Evaluator,
    warnings: &mut Diagnostics,
    problems: &mut Diagnostics,
) -> BTreeMap<Arc<str>, Option<Profile>> {
    let mut profiles = BTreeMap::new();
    for declaration in evaluator.module().cluster_profiles.iter() {
        let block = evaluator.block(&declaration.block, &schema::PROFILE, &NoExternals, None);
        let profile = block.and_then(|block| decode::profile(&block));
        let profile = match profile {
            Ok((profile, found)) => {
                warnings.extend(found);
                Some(profile)
            }
            Err(found) => {
                problems.extend(found);
                None
            }
        };
        profiles.insert(declaration.name.text.clone(), profile);
    }
    profiles
}

fn root_of(block: &Block) -> Root {
    Root { kind: block.kind, name: block.name.text.clone() }
}

fn address_of(word: &str, block: &Block, instance: Option<&Instance>) -> Address {
    let address = Address::root(word, &block.name.text);
    instance.map_or(address.clone(), |instance| address.instance(&instance.key))
}

/// `lifecycle` and `timeouts` as the planner wants them.
fn meta(
    evaluator: &Evaluator,
    block: &Block,
    externals: &dyn Externals,
    instance: Option<&Instance>,
) -> Result<(Lifecycle, Timeouts), Diagnostics> {
    let written = &block.meta.lifecycle;
    if !written.replace_triggered_by.is_empty() || !written.postconditions.is_empty() {
        let problem = Diagnostic::error(
            "LZ0230",
            "`replace_triggered_by` and `postcondition` are not supported by this version of Lazuli",
        );
        return Err(vec![problem.at(block.block.span, "uses one of them")]);
    }
    let ignore = match &written.ignore_changes {
        IgnoreChanges::Nothing => Vec::new(),
        IgnoreChanges::Paths(paths) => paths.iter().map(|(path, _)| path.clone()).collect(),
        IgnoreChanges::All => vec![Path::root()],
    };
    let lifecycle = Lifecycle {
        prevent_destroy: written.prevent_destroy.is_some(),
        create_before_destroy: written.create_before_destroy.unwrap_or(false),
        ignore,
    };
    let timeouts = evaluator.timeouts(block, externals, instance)?;
    let seconds = |duration: Option<std::time::Duration>| duration.map(|d| d.as_secs());
    let timeouts = Timeouts {
        create: seconds(timeouts.create),
        update: seconds(timeouts.update),
        delete: seconds(timeouts.delete),
    };
    Ok((lifecycle, timeouts))
}
