//! `control_plane` and `worker_pool` blocks.

use std::collections::BTreeMap;

use lazuli_core::{Address, Span, Value};

/// The control plane or a pool of workers.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Which it is.
    pub role: Role,
    /// Number of nodes.
    pub count: u32,
    /// `Standard_D4s_v5`
    pub instance_type: String,
    /// The zones its nodes are spread over, sorted; none where the region or the machine has none.
    pub zones: Vec<String>,
    /// The disk the system boots from.
    pub os_disk: Disk,
    /// The disk etcd lives on.
    pub etcd_disk: Option<Disk>,
    /// Whether Azure encrypts disks on the host too.
    pub encryption_at_host: bool,
    /// Bought from spare capacity, at most at that price; -1 for the usual price.
    pub spot: Option<Value>,
    /// Labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// Slots whose nodes take no new pods.
    pub cordon: Vec<String>,
    /// Commands before a node joins.
    pub pre_bootstrap: Commands,
    /// Commands after it has.
    pub post_bootstrap: Commands,
    /// Extra arguments of its kubelets.
    pub kubelet_args: BTreeMap<String, String>,
    /// How its nodes are replaced.
    pub update: Update,
    /// The block's header.
    pub span: Span,
}

/// What a pool is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// etcd and the Kubernetes API.
    ControlPlane,
    /// Workloads, under the pool's name.
    Worker(String),
}

/// A managed disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// GiB.
    pub size_gb: i64,
    /// `Premium_LRS`
    pub sku: String,
}

/// Shell commands. They may hold secrets: `Debug` tells only how many there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Commands(pub Vec<String>);

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} commands)", self.0.len())
    }
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// How nodes of a pool are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// True when the new node is made before the old one goes.
    pub create_first: bool,
    /// How many nodes are in replacement at the same time; at least one.
    pub window: usize,
    /// How long a new node must have been ready before the next one, in seconds.
    pub min_ready_seconds: u64,
    /// How long pods may take to leave a node, in seconds.
    pub drain_timeout: u64,
}

impl Update {
    /// How long pods may take to leave a node when nobody says otherwise: ten minutes.
    pub const DRAIN_TIMEOUT: u64 = 600;
    /// One at a time, the new node first.
    pub const DEFAULT: Update =
        Update { create_first: true, window: 1, min_ready_seconds: 0, drain_timeout: Self::DRAIN_TIMEOUT };
}

impl Pool {
    /// `cp` for the control plane, the pool's name otherwise: what stands in node names.
    pub fn short_name(&self) -> &str {
        match &self.role {
            Role::ControlPlane => "cp",
            Role::Worker(name) => name,
        }
    }

    /// True for the control plane.
    pub fn is_control_plane(&self) -> bool {
        self.role == Role::ControlPlane
    }

    /// True when its nodes are in an availability set: where there are no zones. Azure takes no spot machine into one.
    pub fn has_availability_set(&self) -> bool {
        self.zones.is_empty() && self.spot.is_none()
    }

    /// The pool's address in its cluster.
    pub fn address(&self, cluster: &Address) -> Address {
        match &self.role {
            Role::ControlPlane => cluster.child("control_plane"),
            Role::Worker(name) => cluster.keyed("worker_pool", name),
        }
    }
}
