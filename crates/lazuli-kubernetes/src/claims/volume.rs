//! A volume goes: its claim, the pods that use it, then the disk, which the driver deletes.

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError, Watch};
use serde_json::json;

use super::list::Volume;
use super::wait::{Waiting, path};
use crate::api::{ApiError, Rest, Selector, encode};

/// Deletes a volume with its disk. Pods that use it are deleted, and no new ones start anywhere: every node is cordoned,
/// since the whole cluster goes. One that is to be retained goes only where `even_retained`.
pub(crate) async fn delete(
    rest: &Rest,
    name: &str,
    even_retained: bool,
    watch: &dyn Watch,
) -> Result<(), ProviderError> {
    let own = format!("/api/v1/persistentvolumes/{}", encode(name));
    let Some(object) = rest.get(&own).await.map_err(ApiError::looking)? else { return Ok(()) };
    if !Volume::of(&object).is_some_and(|volume| volume.goes()) {
        if !even_retained {
            let message = format!("the reclaim policy of {name} has become Retain, so it is kept");
            let error = ProviderError::own("VolumeRetained", message, Outcome::Nothing);
            return Err(error.advise("Plan again: it is left out then, or use --delete-volumes."));
        }
        let patch = json!({ "spec": { "persistentVolumeReclaimPolicy": "Delete" } });
        rest.merge(&own, &patch).await.map_err(ApiError::changing)?;
    }
    cordon(rest).await.map_err(ApiError::changing)?;
    let mut waiting = Waiting::new(rest, watch);
    while let Some(volume) = rest.get(&own).await.map_err(ApiError::changing)? {
        let left = release(rest, &own, &volume).await.map_err(ApiError::changing)?;
        waiting.moment(&left, &[name]).await?;
    }
    Ok(())
}

/// Takes away what holds a volume; says what is waited for.
async fn release(rest: &Rest, own: &str, volume: &Json) -> Result<String, ApiError> {
    let claim = &volume["spec"]["claimRef"];
    let (Some(namespace), Some(name)) = (claim["namespace"].as_str(), claim["name"].as_str()) else {
        // Nobody ever claimed it.
        rest.delete(own, &json!({})).await?;
        return Ok("the driver lets go of it".to_owned());
    };
    let held = path("persistentvolumeclaims", namespace, name);
    let bound = rest.get(&held).await?.filter(|found| found["metadata"]["uid"] == claim["uid"]);
    let Some(found) = bound else { return Ok("the driver deletes its disk".to_owned()) };
    let pods = format!("/api/v1/namespaces/{}/pods", encode(namespace));
    let users: Vec<Json> =
        rest.list(&pods, Selector::default()).await?.into_iter().filter(|pod| uses(pod, name)).collect();
    for pod in &users {
        scale_to_nothing(rest, namespace, pod).await?;
    }
    if found["metadata"]["deletionTimestamp"].is_null() {
        rest.delete(&held, &json!({ "preconditions": { "uid": claim["uid"] } })).await?;
    }
    for pod in users.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()) {
        let pod_name = pod["metadata"]["name"].as_str().unwrap_or_default();
        rest.delete(&path("pods", namespace, pod_name), &json!({})).await?;
    }
    Ok(match users.first().and_then(|pod| pod["metadata"]["name"].as_str()) {
        Some(pod) => format!("pod {namespace}/{pod} stops"),
        None => format!("claim {namespace}/{name} goes"),
    })
}

fn uses(pod: &Json, claim: &str) -> bool {
    let mut volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let finished = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    // A claim that lives as long as its pod is named after both.
    let own = |volume: &Json| {
        let part = |of: &Json| of["name"].as_str().unwrap_or_default().to_owned();
        volume["ephemeral"].is_object() && format!("{}-{}", part(&pod["metadata"]), part(volume)) == claim
    };
    !finished && volumes.any(|volume| volume["persistentVolumeClaim"]["claimName"] == claim || own(volume))
}

/// Lets the controllers of a pod make no other one. With the pod they would make a new claim, and where volumes are bound
/// at once (`Immediate`) a new disk, which nobody would know of, although the pod itself finds no node.
async fn scale_to_nothing(rest: &Rest, namespace: &str, pod: &Json) -> Result<(), ApiError> {
    let mut object = pod.clone();
    while let Some((plural, name)) = controller(&object) {
        let path = format!("/apis/apps/v1/namespaces/{}/{plural}/{}", encode(namespace), encode(&name));
        let Some(found) = rest.get(&path).await? else { return Ok(()) };
        if controller(&found).is_none() && found["spec"]["replicas"] != 0 {
            match rest.merge(&path, &json!({ "spec": { "replicas": 0 } })).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        object = found;
    }
    Ok(())
}

/// The controller of an object among those that have replicas.
fn controller(object: &Json) -> Option<(&'static str, String)> {
    let mut owners = object["metadata"]["ownerReferences"].as_array()?.iter();
    let owner = owners.find(|owner| owner["controller"] == true)?;
    let plural = match owner["kind"].as_str()? {
        "StatefulSet" => "statefulsets",
        "ReplicaSet" => "replicasets",
        "Deployment" => "deployments",
        _ => return None,
    };
    Some((plural, owner["name"].as_str()?.to_owned()))
}

/// Lets no new pod start: the controllers of those that are deleted would take a new volume.
async fn cordon(rest: &Rest) -> Result<(), ApiError> {
    let nodes = rest.list("/api/v1/nodes", Selector::default()).await?;
    for node in nodes.iter().filter(|node| node["spec"]["unschedulable"] != true) {
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        let patch = json!({ "spec": { "unschedulable": true } });
        match rest.merge(&format!("/api/v1/nodes/{}", encode(name)), &patch).await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
