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
    if found["metadata"]["deletionTimestamp"].is_null() {
        rest.delete(&held, &json!({ "preconditions": { "uid": claim["uid"] } })).await?;
    }
    let pods = format!("/api/v1/namespaces/{}/pods", encode(namespace));
    let users: Vec<Json> =
        rest.list(&pods, Selector::default()).await?.into_iter().filter(|pod| uses(pod, name)).collect();
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
    !finished && volumes.any(|volume| volume["persistentVolumeClaim"]["claimName"] == claim)
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
