use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use lazuli_core::resource::ResourceId;
use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::Clusters;
use crate::api::{Connect, ConnectError, Rest};
use crate::keyring::{ClusterId, KeyRing, Server};
use crate::pki::{CertificateAuthority, ClientIdentity};
use crate::scripted::{Api, ok, refuse};

const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);
const CA: &str =
    "/subscriptions/s/resourceGroups/g/providers/Lazuli.Tls/clusters/prod/certificateAuthorities/cluster_ca";

/// Counts connections.
struct Counted {
    api: Api,
    connections: AtomicUsize,
}

#[async_trait::async_trait]
impl Connect for Counted {
    async fn connect(&self, _: &Server, _: &str, _: &ClientIdentity) -> Result<kube::Client, ConnectError> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Ok(self.api.client_without_patience())
    }
}

/// A cluster, how often it was connected to, and the minutes that the clock on the wall is ahead.
async fn cluster(api: &Api) -> (Rest, Arc<Counted>, Arc<AtomicI64>) {
    let ca = CertificateAuthority::new("kubernetes", 10, NOW).unwrap();
    let (ring, id) = (KeyRing::default(), ResourceId::new(CA));
    ring.learn(
        &id,
        &json!({"properties": {"server": "prod.example:6443", "certificate": ca.certificate_pem,
            "privateKey": ca.private_key_pem.expose()}}),
    );
    let connect = Arc::new(Counted { api: api.clone(), connections: AtomicUsize::new(0) });
    let minutes = Arc::new(AtomicI64::new(0));
    let ahead = Arc::clone(&minutes);
    let now = Arc::new(move || NOW + Duration::minutes(ahead.load(Ordering::Relaxed)));
    let clusters = Clusters::new(ring, Arc::clone(&connect) as Arc<dyn Connect>, now);
    let client = clusters.client(&ClusterId::of(&id).unwrap()).await.unwrap();
    (Rest::from(client), connect, minutes)
}

#[tokio::test(start_paused = true)]
async fn a_server_in_trouble_is_left_for_another_one_behind_the_load_balancer() {
    let api = Api::new();
    let gone = refuse(500, "InternalError", "etcdserver: no leader");
    api.on("GET /a", [ok(json!({})), gone, ok(json!({}))]);
    let (rest, connect, _) = cluster(&api).await;
    rest.get("/a").await.unwrap();
    assert_eq!(connect.connections.load(Ordering::Relaxed), 1);
    rest.get("/a").await.unwrap();
    assert_eq!(connect.connections.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_ended_while_the_machine_slept_is_made_anew() {
    let api = Api::new();
    api.on("GET /a", [ok(json!({}))]);
    let (rest, connect, minutes) = cluster(&api).await;
    rest.get("/a").await.unwrap();
    minutes.store(49, Ordering::Relaxed);
    rest.get("/a").await.unwrap();
    assert_eq!(connect.connections.load(Ordering::Relaxed), 1);
    minutes.store(90, Ordering::Relaxed);
    rest.get("/a").await.unwrap();
    assert_eq!(connect.connections.load(Ordering::Relaxed), 2);
}
