//! One client per cluster.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connect::{Connect, ConnectError};
use super::exec::Exec;
use super::retry::{Patience, patient};
use crate::keyring::{ClusterId, KeyRing};
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
    patience: Patience,
    now: Clock,
    clients: Arc<Mutex<HashMap<ClusterId, Kept>>>,
}

struct Kept {
    client: kube::Client,
    authority: String,
    since: Instant,
}

impl fmt::Debug for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clusters")
    }
}

impl Clusters {
    /// Clusters whose keys are in `ring`, reached by `connect`.
    pub fn new(ring: KeyRing, connect: Arc<dyn Connect>, now: Clock) -> Self {
        Clusters { ring, connect, patience: Patience::default(), now, clients: Arc::default() }
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
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

    /// What runs commands in the containers of a cluster.
    pub fn exec(&self, _cluster: &ClusterId, client: kube::Client) -> Arc<dyn Exec> {
        Arc::new(client)
    }

    /// A client that is signed in as `system:masters`: the first one is made here, the others share its connections.
    ///
    /// # Errors
    /// When the cluster's keys are not known or cannot be used.
    pub async fn client(&self, cluster: &ClusterId) -> Result<kube::Client, ConnectError> {
        let keys = self.ring.cluster(cluster).ok_or_else(|| ConnectError::NoKeys(cluster.clone()))?;
        let authority = &keys.cluster_ca.certificate_pem;
        let mut clients = self.clients.lock().await;
        if let Some(kept) = clients.get(cluster)
            && kept.since.elapsed() < RENEW
            && kept.authority == *authority
        {
            return Ok(kept.client.clone());
        }
        let identity =
            pki::admin_identity(&keys.cluster_ca, "lazuli", &["system:masters"], VALID, self.now())?;
        let client = self.connect.connect(&keys.server, authority, &identity).await?;
        let client = patient(client, self.patience);
        let kept = Kept { client: client.clone(), authority: authority.clone(), since: Instant::now() };
        clients.insert(cluster.clone(), kept);
        Ok(client)
    }
}
