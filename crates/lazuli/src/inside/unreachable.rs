//! Which clusters are not asked: one that was never finished has nobody to answer. And what a plan may do without the
//! answer of one that should: everything but take machines away whose nodes nobody knows.

use std::collections::{BTreeSet, HashMap, HashSet};

use lazuli_cluster::expand::imported_with;
use lazuli_core::plan::{Action, Change, Operation, Plan};
use lazuli_core::recorded::{Recorded, RecordedWorld};
use lazuli_core::resource::{ProviderName, ResourceId};
use lazuli_core::{Address, Diagnostic, Diagnostics, Json};
use lazuli_kubernetes::keyring::ClusterId;

use crate::clouds::World;
use crate::render::layout::count;

const CODE: &str = "LZ3053";
const MACHINE: &str = "Microsoft.Compute/virtualMachines";
/// Up to how many resources are named.
const NAMED: usize = 5;

/// The clusters that answered once: one of their control-plane members is recorded as done, or their keys were brought to
/// them.
pub fn answers(recorded: &RecordedWorld) -> BTreeSet<ClusterId> {
    let all = recorded.resources.values().chain(&recorded.deposed);
    let is_member = |r: &Recorded| r.pending.is_none() && r.ty.name.ends_with("/controlPlaneMembers");
    let members =
        all.filter(|r| is_member(r) || r.provider == ProviderName::Tls && imported_with(r).is_some());
    members.filter_map(|r| ClusterId::of(&r.id)).collect()
}

/// What is recorded of the objects of clusters that are finished, by id.
pub fn finished(recorded: &RecordedWorld) -> HashMap<&ResourceId, &Json> {
    let all = recorded.resources.values().chain(&recorded.deposed);
    let finished = all.filter(|r| r.provider == ProviderName::Kubernetes && r.pending.is_none());
    finished.map(|r| (&r.id, &r.observed)).collect()
}

/// What is believed of an object in a cluster that does not answer: it is as it is recorded. What was begun and is still
/// `wanted` is not there; what was begun and is not wanted may be, and has to go.
pub fn believed<'a>(
    recorded: &'a RecordedWorld,
    wanted: &HashSet<&ResourceId>,
) -> HashMap<&'a ResourceId, &'a Json> {
    let all = recorded.resources.values().chain(&recorded.deposed);
    let begun = |r: &Recorded| r.pending.as_ref().is_some_and(|p| p.operation == Operation::Create);
    let there =
        all.filter(|r| r.provider == ProviderName::Kubernetes && !(begun(r) && wanted.contains(&r.id)));
    there.map(|r| (&r.id, &r.observed)).collect()
}

/// What is to be said of a plan because of the clusters that did not answer.
#[derive(Debug, Default)]
pub struct Unasked {
    /// What was not looked at.
    pub warnings: Diagnostics,
    /// What must not be done without looking.
    pub problems: Diagnostics,
}

/// Judges a plan by the clusters that did not answer. Those that go with it are none of its business.
pub fn judge(plan: &Plan, recorded: &RecordedWorld, world: &World) -> Unasked {
    let mut unasked = Unasked::default();
    for (cluster, error) in &world.unreachable {
        let Some(address) = address_of(cluster, recorded) else { continue };
        let own = || plan.changes.iter().filter(|change| change.address.is_within(&address));
        let goes = |change: &Change| {
            change.action == Action::Delete && change.address == address.child("pki").child("cluster_ca")
        };
        if own().any(goes) {
            continue;
        }
        let name = cluster.name();
        let exists = |change: &&Change| {
            let id = change.previous_id.as_ref().or(change.id.as_ref());
            id.is_some_and(|id| world.objects.contains_key(id))
        };
        let machines: Vec<&Change> = own()
            .filter(|change| &*change.ty.name == MACHINE)
            .filter(|change| change.action == Action::Delete || change.action.is_replace())
            .filter(exists)
            .collect();
        if !machines.is_empty() {
            let message = format!(
                "{} of {address} would go while nobody knows how its nodes are: {name} does not answer",
                count(machines.len(), "machine")
            );
            let named: Vec<&str> =
                machines.iter().map(|change| change.address.as_str()).take(NAMED).collect();
            let more = match machines.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let problem = Diagnostic::error(CODE, message).about(address.clone());
            let pools = ["control_plane", "worker_pool"].map(|pool| address.child(pool));
            let has = |pool: &&Address| own().any(|change| change.address.is_within(pool));
            let nodes: Vec<String> =
                pools.iter().filter(has).map(|pool| format!("--exclude {pool}")).collect();
            unasked.problems.push(
                problem
                    .note(format!("{}{more}", named.join(", ")))
                    .note(error.message.clone())
                    .help(format!(
                        "a node that cannot be drained may be the last that has a workload, or a vote in etcd. Bring the \
                         cluster back first: `lazuli cluster repair` sets back what it has in Azure besides nodes, and says \
                         more. To plan everything else: {}. A cluster that is lost is taken down with `lazuli destroy \
                         --target {address}`",
                        nodes.join(" ")
                    )),
            );
            continue;
        }
        let steps = plan
            .steps
            .iter()
            .filter(|step| step.provider == ProviderName::Kubernetes && step.address.is_within(&address))
            .count();
        let message = format!("{address} does not answer: what is inside of it is planned as it is recorded");
        let help = match steps {
            0 => {
                "nothing in this plan is done inside of it; what changed there is seen when it answers again"
                    .to_owned()
            }
            _ => format!(
                "{} of this plan {} done inside of it and will fail if it does not answer by then",
                count(steps, "step"),
                if steps == 1 { "is" } else { "are" }
            ),
        };
        let warning = Diagnostic::warning(CODE, message).about(address.clone());
        unasked.warnings.push(warning.note(error.message.clone()).help(help));
    }
    unasked
}

/// The address of a cluster, by that of its authority.
fn address_of(cluster: &ClusterId, recorded: &RecordedWorld) -> Option<Address> {
    let mut keys = recorded.resources.values().filter(|r| r.provider == ProviderName::Tls);
    let own = keys.find(|key| ClusterId::of(&key.id).as_ref() == Some(cluster));
    own?.address.parent()?.parent()
}
