//! PUT and PATCH: what is looked at before the body, and what body is to be stored.

use serde_json::{Value, json};

use super::body::object;
use super::casing::canonical_id;
use super::store::{Write, store};
use super::{Call, check, content, names, read, render, versions};
use crate::catalog::{self, Kind, Patching};
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::json;
use crate::request::Response;
use crate::world::World;
use crate::random;
use crate::request::{Method, Response};
use crate::world::{Action, Resource, State, World};

/// A write about to be checked and stored.
struct Write<'a> {
    /// The row of what the client writes: a resource, or an element of one.
    row: &'static Kind,
    /// The id of what the client writes.
    target: String,
    /// The id of the resource that is stored.
    root: String,
    /// The resource that is stored, as it is now.
    existing: Option<&'a Resource>,
    /// Whether the client's target is new.
    is_new: bool,
    body: Value,
}

pub(super) fn put(world: &mut World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    let mut body = object(call.request.json()?)?;
    let row = catalog::find(&target.kind());
    versions::region_of(call, target, &body)?;
    precede(world, target)?;
    content::check(row, call, &mut body)?;
    match row.embedded {
        Some(collection) => put_element(world, call, target, row, collection, body),
        None => {
            let id = canonical_id(world, target);
            let existing = world.get(&ids::key(&id)).cloned();
            check::preconditions(row, call, existing.as_ref().map(|existing| existing.etag.as_str()))?;
            let is_new = existing.is_none();
            let write =
                Write { row, target: id.clone(), root: id, existing: existing.as_ref(), is_new, body };
            store(world, call, write)
        }
    }
}

pub(super) fn patch(world: &mut World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    let row = catalog::find(&target.kind());
    if row.patch == Patching::Nothing {
        return Err(ArmError::method_not_allowed("PATCH"));
    }
    let mut patch = object(call.request.json()?)?;
    precede(world, target)?;
    content::check(row, call, &mut patch)?;
    if row.patch == Patching::Tags {
        content::tags_only(row, call, &patch)?;
    }
    let id = canonical_id(world, target);
    let Some(existing) = world.get(&ids::key(&id)).cloned() else {
        return Err(read::not_found(world, target));
    };
    check::preconditions(row, call, Some(&existing.etag))?;
    let mut body = existing.body.clone();
    json::merge(&mut body, &patch);
    if let Some(tags) = patch.get("tags") {
        // Tags are replaced as a whole, unlike everything else.
        json::set(&mut body, "tags", tags.clone());
    }
    let write = Write { row, target: id.clone(), root: id, existing: Some(&existing), is_new: false, body };
    store(world, call, write)
}

/// What is checked before the existing resource is even looked at.
fn precede(world: &World, target: &Target) -> Result<(), ArmError> {
    check::group(world, &target.scope, true)?;
    check::registered(world, &target.namespace)?;
    check::management_locks(world, &target.id(), false)?;
    names::check(world, target)?;
    if let Some(parent) = target.parent() {
        let key = ids::key(&parent.id());
        let exists = match catalog::find(&parent.kind()).embedded {
            Some(collection) => world
                .get(&catalog::root_of(&parent.kind(), &parent.id()))
                .is_some_and(|root| render::element(world, root, collection, parent.name()).is_some()),
            None => world.get(&key).is_some(),
        };
        if !exists {
            return Err(ArmError::gateway(
                404,
                "ParentResourceNotFound",
                format!(
                    "Failed to perform 'write' on resource(s) of type '{}', because the parent resource '{}' could not be found.",
                    target.kind().trim_start_matches(&format!("{}/", target.namespace)),
                    parent.id()
                ),
            ));
        }
    } else if target.scope.contains("/providers/") && world.get(&ids::key(&target.scope)).is_none() {
        return Err(ArmError::gateway(
            404,
            "ResourceNotFound",
            format!("The resource '{}' was not found.", target.scope),
        ));
    }
    Ok(())
}

fn put_element(
    world: &mut World,
    call: &Call<'_>,
    target: &Target,
    row: &'static Kind,
    collection: &str,
    mut element: Value,
) -> Result<Response, ArmError> {
    let name = target.name().to_owned();
    let root = catalog::root_of(&target.kind(), &target.id());
    let Some(parent) = world.get(&root).cloned() else { return Err(read::not_found(world, target)) };
    let mut body = parent.body.clone();
    let list = body["properties"][collection].as_array_mut();
    let position = list.as_ref().and_then(|list| {
        list.iter().position(|e| e["name"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(&name)))
    });
    check::preconditions(row, call, position.map(|_| parent.etag.as_str()))?;
    element["name"] = json!(name);
    match (list, position) {
        (Some(list), Some(position)) => {
            element["name"] = list[position]["name"].clone();
            list[position] = element;
        }
        (Some(list), None) => list.push(element),
        (None, _) => body["properties"][collection] = json!([element]),
    }
    let write = Write {
        row,
        target: format!("{}/{collection}/{name}", parent.id),
        root: parent.id.clone(),
        existing: Some(&parent),
        is_new: position.is_none(),
        body,
    };
    store(world, call, write)
}

/// The id under which something is stored: the casing of its first writer, with the group's own casing.
fn canonical_id(world: &World, target: &Target) -> String {
    let id = target.id();
    if let Some(existing) = world.get(&ids::key(&id)) {
        return existing.id.clone();
    }
    let (kind, namespace) = (target.kind(), &target.namespace);
    let row = catalog::find(&kind);
    let types: Vec<&str> = match row.name.split_once('/') {
        Some((_, types)) => types.split('/').collect(),
        None => target.types.iter().map(String::as_str).collect(),
    };
    let namespace = row.name.split_once('/').map_or(namespace.as_str(), |(namespace, _)| namespace);
    let group_prefix =
        target.group.as_ref().map(|group| format!("{}/resourceGroups/{group}", world.subscription_id()));
    let group = group_prefix.and_then(|prefix| world.get(&ids::key(&prefix))).map(|group| group.id.clone());
    let scope = match group {
        Some(group) if ids::key(&target.scope).starts_with(&ids::key(&group)) => {
            format!("{group}{}", &target.scope[group.len().min(target.scope.len())..])
        }
        _ => target.scope.clone(),
    };
    let mut id = format!("{scope}/providers/{namespace}");
    for (kind, name) in types.iter().zip(&target.names) {
        id = format!("{id}/{kind}/{name}");
    }
    // Parents keep their own casing too.
    match world.get(&ids::key(ids::parent_id(&id))) {
        Some(parent) if target.names.len() > 1 => format!("{}{}", parent.id, &id[parent.id.len()..]),
        _ => id,
    }
}

fn store(world: &mut World, call: &Call<'_>, write: Write<'_>) -> Result<Response, ArmError> {
    let Write { row, target, root, existing, is_new, mut body } = write;
    let key = ids::key(&root);
    let root_row = existing.map_or(row, Resource::row);
    check::free(world, call, row, &key, ids::last(&root))?;
    let custom_data = if root_row.name == "Microsoft.Compute/virtualMachines" {
        compute::take_secrets(&mut body)?
    } else {
        None
    };
    normalise(&mut body, root_row)?;
    place(&mut body, root_row, existing, &root)?;
    protect(&mut body, root_row, existing, custom_data.as_ref().map(|data| data.digest.as_str()))?;
    if let Some(existing) = existing {
        dropped_elements(world, root_row, existing, &body)?;
    }
    access::linked(world, &kind_of(root_row, &root), &root, &body)?;
    policy::check(world, &kind_of(root_row, &root), ids::last(&root), &body)?;
    check::references(world, root_row, &root, &body)?;
    if existing.is_none() {
        let location = json::text(&body, "location").unwrap_or("");
        catalog::counts::check(world, root_row.name, location)?;
    }
    if let (Some(failure), Flow::Sync) = (&call.failure, row.put) {
        return Err(ArmError::new(409, &failure.code, failure.message.clone()));
    }
    let pace = call.settings.pace;
    (root_row.fill)(&mut Draft { world, now: call.now, pace, id: &root, body: &mut body, existing })?;

    let is_changed = existing.is_none_or(|existing| {
        existing.body != body || matches!(existing.state, State::Failed | State::Canceled)
    });
    let is_new_root = existing.is_none();
    let serial = world.draw();
    let mut stored = existing.cloned().unwrap_or_else(|| Resource {
        id: root.clone(),
        kind: kind_of(root_row, &root),
        body: Value::Null,
        etag: String::new(),
        state: State::Succeeded,
        created_ms: call.now,
        serial,
        operation: None,
        machine: None,
    });
    stored.body = body;
    if is_changed {
        stored.etag = world.derived_guid("etag", serial);
    }
    if is_new_root && root_row.name == "Microsoft.Compute/virtualMachines" {
        // Not a drawing of its own: machines without custom data draw none either.
        let luck =
            ["first boot", "first boot too"].map(|purpose| random::fraction(world.seed, purpose, serial));
        stored.machine = Some(compute::new_machine(custom_data, pace, (luck[0], luck[1])));
    }
    let luck = world.luck();
    let accept_ms = pace.draw(row.put_accept, luck);
    let is_tags_only = call.request.method == Method::Patch && row.family == Family::Network;
    let mut response = match row.put {
        Flow::Async { headers, settled, body: first, retry_after, poll_after } if !is_tags_only => {
            stored.state = match (settled || !is_changed, is_new, row.family) {
                (true, ..) => State::Succeeded,
                (false, true, Family::Compute) => State::Creating,
                (false, ..) => State::Updating,
            };
            let work = match (is_changed, is_new || row.family != Family::Compute) {
                (false, _) => crate::latency::Delay::NONE,
                (true, true) => row.put_work,
                // Changing a machine in place is quicker than making one.
                (true, false) => crate::latency::Delay::ms(8400, 15_000),
            };
            let work_ms = pace.draw(work, world.luck());
            let begun = operations::Begin {
                action: Action::Put,
                target: target.clone(),
                root: key.clone(),
                row,
                location: stored.location().to_owned(),
                done_ms: call.now + accept_ms + work_ms,
                poll_after,
            };
            let operation = operations::begin(world, call, begun);
            stored.operation = Some(operation.id.clone());
            world.put(stored);
            let shown = show(world, &key, row, &target);
            let shown = match first {
                FirstBody::Whole => shown,
                FirstBody::Partial => render::partial(shown),
                FirstBody::Nothing => json!({}),
            };
            let status = if is_new { row.created } else { row.updated };
            operations::announce(world, call, Response::json(status, shown), &operation, headers, retry_after)
        }
        _ => {
            stored.state = State::Succeeded;
            stored.operation = None;
            world.put(stored);
            (root_row.settled)(world, &key, call.now);
            let status = if is_new { row.created } else { row.updated };
            Response::json(status, show(world, &key, row, &target))
        }
    };
    response.accept_ms = accept_ms;
    Ok(response)
}

/// What was written, as a GET shows it.
fn show(world: &World, key: &str, row: &Kind, target: &str) -> Value {
    let Some(resource) = world.get(key) else { return Value::Null };
    match row.embedded {
        Some(collection) => {
            render::element(world, resource, collection, ids::last(target)).unwrap_or_default()
        }
        None => render::resource(world, resource),
    }
}

/// The canonical type name; for unknown types the one in the id.
fn kind_of(row: &Kind, id: &str) -> String {
    if row.name.is_empty() {
        Target::parse(id).map(|target| target.kind()).unwrap_or_default()
    } else {
        row.name.to_owned()
    }
}

fn object(body: Value) -> Result<Value, ArmError> {
    if body.is_object() {
        return Ok(body);
    }
    Err(ArmError::invalid_content("The request content was invalid: a JSON object is expected."))
}

/// Drops what clients echo back and brings arrays of elements into their stored form.
fn normalise(body: &mut Value, row: &Kind) -> Result<(), ArmError> {
    for echoed in ["id", "name", "type", "etag", "systemData"] {
        json::remove(body, echoed);
    }
    if json::get(body, "properties").is_none() {
        json::set(body, "properties", json!({}));
    }
    if !body["properties"].is_object() {
        return Err(ArmError::invalid_content(
            "The request content was invalid: 'properties' must be an object.",
        ));
    }
    json::remove(body, "properties.provisioningState");
    for (collection, _) in catalog::elements(row) {
        let Some(list) = body["properties"].get_mut(*collection).filter(|list| !list.is_null()) else {
            continue;
        };
        let Some(list) = list.as_array_mut() else {
            return Err(ArmError::invalid_content(format!(
                "The request content was invalid: 'properties.{collection}' must be an array."
            )));
        };
        let mut names = std::collections::BTreeSet::new();
        for element in list {
            for echoed in ["id", "type", "etag"] {
                json::remove(element, echoed);
            }
            let name = element["name"].as_str().unwrap_or("").to_ascii_lowercase();
            if name.is_empty() || !names.insert(name.clone()) {
                return Err(ArmError::network(
                    400,
                    "InvalidRequestFormat",
                    format!(
                        "Cannot parse the request: an element of '{collection}' has no name, or '{name}' is there twice."
                    ),
                ));
            }
            if !element["properties"].is_object() {
                element["properties"] = json!({});
            }
            json::remove(element, "properties.provisioningState");
        }
    }
    Ok(())
}

/// `location` and `tags`.
fn place(body: &mut Value, row: &Kind, existing: Option<&Resource>, id: &str) -> Result<(), ArmError> {
    let given = json::text(body, "location").map(ids::location);
    match (given, existing) {
        (Some(given), Some(existing)) if given != existing.location() && !existing.location().is_empty() => {
            let group = ids::group_of(id).unwrap_or_default();
            return Err(ArmError::gateway(
                409,
                "InvalidResourceLocation",
                format!(
                    "The resource '{}' already exists in location '{}' in resource group '{group}'. A resource with the same name cannot be created in location '{given}'. Please select a new resource name.",
                    ids::last(id),
                    existing.location()
                ),
            ));
        }
        (Some(given), _) => json::set(body, "location", json!(given)),
        (None, Some(existing)) if !existing.location().is_empty() => {
            json::set(body, "location", json!(existing.location()));
        }
        (None, _) if row.located => {
            return Err(ArmError::gateway(
                400,
                "LocationRequired",
                "The location property is required for this definition.",
            ));
        }
        (None, _) => {}
    }
    if body.get("tags").is_some_and(Value::is_null) {
        json::remove(body, "tags");
    }
    if let Some(tags) = body.get("tags") {
        let is_map =
            tags.as_object().is_some_and(|tags: &Map<String, Value>| tags.values().all(Value::is_string));
        if !is_map {
            return Err(ArmError::invalid_content(
                "The request content was invalid: 'tags' must be an object of strings.",
            ));
        }
        if tags.as_object().is_some_and(|tags| tags.len() > 50) {
            return Err(ArmError::gateway(400, "InvalidTags", "The number of tags exceeds the limit of 50."));
        }
    }
    Ok(())
}

/// Computed values stay, immutable values may be left out but not changed.
fn protect(
    body: &mut Value,
    row: &Kind,
    existing: Option<&Resource>,
    custom_data: Option<&str>,
) -> Result<(), ArmError> {
    for path in row.read_only {
        json::remove(body, path);
        if let Some(value) =
            existing.and_then(|existing| json::get(&existing.body, path)).filter(|_| !path.contains("[]"))
        {
            json::set(body, path, value.clone());
        }
    }
    let Some(existing) = existing else { return Ok(()) };
    for collection in row.sticky {
        let path = format!("properties.{collection}");
        if let Some(old) = json::get(&existing.body, &path).filter(|_| json::get(body, &path).is_none()) {
            json::set(body, &path, old.clone());
        }
    }
    let mut changed = row.immutable.iter().find_map(|path| json::keep(body, &existing.body, path));
    let old_data = existing.machine.as_ref().and_then(|machine| machine.custom_data_sha256.as_deref());
    if changed.is_none() && custom_data.is_some() && custom_data != old_data {
        changed = Some("osProfile.customData".to_owned());
    }
    match changed {
        Some(path) => Err(ArmError::new(
            409,
            "PropertyChangeNotAllowed",
            format!("Changing property '{path}' is not allowed."),
        )
        .at(&path)),
        None => Ok(()),
    }
}

/// Elements that the new body leaves out must not be in use.
fn dropped_elements(world: &World, row: &Kind, existing: &Resource, body: &Value) -> Result<(), ArmError> {
    let kept: Vec<String> = catalog::element_ids(row, &existing.id, body).map(|id| ids::key(&id)).collect();
    for (collection, part) in catalog::elements(row) {
        for element in json::list(&existing.body, &format!("properties.{collection}")) {
            let id = format!("{}/{collection}/{}", existing.id, element["name"].as_str().unwrap_or(""));
            if !kept.contains(&ids::key(&id)) {
                check::unused(world, part, existing, Some(&id))?;
            }
        }
    }
    Ok(())
}
