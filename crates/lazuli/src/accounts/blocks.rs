//! `cloud_account` blocks of a configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lazuli_azure::{Cloud, Endpoints};
use lazuli_cluster::names;
use lazuli_config::schemas::CLOUD_ACCOUNT;
use lazuli_config::{Evaluator, NoExternals};
use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Diagnostics};
use lazuli_simulator::Profile;

use super::Environment;
use super::given::Given;
use super::registry::{self, Registry};
use super::settings::{Auth, ENVIRONMENTS, Settings};

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
}

/// Where an account leads.
#[derive(Debug, Clone)]
pub enum Place {
    /// The simulator inside the process.
    Simulated(Simulated),
    /// Azure; what is missing for signing in is said only when somebody wants to.
    Azure(Box<Settings>),
    /// A registered account that is not to be found here. Only who wants to sign in needs it: a configuration is valid
    /// on a computer where nobody has registered anything.
    NotFound(Box<Diagnostic>),
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

impl DeclaredAccount {
    /// Says that it is a registered account which is not to be found here.
    pub fn missing(&self) -> Option<&Diagnostic> {
        match &self.place {
            Place::NotFound(problem) => Some(problem),
            Place::Simulated(_) | Place::Azure(_) => None,
        }
    }

    /// What names of resources hang on. Without a subscription id (validating needs none) a zero one stands in.
    pub fn naming(&self, environment: Environment<'_>) -> names::Account {
        match &self.place {
            Place::Simulated(_) | Place::NotFound(_) => names::Account {
                subscription_id: SIMULATED_SUBSCRIPTION.into(),
                tenant_id: SIMULATED_TENANT.into(),
                dns_suffix: "cloudapp.azure.com".into(),
            },
            Place::Azure(settings) => names::Account {
                subscription_id: settings
                    .subscription(environment)
                    .unwrap_or_else(|| SIMULATED_SUBSCRIPTION.into()),
                tenant_id: settings.tenant(environment).unwrap_or_default(),
                dns_suffix: settings.dns_suffix().into(),
            },
        }
    }
}

/// Decodes every `cloud_account` block; registered accounts are looked up.
///
/// # Errors
/// Everything that is wrong with them.
pub fn declared(
    evaluator: &Evaluator,
    environment: Environment<'_>,
) -> Result<BTreeMap<Arc<str>, DeclaredAccount>, Diagnostics> {
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
        match place(&block, environment) {
            Ok(place) => {
                let name = declaration.name.text.clone();
                accounts.insert(name.clone(), DeclaredAccount { name, place });
            }
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() { Ok(accounts) } else { Err(problems) }
}

fn text(block: &Block, name: &str) -> Option<String> {
    block.value(name).and_then(|v| v.as_str()).map(str::to_owned)
}

fn place(block: &Block, environment: Environment<'_>) -> Result<Place, Box<Diagnostic>> {
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
        let other = block.attributes.iter().find(|attribute| &*attribute.name != "registered");
        let span =
            other.map(|other| other.name_span).or_else(|| block.block("custom").map(|custom| custom.span));
        if let Some(span) = span {
            return Err(Box::new(
                Diagnostic::error("LZ0241", "a registered account has nothing but its `registered`")
                    .at(span, "is said by the registry")
                    .help("change it there: lazuli account edit NAME"),
            ));
        }
        let name = text(block, "registered").unwrap_or_default();
        return Ok(found(&name, environment).map_or_else(
            |problem| Place::NotFound(Box::new(problem.at(registered.span, "is looked up in the registry"))),
            |settings| Place::Azure(Box::new(settings)),
        ));
    }
    for name in ["subscription_id", "client_id"] {
        if text(block, name).is_some_and(|id| uuid::Uuid::try_parse(&id).is_err()) {
            return Err(Box::new(
                Diagnostic::error("LZ0241", format!("`{name}` must be a GUID"))
                    .at(block.span_of(name), "such as 00000000-0000-0000-0000-000000000000"),
            ));
        }
    }
    let is_odd = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.');
    if text(block, "tenant_id").is_some_and(|id| id.contains(is_odd)) {
        return Err(Box::new(
            Diagnostic::error("LZ0241", "`tenant_id` must be a GUID or a domain").at(
                block.span_of("tenant_id"),
                "such as 00000000-0000-0000-0000-000000000000 or example.com",
            ),
        ));
    }
    let auth = Auth::of(choice(block, "auth", &Auth::WORDS, "azure_cli")?);
    let (cloud, ca_file) = match choice(block, "environment", &ENVIRONMENTS, "public")? {
        "usgovernment" => (Cloud::UsGovernment, None),
        "china" => (Cloud::China, None),
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
            (Cloud::Custom(endpoints), text(custom, "ca_file").map(PathBuf::from))
        }
        _ => (Cloud::Public, None),
    };
    // Secrets never stand in a configuration: a block's come from the variables everybody uses for them.
    let secret = match auth {
        Auth::ClientSecret => Some(Given::Environment("AZURE_CLIENT_SECRET".to_owned())),
        Auth::ClientCertificate => {
            super::environment_path(environment, "AZURE_CLIENT_CERTIFICATE_PATH").map(Given::File)
        }
        _ => None,
    };
    Ok(Place::Azure(Box::new(Settings {
        tenant_id: text(block, "tenant_id"),
        subscription_id: text(block, "subscription_id"),
        client_id: text(block, "client_id"),
        auth,
        cloud,
        ca_file,
        secret,
        certificate: None,
        token_file: None,
        identity: None,
        registered: None,
    })))
}

/// What the registry says of an account.
fn found(name: &str, environment: Environment<'_>) -> Result<Settings, Box<Diagnostic>> {
    let Some(path) = registry::path(environment) else {
        let problem = Diagnostic::error("LZ3030", "there is no folder for the registry of cloud accounts");
        return Err(Box::new(problem.help("set LAZULI_CONFIG_DIR, or HOME")));
    };
    let entry = Registry::read(&path).and_then(|registry| registry.find(name))?;
    entry.settings(name).map_err(|problems| {
        let problem = format!("cloud account `{name}` cannot be like that: {}", problems.join("; "));
        Box::new(Diagnostic::error("LZ3032", problem).help(format!("correct it: lazuli account edit {name}")))
    })
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
    let seed = match block.attribute("seed").filter(|seed| !seed.value.is_null()) {
        None => 1,
        Some(seed) => seed.value.as_i64().and_then(|seed| u64::try_from(seed).ok()).ok_or_else(|| {
            Box::new(
                Diagnostic::error("LZ0241", "`seed` must be a whole number, 0 or more")
                    .at(block.span_of("seed"), "not one"),
            )
        })?,
    };
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
