//! One cluster: its objects and the control plane that serves them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::controllers;
use super::etcd::Etcd;
use super::store::{Key, Store};
use super::trust::Trust;

/// A cluster that has, or had, an API server.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cluster {
    host: String,
    control: ControlPlane,
    pub(crate) store: Store,
    /// Whether the control plane differs from what is recorded.
    #[serde(skip)]
    dirty: bool,
    /// Whether the control plane was changed since the controllers last looked.
    #[serde(skip)]
    touched: bool,
    /// When the controllers act next.
    #[serde(skip)]
    pub(crate) agenda: controllers::Agenda,
}

/// What serves a cluster, beyond its objects. Small: recorded as a whole whenever it changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ControlPlane {
    /// The version the API server says it has, `v1.34.2`.
    pub(crate) version: String,
    /// The certificate authorities in PEM that the leading controller manager publishes; with the first it signs the
    /// certificates of kubelets. A leader stays until its node goes.
    pub(crate) ca_pem: String,
    /// The serving certificates, by node; the API answers as long as one is left.
    pub(crate) servers: BTreeMap<String, Leaf>,
    /// The members of etcd.
    pub(crate) etcd: Etcd,
    /// Bootstrap tokens and pod logs, exec and the like need kubelets; these are the nodes whose machine runs.
    #[serde(default)]
    pub(crate) running: std::collections::BTreeSet<String>,
    /// What the controllers go by.
    #[serde(default)]
    pub(crate) state: controllers::State,
}

/// A serving certificate with its key, in PEM (the certificate may be a chain).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leaf {
    pub(crate) cert_pem: String,
    pub(crate) key_pem: String,
    /// The keys of service accounts' tokens.
    #[serde(default)]
    pub(crate) accounts: Accounts,
    /// The authorities whose clients it accepts, in PEM; the first signed its certificate. Empty: those of the cluster.
    #[serde(default)]
    pub(crate) ca_pem: String,
    /// The same by their hashes.
    #[serde(default)]
    pub(crate) authority: Trust,
    /// The authorities of the front proxy, in PEM.
    #[serde(default)]
    pub(crate) front_proxy_pem: String,
    /// The same by their hashes.
    #[serde(default)]
    pub(crate) front_proxy: Trust,
}

impl Leaf {
    /// The authorities that it has, in PEM, where `of_cluster` are those of its cluster.
    pub(crate) fn authorities<'a>(&'a self, of_cluster: &'a str) -> &'a str {
        if self.ca_pem.is_empty() { of_cluster } else { &self.ca_pem }
    }
}

/// Which key an API server signs tokens of service accounts with, and which it checks them with: digests of public keys.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accounts {
    pub(crate) signs: String,
    pub(crate) trusts: Vec<String>,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaf").field("cert_pem", &self.cert_pem).finish_non_exhaustive()
    }
}

/// What is now so of a cluster.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClusterChange {
    host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control: Option<ControlPlane>,
    version: u64,
    objects: Vec<(Key, Option<Arc<Value>>)>,
}

impl Cluster {
    /// A cluster without any object. `host` is the name clients reach it by; `seed` decides what is invented in it.
    pub(crate) fn new(host: &str, control: ControlPlane, seed: &str) -> Self {
        Self {
            host: host.to_ascii_lowercase(),
            control,
            store: Store::new(seed),
            dirty: true,
            touched: true,
            agenda: controllers::Agenda::default(),
        }
    }

    /// The name clients reach it by, in lower case.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn control(&self) -> &ControlPlane {
        &self.control
    }

    /// The control plane, to be changed: it is recorded afterwards.
    pub(crate) fn control_mut(&mut self) -> &mut ControlPlane {
        self.dirty = true;
        self.touched = true;
        &mut self.control
    }

    /// Whether the control plane was changed since the last call.
    pub(crate) fn take_touched(&mut self) -> bool {
        std::mem::take(&mut self.touched)
    }

    /// Whether something answers at all: an API server whose etcd has a quorum.
    pub(crate) fn is_available(&self) -> bool {
        !self.control.servers.is_empty() && self.control.etcd.has_quorum()
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty || self.store.is_dirty()
    }

    /// What changed since the last call.
    pub(crate) fn take_change(&mut self) -> Option<ClusterChange> {
        if !self.is_dirty() {
            return None;
        }
        let control = std::mem::take(&mut self.dirty).then(|| self.control.clone());
        let objects = self.store.take_changes();
        Some(ClusterChange { host: self.host.clone(), control, version: self.store.version(), objects })
    }

    /// Takes over a recorded change, making the cluster if it is new.
    pub(crate) fn replay(clusters: &mut BTreeMap<String, Self>, change: ClusterChange, seed: &str) {
        let cluster = clusters.entry(change.host.clone()).or_insert_with(|| {
            Self::new(&change.host, ControlPlane::default(), &seed_of(seed, &change.host))
        });
        if let Some(control) = change.control {
            cluster.control = control;
        }
        (cluster.dirty, cluster.touched) = (false, true);
        cluster.store.replay(change.version, change.objects);
    }
}

/// The seed of a cluster's store: it follows from the world's.
pub(crate) fn seed_of(world: &str, host: &str) -> String {
    format!("{world}/{host}")
}
