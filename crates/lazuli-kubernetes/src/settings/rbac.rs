//! Bindings that a version's kubeadm makes with `init` or `upgrade`, and that a cluster which came to the version by
//! replacing its nodes would be without.

use lazuli_core::Json;
use lazuli_core::provider::{ProviderError, Watch};
use serde_json::json;

use crate::api::encode;
use crate::objects::wire::Wire;
use crate::version::KubernetesVersion;

const GROUP: &str = "rbac.authorization.k8s.io";

struct Needed {
    since: u64,
    name: &'static str,
    role: &'static str,
    kind: &'static str,
    subject: &'static str,
}

const NEEDED: [Needed; 2] = [
    // The administrator's certificate that kubeadm makes on a node is no longer of the group that may do anything.
    Needed {
        since: 29,
        name: "kubeadm:cluster-admins",
        role: "cluster-admin",
        kind: "Group",
        subject: "kubeadm:cluster-admins",
    },
    // The API server's certificate for kubelets is of no group any more: without this `logs` and `exec` are forbidden.
    Needed {
        since: 37,
        name: "kubeadm:apiserver-kubelet-client",
        role: "system:kubelet-api-admin",
        kind: "User",
        subject: "kube-apiserver-kubelet-client",
    },
];

/// Makes the bindings that the version needs and the cluster does not have.
pub(super) async fn ensure(
    wire: &Wire,
    version: &KubernetesVersion,
    watch: &dyn Watch,
) -> Result<(), ProviderError> {
    for needed in NEEDED.iter().filter(|needed| version.minor() >= needed.since) {
        let path = format!("/apis/{GROUP}/v1/clusterrolebindings/{}", encode(needed.name));
        let binding = binding(needed);
        if wire.get(&path).await?.is_some_and(|live| says(&live, &binding)) {
            continue;
        }
        wire.apply(&path, &binding).await?;
        watch
            .progress(&format!("ClusterRoleBinding {} made, which kubeadm {version} counts on", needed.name));
    }
    Ok(())
}

fn binding(needed: &Needed) -> Json {
    json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": { "name": needed.name },
        "roleRef": { "apiGroup": GROUP, "kind": "ClusterRole", "name": needed.role },
        "subjects": [{ "apiGroup": GROUP, "kind": needed.kind, "name": needed.subject }],
    })
}

fn says(live: &Json, wanted: &Json) -> bool {
    let subject = &wanted["subjects"][0];
    let named = |one: &Json| one["kind"] == subject["kind"] && one["name"] == subject["name"];
    live["roleRef"]["name"] == wanted["roleRef"]["name"]
        && live["subjects"].as_array().is_some_and(|subjects| subjects.iter().any(named))
}
