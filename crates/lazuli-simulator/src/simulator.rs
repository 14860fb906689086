//! Starting and stopping a simulator, and telling people how to talk to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::apiserver::Certificates;
use crate::arm::Settings;
use crate::clock::Clock;
use crate::commit::{Cloud, Committer, Writer};
use crate::faults::Faults;
use crate::gateway::Gateway;
use crate::latency::Pace;
use crate::recording::Recording;
use crate::seed::{Seed, SeedError};
use crate::server::{self, Shared};
use crate::tls::{Identity, TlsError, TlsIdentity};
use crate::world::{Credentials, World};
use crate::world_file::{WorldFile, WorldFileError};

/// How a simulator is to run. The default is an in-memory world at the fast pace on a free loopback port.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// How slow and how hostile it is.
    pub pace: Pace,
    /// Decides every invented identifier and delay of a new world.
    pub seed: u64,
    /// The world file; in memory when absent.
    pub world: Option<PathBuf>,
    /// What exists before the first request.
    pub seed_world: Seed,
    /// Planned faults.
    pub faults: Faults,
    /// Where to listen.
    pub listen: SocketAddr,
    /// A file to which mutating requests are appended, for contract tests.
    pub record: Option<PathBuf>,
    /// A file to which answers that may show resources are appended, for contract tests.
    pub record_answers: Option<PathBuf>,
    /// Entries per page of a list.
    pub page_size: usize,
    /// The server's certificate.
    pub tls: TlsIdentity,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            seed: 0,
            world: None,
            seed_world: Seed::default(),
            faults: Faults::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            record: None,
            record_answers: None,
            page_size: 100,
            tls: TlsIdentity::Ephemeral,
        }
    }
}

/// Why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The world file.
    #[error(transparent)]
    World(#[from] WorldFileError),
    /// The seed.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error("the simulator cannot listen on {addr}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The recording.
    #[error("requests cannot be recorded in {path}")]
    Record {
        /// The file asked for.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The operating system has no random bytes or no thread to give.
    #[error("the simulator cannot start: {0}")]
    System(String),
}

/// The way in.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Opens the world, applies the seed and listens. The simulator runs on the current tokio runtime.
    pub async fn start(options: SimulatorOptions) -> Result<RunningSimulator, SimulatorError> {
        let SimulatorOptions {
            pace,
            seed,
            world,
            seed_world,
            faults,
            listen,
            record,
            record_answers,
            page_size,
            tls,
        } = options;
        let clock = Clock::start();
        let credentials = credentials(&seed_world)?;
        let new = || World::new(credentials, seed);
        let (mut file, mut world) = match &world {
            Some(path) => WorldFile::open(path, new).map(|(file, world)| (Some(file), world))?,
            None => (None, new()),
        };
        world.advance(clock.now_ms());
        world.prune(clock.now_ms());
        seed_world.apply(&mut world, clock.now_ms())?;
        if let (Some(file), false) = (&mut file, world.take_changes().is_empty()) {
            file.compact(&world)?;
        }
        let credentials = world.credentials().clone();

        let identity = Identity::obtain(&tls)?;
        let acceptor = TlsAcceptor::from(identity.server_config()?);
        let failed = |source| SimulatorError::Listen { addr: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let opened = |path: Option<PathBuf>| match path {
            Some(path) => match Recording::open(&path) {
                Ok(recording) => Ok(Some(recording)),
                Err(source) => Err(SimulatorError::Record { path, source }),
            },
            None => Ok(None),
        };
        let recording = opened(record)?;
        let answers = opened(record_answers)?;
        let cloud = Arc::new(Mutex::new(Cloud { world, taken: 0 }));
        let (committer, writer) = match file {
            Some(file) => Committer::start(file, Arc::clone(&cloud))
                .map(|(committer, writer)| (Some(committer), Some(writer)))
                .map_err(|error| SimulatorError::System(error.to_string()))?,
            None => (None, None),
        };
        let settings = Settings { pace, faults, page_size };
        let faults = Arc::new(settings.faults.clone());
        let (held, holds) = mpsc::unbounded_channel();
        let gateway = Arc::new(Gateway::new(cloud, clock, committer));
        let certificates = Certificates::default();
        let shared = Arc::new(Shared { gateway, certificates, settings, faults, recording, answers, held });
        let server = tokio::spawn(server::serve(listener, acceptor, shared));
        Ok(RunningSimulator { addr, ca_pem: identity.ca_pem, credentials, server, writer, holds })
    }
}

/// Who may log in to a new world.
pub(crate) fn credentials(seed: &Seed) -> Result<Credentials, SimulatorError> {
    Ok(Credentials {
        tenant: seed.tenant.clone(),
        subscription: seed.subscription.clone(),
        client_id: seed.client_id.clone(),
        client_secret: match &seed.client_secret {
            Some(secret) => secret.clone(),
            None => random_secret()?,
        },
    })
}

/// 256 random bits; the one thing of a world that is not drawn from its seed.
fn random_secret() -> Result<String, SimulatorError> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| SimulatorError::System("the operating system gives no random bytes".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A simulator that listens. It stops when it is shut down or dropped.
#[derive(Debug)]
pub struct RunningSimulator {
    addr: SocketAddr,
    ca_pem: String,
    credentials: Credentials,
    server: JoinHandle<()>,
    writer: Option<Writer>,
    holds: mpsc::UnboundedReceiver<String>,
}

impl RunningSimulator {
    /// `https://localhost:PORT`: the ARM endpoint and the authority host.
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.addr.port())
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate authority to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Who may log in.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The next request that a planned fault holds, `PUT /subscriptions/...`, once it is held.
    pub async fn next_held(&mut self) -> Option<String> {
        self.holds.recv().await
    }

    /// Stops listening, cuts connections, and leaves a compact world file behind.
    pub async fn shutdown(mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
        if let Some(writer) = self.writer.take() {
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
    }
}

impl Drop for RunningSimulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Shell lines that make `az` and the Azure SDKs talk to this simulator.
///
/// `ca_file` is where the caller has written [`RunningSimulator::ca_pem`]. The lines hold the client secret, which
/// is worth nothing outside this simulated world.
pub fn print_env(running: &RunningSimulator, ca_file: &std::path::Path) -> String {
    let Credentials { tenant, subscription, client_id, client_secret } = running.credentials();
    let endpoint = running.endpoint();
    let ca_file = ca_file.display();
    format!(
        "\
# Simulated Azure at {endpoint}. Nothing here reaches the real one.
# Save it while the simulator serves (--print-env > env.sh), then in another terminal: . ./env.sh
export LAZULI_SIMULATOR_ENDPOINT='{endpoint}'
export AZURE_AUTHORITY_HOST='{endpoint}'
export AZURE_TENANT_ID='{tenant}'
export AZURE_CLIENT_ID='{client_id}'
export AZURE_CLIENT_SECRET='{client_secret}'
export AZURE_SUBSCRIPTION_ID='{subscription}'
export ARM_SUBSCRIPTION_ID='{subscription}'
export REQUESTS_CA_BUNDLE='{ca_file}'
export SSL_CERT_FILE='{ca_file}'
# az keeps its own configuration and tokens; give it a fresh folder so that your real login stays untouched.
export AZURE_CONFIG_DIR=\"$(mktemp -d)\"
export AZURE_CORE_INSTANCE_DISCOVERY=false
export AZURE_CORE_COLLECT_TELEMETRY=0
# Then:
#   az cloud register -n LazuliSimulator --endpoint-resource-manager \"$LAZULI_SIMULATOR_ENDPOINT\"
#   az cloud set -n LazuliSimulator
#   az login --service-principal -u \"$AZURE_CLIENT_ID\" -p \"$AZURE_CLIENT_SECRET\" --tenant \"$AZURE_TENANT_ID\"
#   az resource list --output table
"
    )
}
