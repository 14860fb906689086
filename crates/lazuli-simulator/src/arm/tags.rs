//! `Microsoft.Resources/tags/default` below any scope: tags on their own, so that clients need not send the rest.

use serde_json::{Map, Value, json};

use super::{Call, check, read};
use crate::error::ArmError;
use crate::ids::{self, Target};
use crate::json;
use crate::request::{Method, Response};
use crate::world::World;

/// Answers requests for the tags of `target`'s scope; `None` when the path is not one of tags.
pub(super) fn handle(
    world: &mut World,
    call: &Call<'_>,
    target: &Target,
) -> Option<Result<Response, ArmError>> {
    (target.kind().eq_ignore_ascii_case("Microsoft.Resources/tags") && target.is_item())
        .then(|| carry_out(world, call, target))
}

fn carry_out(world: &mut World, call: &Call<'_>, target: &Target) -> Result<Response, ArmError> {
    let method = call.request.method;
    let key = ids::key(&target.scope);
    check::group(world, &target.scope, method.mutates())?;
    let Some(resource) = world.get(&key) else {
        let scope = Target::parse(&target.scope).unwrap_or_else(|| target.clone());
        return Err(read::not_found(world, &scope));
    };
    let (id, row, before) = (resource.id.clone(), resource.row(), tags_of(&resource.body));
    if method == Method::Get {
        return Ok(Response::json(200, shown(&id, &before)));
    }
    check::management_locks(world, &id, false)?;
    check::free(world, call, row, &key, ids::last(&id))?;
    let body = call.request.json()?;
    let sent = body["properties"]["tags"].as_object().cloned().unwrap_or_default();
    let operation = json::text(&body, "operation").unwrap_or("").to_ascii_lowercase();
    let after = match (method, operation.as_str()) {
        (Method::Put, _) | (Method::Patch, "replace") => sent,
        (Method::Patch, "merge") => before.into_iter().chain(sent).collect(),
        (Method::Patch, "delete") => {
            before.into_iter().filter(|(name, value)| sent.get(name) != Some(value)).collect()
        }
        (Method::Delete, _) => Map::new(),
        (Method::Patch, _) => {
            return Err(ArmError::invalid_content("The operation must be 'Merge', 'Replace' or 'Delete'."));
        }
        _ => return Err(ArmError::method_not_allowed(method.as_str())),
    };
    let etag = world.guid("etag");
    world.edit(&key, |resource| {
        json::set(&mut resource.body, "tags", Value::Object(after.clone()));
        resource.etag = etag;
    });
    Ok(Response::json(200, shown(&id, &after)))
}

fn tags_of(body: &Value) -> Map<String, Value> {
    body.get("tags").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn shown(scope: &str, tags: &Map<String, Value>) -> Value {
    json!({
        "id": format!("{scope}/providers/Microsoft.Resources/tags/default"),
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": { "tags": tags },
    })
}
