//! The subresource `scale`: how many replicas something has, apart from the rest of it.

use serde_json::{Value, json};

use crate::request::{Method, Request};

use super::api::{self, Target};
use super::cluster::Cluster;
use super::reply::Reply;
use super::status::Refusal;
use super::write::{Options, live};
use super::{ownership, patch as patches};

/// Shows or changes it.
pub(crate) fn scale(
    cluster: &mut Cluster,
    request: &Request,
    target: &Target,
    now_ms: u64,
) -> Result<Reply, Refusal> {
    let before = live(cluster, target)?;
    let show = |object: &Value| {
        json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": { "name": target.name, "namespace": target.namespace, "uid": object["metadata"]["uid"],
                "resourceVersion": object["metadata"]["resourceVersion"],
                "creationTimestamp": object["metadata"]["creationTimestamp"] },
            "spec": { "replicas": object["spec"]["replicas"] },
            "status": { "replicas": object["status"]["replicas"].as_i64().unwrap_or(0) },
        })
    };
    let mut shown = show(&before);
    if !request.method.mutates() {
        return Ok(Reply::json(200, shown));
    }
    let body = api::body(request)?;
    match (request.method, request.header("content-type").unwrap_or("")) {
        (Method::Patch, kind) if kind.starts_with("application/json-patch") => {
            patches::json(&mut shown, &body)?
        }
        (Method::Patch, _) => crate::json::merge(&mut shown, &body),
        _ => shown = body,
    }
    let version = shown["metadata"]["resourceVersion"].as_str().unwrap_or("");
    if !version.is_empty() && before["metadata"]["resourceVersion"] != version {
        return Err(Refusal::modified(&target.resource, &target.name));
    }
    let options = Options::read(request, target, now_ms)?;
    let mut after = Value::clone(&before);
    after["spec"]["replicas"] = json!(shown["spec"]["replicas"].as_i64().unwrap_or(0));
    ownership::updated(Some(&before), &mut after, &options.writer(target, "Update"));
    if options.dry_run {
        return Ok(Reply::json(200, show(&after)));
    }
    let after = cluster
        .store
        .edit(&target.resource.path(), &target.namespace, &target.name, |object| *object = after)
        .ok_or_else(|| Refusal::not_found(&target.resource, &target.name))?;
    Ok(Reply::json(200, show(&after)))
}
