//! `cloud_account` blocks → where an account's Azure is and how to sign in there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lazuli_azure::account::UserAssigned;
use lazuli_azure::{Account, Cloud, Credential, Endpoints, Secret, Trust};
use lazuli_cluster::names;
use lazuli_config::schemas::CLOUD_ACCOUNT;
use lazuli_config::{Evaluator, NoExternals};
use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Diagnostics, Span};
use lazuli_simulator::Profile;

/// The tenant and subscription of a simulated Azure.
const SIMULATED_TENANT: &str = "11111111-1111-1111-1111-111111111111";
const SIMULATED_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// A declared account.
#[derive(Debug, Clone)]
pub struct DeclaredAccount {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Where it leads.
    pub place: Place,
    /// The block's header.
    pub span: Span,
}

/// Where an account leads.
#[derive(Debug, Clone)]
pub enum Place {
    /// The simulator inside the process.
    Simulated(Simulated),
    /// Azure; what is missing for signing in is said only when somebody wants to.
    Azure(Box<Settings>),
}

/// A `simulator` block.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// How slow and hostile it is.
    pub profile: Profile,
    /// What decides everything that looks random.
    pub seed: u64,
    /// Resource groups that exist before: name and location.
    pub groups: Vec<(String, String)>,
    /// A file with more that exists before.
    pub seed_world: Option<PathBuf>,
}

/// What a `cloud_account` block says of a real cloud.
#[derive(Debug, Clone)]
pub struct Settings {
    tenant_id: Option<String>,
    subscription_id: Option<String>,
    client_id: Option<String>,
    auth: String,
    cloud: Cloud,
    dns_suffix: &'static str,
    ca_file: Option<PathBuf>,
}

/// The environment variables that accounts read.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl DeclaredAccount {
    /// What names of resources hang on. Without a subscription id (validating needs none) a zero one stands in.
    pub fn naming(&self, environment: Environment<'_>) -> names::Account {
        match &self.place {
            Place::Simulated(_) => names::Account {
                subscription_id: SIMULATED_SUBSCRIPTION.into(),
                tenant_id: SIMULATED_TENANT.into(),
                dns_suffix: "cloudapp.azure.com".into(),
            },
            Place::Azure(settings) => names::Account {
                subscription_id: settings
                    .subscription(environment)
                    .unwrap_or_else(|| SIMULATED_SUBSCRIPTION.into()),
                tenant_id: settings.tenant(environment).unwrap_or_default(),
                dns_suffix: settings.dns_suffix.into(),
            },
        }
    }
}

impl Settings {
    fn subscription(&self, environment: Environment<'_>) -> Option<String> {
        self.subscription_id.clone().or_else(|| environment("AZURE_SUBSCRIPTION_ID"))
    }

    fn tenant(&self, environment: Environment<'_>) -> Option<String> {
        self.tenant_id.clone().or_else(|| environment("AZURE_TENANT_ID"))
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

    /// What the provider needs to sign in.
    ///
    /// # Errors
    /// What is missing, and where it can be given.
    pub fn account(&self, name: &str, environment: Environment<'_>) -> Result<Account, Box<Diagnostic>> {
        let missing = |what: &str, variable: &str| {
            Box::new(
                Diagnostic::error("LZ0240", format!("cloud account `{name}` has no {what}"))
                    .help(format!("set {what} in the block, or {variable} in the environment")),
            )
        };
        let client_id = || self.client_id.clone().or_else(|| environment("AZURE_CLIENT_ID"));
        let credential = match self.auth.as_str() {
            "client_secret" => Credential::ClientSecret {
                client_id: client_id().ok_or_else(|| missing("client_id", "AZURE_CLIENT_ID"))?,
                secret: environment("AZURE_CLIENT_SECRET").map(Secret::new).ok_or_else(|| {
                    Box::new(
                        Diagnostic::error("LZ0240", format!("cloud account `{name}` has no client secret"))
                            .help("set AZURE_CLIENT_SECRET in the environment: secrets are never written in configuration"),
                    )
                })?,
            },
            "workload_identity" => Credential::WorkloadIdentity {
                client_id: client_id(),
                token_file: environment("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from),
            },
            "managed_identity" => Credential::ManagedIdentity(client_id().map(UserAssigned::ClientId)),
            "azure_cli" => Credential::AzureCli,
            _ => Credential::DeveloperTools,
        };
        let trust = match &self.ca_file {
            Some(path) => Trust::SystemAnd(std::fs::read(path).map_err(|error| {
                Box::new(Diagnostic::error(
                    "LZ0240",
                    format!(
                        "the ca_file {} of cloud account `{name}` cannot be read: {error}",
                        path.display()
                    ),
                ))
            })?),
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
}

/// Decodes every `cloud_account` block.
///
/// # Errors
/// Everything that is wrong with them.
pub fn declared(evaluator: &Evaluator) -> Result<BTreeMap<Arc<str>, DeclaredAccount>, Diagnostics> {
    let mut accounts = BTreeMap::new();
    let mut problems = Diagnostics::new();
    for declaration in evaluator.module().cloud_accounts.iter() {
        let block = match evaluator.block(&declaration.block, &CLOUD_ACCOUNT, &NoExternals, None) {
            Ok(block) => block,
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        match place(&block) {
            Ok(place) => {
                let name = declaration.name.text.clone();
                accounts.insert(name.clone(), DeclaredAccount { name, place, span: block.span });
            }
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() { Ok(accounts) } else { Err(problems) }
}

fn text(block: &Block, name: &str) -> Option<String> {
    block.value(name).and_then(|v| v.as_str()).map(str::to_owned)
}

fn place(block: &Block) -> Result<Place, Box<Diagnostic>> {
    if let Some(simulator) = block.block("simulator") {
        if let Some(other) = block.attributes.first() {
            return Err(Box::new(
                Diagnostic::error("LZ0241", "a simulated account has nothing but its `simulator` block")
                    .at(other.name_span, "belongs to a real account"),
            ));
        }
        return simulated(simulator).map(Place::Simulated);
    }
    if let Some(registered) = block.attribute("registered") {
        return Err(Box::new(
            Diagnostic::error("LZ0230", "registered accounts are not supported by this version of Lazuli")
                .at(registered.span, "cannot be looked up")
                .help("give tenant_id, subscription_id and auth instead"),
        ));
    }
    let auth = choice(
        block,
        "auth",
        &["client_secret", "workload_identity", "managed_identity", "azure_cli", "developer_tools"],
        "azure_cli",
    )?;
    let environment = choice(block, "environment", &["public", "usgovernment", "china", "custom"], "public")?;
    let (cloud, dns_suffix, ca_file) = match environment {
        "usgovernment" => (Cloud::UsGovernment, "cloudapp.usgovcloudapi.net", None),
        "china" => (Cloud::China, "cloudapp.chinacloudapi.cn", None),
        "custom" => {
            let Some(custom) = block.block("custom") else {
                return Err(Box::new(
                    Diagnostic::error("LZ0241", "`environment = \"custom\"` needs a `custom` block")
                        .at(block.span_of("environment"), "which one?"),
                ));
            };
            let endpoints = Endpoints {
                authority: url(custom, "authority")?,
                resource_manager: url(custom, "resource_manager")?,
                audience: text(custom, "audience").unwrap_or_default(),
            };
            (Cloud::Custom(endpoints), "cloudapp.azure.com", text(custom, "ca_file").map(PathBuf::from))
        }
        _ => (Cloud::Public, "cloudapp.azure.com", None),
    };
    Ok(Place::Azure(Box::new(Settings {
        tenant_id: text(block, "tenant_id"),
        subscription_id: text(block, "subscription_id"),
        client_id: text(block, "client_id"),
        auth: auth.to_owned(),
        cloud,
        dns_suffix,
        ca_file,
    })))
}

fn choice(
    block: &Block,
    name: &str,
    words: &[&'static str],
    default: &'static str,
) -> Result<&'static str, Box<Diagnostic>> {
    let Some(given) = text(block, name) else { return Ok(default) };
    if let Some(word) = words.iter().find(|word| **word == given) {
        return Ok(word);
    }
    let label = lazuli_core::suggestion::closest(&given, words.iter().copied());
    let label =
        label.map_or_else(|| "not one of them".to_owned(), |word| format!("did you mean \"{word}\"?"));
    Err(Box::new(
        Diagnostic::error("LZ0241", format!("`{name}` must be one of {}", words.join(", ")))
            .at(block.span_of(name), label),
    ))
}

fn url(block: &Block, name: &str) -> Result<url::Url, Box<Diagnostic>> {
    let given = text(block, name).unwrap_or_default();
    match url::Url::parse(&given) {
        Ok(url) if url.scheme() == "https" => Ok(url),
        _ => Err(Box::new(
            Diagnostic::error("LZ0241", format!("`{name}` must be an https address"))
                .at(block.span_of(name), "not one"),
        )),
    }
}

fn simulated(block: &Block) -> Result<Simulated, Box<Diagnostic>> {
    let profile = match choice(block, "profile", &["instant", "fast", "realistic", "hostile"], "fast")? {
        "instant" => Profile::Instant,
        "realistic" => Profile::Realistic,
        "hostile" => Profile::Hostile,
        _ => Profile::Fast,
    };
    let seed =
        block.value("seed").and_then(|v| v.as_i64()).and_then(|seed| u64::try_from(seed).ok()).unwrap_or(1);
    let groups = block
        .blocks_named("resource_group")
        .map(|group| (group.label().to_owned(), text(group, "location").unwrap_or_default()));
    Ok(Simulated {
        profile,
        seed,
        groups: groups.collect(),
        seed_world: text(block, "seed_world").map(PathBuf::from),
    })
}
