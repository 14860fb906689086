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
    /// The machines of the control plane that the state knows, in the order of their slots; last those that are leaving.
    async fn machines(&self, cluster: &ClusterId) -> Vec<ResourceId> {
        let known = self.known();
        let mut machines = known.control_planes.get(cluster).cloned().unwrap_or_default();
        machines.sort_by_key(|machine| known.leaving.contains(machine));
        machines
    }

    async fn run(&self, machine: &ResourceId, script: &str) -> Result<String, RunCommandError> {
        let Some((azure, _)) = self.of(machine) else {
            let message = format!("no open account leads to the subscription of {}", machine.name());
            return Err(RunCommandError::NotRun(message));
        };
        let turn = self.known().turns.entry(machine.clone()).or_default().clone();
        let _turn = turn.lock().await;
        match azure.run_command(machine, script).await {
            Ok(output) => Ok(output.stdout),
            Err(error) if error.outcome == Outcome::Nothing => {
                Err(RunCommandError::NotRun(error.to_string()))
            }
            Err(error) => Err(RunCommandError::Unknown(error.to_string())),
        }
    }
}
