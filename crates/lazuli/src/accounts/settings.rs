//! What is known of an account → what the provider needs to sign in.

use std::path::{Path, PathBuf};

use lazuli_azure::account::UserAssigned;
use lazuli_azure::{Account, Cloud, Credential, Trust};
use lazuli_core::Diagnostic;

use super::Environment;
use super::given::{Access, Given};
use crate::clouds::loopback;

/// How an account signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// An application with a secret.
    ClientSecret,
    /// An application with a certificate.
    ClientCertificate,
    /// An application that trusts somebody else's token.
    WorkloadIdentity,
    /// The identity of the machine.
    ManagedIdentity,
    /// Who is signed in to the Azure CLI.
    AzureCli,
    /// The Azure CLI, else the Azure Developer CLI.
    DeveloperTools,
}

impl Auth {
    /// The words for them.
    pub const WORDS: [&str; 6] = [
        "client_secret",
        "client_certificate",
        "workload_identity",
        "managed_identity",
        "azure_cli",
        "developer_tools",
    ];

    /// What a word means; the Azure CLI when it is none of them.
    pub fn of(word: &str) -> Auth {
        match word {
            "client_secret" => Auth::ClientSecret,
            "client_certificate" => Auth::ClientCertificate,
            "workload_identity" => Auth::WorkloadIdentity,
            "managed_identity" => Auth::ManagedIdentity,
            "developer_tools" => Auth::DeveloperTools,
            _ => Auth::AzureCli,
        }
    }
}

/// The clouds by the words for them.
pub const ENVIRONMENTS: [&str; 4] = ["public", "usgovernment", "china", "custom"];

/// What is known of an account in a real cloud. What is missing is said only when somebody wants to sign in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Entra tenant.
    pub tenant_id: Option<String>,
    /// The subscription.
    pub subscription_id: Option<String>,
    /// The application.
    pub client_id: Option<String>,
    /// How to sign in.
    pub auth: Auth,
    /// Which Azure.
    pub cloud: Cloud,
    /// More certificate authorities to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// The client secret; of a client certificate its private key, and the certificate too unless that is apart.
    pub secret: Option<Given>,
    /// The client certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// The token of a workload identity.
    pub token_file: Option<PathBuf>,
    /// Which managed identity, when not by client id.
    pub identity: Option<UserAssigned>,
    /// The name in the registry, of an account that comes from there. The `AZURE_*` variables fill in what a block leaves
    /// out; a registered account is the same wherever it is used.
    pub registered: Option<String>,
}

impl Settings {
    /// The part of a public host name that the cloud gives; empty in a custom cloud, but where it is the simulated one.
    pub fn dns_suffix(&self) -> &'static str {
        match self.cloud {
            Cloud::UsGovernment => "cloudapp.usgovcloudapi.net",
            Cloud::China => "cloudapp.chinacloudapi.cn",
            Cloud::Custom(_) if loopback(&self.cloud).is_none() => "",
            Cloud::Public | Cloud::Custom(_) => "cloudapp.azure.com",
        }
    }

    /// Below which domain the blob services of storage accounts are; `None` in a custom cloud.
    pub fn blob_domain(&self) -> Option<&'static str> {
        match self.cloud {
            Cloud::Public => Some("blob.core.windows.net"),
            Cloud::UsGovernment => Some("blob.core.usgovcloudapi.net"),
            Cloud::China => Some("blob.core.chinacloudapi.cn"),
            Cloud::Custom(_) => None,
        }
    }

    /// The subscription.
    pub fn subscription(&self, environment: Environment<'_>) -> Option<String> {
        self.or_environment(&self.subscription_id, "AZURE_SUBSCRIPTION_ID", environment)
    }

    /// The tenant.
    pub fn tenant(&self, environment: Environment<'_>) -> Option<String> {
        self.or_environment(&self.tenant_id, "AZURE_TENANT_ID", environment)
    }

    fn client(&self, environment: Environment<'_>) -> Option<String> {
        self.or_environment(&self.client_id, "AZURE_CLIENT_ID", environment)
    }

    fn or_environment(
        &self,
        own: &Option<String>,
        variable: &str,
        environment: Environment<'_>,
    ) -> Option<String> {
        own.clone().or_else(|| environment(variable).filter(|_| self.registered.is_none()))
    }

    /// What the provider needs to sign in.
    ///
    /// # Errors
    /// What is missing, and where it can be given.
    pub fn account(&self, name: &str, access: Access<'_>) -> Result<Account, Box<Diagnostic>> {
        let environment = access.environment;
        let name = self.registered.as_deref().unwrap_or(name);
        let missing = |what: &str, variable: &str| {
            let problem = Diagnostic::error("LZ0240", format!("cloud account `{name}` has no {what}"));
            Box::new(match self.registered {
                None => problem.help(format!("set {what} in the block, or {variable} in the environment")),
                Some(_) => problem.help(format!("give it: lazuli account edit {name}")),
            })
        };
        let client_id = || self.client(environment).ok_or_else(|| missing("client_id", "AZURE_CLIENT_ID"));
        let credential = match self.auth {
            Auth::ClientSecret => Credential::ClientSecret {
                client_id: client_id()?,
                secret: {
                    let secret = self.secret(name, "client secret", access)?;
                    // What password stores print after the first line is a remark.
                    lazuli_azure::Secret::new(secret.reveal().lines().next().unwrap_or_default().trim_end())
                },
            },
            Auth::ClientCertificate => Credential::ClientCertificate {
                client_id: client_id()?,
                pem: self.secret(name, "client certificate", access)?,
                certificate: self
                    .certificate
                    .as_deref()
                    .map(|path| read(path, "certificate", name))
                    .transpose()?,
            },
            Auth::WorkloadIdentity => Credential::WorkloadIdentity {
                client_id: self.client(environment),
                token_file: self
                    .token_file
                    .clone()
                    .or_else(|| environment("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from)),
            },
            Auth::ManagedIdentity => Credential::ManagedIdentity(
                self.identity.clone().or_else(|| self.client(environment).map(UserAssigned::ClientId)),
            ),
            Auth::AzureCli => Credential::AzureCli,
            Auth::DeveloperTools => Credential::DeveloperTools,
        };
        let trust = match &self.ca_file {
            Some(path) => Trust::SystemAnd(read(path, "ca_file", name)?),
            None => Trust::System,
        };
        Ok(Account {
            subscription_id: self
                .subscription(environment)
                .ok_or_else(|| missing("subscription_id", "AZURE_SUBSCRIPTION_ID"))?,
            tenant_id: self.tenant(environment),
            cloud: self.cloud.clone(),
            credential,
            trust,
        })
    }

    fn secret(
        &self,
        name: &str,
        what: &str,
        access: Access<'_>,
    ) -> Result<lazuli_azure::Secret, Box<Diagnostic>> {
        let nothing = || "none is given".to_owned();
        let got = self.secret.as_ref().ok_or_else(nothing).and_then(|given| given.get(name, access));
        got.map_err(|why| {
            let problem = Diagnostic::error("LZ0240", format!("the {what} of cloud account `{name}` is not to be had: {why}"));
            Box::new(match (&self.secret, &self.registered) {
                (Some(Given::Environment(variable)), None) => problem.help(format!(
                    "set {variable} in the environment, or register the account (`lazuli account add`): secrets are never written in configuration"
                )),
                (None, None) => problem.help(
                    "set AZURE_CLIENT_CERTIFICATE_PATH in the environment to a PEM file with certificate and private key, or register the account (`lazuli account add`)",
                ),
                _ => problem.help(format!("`lazuli account show {name}` says by which way it is given, `lazuli account edit {name}` gives it anew")),
            })
        })
    }
}

fn read(path: &Path, what: &str, account: &str) -> Result<Vec<u8>, Box<Diagnostic>> {
    std::fs::read(path).map_err(|error| {
        let path = path.display();
        Box::new(Diagnostic::error(
            "LZ0240",
            format!("the {what} {path} of cloud account `{account}` cannot be read: {error}"),
        ))
    })
}
