//! The `backend` block → where the state is kept. Its settings are checked without network; signing in comes later.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use lazuli_azure::account::{credential_of, sign_in};
use lazuli_azure::transport::{HostOverrides, Transport};
use lazuli_azure::{Account, Trust};
use lazuli_config::{Backend as Block, Setting};
use lazuli_core::{Diagnostic, Diagnostics, Span};
use lazuli_simulator::{RunningSimulator, Simulator, SimulatorOptions};
use lazuli_state::Backend;
use lazuli_state::blob::{LEASE, Place as BlobPlace};
use tokio::sync::OnceCell;
use url::Url;

use crate::accounts::{DeclaredAccount, Environment, Place};
use crate::clouds;
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

const LOCAL: [&str; 1] = ["path"];
const AZURERM: [&str; 5] = ["storage_account_name", "container_name", "key", "cloud_account", "endpoint"];

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
            "local" => local(block),
            "azurerm" => azurerm(block, &planning::accounts(project)?),
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
            Place::Azure(settings) => {
                let account = settings.account(name, environment).map_err(|problem| Failure::of(*problem))?;
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
        let http = Transport::new(&trust, HostOverrides::default(), direct)
            .map_err(|error| unusable(error.to_string()))?;
        let place = BlobPlace {
            endpoint: self.endpoint.clone(),
            container: self.container.clone(),
            key: self.key.clone(),
            credential: Arc::new(SignIn { way, ready: OnceCell::new() }),
            http: Arc::new(http),
            lease: LEASE,
        };
        Ok(Backend::azure_blob(place)?)
    }
}

/// Signs in when the first token is needed.
#[derive(Debug)]
struct SignIn {
    way: Way,
    ready: OnceCell<(Arc<dyn TokenCredential>, Option<RunningSimulator>)>,
}

#[derive(Debug)]
enum Way {
    /// As the account says.
    Account(Box<Account>),
    /// At a simulated Entra of its own: the simulated Azure of a run begins only when the state is locked.
    Simulated,
}

impl SignIn {
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

fn local(block: &Block) -> Result<StatePlace, Diagnostics> {
    let mut problems = unknown(block, &LOCAL);
    let path = optional(block, "path", &mut problems).map(|(path, _)| PathBuf::from(path));
    if problems.is_empty() {
        Ok(StatePlace::File(path.unwrap_or_else(|| PathBuf::from(planning::STATE))))
    } else {
        Err(problems)
    }
}

fn azurerm(block: &Block, accounts: &BTreeMap<Arc<str>, DeclaredAccount>) -> Result<StatePlace, Diagnostics> {
    let mut problems = unknown(block, &AZURERM);
    let mut check = |name: &str, rule: fn(&str) -> Result<(), &'static str>| {
        let (text, span) = required(block, name, &mut problems)?;
        if let Err(why) = rule(text) {
            problems.push(Diagnostic::error("LZ0250", format!("`{name}` cannot be `{text}`")).at(span, why));
        }
        Some((text.to_owned(), span))
    };
    let storage_account = check("storage_account_name", storage_account_name);
    let container = check("container_name", container_name);
    let key = check("key", blob_name);
    let account = required(block, "cloud_account", &mut problems);
    let account = account.and_then(|(name, span)| match accounts.get(name) {
        Some(account) => Some((account, span)),
        None => {
            let problem = Diagnostic::error("LZ0250", format!("there is no cloud account `{name}`"))
                .at(span, "a name, such as \"main\" of `cloud_account \"main\"`");
            let close = lazuli_core::suggestion::closest(name, accounts.keys().map(|name| &**name));
            problems.push(match close {
                Some(close) => problem.help(format!("did you mean \"{close}\"?")),
                None => problem.help("declare it in a `cloud_account` block of this configuration"),
            });
            None
        }
    });
    let given = optional(block, "endpoint", &mut problems);
    let given = given.map(|(text, span)| {
        let url = Url::parse(text).ok();
        url.filter(|url| url.scheme() == "https" && url.has_host() && url.query().is_none()).ok_or_else(|| {
            Diagnostic::error("LZ0250", "`endpoint` must be an https address")
                .at(span, "not one")
                .help("the blob service's address of the storage account: https://ACCOUNT.blob.core.windows.net")
        })
    });
    let endpoint = match (given, &storage_account, account) {
        (Some(given), ..) => given.map_err(Some),
        (None, Some((storage_account, _)), Some((account, span))) => {
            usual_endpoint(storage_account, account, span).map_err(Some)
        }
        _ => Err(None),
    };
    match (endpoint, container, key, account) {
        (Ok(endpoint), Some((container, _)), Some((key, _)), Some((account, _))) if problems.is_empty() => {
            let account = account.clone();
            Ok(StatePlace::Blob(Box::new(BlobSettings { endpoint, container, key, account })))
        }
        (endpoint, ..) => {
            problems.extend(endpoint.err().flatten());
            Err(problems)
        }
    }
}

/// Where a storage account of this name is in the account's cloud.
fn usual_endpoint(storage_account: &str, account: &DeclaredAccount, span: Span) -> Result<Url, Diagnostic> {
    let needs = |what: &str| {
        Diagnostic::error("LZ0250", format!("the backend needs an `endpoint`: {what}"))
            .at(span, "this account")
            .help("endpoint = \"https://…\", the blob service's address of the storage account; or name the account of a cloud that has storage")
    };
    let domain = match &account.place {
        Place::Simulated(_) => return Err(needs("the simulated Azure has no storage accounts")),
        Place::Azure(settings) => settings.blob_domain(),
    };
    let domain = domain.ok_or_else(|| needs("where storage is in a custom cloud cannot be known"))?;
    Url::parse(&format!("https://{storage_account}.{domain}"))
        .map_err(|_| needs("the name of the storage account makes no address"))
}

fn unknown(block: &Block, known: &[&str]) -> Diagnostics {
    let strange = block.settings.iter().filter(|setting| !known.contains(&&*setting.name.text));
    let problem = |setting: &Setting| {
        let name = &setting.name.text;
        let message = format!("a backend \"{}\" has no attribute `{name}`", block.kind.text);
        let label = match lazuli_core::suggestion::closest(name, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "not one of them".to_owned(),
        };
        let problem = Diagnostic::error("LZ0250", message).at(setting.name.span, label);
        problem.help(format!("it has {}", known.join(", ")))
    };
    strange.map(problem).collect()
}

fn optional<'a>(block: &'a Block, name: &str, problems: &mut Diagnostics) -> Option<(&'a str, Span)> {
    let setting = block.setting(name)?;
    match setting.value.as_str() {
        Some(text) if !text.is_empty() => Some((text, setting.span)),
        _ => {
            let problem = Diagnostic::error("LZ0250", format!("`{name}` must be a text"));
            problems.push(problem.at(setting.span, "not one, or empty"));
            None
        }
    }
}

fn required<'a>(block: &'a Block, name: &str, problems: &mut Diagnostics) -> Option<(&'a str, Span)> {
    if block.setting(name).is_none() {
        let message = format!("a backend \"{}\" needs `{name}`", block.kind.text);
        problems.push(Diagnostic::error("LZ0250", message).at(block.span, "it is missing here"));
    }
    optional(block, name, problems)
}

/// Azure's rule for names of storage accounts.
fn storage_account_name(name: &str) -> Result<(), &'static str> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    match plain && (3..=24).contains(&name.len()) {
        true => Ok(()),
        false => Err("3 to 24 lower-case letters and digits"),
    }
}

/// Azure's rule for names of containers.
fn container_name(name: &str) -> Result<(), &'static str> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let dashes = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    match plain && !dashes && (3..=63).contains(&name.len()) {
        true => Ok(()),
        false => Err("3 to 63 lower-case letters, digits and single dashes between them"),
    }
}

/// What Azure allows in names of blobs and what needs no quoting anywhere: the state's companions are named after it.
fn blob_name(name: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.=/".contains(c);
    if !name.chars().all(plain) {
        return Err("letters, digits and - _ . = / only");
    }
    if name.split('/').any(|part| part.is_empty() || part.ends_with('.')) {
        return Err("parts between slashes are not empty and do not end with a dot");
    }
    if name.len() > 900 { Err("at most 900 characters") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{blob_name, container_name, storage_account_name};

    #[test]
    fn names_follow_azures_rules() {
        for good in ["abc", "devstoreaccount1", "a23456789012345678901234"] {
            assert_eq!(storage_account_name(good), Ok(()), "{good}");
        }
        for bad in ["ab", "Abc", "a-b-c", "a234567890123456789012345", "übc"] {
            assert!(storage_account_name(bad).is_err(), "{bad}");
        }
        for good in ["abc", "tf-state", "9a9"] {
            assert_eq!(container_name(good), Ok(()), "{good}");
        }
        for bad in ["ab", "a--b", "-ab", "ab-", "A-b", "a_b"] {
            assert!(container_name(bad).is_err(), "{bad}");
        }
        for good in ["prod.state", "team/prod.state", "a=b/c_d-e", "p"] {
            assert_eq!(blob_name(good), Ok(()), "{good}");
        }
        for bad in ["/prod", "prod/", "a//b", "a/../b", "prod.", "a b", "a?b", "a#b", "ä", "a\\b", "a%41"] {
            assert!(blob_name(bad).is_err(), "{bad}");
        }
    }
}
