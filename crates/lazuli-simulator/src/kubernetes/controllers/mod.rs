//! What acts in a cluster without being asked: kubelets, the controller manager, the scheduler, the cloud's controllers.
//!
//! Everything is derived from the objects and the machines, so a pass can be repeated at will. It runs when something
//! changed, or when something that was begun is over. What a controller looks at is what has changed and what is not
//! settled: a pass over a large cluster that is well costs next to nothing.

mod authentication;
mod budgets;
mod cloud;
mod daemons;
mod look;
mod namespaces;
mod nodes;
mod pods;
mod replicas;
mod scheduler;
mod tokens;
mod view;
mod volumes;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::machine::{Facts, Kubelet, scaled};
use super::{Cluster, Leaf, Store, boot};
use crate::world::World;
use daemons::Daemons;
use tokens::Tokens;
use view::{Changes, View};

/// How long it takes until controllers have heard of a change, in real milliseconds.
const REACTION_MS: u64 = 400;
/// Rounds of one pass: controllers feed each other. More only ever means that two of them disagree.
const ROUNDS: usize = 40;

/// What the controllers go by, beyond the objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// How many milliseconds of the real world pass in one of this; 0 when waiting takes no time at all.
    pub(crate) speed: u64,
    /// The range from which the controller manager gives each node its part; empty when it does not.
    pub(crate) pod_cidr: String,
    /// The name the cloud's controllers know the cluster by.
    pub(crate) cluster_name: String,
    /// What the cloud's controllers are told of Azure (`azure.json`), less secrets.
    #[serde(default)]
    pub(crate) azure: serde_json::Value,
    /// Nodes whose kubelet is not heard of, with the moment since when.
    pub(crate) silent: BTreeMap<String, u64>,
    /// Serving certificates of API servers that are not up.
    pub(crate) starting: BTreeMap<String, Leaf>,
}

/// When the controllers act next. Not recorded: after a restart they look at everything once.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    /// Something happened to a machine.
    pub(crate) is_woken: bool,
    /// The revision up to which everything has been acted upon.
    seen: u64,
    next_ms: Option<u64>,
    /// When what was begun is over, by a uid and what is going on.
    begun: HashMap<(String, Begun), u64>,
    /// The nodes' machines, as of the last pass.
    machines: BTreeMap<String, Machine>,
    /// When silent nodes or learners of etcd have to be looked at.
    observed_ms: Option<u64>,
    /// Nodes that controllers changed in the last pass.
    unobserved: BTreeSet<String>,
    view: View,
    tokens: Tokens,
    /// DaemonSets by uid.
    daemons: HashMap<String, Daemons>,
    /// Nodes that wait for their network or their range of addresses.
    unconnected: BTreeSet<String>,
    /// The etag of the route table with which everything was as it should be.
    routed: Option<String>,
}

impl Agenda {
    /// Says what changed since the last call, and forgets what it knew when everything did.
    fn catch_up(&mut self, store: &Store) -> Changes {
        let changes = self.view.catch_up(store);
        if changes.is_everything {
            (self.tokens, self.routed) = (Tokens::default(), None);
            self.daemons.clear();
            self.unconnected.clear();
        }
        changes
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Begun {
    /// A pod starts.
    Start,
    /// A pod ends.
    End,
    /// A kubelet finds its network.
    Network,
}

/// Sets when changes that nobody has acted upon will be acted upon.
pub(crate) fn notice(world: &mut World, at: u64) {
    for cluster in world.clusters.values_mut().filter(|cluster| is_made_of_machines(cluster)) {
        if cluster.agenda.seen != cluster.store.version() {
            let due = at + scaled(cluster.control().state.speed, REACTION_MS);
            let next = &mut cluster.agenda.next_ms;
            *next = Some(next.map_or(due, |next| next.min(due)));
            cluster.agenda.seen = cluster.store.version();
        }
        if std::mem::take(&mut cluster.agenda.is_woken) {
            cluster.agenda.next_ms = Some(at);
        }
    }
}

/// When controllers act next; `at` is the present.
pub(crate) fn next(world: &World, at: u64) -> Option<u64> {
    let due = |cluster: &Cluster| {
        let noticed = (cluster.agenda.seen != cluster.store.version())
            .then(|| at + scaled(cluster.control().state.speed, REACTION_MS));
        let woken = cluster.agenda.is_woken.then_some(at);
        [cluster.agenda.next_ms, noticed, woken].into_iter().flatten().min()
    };
    world.clusters.values().filter(|cluster| is_made_of_machines(cluster)).filter_map(due).min()
}

/// Nobody acts in a cluster that was put into the world ready made, without machines.
fn is_made_of_machines(cluster: &Cluster) -> bool {
    !cluster.control().etcd.members.is_empty()
}

/// Lets the controllers of every cluster act whose time has come.
pub(crate) fn act(world: &mut World, now: u64) {
    let due = |cluster: &&Cluster| cluster.agenda.next_ms.is_some_and(|due| due <= now);
    let hosts: Vec<String> =
        world.clusters.values().filter(due).map(|cluster| cluster.host().to_owned()).collect();
    for host in hosts {
        // Taken out meanwhile: the cloud's controllers change the cloud around it.
        let Some(mut cluster) = world.clusters.remove(&host) else { continue };
        let is_left = pass(world, &mut cluster, now);
        world.clusters.insert(host.clone(), cluster);
        if !is_left {
            world.remove_cluster(&host);
        }
    }
}

/// A node's machine.
#[derive(Debug)]
struct Machine {
    facts: Facts,
    kubelet: Kubelet,
}

/// What one round of all controllers works with.
struct Round<'a> {
    world: &'a mut World,
    store: &'a mut Store,
    state: &'a State,
    machines: &'a BTreeMap<String, Machine>,
    view: &'a View,
    changes: &'a Changes,
    begun: &'a mut HashMap<(String, Begun), u64>,
    tokens: &'a mut Tokens,
    daemons: &'a mut HashMap<String, Daemons>,
    unconnected: &'a mut BTreeSet<String>,
    routed: &'a mut Option<String>,
    now: u64,
    /// When something is over next.
    due: Option<u64>,
}

impl Round<'_> {
    /// Wakes the controllers at a moment.
    fn at(&mut self, moment: u64) {
        self.due = Some(self.due.map_or(moment, |due| due.min(moment)));
    }

    fn scaled(&self, real_ms: u64) -> u64 {
        scaled(self.state.speed, real_ms)
    }

    /// Whether what takes so long (in real milliseconds) is over; the first call begins it.
    fn is_over(&mut self, uid: &str, what: Begun, real_ms: u64) -> bool {
        let duration = self.scaled(real_ms);
        let due = *self.begun.entry((uid.to_owned(), what)).or_insert(self.now + duration);
        if due > self.now {
            self.at(due);
            return false;
        }
        self.begun.remove(&(uid.to_owned(), what));
        true
    }

    /// The machine of a node, when it runs.
    fn running(&self, node: &str) -> Option<&Machine> {
        self.machines.get(node).filter(|machine| machine.facts.is_running)
    }
}

/// False when nothing is left of the cluster: no machine of its control plane exists any more.
fn pass(world: &mut World, cluster: &mut Cluster, now: u64) -> bool {
    let mut agenda = std::mem::take(&mut cluster.agenda);
    let mut changed = look_at_machines(world, cluster.host(), &mut agenda.machines);
    if !agenda.machines.values().any(|machine| machine.kubelet.is_control_plane) {
        return false;
    }
    agenda.next_ms = None;
    let mut changes = agenda.catch_up(&cluster.store);
    changed.append(&mut agenda.unobserved);
    changed.extend(changes.nodes.iter().cloned());
    let is_due = agenda.observed_ms.is_some_and(|due| due <= now);
    if cluster.take_touched() || !changed.is_empty() || is_due {
        agenda.observed_ms = nodes::observe(world, cluster, &mut agenda.machines, &changed, now);
        cluster.take_touched();
    }
    changes.nodes = changed;
    let mut due = agenda.observed_ms;
    if cluster.is_available() {
        let state = cluster.control().state.clone();
        let control = cluster.control().clone();
        let mut rounds = 0;
        loop {
            let mut round = Round {
                world,
                store: &mut cluster.store,
                state: &state,
                machines: &agenda.machines,
                view: &agenda.view,
                changes: &changes,
                begun: &mut agenda.begun,
                tokens: &mut agenda.tokens,
                daemons: &mut agenda.daemons,
                unconnected: &mut agenda.unconnected,
                routed: &mut agenda.routed,
                now,
                due: None,
            };
            namespaces::act(&mut round, &control.ca_pem);
            authentication::act(&mut round, &control);
            tokens::act(&mut round);
            nodes::act(&mut round);
            pods::act(&mut round);
            daemons::act(&mut round);
            replicas::act(&mut round);
            scheduler::act(&mut round);
            budgets::act(&mut round);
            cloud::act(&mut round);
            volumes::act(&mut round);
            due = [due, round.due].into_iter().flatten().min();
            // Also what was made before the first round, such as the pods of a member of etcd that has been promoted.
            if agenda.view.is_current(&cluster.store) {
                break;
            }
            rounds += 1;
            if rounds == ROUNDS {
                agenda.view = View::default();
                break;
            }
            changes = agenda.catch_up(&cluster.store);
            agenda.unobserved.extend(changes.nodes.iter().cloned());
        }
    } else {
        // Nobody acts upon what changed; it is looked at again when somebody can.
        agenda.view = View::default();
    }
    agenda.seen = cluster.store.version();
    agenda.next_ms = due.map(|due| due.max(now + 1));
    cluster.agenda = agenda;
    true
}

/// Brings what is known of the nodes' machines up to date. Returns the nodes whose machines are others than before.
fn look_at_machines(
    world: &mut World,
    host: &str,
    machines: &mut BTreeMap<String, Machine>,
) -> BTreeSet<String> {
    let mut changed = world.take_changed_nodes(host);
    if machines.is_empty() {
        changed.extend(world.nodes_of(host).map(|(_, kubelet)| kubelet.name.clone()));
    }
    for node in &changed {
        match world.node_of(host, node) {
            Some((machine, kubelet)) => {
                let (facts, kubelet) = (Facts::of(world, machine), kubelet.clone());
                machines.insert(node.clone(), Machine { facts, kubelet });
            }
            None => drop(machines.remove(node)),
        }
    }
    changed
}

use boot::{NO_NETWORK, condition, mirror_pods, signature};
