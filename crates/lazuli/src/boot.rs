//! A node's first boot: what the cluster crate knows of it, in the words of the crate that renders it.

use lazuli_cluster::expand::NodeBoot;
use lazuli_core::{Diagnostic, Json};
use lazuli_kubernetes::keyring::{ClusterKeys, Server, Transport};
use lazuli_kubernetes::pki::{CertificateAuthority, PkiError, ServiceAccountKey};
use lazuli_kubernetes::user_data::{self, BootSecrets, Endpoint, NodeRole, Taint};
use lazuli_kubernetes::version::KubernetesVersion;

/// Stands in for a client id that is not known yet, to check everything else before anything is made.
const NO_CLIENT_ID: &str = "00000000-0000-0000-0000-000000000000";

/// The virtual machine's `customData`: base64, secret.
pub(crate) fn custom_data(
    boot: &NodeBoot,
    identity_client_id: &str,
    keys: &ClusterKeys,
) -> Result<String, Box<Diagnostic>> {
    let refuse = |error: &dyn std::fmt::Display| Box::new(Diagnostic::error("LZ0244", error.to_string()));
    let node = node(boot, identity_client_id).map_err(|error| refuse(&error))?;
    let secrets = BootSecrets::of(keys, node.role, &node.name).map_err(|error| refuse(&error))?;
    user_data::render(&node, &secrets).map(|data| data.custom_data()).map_err(|error| refuse(&error))
}

/// What kubeadm records of a cluster: none of it is of the node.
pub(crate) fn cluster_configuration(boot: &NodeBoot) -> Result<Json, Box<Diagnostic>> {
    let refuse = |error: &dyn std::fmt::Display| Box::new(Diagnostic::error("LZ0244", error.to_string()));
    let node = node(boot, NO_CLIENT_ID).map_err(|error| refuse(&error))?;
    user_data::cluster_configuration(&node).map_err(|error| refuse(&error))
}

/// Keys of no cluster, as large as those of any: they stand in for those that are not made yet.
fn placeholder() -> Result<&'static ClusterKeys, &'static PkiError> {
    static KEYS: std::sync::LazyLock<Result<ClusterKeys, PkiError>> = std::sync::LazyLock::new(|| {
        let ca = CertificateAuthority::new("placeholder", 1, time::OffsetDateTime::UNIX_EPOCH)?;
        Ok(ClusterKeys {
            server: Server { host: String::new(), port: 0 },
            transport: Transport::Direct,
            cluster_ca: ca.clone(),
            cluster_ca_rotation: 0,
            etcd_ca: Some(ca.clone()),
            front_proxy_ca: Some(ca),
            front_proxy_ca_rotation: 0,
            service_account: Some(ServiceAccountKey::new()?),
        })
    });
    KEYS.as_ref()
}

/// Whether user-data can be rendered, before anything is made.
pub(crate) fn check(boot: &NodeBoot) -> Result<(), Box<Diagnostic>> {
    let keys = placeholder().map_err(|error| Box::new(Diagnostic::error("LZ0244", error.to_string())))?;
    custom_data(boot, NO_CLIENT_ID, keys).map(|_| ())
}

fn node(boot: &NodeBoot, identity_client_id: &str) -> Result<user_data::NodeBoot, String> {
    let role = match (boot.control_plane, boot.first) {
        (true, true) => NodeRole::FirstControlPlane,
        (true, false) => NodeRole::FurtherControlPlane,
        (false, _) => NodeRole::Worker,
    };
    let proxy = boot.proxy.as_ref().map(proxy);
    let azure = &boot.azure;
    Ok(user_data::NodeBoot {
        name: boot.name.clone(),
        cluster: boot.cluster.clone(),
        role,
        kubernetes: KubernetesVersion::try_from(boot.kubernetes.clone())
            .map_err(|error| error.to_string())?,
        endpoint: Endpoint { host: boot.endpoint.0.clone(), port: boot.endpoint.1 },
        pod_cidr: boot.pod_cidr.clone(),
        service_cidr: boot.service_cidr.clone(),
        api_server_private: boot.api_server_private,
        azure_routes: boot.azure_routes,
        feature_gates: boot.feature_gates.clone(),
        api_server_args: boot.api_server_args.clone(),
        cert_sans: boot.cert_sans.clone(),
        controller_manager_args: boot.controller_manager_args.clone(),
        scheduler_args: boot.scheduler_args.clone(),
        two_authorities: boot.two_authorities,
        proxy,
        labels: boot.labels.clone(),
        taints: taints(&boot.taints)?,
        kubelet_args: boot.kubelet_args.clone(),
        pre_bootstrap: boot.pre_bootstrap.0.clone(),
        post_bootstrap: boot.post_bootstrap.0.clone(),
        azure: user_data::AzureFacts {
            cloud: azure.cloud.to_owned(),
            tenant_id: azure.tenant_id.clone(),
            subscription_id: azure.subscription_id.clone(),
            resource_group: azure.resource_group.clone(),
            location: azure.location.clone(),
            network_resource_group: azure.network_resource_group.clone(),
            virtual_network: azure.virtual_network.clone(),
            worker_subnet: azure.worker_subnet.clone(),
            worker_security_group: azure.worker_security_group.clone(),
            route_table: azure.route_table.clone(),
            identity_client_id: identity_client_id.to_owned(),
        },
    })
}

/// A proxy in the words of the crate that renders it.
pub(crate) fn proxy(proxy: &lazuli_cluster::spec::Proxy) -> user_data::Proxy {
    user_data::Proxy {
        http: proxy.http.clone(),
        https: proxy.https.clone(),
        no_proxy: proxy.no_proxy.clone(),
    }
}

/// Taints in the words of the crate that renders them.
pub(crate) fn taints(taints: &[lazuli_cluster::spec::Taint]) -> Result<Vec<Taint>, String> {
    let taint = |taint: &lazuli_cluster::spec::Taint| {
        let effect = taint.effect.parse().map_err(|error: user_data::UnknownEffect| error.to_string())?;
        Ok(Taint { key: taint.key.clone(), value: taint.value.clone(), effect })
    };
    taints.iter().map(taint).collect()
}
