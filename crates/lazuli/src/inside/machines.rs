//! What is asked of a cluster's machines through Azure.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lazuli_azure::AzureProvider;
use lazuli_core::provider::Outcome;
use lazuli_core::resource::ResourceId;
use lazuli_kubernetes::api::{BootLog, LoadBalancer, RunCommand, RunCommandError};
use lazuli_kubernetes::keyring::ClusterId;

/// How long connections may still come after an interface has left a pool: Azure says that it is done a little before all
/// of its load balancing knows.
const SETTLE: Duration = Duration::from_secs(30);

/// How long a script may take. Those that are sent here are given up by what they run after 80 s; Azure itself gives a
/// machine whose agent is silent an hour and a half.
const DEADLINE: Duration = Duration::from_secs(3 * 60);

/// The same for simulated machines, where time goes by quickly, or nobody here knows how.
const SHORTEST_DEADLINE: Duration = Duration::from_secs(60);

/// The machines of the subscriptions that are open.
#[derive(Clone, Default)]
pub(super) struct Machines(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// With how much of its real time each takes: simulated ones are faster.
    open: Vec<(AzureProvider, f64)>,
    /// The machines of control planes, in the order of their slots.
    control_planes: HashMap<ClusterId, Vec<ResourceId>>,
    /// Those of them that are about to go: without etcd their API servers do not answer any more.
    leaving: HashSet<ResourceId>,
    /// Those of them that did not do what they were asked, the last one last.
    failed: Vec<ResourceId>,
    /// How many scripts nobody has heard of again in time.
    silences: HashMap<ResourceId, u32>,
    /// Azure runs one script at a time on a machine.
    turns: HashMap<ResourceId, Arc<tokio::sync::Mutex<()>>>,
}

impl Machines {
    pub(super) fn add(&self, azure: &AzureProvider, time_factor: f64) {
        self.known().open.push((azure.clone(), time_factor));
    }

    /// A machine of a cluster's control plane.
    pub(super) fn has_control_plane(&self, cluster: ClusterId, vm: ResourceId) {
        let mut known = self.known();
        let machines = known.control_planes.entry(cluster).or_default();
        if !machines.contains(&vm) {
            machines.push(vm);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who can be asked about a machine.
    fn of(&self, vm: &ResourceId) -> Option<(AzureProvider, f64)> {
        let subscription = vm.segment("subscriptions")?;
        let known = self.known();
        known
            .open
            .iter()
            .find(|(azure, _)| azure.subscription_id().eq_ignore_ascii_case(subscription))
            .cloned()
    }
}

#[async_trait::async_trait]
impl BootLog for Machines {
    async fn read(&self, vm: &ResourceId) -> Option<String> {
        let console = self.of(vm)?.0.console(vm).await.ok()??;
        if console.trim().is_empty() { None } else { Some(console) }
    }
}

#[async_trait::async_trait]
impl LoadBalancer for Machines {
    async fn take_out(&self, cluster: &ClusterId, node: &str) -> Result<(), String> {
        let machines = self.machines(cluster).await;
        let Some(vm) = machines.iter().find(|vm| vm.name() == node) else { return Ok(()) };
        self.known().leaving.insert(vm.clone());
        let Some((azure, time_factor)) = self.of(vm) else { return Ok(()) };
        if azure.leave_backend_pools(vm).await.map_err(|error| error.to_string())? {
            tokio::time::sleep(SETTLE.mul_f64(time_factor)).await;
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl RunCommand for Machines {
    /// The machines of the control plane that the state knows, in the order of their slots; then those that are leaving,
    /// and last those that have failed.
    async fn machines(&self, cluster: &ClusterId) -> Vec<ResourceId> {
        let known = self.known();
        let mut machines = known.control_planes.get(cluster).cloned().unwrap_or_default();
        machines.sort_by_key(|machine| {
            let failed = known.failed.iter().position(|failed| failed == machine);
            (failed.map_or(0, |failed| failed + 1), known.leaving.contains(machine))
        });
        machines
    }

    fn put_last(&self, machine: &ResourceId) {
        let mut known = self.known();
        known.failed.retain(|failed| failed != machine);
        known.failed.push(machine.clone());
    }

    async fn run(&self, machine: &ResourceId, script: &str) -> Result<String, RunCommandError> {
        let Some((azure, time_factor)) = self.of(machine) else {
            let message = format!("no open account leads to the subscription of {}", machine.name());
            return Err(RunCommandError::NotRun(message));
        };
        let deadline = DEADLINE.mul_f64(time_factor).max(SHORTEST_DEADLINE);
        let silences = || self.known().silences.get(machine).copied().unwrap_or_default();
        let turn = self.known().turns.entry(machine.clone()).or_default().clone();
        let before = silences();
        let _turn = turn.lock().await;
        let silent = || {
            let (name, seconds) = (machine.name(), deadline.as_secs());
            format!(
                "the agent of the machine {name} does not answer: nothing was heard of a script for {seconds} s"
            )
        };
        // Who waited behind the one that found this out need not find it out again.
        if silences() != before {
            return Err(RunCommandError::NotRun(silent()));
        }
        match tokio::time::timeout(deadline, azure.run_command(machine, script)).await {
            Ok(Ok(output)) => Ok(output.stdout),
            Ok(Err(error)) if error.outcome == Outcome::Nothing => {
                Err(RunCommandError::NotRun(error.to_string()))
            }
            Ok(Err(error)) => Err(RunCommandError::Unknown(error.to_string())),
            Err(_) => {
                *self.known().silences.entry(machine.clone()).or_default() += 1;
                Err(RunCommandError::Unknown(silent()))
            }
        }
    }
}
