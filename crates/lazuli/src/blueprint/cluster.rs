//! `cluster` and `cluster_profile` blocks → expanded clusters.

use std::collections::BTreeSet;

use lazuli_cluster::decode::{self, Context};
use lazuli_cluster::expand::{Expansion, expand};
use lazuli_cluster::names::Account;
use lazuli_cluster::roster::Records;
use lazuli_cluster::spec::Image;
use lazuli_cluster::{attributes, schema};
use lazuli_config::{Declaration as Block, DeclarationKind, Evaluator, Instance, Instances, Root};
use lazuli_core::block::Block as Evaluated;
use lazuli_core::{Address, Diagnostic, Diagnostics};

use super::build::{Ground, Nothing, address_of, root_of};
use super::ids::Ids;
use super::meta::meta;
use super::seen::Seen;
use super::{Blueprint, ClusterBlock, history};

impl Blueprint {
    /// Decodes the profiles of a module.
    pub(super) fn add_profiles(&mut self, unit: &Evaluator, problems: &mut Diagnostics) {
        for declaration in unit.module().cluster_profiles.iter() {
            let seen = Seen { blueprint: self, known: &Nothing };
            let block = unit.block_in_part(&declaration.block, &schema::PROFILE, &seen, None);
            let profile = block
                .map_err(|mistaken| mistaken.and(|rest| decode::profile(rest).map(drop)))
                .and_then(|block| decode::profile(&block));
            let profile = match profile {
                Ok((mut profile, found)) => {
                    profile.in_folder(unit.folder());
                    lazuli_config::merge(&mut self.warnings, found);
                    Some(profile)
                }
                Err(found) => {
                    lazuli_config::merge(problems, found);
                    None
                }
            };
            let name = unit.qualified(DeclarationKind::ClusterProfile, &declaration.name.text);
            self.profiles.insert(name, profile);
        }
    }

    pub(super) fn add_cluster(
        &mut self,
        ground: &Ground<'_>,
        unit: &Evaluator,
        block: &Block,
        instance: Option<Instance>,
        problems: &mut Diagnostics,
    ) {
        let ids = Ids::of(self);
        let seen = Seen { blueprint: self, known: &ids };
        let address = address_of(unit, block, instance.as_ref());
        let evaluated = unit.block_in_part(&block.block, &schema::CLUSTER, &seen, instance.as_ref());
        let meta = meta(unit, block, &seen, instance.as_ref());
        let broken = meta.is_err();
        let meta = meta.unwrap_or_else(|found| {
            lazuli_config::merge(problems, found);
            Default::default() // the rest of the block is looked at all the same
        });
        let context = Context { address: address.clone(), lifecycle: meta.0, timeouts: meta.1 };
        // What is wrong with the profile has been said.
        let profile_of = |evaluated: &Evaluated| {
            let profile = evaluated.value("profile").and_then(|v| v.as_str());
            profile.and_then(|name| self.profiles.get(name)).cloned().flatten()
        };
        let evaluated = match evaluated {
            Ok(evaluated) => evaluated,
            Err(mistaken) => {
                let decode = |rest: &Evaluated| decode::cluster(rest, profile_of(rest), context);
                lazuli_config::merge(problems, mistaken.and(|rest| decode(rest).map(drop)));
                return;
            }
        };
        if let Some(trigger) = block.meta.lifecycle.replace_triggered_by.first() {
            let message =
                "a cluster is not replaced as a whole, so `replace_triggered_by` cannot be carried out";
            problems.push(Diagnostic::error("LZ0230", message).at(trigger.span, "not on a cluster"));
            return;
        }
        if (instance.is_some() || unit.is_copied()) && evaluated.attribute("name").is_none() {
            let text = "every cluster needs a name of its own in Azure";
            problems.push(
                Diagnostic::error("LZ0105", "under count and for_each a cluster needs `name`")
                    .at(evaluated.span, text),
            );
            return;
        }
        let (cluster, warnings) = match decode::cluster(&evaluated, profile_of(&evaluated), context) {
            Ok(decoded) => decoded,
            Err(found) => {
                lazuli_config::merge(problems, found);
                return;
            }
        };
        if broken {
            return;
        }
        self.warnings.extend(warnings);
        let Some(account) = self.accounts.get(&cluster.account) else { return }; // undeclared accounts are refused where they are named
        let records = Records { world: ground.recorded, renewals: ground.renewals };
        let features = self.features(&address, ground.recorded, ground.renewals);
        let mut expansion = expand(&cluster, account, records, features);
        let told = self.moved_cluster(ground.recorded, &address);
        let by_ids = || history::former(ground.recorded, &expansion, |address| self.is_declared(address));
        if let Some(former) = told.or_else(by_ids) {
            let world = history::renamed(ground.recorded, &former, &address);
            let records = Records { world: &world, renewals: ground.renewals };
            let features = self.features(&address, &world, ground.renewals);
            expansion = expand(&cluster, account, records, features);
        }
        problems.extend(custom_cloud(&expansion, account));
        problems.extend(image_of_another_cloud(&expansion, account));
        problems.extend(user_data(&expansion));
        let key = instance.as_ref().map(|instance| &instance.key);
        let mut own = self.awaited(unit, block);
        own.extend(self.dependencies(&unit.references(block, key), instance.as_ref()));
        let object = attributes::object(&expansion);
        let place = self.clusters.len();
        self.add_parts(place, &expansion, &own);
        self.places.insert(address.clone(), place);
        self.named.entry(root_of(unit, block)).or_default().push(place);
        let (unit, position) = (unit.clone(), unit.module().clusters.position(&block.name.text).unwrap_or(0));
        self.clusters.push(ClusterBlock { address, unit, position, instance, expansion, object });
    }

    /// True when a cluster block, or a copy of one, has this address.
    fn is_declared(&self, address: &Address) -> bool {
        let Some((module, name, key)) = history::parts_of(address) else { return false };
        let Some(unit) = self.evaluator.at(module.as_ref()) else {
            return self.evaluator.declares_cluster(module.as_ref(), &name);
        };
        let Some(block) = unit.module().clusters.get(&name) else { return false };
        let root = Root { module, kind: DeclarationKind::Cluster, name: block.name.text.clone() };
        match (&*self.instances(&root), key) {
            (Instances::Single, None) => true,
            (Instances::Keyed(all), Some(key)) => all.iter().any(|instance| instance.key == key),
            _ => false,
        }
    }
}

/// What runs in a cluster and talks to Azure is told by name which one that is, and a custom cloud has none.
fn custom_cloud(expansion: &Expansion, account: &Account) -> Option<Diagnostic> {
    if !account.is_custom() {
        return None;
    }
    let (address, account) = (&expansion.cluster.address, &expansion.cluster.account);
    let message = format!(
        "{address} cannot be made in a custom cloud: its cloud provider and its disk driver would sign in to the public Azure"
    );
    let problem = Diagnostic::error("LZ0270", message).about(address.clone());
    Some(problem.note(format!("cloud_account.{account} has environment = \"custom\"")).help(
        "use an account whose `environment` is public, usgovernment or china; `resource` blocks work with this one",
    ))
}

/// The reference images are in the public cloud alone.
fn image_of_another_cloud(expansion: &Expansion, account: &Account) -> Option<Diagnostic> {
    let profile = &expansion.cluster.profile;
    if account.is_public() || !matches!(profile.image, Image::Reference(_)) {
        return None;
    }
    let message = format!("the reference images do not exist in {}", account.cloud());
    Some(Diagnostic::error("LZ0224", message).at(profile.span, "names no other image").help(
        "name an image of that cloud in the profile: os { gallery_image_id = … } or os { marketplace { … } }",
    ))
}

/// What forbids to render the user-data of a pool's nodes: found before anything is made.
fn user_data(expansion: &Expansion) -> Diagnostics {
    let mut pools = BTreeSet::new();
    let first_of_pool = expansion.parts.iter().filter(|part| {
        part.declaration.rollout.as_ref().is_some_and(|r| part.boot().is_some() && pools.insert(&r.pool))
    });
    let problems = first_of_pool.filter_map(|part| {
        let problem = *crate::boot::check(part.boot()?).err()?;
        Some(match part.declaration.origin {
            Some(span) => problem.at(span, "nodes of this pool could not boot"),
            None => problem,
        })
    });
    problems.collect()
}
