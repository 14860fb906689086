//! What can be asked of a virtual machine beside its resource: its serial console, and to run a script.
//!
//! Sources: "Virtual Machines - Retrieve Boot Diagnostics Data" and "Virtual Machines - Run Command" of Azure's REST API.

use azure_core::http::{Method, Request};
use lazuli_core::Json;
use lazuli_core::journal::JournalError;
use lazuli_core::plan::Operation;
use lazuli_core::provider::{Outcome, Provider, ProviderError, Put, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};
use serde_json::json;
use url::Url;

use crate::arm::operation::{self, Pace, Wait};
use crate::arm::{Call, Purpose, Silent};
use crate::kinds;
use crate::provider::AzureProvider;

/// The API version of both.
const VERSION: &str = "2025-04-01";
/// The pools of an interface.
const POOLS: &str = "loadBalancerBackendAddressPools";
/// How many bytes of a console are looked at: the end of it is what people need.
const TAIL: usize = 64 * 1024;

impl AzureProvider {
    /// The end of what a machine wrote to its serial console, at most 64 KiB; `None` when Azure keeps none of it.
    ///
    /// # Errors
    /// When Azure cannot be asked, or the text cannot be fetched from where Azure says it is.
    pub async fn console(&self, vm: &ResourceId) -> Result<Option<String>, ProviderError> {
        let path = format!("{}/retrieveBootDiagnosticsData", vm.as_str());
        let url = self.arm.url(&path, VERSION, &[]);
        let call = Call { method: Method::Post, url, body: None, if_match: None, purpose: Purpose::Read };
        let answer = self.arm.call(call, &Silent).await?.body;
        let Some(log) = answer["serialConsoleLogBlobUri"].as_str() else { return Ok(None) };
        let unusable = |what: String| ProviderError::own("ConsoleUnreadable", what, Outcome::Nothing);
        let url =
            Url::parse(log).map_err(|error| unusable(format!("the console's address is none: {error}")))?;
        // The address carries its own permission: no token of ours goes there.
        let request = Request::new(url, Method::Get);
        let response = self.http.execute_request(&request).await;
        let response = response.map_err(|error| unusable(error.to_string()))?;
        let status = u16::from(response.status());
        let bytes = response.into_body().collect().await.map_err(|error| unusable(error.to_string()))?;
        match status {
            200 => {
                let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
                Ok(Some(String::from_utf8_lossy(tail).into_owned()))
            }
            404 => Ok(None),
            _ => Err(unusable(format!("fetching the console was answered with status {status}"))),
        }
    }

    /// Takes a machine's interfaces out of the backend pools of load balancers; whether any was in one. A machine that does
    /// not exist is in none.
    ///
    /// # Errors
    /// When Azure cannot be asked, or refuses.
    pub async fn leave_backend_pools(&self, vm: &ResourceId) -> Result<bool, ProviderError> {
        let machines = spoken("Microsoft.Compute/virtualMachines");
        let interfaces = spoken("Microsoft.Network/networkInterfaces");
        let Some(machine) = self.read(&machines, vm).await? else { return Ok(false) };
        let mut was_in_one = false;
        let attached = machine.pointer("/properties/networkProfile/networkInterfaces");
        for id in attached.and_then(Json::as_array).into_iter().flatten().filter_map(|nic| nic["id"].as_str())
        {
            let id = ResourceId::new(id);
            let Some(before) = self.read(&interfaces, &id).await? else { continue };
            // Only what is ours to say: the pools that each of its configurations is no longer in.
            let (mut with, mut without) = (Vec::new(), Vec::new());
            let configurations = before.pointer("/properties/ipConfigurations").and_then(Json::as_array);
            for configuration in configurations.into_iter().flatten() {
                let (name, pools) = (&configuration["name"], &configuration["properties"][POOLS]);
                if pools.as_array().is_some_and(|pools| !pools.is_empty()) {
                    with.push(json!({ "name": name, "properties": { POOLS: pools } }));
                    without.push(json!({ "name": name, "properties": {} }));
                }
            }
            if !with.is_empty() {
                let body = json!({ "properties": { "ipConfigurations": without } });
                let previous = json!({ "properties": { "ipConfigurations": with } });
                let (operation, previous) = (Operation::Update, Some(&previous));
                let put = Put { operation, ty: &interfaces, id: &id, body: &body, previous };
                self.put(put, &Unheard).await?;
                was_in_one = true;
            }
        }
        Ok(was_in_one)
    }

    /// Runs a shell script as root on a machine and returns what it wrote, of which Azure keeps the last 4,096 bytes.
    ///
    /// # Errors
    /// When Azure refuses, or the machine's agent does not answer.
    pub async fn run_command(&self, vm: &ResourceId, script: &str) -> Result<RunOutput, ProviderError> {
        let url = self.arm.url(&format!("{}/runCommand", vm.as_str()), VERSION, &[]);
        let lines: Vec<&str> = script.lines().collect();
        let body = json!({ "commandId": "RunShellScript", "script": lines });
        let call =
            Call { method: Method::Post, url, body: Some(&body), if_match: None, purpose: Purpose::Write };
        let accepted = self.arm.call(call, &Silent).await?;
        let answer = match operation::address(&accepted) {
            None => accepted.body,
            Some(address) => {
                let url = self.arm.trusted(address)?;
                let pace = Pace::of_address(&url);
                self.arm.poll(url, Wait::NONE, pace, None, &Unheard).await??
            }
        };
        Ok(RunOutput::of(&answer))
    }
}

/// A type in the version that is spoken.
fn spoken(name: &str) -> ResourceType {
    ResourceType::new(name, kinds::api_version(name).unwrap_or(VERSION))
}

/// What a script wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOutput {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl RunOutput {
    /// Azure puts both into one message: `Enable succeeded: \n[stdout]\n…\n[stderr]\n…`.
    fn of(answer: &Json) -> RunOutput {
        let value = answer.get("value").or_else(|| answer.pointer("/properties/output/value"));
        let messages = value.and_then(Json::as_array).into_iter().flatten();
        let message: String = messages.filter_map(|one| one["message"].as_str()).collect();
        let after = |mark: &str| message.split_once(mark).map_or("", |(_, rest)| rest);
        let stdout = after("[stdout]\n").split("\n[stderr]").next().unwrap_or("");
        RunOutput { stdout: stdout.to_owned(), stderr: after("[stderr]\n").to_owned() }
    }
}

/// Nobody hears how it goes: it ends in seconds.
struct Unheard;

#[async_trait::async_trait]
impl Watch for Unheard {
    async fn accepted(&self, _: &str) -> Result<(), JournalError> {
        Ok(())
    }

    fn progress(&self, _: &str) {}
}

#[cfg(test)]
mod tests {
    use super::RunOutput;
    use serde_json::json;

    #[test]
    fn what_a_script_wrote_is_between_the_marks() {
        let message = "Enable succeeded: \n[stdout]\nok\ntwo\n\n[stderr]\nwarned\n";
        let output = RunOutput::of(&json!({"value": [{"message": message}]}));
        assert_eq!(output, RunOutput { stdout: "ok\ntwo\n".into(), stderr: "warned\n".into() });
        assert_eq!(RunOutput::of(&json!({})), RunOutput::default());
    }
}
