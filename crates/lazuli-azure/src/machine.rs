//! What can be asked of a virtual machine beside its resource: its serial console, and to run a script.
//!
//! Sources: "Virtual Machines - Retrieve Boot Diagnostics Data" and "Virtual Machines - Run Command" of Azure's REST API.

use azure_core::http::{Method, Request};
use lazuli_core::Json;
use lazuli_core::journal::JournalError;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use lazuli_core::resource::ResourceId;
use serde_json::json;
use url::Url;

use crate::arm::operation::{self, Pace, Wait};
use crate::arm::{Call, Purpose, Silent};
use crate::provider::AzureProvider;

/// The API version of both.
const VERSION: &str = "2025-04-01";
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

/// Nobody hears how a script goes: it ends in seconds.
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
