//! What the controllers know of a cluster's objects: kept from one round to the next and brought up to date by what the
//! store's log says, so that a round costs what has changed and not what there is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::look::{has, is_finished, is_going, items, name, namespace, node_of, owner, runs, uid};
use crate::kubernetes::store::{Event, EventKind, Store};

/// Namespace and name of a pod.
pub(super) type PodKey = Arc<(String, String)>;

/// A pod, and what is asked of it often.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) object: Arc<Value>,
    /// Empty while it is not bound.
    pub(super) node: String,
    /// The uid of its controller; empty without one.
    pub(super) owner: String,
    pub(super) is_daemon: bool,
    /// Its phase is Running.
    pub(super) is_running: bool,
    /// It can serve.
    pub(super) is_ready: bool,
    pub(super) is_going: bool,
    pub(super) is_finished: bool,
    /// The label `controller-revision-hash`.
    pub(super) revision: String,
    /// It runs the cloud's node manager.
    manages_node: bool,
    /// It brings a network to its node.
    brings_network: bool,
    /// It runs the driver of Azure's disks.
    pub(super) drives_disks: bool,
    has_claims: bool,
}

impl Pod {
    fn of(object: &Arc<Value>) -> Self {
        let is_running = object["status"]["phase"] == "Running";
        let has_ready = has(object, "Ready");
        let owner = owner(object);
        let volumes = || items(&object["spec"]["volumes"]);
        Self {
            node: node_of(object).to_owned(),
            owner: owner.and_then(|owner| owner["uid"].as_str()).unwrap_or("").to_owned(),
            is_daemon: owner.is_some_and(|owner| owner["kind"] == "DaemonSet"),
            is_running,
            is_ready: is_running && has_ready && !is_going(object),
            is_going: is_going(object),
            is_finished: is_finished(object),
            revision: object["metadata"]["labels"]["controller-revision-hash"]
                .as_str()
                .unwrap_or("")
                .to_owned(),
            manages_node: runs(object, "cloud-node-manager"),
            brings_network: volumes().any(|volume| {
                let path = volume["hostPath"]["path"].as_str().unwrap_or("");
                path.trim_end_matches('/') == "/etc/cni/net.d"
            }),
            drives_disks: runs(object, "azuredisk-csi"),
            has_claims: volumes().any(|volume| volume["persistentVolumeClaim"]["claimName"].is_string()),
            object: Arc::clone(object),
        }
    }

    /// Whether something is still to happen to it.
    fn is_open(&self) -> bool {
        self.is_going || (!self.node.is_empty() && !self.is_finished && !self.is_ready)
    }

    fn waits_for_node(&self) -> bool {
        self.node.is_empty() && !self.is_going && !self.is_finished
    }
}

/// The pods of one controller.
#[derive(Debug, Default)]
pub(super) struct Owned {
    pub(super) pods: BTreeSet<PodKey>,
    /// How many of them can serve.
    pub(super) ready: usize,
    /// How many of each revision are not on their way out.
    staying: HashMap<String, usize>,
}

impl Owned {
    fn count(&mut self, key: &PodKey, pod: &Pod, is_there: bool) {
        let add = |count: &mut usize| *count = if is_there { *count + 1 } else { count.saturating_sub(1) };
        match is_there {
            true => drop(self.pods.insert(Arc::clone(key))),
            false => drop(self.pods.remove(key)),
        }
        if pod.is_ready {
            add(&mut self.ready);
        }
        if !pod.is_going {
            add(self.staying.entry(pod.revision.clone()).or_default());
        }
    }

    /// How many pods of a revision are not on their way out.
    pub(super) fn of_revision(&self, revision: &str) -> usize {
        self.staying.get(revision).copied().unwrap_or(0)
    }

    /// Whether pods of another revision are not on their way out.
    pub(super) fn has_others(&self, revision: &str) -> bool {
        self.staying.iter().any(|(of, count)| of != revision && *count > 0)
    }
}

/// What there is, as of the beginning of a round.
#[derive(Debug, Default)]
pub(super) struct View {
    version: u64,
    pods: BTreeMap<PodKey, Pod>,
    by_node: HashMap<String, BTreeSet<PodKey>>,
    by_owner: HashMap<String, Owned>,
    open: BTreeSet<PodKey>,
    waiting: BTreeSet<PodKey>,
    claimants: BTreeSet<PodKey>,
    cloud_controllers: BTreeSet<PodKey>,
    disk_controllers: BTreeSet<PodKey>,
    /// Uids of everything that may own a pod.
    owners: HashSet<String>,
    /// The controllers (uids) of what is no pod, by uid.
    parents: HashMap<String, String>,
}

/// What is another since the round before.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Everything counts as changed: whatever was known before is to be forgotten.
    pub(super) is_everything: bool,
    /// Pods that changed, or whose node or controller is gone.
    pub(super) pods: BTreeSet<PodKey>,
    /// Nodes that changed, or on which something began or ceased to run that matters to them.
    pub(super) nodes: BTreeSet<String>,
    /// Controllers (uids) that changed, or whose pods or sets did, with the nodes of those pods.
    pub(super) owners: HashMap<String, BTreeSet<String>>,
    /// Pods as they were and as they are.
    pub(super) moved: Vec<Arc<Value>>,
    /// Names of Secrets that hold bootstrap tokens.
    pub(super) tokens: BTreeSet<String>,
    /// What is signed with tokens.
    pub(super) has_new_cluster_info: bool,
    /// Disruption budgets.
    pub(super) budgets: BTreeSet<(String, String)>,
    /// ReplicaSets and StatefulSets changed.
    pub(super) has_new_counts: bool,
}

impl View {
    /// Takes in what happened since the last call.
    pub(super) fn catch_up(&mut self, store: &Store) -> Changes {
        let mut changes = Changes::default();
        let since = if self.version == 0 { None } else { store.since(self.version) };
        match since.map(|events| events.cloned().collect::<Vec<Event>>()) {
            Some(events) => {
                for event in &events {
                    let now = (event.kind != EventKind::Deleted).then_some(&event.object);
                    self.learn(&event.key.resource, event.previous.as_ref(), now, &mut changes);
                }
            }
            // It is the first time, or the log does not reach back so far.
            None => {
                changes.is_everything = true;
                *self = Self::default();
                for resource in store.resources() {
                    for object in store.list(resource, None) {
                        self.learn(resource, None, Some(object), &mut changes);
                    }
                }
            }
        }
        self.version = store.version();
        // A deployment is concerned by what happens to the pods of its sets.
        let above: Vec<String> =
            changes.owners.keys().filter_map(|uid| self.parents.get(uid)).cloned().collect();
        for uid in above {
            changes.owners.entry(uid).or_default();
        }
        changes
    }

    /// Whether nothing has happened since the last call.
    pub(super) fn is_current(&self, store: &Store) -> bool {
        self.version == store.version()
    }

    fn learn(
        &mut self,
        resource: &str,
        before: Option<&Arc<Value>>,
        now: Option<&Arc<Value>>,
        changes: &mut Changes,
    ) {
        let Some(object) = now.or(before) else { return };
        let key = || (namespace(object).to_owned(), name(object).to_owned());
        match resource {
            "v1/pods" => {
                self.learn_pod(&Arc::new(key()), now, changes);
                changes.moved.extend([before, now].into_iter().flatten().cloned());
                return;
            }
            "v1/secrets" => {
                if name(object).starts_with(super::tokens::TOKEN) && namespace(object) == "kube-system" {
                    changes.tokens.insert(name(object).to_owned());
                }
                return;
            }
            "v1/configmaps" => {
                changes.has_new_cluster_info |=
                    name(object) == "cluster-info" && namespace(object) == "kube-public";
                return;
            }
            "v1/events" => return,
            "v1/nodes" => {
                changes.nodes.insert(name(object).to_owned());
                if now.is_none() {
                    changes.pods.extend(self.by_node.get(name(object)).into_iter().flatten().cloned());
                }
            }
            "storage.k8s.io/v1/csinodes" => drop(changes.nodes.insert(name(object).to_owned())),
            "policy/v1/poddisruptionbudgets" => drop(changes.budgets.insert(key())),
            "apps/v1/replicasets" | "apps/v1/statefulsets" => changes.has_new_counts = true,
            _ => {}
        }
        let own = uid(object).to_owned();
        let parent = owner(object).and_then(|owner| owner["uid"].as_str());
        if let Some(parent) = parent {
            changes.owners.entry(parent.to_owned()).or_default();
        }
        if now.is_some() {
            self.owners.insert(own.clone());
            match parent {
                Some(parent) => drop(self.parents.insert(own.clone(), parent.to_owned())),
                None => drop(self.parents.remove(&own)),
            }
        } else {
            self.owners.remove(&own);
            self.parents.remove(&own);
            changes.pods.extend(self.by_owner.get(&own).into_iter().flat_map(|owned| &owned.pods).cloned());
        }
        changes.owners.entry(own).or_default();
    }

    fn learn_pod(&mut self, key: &PodKey, now: Option<&Arc<Value>>, changes: &mut Changes) {
        changes.pods.insert(Arc::clone(key));
        if let Some(old) = self.pods.remove(key) {
            self.enter(key, &old, false, changes);
        }
        if let Some(object) = now {
            let pod = Pod::of(object);
            self.enter(key, &pod, true, changes);
            self.pods.insert(Arc::clone(key), pod);
        }
    }

    /// Enters a pod into the indexes, or takes it out.
    fn enter(&mut self, key: &PodKey, pod: &Pod, is_there: bool, changes: &mut Changes) {
        let set = |set: &mut BTreeSet<PodKey>, applies: bool| match is_there {
            true if applies => drop(set.insert(Arc::clone(key))),
            _ => drop(set.remove(key)),
        };
        set(&mut self.open, pod.is_open());
        set(&mut self.waiting, pod.waits_for_node());
        set(&mut self.claimants, pod.has_claims);
        set(&mut self.cloud_controllers, runs(&pod.object, "cloud-controller-manager"));
        set(&mut self.disk_controllers, pod.drives_disks && !pod.is_daemon && !pod.owner.is_empty());
        if !pod.node.is_empty() {
            let there = self.by_node.entry(pod.node.clone()).or_default();
            set(there, true);
            if there.is_empty() {
                self.by_node.remove(&pod.node);
            }
            if pod.manages_node || pod.brings_network {
                changes.nodes.insert(pod.node.clone());
            }
        }
        if !pod.owner.is_empty() {
            let owned = self.by_owner.entry(pod.owner.clone()).or_default();
            owned.count(key, pod, is_there);
            if owned.pods.is_empty() {
                self.by_owner.remove(&pod.owner);
            }
            changes.owners.entry(pod.owner.clone()).or_default().insert(pod.node.clone());
        }
    }

    pub(super) fn pod(&self, key: &PodKey) -> Option<&Pod> {
        self.pods.get(key)
    }

    fn all<'v>(&'v self, keys: Option<&'v BTreeSet<PodKey>>) -> impl Iterator<Item = &'v Pod> + use<'v> {
        keys.into_iter().flatten().filter_map(|key| self.pods.get(key))
    }

    /// Every pod, in the order of namespace and name, as all that follow.
    pub(super) fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.values()
    }

    /// The pods on a node.
    pub(super) fn on<'v>(&'v self, node: &str) -> impl Iterator<Item = &'v Pod> + use<'v> {
        self.all(self.by_node.get(node))
    }

    /// The keys of the pods on a node.
    pub(super) fn keys_on<'v>(&'v self, node: &str) -> impl Iterator<Item = &'v PodKey> + use<'v> {
        self.by_node.get(node).into_iter().flatten()
    }

    /// The pods of a controller.
    pub(super) fn owned(&self, uid: &str) -> Option<&Owned> {
        self.by_owner.get(uid)
    }

    /// The pods of a controller, one after the other.
    pub(super) fn owned_by<'v>(&'v self, uid: &str) -> impl Iterator<Item = &'v Pod> + use<'v> {
        self.all(self.by_owner.get(uid).map(|owned| &owned.pods))
    }

    /// The objects of the pods of a controller.
    pub(super) fn objects_of(&self, uid: &str) -> Vec<&Arc<Value>> {
        self.owned_by(uid).map(|pod| &pod.object).collect()
    }

    /// Pods to which something is still to happen.
    pub(super) fn open(&self) -> impl Iterator<Item = &PodKey> {
        self.open.iter()
    }

    /// Pods without a node.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Pod> {
        self.all(Some(&self.waiting))
    }

    /// Pods with claims of volumes.
    pub(super) fn claimants(&self) -> impl Iterator<Item = &Arc<Value>> {
        self.all(Some(&self.claimants)).map(|pod| &pod.object)
    }

    /// Pods that are running cloud controller managers.
    pub(super) fn cloud_controllers(&self) -> impl Iterator<Item = &Pod> {
        self.all(Some(&self.cloud_controllers)).filter(|pod| pod.is_running)
    }

    /// Pods that are running controllers of Azure's disks.
    pub(super) fn disk_controllers(&self) -> impl Iterator<Item = &Pod> {
        self.all(Some(&self.disk_controllers)).filter(|pod| pod.is_running)
    }

    /// Whether something of a uid is there that may own pods. Kinds that are not modelled own theirs without being
    /// looked up.
    pub(super) fn is_owner(&self, uid: &str) -> bool {
        self.owners.contains(uid)
    }

    /// Whether a cloud node manager runs on a node.
    pub(super) fn is_managed(&self, node: &str) -> bool {
        self.on(node).any(|pod| pod.is_running && pod.manages_node)
    }

    /// Whether a pod runs on a node that brings a network.
    pub(super) fn is_networked(&self, node: &str) -> bool {
        self.on(node).any(|pod| pod.is_running && pod.brings_network)
    }
}
