//! Writing: create, replace, patch, apply, delete.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::random;
use crate::request::{Method, Request};

use super::api::{self, Target};
use super::auth::User;
use super::cluster::Cluster;
use super::ownership::{self, Writer};
use super::reply::{Reply, ReplyBody};
use super::selector::Selector;
use super::status::{Refusal, success};
use super::store::moment;
use super::{access, defaults, deletion, namespaces, patch as patches, pods, validate};

/// The options of a write.
struct Options<'a> {
    dry_run: bool,
    manager: &'a str,
    is_strict: bool,
    time: String,
    api_version: String,
}

impl<'a> Options<'a> {
    fn read(request: &'a Request, target: &Target, now_ms: u64) -> Result<Self, Refusal> {
        let agent = request.header("user-agent").unwrap_or("").split('/').next().unwrap_or("");
        let given = request.query("fieldManager").filter(|manager| !manager.is_empty());
        Ok(Self {
            dry_run: api::is_dry_run(request, &Value::Null)?,
            manager: given.unwrap_or(if agent.is_empty() { "unknown" } else { agent }),
            is_strict: request.query("fieldValidation") == Some("Strict"),
            time: moment(now_ms),
            api_version: target.resource.api_version(),
        })
    }

    fn writer<'s>(&'s self, target: &'s Target, operation: &'static str) -> Writer<'s> {
        Writer {
            manager: self.manager,
            operation,
            api_version: &self.api_version,
            subresource: &target.subresource,
            time: &self.time,
            is_custom: target.resource.is_custom,
        }
    }
}

/// Adds an object to a collection.
pub(crate) fn create(
    cluster: &mut Cluster,
    request: &Request,
    user: &User,
    target: &Target,
    now_ms: u64,
) -> Result<Reply, Refusal> {
    let options = Options::read(request, target, now_ms)?;
    let body = api::body(request)?;
    let object = add(cluster, body, user, target, &options, now_ms, |object, options| {
        ownership::updated(None, object, &options.writer(target, "Update"));
        Ok(())
    })?;
    Ok(Reply::object(201, object))
}

fn add(
    cluster: &mut Cluster,
    mut object: Value,
    user: &User,
    target: &Target,
    options: &Options<'_>,
    now_ms: u64,
    own: impl FnOnce(&mut Value, &Options<'_>) -> Result<(), Refusal>,
) -> Result<Arc<Value>, Refusal> {
    let resource = &target.resource;
    let path = resource.path();
    if resource.is_namespaced && target.namespace.is_empty() {
        return Err(Refusal::method_not_allowed());
    }
    validate::kind(resource, &mut object)?;
    validate::unknown_fields(resource, &mut object, options.is_strict)?;
    place(target, &mut object)?;
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for name in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "selfLink",
        ] {
            metadata.remove(name);
        }
        let version = metadata.remove("resourceVersion");
        if version.as_ref().and_then(Value::as_str).is_some_and(|version| !matches!(version, "" | "0")) {
            return Err(Refusal::bad_request("resourceVersion should not be set on objects to be created"));
        }
    }
    name(cluster, target, &mut object)?;
    if resource.has_status()
        && path != "v1/nodes"
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    let name = object["metadata"]["name"].as_str().unwrap_or("").to_owned();
    if resource.is_namespaced {
        namespaces::check(&cluster.store, resource, &target.namespace, &name)?;
    }
    if cluster.store.get(&path, &target.namespace, &name).is_some() {
        return Err(Refusal::already_exists(resource, &name));
    }
    validate::new_object(resource, &object)?;
    access::node_restriction(user, resource, &name, None, Some(&object))?;
    own(&mut object, options)?;
    defaults::on_create(&cluster.store, resource, &mut object, user, now_ms);
    if options.dry_run {
        object["metadata"]["uid"] = json!(random::guid_of(&["dry run", &name, &options.time]));
        object["metadata"]["creationTimestamp"] = json!(options.time);
        return Ok(Arc::new(object));
    }
    let made = cluster.store.create(&path, object, now_ms);
    if path == "v1/namespaces" {
        let ca_pem = cluster.control().ca_pem.clone();
        namespaces::furnish(&mut cluster.store, &name, &ca_pem, now_ms);
    }
    Ok(made)
}

/// Checks, or fills in, the namespace of an object.
fn place(target: &Target, object: &mut Value) -> Result<(), Refusal> {
    let said = object["metadata"]["namespace"].as_str().unwrap_or("");
    if said != target.namespace && !said.is_empty() {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if target.resource.is_namespaced {
        object["metadata"]["namespace"] = json!(target.namespace);
    }
    Ok(())
}

/// Checks, or invents, the name of a new object.
fn name(cluster: &Cluster, target: &Target, object: &mut Value) -> Result<(), Refusal> {
    let said = object["metadata"]["name"].as_str().unwrap_or("");
    if !target.name.is_empty() && !said.is_empty() && said != target.name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({said}) does not match the name on the URL ({})",
            target.name
        )));
    }
    if !said.is_empty() {
        return Ok(());
    }
    if !target.name.is_empty() {
        object["metadata"]["name"] = json!(target.name);
        return Ok(());
    }
    let Some(prefix) = object["metadata"]["generateName"].as_str() else {
        let why = "Required value: name or generateName is required";
        return Err(Refusal::invalid(&target.resource, "", "FieldValueRequired", "metadata.name", why));
    };
    let seed =
        random::sha256_hex(format!("{}/{prefix}/{}", cluster.host(), cluster.store.version()).as_bytes());
    let alphabet = b"bcdfghjklmnpqrstvwxz2456789";
    let suffix: String = seed
        .bytes()
        .take(5)
        .enumerate()
        .map(|(at, byte)| alphabet[(byte as usize * 7 + at * 5) % alphabet.len()] as char)
        .collect();
    object["metadata"]["name"] = json!(format!("{prefix}{suffix}"));
    Ok(())
}

/// Replaces an object.
pub(crate) fn update(
    cluster: &mut Cluster,
    request: &Request,
    user: &User,
    target: &Target,
    now_ms: u64,
) -> Result<Reply, Refusal> {
    let options = Options::read(request, target, now_ms)?;
    let mut object = api::body(request)?;
    validate::kind(&target.resource, &mut object)?;
    validate::unknown_fields(&target.resource, &mut object, options.is_strict)?;
    place(target, &mut object)?;
    if object["metadata"]["name"].as_str().unwrap_or("").is_empty() {
        return Err(Refusal::bad_request(format!(
            "the name of the object ( based on URL) was undeterminable: name must be provided for {}",
            target.resource.qualified()
        )));
    }
    name(cluster, target, &mut object)?;
    let before = live(cluster, target)?;
    let object = replace(cluster, &before, object, user, target, &options, now_ms, true)?;
    Ok(Reply::object(200, object))
}

fn live(cluster: &Cluster, target: &Target) -> Result<Arc<Value>, Refusal> {
    let found = cluster.store.get(&target.resource.path(), &target.namespace, &target.name);
    found.cloned().ok_or_else(|| Refusal::not_found(&target.resource, &target.name))
}

/// Puts `after` in the place of `before`, as far as that is allowed; `is_update` notes the writer as an updater.
#[allow(clippy::too_many_arguments, reason = "each of them is a part of the one write")]
fn replace(
    cluster: &mut Cluster,
    before: &Arc<Value>,
    mut after: Value,
    user: &User,
    target: &Target,
    options: &Options<'_>,
    now_ms: u64,
    is_update: bool,
) -> Result<Arc<Value>, Refusal> {
    let resource = &target.resource;
    let path = resource.path();
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let version = text(&after["metadata"]["resourceVersion"]);
    if !version.is_empty() && version != "0" && version != text(&before["metadata"]["resourceVersion"]) {
        return Err(Refusal::modified(resource, &target.name));
    }
    let uid = text(&after["metadata"]["uid"]);
    if !uid.is_empty() && uid != text(&before["metadata"]["uid"]) {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            text(&before["metadata"]["uid"])
        );
        return Err(Refusal::conflict(resource, &target.name, &why));
    }
    keep_what_is_not_the_writers(before, &mut after, target);
    if path == "v1/secrets" {
        namespaces::encode_string_data(&mut after);
    }
    validate::change(resource, before, &after)?;
    access::node_restriction(user, resource, &target.name, Some(before), Some(&after))?;
    if is_update {
        ownership::updated(Some(before), &mut after, &options.writer(target, "Update"));
    }
    if same_but_for_times(before, &after) {
        return Ok(Arc::clone(before));
    }
    if options.dry_run {
        return Ok(Arc::new(after));
    }
    if deletion::is_done(&after) && !deletion::is_done(before) && path != "v1/namespaces" {
        deletion::finish(&mut cluster.store, &path, &target.namespace, &target.name, now_ms);
        return Ok(Arc::new(after));
    }
    let made = cluster.store.edit(&path, &target.namespace, &target.name, |object| *object = after);
    made.ok_or_else(|| Refusal::not_found(resource, &target.name))
}

/// What the server sets stays; status and the rest are written apart.
fn keep_what_is_not_the_writers(before: &Value, after: &mut Value, target: &Target) {
    for name in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "generateName",
        "namespace",
        "name",
    ] {
        set(&mut after["metadata"], name, &before["metadata"][name]);
    }
    if target.subresource == "status" {
        let status = after["status"].take();
        let metadata = after["metadata"].take();
        *after = before.clone();
        set(after, "status", &status);
        if target.resource.plural == "nodes" {
            for name in ["labels", "annotations"] {
                set(&mut after["metadata"], name, &metadata[name]);
            }
        }
    } else if target.subresource == "approval" {
        let conditions = after["status"]["conditions"].take();
        *after = before.clone();
        after["status"]["conditions"] = conditions;
    } else if target.resource.has_status() {
        set(after, "status", &before["status"]);
    }
}

fn set(object: &mut Value, name: &str, value: &Value) {
    if let Some(map) = object.as_object_mut() {
        if value.is_null() {
            map.remove(name);
        } else {
            map.insert(name.to_owned(), value.clone());
        }
    }
}

/// Whether nothing changed but when somebody last said so.
fn same_but_for_times(before: &Value, after: &Value) -> bool {
    let without = |object: &Value| {
        let mut copy = object.clone();
        for entry in copy["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
            set(entry, "time", &Value::Null);
        }
        copy
    };
    before == after || without(before) == without(after)
}

/// Changes an object by a patch, or applies a configuration.
pub(crate) fn patch(
    cluster: &mut Cluster,
    request: &Request,
    user: &User,
    target: &Target,
    now_ms: u64,
) -> Result<Reply, Refusal> {
    const KINDS: &str =
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    let options = Options::read(request, target, now_ms)?;
    let kind = request.header("content-type").unwrap_or("").split(';').next().unwrap_or("").trim();
    if kind == "application/apply-patch+yaml" {
        return apply(cluster, request, user, target, &options, now_ms);
    }
    let before = live(cluster, target)?;
    let mut after = Value::clone(&before);
    match kind {
        "application/json-patch+json" => patches::json(&mut after, &api::body(request)?)?,
        "application/merge-patch+json" => crate::json::merge(&mut after, &api::body(request)?),
        "application/strategic-merge-patch+json" if !target.resource.is_custom => {
            patches::strategic(&mut after, &api::body(request)?);
        }
        _ => {
            return Err(Refusal::unsupported_media_type(&format!(
                "{KINDS}, application/strategic-merge-patch+json"
            )));
        }
    }
    validate::unknown_fields(&target.resource, &mut after, options.is_strict)?;
    let object = replace(cluster, &before, after, user, target, &options, now_ms, true)?;
    Ok(Reply::object(200, object))
}

fn apply(
    cluster: &mut Cluster,
    request: &Request,
    user: &User,
    target: &Target,
    options: &Options<'_>,
    now_ms: u64,
) -> Result<Reply, Refusal> {
    if request.query("fieldManager").is_none_or(str::is_empty) {
        return Err(Refusal::invalid_options("fieldManager", "Required value: is required for apply patch"));
    }
    let mut applied = api::body(request)?;
    validate::kind(&target.resource, &mut applied)?;
    validate::unknown_fields(&target.resource, &mut applied, options.is_strict)?;
    place(target, &mut applied)?;
    name(cluster, target, &mut applied)?;
    if applied["metadata"]["managedFields"].as_array().is_some_and(|list| !list.is_empty()) {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    set(&mut applied["metadata"], "managedFields", &Value::Null);
    let force = request.query("force") == Some("true");
    let before = match live(cluster, target) {
        Ok(before) => before,
        Err(missing) if !target.subresource.is_empty() => return Err(missing),
        Err(_) => {
            let object = add(cluster, applied, user, target, options, now_ms, |object, options| {
                let bare = json!({ "metadata": {} });
                *object = ownership::apply(&bare, object, &options.writer(target, "Apply"), force)?;
                Ok(())
            })?;
            return Ok(Reply::object(201, object));
        }
    };
    // What belongs to the other side of the status boundary is not applied at all.
    if target.subresource == "status" {
        let status = applied["status"].take();
        set(&mut applied, "spec", &Value::Null);
        set(&mut applied, "status", &status);
    } else if target.resource.has_status() {
        set(&mut applied, "status", &Value::Null);
    }
    if target.resource.path() == "v1/secrets" {
        namespaces::encode_string_data(&mut applied);
    }
    let version = applied["metadata"]["resourceVersion"].take();
    set(&mut applied["metadata"], "resourceVersion", &Value::Null);
    let mut after = ownership::apply(&before, &applied, &options.writer(target, "Apply"), force)?;
    if version.is_string() {
        after["metadata"]["resourceVersion"] = version;
    }
    let owners = after["metadata"]["managedFields"].clone();
    if target.subresource == "status" {
        let mut whole = Value::clone(&before);
        set(&mut whole, "status", &after["status"]);
        after = whole;
        set(&mut after["metadata"], "managedFields", &owners);
    }
    let object = replace(cluster, &before, after, user, target, options, now_ms, false)?;
    Ok(Reply::object(200, object))
}

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

/// How many replicas something has, apart from the rest of it.
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
