//! Azurite, tokens it takes, a network that can be cut, and runs to try.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Method, Request, Transport as CoreTransport,
};
use azure_core::time::OffsetDateTime;
use azure_storage_blob::{BlobClient, BlobContainerClient, BlobContainerClientOptions};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lazuli_azure::Trust;
use lazuli_azure::transport::{HostOverrides, SILENCE, Transport};
use lazuli_core::Address;
use lazuli_core::journal::{Journal as _, Record};
use lazuli_core::plan::Operation;
use lazuli_core::recorded::Recorded;
use lazuli_core::resource::{Mode, ProviderName, ResourceId, ResourceType};
use lazuli_state::blob::Place;
use lazuli_state::{Backend, KeySources, OpenOptions, OpenState, StateError};
use serde_json::json;

/// Every key of the tests is in this container.
const CONTAINER: &str = "states";

/// A token as anyone can make it: Azurite looks at its claims and not at its signature.
#[derive(Debug)]
struct Minted;

#[async_trait]
impl TokenCredential for Minted {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let now = OffsetDateTime::now_utc();
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({
            "aud": "https://storage.azure.com", "iss": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
            "iat": now.unix_timestamp() - 60, "nbf": now.unix_timestamp() - 60, "exp": now.unix_timestamp() + 3600,
        });
        let token = format!("{}.{}.x", part(json!({"typ": "JWT", "alg": "RS256"})), part(claims));
        Ok(AccessToken::new(token, now + azure_core::time::Duration::hours(1)))
    }
}

/// What a network does.
#[derive(Debug)]
#[repr(u8)]
enum Mood {
    Fine,
    /// Nothing gets through.
    Cut,
}

/// A way to Azurite that can lose what passes.
#[derive(Debug)]
pub(crate) struct Network {
    transport: Transport,
    mood: AtomicU8,
    /// The next answers to lose, by method and what the address or a header contains.
    lose: Mutex<Vec<(Method, &'static str)>>,
    lost: Mutex<Vec<&'static str>>,
}

impl Network {
    /// Loses the answer to the next request of this kind; it arrives all the same.
    pub(crate) fn lose_answer(&self, method: Method, kind: &'static str) {
        self.lose.lock().unwrap().push((method, kind));
    }

    /// Every answer that was to be lost was.
    pub(crate) fn all_lost(&self) -> bool {
        self.lose.lock().unwrap().is_empty()
    }

    pub(crate) fn cut(&self) {
        self.mood.store(Mood::Cut as u8, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.mood.store(Mood::Fine as u8, Ordering::SeqCst);
    }
}

#[async_trait]
impl HttpClient for Network {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        if self.mood.load(Ordering::SeqCst) == Mood::Cut as u8 {
            return Err(azure_core::Error::with_message(ErrorKind::Io, "the network is cut"));
        }
        let answer = self.transport.execute_request(request).await?;
        let kind = |kind: &str| {
            request.url().as_str().contains(kind)
                || request.headers().iter().any(|(_, value)| value.as_str() == kind)
        };
        let mut lose = self.lose.lock().unwrap();
        if let Some(place) = lose.iter().position(|(method, what)| *method == request.method() && kind(what))
        {
            self.lost.lock().unwrap().push(lose.remove(place).1);
            return Err(azure_core::Error::with_message(ErrorKind::Io, "the answer was lost"));
        }
        Ok(answer)
    }
}

/// A place for a state of its own, `None` (and a word) when there is no Azurite.
pub(crate) struct Lab {
    endpoint: azure_core::http::Url,
    ca: Vec<u8>,
    key: String,
}

impl Lab {
    pub(crate) fn new(key: &str) -> Option<Lab> {
        let (Ok(endpoint), Ok(ca)) = (std::env::var("LAZULI_AZURITE"), std::env::var("LAZULI_AZURITE_CA"))
        else {
            eprintln!("skipped: LAZULI_AZURITE is not set; ci/azurite.sh sets it");
            return None;
        };
        let key = format!("{key}-{}/prod.state", std::process::id());
        let lab = Lab { endpoint: endpoint.parse().unwrap(), ca: std::fs::read(ca).unwrap(), key };
        let container = lab.container();
        block_on(async move {
            if let Err(error) = container.create(None).await {
                assert_eq!(error.http_status(), Some(azure_core::http::StatusCode::Conflict), "{error:?}");
            }
        });
        Some(lab)
    }

    pub(crate) fn network(&self) -> Arc<Network> {
        let transport =
            Transport::new(&Trust::Only(self.ca.clone()), HostOverrides::default(), true, SILENCE).unwrap();
        let (lose, lost) = Default::default();
        Arc::new(Network { transport, mood: AtomicU8::new(Mood::Fine as u8), lose, lost })
    }

    fn container(&self) -> BlobContainerClient {
        self.container_named(CONTAINER)
    }

    fn container_named(&self, name: &str) -> BlobContainerClient {
        let mut url = self.endpoint.clone();
        url.path_segments_mut().unwrap().push(name);
        let options = BlobContainerClientOptions {
            client_options: ClientOptions {
                transport: Some(CoreTransport::new(self.network())),
                ..ClientOptions::default()
            },
            ..BlobContainerClientOptions::default()
        };
        BlobContainerClient::new(url, Some(Arc::new(Minted)), Some(options)).unwrap()
    }

    /// A blob as somebody else would touch it.
    pub(crate) fn blob(&self, suffix: &str) -> BlobClient {
        self.container().blob_client(&format!("{}{suffix}", self.key))
    }

    /// A blob's bytes, as somebody else would see them.
    pub(crate) fn bytes(&self, suffix: &str) -> Option<Vec<u8>> {
        let blob = self.blob(suffix);
        block_on(async move {
            match blob.download(None).await {
                Ok(answer) => Some(answer.body.collect().await.unwrap().to_vec()),
                Err(_) => None,
            }
        })
    }

    pub(crate) fn place(&self, network: Arc<Network>) -> Place {
        Place {
            endpoint: self.endpoint.clone(),
            container: CONTAINER.to_owned(),
            key: self.key.clone(),
            credential: Arc::new(Minted),
            http: network,
            lease: Duration::from_secs(15),
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend_over(self.network())
    }

    pub(crate) fn backend_over(&self, network: Arc<Network>) -> Backend {
        Backend::azure_blob(self.place(network)).unwrap()
    }

    pub(crate) fn open(&self) -> OpenState {
        self.backend().open(options(Duration::ZERO), None).unwrap()
    }
}

pub(crate) fn keys() -> KeySources {
    KeySources { passphrase: Some("correct horse".to_owned().into()), ..KeySources::default() }
}

pub(crate) fn options(lock_timeout: Duration) -> OpenOptions {
    OpenOptions {
        command: "apply".into(),
        who: "älice@host".into(),
        now: "2026-11-22T14:05:00Z".into(),
        lock_timeout,
        keys: keys(),
    }
}

pub(crate) fn resource(name: &str) -> Recorded {
    Recorded {
        address: Address::root("resource", name),
        mode: Mode::Managed,
        provider: ProviderName::Azure,
        account: "main".into(),
        ty: ResourceType::new("Microsoft.Network/virtualNetworks", "2025-05-01"),
        id: ResourceId::new(format!("/subscriptions/s/resourceGroups/g/providers/p/{name}")),
        inputs: json!({"password": "hunter2-hunter2"}),
        observed: json!({}),
        dependencies: Vec::new(),
        sensitive: vec!["password".parse().unwrap()],
        write_only: Default::default(),
        prevent_destroy: false,
        slot: None,
        pending: None,
        created_at: "2026-11-22T14:00:00Z".into(),
        updated_at: "2026-11-22T14:00:00Z".into(),
    }
}

pub(crate) fn intent(step: u32, name: &str) -> Record {
    Record::Intent { step, operation: Operation::Create, resource: Box::new(resource(name)), deposed: false }
}

pub(crate) fn done(step: u32, name: &str) -> Record {
    Record::Done { step, resource: Some(Box::new(resource(name))) }
}

/// Appends records, one after the other durable.
pub(crate) fn append(state: &mut OpenState, records: Vec<Record>) -> Result<(), String> {
    let journal = state.journal().map_err(|error: StateError| error.to_string())?;
    block_on(async move {
        for record in records {
            journal.append(record).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    })
}

pub(crate) fn names(world: &lazuli_core::recorded::RecordedWorld) -> Vec<String> {
    world.resources.keys().map(ToString::to_string).collect()
}

pub(crate) fn name_of(path: &Path) -> String {
    path.display().to_string().rsplit('/').next().unwrap_or_default().to_owned()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
