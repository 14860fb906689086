//! A simulated Azure inside the process, without sockets: requests go in and answers come out, as late as they would.
//!
//! On a paused runtime its time is the runtime's: an hour of Azure passes as fast as it can be computed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::DuplexStream;

use crate::apiserver::{self, Misfortune, Peer};
use crate::arm::{self, Settings};
use crate::clock::Clock;
use crate::commit::Cloud;
use crate::delivery::PIECES;
use crate::faults::Faults;
use crate::gateway::Gateway;
use crate::kubernetes::{self, User};
use crate::request::{Delivery, Request, Response};
use crate::seed::Seed;
use crate::simulator::{SimulatorError, credentials};
use crate::world::{Credentials, World};

/// When its time begins, in milliseconds since 1970: the first moment of 2026, so that runs are repeatable.
const BEGIN_MS: u64 = 1_767_225_600_000;

/// A simulated Azure that lives as long as this value.
#[derive(Debug)]
pub struct InProcess {
    gateway: Arc<Gateway>,
    settings: Mutex<Settings>,
}

impl InProcess {
    /// A new world. `seed` decides every invented identifier and delay; `seed_world` is what exists before. Must be
    /// called on the tokio runtime whose clock it is to follow.
    ///
    /// # Errors
    /// When the simulated Azure refuses what is to exist before.
    pub fn start(seed: u64, seed_world: &Seed, settings: Settings) -> Result<Self, SimulatorError> {
        let clock = Clock::at(BEGIN_MS);
        let mut world = World::new(credentials(seed_world)?, seed);
        seed_world.apply(&mut world, clock.now_ms())?;
        let cloud = Arc::new(Mutex::new(Cloud { world, taken: 0 }));
        Ok(Self { gateway: Arc::new(Gateway::new(cloud, clock, None)), settings: Mutex::new(settings) })
    }

    /// From here on these faults strike and no others.
    pub fn set_faults(&self, faults: Faults) {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).faults = faults;
    }

    /// Carries out a request and answers after as long as the service would take; `None` when the connection is cut. An
    /// answer that stalls never comes.
    ///
    /// The world moves at once: whoever stops waiting has sent the request all the same.
    pub async fn send(&self, request: &Request) -> Option<Response> {
        let response = {
            let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
            self.gateway.act(|world, now| arm::handle(world, &settings, request, now))
        };
        if response.accept_ms > 0 {
            tokio::time::sleep(Duration::from_millis(response.accept_ms)).await;
        }
        match response.delivery {
            Delivery::Answer => Some(response),
            Delivery::Drop | Delivery::Reset => None,
            Delivery::Slow { pause_ms } => {
                tokio::time::sleep(Duration::from_millis(pause_ms * PIECES as u64)).await;
                Some(response)
            }
            Delivery::Hold | Delivery::Stall => std::future::pending().await,
        }
    }

    /// What time it is there, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.gateway.now_ms()
    }

    /// Who may log in.
    pub fn credentials(&self) -> Credentials {
        self.gateway.act(|world, _| world.credentials().clone())
    }

    /// Everything that exists, by id, as its writers left it.
    pub fn objects(&self) -> BTreeMap<String, Value> {
        self.gateway.act(|world, now| {
            world.advance(now);
            world.all("", None).map(|resource| (resource.id.clone(), resource.body.clone())).collect()
        })
    }

    /// The host names of the API servers of all clusters.
    pub fn clusters(&self) -> Vec<String> {
        self.gateway.act(|world, now| {
            world.advance(now);
            world.clusters.keys().cloned().collect()
        })
    }

    /// All objects of a resource (`v1/pods`) in the cluster behind a host name, without asking its API server.
    pub fn objects_inside(&self, host: &str, resource: &str) -> Vec<Arc<Value>> {
        self.gateway.act(|world, now| {
            world.advance(now);
            let cluster = world.clusters.get(host);
            cluster.map(|cluster| cluster.store.list(resource, None).cloned().collect()).unwrap_or_default()
        })
    }

    /// Whether most of the voters of a cluster's etcd run; `None` when there is no such cluster.
    pub fn has_quorum(&self, host: &str) -> Option<bool> {
        self.gateway.act(|world, now| {
            world.advance(now);
            world.clusters.get(host).map(|cluster| cluster.control().etcd.has_quorum())
        })
    }

    /// The nodes whose member a cluster's etcd knows, started or not.
    pub fn etcd_members(&self, host: &str) -> Vec<String> {
        self.gateway.act(|world, now| {
            world.advance(now);
            let cluster = world.clusters.get(host);
            cluster
                .map(|cluster| cluster.control().etcd.members.keys().cloned().collect())
                .unwrap_or_default()
        })
    }

    /// Does something with the world itself.
    #[cfg(test)]
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut World, u64) -> T) -> T {
        self.gateway.act(act)
    }

    /// Whether an API server answers behind a host name.
    pub fn answers(&self, host: &str) -> bool {
        self.gateway.act(|world, now| {
            world.advance(now);
            kubernetes::answering_leaf(world, &host.to_ascii_lowercase()).is_some()
        })
    }

    /// Connects to the API server behind a host name as somebody who has proved to be `user` (without anybody, as one who
    /// has still to show a token). The stream speaks HTTP/1.1 without TLS, and follows the runtime's clock; where no API
    /// server answers it ends at once.
    pub fn connect(&self, host: &str, user: Option<User>) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let host: Arc<str> = Arc::from(host.to_ascii_lowercase());
        if self.answers(&host) {
            let peer = user.map_or(Peer::Unknown, Peer::Known);
            let gateway = Arc::clone(&self.gateway);
            let faults = self.settings.lock().unwrap_or_else(PoisonError::into_inner).faults.clone();
            let misfortune = Misfortune { faults: Arc::new(faults), held: None };
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let (gateway, host) = (Arc::clone(&gateway), Arc::clone(&host));
                    apiserver::answer(gateway, host, peer.clone(), misfortune.clone(), request)
                });
                let http = hyper::server::conn::http1::Builder::new();
                // A client that goes away is no error of ours.
                let _ = http.serve_connection(TokioIo::new(ours), service).with_upgrades().await;
            });
        }
        theirs
    }
}
