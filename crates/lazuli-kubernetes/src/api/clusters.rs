//! One client per cluster.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use kube::client::Body;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connect::{Connect, ConnectError};
use super::exec::Exec;
use super::retry::{Patience, patient};
use super::run_command::{RunCommand, Tunnel};
use crate::keyring::{ClusterId, ClusterKeys, KeyRing, Transport};
use crate::pki;

/// What time it is.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// How long the certificate is valid that signs in.
const VALID: Duration = Duration::from_secs(60 * 60);

/// After how long it is made anew.
const RENEW: Duration = Duration::from_secs(50 * 60);

/// The clusters whose keys are known. Cheap to clone; the clients are shared.
#[derive(Clone)]
pub struct Clusters {
    ring: KeyRing,
    connect: Arc<dyn Connect>,
    run_command: Option<Arc<dyn RunCommand>>,
    patience: Patience,
    now: Clock,
    clients: Arc<Mutex<HashMap<ClusterId, Kept>>>,
}

#[derive(Clone)]
struct Kept {
    client: kube::Client,
    authority: String,
    since: Instant,
    /// By the clock on the wall: the other one stands still while the machine sleeps, and the certificate ends all the same.
    made: OffsetDateTime,
}

impl fmt::Debug for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clusters")
    }
}

impl Clusters {
    /// Clusters whose keys are in `ring`, reached by `connect`.
    pub fn new(ring: KeyRing, connect: Arc<dyn Connect>, now: Clock) -> Self {
        Clusters {
            ring,
            connect,
            run_command: None,
            patience: Patience::default(),
            now,
            clients: Arc::default(),
        }
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The same, with a way to the clusters whose `transport` is `run_command`.
    #[must_use]
    pub fn with_run_command(mut self, run_command: Arc<dyn RunCommand>) -> Self {
        self.run_command = Some(run_command);
        self
    }

    /// The keys.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// What time it is.
    pub fn now(&self) -> OffsetDateTime {
        (self.now)()
    }

    /// What tells the time.
    pub fn clock(&self) -> Clock {
        Arc::clone(&self.now)
    }

    /// What runs commands in the containers of a cluster, given its client.
    pub fn exec(&self, cluster: &ClusterId, client: kube::Client) -> Arc<dyn Exec> {
        let keys = self.ring.cluster(cluster);
        match (keys, &self.run_command) {
            (Some(keys), Some(run)) if keys.transport == Transport::RunCommand => {
                Arc::new(self.tunnel(run, cluster, &keys))
            }
            _ => Arc::new(client),
        }
    }

    /// A client that is signed in as `system:masters`: the first one is made here, the others share its connections. It
    /// may be kept for as long as a step takes: its certificate is renewed behind it.
    ///
    /// # Errors
    /// When the cluster's keys are not known or cannot be used.
    pub async fn client(&self, cluster: &ClusterId) -> Result<kube::Client, ConnectError> {
        self.current(cluster).await?;
        let (clusters, cluster) = (self.clone(), cluster.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (clusters, cluster) = (clusters.clone(), cluster.clone());
            async move {
                let current = clusters.current(&cluster).await;
                let current = current.map_err(|e| io::Error::new(io::ErrorKind::ConnectionRefused, e))?;
                let answer = current.client.send(request).await;
                if is_to_be_left(&answer) {
                    clusters.leave(&cluster, &current).await;
                }
                Ok::<_, tower::BoxError>(answer?)
            }
        });
        Ok(patient(kube::Client::new(service, "default"), self.patience))
    }

    /// Drops a client with its connections: the next request makes new ones.
    async fn leave(&self, cluster: &ClusterId, left: &Kept) {
        let mut clients = self.clients.lock().await;
        if clients.get(cluster).is_some_and(|kept| kept.since == left.since) {
            clients.remove(cluster);
        }
    }

    /// The client whose certificate still holds for a while.
    async fn current(&self, cluster: &ClusterId) -> Result<Kept, ConnectError> {
        let keys = self.ring.cluster(cluster).ok_or_else(|| ConnectError::NoKeys(cluster.clone()))?;
        let authority = &keys.cluster_ca.certificate_pem;
        let mut clients = self.clients.lock().await;
        if let Some(kept) = clients.get(cluster)
            && kept.since.elapsed() < RENEW
            && (self.now() - kept.made).unsigned_abs() < RENEW
            && kept.authority == *authority
        {
            return Ok(kept.clone());
        }
        let client = match keys.transport {
            Transport::Direct => self.direct(&keys).await?,
            Transport::RunCommand => {
                let run = self.run_command.as_ref();
                let run = run.ok_or_else(|| ConnectError::NoRunCommand(cluster.clone()))?;
                self.tunnel(run, cluster, &keys).client()
            }
        };
        let kept = Kept { client, authority: authority.clone(), since: Instant::now(), made: self.now() };
        clients.insert(cluster.clone(), kept.clone());
        Ok(kept)
    }

    /// The way through Run Command. API servers listen on their machines where the load balancer does.
    fn tunnel(&self, run: &Arc<dyn RunCommand>, cluster: &ClusterId, keys: &ClusterKeys) -> Tunnel {
        Tunnel::new(Arc::clone(run), cluster.clone(), keys.server.port, self.clock())
    }

    async fn direct(&self, keys: &ClusterKeys) -> Result<kube::Client, ConnectError> {
        let authority = &keys.cluster_ca;
        let identity = pki::admin_identity(authority, "lazuli", &["system:masters"], VALID, self.now())?;
        self.connect.connect(&keys.server, &authority.certificate_pem, &identity).await
    }
}

/// Whether the answer speaks against going on with the same connections. A load balancer leaves those that exist where they
/// are: at an API server whose etcd has gone, or whose machine has. And 401 means that the certificate is not accepted any
/// more.
fn is_to_be_left(answer: &Result<Response<Body>, kube::Error>) -> bool {
    match answer {
        Ok(response) => matches!(response.status().as_u16(), 401 | 500 | 502..=504),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests;
