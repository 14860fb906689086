//! What changed since the last record: the unit that is made durable before each answer.
//!
//! A change says what is now so, never what was done, so replaying one twice does no harm.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Conditions, Deed, Operation, Resource, World};
use crate::kubernetes::{Cluster, ClusterChange};

/// One thing that is now so.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Change(Kind);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Resource(Box<Resource>),
    Gone(String),
    Operation(Box<Operation>),
    Deed(Deed),
    Cluster(Box<ClusterChange>),
    ClusterGone(String),
    Counters {
        draws: u64,
        requests: u64,
    },
    Settings {
        fault_hits: BTreeMap<String, u64>,
        quotas: BTreeMap<String, u64>,
        unregistered: BTreeSet<String>,
        #[serde(default)]
        registering: BTreeMap<String, u64>,
        #[serde(default)]
        conditions: Conditions,
    },
}

#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub(super) resources: BTreeSet<String>,
    pub(super) operations: BTreeSet<String>,
    pub(super) settings: bool,
    /// A deployment went on.
    pub(super) drew: bool,
    pub(super) deeds: Vec<Deed>,
    pub(super) clusters_gone: BTreeSet<String>,
}

impl World {
    /// Whether a read changed something that does not follow from the clock (a fault counter), or something in a
    /// cluster, where revisions depend on when the clock was looked at.
    pub(crate) fn must_record(&self) -> bool {
        self.dirty.settings || self.dirty.drew || self.clusters.values().any(Cluster::is_dirty)
    }

    /// Everything that changed since the last call; empty when nothing did.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let dirty = std::mem::take(&mut self.dirty);
        let mut changes = Vec::with_capacity(dirty.resources.len() + dirty.operations.len() + 1);
        for key in dirty.resources {
            changes.push(match self.resources.get(&key) {
                Some(resource) => Kind::Resource(Box::new(resource.clone())),
                None => Kind::Gone(key),
            });
        }
        for id in dirty.operations {
            if let Some(operation) = self.operations.get(&id) {
                changes.push(Kind::Operation(Box::new(operation.clone())));
            }
        }
        changes.extend(dirty.deeds.into_iter().map(Kind::Deed));
        // Gone before there: one host name may be given to a new cluster.
        changes.extend(dirty.clusters_gone.into_iter().map(Kind::ClusterGone));
        for cluster in self.clusters.values_mut() {
            changes.extend(cluster.take_change().map(Box::new).map(Kind::Cluster));
        }
        if dirty.settings {
            changes.push(Kind::Settings {
                fault_hits: self.fault_hits.clone(),
                quotas: self.quotas.clone(),
                unregistered: self.unregistered.clone(),
                registering: self.registering.clone(),
                conditions: self.conditions.clone(),
            });
        }
        if !changes.is_empty() {
            changes.push(Kind::Counters { draws: self.draws, requests: self.requests });
        }
        changes.into_iter().map(Change).collect()
    }

    /// Applies recorded changes, oldest first.
    pub fn replay(&mut self, changes: Vec<Change>) {
        changes.into_iter().for_each(|change| self.apply(change));
        self.rebuild();
    }

    /// Applies one change. The derived indexes are built afterwards, once.
    pub(crate) fn apply(&mut self, change: Change) {
        match change.0 {
            Kind::Resource(resource) => {
                self.resources.insert(resource.key(), *resource);
            }
            Kind::Gone(key) => {
                self.resources.remove(&key);
            }
            Kind::Operation(operation) => {
                self.operations.insert(operation.id.clone(), *operation);
            }
            Kind::Deed(deed) => self.recall(deed),
            Kind::Cluster(change) => Cluster::replay(&mut self.clusters, *change, &self.seed.to_string()),
            Kind::ClusterGone(host) => {
                self.clusters.remove(&host);
            }
            Kind::Counters { draws, requests } => {
                self.draws = draws;
                self.requests = requests;
            }
            Kind::Settings { fault_hits, quotas, unregistered, registering, conditions } => {
                self.fault_hits = fault_hits;
                self.quotas = quotas;
                self.unregistered = unregistered;
                self.registering = registering;
                self.conditions = conditions;
            }
        }
    }
}
