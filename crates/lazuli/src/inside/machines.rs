//! What is asked of a cluster's machines through Azure.

use std::sync::{Arc, Mutex, PoisonError};

use lazuli_azure::AzureProvider;
use lazuli_core::provider::{Outcome, ProviderError};
use lazuli_core::resource::ResourceId;
use lazuli_kubernetes::api::{BootLog, RunCommand};

/// How many lines of a console people are shown.
const LINES: usize = 30;

/// The machines of the subscriptions that are open.
#[derive(Clone, Default)]
pub(super) struct Machines(Arc<Mutex<Vec<AzureProvider>>>);

impl Machines {
    pub(super) fn add(&self, azure: &AzureProvider) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(azure.clone());
    }

    /// Who can be asked about a machine.
    fn of(&self, vm: &ResourceId) -> Option<AzureProvider> {
        let subscription = vm.segment("subscriptions")?;
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().find(|azure| azure.subscription_id().eq_ignore_ascii_case(subscription)).cloned()
    }
}

#[async_trait::async_trait]
impl BootLog for Machines {
    async fn end_of(&self, vm: &ResourceId) -> Option<String> {
        let console = self.of(vm)?.console(vm).await.ok()??;
        let lines: Vec<&str> = console.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let end = &lines[lines.len().saturating_sub(LINES)..];
        if end.is_empty() { None } else { Some(end.join("\n")) }
    }
}

#[async_trait::async_trait]
impl RunCommand for Machines {
    async fn run(&self, vm: &ResourceId, script: &str) -> Result<String, ProviderError> {
        let Some(azure) = self.of(vm) else {
            let message = format!("no open account leads to the subscription of {}", vm.name());
            return Err(ProviderError::own("NoAccount", message, Outcome::Nothing));
        };
        Ok(azure.run_command(vm, script).await?.stdout)
    }
}
