//! Somebody else at work in the same Azure: plain requests with a token, nothing of Lazuli's provider.

use std::path::Path;

use lazuli_simulator::{Pace, Profile, RunningSimulator, Simulator, SimulatorOptions};
use reqwest::{Client, Method, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value as Json;

use crate::workbench::Workbench;

/// How often an operation is asked about before the test gives up; without delays it is done at once.
const PATIENCE: usize = 200;

/// Deletes something behind Lazuli's back.
pub(crate) fn delete(bench: &Workbench, id: &str, api_version: &str) {
    outside(bench, async |session| {
        session.send(Method::DELETE, id, api_version, None).await;
        for _ in 0..PATIENCE {
            if session.send(Method::GET, id, api_version, None).await.0 == StatusCode::NOT_FOUND {
                return;
            }
        }
        panic!("{id} is still there");
    });
}

/// Changes something behind Lazuli's back: what a GET shows, edited, is PUT again.
pub(crate) fn change(bench: &Workbench, id: &str, api_version: &str, edit: impl FnOnce(&mut Json)) {
    outside(bench, async |session| {
        let (status, mut body) = session.send(Method::GET, id, api_version, None).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        edit(&mut body);
        let (status, answer) = session.send(Method::PUT, id, api_version, Some(&body)).await;
        assert!(status.is_success(), "{answer}");
        for _ in 0..PATIENCE {
            if session.send(Method::GET, id, api_version, None).await.1["properties"]["provisioningState"]
                == "Succeeded"
            {
                return;
            }
        }
        panic!("{id} does not settle");
    });
}

/// Switches a machine off behind Lazuli's back.
pub(crate) fn switch_off(bench: &Workbench, id: &str, api_version: &str) {
    outside(bench, async |session| {
        let action = format!("{id}/deallocate");
        let (status, answer) = session.send(Method::POST, &action, api_version, None).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        for _ in 0..PATIENCE {
            let (_, body) = session.send(Method::GET, id, api_version, None).await;
            if body["properties"]["provisioningState"] == "Succeeded" {
                return;
            }
        }
        panic!("{id} does not settle");
    });
}

/// Makes something behind Lazuli's back.
pub(crate) fn make(bench: &Workbench, id: &str, api_version: &str, body: &Json) {
    outside(bench, async |session| {
        let (status, answer) = session.send(Method::PUT, id, api_version, Some(body)).await;
        assert!(status.is_success(), "{answer}");
    });
}

fn outside(bench: &Workbench, work: impl AsyncFnOnce(&Session)) {
    let world = bench.world_copy();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let simulator = start(&world).await;
        work(&Session::open(&simulator).await).await;
        simulator.shutdown().await;
    });
    bench.put_world(&world);
}

async fn start(world: &Path) -> RunningSimulator {
    let pace = Pace { profile: Profile::Instant, speedup: None };
    let options = SimulatorOptions { pace, world: Some(world.to_owned()), ..SimulatorOptions::default() };
    Simulator::start(options).await.unwrap()
}

/// A client that has signed in.
struct Session {
    http: Client,
    endpoint: String,
    token: String,
}

impl Session {
    async fn open(simulator: &RunningSimulator) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(simulator.ca_pem().as_bytes()).unwrap()).unwrap();
        let tls =
            rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
        let tls = tls
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
        let credentials = simulator.credentials();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &credentials.client_id)
            .append_pair("client_secret", &credentials.client_secret)
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", "https://management.azure.com/.default")
            .finish();
        let url = format!("{}/{}/oauth2/v2.0/token", simulator.endpoint(), credentials.tenant);
        let answer = http.post(url).body(form).send().await.unwrap().bytes().await.unwrap();
        let answer: Json = serde_json::from_slice(&answer).unwrap();
        Session {
            http,
            endpoint: simulator.endpoint(),
            token: answer["access_token"].as_str().unwrap().to_owned(),
        }
    }

    async fn send(
        &self,
        method: Method,
        id: &str,
        api_version: &str,
        body: Option<&Json>,
    ) -> (StatusCode, Json) {
        let url = format!("{}{id}?api-version={api_version}", self.endpoint);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Json::Null))
    }
}
