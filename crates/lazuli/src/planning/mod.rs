//! From a configuration directory to a plan: load, evaluate, look, decide.
//!
//! | module | what |
//! |---|---|
//! | `state` | the state, opened under its lock |
//! | `renewals` | nodes that get successors although the configuration does not ask for it |
//! | `scope` | what a plan is limited to, and what that leaves undone |

mod renewals;
mod scope;
mod state;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_cluster::roster::Renewals;
use lazuli_core::configuration::Configuration;
use lazuli_core::plan::{Plan, PlanMode, Scope};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::{Address, Diagnostics, Json};
use lazuli_planner::{Draft, Observed, Request, make};

use crate::accounts::{self, DeclaredAccount, Environment};
use crate::blueprint::Blueprint;
use crate::blueprint::build::Ground;
use crate::claims;
use crate::clouds::{Clouds, World};
use crate::failure::Failure;
use crate::inside;
use crate::kinds::AllKinds;
use crate::preflight;
use crate::project::Project;
use crate::render::check_json::check_json;
use crate::rotation;
use renewals::{asked_for, lost, spoiled};
use scope::{left_undone, not_replaced, unknown_addresses};

pub use scope::partial;
pub use state::{STATE, keys, locked, open_state};

/// What kind of plan is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What for.
    pub mode: PlanMode,
    /// What it is limited to.
    pub scope: Scope,
    /// Trust the record instead of looking.
    pub no_refresh: bool,
    /// Resources to be replaced although nothing asks for it.
    pub replace: BTreeSet<Address>,
    /// How many requests at a time.
    pub parallel: usize,
    /// Leave the checks against Azure out.
    pub skip_preflight: bool,
    /// Of clusters that go, delete also the volumes that are to be retained.
    pub delete_volumes: bool,
}

impl Wish {
    /// Everything, towards the configuration.
    pub fn plain(parallel: usize) -> Self {
        Wish {
            mode: PlanMode::Apply,
            scope: Scope::default(),
            no_refresh: false,
            replace: BTreeSet::new(),
            parallel,
            skip_preflight: false,
            delete_volumes: false,
        }
    }
}

/// A plan with what it was made from.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What exists.
    pub world: World,
    /// What the checks against Azure found.
    pub findings: preflight::Findings,
    /// How many resources were looked at.
    pub looked: usize,
    /// How long looking took.
    pub elapsed: Duration,
    /// `name: facts` of every cluster, for the heading of its part of the plan.
    pub clusters: BTreeMap<String, Vec<String>>,
    /// Nodes that are made anew, with the reason: an apply expands the same way.
    pub renewals: Renewals,
    /// What the controllers of clusters that go made in Azure: not in the state, and planned as if it were.
    pub claims: Vec<Recorded>,
    /// Whether the world was looked at.
    pub refreshed: bool,
    /// What deserves a warning in the configuration.
    pub warnings: Diagnostics,
    /// How `check` blocks stand, in Terraform's shape.
    pub checks: Vec<Json>,
}

/// The accounts a project declares.
///
/// # Errors
/// What is wrong with them.
pub fn accounts(project: &Project) -> Result<BTreeMap<Arc<str>, DeclaredAccount>, Failure> {
    accounts::declared(&project.evaluator, &crate::host::environment)
        .map_err(|found| Failure::at(found, &project.sources))
}

/// Expands a project against a record.
///
/// # Errors
/// What is wrong with the configuration.
pub fn blueprint(
    project: &Project,
    accounts: &BTreeMap<Arc<str>, DeclaredAccount>,
    recorded: &RecordedWorld,
    renewals: &Renewals,
    boots: bool,
    environment: Environment<'_>,
) -> Result<Blueprint, Failure> {
    let naming = accounts.iter().map(|(name, account)| (name.clone(), account.naming(environment)));
    let ground = Ground {
        evaluator: project.evaluator.clone(),
        accounts: naming.collect(),
        recorded,
        renewals,
        boots,
    };
    Blueprint::build(&ground).map_err(|found| Failure::at(found, &project.sources))
}

/// Evaluates everything without looking at anything: what `validate` does, and the first half of a plan.
///
/// # Errors
/// What is wrong with the configuration.
pub fn draft(project: &Project, blueprint: &Blueprint) -> Result<Draft, Failure> {
    let refuse = |found| Failure::at(found, &project.sources);
    let draft = Draft::new(blueprint).map_err(refuse)?;
    let shared = inside::shared(blueprint.declarations().iter().zip(draft.desired()));
    if shared.is_empty() { Ok(draft) } else { Err(refuse(shared)) }
}

/// Makes a plan.
///
/// # Errors
/// Everything that forbids it.
pub async fn plan(
    project: &Project,
    accounts: &BTreeMap<Arc<str>, DeclaredAccount>,
    clouds: &Clouds,
    recorded: &RecordedWorld,
    wish: &Wish,
    environment: Environment<'_>,
) -> Result<Planned, Failure> {
    let mut renewals = asked_for(recorded, &wish.replace);
    let expand = |renewals: &Renewals| -> Result<(Blueprint, Draft), Failure> {
        let blueprint = self::blueprint(project, accounts, recorded, renewals, false, environment)?;
        let draft = self::draft(project, &blueprint)?;
        Ok((blueprint, draft))
    };
    let rotated = rotation::asked(&wish.replace, recorded)?;
    let replace: BTreeSet<Address> = wish
        .replace
        .iter()
        .filter(|asked| !rotated.keys().any(|key| key.is_within(asked)))
        .cloned()
        .collect();
    renewals.extend(rotated);
    let (mut blueprint, mut draft) = expand(&renewals)?;
    unknown_addresses(wish, &blueprint, recorded)?;
    let applies = wish.mode == PlanMode::Apply;
    let unchangeable = if applies { blueprint.unchangeable(recorded) } else { Diagnostics::new() };
    if !unchangeable.is_empty() {
        return Err(Failure::at(unchangeable, &project.sources));
    }

    let start = Instant::now();
    let (mut world, findings) = match wish.no_refresh {
        true => {
            clouds.learn(recorded);
            clouds.expect(&blueprint);
            (World::default(), preflight::Findings::default())
        }
        false => look(project, clouds, &blueprint, &draft, recorded, wish).await?,
    };
    let elapsed = start.elapsed();
    if !wish.no_refresh && applies {
        let lost = lost(recorded, &world);
        if !lost.is_empty() {
            renewals.extend(lost);
            (blueprint, draft) = expand(&renewals)?;
        }
    }
    let others = blueprint.with_keys_of_another(recorded, |id| world.objects.contains_key(id));
    if applies && !others.is_empty() {
        // Recorded with the plan, so that an apply leaves the same things out.
        renewals
            .extend(others.into_iter().map(|cluster| (cluster, "its keys are not in this state".to_owned())));
        (blueprint, draft) = expand(&renewals)?;
    }
    let mut held = Cow::Borrowed(recorded);
    let mut found = None;
    let mut pending = None;
    let mut plan = loop {
        let mut refactoring =
            blueprint.refactoring(recorded).map_err(|found| Failure::at(found, &project.sources))?;
        let planned = found.as_ref().map_or(&[][..], |found: &claims::Found| &found.records);
        refactoring.forget.extend(claims::leftovers(recorded, planned));
        let request = Request {
            configuration: &blueprint,
            kinds: &AllKinds,
            recorded: &held,
            observed: if wish.no_refresh { Observed::Nothing } else { Observed::Objects(&world.objects) },
            mode: wish.mode,
            replace: &replace,
            scope: &wish.scope,
            refactoring: &refactoring,
            locate: &|span| project.sources.location(span),
        };
        let mut plan = make(&draft, &request).map_err(|found| Failure::at(found, &project.sources))?;
        if wish.scope.alone {
            let whole = Request { scope: &Scope::default(), ..request };
            // What forbids the other changes is not told: they are not wanted now.
            if let Ok(whole) = make(&draft, &whole) {
                pending = left_undone(&whole, &plan);
                if pending.is_none() {
                    plan = whole; // nothing else is to be done, and outputs follow
                }
            }
        }
        let spoiled = spoiled(&plan, recorded, &renewals);
        if spoiled.is_empty() && found.is_none() {
            let now = claims::of_doomed(&plan, recorded, &world, clouds, wish.delete_volumes).await;
            world.objects.extend(now.records.iter().map(|claim| (claim.id.clone(), claim.observed.clone())));
            let finds_any = !now.records.is_empty();
            if finds_any {
                held = Cow::Owned(claims::with(recorded, &now.records));
            }
            found = Some(now);
            if finds_any {
                continue; // once more, with what else has to go
            }
        }
        if spoiled.is_empty() {
            break plan;
        }
        renewals.extend(spoiled); // every round renews at least one node more
        (blueprint, draft) = expand(&renewals)?;
    };
    blueprint.place_changes(&mut plan, &project.sources);
    plan.drift.retain(|drift| !inside::is_of_a_controller(drift));
    not_replaced(wish, &plan)?;
    let inside::Unasked { warnings: unasked, mut problems } = inside::judge(&plan, recorded, &world);
    if applies && !wish.no_refresh {
        problems.extend(clouds.inside.of_others(&plan, recorded, &world).await);
    }
    if !problems.is_empty() {
        return Err(Failure::at(problems, &project.sources));
    }
    let findings = match wish.no_refresh || wish.skip_preflight {
        true => findings,
        false => preflight::steps(&plan, &blueprint, &world, clouds, wish.parallel, findings)
            .await
            .map_err(|found| Failure::at(found, &project.sources))?,
    };
    let heading = |expansion: &lazuli_cluster::expand::Expansion| {
        let cluster = &expansion.cluster;
        let facts = vec![
            cluster.region.clone(),
            cluster.resource_group.clone(),
            format!("Kubernetes {}", cluster.profile.kubernetes),
        ];
        (cluster.address.to_string(), facts)
    };
    let clusters = blueprint.clusters().map(heading).collect();
    let keyless = if applies { blueprint.needs_keys(&plan) } else { Diagnostics::new() };
    if !keyless.is_empty() {
        return Err(Failure::at(keyless, &project.sources));
    }
    let claims::Found { records: claims, warnings: kept } = found.unwrap_or_default();
    let warnings = blueprint.warnings.iter().cloned().chain(blueprint.checked());
    let warnings = warnings.chain(if wish.scope.alone { pending } else { partial(&plan) });
    let warnings = warnings
        .chain(kept)
        .chain(unasked)
        .chain(rotation::warnings(&plan, recorded))
        .chain(blueprint.without_keys())
        .collect();
    let looked = recorded.resources.len();
    Ok(Planned {
        plan,
        world,
        findings,
        looked,
        elapsed,
        clusters,
        renewals,
        claims,
        refreshed: !wish.no_refresh,
        warnings,
        checks: blueprint.checks().iter().map(check_json).collect(),
    })
}

/// Looks at the world and checks what can be checked in it.
async fn look(
    project: &Project,
    clouds: &Clouds,
    blueprint: &Blueprint,
    draft: &Draft,
    recorded: &RecordedWorld,
    wish: &Wish,
) -> Result<(World, preflight::Findings), Failure> {
    let skip = wish.skip_preflight || wish.mode != PlanMode::Apply;
    let refuse = |found| Failure::at(found, &project.sources);
    let mut findings = preflight::groups(clouds, blueprint, skip).await.map_err(refuse)?;
    let looks = draft.looks(recorded);
    // What was made may be gone with its group already; what is to be made needs the group.
    let looks = if wish.mode != PlanMode::Apply { clouds.in_existing_groups(looks).await? } else { looks };
    clouds.learn(recorded);
    clouds.expect(blueprint);
    let wanted = match wish.mode {
        PlanMode::Destroy => HashSet::new(),
        PlanMode::Apply | PlanMode::RefreshOnly => {
            draft.desired().iter().filter_map(|d| d.id.as_ref()).collect()
        }
    };
    let world = clouds.look(looks, recorded, &wanted).await?;
    if !skip {
        preflight::existing_networks(blueprint, &world, &mut findings).map_err(refuse)?;
    }
    Ok((world, findings))
}
