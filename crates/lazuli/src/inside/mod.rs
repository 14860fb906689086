//! The insides of clusters: the providers `tls` and `kubernetes` on the clouds that a run has opened.
//!
//! | module | what |
//! |---|---|
//! | `controllers` | what a cluster's own controllers write in Azure |
//! | `machines` | what is asked of a cluster's machines through Azure: their consoles, scripts |
//! | `objects` | each object has one owner, and none is taken from others |
//! | `unreachable` | which clusters are not asked, because nobody can answer yet; what is planned when one should and does not |

mod controllers;
mod machines;
mod objects;
mod unreachable;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazuli_azure::AzureProvider;
use lazuli_cluster::expand::{Expansion, IMPORTED, Part, Pki};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::{ProviderName, ResourceId};
use lazuli_core::{Address, Value, encoding};
use lazuli_kubernetes::api::{Clusters, Connect, Direct};
use lazuli_kubernetes::keyring::{ClusterId, KeyRing};
use lazuli_kubernetes::provider::KubernetesProvider;
use lazuli_kubernetes::tls::TlsProvider;
use time::OffsetDateTime;

pub use controllers::is_of_a_controller;
use machines::Machines;
pub use objects::shared;
pub use unreachable::{Unasked, answers, believed, finished, judge};

/// The cluster that an expansion is of; `None` when it has nothing inside.
pub fn cluster_of(expansion: &Expansion) -> Option<ClusterId> {
    expansion.parts.iter().find_map(|part| ClusterId::of(part.desired.id.as_ref()?))
}

/// What time it is.
pub type Now = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// The providers of what is inside of clusters. Clones share what they know.
#[derive(Clone)]
pub struct Inside {
    /// Keys and certificates.
    pub tls: TlsProvider,
    /// The clusters' own APIs.
    pub kubernetes: KubernetesProvider,
    ring: KeyRing,
    machines: Machines,
    routes: Routes,
    /// The members that the state knows, by the address of their pool.
    members: Arc<Mutex<HashMap<String, Vec<ResourceId>>>>,
}

/// Host names of simulated clusters with the address of their simulator.
#[derive(Clone, Default)]
pub struct Routes(Arc<Mutex<HashMap<String, SocketAddr>>>);

impl Routes {
    /// A host that leads to an address.
    pub fn lead(&self, host: &str, address: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_ascii_lowercase(), address);
    }

    /// Where a host is, when it is not where the name service says.
    pub fn of(&self, host: &str) -> Option<SocketAddr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&host.to_ascii_lowercase()).copied()
    }
}

impl Inside {
    /// The providers of clusters that are reached over the network, simulated ones at the addresses that `routes` tells.
    pub fn over_the_network(routes: Routes) -> Inside {
        let told = routes.clone();
        let connect = Direct { addresses: Arc::new(move |host| told.of(host)) };
        Inside::new(Arc::new(connect), routes, Arc::new(OffsetDateTime::now_utc))
    }

    /// The providers of clusters that `connect` reaches, at the time that `now` tells.
    pub fn new(connect: Arc<dyn Connect>, routes: Routes, now: Now) -> Inside {
        let ring = KeyRing::default();
        let machines = Machines::default();
        let clusters =
            Clusters::new(ring.clone(), connect, now.clone()).with_run_command(Arc::new(machines.clone()));
        let kubernetes = KubernetesProvider::new(clusters, Arc::new(machines.clone()))
            .with_load_balancer(Arc::new(machines.clone()));
        let tls = TlsProvider::new(ring.clone(), move || now());
        Inside { tls, kubernetes, ring, machines, routes, members: Arc::default() }
    }

    /// Takes in the keys that the state holds.
    pub fn learn(&self, recorded: &RecordedWorld) {
        for resource in recorded.resources.values().chain(&recorded.deposed) {
            match resource.provider {
                ProviderName::Tls => self.ring.learn(&resource.id, &resource.observed),
                // A node that came in half is no member, whatever was wanted of it.
                ProviderName::Kubernetes if is_member(&resource.ty.name) && resource.pending.is_some() => {}
                ProviderName::Kubernetes => self.kubernetes.learn(&resource.id, &resource.inputs),
                ProviderName::Azure => {}
            }
            if resource.ty.name.ends_with("/controlPlaneMembers") {
                self.control_plane(&resource.id, resource.id.name());
            }
            if is_member(&resource.ty.name) {
                let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
                members.entry(pool_of(&resource.address)).or_default().push(resource.id.clone());
            }
        }
    }

    /// Takes in where the control plane of a cluster will be.
    pub fn expect(&self, cluster: &Expansion) {
        let inside = |part: &&Part| part.desired.ty.name.ends_with("/controlPlaneMembers");
        for member in cluster.parts.iter().filter(inside).filter_map(|part| part.desired.id.as_ref()) {
            self.control_plane(member, member.name());
        }
        self.expect_drains(cluster);
        self.expect_departures(cluster);
    }

    /// The members of its control plane that the state knows and that will not be there.
    fn expect_departures(&self, cluster: &Expansion) {
        let members = || cluster.parts.iter().filter(|part| is_member(&part.desired.ty.name));
        let stay: HashSet<&ResourceId> = members().filter_map(|part| part.desired.id.as_ref()).collect();
        let known = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let pools: HashSet<String> = members().map(|part| pool_of(&part.declaration.address)).collect();
        let recorded = pools.iter().filter_map(|pool| known.get(pool)).flatten();
        recorded.filter(|member| !stay.contains(member)).for_each(|member| self.kubernetes.leaves(member));
        self.expect_registrations(cluster);
    }

    /// Nothing in a cluster keeps what its nodes were prepared with. Those of a cluster that another state made count as
    /// prepared as the configuration says.
    fn expect_registrations(&self, cluster: &Expansion) {
        let authority = Pki::of(&cluster.cluster.address).cluster_ca;
        let authority = cluster.parts.iter().find(|part| part.declaration.address == authority);
        let known = authority.and_then(|part| self.ring.recall(part.desired.id.as_ref()?));
        if known.is_none_or(|known| !known["properties"][IMPORTED].is_string()) {
            return;
        }
        let registrations = cluster.parts.iter().filter(|p| p.desired.ty.name.ends_with("/registrations"));
        for part in registrations {
            if let (Some(id), Ok(inputs)) = (&part.desired.id, encoding::to_json(&part.desired.body)) {
                self.kubernetes.expects(id, &inputs);
            }
        }
    }

    /// The members that go are drained as patiently as their pool says now.
    fn expect_drains(&self, cluster: &Expansion) {
        let mut pools = HashMap::new();
        for part in cluster.parts.iter().filter(|part| is_member(&part.desired.ty.name)) {
            let properties = part.desired.body.get("properties");
            let seconds = properties.and_then(|p| p.get("drainTimeoutSeconds")).and_then(Value::as_i64);
            if let Some(seconds) = seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
                pools.insert(pool_of(&part.declaration.address), seconds);
            }
        }
        let known = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        for (pool, seconds) in pools {
            for member in known.get(&pool).into_iter().flatten() {
                self.kubernetes.drains_within(member, Duration::from_secs(seconds));
            }
        }
    }

    /// The machine of a member has its name and is in its resource group.
    fn control_plane(&self, member: &ResourceId, node: &str) {
        let group = member.as_str().split("/providers/").next().unwrap_or_default();
        let vm = ResourceId::new(format!("{group}/providers/Microsoft.Compute/virtualMachines/{node}"));
        if let Some(cluster) = ClusterId::of(member) {
            self.machines.has_control_plane(cluster, vm);
        }
    }

    /// Takes in a provider of Azure, through which machines are asked. A simulated one takes only a part of the real time.
    pub fn has(&self, azure: &AzureProvider, time_factor: f64) {
        self.machines.add(azure, time_factor);
    }

    /// Lets the hosts of an account's clusters lead to its simulator.
    pub fn simulated(&self, clusters: &[&Expansion], address: SocketAddr) {
        for cluster in clusters {
            self.routes.lead(&cluster.fqdn, address);
        }
    }

    /// Lets the hosts of the clusters that the state knows of in an account lead to its simulator.
    pub fn simulated_before(&self, recorded: &RecordedWorld, account: &str, address: SocketAddr) {
        let keys =
            recorded.resources.values().filter(|r| r.provider == ProviderName::Tls && &*r.account == account);
        for server in keys.filter_map(|r| r.inputs.pointer("/properties/server")?.as_str()) {
            self.routes.lead(server.rsplit_once(':').map_or(server, |(host, _)| host), address);
        }
    }

    /// The keys of clusters.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }
}

fn is_member(ty: &str) -> bool {
    ty.ends_with("/controlPlaneMembers") || ty.ends_with("/members")
}

/// The address of the pool that a part of a node belongs to.
fn pool_of(address: &Address) -> String {
    let address = address.to_string();
    address.split(".node[").next().unwrap_or_default().to_owned()
}

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inside")
    }
}
