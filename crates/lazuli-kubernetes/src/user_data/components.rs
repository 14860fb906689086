//! The flags of the API server, the controller manager and the scheduler: what Lazuli needs, and what the user adds.

use std::collections::BTreeMap;

use super::kubelet::is_flag_name;
use super::{NodeBoot, SIGNING_CERTIFICATE, UserDataError};

type Flags = BTreeMap<String, String>;
type Reserved = &'static [(&'static str, &'static str)];

const KUBEADM: &str = "kubeadm sets it";

/// Flags of the API server that are not the user's to set.
const API_SERVER: Reserved = &[
    ("advertise-address", KUBEADM),
    ("client-ca-file", KUBEADM),
    ("etcd-servers", KUBEADM),
    ("secure-port", "it is the port of the cluster's endpoint"),
    ("service-account-key-file", KUBEADM),
    ("service-account-signing-key-file", KUBEADM),
    ("service-cluster-ip-range", "use `service_cidr` of the profile's network"),
    ("tls-cert-file", KUBEADM),
    ("tls-private-key-file", KUBEADM),
];

/// Flags of the controller manager that are not the user's to set.
const CONTROLLER_MANAGER: Reserved = &[
    ("allocate-node-cidrs", "it follows from `cni` of the profile's network"),
    ("cloud-provider", "it is always `external`, Azure's cloud provider runs in the cluster"),
    ("cluster-cidr", "use `pod_cidr` of the profile's network"),
    ("cluster-name", "it is the cluster's name"),
    ("service-cluster-ip-range", "use `service_cidr` of the profile's network"),
];

/// The API server's flags.
pub(super) fn api_server(node: &NodeBoot) -> Result<Flags, UserDataError> {
    if node.api_server_args.get("anonymous-auth").is_some_and(|value| value == "false") {
        return Err(UserDataError::ReservedComponentArg {
            component: "api_server",
            name: "anonymous-auth".to_owned(),
            instead: "the load balancer asks /readyz without a certificate, and joining nodes read cluster-info \
                      without one: both would be refused and no node could join. Restrict what may be asked so with \
                      `authentication-config` instead",
        });
    }
    flags("api_server", API_SERVER, Flags::new(), &node.api_server_args, node)
}

/// The controller manager's flags.
pub(super) fn controller_manager(node: &NodeBoot) -> Result<Flags, UserDataError> {
    let mut own = Flags::from([
        ("cloud-provider".to_owned(), "external".to_owned()),
        ("cluster-name".to_owned(), node.cluster.clone()),
    ]);
    if node.azure_routes {
        // Each node is given a range of its own, and the cloud provider routes it to the node.
        own.insert("allocate-node-cidrs".to_owned(), "true".to_owned());
        own.insert("cluster-cidr".to_owned(), node.pod_cidr.clone());
    }
    if node.two_authorities {
        // It does not start with two certificates in the file that it signs with.
        own.insert("cluster-signing-cert-file".to_owned(), SIGNING_CERTIFICATE.to_owned());
    }
    flags("controller_manager", CONTROLLER_MANAGER, own, &node.controller_manager_args, node)
}

/// The scheduler's flags.
pub(super) fn scheduler(node: &NodeBoot) -> Result<Flags, UserDataError> {
    flags("scheduler", &[], Flags::new(), &node.scheduler_args, node)
}

/// The feature gates as one flag's value; empty without any.
pub(super) fn feature_gates(node: &NodeBoot) -> Result<String, UserDataError> {
    let mut text = String::new();
    for (name, on) in &node.feature_gates {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(UserDataError::BadFeatureGate(name.clone()));
        }
        let comma = if text.is_empty() { "" } else { "," };
        text.push_str(&format!("{comma}{name}={on}"));
    }
    Ok(text)
}

fn flags(
    component: &'static str,
    reserved: Reserved,
    mut flags: Flags,
    own: &Flags,
    node: &NodeBoot,
) -> Result<Flags, UserDataError> {
    let gates = feature_gates(node)?;
    if !gates.is_empty() {
        flags.insert("feature-gates".to_owned(), gates);
    }
    for (name, value) in own {
        if let Some((_, instead)) = reserved.iter().find(|(reserved, _)| reserved == name) {
            return Err(UserDataError::ReservedComponentArg { component, name: name.clone(), instead });
        }
        if !is_flag_name(name) || value.chars().any(|c| c.is_control()) {
            return Err(UserDataError::BadComponentArg { component, name: name.clone() });
        }
        flags.insert(name.clone(), value.clone());
    }
    Ok(flags)
}
