//! Writing: create, replace, patch, apply.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::random;
use crate::request::Request;

use super::api::{self, Target};
use super::auth::User;
use super::cluster::Cluster;
use super::ownership::{self, Writer};
use super::reply::Reply;
use super::status::Refusal;
use super::store::moment;
use super::{access, defaults, deletion, namespaces, naming, patch as patches, validate};

/// The options of a write.
pub(crate) struct Options<'a> {
    pub(crate) dry_run: bool,
    manager: &'a str,
    is_strict: bool,
    time: String,
    api_version: String,
}

impl<'a> Options<'a> {
    pub(crate) fn read(request: &'a Request, target: &Target, now_ms: u64) -> Result<Self, Refusal> {
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

    pub(crate) fn writer<'s>(&'s self, target: &'s Target, operation: &'static str) -> Writer<'s> {
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
    naming::place(target, &mut object)?;
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
    naming::name(cluster, target, &mut object)?;
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
    naming::place(target, &mut object)?;
    if object["metadata"]["name"].as_str().unwrap_or("").is_empty() {
        return Err(Refusal::bad_request(format!(
            "the name of the object ( based on URL) was undeterminable: name must be provided for {}",
            target.resource.qualified()
        )));
    }
    naming::name(cluster, target, &mut object)?;
    let before = live(cluster, target)?;
    let object = replace(cluster, &before, object, user, target, &options, now_ms, true)?;
    Ok(Reply::object(200, object))
}

/// The object that is there.
pub(crate) fn live(cluster: &Cluster, target: &Target) -> Result<Arc<Value>, Refusal> {
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
    naming::place(target, &mut applied)?;
    naming::name(cluster, target, &mut applied)?;
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
