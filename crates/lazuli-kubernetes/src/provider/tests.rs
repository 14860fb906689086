use std::sync::{Arc, Mutex};
use std::time::Duration;

use lazuli_core::plan::Operation;
use lazuli_core::provider::{Provider, Put, Wanted};
use lazuli_core::resource::{ResourceId, ResourceType};
use serde_json::json;
use time::macros::datetime;

use super::KubernetesProvider;
use crate::api::{Clusters, Connect, ConnectError, NoBootLog, Rest};
use crate::keyring::{ClusterId, KeyRing, Server};
use crate::pki::{CertificateAuthority, ClientIdentity};
use crate::scripted::{Api, Reply, Told, list, ok, refuse};

struct Scripted {
    api: Api,
    connected: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Connect for Scripted {
    async fn connect(
        &self,
        server: &Server,
        _ca_pem: &str,
        identity: &ClientIdentity,
    ) -> Result<kube::Client, ConnectError> {
        assert!(identity.certificate_pem.contains("CERTIFICATE"));
        self.connected.lock().unwrap().push(server.host.clone());
        Ok(self.api.client())
    }
}

const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers";

fn provider(api: &Api) -> (KubernetesProvider, Arc<Scripted>) {
    let now = datetime!(2026-11-28 12:00 UTC);
    let ca = CertificateAuthority::new("kubernetes", 10, now).unwrap();
    let ring = KeyRing::default();
    ring.learn(
        &ResourceId::new(format!("{GROUP}/Lazuli.Tls/clusters/prod/certificateAuthorities/cluster_ca")),
        &json!({"properties": {"server": "prod.example:6443", "transport": "direct",
            "certificate": ca.certificate_pem, "privateKey": ca.private_key_pem.expose()}}),
    );
    let connect = Arc::new(Scripted { api: api.clone(), connected: Mutex::default() });
    let clusters = Clusters::new(ring, Arc::clone(&connect) as Arc<dyn Connect>, Arc::new(move || now));
    (KubernetesProvider::new(clusters, Arc::new(NoBootLog)), connect)
}

fn wanted(ty: &str, name: &str) -> Wanted {
    Wanted {
        ty: ResourceType::new(&format!("Lazuli.Kubernetes/clusters/{ty}"), "2026-11-01"),
        id: ResourceId::new(format!("{GROUP}/Lazuli.Kubernetes/clusters/prod/{ty}/{name}")),
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_nodes_are_observed_with_two_lists_over_one_client() {
    let api = Api::new();
    let node = |i: usize| {
        let made_with =
            json!({"node": format!("web-{i}"), "role": "worker", "version": "v1.34.2"}).to_string();
        json!({"metadata": {"name": format!("web-{i}"), "annotations": {"lazuli.dev/member": made_with}},
            "status": {"nodeInfo": {"kubeletVersion": "v1.34.2"}}})
    };
    api.on("GET /api/v1/nodes", [list((0..1000).map(node).collect())]);
    api.on("GET /api/v1/namespaces/kube-system/secrets", [list(vec![])]);
    let (provider, connect) = provider(&api);
    let all: Vec<Wanted> = (0..1001)
        .flat_map(|i| ["registrations", "members"].map(|ty| wanted(ty, &format!("web-{i}"))))
        .collect();
    let seen = provider.observe(&all).await.unwrap();
    assert_eq!((seen.objects.len(), seen.requests, api.sent().len()), (2000, 3, 2));
    assert_eq!(seen.objects[&all[1].id]["properties"]["role"], "worker");
    assert!(!seen.objects.contains_key(&all[2000].id), "web-1000 does not exist");
    provider.observe(&all).await.unwrap();
    assert_eq!(*connect.connected.lock().unwrap(), ["prod.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_outlives_the_certificate_it_was_made_with() {
    let api = Api::new();
    let (provider, connect) = provider(&api);
    let cluster = ClusterId::of(&wanted("members", "web-1").id).unwrap();
    let rest = Rest::from(provider.clusters().client(&cluster).await.unwrap());
    for _ in 0..4 {
        tokio::time::advance(Duration::from_secs(30 * 60)).await;
        rest.get("/version").await.unwrap();
    }
    assert_eq!(connect.connected.lock().unwrap().len(), 3, "after one hour and after two");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_observed_says_which_cluster_and_why() {
    let api = Api::new();
    api.on("GET /api/v1/nodes", [Reply::Unreachable]);
    let (provider, _) = provider(&api);
    let member = wanted("members", "web-1");
    let error = provider.observe(std::slice::from_ref(&member)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ClusterUnreachable: cluster prod: the API of the cluster cannot be reached: connection refused"
    );
    let other = Wanted { id: ResourceId::new(member.id.as_str().replace("prod", "test")), ..member };
    let error = provider.observe(&[other]).await.unwrap_err();
    assert_eq!(error.code, "NoClusterKeys");
    let error = provider.read(&wanted("things", "x").ty, &wanted("things", "x").id).await.unwrap_err();
    assert_eq!(error.code, "UnknownType");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_in_the_servers_words() {
    let api = Api::new();
    let message = "admission webhook \"policy\" denied the request";
    let none = || ok(json!({"items": []}));
    api.on("GET /api/v1/namespaces/kube-system/secrets", [none(), none()]);
    api.on("DELETE /api/v1/nodes/web-1", [refuse(403, "Forbidden", message), ok(json!({}))]);
    let (provider, _) = provider(&api);
    let registration = wanted("registrations", "web-1");
    let delete = || provider.delete(&registration.ty, &registration.id, &*NOBODY);
    let error = delete().await.unwrap_err();
    assert_eq!(error.to_string(), format!("403 Forbidden: cluster prod: {message}"));
    delete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_joined_gets_no_second_token_when_its_registration_changes() {
    let api = Api::new();
    api.on("GET /api/v1/nodes/web-1", [refuse(404, "NotFound", "no"), ok(json!({}))]);
    let (provider, _) = provider(&api);
    let Wanted { ty, id } = wanted("registrations", "web-1");
    let body = json!({"properties": {"node": "web-1", "role": "worker", "configuration": {"cni": "none"}}});
    let put = |operation| Put { operation, ty: &ty, id: &id, body: &body, previous: None };
    let made = provider.put(put(Operation::Create), &*NOBODY).await.unwrap();
    assert_eq!(made["properties"]["joined"], false);
    let changed = provider.put(put(Operation::Update), &*NOBODY).await.unwrap();
    assert_eq!(changed["properties"]["joined"], true);
    assert_eq!(api.told("PATCH").len(), 1);
}

static NOBODY: std::sync::LazyLock<Told> = std::sync::LazyLock::new(Told::default);
