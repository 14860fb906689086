//! The real `kubectl`, when there is one: `LAZULI_KUBECTL`, or whatever the path leads to.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::apiserver::Certificates;
use crate::arm::Settings;
use crate::clock::Clock;
use crate::commit::Cloud;
use crate::gateway::Gateway;
use crate::seed::Seed;
use crate::server::{Shared, serve};
use crate::tls::{Identity, TlsIdentity};

const MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {a: '1'}
";
const NAMESPACE: &str = "apiVersion: v1
kind: Namespace
metadata: {name: team}
";
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: site}}
  template:
    metadata: {labels: {app: site}}
    spec: {containers: [{name: web, image: 'web:1'}]}
";

/// An authority, the certificate of an API server, and that of an administrator.
struct Pki {
    ca_pem: String,
    server: Leaf,
    admin: Leaf,
}

fn pki() -> Pki {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "kubernetes");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let leaf = |names: Vec<String>, common: &str, organisation: &str, usage| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.extended_key_usages = vec![usage];
        Leaf {
            cert_pem: params.signed_by(&key, &issuer).unwrap().pem(),
            key_pem: key.serialize_pem(),
            accounts: Default::default(),
            ca_pem: String::new(),
            authority: Default::default(),
            front_proxy_pem: String::new(),
            front_proxy: Default::default(),
        }
    };
    let server =
        leaf(vec![HOST.to_owned()], "kube-apiserver", "kube-apiserver", ExtendedKeyUsagePurpose::ServerAuth);
    let admin = leaf(Vec::new(), "kubernetes-admin", "system:masters", ExtendedKeyUsagePurpose::ClientAuth);
    Pki { ca_pem, server, admin }
}

fn secured(pki: &Pki) -> Cluster {
    let mut cluster = cluster();
    cluster.control_mut().ca_pem.clone_from(&pki.ca_pem);
    cluster.control_mut().servers.insert("cp-1".to_owned(), pki.server.clone());
    for name in ["w-1", "w-2"] {
        cluster.store.create("v1/nodes", node(name), NOW);
    }
    let set = json!({ "kind": "DaemonSet", "apiVersion": "apps/v1",
        "metadata": { "name": "agent", "namespace": "default" }, "spec": {} });
    let set = cluster.store.create("apps/v1/daemonsets", set, NOW);
    cluster.store.create("v1/pods", pod("web-1", "w-1"), NOW);
    let mut agent = pod("agent-1", "w-1");
    agent["metadata"]["labels"] = json!({ "app": "agent" });
    agent["metadata"]["ownerReferences"][0]["kind"] = json!("DaemonSet");
    agent["metadata"]["ownerReferences"][0]["name"] = json!("agent");
    agent["metadata"]["ownerReferences"][0]["uid"] = set["metadata"]["uid"].clone();
    cluster.store.create("v1/pods", agent, NOW);
    let mut mirror = pod("static-1", "w-1");
    mirror["metadata"]["annotations"] = json!({ "kubernetes.io/config.mirror": "x" });
    cluster.store.create("v1/pods", mirror, NOW);
    cluster.store.create("policy/v1/poddisruptionbudgets", budget(1, 2, 1), NOW);
    cluster
}

/// Serves a world with one cluster on a free port.
async fn serve_cluster(pki: &Pki) -> u16 {
    let mut world = crate::World::new(crate::simulator::credentials(&Seed::default()).unwrap(), 1);
    world.put_cluster(secured(pki));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let identity = Identity::obtain(&TlsIdentity::Ephemeral).unwrap();
    let cloud = Arc::new(Mutex::new(Cloud { world, taken: 0 }));
    let shared = Arc::new(Shared {
        gateway: Arc::new(Gateway::new(cloud, Clock::start(), None)),
        certificates: Certificates::default(),
        settings: Settings::default(),
        faults: Arc::default(),
        recording: None,
        answers: None,
        held: mpsc::unbounded_channel().0,
    });
    tokio::spawn(serve(listener, TlsAcceptor::from(identity.server_config().unwrap()), shared));
    port
}

fn kubeconfig(port: u16, pki: &Pki, user: &Leaf) -> String {
    use base64::Engine;
    let encoded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": format!("https://127.0.0.1:{port}"), "tls-server-name": HOST,
            "certificate-authority-data": encoded(&pki.ca_pem) } }],
        "users": [{ "name": "u", "user": { "client-certificate-data": encoded(&user.cert_pem),
            "client-key-data": encoded(&user.key_pem) } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
    })
    .to_string()
}

fn kubectl(program: &str, folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(program);
    command.env_remove("KUBECONFIG").env("HOME", folder);
    command.arg("--kubeconfig").arg(folder.join("config")).args(arguments.split(' '));
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_works_against_a_simulated_cluster() {
    let program = std::env::var("LAZULI_KUBECTL").unwrap_or_else(|_| "kubectl".to_owned());
    if Command::new(&program).args(["version", "--client"]).output().is_err() {
        println!("skipped: there is no kubectl; ci/kubectl.sh gets one");
        return;
    }
    let pki = pki();
    let port = serve_cluster(&pki).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config"), kubeconfig(port, &pki, &pki.admin)).unwrap();
    for (name, manifest) in [("map", MAP), ("namespace", NAMESPACE), ("deployment", DEPLOYMENT)] {
        std::fs::write(folder.path().join(format!("{name}.yaml")), manifest).unwrap();
    }
    let mut story = Vec::new();
    for (arguments, succeeds, expected) in [
        ("version", true, "Server Version: v1.34.2"),
        ("get nodes -o wide", true, "containerd://1.7.24"),
        ("get nodes", true, "Ready"),
        ("get pods -A -o wide", true, "web-1"),
        ("api-resources", true, "poddisruptionbudgets"),
        ("describe node w-1", true, "KubeletReady"),
        ("cordon w-1", true, "node/w-1 cordoned"),
        ("get node w-1", true, "Ready,SchedulingDisabled"),
        ("drain w-1", false, "cannot delete DaemonSet-managed Pods"),
        ("drain w-1 --ignore-daemonsets --dry-run=server", true, "evicting pod default/web-1"),
        ("drain w-1 --ignore-daemonsets --timeout=60s", true, "node/w-1 drained"),
        ("get pods", true, "agent-1"),
        ("get pod web-1", false, "pods \"web-1\" not found"),
        ("uncordon w-1", true, "node/w-1 uncordoned"),
        ("label node w-1 team=blue", true, "node/w-1 labeled"),
        ("get nodes -l team=blue -o name", true, "node/w-1"),
        ("taint node w-1 gpu=yes:NoSchedule", true, "node/w-1 tainted"),
        ("taint node w-1 gpu:NoSchedule-", true, "node/w-1 untainted"),
        ("wait node/w-1 --for=condition=Ready --timeout=30s", true, "condition met"),
        ("apply --server-side -f MAP", true, "serverside-applied"),
        ("diff --server-side -f MAP", true, ""),
        ("apply --server-side --field-manager=other -f MAP", true, "serverside-applied"),
        ("apply -f MAP", true, "configured"),
        ("apply --server-side -f NAMESPACE", true, "namespace/team serverside-applied"),
        ("delete namespace team --timeout=30s", true, "deleted"),
        ("create -f DEPLOYMENT", true, "created"),
        ("scale deployment web --replicas=3", true, "scaled"),
        ("get deployments", true, "0/3"),
        // What kubectl sends as protobuf is refused; nothing of the kind is needed.
        ("create namespace team", false, "UnsupportedMediaType"),
        ("exec static-1 -- ls", false, "exit code 127"),
        ("delete node w-2", true, "\"w-2\" deleted"),
    ] {
        let output = {
            let (program, folder) = (program.clone(), folder.path().to_owned());
            let mut arguments = arguments.to_owned();
            for name in ["map", "namespace", "deployment"] {
                let file = folder.join(format!("{name}.yaml"));
                arguments = arguments.replace(&name.to_uppercase(), &file.display().to_string());
            }
            tokio::task::spawn_blocking(move || kubectl(&program, &folder, &arguments)).await.unwrap()
        };
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() != succeeds || !said.contains(expected) {
            story.push(format!("kubectl {arguments}: {}\n{said}", output.status));
        }
    }
    assert!(story.is_empty(), "{}", story.join("\n"));

    let stranger = self::pki();
    std::fs::write(folder.path().join("config"), kubeconfig(port, &pki, &stranger.admin)).unwrap();
    let path = folder.path().to_owned();
    let output = tokio::task::spawn_blocking(move || kubectl(&program, &path, "get nodes")).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.to_lowercase().contains("logged in"), "{said}");
}
