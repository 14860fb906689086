//! GET, HEAD and lists, with paging.

use serde_json::{Value, json};

use super::{Call, addresses, check, render, subscription};
use crate::catalog::{self, Family, compute};
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::json;
use crate::request::Response;
use crate::world::{Resource, World};

/// GET or HEAD of one item.
pub(super) fn item(world: &World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    if let Some(response) = subscription::built_in(world, call, target) {
        return response;
    }
    check::group(world, &target.scope, false)?;
    let row = catalog::find(&target.kind());
    let root = world
        .get(&catalog::root_of(&target.kind(), &target.id()))
        .ok_or_else(|| just_deleted(world, call, target).unwrap_or_else(|| not_found(world, target)))?;
    let mut value = match row.embedded {
        Some(collection) => {
            render::element(world, root, collection, target.name()).ok_or_else(|| not_found(world, target))?
        }
        None => render::resource(world, root),
    };
    let expands =
        call.request.query("$expand").is_some_and(|expand| expand.eq_ignore_ascii_case("instanceView"));
    if expands && row.name == "Microsoft.Compute/virtualMachines" {
        json::set(&mut value, "properties.instanceView", compute::instance_view(root));
    }
    let response = Response::json(200, value);
    Ok(if row.etag { response.with("ETag", render::etag(root)) } else { response })
}

fn expands_instance_view(call: &Call<'_>) -> bool {
    let asks = |name: &str, wanted: &str| {
        call.request.query(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    asks("$expand", "instanceView") || asks("statusOnly", "true")
}

/// GET of a collection, or of something below an item that is spelled like one.
pub(super) fn collection(world: &World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    if let Some(response) = subscription::built_in(world, call, target) {
        return response;
    }
    check::group(world, &target.scope, false)?;
    let kind = target.kind();
    let lower = kind.to_ascii_lowercase();
    if lower == "microsoft.compute/virtualmachines/instanceview" {
        let machine = parent(world, target)?;
        return Ok(Response::json(200, compute::instance_view(machine)));
    }
    if lower == "microsoft.network/virtualnetworks/checkipaddressavailability" {
        return addresses::availability(world, call, target);
    }
    if lower == "microsoft.authorization/roleassignments" || lower == "microsoft.authorization/locks" {
        return Ok(extensions(world, call, target, &lower));
    }
    if target.names.is_empty() {
        let prefix = if target.group.is_some() {
            ids::key(&target.scope) + "/"
        } else {
            world.subscription_id() + "/"
        };
        return Ok(page_of(world, call, &kind, &prefix.to_ascii_lowercase()));
    }
    let row = catalog::find(&kind);
    match row.embedded {
        Some(collection) => {
            let root = parent(world, target)?;
            let shown = render::resource(world, root);
            Ok(page_values(call, json::list(&shown, &format!("properties.{collection}")).to_vec()))
        }
        None => {
            let root = parent(world, target)?;
            let prefix = format!("{}/", root.key());
            if matches!(lower.rsplit('/').next(), Some("all" | "recordsets")) {
                return Ok(page_values(call, records(world, &prefix)));
            }
            Ok(page_of(world, call, &kind, &prefix))
        }
    }
}

/// The item a collection or action hangs below.
pub(super) fn parent<'a>(world: &'a World, target: &Target) -> Result<&'a Resource, ArmError> {
    let mut item = target.clone();
    item.types.truncate(target.names.len());
    world.get(&ids::key(&item.id())).ok_or_else(|| not_found(world, &item))
}

/// For a while after a deletion the gateway still asks compute, which says in its own words that there is nothing.
fn just_deleted(world: &World, call: &Call<'_>, target: &Target) -> Option<ArmError> {
    const WHILE_MS: u64 = 30_000;
    if !matches!(catalog::find(&target.kind()).family, Family::Compute | Family::Disk) {
        return None;
    }
    let ended = call.now.saturating_sub(call.settings.pace.scale(WHILE_MS));
    let key = ids::key(&target.id());
    // A deletion takes minutes at most.
    let mut deeds = world.deeds(ended.saturating_sub(30 * 60_000));
    let is_just_gone = deeds.any(|deed| {
        let operation = deed.operation.as_deref().and_then(|id| world.operation(id));
        deed.method == "DELETE"
            && ids::key(&deed.target) == key
            && operation.is_some_and(|operation| operation.finished && operation.done_ms >= ended)
    });
    is_just_gone.then(|| ArmError::new(404, "NotFound", "The entity was not found in this Azure location."))
}

/// 404 in the words that fit the type; a missing parent is named in place of its child.
pub(super) fn not_found(world: &World, target: &Target) -> ArmError {
    if let Some(group) = &target.group {
        let key = ids::key(&format!("{}/resourceGroups/{group}", world.subscription_id()));
        if world.get(&key).is_none() {
            return ArmError::group_not_found(group);
        }
    }
    let row = catalog::find(&target.kind());
    if row.name == "Microsoft.Authorization/roleAssignments" {
        return ArmError::new(
            404,
            "RoleAssignmentNotFound",
            format!("The role assignment '{}' is not found.", target.name()),
        );
    }
    if row.name == "Microsoft.Authorization/locks" {
        return ArmError::new(
            404,
            "LockNotFound",
            format!("The lock '{}' could not be found.", target.name()),
        );
    }
    let mut named = target.clone();
    while let Some(parent) = named.parent() {
        if row.embedded.is_none() && world.get(&ids::key(&parent.id())).is_some() {
            break;
        }
        if row.embedded.is_some() && world.get(&ids::key(&parent.id())).is_some() {
            return ArmError::network(
                404,
                "NotFound",
                format!("Resource {} not found.", ids::shouted(&target.id())),
            );
        }
        named = parent;
    }
    let group = target.group.as_deref().unwrap_or("");
    let kind = catalog::find(&named.kind());
    let shown_kind = if kind.name.is_empty() { named.kind() } else { kind.name.to_owned() };
    ArmError::resource_not_found(&shown_kind, &named.names.join("/"), group)
}

/// One page of a kind below a prefix.
fn page_of(world: &World, call: &Call<'_>, kind: &str, prefix: &str) -> Response {
    let after = call.request.query("$skiptoken");
    let expands =
        expands_instance_view(call) && kind.eq_ignore_ascii_case("Microsoft.Compute/virtualMachines");
    page(call, world.of_kind(kind, prefix, after).map(|found| (found.key(), found)), |found| {
        let mut value = render::resource(world, found);
        if expands {
            json::set(&mut value, "properties.instanceView", compute::instance_view(found));
        }
        value
    })
}

/// One page: shows only as many items as fit, and leaves a link behind when there are more.
pub(super) fn page<T>(
    call: &Call<'_>,
    mut items: impl Iterator<Item = (String, T)>,
    show: impl Fn(T) -> Value,
) -> Response {
    let top = call.request.query("$top").and_then(|top| top.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let size = call.settings.page_size.min(top).max(1);
    let mut values = Vec::new();
    let mut last = String::new();
    for (token, item) in items.by_ref().take(size) {
        values.push(show(item));
        last = token;
    }
    let mut body = json!({ "value": values });
    if items.next().is_some() {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in
            call.request.query.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("$skiptoken"))
        {
            query.append_pair(name, value);
        }
        query.append_pair("$skiptoken", &last);
        let path = call.request.path.replace(' ', "%20");
        body["nextLink"] = json!(format!("{}{path}?{}", call.request.base(), query.finish()));
    }
    Response::json(200, body)
}

/// One page of values that were computed; the token is a position.
pub(super) fn page_values(call: &Call<'_>, values: Vec<Value>) -> Response {
    let from = call.request.query("$skiptoken").and_then(|token| token.parse::<usize>().ok()).unwrap_or(0);
    let items =
        values.into_iter().enumerate().skip(from).map(|(index, value)| ((index + 1).to_string(), value));
    page(call, items, |value| value)
}

fn records(world: &World, prefix: &str) -> Vec<Value> {
    world
        .all(prefix, None)
        .filter(|found| found.row().name != "Microsoft.Network/privateDnsZones/virtualNetworkLinks")
        .map(|found| render::resource(world, found))
        .collect()
}

/// Role assignments or locks at a scope: those above apply too, those below are listed too.
fn extensions(world: &World, call: &Call<'_>, target: &Target, kind: &str) -> Response {
    let scope = ids::key(&target.scope);
    let filter = call.request.query("$filter").unwrap_or("").to_ascii_lowercase();
    let principal = filter
        .split('\'')
        .nth(1)
        .filter(|_| filter.contains("principalid") || filter.contains("assignedto"))
        .map(str::to_owned);
    let at_scope_only = filter.contains("atscope()");
    let found = world.of_kind(kind, "", call.request.query("$skiptoken")).filter(move |extension| {
        let own = extension.key();
        let own = own.split("/providers/microsoft.authorization/").next().unwrap_or("");
        let above = scope == own || scope.starts_with(&format!("{own}/"));
        let below = own.starts_with(&format!("{scope}/"));
        let matches_principal = principal.as_ref().is_none_or(|principal| {
            json::text(&extension.body, "properties.principalId")
                .is_some_and(|id| id.eq_ignore_ascii_case(principal))
        });
        (above || (below && !at_scope_only)) && matches_principal
    });
    page(call, found.map(|extension| (extension.key(), extension)), |extension| {
        render::resource(world, extension)
    })
}

/// `/resources` of a subscription or group, with the filters clients use.
pub(super) fn resources(world: &World, call: &Call<'_>, prefix: &str) -> Response {
    let conditions = conditions(call);
    let prefix = prefix.to_ascii_lowercase();
    let after = call.request.query("$skiptoken");
    let found = world
        .all(&prefix, after)
        .filter(|found| !found.location().is_empty() && found.kind != "Microsoft.Resources/resourceGroups")
        .filter(|found| conditions.iter().all(|(name, value)| meets(found, name, value)));
    let expands = call.request.query("$expand").unwrap_or("").to_ascii_lowercase();
    page(call, found.map(|found| (found.key(), found)), |found| {
        let shown = render::resource(world, found);
        let mut entry = json!({ "id": shown["id"], "name": shown["name"], "type": shown["type"] });
        for shared in ["location", "tags", "sku", "zones", "identity", "managedBy"] {
            if let Some(value) = shown.get(shared) {
                entry[shared] = value.clone();
            }
        }
        if expands.contains("provisioningstate") {
            entry["provisioningState"] = json!(found.state.as_str());
        }
        if expands.contains("createdtime") {
            entry["createdTime"] = json!(super::rfc3339(found.created_ms));
        }
        entry
    })
}

/// What must be equal, as `$filter` says: names in lower case.
pub(super) fn conditions(call: &Call<'_>) -> Vec<(String, String)> {
    let filter = call.request.query("$filter").unwrap_or("");
    let equal = filter.split(" and ").filter_map(|condition| {
        let (name, value) = condition.trim().split_once(" eq ")?;
        Some((name.trim().to_ascii_lowercase(), value.trim().trim_matches('\'').to_owned()))
    });
    equal.collect()
}

pub(super) fn meets(found: &Resource, name: &str, value: &str) -> bool {
    let tag = |name: &str| found.body["tags"].as_object().and_then(|tags| tags.get(name));
    match name {
        "resourcegroup" => ids::group_of(&found.id).is_some_and(|group| group.eq_ignore_ascii_case(value)),
        "name" => found.name().eq_ignore_ascii_case(value),
        "resourcetype" => found.kind.eq_ignore_ascii_case(value),
        "location" => found.location() == ids::location(value),
        "tagname" => tag(value).is_some(),
        "tagvalue" => found.body["tags"].as_object().is_some_and(|tags| tags.values().any(|v| v == value)),
        _ => true,
    }
}
