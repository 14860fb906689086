//! kubeadm's configuration, in the API of the Kubernetes version: what is known without any secret.
//!
//! Left for the bootstrap: the token and the CA hashes of `discovery`, `bootstrapTokens`, `certificateKey`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ETCD_MOUNT, NodeBoot, NodeRole, Taint};
use crate::version::KubeadmApi;

/// How long kubeadm waits for the API server: first starts pull images.
const PATIENCE: &str = "20m0s";
/// etcd's limit for its database, 8 GiB: the largest its authors recommend.
const ETCD_QUOTA: &str = "8589934592";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    cluster_name: &'a str,
    kubernetes_version: String,
    control_plane_endpoint: String,
    networking: Networking<'a>,
    api_server: ApiServer<'a>,
    controller_manager: Component<'a>,
    etcd: Etcd<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_gates: Option<BTreeMap<&'static str, bool>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Networking<'a> {
    pod_subnet: &'a str,
    service_subnet: &'a str,
    dns_domain: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiServer<'a> {
    #[serde(rename = "certSANs")]
    cert_sans: [&'a str; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_for_control_plane: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    extra_args: ExtraArgs<'a>,
}

#[derive(Serialize)]
struct Etcd<'a> {
    local: LocalEtcd<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalEtcd<'a> {
    data_dir: String,
    extra_args: ExtraArgs<'a>,
}

/// A map until v1beta3, a list since v1beta4.
#[derive(Serialize)]
#[serde(untagged)]
enum ExtraArgs<'a> {
    Map(BTreeMap<&'static str, &'a str>),
    List(Vec<Arg<'a>>),
}

#[derive(Serialize)]
struct Arg<'a> {
    name: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InitConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    node_registration: NodeRegistration<'a>,
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpoint,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<Timeouts>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JoinConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    node_registration: NodeRegistration<'a>,
    discovery: Discovery,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<JoinControlPlane>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<Timeouts>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeRegistration<'a> {
    name: &'a str,
    cri_socket: &'static str,
    /// Always there: without it kubeadm adds its own taint to control-plane nodes.
    taints: Vec<RegisteredTaint<'a>>,
}

#[derive(Serialize)]
struct RegisteredTaint<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    value: &'a str,
    effect: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    bootstrap_token: BootstrapToken,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BootstrapToken {
    api_server_endpoint: String,
}

#[derive(Serialize)]
struct JoinControlPlane {
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpoint,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalApiEndpoint {
    bind_port: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timeouts {
    control_plane_component_health_check: &'static str,
}

/// The file's text: documents separated by `---`.
pub(super) fn file(node: &NodeBoot) -> String {
    let api = node.kubernetes.kubeadm_api();
    match node.role {
        NodeRole::FirstControlPlane => {
            let cluster = super::json::text(&cluster(node, api));
            format!("{cluster}---\n{}", super::json::text(&init(node, api)))
        }
        NodeRole::FurtherControlPlane => {
            let local_api_endpoint = LocalApiEndpoint { bind_port: node.endpoint.port };
            super::json::text(&join(node, api, Some(JoinControlPlane { local_api_endpoint })))
        }
        NodeRole::Worker => super::json::text(&join(node, api, None)),
    }
}

fn cluster(node: &NodeBoot, api: KubeadmApi) -> ClusterConfiguration<'_> {
    ClusterConfiguration {
        api_version: api.api_version(),
        kind: "ClusterConfiguration",
        cluster_name: &node.cluster,
        kubernetes_version: node.kubernetes.tag(),
        control_plane_endpoint: node.endpoint.to_string(),
        networking: Networking {
            pod_subnet: &node.pod_cidr,
            service_subnet: &node.service_cidr,
            dns_domain: "cluster.local",
        },
        api_server: ApiServer {
            cert_sans: [&node.endpoint.host, "127.0.0.1"],
            timeout_for_control_plane: match api {
                KubeadmApi::V1beta3 => Some(PATIENCE),
                KubeadmApi::V1beta4 => None,
            },
        },
        controller_manager: Component {
            extra_args: extra_args(api, &[("cloud-provider", "external"), ("cluster-name", &node.cluster)]),
        },
        etcd: Etcd {
            local: LocalEtcd {
                data_dir: format!("{ETCD_MOUNT}/etcd"),
                extra_args: extra_args(api, &[("quota-backend-bytes", ETCD_QUOTA)]),
            },
        },
        feature_gates: node
            .kubernetes
            .needs_kubelet_local_mode()
            .then(|| BTreeMap::from([("ControlPlaneKubeletLocalMode", true)])),
    }
}

fn init(node: &NodeBoot, api: KubeadmApi) -> InitConfiguration<'_> {
    InitConfiguration {
        api_version: api.api_version(),
        kind: "InitConfiguration",
        node_registration: registration(node),
        local_api_endpoint: LocalApiEndpoint { bind_port: node.endpoint.port },
        timeouts: timeouts(api),
    }
}

fn join(node: &NodeBoot, api: KubeadmApi, control_plane: Option<JoinControlPlane>) -> JoinConfiguration<'_> {
    let bootstrap_token = BootstrapToken { api_server_endpoint: node.endpoint.to_string() };
    JoinConfiguration {
        api_version: api.api_version(),
        kind: "JoinConfiguration",
        node_registration: registration(node),
        discovery: Discovery { bootstrap_token },
        timeouts: control_plane.as_ref().and(timeouts(api)),
        control_plane,
    }
}

fn registration(node: &NodeBoot) -> NodeRegistration<'_> {
    // kubeadm sets the taints of control-plane nodes itself; a worker's kubelet registers with them, by its own flags.
    let taints: &[Taint] = match node.role.is_control_plane() {
        true => &node.taints,
        false => &[],
    };
    NodeRegistration {
        name: &node.name,
        cri_socket: "unix:///run/containerd/containerd.sock",
        taints: taints
            .iter()
            .map(|taint| RegisteredTaint {
                key: &taint.key,
                value: &taint.value,
                effect: taint.effect.as_str(),
            })
            .collect(),
    }
}

fn extra_args<'a>(api: KubeadmApi, args: &[(&'static str, &'a str)]) -> ExtraArgs<'a> {
    match api {
        KubeadmApi::V1beta3 => ExtraArgs::Map(args.iter().copied().collect()),
        KubeadmApi::V1beta4 => {
            ExtraArgs::List(args.iter().map(|&(name, value)| Arg { name, value }).collect())
        }
    }
}

fn timeouts(api: KubeadmApi) -> Option<Timeouts> {
    match api {
        KubeadmApi::V1beta3 => None,
        KubeadmApi::V1beta4 => Some(Timeouts { control_plane_component_health_check: PATIENCE }),
    }
}
