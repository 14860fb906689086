//! The simulated world: everything that exists in one Azure subscription, and what is under way.
//!
//! Belongs here: the data, its derived indexes, what changed since the last record. Not here: the rules by which
//! requests change it (`arm`), nor files (`world_file`).

mod activity;
mod addresses;
mod clusters;
mod conditions;
mod deployment;
mod index;
mod operations;
mod past;
mod record;
mod registration;
mod resource;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::kubernetes::Cluster;
use crate::limits::Level;
use crate::seed::Application;
use crate::{ids, random};
pub(crate) use activity::Deed;
pub use conditions::{ClosedSize, Conditions, Denial, Effect, Grant, Policy, Room, Sold, Told};
pub(crate) use deployment::{Deployment, Progress, Step};
pub(crate) use operations::{Action, Failure, KEPT_MS, Operation, OperationUrl};
pub use record::Change;
pub(crate) use resource::{Machine, Resource, State};
use {index::Index, record::Dirty};

/// Who may use the simulated subscription.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Directory (tenant) id.
    pub tenant: String,
    /// Subscription id.
    pub subscription: String,
    /// Application (client) id of the one service principal.
    pub client_id: String,
    /// Its secret. Random per world; kept in the world file, which only its owner may read.
    pub client_secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("tenant", &self.tenant)
            .field("subscription", &self.subscription)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Everything that exists, plus what is under way.
///
/// A value without clock, sockets or randomness: [`handle`](crate::handle) moves it from one state to the next.
#[derive(Debug, Serialize, Deserialize)]
pub struct World {
    format: u32,
    pub(crate) identity: Credentials,
    pub(crate) seed: u64,
    pub(crate) draws: u64,
    pub(crate) requests: u64,
    resources: BTreeMap<String, Resource>,
    operations: BTreeMap<String, Operation>,
    fault_hits: BTreeMap<String, u64>,
    quotas: BTreeMap<String, u64>,
    unregistered: BTreeSet<String>,
    /// Namespaces whose registration, or its end, takes its time, and when it is over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    registering: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) applications: Vec<Application>,
    /// Clusters, by the host name of their API server.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) clusters: BTreeMap<String, Cluster>,
    /// Token buckets that are not full; a restart fills them.
    #[serde(skip)]
    pub(crate) levels: BTreeMap<String, Level>,
    #[serde(default)]
    pub(crate) conditions: Conditions,
    #[serde(default)]
    activity: activity::Activity,
    /// How far the world has been advanced.
    #[serde(skip)]
    advanced_ms: u64,
    #[serde(skip)]
    index: Index,
    #[serde(skip)]
    dirty: Dirty,
    #[serde(skip)]
    past: past::Past,
    /// Tokens that are refused before their time, by digest.
    #[serde(skip)]
    pub(crate) revoked: BTreeSet<String>,
}

impl World {
    /// An empty world. `seed` decides every identifier and every delay that will be invented in it.
    pub fn new(identity: Credentials, seed: u64) -> Self {
        Self {
            format: 1,
            identity,
            seed,
            draws: 0,
            requests: 0,
            resources: BTreeMap::new(),
            operations: BTreeMap::new(),
            fault_hits: BTreeMap::new(),
            quotas: BTreeMap::new(),
            unregistered: BTreeSet::new(),
            registering: BTreeMap::new(),
            applications: Vec::new(),
            clusters: BTreeMap::new(),
            levels: BTreeMap::new(),
            conditions: Conditions::default(),
            activity: activity::Activity::default(),
            advanced_ms: 0,
            index: Index::default(),
            dirty: Dirty::default(),
            past: past::Past::default(),
            revoked: BTreeSet::new(),
        }
    }

    /// The service principal, tenant and subscription of this world.
    pub fn credentials(&self) -> &Credentials {
        &self.identity
    }

    pub(crate) fn format(&self) -> u32 {
        self.format
    }

    /// Number of things that exist.
    pub(crate) fn size(&self) -> usize {
        self.resources.len() + self.clusters.values().map(|cluster| cluster.store.len()).sum::<usize>()
    }

    /// Whether no client has ever asked anything.
    pub(crate) fn is_untouched(&self) -> bool {
        self.requests == 0
    }

    /// `/subscriptions/{id}`.
    pub(crate) fn subscription_id(&self) -> String {
        format!("/subscriptions/{}", self.identity.subscription)
    }

    /// The object id of the service principal.
    pub(crate) fn caller(&self) -> String {
        self.principal_of(&self.identity.client_id)
    }

    /// The object id of an application's service principal.
    pub(crate) fn principal_of(&self, client_id: &str) -> String {
        random::guid_of(&["service principal", &self.identity.tenant, client_id])
    }

    /// The next drawing; every invented value starts from one.
    pub(crate) fn draw(&mut self) -> u64 {
        self.draws += 1;
        self.draws
    }

    pub(crate) fn guid(&mut self, purpose: &str) -> String {
        let draw = self.draw();
        self.derived_guid(purpose, draw)
    }

    /// An identifier that follows from an earlier drawing.
    pub(crate) fn derived_guid(&self, purpose: &str, serial: u64) -> String {
        random::guid_of(&[&self.seed.to_string(), &self.identity.subscription, purpose, &serial.to_string()])
    }

    /// Two numbers in `[0, 1)` for one delay.
    pub(crate) fn luck(&mut self) -> (f64, f64) {
        let draw = self.draw();
        (random::fraction(self.seed, "a", draw), random::fraction(self.seed, "b", draw))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Resource> {
        self.resources.get(key)
    }

    /// Adds or replaces a resource.
    pub(crate) fn put(&mut self, resource: Resource) {
        let key = resource.key();
        if let Some(old) = self.resources.remove(&key) {
            self.index.forget(&key, &old);
            self.index.note_node(&old);
        }
        self.index.learn(&key, &resource);
        self.note_node(&key, &resource);
        self.dirty.resources.insert(key.clone());
        self.resources.insert(key, resource);
    }

    /// Changes a resource, if it exists.
    pub(crate) fn edit(&mut self, key: &str, change: impl FnOnce(&mut Resource)) {
        if let Some(mut resource) = self.resources.remove(key) {
            self.index.forget(key, &resource);
            self.index.note_node(&resource);
            change(&mut resource);
            self.index.learn(key, &resource);
            self.note_node(key, &resource);
            self.dirty.resources.insert(key.to_owned());
            self.resources.insert(key.to_owned(), resource);
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Resource> {
        let resource = self.resources.remove(key)?;
        self.index.forget(key, &resource);
        self.note_node(key, &resource);
        self.wake(&resource);
        self.dirty.resources.insert(key.to_owned());
        Some(resource)
    }

    /// Keys of everything whose id starts with `prefix` plus `/`.
    pub(crate) fn below(&self, prefix: &str) -> Vec<String> {
        let from = format!("{prefix}/");
        self.resources
            .range(from.clone()..)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(&from))
            .cloned()
            .collect()
    }

    /// Keys of one kind whose id starts with `prefix`, in order, after `after`.
    pub(crate) fn of_kind<'a>(
        &'a self,
        kind: &str,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Resource> + use<'a> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match after {
            Some(after) if after > prefix => Excluded(after),
            _ => Included(prefix),
        };
        self.index
            .by_kind
            .get(&kind.to_ascii_lowercase())
            .into_iter()
            .flat_map(move |keys| keys.range::<str, _>((from, Unbounded)))
            .take_while(move |key| key.starts_with(prefix))
            .filter_map(|key| self.resources.get(key))
    }

    /// Everything, in order of ids, after `after`.
    pub(crate) fn all<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Resource> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match after {
            Some(after) if after > prefix => Excluded(after),
            _ => Included(prefix),
        };
        self.resources
            .range::<str, _>((from, Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(_, resource)| resource)
    }

    /// Ids (as their owners write them) of what refers to `key`.
    pub(crate) fn users(&self, key: &str) -> impl Iterator<Item = &str> {
        self.index.users.get(key).into_iter().flat_map(|users| users.values().map(String::as_str))
    }

    /// The resource group or subscription limit named `name` in a location, when the seed sets one.
    pub(crate) fn quota(&self, location: &str, name: &str) -> Option<u64> {
        self.quotas.get(&quota_key(location, name)).copied()
    }

    pub(crate) fn set_quota(&mut self, location: &str, name: &str, limit: u64) {
        if self.quotas.insert(quota_key(location, name), limit) != Some(limit) {
            self.dirty.settings = true;
        }
    }

    /// Virtual CPUs of one SKU family (all families for `""`) in a location.
    pub(crate) fn cores(&self, location: &str, family: &str) -> u64 {
        self.index.cores.get(&(location.to_owned(), family.to_owned())).copied().unwrap_or(0)
    }

    /// How many resources of a kind exist in a location.
    pub(crate) fn count(&self, location: &str, kind: &str) -> u64 {
        self.index.counts.get(&(location.to_owned(), kind.to_ascii_lowercase())).copied().unwrap_or(0)
    }

    pub(crate) fn set_conditions(&mut self, conditions: Conditions) {
        self.dirty.settings |= self.conditions != conditions;
        self.conditions = conditions;
    }

    /// Takes over who may sign in; without any it stays as it is.
    pub(crate) fn add_applications(&mut self, applications: &[Application]) {
        if !applications.is_empty() {
            self.applications = applications.to_vec();
        }
    }

    /// When the directory learned of a principal.
    pub(crate) fn principal_since(&self, principal: &str) -> Option<u64> {
        self.index.principals.get(&principal.to_ascii_lowercase()).copied()
    }

    /// Who holds a DNS label in a location.
    pub(crate) fn label_holder(&self, location: &str, label: &str) -> Option<&str> {
        self.index.labels.get(&format!("{location}/{}", label.to_ascii_lowercase())).map(String::as_str)
    }

    /// Counts one more hit of a fault and returns how many there have been.
    pub(crate) fn hit_fault(&mut self, fault: &str) -> u64 {
        let hits = self.fault_hits.entry(fault.to_owned()).or_default();
        *hits += 1;
        self.dirty.settings = true;
        *hits
    }
}

fn quota_key(location: &str, name: &str) -> String {
    format!("{}/{}", ids::location(location), name.to_ascii_lowercase())
}
