//! From a configuration directory to a plan: load, evaluate, look, decide.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_cluster::roster::Renewals;
use lazuli_core::configuration::Configuration;
use lazuli_core::plan::{Action, Plan, PlanMode, Scope};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::{Address, Diagnostic, Diagnostics, Json};
use lazuli_planner::{Draft, Observed, Request, make};
use lazuli_state::lock::{Holder, OnWait};
use lazuli_state::{Backend, KeySources, OpenOptions, OpenState, StateError};

use crate::accounts::{self, DeclaredAccount, Environment};
use crate::blueprint::Blueprint;
use crate::blueprint::build::Ground;
use crate::claims;
use crate::clouds::{Clouds, World};
use crate::failure::Failure;
use crate::inside;
use crate::interrupt::{self, Going};
use crate::kinds::AllKinds;
use crate::preflight;
use crate::project::Project;
use crate::render::check_json::check_json;
use crate::rotation;

/// Where the state lies when nobody says.
pub const STATE: &str = "lazuli.state";

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

/// Locks and reads the state.
///
/// # Errors
/// When another run holds it, or it cannot be used.
pub fn open_state(
    backend: &Backend,
    command: &str,
    wait: Duration,
    keys: KeySources,
    say: &dyn Fn(&str),
) -> Result<OpenState, Failure> {
    locked(command, wait, keys, say, |options, on_wait| backend.open(options, Some(on_wait)))
}

/// Does something that takes the state's lock, and says when it has to wait for it.
///
/// # Errors
/// Those of `act`.
pub fn locked<T>(
    command: &str,
    wait: Duration,
    keys: KeySources,
    say: &dyn Fn(&str),
    act: impl FnOnce(OpenOptions, OnWait<'_>) -> Result<T, StateError>,
) -> Result<T, Failure> {
    let options = OpenOptions {
        command: command.to_owned(),
        who: crate::host::who(),
        now: crate::host::now(),
        lock_timeout: wait,
        keys,
    };
    let mut said = false;
    let mut looking = None;
    let mut on_wait = |holder: Option<&Holder>| {
        looking.get_or_insert_with(|| interrupt::going(Going::Looking)); // who waits holds nothing
        if !std::mem::replace(&mut said, true) {
            let who = holder.map_or_else(
                || "another run".to_owned(),
                |h| format!("{} (pid {}, {}, since {})", h.who, h.pid, h.command, h.since),
            );
            say(&format!("Waiting for the state's lock, held by {who}."));
        }
    };
    let done = act(options, &mut on_wait);
    drop(looking);
    Ok(done?)
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

/// Nodes that would have to be replaced under their own name, because somebody changed outside of Lazuli what cannot be
/// changed back: they get successors instead, since a node's name never comes back.
fn spoiled(plan: &Plan, recorded: &RecordedWorld, renewals: &Renewals) -> Renewals {
    let replaced = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::ReplaceDeleteFirst && change.previous_id.is_none());
    let nodes = replaced.filter_map(|change| {
        let slot = recorded.resources.get(&change.address)?.slot.as_ref()?;
        let path = change
            .paths
            .iter()
            .find(|p| p.forces_replacement)
            .map_or_else(String::new, |p| p.path.to_string());
        Some((slot.address.clone(), format!("{path} was changed outside of Lazuli")))
    });
    nodes.filter(|(node, _)| !renewals.contains_key(node)).collect()
}

/// Nodes that `--replace` names, by themselves or by a part.
fn asked_for(recorded: &RecordedWorld, asked: &BTreeSet<Address>) -> Renewals {
    let slots = recorded.resources.values().filter_map(|r| Some((r, r.slot.as_ref()?)));
    let named = slots.filter(|(r, _)| asked.iter().any(|a| r.address.is_within(a)));
    named.map(|(_, slot)| (slot.address.clone(), "asked by --replace".to_owned())).collect()
}

/// Nodes whose virtual machine is recorded and gone. One that an earlier run was just making keeps its name.
fn lost(recorded: &RecordedWorld, world: &World) -> Renewals {
    let machines =
        recorded.resources.values().filter(|r| r.address.as_str().ends_with(".vm") && r.pending.is_none());
    let gone = machines.filter(|r| !world.objects.contains_key(&r.id));
    gone.filter_map(|r| {
        Some((
            r.slot.as_ref()?.address.clone(),
            "its virtual machine was deleted outside of Lazuli".to_owned(),
        ))
    })
    .collect()
}

/// Refuses addresses that nothing has: `--replace` needs something declared, the others may name what is only recorded.
fn unknown_addresses(wish: &Wish, blueprint: &Blueprint, recorded: &RecordedWorld) -> Result<(), Failure> {
    let declared: Vec<&Address> = blueprint.declarations().iter().map(|d| &d.address).collect();
    let all: Vec<&Address> = declared.iter().copied().chain(recorded.resources.keys()).collect();
    let flags = [
        ("--replace", &wish.replace, &declared),
        ("--target", &wish.scope.targets, &all),
        ("--exclude", &wish.scope.excludes, &all),
    ];
    let mut problems = Diagnostics::new();
    for (flag, asked, known) in flags {
        let unknown = asked.iter().filter(|asked| !known.iter().any(|known| known.is_within(asked)));
        for address in unknown {
            let problem =
                Diagnostic::error("LZ1008", format!("{flag} {address}: no resource has this address"));
            problems.push(match closest(address, known) {
                Some(close) => problem.help(format!("did you mean {close}?")),
                None => problem.help("`lazuli state list` shows the addresses there are"),
            });
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure { diagnostics: problems, ..Failure::default() }) }
}

/// The address most like a misspelt one: of a resource, or of what contains some.
fn closest(address: &Address, known: &[&Address]) -> Option<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for address in known {
        let mut next = Some((*address).clone());
        while let Some(here) = next.filter(|here| names.insert(here.to_string())) {
            next = here.parent();
        }
    }
    lazuli_core::suggestion::closest(address.as_str(), names.iter().map(String::as_str)).map(str::to_owned)
}

/// Refuses to leave out what is to be replaced.
fn not_replaced(wish: &Wish, plan: &Plan) -> Result<(), Failure> {
    let left = |asked: &&Address| plan.left_out.iter().any(|left| left.is_within(asked));
    match wish.replace.iter().find(left) {
        None => Ok(()),
        Some(asked) => {
            let message = format!("--replace {asked}: --target or --exclude leaves it out");
            Err(Failure::of(Diagnostic::error("LZ1008", message).help("name it with --target as well")))
        }
    }
}

/// The warning that a plan is not about everything.
pub fn partial(plan: &Plan) -> Option<Diagnostic> {
    if plan.scope.is_whole() {
        return None;
    }
    let number = plan.left_out.len();
    let message = match number {
        0 => "this plan is limited by --target or --exclude, although that leaves nothing out".to_owned(),
        1 => "this plan is partial: it leaves out 1 resource".to_owned(),
        _ => format!("this plan is partial: it leaves out {number} resources"),
    };
    let warning = Diagnostic::warning("LZ1014", message);
    Some(warning.help("a plan without these flags says what is left to do"))
}

/// What a plan for the targets alone leaves undone, in one line; nothing when nothing else is pending.
fn left_undone(whole: &Plan, plan: &Plan) -> Option<Diagnostic> {
    let pending = whole.changes.iter().filter(|change| {
        !matches!(change.action, Action::NoOp | Action::Read) && plan.left_out.contains(&change.address)
    });
    let message = match pending.count() {
        0 => return None,
        1 => "another change is pending and left out".to_owned(),
        number => format!("{number} other changes are pending and left out"),
    };
    Some(Diagnostic::warning("LZ1014", message).help("`lazuli plan` shows them"))
}

/// The keys an encrypted state may need, from the environment.
pub fn keys(environment: Environment<'_>) -> KeySources {
    KeySources {
        passphrase: environment("LAZULI_PASSPHRASE").filter(|text| !text.is_empty()).map(Into::into),
        key_file: environment("LAZULI_KEY_FILE").map(PathBuf::from),
        user_folder: crate::host::data_folder(environment),
        ask: crate::passphrase::person(),
        shared: false,
    }
}
