//! The API server: from a request and who sends it to an answer.
//!
//! Belongs here: which part of the API is meant, and whether the user may. Not here: what the parts do.

use serde_json::{Value, json};

use crate::request::{Method, Request};

use super::access::{self, Attempt};
use super::auth::User;
use super::cluster::Cluster;
use super::reply::{Reply, ReplyBody};
use super::resources::{self, Resource};
use super::status::Refusal;
use super::{discovery, namespaces, openapi, pods, read, remove, reviews, scale, write};

/// What a request is about.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) resource: Resource,
    /// Empty for cluster-wide objects and for all namespaces.
    pub(crate) namespace: String,
    /// Empty for a collection.
    pub(crate) name: String,
    /// Empty for the object itself.
    pub(crate) subresource: String,
}

impl Target {
    /// The namespace to look in, `None` for all.
    pub(crate) fn within(&self) -> Option<&str> {
        (!self.namespace.is_empty()).then_some(self.namespace.as_str())
    }
}

/// Carries out one request of `user` at `now_ms`.
pub(crate) fn handle(cluster: &mut Cluster, request: &Request, user: &User, now_ms: u64) -> Reply {
    if !cluster.is_available() {
        return Refusal::unavailable().into();
    }
    let reply = route(cluster, request, user, now_ms).unwrap_or_else(Reply::from);
    if request.method.mutates() {
        namespaces::settle(&mut cluster.store, now_ms);
    }
    reply
}

fn route(cluster: &mut Cluster, request: &Request, user: &User, now_ms: u64) -> Result<Reply, Refusal> {
    let segments: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
        ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
        _ => return path(cluster, request, user, &segments),
    };
    let target = target(cluster, group, version, rest)?;
    authorize(cluster, request, user, &target)?;
    if !target.resource.is_kept() {
        return reviews::review(&cluster.store, request, user, &target);
    }
    let is_item = !target.name.is_empty();
    match (request.method, is_item, target.subresource.as_str()) {
        (Method::Get | Method::Post, true, "exec") => pods::exec(cluster, request, &target),
        (Method::Get, true, "log") => pods::log(cluster, request, &target),
        (Method::Get | Method::Head | Method::Put | Method::Patch, true, "scale") => {
            scale::scale(cluster, request, &target, now_ms)
        }
        (Method::Post, true, "eviction") => pods::evict(cluster, request, &target, now_ms),
        (_, true, "eviction" | "exec" | "log") => Err(Refusal::method_not_allowed()),
        (Method::Get | Method::Head, true, _) => read::get(cluster, request, &target, now_ms),
        (Method::Get | Method::Head, false, _) => read::collection(cluster, request, &target, now_ms),
        (Method::Post, false, _) => write::create(cluster, request, user, &target, now_ms),
        (Method::Put, true, _) => write::update(cluster, request, user, &target, now_ms),
        (Method::Patch, true, _) => write::patch(cluster, request, user, &target, now_ms),
        (Method::Delete, _, "") => remove::delete(cluster, request, user, &target, now_ms),
        _ => Err(Refusal::method_not_allowed()),
    }
}

/// What is no resource: versions, health, discovery, schemas.
fn path(cluster: &Cluster, request: &Request, user: &User, segments: &[&str]) -> Result<Reply, Refusal> {
    access::check_path(user, &request.method.as_str().to_ascii_lowercase(), &request.path)?;
    match segments {
        [] => Ok(Reply::json(
            200,
            json!({ "paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"] }),
        )),
        ["version"] => Ok(Reply::json(200, version_info(&cluster.control().version))),
        ["readyz" | "livez" | "healthz", ..] => Ok(Reply::text(200, "ok")),
        ["api" | "apis", ..] => discovery::handle(cluster, request, segments),
        ["openapi", "v3", rest @ ..] => openapi::handle(cluster, rest),
        _ => Ok(Reply::text(404, "404 page not found\n")),
    }
}

fn version_info(version: &str) -> Value {
    let mut parts = version.trim_start_matches('v').split('.');
    json!({
        "major": parts.next().unwrap_or("1"), "minor": parts.next().unwrap_or("0"), "gitVersion": version,
        "gitCommit": "0000000000000000000000000000000000000000", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.24.6", "compiler": "gc", "platform": "linux/amd64",
    })
}

fn target(cluster: &Cluster, group: &str, version: &str, rest: &[&str]) -> Result<Target, Refusal> {
    let (namespace, rest) = match rest {
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        _ => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, subresource] => (*plural, *name, *subresource),
        _ => return Err(Refusal::no_such_resource()),
    };
    let resource =
        resources::find(&cluster.store, group, version, plural).ok_or_else(Refusal::no_such_resource)?;
    let is_known = subresource.is_empty() || resource.subresources.iter().any(|known| known == subresource);
    let is_placed = match resource.is_namespaced {
        true => !namespace.is_empty() || name.is_empty(),
        false => namespace.is_empty(),
    };
    if !is_known || !is_placed {
        return Err(Refusal::no_such_resource());
    }
    Ok(Target {
        resource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        subresource: subresource.to_owned(),
    })
}

fn authorize(cluster: &Cluster, request: &Request, user: &User, target: &Target) -> Result<(), Refusal> {
    let is_item = !target.name.is_empty();
    let verb = match request.method {
        Method::Get | Method::Head if is_item => "get",
        Method::Get | Method::Head if read::is_watch(request) => "watch",
        Method::Get | Method::Head => "list",
        Method::Post => "create",
        Method::Put => "update",
        Method::Patch => "patch",
        Method::Delete if is_item => "delete",
        Method::Delete => "deletecollection",
    };
    let resource = match target.subresource.as_str() {
        "" => target.resource.plural.to_string(),
        subresource => format!("{}/{subresource}", target.resource.plural),
    };
    // A list of the one object of a name is allowed to whoever may see that object.
    let only = request.query("fieldSelector").and_then(|s| s.strip_prefix("metadata.name=")).unwrap_or("");
    let name = if is_item { &target.name } else { only.trim_start_matches('=') };
    let attempt = Attempt {
        verb,
        group: &target.resource.group,
        resource: &resource,
        namespace: &target.namespace,
        name,
    };
    match access::check(&cluster.store, user, &target.resource, &attempt) {
        Err(_) if !is_item && !name.is_empty() => {
            // The refusal of a list names no object.
            access::check(&cluster.store, user, &target.resource, &Attempt { name: "", ..attempt })
        }
        other => other,
    }
}

/// The body as an object, from JSON or YAML.
pub(crate) fn body(request: &Request) -> Result<Value, Refusal> {
    let kind = request.header("content-type").unwrap_or("application/json");
    let kind = kind.split(';').next().unwrap_or("").trim();
    let is_yaml = kind.ends_with("yaml");
    if request.body.starts_with(b"k8s\0") || !(is_yaml || kind.ends_with("json")) {
        return Err(Refusal::unsupported_media_type("application/json, application/yaml"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(value) => Ok(value),
        Err(_) if is_yaml => {
            let text = String::from_utf8_lossy(&request.body);
            let documents = super::yaml::documents(&text, super::yaml::Repeated::Refused)
                .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")))?;
            Ok(documents.into_iter().next().unwrap_or_default())
        }
        Err(error) => Err(Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type Object): couldn't get version/kind; json parse \
             error: {error}"
        ))),
    }
}

/// Whether nothing is to be kept; from the query, or from the options in a body.
pub(crate) fn is_dry_run(request: &Request, options: &Value) -> Result<bool, Refusal> {
    let in_body = options["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let in_query = request.query.iter().filter(|(name, _)| name == "dryRun").map(|(_, value)| value.as_str());
    let mut is_dry = false;
    for value in in_query.chain(in_body) {
        match value {
            "" => {}
            "All" => is_dry = true,
            other => {
                return Err(Refusal::bad_request(format!(
                    "dryRun: Unsupported value: \"{other}\": supported values: \"All\""
                )));
            }
        }
    }
    Ok(is_dry)
}

/// An answer whose content type says what it is.
pub(crate) fn typed(kind: &'static str, value: Value) -> Reply {
    Reply::Answer { status: 200, body: ReplyBody::Typed(kind, value) }
}
