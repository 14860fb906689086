//! The `backend` block → where the state is kept. Its settings are checked without network; signing in comes later.

mod settings;
mod sign_in;

use std::path::PathBuf;
use std::sync::Arc;

use lazuli_azure::Trust;
use lazuli_azure::transport::{HostOverrides, SILENCE, Transport};
use lazuli_core::Diagnostic;
use lazuli_state::Backend;
use lazuli_state::blob::{LEASE, Place as BlobPlace};
use url::Url;

use self::sign_in::{SignIn, Way};
use crate::accounts::given::Access;
use crate::accounts::{DeclaredAccount, Environment, Place};
use crate::failure::Failure;
use crate::planning;
use crate::project::Project;

/// Where a configuration says that its state is kept.
#[derive(Debug)]
pub enum StatePlace {
    /// In a file.
    File(PathBuf),
    /// In Azure Blob.
    Blob(Box<BlobSettings>),
}

/// What a block `backend "azurerm"` says.
#[derive(Debug)]
pub struct BlobSettings {
    endpoint: Url,
    container: String,
    key: String,
    account: DeclaredAccount,
}

impl StatePlace {
    /// Reads the block, and the account it names among those that are declared.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn of(project: &Project) -> Result<StatePlace, Failure> {
        let Some(block) = &project.evaluator.module().settings.backend else {
            return Ok(StatePlace::File(PathBuf::from(planning::STATE)));
        };
        let found = match &*block.kind.text {
            "local" => settings::local(block),
            "azurerm" => settings::azurerm(block, &planning::accounts(project)?),
            other => {
                let message = format!("the backend `{other}` is not supported by this version of Lazuli");
                let label = "only \"local\" and \"azurerm\" are";
                Err(vec![Diagnostic::error("LZ0230", message).at(block.kind.span, label)])
            }
        };
        found.map_err(|problems| Failure::at(problems, &project.sources))
    }

    /// The folder of companions on this computer: simulated worlds, and of a state in a file its lock and journal.
    pub fn folder(&self) -> PathBuf {
        match self {
            StatePlace::File(path) => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.join(".lazuli"),
                _ => PathBuf::from(".lazuli"),
            },
            StatePlace::Blob(_) => PathBuf::from(".lazuli"),
        }
    }

    /// The backend. Nothing is sent yet.
    ///
    /// # Errors
    /// When the account lacks something that signing in takes.
    pub fn backend(&self, environment: Environment<'_>) -> Result<Backend, Failure> {
        match self {
            StatePlace::File(path) => Ok(Backend::local(path)),
            StatePlace::Blob(settings) => settings.backend(environment),
        }
    }
}

impl BlobSettings {
    fn backend(&self, environment: Environment<'_>) -> Result<Backend, Failure> {
        let name = &self.account.name;
        let unusable = |reason: String| {
            let message = format!("cloud account `{name}` cannot be used for the state: {reason}");
            Failure::of(Diagnostic::error("LZ0240", message))
        };
        let (way, trust) = match &self.account.place {
            Place::Simulated(_) => (Way::Simulated, Trust::System),
            Place::NotFound(problem) => return Err(Failure::of((**problem).clone())),
            Place::Azure(settings) => {
                let keys = planning::keys(environment);
                let access = Access { environment, keys: &keys };
                let account = settings.account(name, access).map_err(|problem| Failure::of(*problem))?;
                let trust = account.trust.clone();
                (Way::Account(Box::new(account)), trust)
            }
        };
        let direct = match self.endpoint.host() {
            Some(url::Host::Domain(domain)) => domain == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let http = Transport::new(&trust, HostOverrides::default(), direct, SILENCE)
            .map_err(|error| unusable(error.to_string()))?;
        let place = BlobPlace {
            endpoint: self.endpoint.clone(),
            container: self.container.clone(),
            key: self.key.clone(),
            credential: Arc::new(SignIn::new(way)),
            http: Arc::new(http),
            lease: LEASE,
        };
        Ok(Backend::azure_blob(place)?)
    }
}
