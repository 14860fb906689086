//! Clusters whose keys are not in the state: machines that were imported or found, of a cluster another state made. Nobody
//! gets in without the keys, and new ones would not be those of the cluster, so only what is in Azure is planned.

use lazuli_cluster::expand::{Expansion, Features, Pki};
use lazuli_cluster::roster::Renewals;
use lazuli_core::plan::{Action, Plan};
use lazuli_core::recorded::RecordedWorld;
use lazuli_core::resource::ResourceId;
use lazuli_core::{Address, Diagnostic, Diagnostics};

use super::Blueprint;
use super::build::Nothing;
use super::seen::Seen;

const CODE: &str = "LZ0248";

fn help(cluster: &Address) -> String {
    format!(
        "the keys are in the state that made the cluster and on its control-plane nodes: go on with that state or a backup \
         of it, bring the keys with `lazuli import {cluster} --pki DIR`, or leave the nodes as they are"
    )
}

impl Blueprint {
    /// What of a cluster is expanded: everything, or what is in Azure only.
    pub(super) fn features(&self, cluster: &Address, world: &RecordedWorld, renewals: &Renewals) -> Features {
        let is_machine = |address: &Address| is_control_plane_machine(cluster, address);
        let has_keys = world.resources.contains_key(&Pki::of(cluster).cluster_ca);
        let imported = || {
            let imports =
                self.evaluator.imports(&Seen { blueprint: self, known: &Nothing }).unwrap_or_default();
            imports.iter().any(|import| is_machine(&import.to))
        };
        let is_there =
            || renewals.contains_key(cluster) || world.resources.keys().any(is_machine) || imported();
        Features { kubernetes: has_keys || !is_there() }
    }

    /// Clusters that are expanded with new keys although a machine of their control plane exists.
    pub fn with_keys_of_another(
        &self,
        recorded: &RecordedWorld,
        exists: impl Fn(&ResourceId) -> bool,
    ) -> Vec<Address> {
        let is_other = |cluster: &&Expansion| {
            let address = &cluster.cluster.address;
            let has_machine = || {
                cluster.parts.iter().any(|part| {
                    is_control_plane_machine(address, &part.declaration.address)
                        && part.desired.id.as_ref().is_some_and(&exists)
                })
            };
            // Under another label its keys are recorded all the same.
            let keys = cluster.parts.iter().find(|p| p.declaration.address == Pki::of(address).cluster_ca);
            let recorded = keys
                .and_then(|keys| keys.desired.id.as_ref())
                .is_some_and(|id| recorded.resources.values().any(|r| r.id == *id));
            keys.is_some() && !recorded && has_machine()
        };
        self.clusters().filter(is_other).map(|cluster| cluster.cluster.address.clone()).collect()
    }

    /// Says which clusters are planned without what is inside of them.
    pub fn without_keys(&self) -> Diagnostics {
        let clusters = self.clusters().filter(|cluster| !cluster.is_whole());
        let say = |cluster: &Expansion| {
            let address = &cluster.cluster.address;
            Diagnostic::warning(
                CODE,
                format!(
                    "the keys of {address} are not in this state: only what it has in Azure is looked at"
                ),
            )
            .about(address.clone())
            .help(help(address))
        };
        clusters.map(say).collect()
    }

    /// What a plan must not do to nodes that nobody can drain or let in.
    pub fn needs_keys(&self, plan: &Plan) -> Diagnostics {
        let mut problems = Diagnostics::new();
        for cluster in self.clusters().filter(|cluster| !cluster.is_whole()) {
            let address = &cluster.cluster.address;
            let machines = plan.changes.iter().filter(|change| {
                change.address.is_within(address)
                    && change.address.as_str().ends_with(".vm")
                    && (matches!(change.action, Action::Create | Action::Delete)
                        || change.action.is_replace())
            });
            for change in machines {
                let what = match change.action {
                    Action::Create => "cannot join the cluster",
                    _ => "cannot be drained",
                };
                let message =
                    format!("{} {what}: the keys of {address} are not in this state", change.address);
                problems
                    .push(Diagnostic::error(CODE, message).about(change.address.clone()).help(help(address)));
            }
        }
        problems
    }
}

fn is_control_plane_machine(cluster: &Address, address: &Address) -> bool {
    address.is_within(&cluster.child("control_plane")) && address.as_str().ends_with(".vm")
}
