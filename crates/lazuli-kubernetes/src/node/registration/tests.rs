use std::collections::HashMap;

use lazuli_core::Json;
use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{create, delete, observed, revoke};
use crate::keyring::{ClusterKeys, Server, Transport};
use crate::node::{Registration, Role, token};
use crate::pki::{CertificateAuthority, ServiceAccountKey, derived};
use crate::scripted::{Api, ok};

const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);

pub(crate) fn keys() -> ClusterKeys {
    let authority = |name: &str| CertificateAuthority::new(name, 10, NOW).unwrap();
    ClusterKeys {
        server: Server { host: "prod.example".into(), port: 6443 },
        transport: Transport::Direct,
        cluster_ca: authority("kubernetes"),
        cluster_ca_rotation: 0,
        etcd_ca: Some(authority("etcd-ca")),
        front_proxy_ca: Some(authority("front-proxy-ca")),
        front_proxy_ca_rotation: 0,
        service_account: Some(ServiceAccountKey::new().unwrap()),
    }
}

fn registration(role: Role) -> Registration {
    Registration { node: "prod-1".into(), role }
}

#[tokio::test(start_paused = true)]
async fn a_worker_gets_a_token_for_half_an_hour_and_nothing_else() {
    let (api, keys) = (Api::new(), keys());
    create(&api.rest(), &keys, &registration(Role::Worker), NOW).await.unwrap();
    let token = derived::bootstrap_token(&keys.cluster_ca, "prod-1");
    let sent = api.sent();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].1.starts_with(&format!(
        "PATCH /api/v1/namespaces/kube-system/secrets/bootstrap-token-{}?",
        token.id()
    )));
    let secret = &sent[0].2;
    assert_eq!(secret["type"], "bootstrap.kubernetes.io/token");
    assert_eq!(token::expires(secret), Some(NOW + Duration::minutes(30)));
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_node_gets_the_certificates_too_bound_to_its_token() {
    let (api, keys) = (Api::new(), keys());
    let token = derived::bootstrap_token(&keys.cluster_ca, "prod-1");
    let path = format!("PATCH /api/v1/namespaces/kube-system/secrets/bootstrap-token-{}", token.id());
    api.on(&path, [ok(json!({"metadata": {"uid": "u-1"}}))]);
    create(&api.rest(), &keys, &registration(Role::ControlPlane), NOW).await.unwrap();
    let paths: Vec<String> =
        api.sent().iter().skip(1).map(|(_, line, _)| line.split('?').next().unwrap().to_owned()).collect();
    let namespace = "kube-system";
    let rbac = format!("PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
    assert_eq!(
        paths,
        [
            format!("{rbac}/roles/kubeadm:kubeadm-certs"),
            format!("{rbac}/rolebindings/kubeadm:kubeadm-certs"),
            format!("PATCH /api/v1/namespaces/{namespace}/secrets/kubeadm-certs"),
            path.clone(),
        ]
    );
    // A crash before the certificates are there leaves a token that nobody takes for a finished registration.
    let (sent, secrets) =
        (api.sent(), |secret: &Json| HashMap::from([(token::secret_name(&token), secret.clone())]));
    let is_there = |secret| observed("prod-1", None, &secrets(secret), None, NOW).is_some();
    assert!(!is_there(&sent[0].2));
    assert!(is_there(&sent[4].2));
    let certs = sent[3].2.clone();
    assert_eq!(certs["metadata"]["ownerReferences"][0]["uid"], "u-1");
    let files: Vec<&String> = certs["data"].as_object().unwrap().keys().collect();
    let expected = [
        "ca.crt",
        "ca.key",
        "etcd-ca.crt",
        "etcd-ca.key",
        "front-proxy-ca.crt",
        "front-proxy-ca.key",
        "sa.key",
        "sa.pub",
    ];
    assert_eq!(files, expected);
}

#[tokio::test(start_paused = true)]
async fn the_first_node_needs_nobodys_permission() {
    let api = Api::new();
    create(&api.rest(), &keys(), &registration(Role::Init), NOW).await.unwrap();
    assert!(api.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_let_it_in_is_taken_back_and_its_node_goes_with_the_registration() {
    let (api, keys) = (Api::new(), keys());
    revoke(&api.rest(), &keys, "prod-1", Role::ControlPlane).await.unwrap();
    let token = derived::bootstrap_token(&keys.cluster_ca, "prod-1");
    // Found by what it says: the key that it was derived from may have been rotated. That of another node stays.
    let of = |node: &str, keys: &ClusterKeys| {
        let registration = Registration { node: node.into(), role: Role::Worker };
        let token = derived::bootstrap_token(&keys.cluster_ca, node);
        token::token_secret(&token, &registration, NOW, token::VALID)
    };
    let others = [of("prod-1", &keys), of("prod-10", &keys)];
    api.on("GET /api/v1/namespaces/kube-system/secrets", [ok(json!({"items": others}))]);
    delete(&api.rest(), "prod-1").await.unwrap();
    let secrets = "DELETE /api/v1/namespaces/kube-system/secrets";
    let lines = api.sent().into_iter().map(|(_, line, _)| line);
    let lines: Vec<String> = lines.filter(|line| !line.starts_with("GET ")).collect();
    let own = format!("{secrets}/bootstrap-token-{}", token.id());
    let expected =
        [format!("{secrets}/kubeadm-certs"), own.clone(), own, "DELETE /api/v1/nodes/prod-1".to_owned()];
    assert_eq!(lines, expected);
}

#[test]
fn a_registration_is_there_when_its_node_is_or_its_token_still_helps() {
    let token = derived::bootstrap_token(&keys().cluster_ca, "prod-1");
    let tokens = |left: i64| {
        let made = NOW + Duration::minutes(left - 30);
        let secret = token::token_secret(&token, &registration(Role::ControlPlane), made, token::VALID);
        HashMap::from([(token::secret_name(&token), secret)])
    };
    let see = |node: Option<&Json>, tokens: &HashMap<String, Json>| {
        observed("prod-1", node, tokens, None, NOW).map(|object| object["properties"].clone())
    };
    assert_eq!(see(None, &HashMap::new()), None);
    assert_eq!(see(None, &tokens(9)), None);
    assert_eq!(
        see(None, &tokens(20)),
        Some(
            json!({"node": "prod-1", "role": "control_plane", "joined": false, "expires": "2026-11-28T12:20:00Z"})
        )
    );
    let label = json!({"node-role.kubernetes.io/control-plane": ""});
    let first = json!({"metadata": {"name": "prod-1", "labels": label}});
    assert_eq!(
        see(Some(&first), &HashMap::new()),
        Some(json!({"node": "prod-1", "role": "init", "joined": true}))
    );
    let recorded =
        json!({"metadata": {"annotations": {"lazuli.dev/member": "{\"role\": \"control_plane\"}"}}});
    assert_eq!(see(Some(&recorded), &tokens(5)).unwrap()["role"], "control_plane");
}

#[test]
fn what_a_registration_was_made_with_is_what_is_remembered_of_it() {
    let body = json!({"properties": {"node": "prod-1", "role": "init", "configuration": {"cni": "none"}}});
    let none = HashMap::new();
    let see = |body: &Json, node: Option<&Json>| observed("prod-1", node, &none, Some(body), NOW);
    let mut expected = body.clone();
    expected["properties"]["joined"] = json!(false);
    assert_eq!(see(&body, None), Some(expected), "the first node needs no token");
    let mut worker = body;
    worker["properties"]["role"] = json!("worker");
    assert_eq!(see(&worker, None), None);
    assert_eq!(see(&worker, Some(&json!({}))).unwrap()["properties"]["configuration"]["cni"], "none");
}
