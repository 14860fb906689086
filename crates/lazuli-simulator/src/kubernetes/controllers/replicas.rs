//! Deployments, ReplicaSets and StatefulSets: so many pods of a template.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::daemons::{go, pod_of, suffix, template_hash};
use super::look::{
    is_finished, is_going, is_owned_by, is_ready, items, name, namespace, node_of, share, uid,
};
use super::{Round, condition};

pub(super) fn act(round: &mut Round<'_>) {
    let (view, changes) = (round.view, round.changes);
    let concerned = |round: &Round<'_>, resource: &str| -> Vec<Arc<Value>> {
        let found = round.store.list(resource, None);
        found.filter(|found| changes.owners.contains_key(uid(found)) && !is_going(found)).cloned().collect()
    };
    let sets: Vec<Arc<Value>> = round.store.list("apps/v1/replicasets", None).cloned().collect();
    for deployment in concerned(round, "apps/v1/deployments") {
        roll(round, &deployment, &sets);
    }
    for set in concerned(round, "apps/v1/replicasets") {
        keep(round, &set, &view.objects_of(uid(&set)));
    }
    for set in concerned(round, "apps/v1/statefulsets") {
        order(round, &set, &view.objects_of(uid(&set)));
    }
}

fn replicas(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

/// Brings a deployment's newest ReplicaSet up and the older ones down, within its bounds.
fn roll(round: &mut Round<'_>, deployment: &Value, sets: &[Arc<Value>]) {
    let view = round.view;
    let hash = template_hash(&deployment["spec"]["template"]);
    let own: Vec<&Arc<Value>> = sets.iter().filter(|set| is_owned_by(set, uid(deployment))).collect();
    let is_new = |set: &Value| set["metadata"]["labels"]["pod-template-hash"] == hash.as_str();
    let wanted = replicas(deployment);
    let Some(newest) = own.iter().find(|set| is_new(set)) else {
        add_set(round, deployment, &hash, own.len());
        return;
    };
    let ready = |set: &Value| view.owned(uid(set)).map_or(0, |owned| owned.ready as i64);
    let left = |set: &Value| view.owned_by(uid(set)).filter(|pod| !pod.is_finished).count();
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    let recreates = deployment["spec"]["strategy"]["type"] == "Recreate";
    let surge = share(&rolling["maxSurge"], wanted, true).unwrap_or((wanted + 3) / 4);
    let mut unavailable = share(&rolling["maxUnavailable"], wanted, false).unwrap_or(wanted / 4);
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let older: Vec<&&Arc<Value>> = own.iter().filter(|set| !is_new(set) && replicas(set) > 0).collect();
    let total: i64 = own.iter().map(|set| replicas(set)).sum();
    let mut scale = Vec::new();
    if recreates {
        older.iter().for_each(|set| scale.push((name(set).to_owned(), 0)));
        if own.iter().filter(|set| !is_new(set)).all(|set| left(set) == 0) {
            scale.push((name(newest).to_owned(), wanted));
        }
    } else {
        let room = (wanted + surge - total).max(0);
        let grown = if older.is_empty() {
            wanted
        } else {
            replicas(newest).max((replicas(newest) + room).min(wanted)).min(wanted)
        };
        if grown != replicas(newest) {
            scale.push((name(newest).to_owned(), grown));
        }
        let available: i64 = own.iter().map(|set| ready(set)).sum();
        let mut spare = available - (wanted - unavailable);
        for set in older {
            // Pods that are not ready are no loss.
            let idle = replicas(set) - ready(set).min(replicas(set));
            let down = idle + spare.clamp(0, replicas(set) - idle);
            spare -= down - idle;
            if down > 0 {
                scale.push((name(set).to_owned(), replicas(set) - down));
            }
        }
    }
    for (set, count) in scale {
        round.store.edit("apps/v1/replicasets", namespace(deployment), &set, |set| {
            set["spec"]["replicas"] = json!(count)
        });
    }
    show(round, deployment, &own, &hash);
}

fn add_set(round: &mut Round<'_>, deployment: &Value, hash: &str, revision: usize) {
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = json!(hash);
    let set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", name(deployment)), "namespace": namespace(deployment), "labels": template["metadata"]["labels"],
            "annotations": { "deployment.kubernetes.io/revision": (revision + 1).to_string() },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": name(deployment), "uid": uid(deployment), "controller": true, "blockOwnerDeletion": true }],
        },
        "spec": { "replicas": if revision == 0 { replicas(deployment) } else { 0 }, "selector": selector, "template": template },
        "status": { "replicas": 0 },
    });
    let now = round.now;
    if round.store.get("apps/v1/replicasets", namespace(deployment), name(&set)).is_none() {
        round.store.create("apps/v1/replicasets", set, now);
    }
}

fn show(round: &mut Round<'_>, deployment: &Value, own: &[&Arc<Value>], hash: &str) {
    let view = round.view;
    let pods = own.iter().flat_map(|set| view.owned_by(uid(set)));
    let pods: Vec<&Arc<Value>> = pods.filter(|pod| !pod.is_going).map(|pod| &pod.object).collect();
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let updated = pods.iter().filter(|pod| pod["metadata"]["labels"]["pod-template-hash"] == hash).count();
    let wanted = replicas(deployment);
    let now = round.now;
    round.store.edit("apps/v1/deployments", namespace(deployment), name(deployment), |deployment| {
        let generation = deployment["metadata"]["generation"].clone();
        let conditions = deployment["status"]["conditions"].clone();
        let mut status = json!({ "observedGeneration": generation, "conditions": conditions });
        for (field, count) in [
            ("replicas", pods.len()),
            ("updatedReplicas", updated),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
        ] {
            if count > 0 {
                status[field] = json!(count);
            }
        }
        let missing = wanted - ready as i64;
        if missing > 0 {
            status["unavailableReplicas"] = json!(missing);
        }
        deployment["status"] = status;
        let is_done = missing <= 0 && updated as i64 == wanted && pods.len() as i64 == wanted;
        let (available, why) = match missing <= wanted / 4 {
            true => ("True", "MinimumReplicasAvailable"),
            false => ("False", "MinimumReplicasUnavailable"),
        };
        let progress = if is_done { "NewReplicaSetAvailable" } else { "ReplicaSetUpdated" };
        super::look::set_condition(deployment, condition("Available", available, why, "", now));
        super::look::set_condition(deployment, condition("Progressing", "True", progress, "", now));
    });
    // The revision is what `kubectl rollout` goes by.
    let revision = own.iter().find(|set| set["metadata"]["labels"]["pod-template-hash"] == hash);
    if let Some(revision) =
        revision.map(|set| set["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone())
    {
        round.store.edit("apps/v1/deployments", namespace(deployment), name(deployment), |deployment| {
            deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = revision;
        });
    }
}

/// Makes and ends pods until there are as many as wanted.
fn keep(round: &mut Round<'_>, set: &Value, owned: &[&Arc<Value>]) {
    let mut alive: Vec<&Arc<Value>> =
        owned.iter().copied().filter(|pod| !is_going(pod) && !is_finished(pod)).collect();
    let wanted = replicas(set).max(0) as usize;
    let now = round.now;
    let hash = set["metadata"]["labels"]["pod-template-hash"].as_str().unwrap_or("").to_owned();
    for index in alive.len()..wanted {
        let seed = format!("{} {index} {}", uid(set), round.store.version());
        let pod_name = format!("{}-{}", name(set), suffix(&seed));
        let label =
            if hash.is_empty() { ("controller-uid", uid(set)) } else { ("pod-template-hash", hash.as_str()) };
        let mut pod = pod_of(set, "ReplicaSet", &set["spec"]["template"], &pod_name, label);
        if hash.is_empty()
            && let Some(labels) = pod["metadata"]["labels"].as_object_mut()
        {
            labels.remove("controller-uid");
        }
        round.store.create("v1/pods", pod, now);
    }
    if alive.len() > wanted {
        // Those that do the least go first: not bound, not ready, youngest.
        alive.sort_by_key(|pod| {
            let created = pod["metadata"]["creationTimestamp"].as_str().unwrap_or("").to_owned();
            (!node_of(pod).is_empty(), is_ready(pod), std::cmp::Reverse(created))
        });
        let spare = alive.len() - wanted;
        for pod in alive.drain(..spare).collect::<Vec<_>>() {
            go(round, pod);
        }
    }
    let there = owned.iter().filter(|pod| !is_going(pod) && !is_finished(pod)).count();
    let ready = owned.iter().filter(|pod| is_ready(pod)).count();
    round.store.edit("apps/v1/replicasets", namespace(set), name(set), |set| {
        let generation = set["metadata"]["generation"].clone();
        let mut status = json!({ "replicas": there, "observedGeneration": generation });
        if there > 0 {
            status["fullyLabeledReplicas"] = json!(there);
        }
        if ready > 0 {
            status["readyReplicas"] = json!(ready);
            status["availableReplicas"] = json!(ready);
        }
        set["status"] = status;
    });
}

/// One pod after the other, each with its own claims.
fn order(round: &mut Round<'_>, set: &Value, owned: &[&Arc<Value>]) {
    let (template, wanted) = (&set["spec"]["template"], replicas(set).max(0));
    let hash = template_hash(template);
    let at_once = set["spec"]["podManagementPolicy"] == "Parallel";
    let by_name: HashMap<&str, &Arc<Value>> = owned.iter().map(|pod| (name(pod), *pod)).collect();
    let pod_name = |ordinal: i64| format!("{}-{ordinal}", name(set));
    let now = round.now;
    let mut is_whole = true;
    for ordinal in 0..wanted {
        match by_name.get(pod_name(ordinal).as_str()) {
            Some(pod) if is_finished(pod) && !is_going(pod) => go(round, pod),
            Some(pod) if is_ready(pod) => continue,
            Some(_) => {}
            None => {
                claims(round, set, &pod_name(ordinal));
                let mut pod = pod_of(
                    set,
                    "StatefulSet",
                    template,
                    &pod_name(ordinal),
                    ("controller-revision-hash", &hash),
                );
                pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = json!(pod_name(ordinal));
                pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = json!(ordinal.to_string());
                pod["spec"]["hostname"] = json!(pod_name(ordinal));
                mount(&mut pod, set, &pod_name(ordinal));
                round.store.create("v1/pods", pod, now);
            }
        }
        is_whole = false;
        if !at_once {
            break;
        }
    }
    let ordinal =
        |pod: &Value| name(pod).rsplit('-').next().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let is_current = |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"] == hash.as_str();
    if is_whole {
        let mut alive: Vec<&&Arc<Value>> = owned.iter().filter(|pod| !is_going(pod)).collect();
        alive.sort_by_key(|pod| std::cmp::Reverse(ordinal(pod)));
        let is_quiet = alive.len() == owned.len();
        let next = alive.iter().find(|pod| ordinal(pod) >= wanted).or_else(|| {
            let rolls = set["spec"]["updateStrategy"]["type"] != "OnDelete";
            alive.iter().find(|pod| rolls && !is_current(pod))
        });
        if let Some(pod) = next.filter(|_| is_quiet) {
            go(round, pod);
        }
    }
    let alive = owned.iter().filter(|pod| !is_going(pod)).count();
    let ready = owned.iter().filter(|pod| is_ready(pod)).count();
    let updated = owned.iter().filter(|pod| !is_going(pod) && is_current(pod)).count();
    round.store.edit("apps/v1/statefulsets", namespace(set), name(set), |set| {
        let generation = set["metadata"]["generation"].clone();
        set["status"] = json!({
            "replicas": alive, "readyReplicas": ready, "availableReplicas": ready, "currentReplicas": updated, "updatedReplicas": updated,
            "observedGeneration": generation, "currentRevision": format!("{}-{hash}", name(set)), "updateRevision": format!("{}-{hash}", name(set)), "collisionCount": 0,
        });
    });
}

fn claims(round: &mut Round<'_>, set: &Value, pod: &str) {
    let now = round.now;
    for template in items(&set["spec"]["volumeClaimTemplates"]) {
        let claim = format!("{}-{pod}", name(template));
        if round.store.get("v1/persistentvolumeclaims", namespace(set), &claim).is_some() {
            continue;
        }
        let object = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": { "name": claim, "namespace": namespace(set), "labels": set["spec"]["selector"]["matchLabels"] },
            "spec": template["spec"], "status": { "phase": "Pending" },
        });
        round.store.create("v1/persistentvolumeclaims", object, now);
    }
}

fn mount(pod: &mut Value, set: &Value, pod_name: &str) {
    let mut volumes: Vec<Value> = items(&pod["spec"]["volumes"]).cloned().collect();
    for template in items(&set["spec"]["volumeClaimTemplates"]) {
        let claim = format!("{}-{pod_name}", name(template));
        volumes.push(json!({ "name": name(template), "persistentVolumeClaim": { "claimName": claim } }));
    }
    if !volumes.is_empty() {
        pod["spec"]["volumes"] = Value::Array(volumes);
    }
}

/// How many pods the controller of a pod is to keep, for budgets.
pub(super) fn expected(round: &Round<'_>, owner: &Value, namespace: &str) -> Option<(String, i64)> {
    let resource = match owner["kind"].as_str()? {
        "ReplicaSet" => "apps/v1/replicasets",
        "StatefulSet" => "apps/v1/statefulsets",
        "Deployment" => "apps/v1/deployments",
        _ => return None,
    };
    let object = round.store.get(resource, namespace, owner["name"].as_str()?)?;
    Some((uid(object).to_owned(), replicas(object)))
}
