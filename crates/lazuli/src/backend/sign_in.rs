//! Who asks for the state: a credential that is made when the first token is needed, so that nothing is asked of a command
//! that never looks at the state.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use lazuli_azure::Account;
use lazuli_azure::account::{credential_of, sign_in};
use lazuli_simulator::{RunningSimulator, Simulator, SimulatorOptions};
use tokio::sync::OnceCell;

use crate::clouds;

/// Signs in when the first token is needed.
#[derive(Debug)]
pub(super) struct SignIn {
    way: Way,
    ready: OnceCell<(Arc<dyn TokenCredential>, Option<RunningSimulator>)>,
}

#[derive(Debug)]
pub(super) enum Way {
    /// As the account says.
    Account(Box<Account>),
    /// At a simulated Entra of its own: the simulated Azure of a run begins only when the state is locked.
    Simulated,
}

impl SignIn {
    pub(super) fn new(way: Way) -> Self {
        SignIn { way, ready: OnceCell::new() }
    }

    async fn make(&self) -> Result<(Arc<dyn TokenCredential>, Option<RunningSimulator>), String> {
        match &self.way {
            Way::Account(account) => Ok((credential_of(account).map_err(|error| error.to_string())?, None)),
            Way::Simulated => {
                let running = Simulator::start(SimulatorOptions::default());
                let running = running.await.map_err(|error| error.to_string())?;
                let account = clouds::account_of(&running).map_err(|error| error.to_string())?;
                Ok((credential_of(&account).map_err(|error| error.to_string())?, Some(running)))
            }
        }
    }
}

#[async_trait]
impl TokenCredential for SignIn {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let refuse = |text: String| azure_core::Error::with_message(ErrorKind::Credential, text);
        let (credential, _) = self.ready.get_or_try_init(|| self.make()).await.map_err(refuse)?;
        credential.get_token(scopes, options).await.map_err(|error| {
            let explained = sign_in::explain(&error.to_string());
            let advice = explained.advice.map(|advice| format!(" {advice}")).unwrap_or_default();
            refuse(format!("{}.{advice}", explained.message.trim_end_matches('.')))
        })
    }
}
