//! kubeadm's config maps, kube-proxy and CoreDNS against a small API server in memory, on a paused clock.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod cluster;

use cluster::{Heard, Server};
use lazuli_core::Json;
use lazuli_kubernetes::objects::Patience;
use lazuli_kubernetes::settings::{self, components};
use serde_json::json;

const KUBEADM: &str = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
const KUBELET: &str = "/api/v1/namespaces/kube-system/configmaps/kubelet-config";
const PROXY: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy";
const PROXY_CONFIG: &str = "/api/v1/namespaces/kube-system/configmaps/kube-proxy";
const DNS: &str = "/apis/apps/v1/namespaces/kube-system/deployments/coredns";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

/// As kubeadm writes it: fields that Lazuli never heard of among those it says something about.
const CLUSTER: &str = r#"apiServer:
  certSANs:
  - api.example
  - 127.0.0.1
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: prod
controlPlaneEndpoint: api.example:6443
controllerManager:
  extraArgs:
  - name: cloud-provider
    value: external
dns: {}
featureGates:
  ControlPlaneKubeletLocalMode: true
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.34.2
networking:
  dnsDomain: cluster.local
  podSubnet: 192.168.0.0/16
proxy: {}
scheduler: {}
"#;

fn config_map(key: &str, text: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {key: text}})
}

fn workload(kind: &str, container: &str, image: &str) -> Json {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": container, "generation": 1},
        "spec": {"template": {"metadata": {}, "spec": {"containers": [{"name": container, "image": image}]}}},
    });
    object["status"] = cluster::ready(&object, 1);
    object
}

fn fresh(version: &str, dns: &str) -> Server {
    let server = Server::new();
    server.put(KUBEADM, config_map("ClusterConfiguration", &CLUSTER.replace("v1.34.2", version)));
    server.put(
        KUBELET,
        config_map("kubelet", "kind: KubeletConfiguration\nrotateCertificates: true\ncpu: 0s\n"),
    );
    server.put(
        PROXY,
        workload("DaemonSet", "kube-proxy", &format!("mirror.example:5000/kube-proxy:{version}")),
    );
    server.put(PROXY_CONFIG, config_map("config.conf", "mode: \"\"\nconntrack:\n  min: null\n"));
    server.put(DNS, workload("Deployment", "coredns", &format!("registry.k8s.io/coredns/coredns:{dns}")));
    server
}

fn wanted(version: &str) -> Json {
    json!({
        "kubernetesVersion": version,
        "clusterConfiguration": {
            "clusterName": "prod",
            "controlPlaneEndpoint": "api.example:6443",
            "apiServer": {"certSANs": ["api.example", "127.0.0.1"]},
            "controllerManager": {"extraArgs": [{"name": "cloud-provider", "value": "external"}]},
            "featureGates": {"ControlPlaneKubeletLocalMode": true},
        },
        "kubelet": {"rotateCertificates": true},
    })
}

fn with_admins(server: &Server) {
    server.put(
        &format!("{BINDINGS}/kubeadm:cluster-admins"),
        json!({
            "kind": "ClusterRoleBinding", "metadata": {"name": "kubeadm:cluster-admins"},
            "roleRef": {"name": "cluster-admin"},
            "subjects": [{"kind": "Group", "name": "kubeadm:cluster-admins"}],
        }),
    );
}

async fn put(server: &Server, properties: &Json, previous: Option<&Json>) -> Json {
    settings::put(&server.client(), properties, previous, &settings::Trust::default(), &Heard::default())
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn on_a_fresh_cluster_nothing_is_written() {
    let server = fresh("v1.34.2", "v1.12.1");
    with_admins(&server);
    let observed = put(&server, &wanted("v1.34.2"), None).await;
    let patience = Patience::default();
    let versions = json!({"kubernetesVersion": "v1.34.2"});
    let components =
        components::put(&server.client(), &versions, None, patience, &Heard::default()).await.unwrap();
    assert_eq!(server.changes(), Vec::<String>::new());
    assert_eq!(observed["kubernetesVersion"], "v1.34.2");
    assert_eq!(observed["kubelet"]["cpu"], "0s");
    assert_eq!(
        (&components["kubernetesVersion"], &components["coreDnsVersion"]),
        (&json!("v1.34.2"), &json!("v1.12.1"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_writes_what_changed_and_keeps_what_it_does_not_know() {
    let server = fresh("v1.35.1", "v1.13.1");
    with_admins(&server);
    let mut after = wanted("v1.36.0");
    after["clusterConfiguration"].as_object_mut().unwrap().remove("featureGates");
    put(&server, &after, Some(&wanted("v1.35.1"))).await;
    insta::assert_snapshot!(server.get(KUBEADM).unwrap()["data"]["ClusterConfiguration"].as_str().unwrap());
    assert_eq!(server.changes(), [format!("PUT {KUBEADM}")]);
}

#[tokio::test(start_paused = true)]
async fn extra_arguments_become_lists_when_kubeadm_wants_them_so() {
    let server = fresh("v1.30.4", "v1.11.1");
    with_admins(&server);
    let old = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.4\napiServer:\n  \
               timeoutForControlPlane: 20m0s\n  extraArgs:\n    v: \"4\"\n    audit-log-path: \"-\"\netcd:\n  local:\n    \
               dataDir: /var/lib/etcd\n    extraArgs:\n      quota-backend-bytes: \"8\"\n";
    server.put(KUBEADM, config_map("ClusterConfiguration", old));
    put(&server, &json!({"kubernetesVersion": "v1.31.0"}), None).await;
    insta::assert_snapshot!(server.get(KUBEADM).unwrap()["data"]["ClusterConfiguration"].as_str().unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_was_faster_is_not_overwritten() {
    let server = fresh("v1.34.2", "v1.12.1");
    with_admins(&server);
    server.fail(&format!("PUT {KUBEADM}"), 409, "the object has been modified");
    put(&server, &wanted("v1.34.3"), None).await;
    assert_eq!(server.changes(), vec![format!("PUT {KUBEADM}"); 2]);
}

#[tokio::test(start_paused = true)]
async fn the_bindings_that_a_version_counts_on_are_made() {
    let server = fresh("v1.36.0", "v1.13.1");
    with_admins(&server);
    put(&server, &wanted("v1.37.0"), None).await;
    let binding = server.get(&format!("{BINDINGS}/kubeadm:apiserver-kubelet-client")).unwrap();
    assert_eq!(binding["roleRef"]["name"], "system:kubelet-api-admin");
    assert_eq!(binding["subjects"][0]["name"], "kube-apiserver-kubelet-client");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_kubeadms_maps_is_told_how_to_get_them_back() {
    let error = settings::put(
        &Server::new().client(),
        &wanted("v1.34.2"),
        None,
        &settings::Trust::default(),
        &Heard::default(),
    )
    .await
    .unwrap_err();
    assert!(error.message.contains("no config map kubeadm-config"), "{error}");
    assert!(error.advice.unwrap().contains("kubeadm init phase upload-config all"));
}

#[tokio::test(start_paused = true)]
async fn components_go_to_the_version_and_stay_in_their_registry() {
    let server = fresh("v1.34.2", "v1.12.1");
    let properties = json!({"kubernetesVersion": "v1.35.1", "kubeProxy": {"mode": "ipvs"}});
    let heard = Heard::default();
    // The small server has no controllers: what it is told to be stays ready.
    let answer =
        components::put(&server.client(), &properties, None, Patience::default(), &heard).await.unwrap();
    let image =
        |path: &str| server.get(path).unwrap()["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image(PROXY), "mirror.example:5000/kube-proxy:v1.35.1");
    assert_eq!(image(DNS), "registry.k8s.io/coredns/coredns:v1.13.1");
    assert_eq!(answer["kubeProxy"], json!({"mode": "ipvs", "conntrack": {"min": null}}));
    // Its pods read their configuration when they start.
    assert!(server.get(PROXY).unwrap()["spec"]["template"]["metadata"]["annotations"].is_object());
    assert_eq!(heard.text(), "kube-proxy goes to 1.35.1\nCoreDNS goes to v1.13.1");
}

#[tokio::test(start_paused = true)]
async fn coredns_is_never_made_older_and_somebodys_own_is_left_alone() {
    for own in ["v1.14.0", "latest"] {
        let server = fresh("v1.34.2", own);
        let properties = json!({"kubernetesVersion": "v1.34.2"});
        components::put(&server.client(), &properties, None, Patience::default(), &Heard::default())
            .await
            .unwrap();
        assert_eq!(server.changes(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_kube_proxy_still_knows_its_version() {
    let server = fresh("v1.34.2", "v1.12.1");
    server.remove(PROXY);
    let properties = json!({"kubernetesVersion": "v1.35.1"});
    components::put(&server.client(), &properties, None, Patience::default(), &Heard::default())
        .await
        .unwrap();
    let seen = components::observe(&server.client()).await.unwrap().unwrap();
    assert_eq!(seen["kubernetesVersion"], "v1.35.1");
}
