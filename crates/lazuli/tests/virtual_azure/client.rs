//! The simulated Azure as an HTTP client: what the provider would send over the wire is handed over in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient};
use azure_core::time::OffsetDateTime;
use lazuli_azure::provider::Throttles;
use lazuli_azure::transport::{SILENCE, TransportError};
use lazuli_azure::{Account, AzureProvider, Cloud, Credential, Options, Trust};
use lazuli_simulator::{Body as Answer, InProcess, Method};
use tokio::time::Instant;

use super::contract;
use super::inside::Traffic;

/// Hands requests to the simulated Azure and remembers them.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) azure: InProcess,
    pub(super) inside: Traffic,
    throttles: Mutex<Throttles>,
    sent: Mutex<Sent>,
}

#[derive(Debug)]
struct Sent {
    began: Instant,
    requests: Vec<Request>,
    /// Bodies of requests, and resources in answers, that were compared with Azure's published types.
    checked: (usize, usize),
}

impl Sent {
    fn nothing() -> Self {
        Sent { began: Instant::now(), requests: Vec::new(), checked: (0, 0) }
    }
}

/// A request that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// When, since the run began.
    pub(crate) at: Duration,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// What was answered; `None` when the connection was cut.
    pub(crate) status: Option<u16>,
}

impl Client {
    pub(super) fn new(azure: InProcess) -> Self {
        let sent = Mutex::new(Sent::nothing());
        Client { azure, inside: Traffic::default(), throttles: Mutex::default(), sent }
    }

    /// Forgets the requests of earlier runs.
    pub(super) fn begin_run(&self) {
        *self.throttles.lock().unwrap() = Throttles::default(); // a process of its own knows nothing of earlier ones
        self.inside.begin_run();
        *self.sent.lock().unwrap() = Sent::nothing();
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.sent.lock().unwrap().requests.clone()
    }

    /// How many bodies of requests, and resources in answers, were compared with Azure's published types.
    pub(super) fn checked(&self) -> (usize, usize) {
        self.sent.lock().unwrap().checked
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn execute_request(
        &self,
        request: &azure_core::http::Request,
    ) -> azure_core::Result<AsyncRawResponse> {
        let url = request.url();
        let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let method = Method::parse(request.method().as_ref()).expect("a verb of Azure");
        let mut asked = lazuli_simulator::Request::new(method, &target)
            .with_header("host", url.host_str().unwrap_or_default());
        for (name, value) in request.headers().iter() {
            asked = asked.with_header(name.as_str(), value.as_str());
        }
        if let Body::Bytes(bytes) = request.body() {
            asked.body = bytes.to_vec();
        }
        let version = asked.query("api-version").unwrap_or_default().to_owned();
        let is_checked = serde_json::from_slice(&asked.body)
            .is_ok_and(|body| contract::request(request.method().as_ref(), &asked.path, &version, &body));
        let place = {
            let mut sent = self.sent.lock().unwrap();
            sent.checked.0 += usize::from(is_checked);
            let at = sent.began.elapsed();
            sent.requests.push(Request { at, method, path: asked.path.clone(), status: None });
            sent.requests.len() - 1
        };
        let answered = tokio::time::timeout(SILENCE, self.azure.send(&asked)).await;
        let Ok(Some(response)) = answered else {
            let reason = if answered.is_err() { "no answer in time" } else { "cut by a planned fault" };
            let host = url.host_str().unwrap_or_default().to_owned();
            return Err(TransportError::Lost { host, reason: reason.to_owned() }.into_core());
        };
        let shown = contract::answer(response.status, &version, response.value());
        {
            let mut sent = self.sent.lock().unwrap();
            sent.checked.1 += shown;
            if let Some(sent) = sent.requests.get_mut(place) {
                sent.status = Some(response.status);
            }
        }
        let mut headers = Headers::new();
        for (name, value) in response.headers {
            headers.insert(HeaderName::from(name.to_ascii_lowercase()), HeaderValue::from(value));
        }
        let body = match response.body {
            Answer::Empty => String::new(),
            Answer::Json(value) => value.to_string(),
            Answer::Text(text) => text,
        };
        Ok(AsyncRawResponse::from_bytes(response.status.into(), headers, body))
    }
}

/// The provider of an account of the simulated Azure.
pub(super) fn provider(client: &Arc<Client>, parallel: usize) -> AzureProvider {
    let credentials = client.azure.credentials();
    let account = Account {
        subscription_id: credentials.subscription,
        tenant_id: Some(credentials.tenant),
        cloud: Cloud::Public,
        credential: Credential::AzureCli,
        trust: Trust::System,
    };
    let options =
        Options { parallel, throttles: client.throttles.lock().unwrap().clone(), ..Options::default() };
    let http: Arc<dyn HttpClient> = Arc::<Client>::clone(client);
    AzureProvider::with(&account, options, http, Arc::new(Entra(Arc::clone(client))))
}

/// Fetches tokens of the simulated Entra. They end by the simulated clock and seem to last by the wall clock, which is the
/// one the provider looks at: it learns of their end when Azure refuses them.
#[derive(Debug)]
struct Entra(Arc<Client>);

#[async_trait::async_trait]
impl TokenCredential for Entra {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let who = self.0.azure.credentials();
        let target = format!("/{}/oauth2/v2.0/token", who.tenant);
        let mut request = lazuli_simulator::Request::new(Method::Post, &target);
        let (client, secret) = (who.client_id, who.client_secret);
        request.body =
            format!("grant_type=client_credentials&client_id={client}&client_secret={secret}").into_bytes();
        let response = self.0.azure.send(&request).await.expect("no fault strikes the token endpoint");
        let token = response.value()["access_token"].as_str().expect("a token").to_owned();
        let year = azure_core::time::Duration::days(365);
        Ok(AccessToken::new(token, OffsetDateTime::now_utc() + year))
    }
}

/// Deletes something as somebody else would.
pub(super) async fn delete(client: &Arc<Client>, target: &str) {
    let token = Entra(Arc::clone(client)).get_token(&[], None).await.expect("a token");
    let request = lazuli_simulator::Request::new(Method::Delete, target)
        .with_header("host", "management.azure.com")
        .with_header("authorization", &format!("Bearer {}", token.token.secret()));
    let response = client.azure.send(&request).await.expect("no fault strikes it");
    assert!(response.status < 300, "{}: {:?}", response.status, response.body);
}
