//! Reading: one object, lists in pages, and the beginning of a watch.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::request::Request;

use super::api::Target;
use super::cluster::Cluster;
use super::reply::{Reply, ReplyBody};
use super::selector::Selector;
use super::status::Refusal;
use super::table::{self, Shape};
use super::watch::Watch;

/// Whether a read of a collection asks for events.
pub(crate) fn is_watch(request: &Request) -> bool {
    matches!(request.query("watch"), Some("true" | "1"))
}

/// One object.
pub(crate) fn get(
    cluster: &Cluster,
    request: &Request,
    target: &Target,
    now_ms: u64,
) -> Result<Reply, Refusal> {
    let object = cluster
        .store
        .get(&target.resource.path(), &target.namespace, &target.name)
        .ok_or_else(|| Refusal::not_found(&target.resource, &target.name))?;
    Ok(match Shape::asked(request) {
        Shape::Whole => Reply::object(200, Arc::clone(object)),
        Shape::Metadata => Reply::json(200, table::partial(object)),
        Shape::Table => {
            let include = table::Include::asked(request);
            let metadata = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
            let items = [Arc::clone(object)];
            Reply::json(200, table::render(&target.resource, &items, metadata, include, now_ms))
        }
    })
}

/// A list, or a watch.
pub(crate) fn collection(
    cluster: &Cluster,
    request: &Request,
    target: &Target,
    now_ms: u64,
) -> Result<Reply, Refusal> {
    let labels = request.query("labelSelector").unwrap_or("");
    let fields = request.query("fieldSelector").unwrap_or("");
    let selector = Selector::parse(&target.resource, labels, fields)?;
    if is_watch(request) {
        let watch = Watch::begin(&cluster.store, request, target, selector, now_ms)?;
        return Ok(Reply::Watch(Box::new(watch)));
    }
    let page = page(cluster, request, target, &selector)?;
    let mut metadata = json!({ "resourceVersion": page.version.to_string() });
    if let Some(token) = page.more {
        metadata["continue"] = json!(token);
        if selector.is_everything() {
            metadata["remainingItemCount"] = json!(page.remaining);
        }
    }
    let resource = &target.resource;
    let head =
        |kind: String, version: &str| json!({ "kind": kind, "apiVersion": version, "metadata": metadata });
    Ok(match Shape::asked(request) {
        Shape::Whole => {
            let head = head(format!("{}List", resource.kind), &resource.api_version());
            Reply::Answer { status: 200, body: ReplyBody::List { head, items: page.items } }
        }
        Shape::Metadata => {
            let mut list = head("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1");
            list["items"] = page.items.iter().map(|object| table::partial(object)).collect();
            Reply::json(200, list)
        }
        Shape::Table => {
            let include = table::Include::asked(request);
            Reply::json(200, table::render(resource, &page.items, metadata, include, now_ms))
        }
    })
}

struct Page {
    items: Vec<Arc<Value>>,
    version: u64,
    more: Option<String>,
    remaining: usize,
}

fn page(cluster: &Cluster, request: &Request, target: &Target, selector: &Selector) -> Result<Page, Refusal> {
    let store = &cluster.store;
    let path = target.resource.path();
    let limit = match request.query("limit").and_then(|limit| limit.parse::<usize>().ok()) {
        None | Some(0) => usize::MAX,
        Some(limit) => limit,
    };
    let (mut from, mut version) = ((String::new(), String::new()), store.version());
    if let Some(token) = request.query("continue").filter(|token| !token.is_empty()) {
        let (begun, namespace, name) = read_token(token)
            .ok_or_else(|| Refusal::bad_request("continue key is not valid: encoding error"))?;
        if store.since(begun).is_none() {
            return Err(Refusal::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new \
                 list without the continue parameter.",
            ));
        }
        (from, version) = ((namespace, name), begun);
    }
    if let (Some(name), true) = (selector.name(), !target.resource.is_namespaced || target.within().is_some())
    {
        // Waiting for one object must not cost a walk through all of them.
        let found = store.get(&path, &target.namespace, name).filter(|object| selector.matches(object));
        let items = found.cloned().into_iter().collect();
        return Ok(Page { items, version, more: None, remaining: 0 });
    }
    let mut all =
        store.list_from(&path, target.within(), (&from.0, &from.1)).filter(|object| selector.matches(object));
    let items: Vec<Arc<Value>> = all.by_ref().take(limit).cloned().collect();
    let next = all.next().map(|next| token(version, next));
    let remaining = if next.is_some() && selector.is_everything() { all.count() + 1 } else { 0 };
    Ok(Page { items, version, more: next, remaining })
}

fn token(version: u64, next: &Value) -> String {
    let metadata = &next["metadata"];
    let token =
        json!({ "v": "meta.k8s.io/v1", "rv": version, "start": [metadata["namespace"], metadata["name"]] });
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read_token(token: &str) -> Option<(u64, String, String)> {
    let token: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let text = |at: usize| token["start"][at].as_str().unwrap_or("").to_owned();
    Some((token["rv"].as_u64()?, text(0), text(1)))
}
