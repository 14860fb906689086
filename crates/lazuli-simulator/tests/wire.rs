//! The simulator over the wire: real TLS, real HTTP, a client that trusts nothing but the simulator's authority.

#![allow(clippy::expect_used, reason = "a test that cannot go on should stop")]

use lazuli_simulator::{
    Faults, Pace, Profile, RunningSimulator, Seed, SeedFile, SeededGroup, Simulator, SimulatorOptions,
    TlsIdentity,
};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-demo";

fn seed() -> Seed {
    let group =
        SeededGroup { name: "rg-demo".to_owned(), location: "eastus2".to_owned(), tags: Default::default() };
    Seed { world: SeedFile { resource_groups: vec![group], ..SeedFile::default() }, ..Seed::default() }
}

fn options() -> SimulatorOptions {
    let pace = Pace { profile: Profile::Instant, speedup: None };
    SimulatorOptions { pace, seed_world: seed(), ..SimulatorOptions::default() }
}

/// A client that has logged in.
struct Session {
    http: Client,
    endpoint: String,
    token: String,
}

impl Session {
    async fn open(simulator: &RunningSimulator) -> Self {
        let http = client(simulator.ca_pem());
        let (status, body) = log_in(&http, simulator, &simulator.credentials().client_secret).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let token = body["access_token"].as_str().expect("a token").to_owned();
        Self { http, endpoint: simulator.endpoint(), token }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Response {
        let url = if path.starts_with("https:") {
            path.to_owned()
        } else {
            format!("{}{path}?api-version=2025-05-01", self.endpoint)
        };
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        request.send().await.expect("an answer")
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let response = self.send(method, path, body).await;
        let status = response.status();
        let bytes = response.bytes().await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

fn client(ca_pem: &str) -> Client {
    let mut roots = rustls::RootCertStore::empty();
    let ca = rustls::pki_types::pem::PemObject::from_pem_slice(ca_pem.as_bytes()).expect("a certificate");
    let ca: rustls::pki_types::CertificateDer<'static> = ca;
    roots.add(ca).expect("a usable certificate");
    let mut config =
        rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder().tls_backend_preconfigured(config).no_proxy().build().expect("a client")
}

async fn log_in(http: &Client, simulator: &RunningSimulator, secret: &str) -> (StatusCode, Value) {
    let credentials = simulator.credentials();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &credentials.client_id)
        .append_pair("client_secret", secret)
        .append_pair("grant_type", "client_credentials")
        .append_pair("scope", "https://management.azure.com/.default")
        .finish();
    let url = format!("{}/{}/oauth2/v2.0/token", simulator.endpoint(), credentials.tenant);
    let response = http.post(url).body(form).send().await.expect("an answer");
    let status = response.status();
    (status, serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON"))
}

#[tokio::test]
async fn a_client_logs_in_and_walks_a_network_through_its_life() {
    let simulator = Simulator::start(options()).await.expect("a simulator");
    let session = Session::open(&simulator).await;
    let path = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/net");
    let body = json!({
        "location": "eastus2",
        "properties": {
            "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            "subnets": [{ "name": "nodes", "properties": { "addressPrefix": "10.0.0.0/24" } }],
        },
    });
    let created = session.send(Method::PUT, &path, Some(&body)).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.version(), reqwest::Version::HTTP_2);
    let poll = created.headers()["azure-asyncoperation"].to_str().expect("text").to_owned();
    assert!(poll.starts_with(&simulator.endpoint()), "{poll}");
    let created: Value = serde_json::from_slice(&created.bytes().await.expect("a body")).expect("JSON");
    assert_eq!(created["properties"]["provisioningState"], "Updating");

    let (_, status) = session.json(Method::GET, &poll, None).await;
    assert_eq!(status, json!({ "status": "Succeeded" }));
    let (_, settled) = session.json(Method::GET, &path, None).await;
    assert_eq!(settled["properties"]["provisioningState"], "Succeeded");
    assert_ne!(settled["etag"], created["etag"]);

    let list = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks");
    let (_, listed) = session.json(Method::GET, &list, None).await;
    assert_eq!(listed["value"], json!([settled]));

    let deleted = session.send(Method::DELETE, &path, None).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    let result = deleted.headers()["location"].to_str().expect("text").to_owned();
    assert_eq!(session.send(Method::GET, &result, None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(session.send(Method::GET, &path, None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(session.send(Method::DELETE, &path, None).await.status(), StatusCode::NO_CONTENT);
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_wrong_secret_is_refused_as_entra_does() {
    let simulator = Simulator::start(options()).await.expect("a simulator");
    let (status, body) = log_in(&client(simulator.ca_pem()), &simulator, "guess").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body["error_description"].as_str().expect("text").starts_with("AADSTS7000215: "), "{body}");
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let simulator = Simulator::start(options()).await.expect("a simulator");
    let other = Simulator::start(options()).await.expect("a simulator");
    let url = format!("{}/metadata/endpoints?api-version=2022-09-01", simulator.endpoint());
    assert!(client(other.ca_pem()).get(&url).send().await.is_err());
    assert!(client(simulator.ca_pem()).get(&url).send().await.is_ok());
}

#[tokio::test]
async fn a_world_its_tokens_and_its_certificate_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SimulatorOptions {
        world: Some(folder.path().join("world.json")),
        tls: TlsIdentity::Persist(folder.path().to_owned()),
        ..options()
    };
    let first = Simulator::start(options.clone()).await.expect("a simulator");
    let mut session = Session::open(&first).await;
    let path = format!("{GROUP}/providers/Microsoft.Network/routeTables/rt");
    let put = session.send(Method::PUT, &path, Some(&json!({ "location": "eastus2" }))).await;
    let poll = put.headers()["azure-asyncoperation"].to_str().expect("text").to_owned();
    let in_use = Simulator::start(options.clone()).await.expect_err("the world is taken").to_string();
    assert!(in_use.contains("is in use by another process"), "{in_use}");
    let (ca, secret) = (first.ca_pem().to_owned(), first.credentials().client_secret.clone());
    first.shutdown().await;

    let second = Simulator::start(options).await.expect("a simulator");
    assert_eq!(second.ca_pem(), ca);
    assert_eq!(second.credentials().client_secret, secret);
    session.http = client(&ca);
    session.endpoint = second.endpoint();
    let (_, route_table) = session.json(Method::GET, &path, None).await;
    assert_eq!(route_table["name"], "rt");
    // Operation URLs are resolved by path, whatever the port.
    let path_and_query = poll.splitn(4, '/').nth(3).expect("a path");
    let (status, body) =
        session.json(Method::GET, &format!("{}/{path_and_query}", second.endpoint()), None).await;
    assert_eq!((status, body), (StatusCode::OK, json!({ "status": "Succeeded" })));
    second.shutdown().await;
}

#[tokio::test]
async fn a_run_that_only_reads_leaves_the_world_file_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.json");
    let options = SimulatorOptions { world: Some(path.clone()), ..options() };
    Simulator::start(options.clone()).await.expect("a simulator").shutdown().await;
    let before = std::fs::metadata(&path).and_then(|file| file.modified()).expect("a file");
    let simulator = Simulator::start(options).await.expect("a simulator");
    let session = Session::open(&simulator).await;
    assert_eq!(session.send(Method::GET, GROUP, None).await.status(), StatusCode::OK);
    simulator.shutdown().await;
    assert_eq!(std::fs::metadata(&path).and_then(|file| file.modified()).expect("a file"), before);
}

#[tokio::test]
async fn an_answer_can_be_lost_on_the_wire_while_the_work_is_done() {
    let faults = Faults::parse(
        r#"{"faults": [{"method": "PUT", "path": "/routeTables/", "nth": 1, "answer": "drop_after_accept"}]}"#,
    );
    let options = SimulatorOptions { faults: faults.expect("faults"), ..options() };
    let simulator = Simulator::start(options).await.expect("a simulator");
    let session = Session::open(&simulator).await;
    let path = format!("{GROUP}/providers/Microsoft.Network/routeTables/rt");
    let url = format!("{}{path}?api-version=2025-05-01", simulator.endpoint());
    let lost =
        session.http.put(url).bearer_auth(&session.token).body(r#"{"location":"eastus2"}"#).send().await;
    assert!(lost.is_err(), "the connection is cut");
    assert_eq!(session.send(Method::GET, &path, None).await.status(), StatusCode::OK);
}

async fn with_faults(faults: &str) -> (RunningSimulator, Session) {
    let options = SimulatorOptions { faults: Faults::parse(faults).expect("faults"), ..options() };
    let simulator = Simulator::start(options).await.expect("a simulator");
    let session = Session::open(&simulator).await;
    (simulator, session)
}

/// The innermost reason.
fn reason(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), reason)
}

#[tokio::test]
async fn a_reset_takes_every_request_on_the_connection_with_it() {
    let (simulator, session) = with_faults(
        r#"{"faults": [{"method": "GET", "path": "/routeTables/rt", "nth": 1, "answer": "reset_before_accept"},
            {"method": "GET", "path": "/natGateways", "nth": 1, "answer": {"slow_body": {"pause_ms": 60000}}}]}"#,
    )
    .await;
    let url = |rest: &str| {
        format!("{}{GROUP}/providers/Microsoft.Network/{rest}?api-version=2025-05-01", simulator.endpoint())
    };
    let get = |rest: &str| session.http.get(url(rest)).bearer_auth(&session.token).send();
    let slow = get("natGateways").await.expect("the head of an answer");
    let broken = get("routeTables/rt").await.expect_err("a reset");
    assert!(reason(&broken).contains("reset"), "{broken:?}");
    assert!(slow.bytes().await.is_err(), "it was on the same connection");
    assert_eq!(get("routeTables").await.expect("a new connection").status(), StatusCode::OK);
}

#[tokio::test]
async fn bodies_come_in_pieces_or_stop_half_way() {
    let (_simulator, session) = with_faults(
        r#"{"faults": [{"method": "GET", "path": "/routeTables", "nth": 1, "answer": {"slow_body": {"pause_ms": 1}}},
            {"method": "GET", "path": "/routeTables", "nth": 2, "answer": "stalled_body"}]}"#,
    )
    .await;
    let list = format!("{GROUP}/providers/Microsoft.Network/routeTables");
    let mut slow = session.send(Method::GET, &list, None).await;
    let mut pieces = Vec::new();
    while let Some(piece) = slow.chunk().await.expect("a piece") {
        pieces.push(piece);
    }
    assert!(pieces.len() > 2, "{pieces:?}");
    assert_eq!(pieces.concat(), br#"{"value":[]}"#);
    let mut stalled = session.send(Method::GET, &list, None).await;
    assert_eq!(stalled.chunk().await.expect("half of it").as_deref(), Some(&br#"{"valu"#[..]));
    let more = tokio::time::timeout(std::time::Duration::from_millis(50), stalled.chunk()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn recorded_requests_hold_no_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("requests.jsonl");
    let options = SimulatorOptions { record: Some(record.clone()), ..options() };
    let simulator = Simulator::start(options).await.expect("a simulator");
    let session = Session::open(&simulator).await;
    let path = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm");
    let body = json!({ "location": "eastus2", "properties": { "osProfile": { "customData": "c2VjcmV0", "adminPassword": "c2VjcmV0" } } });
    assert_eq!(session.send(Method::PUT, &path, Some(&body)).await.status(), StatusCode::BAD_REQUEST);
    session.send(Method::GET, &path, None).await;
    let recorded = std::fs::read_to_string(&record).expect("a recording");
    let line: Value = serde_json::from_str(recorded.trim()).expect("exactly one line");
    assert_eq!(
        line["body"]["properties"]["osProfile"],
        json!({ "customData": "cmVkYWN0ZWQ=", "adminPassword": "cmVkYWN0ZWQ=" })
    );
    assert_eq!(
        (&line["method"], &line["status"], &line["api_version"]),
        (&json!("PUT"), &json!(400), &json!("2025-05-01"))
    );
}

#[tokio::test]
async fn many_writers_share_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SimulatorOptions { world: Some(folder.path().join("world.json")), ..options() };
    let simulator = Simulator::start(options.clone()).await.expect("a simulator");
    let session = std::sync::Arc::new(Session::open(&simulator).await);
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..300 {
        let session = std::sync::Arc::clone(&session);
        writers.spawn(async move {
            let path = format!("{GROUP}/providers/Microsoft.Network/routeTables/rt{number}");
            session.send(Method::PUT, &path, Some(&json!({ "location": "eastus2" }))).await.status()
        });
    }
    assert!(writers.join_all().await.iter().all(|status| *status == StatusCode::CREATED));
    simulator.shutdown().await;
    let simulator = Simulator::start(options).await.expect("a simulator");
    let session = Session::open(&simulator).await;
    let path = format!("{GROUP}/providers/Microsoft.Network/routeTables/rt299");
    assert_eq!(session.send(Method::GET, &path, None).await.status(), StatusCode::OK);
}

#[test]
fn the_environment_for_other_clients_is_printed() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let simulator = runtime.block_on(Simulator::start(options())).expect("a simulator");
    let text = lazuli_simulator::print_env(&simulator, std::path::Path::new("/home/me/simulator-ca.pem"));
    let port = simulator.addr().port().to_string();
    let text = text.replace(&port, "PORT").replace(&simulator.credentials().client_secret, "SECRET");
    insta::assert_snapshot!(text);
}
