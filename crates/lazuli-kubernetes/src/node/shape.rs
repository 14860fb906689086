//! Labels, taints and cordon of a node: what to patch, and what is there.

use lazuli_core::Json;
use serde_json::{Map, json};

use super::desired::{Member, MemberTaint};
use super::readiness::{is_ready, taints};

/// What a member was made with, as JSON. It is there from when the member was found ready until it has left: a Node
/// without it has not come in yet, or is on its way out.
pub(super) const MEMBER: &str = "lazuli.dev/member";

/// The JSON merge patch that makes the node as wanted; `None` when it is so already. What `previous` had and `member`
/// has no longer is taken away; what neither has belongs to others.
///
/// Taints are an array that others write too, so the patch only holds for the version of the node that was read.
pub(super) fn patch(member: &Member, previous: Option<&Member>, node: &Json) -> Option<Json> {
    let mut labels = Map::new();
    for (key, value) in &member.labels {
        if node["metadata"]["labels"][key.as_str()] != value.as_str() {
            labels.insert(key.clone(), json!(value));
        }
    }
    for key in previous.iter().flat_map(|previous| previous.labels.keys()) {
        if !member.labels.contains_key(key) && !node["metadata"]["labels"][key.as_str()].is_null() {
            labels.insert(key.clone(), Json::Null);
        }
    }
    let mut spec = Map::new();
    if let Some(taints) = wanted_taints(member, previous, node) {
        spec.insert("taints".to_owned(), taints);
    }
    let cordoned = node["spec"]["unschedulable"] == true;
    if member.cordoned != cordoned && (member.cordoned || previous.is_some()) {
        spec.insert("unschedulable".to_owned(), if member.cordoned { json!(true) } else { Json::Null });
    }
    if labels.is_empty() && spec.is_empty() {
        return None;
    }
    let mut patch = json!({"metadata": {"resourceVersion": node["metadata"]["resourceVersion"]}});
    if !labels.is_empty() {
        patch["metadata"]["labels"] = labels.into();
    }
    if !spec.is_empty() {
        patch["spec"] = spec.into();
    }
    Some(patch)
}

fn wanted_taints(member: &Member, previous: Option<&Member>, node: &Json) -> Option<Json> {
    let ours = |taint: &Json, list: &[MemberTaint]| {
        list.iter().any(|own| taint["key"] == own.key.as_str() && taint["effect"] == own.effect.as_str())
    };
    let before = previous.map_or(&[][..], |previous| &previous.taints);
    let mut wanted: Vec<Json> =
        taints(node).filter(|taint| !ours(taint, &member.taints) && !ours(taint, before)).cloned().collect();
    wanted.extend(member.taints.iter().map(|taint| json!(taint)));
    let found: Vec<&Json> = taints(node).collect();
    let same = found.len() == wanted.len()
        && wanted.iter().all(|taint| found.iter().any(|found| same_taint(found, taint)));
    (!same).then(|| wanted.into())
}

fn same_taint(a: &Json, b: &Json) -> bool {
    let value = |taint: &Json| taint["value"].as_str().unwrap_or_default().to_owned();
    a["key"] == b["key"] && a["effect"] == b["effect"] && value(a) == value(b)
}

/// The member as observed: the values it was made with, and of what is Kubernetes' the values that the node has now.
/// `None` when the node is no member.
pub(super) fn observed(node: &Json) -> Option<Json> {
    Some(observed_as(node, made_with(node)?))
}

/// The same of a node whose Node object was made anew, without its record: it is the member it was as long as its machine
/// is the one in `recorded`, what it was last made with.
pub(super) fn observed_again(node: &Json, recorded: &Json) -> Option<Json> {
    let properties = recorded.get("properties").filter(|properties| properties.is_object())?;
    let (wanted, found) = (properties["providerId"].as_str()?, node["spec"]["providerID"].as_str()?);
    wanted.eq_ignore_ascii_case(found).then(|| observed_as(node, properties.clone()))
}

fn observed_as(node: &Json, mut properties: Json) -> Json {
    let sent = properties.clone();
    properties["version"] = node["status"]["nodeInfo"]["kubeletVersion"].clone();
    let owned = sent["labels"].as_object().into_iter().flatten();
    let labels: Map<String, Json> = owned
        .filter_map(|(key, _)| Some((key.clone(), node["metadata"]["labels"].get(key)?.clone())))
        .collect();
    if sent["labels"].is_object() {
        properties["labels"] = labels.into();
    }
    if let Some(owned) = sent["taints"].as_array() {
        let live = owned.iter().filter_map(|own| {
            let found = taints(node).find(|t| t["key"] == own["key"] && t["effect"] == own["effect"])?;
            let mut shown = own.clone();
            if same_taint(found, own) {
                return Some(shown);
            }
            shown["value"] = found["value"].clone();
            Some(shown)
        });
        properties["taints"] = live.collect();
    }
    properties["cordoned"] = json!(node["spec"]["unschedulable"] == true);
    if let Some(id) = node["spec"]["providerID"].as_str()
        && !sent["providerId"].as_str().is_some_and(|sent| sent.eq_ignore_ascii_case(id))
    {
        properties["providerId"] = json!(id);
    }
    properties["ready"] = json!(is_ready(node));
    json!({"properties": properties})
}

/// The `properties` a member was made with.
pub(super) fn made_with(node: &Json) -> Option<Json> {
    let text = node["metadata"]["annotations"][MEMBER].as_str()?;
    serde_json::from_str(text).ok().filter(Json::is_object)
}

/// The patch that records what a member was made with; `None` forgets it.
pub(super) fn record(properties: Option<&Json>) -> Json {
    let value = properties.map(Json::to_string);
    json!({"metadata": {"annotations": {MEMBER: value}}})
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{observed, observed_again, patch, record};
    use crate::node::Member;

    fn member(labels: serde_json::Value, taints: serde_json::Value, cordoned: bool) -> Member {
        Member::of(&json!({"properties": {"node": "web-1", "role": "worker", "version": "v1.34.2",
            "labels": labels, "taints": taints, "cordoned": cordoned}}))
        .unwrap()
    }

    #[test]
    fn a_node_that_lost_its_record_is_a_member_while_its_machine_is_the_recorded_one() {
        let recorded = json!({"properties": {"node": "web-1", "providerId": "azure:///vm/WEB-1",
            "labels": {"pool": "a"}}});
        let node = |machine: &str| json!({"metadata": {"name": "web-1"}, "spec": {"providerID": machine}});
        assert_eq!(observed(&node("azure:///vm/web-1")), None);
        let found = observed_again(&node("azure:///vm/web-1"), &recorded).unwrap();
        assert_eq!(found["properties"]["node"], "web-1");
        assert_eq!(found["properties"]["labels"], json!({}), "the next apply sets them again");
        assert_eq!(observed_again(&node("azure:///vm/web-2"), &recorded), None);
        assert_eq!(observed_again(&json!({"spec": {}}), &recorded), None);
    }

    #[test]
    fn labels_and_taints_of_others_are_left_alone() {
        let node = json!({"metadata": {"resourceVersion": "7", "labels": {"old": "1", "theirs": "x", "pool": "a"}},
            "spec": {"taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
                {"key": "gpu", "value": "no", "effect": "NoSchedule"}, {"key": "gone", "effect": "NoExecute"}]}});
        let before =
            member(json!({"old": "1", "pool": "a"}), json!([{"key": "gone", "effect": "NoExecute"}]), false);
        let now = member(
            json!({"pool": "b"}),
            json!([{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]),
            true,
        );
        assert_eq!(
            patch(&now, Some(&before), &node),
            Some(json!({
                "metadata": {"resourceVersion": "7", "labels": {"pool": "b", "old": null}},
                "spec": {"unschedulable": true, "taints": [
                    {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
                    {"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}
            }))
        );
        let same = member(json!({"pool": "a"}), json!([]), false);
        assert_eq!(patch(&same, None, &node), None);
    }

    #[test]
    fn a_cordon_by_hand_stays_when_a_node_comes_in_and_goes_when_it_is_updated() {
        let node = json!({"metadata": {}, "spec": {"unschedulable": true}});
        let wanted = member(json!({}), json!([]), false);
        assert_eq!(patch(&wanted, None, &node), None);
        let patched = patch(&wanted, Some(&wanted), &node).unwrap();
        assert_eq!(patched["spec"], json!({"unschedulable": null}));
    }

    #[test]
    fn a_member_is_observed_with_what_the_node_has_of_ours() {
        let sent = json!({"node": "web-1", "role": "worker", "version": "v1.34.2", "cordoned": false,
            "labels": {"pool": "a", "tier": "x"}, "taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
            "providerId": "azure:///subscriptions/s/web-1", "drainTimeoutSeconds": 60});
        let mut node = record(Some(&sent));
        assert_eq!(observed(&json!({"metadata": {"name": "web-1"}})), None);
        node["metadata"]["labels"] = json!({"pool": "b", "theirs": "1"});
        node["spec"] = json!({"unschedulable": true, "providerID": "azure:///subscriptions/S/web-1",
            "taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}, {"key": "x", "effect": "NoExecute"}]});
        node["status"] = json!({"nodeInfo": {"kubeletVersion": "v1.34.2"},
            "conditions": [{"type": "Ready", "status": "True"}]});
        let mut expected = sent;
        expected["labels"] = json!({"pool": "b"});
        expected["cordoned"] = json!(true);
        expected["ready"] = json!(true);
        assert_eq!(observed(&node), Some(json!({"properties": expected})));
    }
}
