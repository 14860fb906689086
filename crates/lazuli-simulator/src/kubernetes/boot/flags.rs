//! The kubelet's flags, from kubeadm's configuration and from environment files on the disk.

use std::collections::BTreeMap;

use super::cloud_init::Files;
use super::config::{NodeRegistration, Taint};

/// What matters of the kubelet's flags.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flags(BTreeMap<String, String>);

impl Flags {
    /// The flags that environment files (`KUBELET_EXTRA_ARGS=…`) give.
    pub(super) fn read(files: &Files) -> Result<Self, Vec<String>> {
        let mut flags = BTreeMap::new();
        for line in files.values().flat_map(|text| text.lines()) {
            let Some(value) = line.trim().strip_prefix("KUBELET_EXTRA_ARGS=") else { continue };
            for word in value.trim_matches(['"', '\'']).split_whitespace() {
                let Some((name, value)) = word.strip_prefix("--").and_then(|flag| flag.split_once('='))
                else {
                    continue;
                };
                flags.insert(name.to_owned(), value.to_owned());
            }
        }
        let flags = Self(flags);
        flags.check()?;
        Ok(flags)
    }

    fn check(&self) -> Result<(), Vec<String>> {
        let forbidden: Vec<String> = self.labels().into_keys().filter(|key| !may_set_label(key)).collect();
        if forbidden.is_empty() {
            return Ok(());
        }
        Err(vec![
            format!("kubelet[2044]: E failed to validate kubelet flags: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [{}]", forbidden.join(" ")),
            "[kubelet-check] The kubelet is not healthy after 4m0s".to_owned(),
            "error execution phase kubelet-start: The HTTP call equal to 'curl -sSL http://127.0.0.1:10248/healthz' returned error: Get \"http://127.0.0.1:10248/healthz\": dial tcp 127.0.0.1:10248: connect: connection refused".to_owned(),
        ])
    }

    fn value<'a>(&'a self, registration: &'a NodeRegistration, flag: &str) -> Option<&'a str> {
        self.0.get(flag).map(String::as_str).or_else(|| registration.kubelet_extra_args.get(flag))
    }

    pub(super) fn is_cloud_external(&self, registration: &NodeRegistration) -> bool {
        self.value(registration, "cloud-provider") == Some("external")
    }

    fn labels(&self) -> BTreeMap<String, String> {
        pairs(self.0.get("node-labels").map_or("", String::as_str))
    }

    /// The labels a node registers with.
    pub(super) fn node_labels(&self, registration: &NodeRegistration) -> BTreeMap<String, String> {
        pairs(self.value(registration, "node-labels").unwrap_or(""))
    }

    /// The taints a node registers with: the kubelet's own, and those of kubeadm.
    pub(super) fn node_taints(&self, registration: &NodeRegistration, is_control_plane: bool) -> Vec<Taint> {
        let mut taints: Vec<Taint> = self
            .value(registration, "register-with-taints")
            .unwrap_or("")
            .split(',')
            .filter_map(|word| {
                let (pair, effect) = word.rsplit_once(':')?;
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some(Taint { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() })
            })
            .collect();
        let own = match &registration.taints {
            Some(own) => own.clone(),
            None if is_control_plane => vec![Taint {
                key: "node-role.kubernetes.io/control-plane".to_owned(),
                value: String::new(),
                effect: "NoSchedule".to_owned(),
            }],
            None => Vec::new(),
        };
        for taint in own {
            if !taints.iter().any(|known| known.key == taint.key && known.effect == taint.effect) {
                taints.push(taint);
            }
        }
        taints
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    text.split(',')
        .filter(|word| !word.is_empty())
        .map(|word| word.split_once('=').unwrap_or((word, "")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Whether a kubelet may put this label on its own node.
fn may_set_label(key: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
    ];
    let Some((domain, _)) = key.split_once('/') else { return true };
    let is_in = |parent: &str| domain == parent || domain.ends_with(&format!(".{parent}"));
    (!is_in("kubernetes.io") && !is_in("k8s.io"))
        || is_in("kubelet.kubernetes.io")
        || is_in("node.kubernetes.io")
        || KNOWN.contains(&key)
}
