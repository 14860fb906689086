//! Nodes against a real API server: tokens that it accepts, patches, evictions, disruption budgets. There is no kubelet,
//! so the test plays its part. `LAZULI_KUBECONFIG` names the kubeconfig beside whose folder `pki` the keys are; without
//! it there is nothing to do.

#![allow(clippy::unwrap_used, reason = "functions of tests are tests as well")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lazuli_core::Json;
use lazuli_core::journal::JournalError;
use lazuli_core::plan::Operation;
use lazuli_core::provider::{Provider, Put, Wanted, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};
use lazuli_kubernetes::api::{Clusters, Direct, NoBootLog, Rest};
use lazuli_kubernetes::keyring::{ClusterId, KeyRing};
use lazuli_kubernetes::pki::derived::bootstrap_token;
use lazuli_kubernetes::provider::KubernetesProvider;
use serde_json::json;
use time::OffsetDateTime;

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Watch for Told {
    async fn accepted(&self, _url: &str) -> Result<(), JournalError> {
        Ok(())
    }

    fn progress(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers";
const NODE: &str = "real-nodes-1";
const SPACE: &str = "real-nodes";

fn wanted(ty: &str) -> Wanted {
    Wanted {
        ty: ResourceType::new(&format!("Lazuli.Kubernetes/clusters/{ty}"), "2026-11-01"),
        id: ResourceId::new(format!("{GROUP}/Lazuli.Kubernetes/clusters/real/{ty}/{NODE}")),
    }
}

fn provider(kubeconfig: &Path) -> KubernetesProvider {
    let text = |path: &str| std::fs::read_to_string(kubeconfig.with_file_name("pki").join(path)).unwrap();
    let config = std::fs::read_to_string(kubeconfig).unwrap();
    let server = config.split("https://").nth(1).unwrap().split('"').next().unwrap();
    let ring = KeyRing::default();
    ring.learn(
        &ResourceId::new(format!("{GROUP}/Lazuli.Tls/clusters/real/certificateAuthorities/cluster_ca")),
        &json!({"properties": {"server": server, "certificate": text("ca.crt"), "privateKey": text("ca.key")}}),
    );
    let clusters = Clusters::new(ring, Arc::new(Direct::default()), Arc::new(OffsetDateTime::now_utc));
    KubernetesProvider::new(clusters, Arc::new(NoBootLog))
}

async fn put(
    provider: &KubernetesProvider,
    ty: &str,
    operation: Operation,
    body: &Json,
    previous: Option<&Json>,
) -> Json {
    let Wanted { ty, id } = wanted(ty);
    let request = Put { operation, ty: &ty, id: &id, body, previous };
    provider.put(request, &Told::default()).await.unwrap()
}

async fn see(provider: &KubernetesProvider, ty: &str) -> Option<Json> {
    let Wanted { ty, id } = wanted(ty);
    provider.read(&ty, &id).await.unwrap()
}

/// What the node's kubelet reports.
async fn report(rest: &Rest) {
    let conditions =
        json!([{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}]);
    let status = json!({"status": {"conditions": conditions, "nodeInfo": {
        "kubeletVersion": "v1.34.2", "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "",
        "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "linux", "osImage": "",
        "systemUUID": ""}}});
    rest.merge(&format!("/api/v1/nodes/{NODE}/status"), &status).await.unwrap();
}

/// What it does: report, and end pods that are to stop.
async fn kubelet(rest: Rest) {
    loop {
        report(&rest).await;
        let path = format!("/api/v1/namespaces/{SPACE}/pods");
        for pod in rest.list(&path, Default::default()).await.unwrap() {
            if pod["metadata"]["deletionTimestamp"].is_string() {
                let path = format!("{path}/{}", pod["metadata"]["name"].as_str().unwrap());
                rest.delete(&path, &json!({"gracePeriodSeconds": 0})).await.unwrap();
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn pod(rest: &Rest, name: &str) {
    let pods = format!("/api/v1/namespaces/{SPACE}/pods");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"nodeName": NODE, "containers": [{"name": "x", "image": "x"}]}});
    rest.create(&pods, &pod).await.unwrap();
    let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    rest.merge(&format!("{pods}/{name}/status"), &ready).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a real API server: ci/kubernetes.sh"]
async fn a_node_comes_in_changes_and_leaves_when_its_budget_lets_it() {
    let Some(kubeconfig) = std::env::var_os("LAZULI_KUBECONFIG").map(PathBuf::from) else { return };
    let provider = provider(&kubeconfig);
    let cluster = ClusterId::of(&wanted("members").id).unwrap();
    let rest = Rest::from(provider.clusters().client(&cluster).await.unwrap());

    // the token is one that the server knows
    let registration = json!({"properties": {"node": NODE, "role": "worker"}});
    assert_eq!(see(&provider, "registrations").await, None);
    put(&provider, "registrations", Operation::Create, &registration, None).await;
    let keys = provider.clusters().ring().cluster(&cluster).unwrap();
    let token = bootstrap_token(&keys.cluster_ca, NODE);
    let mut config =
        kube::Config::new(format!("https://{}:{}", keys.server.host, keys.server.port).parse().unwrap());
    config.accept_invalid_certs = true;
    config.auth_info.token = Some(token.expose().to_owned().into());
    let joining = Rest::from(kube::Client::try_from(config).unwrap());
    let refused = joining.get("/api/v1/nodes").await.unwrap_err().to_string();
    assert!(refused.contains(&format!("system:bootstrap:{}", token.id())), "{refused}");
    assert_eq!(see(&provider, "registrations").await.unwrap()["properties"]["joined"], false);

    // the machine joins while it is waited for
    let member = |labels: Json, taints: Json, cordoned: bool| {
        json!({"properties": {"node": NODE, "role": "worker", "version": "v1.34.2", "labels": labels, "taints": taints,
            "cordoned": cordoned, "providerId": format!("azure:///{NODE}"), "startupTimeoutSeconds": 60,
            "drainTimeoutSeconds": 8}})
    };
    let taint = |value: &str| json!([{"key": "gpu", "value": value, "effect": "NoSchedule"}]);
    let first = member(json!({"pool": "general", "node-role.kubernetes.io/worker": ""}), taint("yes"), false);
    let join = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE},
            "spec": {"providerID": format!("azure:///{NODE}")}});
        rest.create("/api/v1/nodes", &node).await.unwrap();
        report(&rest).await;
    };
    let (made, ()) = tokio::join!(put(&provider, "members", Operation::Create, &first, None), join);
    assert_eq!(made["properties"]["taints"], taint("yes"));
    let kubelet = tokio::spawn(kubelet(rest.clone()));
    let secret = format!("/api/v1/namespaces/kube-system/secrets/bootstrap-token-{}", token.id());
    assert_eq!(rest.get(&secret).await.unwrap(), None);

    let second = member(json!({"pool": "gpu"}), taint("no"), true);
    let mut changed = put(&provider, "members", Operation::Update, &second, Some(&first)).await;
    assert_eq!(Some(&changed), see(&provider, "members").await.as_ref());
    changed["properties"].as_object_mut().unwrap().remove("ready");
    assert_eq!(changed, second);
    let node = rest.get(&format!("/api/v1/nodes/{NODE}")).await.unwrap().unwrap();
    assert!(node["metadata"]["labels"].get("node-role.kubernetes.io/worker").is_none(), "{node}");

    // two pods and a budget that wants both
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}});
    rest.create("/api/v1/namespaces", &space).await.unwrap();
    pod(&rest, "web-0").await;
    pod(&rest, "web-1").await;
    let budgets = format!("/apis/policy/v1beta1/namespaces/{SPACE}/poddisruptionbudgets");
    let budget = json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}});
    rest.create(&budgets, &budget).await.unwrap();
    let counted =
        async || rest.get(&format!("{budgets}/web")).await.unwrap().unwrap()["status"]["currentHealthy"] == 2;
    while !counted().await {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let Wanted { ty, id } = wanted("members");
    let told = Told::default();
    let error = provider.delete(&ty, &id, &told).await.unwrap_err();
    assert_eq!(error.code, "DrainTimeout");
    let words = "The disruption budget web needs 2 healthy pods and has 2 currently";
    assert!(error.message.contains(words) && error.message.contains("2 pods left"), "{error}");
    assert!(told.0.lock().unwrap().iter().any(|line| line.contains(words)));

    rest.delete(&format!("{budgets}/web"), &json!({})).await.unwrap();
    provider.delete(&ty, &id, &told).await.unwrap();
    assert_eq!(
        rest.list(&format!("/api/v1/namespaces/{SPACE}/pods"), Default::default()).await.unwrap(),
        [] as [Json; 0]
    );
    assert_eq!(see(&provider, "members").await, None);
    kubelet.abort();
    let Wanted { ty, id } = wanted("registrations");
    provider.delete(&ty, &id, &told).await.unwrap();
    assert_eq!(see(&provider, "registrations").await, None);
}
