//! Cloud accounts: a subscription, the cloud it is in, and how to sign in there.
//!
//! Where accounts are configured and how their secrets are stored is not decided here.

mod bearer;
mod certificate;
mod cloud;
mod credential;
mod der;
mod principal;
mod secret;
pub mod sign_in;

pub use certificate::{CertificateError, SigningCertificate};
pub use cloud::{Cloud, Endpoints};
pub use credential::{Credential, CredentialError, UserAssigned};
pub use principal::Principal;
pub use secret::Secret;

pub(crate) use bearer::Bearer;
pub(crate) use credential::token_credential;

use std::sync::Arc;

use azure_core::credentials::TokenCredential;

use crate::arm;
use crate::provider::SetupError;
use crate::transport::{HostOverrides, SILENCE, Transport};

/// What mints an account's tokens, for services other than Azure Resource Manager too. Nothing is sent yet.
///
/// # Errors
/// When the account's credential or certificate authority cannot be used.
pub fn credential_of(account: &Account) -> Result<Arc<dyn TokenCredential>, SetupError> {
    let direct = account.cloud.endpoints().authority.host_str().is_some_and(arm::is_loopback);
    let transport = Transport::new(&account.trust, HostOverrides::default(), direct, SILENCE)?;
    Ok(token_credential(account, &(Arc::new(transport) as _))?)
}

/// A cloud account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The subscription, a GUID.
    pub subscription_id: String,
    /// The Entra tenant, a GUID or a domain; needed by credentials of applications.
    pub tenant_id: Option<String>,
    /// The cloud.
    pub cloud: Cloud,
    /// How to sign in.
    pub credential: Credential,
    /// Which certificates the servers may show.
    pub trust: Trust,
}

/// Which certificate authorities vouch for the servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those of the operating system.
    #[default]
    System,
    /// Those of the operating system and these (PEM).
    SystemAnd(Vec<u8>),
    /// These (PEM) and no others.
    Only(Vec<u8>),
}
