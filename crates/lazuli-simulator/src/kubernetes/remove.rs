//! Deleting: one object, or all of a selection.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::request::Request;

use super::api::{self, Target};
use super::auth::User;
use super::cluster::Cluster;
use super::reply::{Reply, ReplyBody};
use super::selector::Selector;
use super::status::{Refusal, success};
use super::write::live;
use super::{access, deletion, pods};

/// Deletes an object or a whole collection.
pub(crate) fn delete(
    cluster: &mut Cluster,
    request: &Request,
    user: &User,
    target: &Target,
    now_ms: u64,
) -> Result<Reply, Refusal> {
    let options = if request.body.is_empty() { Value::Null } else { api::body(request)? };
    let dry_run = api::is_dry_run(request, &options)?;
    let path = target.resource.path();
    let grace = options["gracePeriodSeconds"]
        .as_i64()
        .or_else(|| request.query("gracePeriodSeconds").and_then(|seconds| seconds.parse().ok()));
    let policy = options["propagationPolicy"].as_str().or(request.query("propagationPolicy"));
    let orphans = policy == Some("Orphan") || options["orphanDependents"] == true;
    if !target.name.is_empty() {
        let before = live(cluster, target)?;
        access::node_restriction(user, &target.resource, &target.name, Some(&before), None)?;
        pods::preconditions(target, &before, &options)?;
        if dry_run {
            return Ok(Reply::object(200, before));
        }
        if orphans {
            deletion::orphan(&mut cluster.store, before["metadata"]["uid"].as_str().unwrap_or(""));
        }
        let left = deletion::begin(&mut cluster.store, &path, &target.namespace, &target.name, grace, now_ms);
        return Ok(match left {
            Some(left) => Reply::object(200, left),
            // Pods are shown even when they are gone at once.
            None if path == "v1/pods" => Reply::object(200, before),
            None => {
                let mut details = target.resource.details(&target.name);
                details["uid"] = before["metadata"]["uid"].clone();
                Reply::json(200, success(None, details))
            }
        });
    }
    let labels = request.query("labelSelector").unwrap_or("");
    let fields = request.query("fieldSelector").unwrap_or("");
    let selector = Selector::parse(&target.resource, labels, fields)?;
    let meant: Vec<Arc<Value>> = cluster
        .store
        .list(&path, target.within())
        .filter(|object| selector.matches(object))
        .cloned()
        .collect();
    if !dry_run {
        for object in &meant {
            let text = |name: &str| object["metadata"][name].as_str().unwrap_or("");
            deletion::begin(&mut cluster.store, &path, text("namespace"), text("name"), grace, now_ms);
        }
    }
    let head = json!({
        "kind": format!("{}List", target.resource.kind), "apiVersion": target.resource.api_version(),
        "metadata": { "resourceVersion": cluster.store.version().to_string() },
    });
    Ok(Reply::Answer { status: 200, body: ReplyBody::List { head, items: meant } })
}
