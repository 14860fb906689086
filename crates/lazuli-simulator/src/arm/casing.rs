//! How an id is written: as its first writer did, below what others wrote.

use crate::catalog;
use crate::ids::{self, Target};
use crate::world::World;

/// The id under which something is stored: the casing of its first writer, with the group's own casing.
pub(super) fn canonical_id(world: &World, target: &Target) -> String {
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
