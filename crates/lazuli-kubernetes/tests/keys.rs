//! The provider `tls` and the key ring, as the executor uses them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]

use lazuli_core::Json;
use lazuli_core::journal::JournalError;
use lazuli_core::plan::Operation;
use lazuli_core::provider::{Provider, ProviderError, Put, Wanted, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};
use lazuli_kubernetes::keyring::{ClusterId, KeyRing, Server, Transport};
use lazuli_kubernetes::pki::derived::bootstrap_token;
use lazuli_kubernetes::pki::{admin_identity, certificates};
use lazuli_kubernetes::tls::{CERTIFICATE_AUTHORITIES, SERVICE_ACCOUNT_KEYS, TlsProvider};
use serde_json::json;
use time::macros::datetime;

struct Quiet;

#[async_trait::async_trait]
impl Watch for Quiet {
    async fn accepted(&self, _: &str) -> Result<(), JournalError> {
        Ok(())
    }

    fn progress(&self, _: &str) {}
}

const CLUSTER: &str = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-Prod/providers/Lazuli.Tls/clusters/prod";

fn id(rest: &str) -> ResourceId {
    ResourceId::new(format!("{CLUSTER}/{rest}"))
}

fn ty(name: &str) -> ResourceType {
    ResourceType::new(name, "2026-11-01")
}

fn provider() -> (KeyRing, TlsProvider) {
    let keys = KeyRing::default();
    (keys.clone(), TlsProvider::new(keys, || datetime!(2026-03-01 12:00:00 UTC)))
}

async fn put(
    provider: &TlsProvider,
    operation: Operation,
    name: &str,
    body: &Json,
) -> Result<Json, ProviderError> {
    let (folder, type_name) = match name {
        "service_account" => ("serviceAccountKeys", SERVICE_ACCOUNT_KEYS),
        _ => ("certificateAuthorities", CERTIFICATE_AUTHORITIES),
    };
    let (ty, id) = (ty(type_name), id(&format!("{folder}/{name}")));
    provider.put(Put { operation, ty: &ty, id: &id, body, previous: None }, &Quiet).await
}

fn cluster_ca(server: &str) -> Json {
    json!({ "properties": { "commonName": "kubernetes", "validityYears": 10, "server": server, "transport": "direct" } })
}

#[tokio::test]
async fn keys_are_made_once_and_an_update_keeps_them() {
    let (keys, provider) = provider();
    let made =
        put(&provider, Operation::Create, "cluster_ca", &cluster_ca("a.example.com:6443")).await.unwrap();
    assert_eq!(made["properties"]["notAfter"], "2036-02-27T12:00:00Z");
    assert!(made["properties"]["publicKeyHash"].as_str().unwrap().starts_with("sha256:"));
    for operation in [Operation::Update, Operation::Create] {
        let body = cluster_ca("b.example.com:443");
        let changed = put(&provider, operation, "cluster_ca", &body).await.unwrap();
        for kept in ["certificate", "privateKey", "publicKeyHash", "notAfter"] {
            assert_eq!(made["properties"][kept], changed["properties"][kept], "{kept}");
        }
        assert_eq!(changed["properties"]["server"], "b.example.com:443");
    }
    let cluster = keys.cluster(&ClusterId::of(&id("x/y")).unwrap()).unwrap();
    assert_eq!(cluster.server, Server { host: "b.example.com".into(), port: 443 });
}

#[tokio::test]
async fn a_later_run_learns_from_the_state_what_an_earlier_one_made() {
    let (keys, first) = provider();
    let names = ["cluster_ca", "etcd_ca", "front_proxy_ca", "service_account"];
    let mut recorded = Vec::new();
    for name in names {
        let body = match name {
            "cluster_ca" => cluster_ca("prod.example.com:6443"),
            "service_account" => json!({ "properties": {} }),
            _ => json!({ "properties": { "commonName": name, "validityYears": 10 } }),
        };
        recorded.push((name, put(&first, Operation::Create, name, &body).await.unwrap()));
    }
    let (later, second) = provider();
    let wanted: Vec<_> = names
        .map(|name| match name {
            "service_account" => {
                Wanted { ty: ty(SERVICE_ACCOUNT_KEYS), id: id("serviceAccountKeys/service_account") }
            }
            _ => {
                Wanted { ty: ty(CERTIFICATE_AUTHORITIES), id: id(&format!("certificateAuthorities/{name}")) }
            }
        })
        .to_vec();
    assert!(second.observe(&wanted).await.unwrap().objects.is_empty(), "nothing is known yet");
    for ((_, object), wanted) in recorded.iter().zip(&wanted) {
        later.learn(&wanted.id, object);
    }
    let observed = second.observe(&wanted).await.unwrap();
    for ((name, object), wanted) in recorded.iter().zip(&wanted) {
        assert_eq!(&observed.objects[&wanted.id], object, "{name}: observed is what was recorded");
    }
    let of = |ring: &KeyRing| {
        let id =
            ResourceId::new(CLUSTER.replace("Lazuli.Tls", "Lazuli.Kubernetes").replace("rg-Prod", "RG-PROD"));
        ring.cluster(&ClusterId::of(&id).unwrap()).unwrap()
    };
    let (before, after) = (of(&keys), of(&later));
    assert_eq!(bootstrap_token(&before.cluster_ca, "n"), bootstrap_token(&after.cluster_ca, "n"));
    assert_eq!(after.transport, Transport::Direct);
    assert!(after.etcd_ca.is_some() && after.front_proxy_ca.is_some() && after.service_account.is_some());
    let shown = format!("{later:?} {second:?} {after:?}");
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

#[tokio::test]
async fn what_is_deleted_is_forgotten_and_made_anew() {
    let (keys, provider) = provider();
    let body = cluster_ca("prod.example.com:6443");
    let made = put(&provider, Operation::Create, "cluster_ca", &body).await.unwrap();
    let (ty, id) = (ty(CERTIFICATE_AUTHORITIES), id("certificateAuthorities/cluster_ca"));
    assert_eq!(provider.read(&ty, &id).await.unwrap().as_ref(), Some(&made));
    provider.delete(&ty, &id, &Quiet).await.unwrap();
    assert_eq!(provider.read(&ty, &id).await.unwrap(), None);
    assert!(keys.cluster(&ClusterId::of(&id).unwrap()).is_none());
    let rotated = put(&provider, Operation::Create, "cluster_ca", &body).await.unwrap();
    assert_ne!(made["properties"]["privateKey"], rotated["properties"]["privateKey"]);
}

#[tokio::test]
async fn a_service_account_key_is_rotated_in_three_steps_and_a_step_done_twice_is_done_once() {
    let (keys, provider) = provider();
    let body = |steps: i64| match steps {
        0 => json!({ "properties": {} }),
        steps => json!({ "properties": { "rotation": steps } }),
    };
    let of_cluster = put(&provider, Operation::Create, "cluster_ca", &cluster_ca("a.example.com:6443")).await;
    of_cluster.unwrap();
    let mut objects = vec![put(&provider, Operation::Create, "service_account", &body(0)).await.unwrap()];
    for steps in 1..=6 {
        let object = put(&provider, Operation::Update, "service_account", &body(steps)).await.unwrap();
        let again = put(&provider, Operation::Update, "service_account", &body(steps)).await.unwrap();
        assert_eq!(object, again, "step {steps}");
        objects.push(object);
    }
    let text = |steps: usize, name: &str| objects[steps]["properties"][name].as_str().map(str::to_owned);
    for first in [0, 3] {
        let (old, new) = (text(first, "publicKey"), text(first + 1, "nextPublicKey"));
        assert!(old.is_some() && new.is_some() && old != new);
        assert_eq!((text(first + 1, "publicKey"), text(first + 1, "previousPublicKey")), (old.clone(), None));
        assert_eq!((text(first + 2, "publicKey"), text(first + 2, "previousPublicKey")), (new.clone(), old));
        assert_eq!(text(first + 2, "privateKey"), text(first + 1, "nextPrivateKey"));
        assert_eq!((text(first + 2, "nextPrivateKey"), text(first + 3, "previousPublicKey")), (None, None));
        assert_eq!(text(first + 3, "publicKey"), new);
    }
    // What nodes get: the key that signs first, then the others. No two steps at once, and none backwards.
    let cluster = ClusterId::of(&id("x/y")).unwrap();
    for (steps, others) in [(1, ["nextPublicKey"]), (2, ["previousPublicKey"])] {
        let (later, _) = self::provider();
        later.learn(
            &id("certificateAuthorities/cluster_ca"),
            &keys.recall(&id("certificateAuthorities/cluster_ca")).unwrap(),
        );
        later.learn(&id("serviceAccountKeys/service_account"), &objects[steps]);
        let key = later.cluster(&cluster).unwrap().service_account.unwrap();
        let bundle = text(steps, "publicKey").unwrap() + &text(steps, others[0]).unwrap();
        assert_eq!(key.public_pem, bundle);
        assert_eq!(Some(key.private_pem.expose().to_owned()), text(steps, "privateKey"));
        assert!(!format!("{later:?}").contains("PRIVATE"));
    }
    let back = put(&provider, Operation::Update, "service_account", &body(4)).await.unwrap_err();
    assert_eq!(back.code, "KeyNotRotated");
}

#[tokio::test]
async fn an_authority_is_rotated_in_three_steps_and_its_old_key_goes_when_it_signs_no_more() {
    let (keys, provider) = provider();
    let body = |steps: i64| {
        let mut body = cluster_ca("a.example.com:6443");
        if steps > 0 {
            body["properties"]["rotation"] = steps.into();
        }
        body
    };
    let mut objects = vec![put(&provider, Operation::Create, "cluster_ca", &body(0)).await.unwrap()];
    let cluster = ClusterId::of(&id("x/y")).unwrap();
    let mut tokens = vec![bootstrap_token(&keys.cluster(&cluster).unwrap().cluster_ca, "n")];
    for steps in 1..=6 {
        let object = put(&provider, Operation::Update, "cluster_ca", &body(steps)).await.unwrap();
        let again = put(&provider, Operation::Update, "cluster_ca", &body(steps)).await.unwrap();
        assert_eq!(object, again, "step {steps}");
        objects.push(object);
        let known = keys.cluster(&cluster).unwrap();
        assert_eq!(known.cluster_ca_rotation, steps);
        tokens.push(bootstrap_token(&known.cluster_ca, "n"));
        // Whom it signs for now is believed by the first certificate: that of its own key.
        let now = datetime!(2026-03-01 12:00:00 UTC);
        let hour = std::time::Duration::from_secs(3600);
        admin_identity(&known.cluster_ca, "a", &["system:masters"], hour, now).unwrap();
    }
    let text = |steps: usize, name: &str| objects[steps]["properties"][name].as_str().map(str::to_owned);
    let bundle = |steps: usize| {
        let pem = text(steps, "certificate").unwrap();
        certificates(&pem).map(str::to_owned).collect::<Vec<_>>()
    };
    for first in [0, 3] {
        let [old, new] = [first, first + 3].map(|steps| bundle(steps).concat());
        assert_ne!(old, new);
        assert_eq!(bundle(first + 1), [old.clone(), new.clone()]);
        assert_eq!(bundle(first + 2), [new, old]);
        for (step, key) in [(1, first), (2, first + 3), (3, first + 3)] {
            for name in ["privateKey", "publicKeyHash", "notAfter"] {
                assert_eq!(text(first + step, name), text(key, name), "{name} in step {step}");
            }
            assert_eq!(tokens[first + step], tokens[key], "tokens are those of the key that signs");
        }
        assert_eq!(text(first + 1, "nextPrivateKey"), text(first + 3, "privateKey"));
        assert_eq!([2, 3].map(|step| text(first + step, "nextPrivateKey")), [None, None]);
    }
    assert!(!format!("{keys:?} {:?}", keys.cluster(&cluster)).contains("PRIVATE"));
    let back = put(&provider, Operation::Update, "cluster_ca", &body(4)).await.unwrap_err();
    assert_eq!(back.code, "KeyNotRotated");
}

#[tokio::test]
async fn an_update_of_keys_that_nobody_knows_makes_no_new_ones() {
    let (_, provider) = provider();
    let error = put(&provider, Operation::Update, "cluster_ca", &cluster_ca("a:1")).await.unwrap_err();
    assert_eq!(error.code, "KeyNotKnown");
}

#[test]
fn only_objects_of_a_cluster_have_a_cluster() {
    let of = |id: &str| ClusterId::of(&ResourceId::new(id)).map(|c| c.as_str().to_owned());
    let group = "/subscriptions/S/resourceGroups/G/providers";
    let same = Some("s/g/prod".to_owned());
    assert_eq!(of(&format!("{group}/Lazuli.Kubernetes/clusters/Prod/members/x")), same);
    assert_eq!(of(&format!("{group}/lazuli.tls/clusters/prod")), same);
    assert_eq!(of(&format!("{group}/Microsoft.Compute/virtualMachines/vm")), None);
    assert_eq!(of(&format!("{group}/Microsoft.HDInsight/clusters/prod")), None);
}
