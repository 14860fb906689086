//! A scripted Azure for tests: answers in memory, on a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use azure_core::time::OffsetDateTime;
use lazuli_core::Json;
use lazuli_core::journal::JournalError;
use lazuli_core::provider::Watch;
use lazuli_core::resource::{ResourceId, ResourceType};
use tokio::time::Instant;

use crate::transport::TransportError;
use crate::{Account, AzureProvider, Cloud, Credential, Options, Trust};

pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Json),
    Broken(TransportError),
}

/// An answer without headers.
pub(crate) fn answer(status: u16, body: Json) -> Reply {
    Reply::Answer(status, Vec::new(), body)
}

/// A refusal.
pub(crate) fn refuse(status: u16, code: &str) -> Reply {
    answer(status, serde_json::json!({"error": {"code": code, "message": format!("about {code}")}}))
}

/// The answer is lost on its way.
pub(crate) fn lost() -> Reply {
    Reply::Broken(TransportError::Lost { host: "management.azure.com".into(), reason: "reset".into() })
}

/// Nothing listens there.
pub(crate) fn unreachable() -> Reply {
    Reply::Broken(TransportError::Connect { host: "management.azure.com".into(), reason: "refused".into() })
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Reply {
        if let Reply::Answer(_, headers, _) = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A request that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) if_match: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) body: Json,
    pub(crate) after: Duration,
}

#[derive(Debug)]
struct Step {
    method: &'static str,
    path: String,
    reply: Reply,
}

/// The script: the first step with the request's method, whose text is in its URL, answers it and is used up.
#[derive(Debug)]
pub(crate) struct Script {
    steps: Mutex<Vec<Step>>,
    sent: Mutex<Vec<Sent>>,
    started: Instant,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = (&'static str, &'static str, Reply)>) -> Arc<Self> {
        let steps = steps
            .into_iter()
            .map(|(method, path, reply)| Step { method, path: path.to_owned(), reply })
            .collect();
        Arc::new(Script { steps: Mutex::new(steps), sent: Mutex::default(), started: Instant::now() })
    }

    pub(crate) fn provider(self: &Arc<Self>) -> AzureProvider {
        let http: Arc<dyn HttpClient> = Arc::<Script>::clone(self);
        AzureProvider::with(&account(), Options::default(), http, Arc::new(Token))
    }

    /// Everything that was sent; fails when something of the script was not asked for.
    pub(crate) fn finish(&self) -> Vec<Sent> {
        let left = self.steps.lock().unwrap();
        assert!(left.is_empty(), "never asked for: {left:?}");
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl HttpClient for Script {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let header =
            |name: &'static str| request.headers().get_optional_string(&HeaderName::from_static(name));
        let body = match request.body() {
            Body::Bytes(bytes) => serde_json::from_slice(bytes).unwrap_or(Json::Null),
            Body::SeekableStream(_) => Json::Null,
        };
        let sent = Sent {
            method: request.method().to_string(),
            url: request.url().to_string(),
            if_match: header("if-match"),
            token: header("authorization"),
            body,
            after: self.started.elapsed(),
        };
        let step = {
            let mut steps = self.steps.lock().unwrap();
            let place =
                steps.iter().position(|step| step.method == sent.method && sent.url.contains(&step.path));
            let place = place.unwrap_or_else(|| panic!("not in the script: {} {}", sent.method, sent.url));
            steps.remove(place)
        };
        self.sent.lock().unwrap().push(sent);
        match step.reply {
            Reply::Broken(error) => Err(error.into_core()),
            Reply::Answer(status, pairs, body) => {
                let mut headers = Headers::new();
                for (name, value) in pairs {
                    headers.insert(name, value);
                }
                let body = if body.is_null() { String::new() } else { body.to_string() };
                Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
            }
        }
    }
}

/// A token that needs no Entra.
#[derive(Debug)]
struct Token;

#[async_trait::async_trait]
impl TokenCredential for Token {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let hour = azure_core::time::Duration::hours(1);
        Ok(AccessToken::new("test-token", OffsetDateTime::now_utc() + hour))
    }
}

pub(crate) fn account() -> Account {
    Account {
        subscription_id: SUBSCRIPTION.to_owned(),
        tenant_id: None,
        cloud: Cloud::Public,
        credential: Credential::AzureCli,
        trust: Trust::System,
    }
}

/// Remembers what it is told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) accepted: Mutex<Vec<String>>,
    pub(crate) texts: Mutex<Vec<String>>,
    pub(crate) broken: bool,
}

#[async_trait::async_trait]
impl Watch for Told {
    async fn accepted(&self, url: &str) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError { reason: "disk full".into() });
        }
        self.accepted.lock().unwrap().push(url.to_owned());
        Ok(())
    }

    fn progress(&self, text: &str) {
        self.texts.lock().unwrap().push(text.to_owned());
    }
}

pub(crate) fn id(tail: &str) -> ResourceId {
    ResourceId::new(format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/{tail}"))
}

pub(crate) fn vnet() -> (ResourceType, ResourceId) {
    (
        ResourceType::new("Microsoft.Network/virtualNetworks", "2025-05-01"),
        id("Microsoft.Network/virtualNetworks/v"),
    )
}

pub(crate) fn vm() -> (ResourceType, ResourceId) {
    (
        ResourceType::new("Microsoft.Compute/virtualMachines", "2025-04-01"),
        id("Microsoft.Compute/virtualMachines/vm"),
    )
}
