//! kubeadm's configuration, in the API of the Kubernetes version.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lazuli_core::Json;

use serde::Serialize;

use super::{BootSecrets, ETCD_MOUNT, NodeBoot, Taint, UserDataError, components};
use crate::pki::derived::{BootstrapToken, bootstrap_token};
use crate::version::KubeadmApi;

/// How long kubeadm waits for the API server: first starts pull images.
const PATIENCE: &str = "20m0s";
/// etcd's limit for its database, 8 GiB: the largest its authors recommend.
const ETCD_QUOTA: &str = "8589934592";
/// How long the token lives that `kubeadm init` makes whether one is wanted or not; without a word it would be a day.
const FIRST_TOKEN_TTL: &str = "30m0s";

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
    controller_manager: Component,
    #[serde(skip_serializing_if = "Component::is_empty")]
    scheduler: Component,
    etcd: Etcd,
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
    cert_sans: Vec<&'a str>,
    #[serde(skip_serializing_if = "ExtraArgs::is_empty")]
    extra_args: ExtraArgs,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_for_control_plane: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    extra_args: ExtraArgs,
}

impl Component {
    fn is_empty(&self) -> bool {
        self.extra_args.is_empty()
    }
}

#[derive(Serialize)]
struct Etcd {
    local: LocalEtcd,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalEtcd {
    data_dir: String,
    extra_args: ExtraArgs,
}

/// A map until v1beta3, a list since v1beta4.
#[derive(Serialize)]
#[serde(untagged)]
enum ExtraArgs {
    Map(BTreeMap<String, String>),
    List(Vec<Arg>),
}

#[derive(Serialize)]
struct Arg {
    name: String,
    value: String,
}

impl ExtraArgs {
    fn is_empty(&self) -> bool {
        match self {
            ExtraArgs::Map(map) => map.is_empty(),
            ExtraArgs::List(list) => list.is_empty(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InitConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    bootstrap_tokens: [FirstToken<'a>; 1],
    node_registration: NodeRegistration<'a>,
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpoint,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<Timeouts>,
}

#[derive(Serialize)]
struct FirstToken<'a> {
    token: &'a str,
    ttl: &'static str,
    description: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JoinConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    node_registration: NodeRegistration<'a>,
    discovery: Discovery<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<JoinControlPlane<'a>>,
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
struct Discovery<'a> {
    bootstrap_token: TokenDiscovery<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenDiscovery<'a> {
    api_server_endpoint: String,
    token: &'a str,
    ca_cert_hashes: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JoinControlPlane<'a> {
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpoint,
    certificate_key: &'a str,
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
    /// Also how long a new member of etcd may take until it has everything: gigabytes, on a slow disk.
    #[serde(rename = "etcdAPICall")]
    etcd_api_call: &'static str,
}

/// The file's text: documents separated by `---`.
pub(super) fn file(node: &NodeBoot, secrets: &BootSecrets) -> Result<String, UserDataError> {
    let api = node.kubernetes.kubeadm_api();
    // Said before the roles part: a mistake in the profile is the same mistake for all nodes.
    let cluster = cluster(node, api)?;
    Ok(match secrets {
        BootSecrets::Init { cluster_ca, .. } => {
            let token = bootstrap_token(cluster_ca, &node.name);
            let cluster = super::json::text(&cluster);
            format!("{cluster}---\n{}", super::json::text(&init(node, api, &token)))
        }
        BootSecrets::JoinControlPlane { token, ca_hashes, certificate_key, .. } => {
            let local_api_endpoint = LocalApiEndpoint { bind_port: node.endpoint.port };
            let key = certificate_key.hex();
            let control_plane = JoinControlPlane { local_api_endpoint, certificate_key: key.expose() };
            super::json::text(&join(node, api, token, ca_hashes, Some(control_plane)))
        }
        BootSecrets::JoinWorker { token, ca_hashes } => {
            super::json::text(&join(node, api, token, ca_hashes, None))
        }
    })
}

/// The cluster's part alone.
pub(super) fn cluster_configuration(node: &NodeBoot) -> Result<Json, UserDataError> {
    let cluster = cluster(node, node.kubernetes.kubeadm_api())?;
    Ok(serde_json::to_value(cluster).unwrap_or_default())
}

fn cluster(node: &NodeBoot, api: KubeadmApi) -> Result<ClusterConfiguration<'_>, UserDataError> {
    let args = |flags| extra_args(api, flags);
    Ok(ClusterConfiguration {
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
            cert_sans: cert_sans(node)?,
            extra_args: args(components::api_server(node)?),
            timeout_for_control_plane: match api {
                KubeadmApi::V1beta3 => Some(PATIENCE),
                KubeadmApi::V1beta4 => None,
            },
        },
        controller_manager: Component { extra_args: args(components::controller_manager(node)?) },
        scheduler: Component { extra_args: args(components::scheduler(node)?) },
        etcd: Etcd {
            local: LocalEtcd {
                data_dir: format!("{ETCD_MOUNT}/etcd"),
                extra_args: args([("quota-backend-bytes".to_owned(), ETCD_QUOTA.to_owned())].into()),
            },
        },
        feature_gates: node
            .kubernetes
            .needs_kubelet_local_mode()
            .then(|| BTreeMap::from([("ControlPlaneKubeletLocalMode", true)])),
    })
}

/// The names in the API server's certificate besides those that kubeadm adds itself.
fn cert_sans(node: &NodeBoot) -> Result<Vec<&str>, UserDataError> {
    let mut seen = BTreeSet::new();
    let all = [node.endpoint.host.as_str(), "127.0.0.1"].into_iter();
    let all = all.chain(node.cert_sans.iter().map(String::as_str)).filter(|name| seen.insert(*name));
    let all: Vec<_> = all.collect();
    match node.cert_sans.iter().find(|name| !is_host(name)) {
        Some(name) => Err(UserDataError::BadCertSan(name.clone())),
        None => Ok(all),
    }
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.parse::<IpAddr>().is_ok()
        || (name.len() <= 253 && name.strip_prefix("*.").unwrap_or(name).split('.').all(label))
}

fn init<'a>(node: &'a NodeBoot, api: KubeadmApi, token: &'a BootstrapToken) -> InitConfiguration<'a> {
    InitConfiguration {
        api_version: api.api_version(),
        kind: "InitConfiguration",
        bootstrap_tokens: [FirstToken {
            token: token.expose(),
            ttl: FIRST_TOKEN_TTL,
            description: "of the first node, which does not need it",
        }],
        node_registration: registration(node),
        local_api_endpoint: LocalApiEndpoint { bind_port: node.endpoint.port },
        timeouts: timeouts(api),
    }
}

fn join<'a>(
    node: &'a NodeBoot,
    api: KubeadmApi,
    token: &'a BootstrapToken,
    ca_hashes: &'a [String],
    control_plane: Option<JoinControlPlane<'a>>,
) -> JoinConfiguration<'a> {
    let bootstrap_token = TokenDiscovery {
        api_server_endpoint: node.endpoint.to_string(),
        token: token.expose(),
        ca_cert_hashes: ca_hashes,
    };
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

fn extra_args(api: KubeadmApi, flags: BTreeMap<String, String>) -> ExtraArgs {
    match api {
        KubeadmApi::V1beta3 => ExtraArgs::Map(flags),
        KubeadmApi::V1beta4 => {
            ExtraArgs::List(flags.into_iter().map(|(name, value)| Arg { name, value }).collect())
        }
    }
}

fn timeouts(api: KubeadmApi) -> Option<Timeouts> {
    match api {
        KubeadmApi::V1beta3 => None,
        KubeadmApi::V1beta4 => {
            Some(Timeouts { control_plane_component_health_check: PATIENCE, etcd_api_call: PATIENCE })
        }
    }
}
