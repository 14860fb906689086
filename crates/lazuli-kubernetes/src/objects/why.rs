//! Why something is not ready: what its pods and the last events say.

use std::collections::BTreeSet;

use lazuli_core::Json;

use super::set::Key;
use super::wire::Wire;
use crate::api::{Selector, encode};

/// Reasons at most; more would hide the first.
const REASONS: usize = 5;

/// Why the object is not ready, as lines that begin with a line break; nothing when nobody says anything.
pub(super) async fn not_ready(wire: &Wire, key: &Key) -> String {
    let Some(namespace) = &key.namespace else { return String::new() };
    let mut reasons: Vec<String> = Vec::new();
    let pods = pods(wire, key, namespace).await;
    for pod in &pods {
        let name = pod["metadata"]["name"].as_str().unwrap_or("?");
        reasons.extend(pod_reasons(pod).into_iter().map(|reason| format!("pod {name}: {reason}")));
    }
    let names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
    let names: Vec<&str> = std::iter::once(key.name.as_str()).chain(names).take(REASONS).collect();
    for name in names {
        reasons.extend(warnings(wire, namespace, name).await);
    }
    let mut seen = BTreeSet::new();
    reasons.retain(|reason| seen.insert(reason.clone()));
    reasons.iter().take(REASONS).map(|reason| format!("\n  {reason}")).collect()
}

/// The object's pods, by its own selector. An error here must not hide the one that is being explained.
async fn pods(wire: &Wire, key: &Key, namespace: &str) -> Vec<Json> {
    let api = match key.kind.as_str() {
        "Deployment" | "DaemonSet" | "StatefulSet" => "apis/apps/v1",
        "Job" => "apis/batch/v1",
        _ => return Vec::new(),
    };
    let namespace = encode(namespace);
    let path = format!("/{api}/namespaces/{namespace}/{}s/{}", key.kind.to_lowercase(), encode(&key.name));
    let Ok(Some(object)) = wire.get(&path).await else { return Vec::new() };
    let Some(labels) = object.pointer("/spec/selector/matchLabels").and_then(Json::as_object) else {
        return Vec::new();
    };
    let selector: Vec<String> =
        labels.iter().filter_map(|(label, value)| Some(format!("{label}={}", value.as_str()?))).collect();
    let selector = selector.join(",");
    let selector = Selector { labels: Some(&selector), fields: None };
    wire.list(&format!("/api/v1/namespaces/{namespace}/pods"), selector).await.unwrap_or_default()
}

fn pod_reasons(pod: &Json) -> Vec<String> {
    let mut reasons = Vec::new();
    let conditions = pod["status"]["conditions"].as_array();
    for condition in conditions.into_iter().flatten() {
        if condition["type"] == "PodScheduled" && condition["status"] == "False" {
            reasons.push(format!("not scheduled: {}", said(condition)));
        }
    }
    for place in ["initContainerStatuses", "containerStatuses"] {
        for container in pod["status"][place].as_array().into_iter().flatten() {
            let name = container["name"].as_str().unwrap_or("?");
            let waiting = &container["state"]["waiting"];
            if waiting.is_object()
                && waiting["reason"] != "PodInitializing"
                && waiting["reason"] != "ContainerCreating"
            {
                reasons.push(format!("container {name}: {}", said(waiting)));
            }
            for ended in [&container["state"]["terminated"], &container["lastState"]["terminated"]] {
                if let Some(code) = ended["exitCode"].as_i64().filter(|code| *code != 0) {
                    reasons.push(format!("container {name} ended with {code}: {}", said(ended)));
                }
            }
        }
    }
    reasons
}

/// Reason and message.
fn said(of: &Json) -> String {
    let text = |field: &str| of[field].as_str().map(str::trim).filter(|text| !text.is_empty());
    match (text("reason"), text("message")) {
        (Some(reason), Some(message)) => format!("{reason}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => "no reason given".to_owned(),
    }
}

/// The last warnings about an object.
async fn warnings(wire: &Wire, namespace: &str, name: &str) -> Vec<String> {
    let fields = format!("involvedObject.name={name},type=Warning");
    let path = format!("/api/v1/namespaces/{}/events", encode(namespace));
    let mut events =
        wire.list(&path, Selector { fields: Some(&fields), labels: None }).await.unwrap_or_default();
    let time = |event: &Json| {
        let places = ["lastTimestamp", "eventTime"].iter().filter_map(|place| event[*place].as_str());
        places.map(str::to_owned).next().unwrap_or_default()
    };
    events.sort_by_key(|event| std::cmp::Reverse(time(event)));
    events.iter().take(2).map(|event| format!("{name}: {}", said(event))).collect()
}
