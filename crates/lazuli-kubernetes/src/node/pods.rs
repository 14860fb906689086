//! Which pods must leave a node before it goes: `kubectl drain`'s filters, in its order.

use lazuli_core::Json;

/// What may be done to pods that nothing brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainRules {
    /// Pods with an `emptyDir` may go, and with them what is in it.
    pub delete_empty_dir_data: bool,
    /// Pods without a controller may go; nothing starts them again.
    pub force: bool,
}

impl Default for DrainRules {
    /// The machine goes in any case, and the plan said so.
    fn default() -> Self {
        DrainRules { delete_empty_dir_data: true, force: true }
    }
}

/// What happens to a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is evicted.
    Evict,
    /// It stays: it goes with the machine.
    Stay,
    /// It may not go, and so nothing does.
    Forbidden(String),
}

/// The DaemonSet that controls a pod, when one does and its existence matters.
pub(super) fn daemon_set(pod: &Json) -> Option<&str> {
    let owner = controller(pod).filter(|owner| owner["kind"] == "DaemonSet" && !is_finished(pod))?;
    owner["name"].as_str()
}

/// Decides about a pod. `has_daemon_set`: the DaemonSet that controls it still exists. `unreachable`: nothing on the node
/// can confirm its end, so a pod that is being deleted already counts as gone.
pub fn fate(pod: &Json, has_daemon_set: bool, unreachable: bool, rules: DrainRules) -> Fate {
    if unreachable && pod["metadata"]["deletionTimestamp"].is_string() {
        return Fate::Stay;
    }
    if let Some(name) = daemon_set(pod) {
        return match (has_daemon_set, rules.force) {
            (true, _) => Fate::Stay,
            (false, true) => Fate::Evict,
            (false, false) => Fate::Forbidden(format!("its DaemonSet {name} does not exist any more")),
        };
    }
    if pod["metadata"]["annotations"].get("kubernetes.io/config.mirror").is_some() {
        return Fate::Stay;
    }
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let has_empty_dir = volumes.into_iter().any(|volume| volume.get("emptyDir").is_some());
    if has_empty_dir && !is_finished(pod) && !rules.delete_empty_dir_data {
        return Fate::Forbidden("it keeps data on the node (emptyDir)".to_owned());
    }
    if controller(pod).is_none() && !is_finished(pod) && !rules.force {
        return Fate::Forbidden("nothing would start it again: it has no controller".to_owned());
    }
    Fate::Evict
}

fn controller(pod: &Json) -> Option<&Json> {
    pod["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["controller"] == true)
}

fn is_finished(pod: &Json) -> bool {
    matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

#[cfg(test)]
mod tests {
    use lazuli_core::Json;
    use serde_json::json;

    use super::{DrainRules, Fate, fate};

    fn owned(kind: &str) -> Json {
        json!([{"kind": kind, "name": "x", "controller": true}])
    }

    #[test]
    fn pods_leave_as_kubectl_has_them_leave() {
        let strict = DrainRules { delete_empty_dir_data: false, force: false };
        let pod = |owners: Json, phase: &str, more: Json| {
            json!({"metadata": {"ownerReferences": owners, "annotations": more["annotations"]},
                "spec": {"volumes": more["volumes"]}, "status": {"phase": phase}})
        };
        let none = json!({});
        let empty_dir = json!({"volumes": [{"name": "cache", "emptyDir": {}}]});
        let mirror = json!({"annotations": {"kubernetes.io/config.mirror": "x"}});
        let table = [
            ("of a Deployment", pod(owned("ReplicaSet"), "Running", none.clone())),
            ("of a DaemonSet", pod(owned("DaemonSet"), "Running", none.clone())),
            ("of a DaemonSet, finished", pod(owned("DaemonSet"), "Succeeded", none.clone())),
            ("mirror of a static pod", pod(json!([{"kind": "Node", "controller": true}]), "Running", mirror)),
            ("with an emptyDir", pod(owned("ReplicaSet"), "Running", empty_dir.clone())),
            ("with an emptyDir, finished", pod(owned("Job"), "Failed", empty_dir)),
            ("without a controller", pod(Json::Null, "Running", none.clone())),
            ("without a controller, finished", pod(Json::Null, "Succeeded", none)),
        ];
        let mut lines = Vec::new();
        for (name, pod) in table {
            let ours = fate(&pod, true, false, DrainRules::default());
            let strictly = fate(&pod, true, false, strict);
            let orphaned = fate(&pod, false, false, strict);
            lines.push(format!(
                "{name}: {ours:?} | strictly {strictly:?} | without its DaemonSet {orphaned:?}"
            ));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn what_is_being_deleted_on_a_silent_node_counts_as_gone() {
        let pod = json!({"metadata": {"deletionTimestamp": "2026-11-28T00:00:00Z",
            "ownerReferences": owned("ReplicaSet")}});
        assert_eq!(fate(&pod, false, true, DrainRules::default()), Fate::Stay);
        assert_eq!(fate(&pod, false, false, DrainRules::default()), Fate::Evict);
    }
}
