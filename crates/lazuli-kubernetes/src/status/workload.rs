//! What runs in a cluster and is not as it should be.

use lazuli_core::Json;

/// A Deployment or DaemonSet with pods that are not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// `Deployment` or `DaemonSet`.
    pub kind: String,
    /// `kube-system/coredns`
    pub name: String,
    /// How many pods are ready.
    pub ready: u64,
    /// How many should be.
    pub wanted: u64,
}

/// A disruption budget under which no pod may be evicted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// `shop/web`
    pub name: String,
    /// How many of its pods are healthy.
    pub healthy: u64,
    /// How many must stay so.
    pub needed: u64,
}

/// The workload, when it is not ready.
pub fn workload(kind: &str, object: &Json) -> Option<Workload> {
    let number = |pointer: &str| object.pointer(pointer).and_then(Json::as_u64);
    let (ready, wanted) = match kind {
        "DaemonSet" => (number("/status/numberReady"), number("/status/desiredNumberScheduled")),
        _ => (number("/status/readyReplicas"), number("/spec/replicas").or(Some(1))),
    };
    let (ready, wanted) = (ready.unwrap_or(0), wanted.unwrap_or(0));
    (ready < wanted).then(|| Workload { kind: kind.to_owned(), name: name(object), ready, wanted })
}

/// The budget, when it allows nothing and has pods.
pub fn budget(object: &Json) -> Option<Budget> {
    let number = |name: &str| object["status"][name].as_u64().unwrap_or(0);
    let (healthy, needed) = (number("currentHealthy"), number("desiredHealthy"));
    let blocks = number("expectedPods") > 0 && number("disruptionsAllowed") == 0;
    blocks.then(|| Budget { name: name(object), healthy, needed })
}

fn name(object: &Json) -> String {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_lacks_pods_is_told() {
        let of = |name: &str| json!({"namespace": "kube-system", "name": name});
        let coredns =
            json!({"metadata": of("coredns"), "spec": {"replicas": 2}, "status": {"readyReplicas": 1}});
        let expected =
            Workload { kind: "Deployment".into(), name: "kube-system/coredns".into(), ready: 1, wanted: 2 };
        assert_eq!(workload("Deployment", &coredns), Some(expected));
        let proxy =
            json!({"metadata": of("kube-proxy"), "status": {"numberReady": 3, "desiredNumberScheduled": 3}});
        assert_eq!(workload("DaemonSet", &proxy), None);
    }

    #[test]
    fn a_budget_that_allows_nothing_would_stop_a_drain() {
        let web = |allowed: u64| {
            json!({
                "metadata": {"namespace": "shop", "name": "web"},
                "status": {"expectedPods": 2, "currentHealthy": 2, "desiredHealthy": 2, "disruptionsAllowed": allowed},
            })
        };
        assert_eq!(budget(&web(0)), Some(Budget { name: "shop/web".into(), healthy: 2, needed: 2 }));
        assert_eq!(budget(&web(1)), None);
    }
}
