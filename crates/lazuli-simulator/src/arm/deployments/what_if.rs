//! What a deployment would change: `whatIf`.

use serde_json::{Value, json};

use super::Asked;
use crate::arm::render;
use crate::catalog;
use crate::ids::{self, Target};
use crate::world::World;

/// The changes, by id: of the resources of the template, and of the others in the group, which stay as they are.
pub(super) fn changes(world: &World, group: &str, asked: &Asked, is_short: bool) -> Vec<Value> {
    let mut changes = Vec::new();
    for (step, body) in asked.steps.iter().zip(&asked.bodies) {
        let before = there(world, &step.id);
        let mut change = json!({ "resourceId": step.id });
        let (Some(body), false) = (body, is_short) else {
            change["changeType"] = json!(if before.is_none() { "Create" } else { "Deploy" });
            changes.push(change);
            continue;
        };
        let mut after = body.clone();
        let target = Target::parse(&step.id);
        after["id"] = json!(step.id);
        after["name"] = json!(ids::last(&step.id));
        after["type"] = json!(target.map(|target| target.kind()));
        after["apiVersion"] = json!(step.api_version);
        let delta = before.as_ref().map(|before| differences(before, body, ""));
        change["changeType"] = json!(match &delta {
            None => "Create",
            Some(delta) if delta.is_empty() => "NoChange",
            Some(_) => "Modify",
        });
        if let Some(mut before) = before {
            before["apiVersion"] = json!(step.api_version);
            change["before"] = before;
        }
        change["after"] = after;
        if let Some(delta) = delta.filter(|delta| !delta.is_empty()) {
            change["delta"] = json!(delta);
        }
        changes.push(change);
    }
    let prefix = format!("{}/", ids::key(group));
    let others = world.all(&prefix, None).filter(|other| {
        let key = other.key();
        !other.location().is_empty() && !asked.steps.iter().any(|step| ids::key(&step.id) == key)
    });
    changes.extend(others.map(|other| {
        let mut change = json!({ "resourceId": other.id, "changeType": "Ignore" });
        if !is_short {
            let shown = render::resource(world, other);
            (change["before"], change["after"]) = (shown.clone(), shown);
        }
        change
    }));
    changes.sort_by_key(|change| change["resourceId"].as_str().unwrap_or("").to_owned());
    changes
}

fn there(world: &World, id: &str) -> Option<Value> {
    let target = Target::parse(id)?;
    let root = world.get(&catalog::root_of(&target.kind(), id))?;
    match catalog::find(&target.kind()).embedded {
        Some(collection) => render::element(world, root, collection, target.name()),
        None => Some(render::resource(world, root)),
    }
}

/// What the template says otherwise. What it does not mention stays, and is no difference.
fn differences(before: &Value, after: &Value, path: &str) -> Vec<Value> {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => new
            .iter()
            .flat_map(|(name, new)| match old.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, old)) => differences(old, new, &at(name)),
                None if new.is_null() => Vec::new(),
                None => vec![json!({ "path": at(name), "propertyChangeType": "Create", "after": new, "before": null, "children": null })],
            })
            .collect(),
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let children: Vec<Value> = old
                .iter()
                .zip(new)
                .enumerate()
                .flat_map(|(index, (old, new))| nested(differences(old, new, ""), index))
                .collect();
            match children.is_empty() {
                true => children,
                false => vec![json!({ "path": path, "propertyChangeType": "Array", "before": before, "after": after, "children": children })],
            }
        }
        _ if same(before, after) => Vec::new(),
        _ => vec![json!({ "path": path, "propertyChangeType": "Modify", "before": before, "after": after, "children": null })],
    }
}

/// The differences of one element of a list, under its place.
fn nested(found: Vec<Value>, index: usize) -> Vec<Value> {
    let (leaves, whole): (Vec<Value>, Vec<Value>) = found.into_iter().partition(|one| one["path"] != "");
    let mut shown: Vec<Value> = whole
        .into_iter()
        .map(|mut one| {
            one["path"] = json!(index.to_string());
            one
        })
        .collect();
    if !leaves.is_empty() {
        shown.push(json!({ "path": index.to_string(), "propertyChangeType": "Modify", "before": null, "after": null, "children": leaves }));
    }
    shown
}

/// Names and ids compare without regard to case, and regions without spaces.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => {
            a.eq_ignore_ascii_case(b) || ids::location(a) == ids::location(b)
        }
        _ => a == b,
    }
}
