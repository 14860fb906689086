//! Random sequences of changes of a cluster, planned and carried out in every order the plan allows, also interrupted: at
//! no moment is etcd's quorum lost, are more nodes in replacement than allowed, or is a zone left empty that need not be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazuli_core::configuration::{Configuration, Known, Output};
use lazuli_core::encoding::to_json;
use lazuli_core::kind::{EndsWith, Kind, Kinds};
use lazuli_core::plan::{Action, Operation, Plan, PlanMode, Scope, Step};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{Declaration, Desired, Mode, ResourceType};
use lazuli_core::{Address, Diagnostics, Value};
use lazuli_planner::{Draft, Observed, Refactoring, Request, make};
use proptest::prelude::*;

use crate::expand::{Expansion, Part};
use crate::roster::Renewals;
use crate::spec::{Cluster, Pool, UpdatePools};
use crate::testing::{CLUSTER, cluster, expanded_inside, nothing};

/// An expansion in which everything is known.
struct Whole {
    parts: Vec<Part>,
    declarations: Vec<Declaration>,
}

impl Whole {
    fn new(expansion: Expansion) -> Whole {
        let declarations = expansion.parts.iter().map(|part| part.declaration.clone()).collect();
        Whole { parts: expansion.parts, declarations }
    }
}

impl Configuration for Whole {
    fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    fn evaluate(&self, index: usize, _: &dyn Known) -> Result<Desired, Diagnostics> {
        let mut desired = self.parts[index].desired.clone();
        desired.body = desired.body.map_unknown(&mut |_| Some(Value::string("rendered")));
        Ok(desired)
    }

    fn outputs(&self, _: &dyn Known) -> Result<Vec<Output>, Diagnostics> {
        Ok(Vec::new())
    }

    fn reads_of_outputs(&self) -> Vec<(Arc<str>, Vec<Address>)> {
        Vec::new()
    }
}

struct Table;

impl Kinds for Table {
    fn kind(&self, ty: &ResourceType) -> &Kind {
        static AZURE: Kind = Kind::GENERAL;
        static INSIDE: Kind = Kind {
            forces_replacement: &[],
            ends_with: Some(EndsWith {
                root: "Lazuli.Tls/clusters",
                ty: "certificateAuthorities",
                name: "cluster_ca",
            }),
            ..Kind::GENERAL
        };
        if ty.name.starts_with("Lazuli.Kubernetes/") { &INSIDE } else { &AZURE }
    }
}

fn plan(world: &RecordedWorld, configuration: &Whole, mode: PlanMode) -> Plan {
    let draft = Draft::new(configuration).unwrap_or_else(|found| panic!("{found:#?}"));
    let request = Request {
        configuration,
        kinds: &Table,
        recorded: world,
        observed: Observed::Nothing,
        mode,
        replace: &BTreeSet::new(),
        scope: &Scope::default(),
        refactoring: &Refactoring::NONE,
        locate: &|_| None,
    };
    make(&draft, &request).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// What a step does to the record.
fn carry_out(world: &mut RecordedWorld, step: &Step) {
    let id = step.id.clone().unwrap();
    match step.operation {
        Operation::Read => {}
        Operation::Delete => {
            if world.resources.get(&step.address).is_some_and(|recorded| recorded.id == id) {
                world.resources.remove(&step.address);
            }
            world.deposed.retain(|recorded| recorded.id != id);
        }
        Operation::Create | Operation::Update => {
            let inputs = to_json(step.planned.as_ref().unwrap()).unwrap();
            if let Some(slot) = &step.slot {
                world.roster.insert(slot.address.clone(), slot.clone());
            }
            let recorded = Recorded {
                address: step.address.clone(),
                mode: Mode::Managed,
                provider: step.provider,
                account: step.account.clone(),
                ty: step.ty.clone(),
                id: id.clone(),
                observed: inputs.clone(),
                inputs,
                dependencies: step.dependencies.clone(),
                sensitive: Vec::new(),
                write_only: BTreeMap::new(),
                prevent_destroy: false,
                slot: step.slot.clone(),
                pending: None,
                created_at: String::new(),
                updated_at: String::new(),
            };
            let before = world.resources.insert(step.address.clone(), recorded);
            world.deposed.extend(before.filter(|before| before.id != id));
        }
    }
}

/// Drops what a plan forgets.
fn forget(world: &mut RecordedWorld, plan: &Plan) {
    for change in plan.changes.iter().filter(|change| change.action == Action::Forget) {
        world.resources.remove(&change.address);
        world.deposed.retain(|recorded| Some(&recorded.id) != change.id.as_ref());
    }
}

/// An order of the steps that the edges allow, as the choices will have it.
fn some_order(plan: &Plan, choices: &[u16]) -> Vec<usize> {
    let mut waiting = vec![0; plan.steps.len()];
    for edge in &plan.edges {
        waiting[edge.after as usize] += 1;
    }
    let mut ready: Vec<usize> = (0..plan.steps.len()).filter(|step| waiting[*step] == 0).collect();
    let mut order = Vec::new();
    while !ready.is_empty() {
        let choice = choices.get(order.len() % choices.len().max(1)).copied().unwrap_or(0);
        let step = ready.swap_remove(usize::from(choice) % ready.len());
        order.push(step);
        for edge in plan.edges.iter().filter(|edge| edge.before as usize == step) {
            waiting[edge.after as usize] -= 1;
            if waiting[edge.after as usize] == 0 {
                ready.push(edge.after as usize);
            }
        }
    }
    assert_eq!(order.len(), plan.steps.len(), "the edges have no circle");
    order
}

/// The nodes of a pool whose part is there, by name, with their zones.
fn there(world: &RecordedWorld, pool: &Address, part: &str) -> BTreeMap<String, Option<String>> {
    let all = world.resources.values().chain(&world.deposed);
    all.filter(|r| r.address.is_within(pool) && r.address.as_str().ends_with(part))
        .filter_map(|r| r.slot.as_ref())
        .map(|slot| (slot.name.clone(), slot.zone.clone()))
        .collect()
}

fn in_zones(nodes: &BTreeMap<String, Option<String>>) -> BTreeMap<String, usize> {
    let mut zones = BTreeMap::new();
    for zone in nodes.values().flatten() {
        *zones.entry(zone.clone()).or_default() += 1;
    }
    zones
}

/// What must hold of a pool at every moment between two states of a cluster in which nothing is half done.
#[derive(Debug, Clone)]
struct Law {
    /// So many members at least, but for those that may be missing.
    fewest: usize,
    spare: usize,
    /// So many machines at most, but for those that may be too many.
    most: usize,
    extra: usize,
    before: BTreeMap<String, usize>,
    /// How many nodes each zone has after every change since.
    zones: Vec<BTreeMap<String, usize>>,
}

impl Law {
    fn nothing_happens(world: &RecordedWorld, pool: &Address) -> Law {
        let members = there(world, pool, ".member");
        let number = members.len();
        let before = in_zones(&members);
        Law { fewest: number, spare: 0, most: number, extra: 0, before, zones: Vec::new() }
    }

    /// Allows for another change; what those before left half done is there until its turn comes.
    fn allow(&mut self, pool: &Pool, address: &Address, world: &RecordedWorld, next: &Expansion) {
        let seated = next.parts.iter().filter(|part| {
            let own = &part.declaration.address;
            own.is_within(address) && own.as_str().ends_with(".member")
        });
        let seated = seated.filter_map(|part| part.desired.slot.as_ref());
        self.zones.push(in_zones(&seated.map(|slot| (slot.name.clone(), slot.zone.clone())).collect()));
        let window = pool.update.window;
        self.fewest = self.fewest.min(pool.count as usize);
        self.most = self.most.max(pool.count as usize).max(there(world, address, ".vm").len());
        match pool.update.create_first {
            true => self.extra = self.extra.max(window),
            false => self.spare = self.spare.max(window),
        }
    }

    fn holds(&self, world: &RecordedWorld, pool: &Address) -> Result<(), String> {
        let (members, machines) = (there(world, pool, ".member"), there(world, pool, ".vm"));
        if let Some(lost) = members.keys().find(|name| !machines.contains_key(*name)) {
            return Err(format!("{lost} is a member and its machine is gone"));
        }
        if members.len() + self.spare < self.fewest {
            return Err(format!("{} of {} nodes are left in {pool}", members.len(), self.fewest));
        }
        if machines.len() > self.most + self.extra {
            return Err(format!("{} machines are too many in {pool}", machines.len()));
        }
        let has = in_zones(&members);
        for (zone, number) in &self.before {
            let stays = |zones: &BTreeMap<String, usize>| zones.get(zone).is_some_and(|n| *n > self.spare);
            if *number > self.spare && self.zones.iter().all(stays) && !has.contains_key(zone) {
                return Err(format!("zone {zone} of {pool} is empty"));
            }
        }
        Ok(())
    }
}

/// A change of a cluster.
#[derive(Debug, Clone)]
enum Op {
    Workers(u32),
    ControlPlane(u32),
    Size(bool),
    Zones(u8),
    Upgrade,
    Window(bool, usize),
    AddPool,
    RemovePool,
    Parallel(bool),
    Labels(u8),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0u32..8).prop_map(Op::Workers),
        prop::sample::select(vec![1u32, 3, 5]).prop_map(Op::ControlPlane),
        any::<bool>().prop_map(Op::Size),
        (1u8..8).prop_map(Op::Zones),
        Just(Op::Upgrade),
        (any::<bool>(), 1usize..4).prop_map(|(first, window)| Op::Window(first, window)),
        Just(Op::AddPool),
        Just(Op::RemovePool),
        any::<bool>().prop_map(Op::Parallel),
        (0u8..3).prop_map(Op::Labels),
    ]
}

fn changed(cluster: &Cluster, op: &Op, times: usize) -> Cluster {
    let mut next = cluster.clone();
    let size = format!("Standard_D{}s_v5", times + 4);
    match op {
        Op::Workers(count) => next.workers[0].count = *count,
        Op::ControlPlane(count) => next.control_plane.count = *count,
        Op::Size(true) => next.control_plane.instance_type = size,
        Op::Size(false) => next.workers.iter_mut().for_each(|pool| pool.instance_type.clone_from(&size)),
        Op::Zones(bits) => {
            next.workers[0].zones = ["1", "2", "3"]
                .iter()
                .enumerate()
                .filter(|(i, _)| bits & (1 << i) != 0)
                .map(|(_, z)| (*z).to_owned())
                .collect();
        }
        Op::Upgrade => next.profile.kubernetes.minor += 1,
        Op::Window(first, window) => {
            (next.workers[0].update.create_first, next.workers[0].update.window) = (*first, *window);
        }
        Op::AddPool if next.workers.len() == 1 => {
            let role = crate::spec::Role::Worker("extra".into());
            next.workers.push(Pool { role, count: 2, ..next.workers[0].clone() });
        }
        Op::RemovePool => next.workers.truncate(1),
        Op::AddPool => {}
        Op::Parallel(parallel) => {
            next.update_pools = if *parallel { UpdatePools::Parallel } else { UpdatePools::Sequential };
        }
        Op::Labels(value) => {
            next.workers[0].labels.insert("team".into(), value.to_string());
        }
    }
    next
}

fn expansion(cluster: &Cluster, world: &RecordedWorld) -> Expansion {
    expanded_inside(cluster, world, &Renewals::new())
}

/// The laws of all pools since nothing was half done.
type Laws = BTreeMap<Address, Law>;

/// Allows for a change of a cluster.
fn allow(laws: &mut Laws, cluster: &Cluster, world: &RecordedWorld) {
    let next = expansion(cluster, world);
    for pool in std::iter::once(&cluster.control_plane).chain(&cluster.workers) {
        let address = pool.address(&cluster.address);
        let law = laws.entry(address.clone()).or_insert_with(|| Law::nothing_happens(world, &address));
        law.allow(pool, &address, world, &next);
    }
}

/// Plans and applies, at most `steps` of them, and looks at the laws after every step.
fn apply(
    world: &mut RecordedWorld,
    laws: &Laws,
    cluster: &Cluster,
    choices: &[u16],
    steps: usize,
) -> Result<(), String> {
    let next = expansion(cluster, world);
    let plan = plan(world, &Whole::new(next), PlanMode::Apply);
    forget(world, &plan);
    for step in some_order(&plan, choices).into_iter().take(steps) {
        let step = &plan.steps[step];
        carry_out(world, step);
        for pool in std::iter::once(&cluster.control_plane).chain(&cluster.workers) {
            let address = pool.address(&cluster.address);
            let law = laws[&address].holds(world, &address);
            law.map_err(|why| format!("{why}, after {:?} {}", step.operation, step.address))?;
        }
    }
    Ok(())
}

fn everything(world: &mut RecordedWorld, cluster: &Cluster) {
    let mut laws = Laws::new();
    allow(&mut laws, cluster, world);
    apply(world, &laws, cluster, &[0], usize::MAX).unwrap();
}

/// A change, the choices of an order, and where it is interrupted: gone on with, or overtaken by the next change.
#[derive(Debug, Clone)]
struct Move {
    op: Op,
    choices: Vec<u16>,
    stop: Option<(usize, bool)>,
}

fn a_move() -> impl Strategy<Value = Move> {
    let stop = prop::option::weighted(0.4, (0usize..60, any::<bool>()));
    (op(), prop::collection::vec(any::<u16>(), 1..40), stop).prop_map(|(op, choices, stop)| Move {
        op,
        choices,
        stop,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_cluster_endangers_it(moves in prop::collection::vec(a_move(), 1..6)) {
        let (mut cluster, mut world) = (cluster(CLUSTER), nothing());
        everything(&mut world, &cluster);
        let mut laws = Laws::new();
        for (times, Move { op, choices, stop }) in moves.iter().enumerate() {
            cluster = changed(&cluster, op, times);
            allow(&mut laws, &cluster, &world);
            if let Some((stop, overtaken)) = stop {
                apply(&mut world, &laws, &cluster, choices, *stop).map_err(TestCaseError::fail)?;
                if *overtaken {
                    continue;
                }
            }
            apply(&mut world, &laws, &cluster, choices, usize::MAX).map_err(TestCaseError::fail)?;
            let again = plan(&world, &Whole::new(expansion(&cluster, &world)), PlanMode::Apply);
            prop_assert!(again.steps.is_empty(), "{:?}", again.steps.first());
            prop_assert!(world.deposed.is_empty());
            laws.clear();
        }
    }
}

/// Where a step is in a plan.
fn at(plan: &Plan, operation: Operation, address: &str) -> usize {
    let found =
        plan.steps.iter().position(|step| step.operation == operation && step.address.as_str() == address);
    found.unwrap_or_else(|| panic!("no {operation:?} of {address}"))
}

/// Everything that waits for a step.
fn waits_for(plan: &Plan, step: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::from([step]);
    for later in step..plan.steps.len() {
        if plan.edges.iter().any(|e| e.after as usize == later && found.contains(&(e.before as usize))) {
            found.insert(later);
        }
    }
    found
}

#[test]
fn a_node_is_replaced_from_its_registration_to_its_membership_and_back() {
    let (mut cluster, mut world) = (cluster(CLUSTER), nothing());
    everything(&mut world, &cluster);
    cluster.workers[0].instance_type = "Standard_D16s_v5".into();
    let plan = plan(&world, &Whole::new(expansion(&cluster, &world)), PlanMode::Apply);
    let step = |operation, slot: u32, part: &str| {
        at(&plan, operation, &format!("cluster.prod.worker_pool[\"general\"].node[\"{slot}\"].{part}"))
    };
    use Operation::{Create, Delete};
    let chain = [
        step(Create, 1, "registration"),
        step(Create, 1, "vm"),
        step(Create, 1, "member"),
        step(Delete, 1, "member"),
        step(Delete, 1, "vm"),
        step(Delete, 1, "registration"),
        step(Create, 2, "registration"),
    ];
    for pair in chain.windows(2) {
        assert!(
            waits_for(&plan, pair[0]).contains(&pair[1]),
            "{:?} comes before {:?}",
            plan.steps[pair[0]].address,
            plan.steps[pair[1]].address
        );
    }
    assert!(waits_for(&plan, chain[4]).contains(&step(Delete, 1, "nic")));
    // A new node that never becomes ready: the old one stays, and no further one is touched.
    let paused = waits_for(&plan, step(Create, 1, "member"));
    assert!(
        plan.steps
            .iter()
            .enumerate()
            .filter(|(_, s)| s.operation == Delete)
            .all(|(at, _)| paused.contains(&at))
    );
    assert!([2, 3].iter().all(|slot| paused.contains(&step(Create, *slot, "registration"))));
}

#[test]
fn an_upgrade_goes_from_settings_over_the_control_plane_to_the_workers() {
    let (mut cluster, mut world) = (cluster(CLUSTER), nothing());
    everything(&mut world, &cluster);
    cluster.profile.kubernetes.minor += 1;
    let plan = plan(&world, &Whole::new(expansion(&cluster, &world)), PlanMode::Apply);
    use Operation::{Create, Delete, Update};
    let master = |operation, slot: u32, part: &str| {
        at(&plan, operation, &format!("cluster.prod.control_plane.node[\"{slot}\"].{part}"))
    };
    let chain = [
        at(&plan, Update, "cluster.prod.layer[\"settings\"]"),
        master(Create, 1, "registration"),
        master(Create, 1, "member"),
        master(Delete, 1, "member"),
        master(Create, 2, "registration"),
        master(Delete, 2, "member"),
        master(Create, 3, "registration"),
        master(Create, 3, "member"),
        at(&plan, Update, "cluster.prod.layer[\"components\"]"),
        at(&plan, Create, "cluster.prod.worker_pool[\"general\"].node[\"1\"].registration"),
    ];
    for pair in chain.windows(2) {
        assert!(
            waits_for(&plan, pair[0]).contains(&pair[1]),
            "{:?} comes before {:?}",
            plan.steps[pair[0]].address,
            plan.steps[pair[1]].address
        );
    }
    let worker = chain[9];
    assert!(waits_for(&plan, master(Delete, 3, "vm")).contains(&worker));
}

#[test]
fn a_cluster_that_goes_takes_everything_in_it_along() {
    let (cluster, mut world) = (cluster(CLUSTER), nothing());
    everything(&mut world, &cluster);
    let plan = plan(&world, &Whole::new(expansion(&cluster, &world)), PlanMode::Destroy);
    assert!(plan.steps.iter().all(|step| !step.ty.name.starts_with("Lazuli.Kubernetes/")));
    assert!(plan.steps.iter().any(|step| step.address.as_str() == "cluster.prod.pki.cluster_ca"));
    let ended = plan.changes.iter().filter(|change| change.action == Action::Forget).count();
    assert_eq!(ended, 6 * 2 + 5, "registrations, members and layers of six nodes");
}

#[test]
fn pools_are_replaced_one_after_the_other_unless_they_may_go_together() {
    for (together, update_pools) in [(false, UpdatePools::Sequential), (true, UpdatePools::Parallel)] {
        let (mut cluster, mut world) = (cluster(CLUSTER), nothing());
        cluster = Cluster { update_pools, ..changed(&cluster, &Op::AddPool, 0) };
        everything(&mut world, &cluster);
        cluster = changed(&cluster, &Op::Size(false), 1);
        let plan = plan(&world, &Whole::new(expansion(&cluster, &world)), PlanMode::Apply);
        let last = at(&plan, Operation::Delete, "cluster.prod.worker_pool[\"general\"].node[\"3\"].vm");
        let first =
            at(&plan, Operation::Create, "cluster.prod.worker_pool[\"extra\"].node[\"1\"].registration");
        assert_eq!(waits_for(&plan, last).contains(&first), !together);
    }
}
