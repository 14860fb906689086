//! The kubelet's flags: labels, taints and the user's extra arguments, in a drop-in of its systemd unit.
//!
//! kubeadm's unit ends the kubelet's command line with `$KUBELET_EXTRA_ARGS`, and the last of its environment files
//! wins. The drop-in adds ours after kubeadm's. systemd splits that variable at white space, so every flag here is one
//! plain word, or an error.

use std::collections::BTreeMap;

use super::{ETCD_MOUNT, NodeBoot, UserDataError, components};

/// Where the flags are.
pub(super) const ENV_PATH: &str = "/etc/lazuli/kubelet.env";

/// Flags that are not the user's to set, and what to do instead.
const RESERVED: [(&str, &str); 7] = [
    ("bootstrap-kubeconfig", "kubeadm sets it"),
    ("cloud-provider", "it is always `external`, Azure's cloud provider runs in the cluster"),
    ("config", "kubeadm sets it"),
    ("hostname-override", "a node has the name of its virtual machine, by which the cloud provider finds it"),
    ("kubeconfig", "kubeadm sets it"),
    ("node-labels", "use `labels` of the pool"),
    ("register-with-taints", "use `taint` blocks of the pool"),
];

/// The environment file with the flags.
pub(super) fn environment(node: &NodeBoot) -> Result<String, UserDataError> {
    Ok(format!("KUBELET_EXTRA_ARGS=\"{}\"\n", flags(node)?.join(" ")))
}

/// The drop-in of the kubelet's unit. On a control-plane node the kubelet does not start without etcd's disk: etcd
/// would start with an empty folder on the disk of the operating system.
pub(super) fn drop_in(node: &NodeBoot) -> String {
    let unit = match node.role.is_control_plane() {
        true => format!("[Unit]\nRequiresMountsFor={ETCD_MOUNT}\n\n"),
        false => String::new(),
    };
    format!("{unit}[Service]\nEnvironmentFile={ENV_PATH}\n")
}

/// Whether a kubelet may put this label on its own node.
///
/// In the domains `kubernetes.io` and `k8s.io` it may set a few well-known labels and what is below
/// `node.kubernetes.io` and `kubelet.kubernetes.io`; with any other it does not even start. The others are set by
/// someone with more rights, through the Kubernetes API.
pub fn kubelet_may_set_label(key: &str) -> bool {
    const WELL_KNOWN: [&str; 8] = [
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
    ];
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let below = |parent: &str| domain.strip_suffix(parent).is_some_and(|d| d.is_empty() || d.ends_with('.'));
    if !below("kubernetes.io") && !below("k8s.io") {
        return true;
    }
    below("node.kubernetes.io") || below("kubelet.kubernetes.io") || WELL_KNOWN.contains(&key)
}

fn flags(node: &NodeBoot) -> Result<Vec<String>, UserDataError> {
    let mut flags = BTreeMap::from([("cloud-provider", "external".to_owned())]);
    let gates = components::feature_gates(node)?;
    if !gates.is_empty() {
        flags.insert("feature-gates", gates);
    }
    for (name, value) in &node.kubelet_args {
        if let Some((_, instead)) = RESERVED.iter().find(|(reserved, _)| reserved == name) {
            return Err(UserDataError::ReservedKubeletArg {
                node: node.name.clone(),
                name: name.clone(),
                instead,
            });
        }
        if !is_flag_name(name) || !is_plain_word(value) {
            let (name, value) = (name.clone(), value.clone());
            return Err(UserDataError::BadKubeletArg { node: node.name.clone(), name, value });
        }
        flags.insert(name, value.clone());
    }
    let (labels, taints) = (labels(node)?, taints(node)?);
    if !labels.is_empty() {
        flags.insert("node-labels", labels);
    }
    if !taints.is_empty() {
        flags.insert("register-with-taints", taints);
    }
    Ok(flags.into_iter().map(|(name, value)| format!("--{name}={value}")).collect())
}

fn labels(node: &NodeBoot) -> Result<String, UserDataError> {
    let mut own = Vec::new();
    for (key, value) in &node.labels {
        if !is_key(key) || !is_value(value) {
            let (key, value) = (key.clone(), value.clone());
            return Err(UserDataError::BadLabel { node: node.name.clone(), key, value });
        }
        if kubelet_may_set_label(key) {
            own.push(format!("{key}={value}"));
        }
    }
    Ok(own.join(","))
}

fn taints(node: &NodeBoot) -> Result<String, UserDataError> {
    let taints = node.taints.iter().map(|taint| {
        let (key, value, effect) = (&taint.key, &taint.value, taint.effect.as_str());
        if !is_key(key) || !is_value(value) {
            let (key, value) = (key.clone(), value.clone());
            return Err(UserDataError::BadTaint { node: node.name.clone(), key, value });
        }
        Ok(match value.is_empty() {
            true => format!("{key}:{effect}"),
            false => format!("{key}={value}:{effect}"),
        })
    });
    Ok(taints.collect::<Result<Vec<_>, _>>()?.join(","))
}

pub(super) fn is_flag_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_plain_word(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\' | b'`'))
}

/// A qualified name of Kubernetes: a name, with or without a DNS name in front.
fn is_key(key: &str) -> bool {
    let (domain, name) = key.split_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    let part = |part: &str| {
        let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let bytes = part.as_bytes();
        edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
    };
    !name.is_empty() && is_value(name) && domain.is_none_or(|d| d.len() <= 253 && d.split('.').all(part))
}

/// A label's value: empty, or at most 63 letters, digits and `-_.` with a letter or digit at both ends.
fn is_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}
