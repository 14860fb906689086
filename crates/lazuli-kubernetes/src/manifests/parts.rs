//! Pieces that several manifests are made of.

use lazuli_core::Json;
use serde_json::json;

use super::{ClusterFacts, Objects, key_of};

/// The namespace of everything Lazuli brings itself.
pub(super) const NAMESPACE: &str = "kube-system";

/// Manifests under their keys. All of them are ours and have all that a key needs.
pub(super) fn objects(manifests: impl IntoIterator<Item = Json>) -> Objects {
    manifests.into_iter().filter_map(|manifest| Some((key_of(&manifest).ok()?, manifest))).collect()
}

pub(super) fn service_account(name: &str) -> Json {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": name, "namespace": NAMESPACE },
    })
}

/// A rule: API group, resources, verbs.
pub(super) type Rule<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

pub(super) fn cluster_role(name: &str, rules: &[Rule<'_>]) -> Json {
    let rules: Vec<Json> = rules
        .iter()
        .map(|(group, resources, verbs)| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs }))
        .collect();
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": name },
        "rules": rules,
    })
}

/// A cluster-wide binding of a role to a service account of ours.
pub(super) fn bind(name: &str, role: &str, service_account: &str) -> Json {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "kind": "ServiceAccount", "name": service_account, "namespace": NAMESPACE }],
    })
}

/// What a controller on the control plane tolerates: the control plane's taints, and all that a node has before the
/// cloud provider and the network are there. Not everything: a node that is being drained is not for it.
pub(super) fn controller_tolerations(facts: &ClusterFacts) -> Json {
    let usual = [
        "CriticalAddonsOnly",
        "node-role.kubernetes.io/control-plane",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/network-unavailable",
    ];
    let usual = usual.iter().map(|key| match *key {
        "CriticalAddonsOnly" => json!({ "key": key, "operator": "Exists" }),
        _ => json!({ "key": key, "operator": "Exists", "effect": "NoSchedule" }),
    });
    let own = facts
        .control_plane_taints
        .iter()
        .filter(|taint| taint.key != "node-role.kubernetes.io/control-plane")
        .map(|taint| json!({ "key": taint.key, "operator": "Exists", "effect": taint.effect.as_str() }));
    usual.chain(own).collect()
}

/// What an agent tolerates that belongs on every node, in whatever state it is.
pub(super) fn agent_tolerations() -> Json {
    json!([
        { "operator": "Exists", "effect": "NoSchedule" },
        { "operator": "Exists", "effect": "NoExecute" },
    ])
}

/// The rollout of a controller that takes ports of its node: the old pod goes before the new one comes, and one replica
/// is enough to be available, since there may be only one control-plane node yet.
pub(super) fn one_at_a_time() -> Json {
    json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 1 } })
}

/// Gives a container that talks to Azure the proxy; the variables of the node are not for containers.
pub(super) fn behind_a_proxy(container: &mut Json, facts: &ClusterFacts) {
    let Some(proxy) = &facts.proxy else { return };
    let direct = Some(proxy.no_proxy.join(",")).filter(|direct| !direct.is_empty());
    container["env"] = [("HTTP_PROXY", &proxy.http), ("HTTPS_PROXY", &proxy.https), ("NO_PROXY", &direct)]
        .into_iter()
        .filter_map(|(name, value)| Some(json!({ "name": name, "value": value.as_ref()? })))
        .collect();
}

/// Replicas on different nodes, as far as there are nodes.
pub(super) fn spread(label: &str, value: &str) -> Json {
    json!([{
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": { label: value } },
    }])
}

/// A folder of the node.
pub(super) fn host_path(name: &str, path: &str, ty: &str) -> Json {
    json!({ "name": name, "hostPath": { "path": path, "type": ty } })
}
