//! What will go wrong with manifests that are applied before the cluster is whole.

use std::fmt;

use lazuli_core::Json;

use super::Objects;

/// Something to look at before applying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The object.
    pub key: String,
    /// What about it, and what to do.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// Taints that every node has in its first minutes, and who takes them away.
const EARLY: [(&str, &str); 2] = [
    ("node.cloudprovider.kubernetes.io/uninitialized", "the cloud provider takes it away"),
    ("node.kubernetes.io/not-ready", "it goes when the pod network is there"),
];

/// Looks over a layer that is applied early (cloud provider, network): its Deployments and DaemonSets must run on nodes
/// that are not ready, or nodes never become so.
pub fn lint_early(objects: &Objects) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (key, object) in objects {
        if !matches!(object["kind"].as_str(), Some("Deployment" | "DaemonSet" | "StatefulSet")) {
            continue;
        }
        let tolerations = object.pointer("/spec/template/spec/tolerations").and_then(Json::as_array);
        // The DaemonSet controller adds this one itself.
        let exempt = |taint: &str| object["kind"] == "DaemonSet" && taint == "node.kubernetes.io/not-ready";
        for (taint, reason) in EARLY.into_iter().filter(|(taint, _)| !exempt(taint)) {
            if !tolerations.is_some_and(|all| all.iter().any(|one| tolerates(one, taint))) {
                let message = format!(
                    "its pods do not tolerate the taint {taint}:NoSchedule, which every new node has ({reason}), so \
                     they may wait forever; add a toleration with key {taint} and operator Exists"
                );
                warnings.push(Warning { key: key.clone(), message });
            }
        }
    }
    warnings
}

/// Whether a toleration covers `taint:NoSchedule` with an empty value.
fn tolerates(toleration: &Json, taint: &str) -> bool {
    let text = |field: &str| toleration[field].as_str().unwrap_or("");
    let effect = matches!(text("effect"), "" | "NoSchedule");
    let exists = text("operator") == "Exists";
    // The taint `uninitialized` has the value "true", `not-ready` has none: only Exists is sure.
    effect && exists && (text("key").is_empty() || text("key") == taint)
}
