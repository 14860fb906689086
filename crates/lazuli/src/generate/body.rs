//! What of an object is configuration: without what only Azure writes, what it makes up, and secrets.

use lazuli_core::Json;
use lazuli_core::kind::{Kind, List};
use serde_json::Map;

/// What a `resource` block may say besides type, place and name.
const MEMBERS: [&str; 11] = [
    "location",
    "tags",
    "sku",
    "kind",
    "plan",
    "zones",
    "identity",
    "extendedLocation",
    "managedBy",
    "placement",
    "properties",
];

/// What Azure writes into objects and their parts, whatever their type is.
const MADE_UP: [&str; 4] = ["provisioningState", "resourceGuid", "etag", "systemData"];

/// Words in names of properties that hold secrets.
const SECRET: [&str; 9] = [
    "password",
    "secret",
    "connectionstring",
    "accesskey",
    "sharedkey",
    "primarykey",
    "secondarykey",
    "privatekey",
    "sastoken",
];

/// What is configuration of an object, in the order of a `resource` block.
#[derive(Debug, Default, PartialEq)]
pub struct Body {
    /// The attributes.
    pub members: Vec<(&'static str, Json)>,
    /// Paths that hold secrets, which are not written: Azure does not return them, or should not have.
    pub secrets: Vec<String>,
}

/// Takes out of an object what is not configuration. `children` are the kinds whose objects are written by themselves.
pub fn configured(kind: &Kind, object: &Json, children: &[&Kind]) -> Body {
    let mut object = object.clone();
    let mut secrets = Vec::new();
    for path in kind.write_only {
        if holder_exists(&object, path) {
            secrets.push((*path).to_owned());
        }
        remove(&mut object, path);
    }
    kind.read_only.iter().for_each(|path| remove(&mut object, path));
    for child in children {
        if let List::InParent(path) = child.list {
            remove(&mut object, path);
        }
    }
    special(kind, &mut object);
    let has_table = !kind.name.is_empty();
    let mut found = Vec::new();
    let members = MEMBERS.iter().filter_map(|name| {
        let mut member = object.get_mut(*name)?.take();
        if *name == "tags" {
            own_tags(&mut member);
        } else {
            clean(&mut member, name, has_table, &mut found);
        }
        (!is_hollow(&member)).then_some((*name, member))
    });
    let members = members.collect();
    secrets.append(&mut found);
    Body { members, secrets }
}

/// True when what a path is in exists: then it may have been set.
fn holder_exists(object: &Json, path: &str) -> bool {
    let Some((holder, _)) = path.rsplit_once('.') else { return false };
    holder.split('.').try_fold(object, |here, name| here.get(name)).is_some()
}

/// Removes what a pattern names, in every element of the arrays on the way.
fn remove(body: &mut Json, pattern: &str) {
    match body {
        Json::Array(elements) => elements.iter_mut().for_each(|element| remove(element, pattern)),
        Json::Object(map) => match pattern.split_once('.') {
            None => drop(map.remove(pattern)),
            Some(("*", rest)) => map.values_mut().for_each(|value| remove(value, rest)),
            Some((name, rest)) => {
                if let Some(value) = map.get_mut(name) {
                    remove(value, rest);
                }
            }
        },
        _ => {}
    }
}

/// What is made up by Azure under a condition that a path cannot say.
fn special(kind: &Kind, object: &mut Json) {
    let properties = &mut object["properties"];
    match kind.name {
        "Microsoft.Network/networkInterfaces" => {
            for configuration in elements(&mut properties["ipConfigurations"]) {
                let inner = &mut configuration["properties"];
                if inner["privateIPAllocationMethod"] == "Dynamic" {
                    remove(inner, "privateIPAddress");
                }
            }
        }
        "Microsoft.Compute/virtualMachines" => {
            let storage = &mut properties["storageProfile"];
            if storage["osDisk"]["createOption"] != "Attach" {
                remove(storage, "osDisk.managedDisk.id");
            }
            for disk in elements(&mut storage["dataDisks"]) {
                if disk["createOption"] != "Attach" {
                    remove(disk, "managedDisk.id");
                }
            }
        }
        _ => {}
    }
}

fn elements(array: &mut Json) -> &mut [Json] {
    match array {
        Json::Array(elements) => elements,
        _ => &mut [],
    }
}

/// Tags without those that are Lazuli's to write.
fn own_tags(tags: &mut Json) {
    if let Json::Object(tags) = tags {
        tags.retain(|name, value| !name.to_lowercase().starts_with("lazuli_") && value.is_string());
    }
}

/// Takes out nulls, what is empty, what every type has of Azure's own, and secrets. Of types without a table moments go
/// as well, and what says who made it.
fn clean(value: &mut Json, at: &str, has_table: bool, secrets: &mut Vec<String>) {
    match value {
        Json::Object(map) => {
            let named_part = map.contains_key("name") && map.contains_key("id");
            map.retain(|name, member| {
                let lower = name.to_lowercase();
                let secret =
                    !has_table && member.is_string() && SECRET.iter().any(|word| lower.contains(word));
                if secret {
                    secrets.push(format!("{at}.{name}"));
                }
                // The id of a part is that of the whole with the part's name.
                let of_part = named_part && (name == "id" || name == "type");
                let unknown = !has_table && (is_moment(member) || at == "identity" && lower.ends_with("id"));
                !(secret || of_part || unknown || member.is_null() || MADE_UP.contains(&name.as_str()))
            });
            for (name, member) in map.iter_mut() {
                clean(member, &format!("{at}.{name}"), has_table, secrets);
            }
            // Under an id something is said by being there.
            map.retain(|name, member| name.starts_with('/') || !is_hollow(member));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| clean(item, at, has_table, secrets)),
        _ => {}
    }
}

fn is_hollow(value: &Json) -> bool {
    value.is_null()
        || value.as_object().is_some_and(Map::is_empty)
        || value.as_array().is_some_and(Vec::is_empty)
}

/// `2026-01-31T12:00:00…Z`
fn is_moment(value: &Json) -> bool {
    value.as_str().map(str::as_bytes).is_some_and(|text| {
        text.len() >= 19
            && text[..4].iter().all(u8::is_ascii_digit)
            && [text[4], text[7], text[10], text[13], text[16]] == *b"--T::"
    })
}

#[cfg(test)]
mod tests {
    use lazuli_azure::AzureKinds;
    use lazuli_core::kind::Kinds;
    use lazuli_core::resource::ResourceType;
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_type_without_a_table_moments_ids_and_secrets_go() {
        let object = json!({
            "id": "/x", "name": "n", "type": "T/t", "location": "eastus2", "etag": "1",
            "tags": {"a": "b", "lazuli_lineage": "l"}, "systemData": {"createdAt": "2026-01-01T00:00:00Z"},
            "identity": {"type": "SystemAssigned", "principalId": "1", "tenantId": "2"},
            "properties": {
                "provisioningState": "Succeeded", "createdAt": "2026-01-01T00:00:00.123Z", "size": 3, "empty": [], "no": null,
                "adminPassword": "hunter2", "nested": {"primaryKey": "k", "list": [{"name": "p", "id": "/x/p", "v": true}]},
            },
        });
        let kind = AzureKinds.kind(&ResourceType::new("Contoso.App/things", "2026-01-01"));
        let body = configured(kind, &object, &[]);
        assert_eq!(
            json!(body.members),
            json!([
                ["location", "eastus2"],
                ["tags", {"a": "b"}],
                ["identity", {"type": "SystemAssigned"}],
                ["properties", {"size": 3, "nested": {"list": [{"name": "p", "v": true}]}}],
            ])
        );
        assert_eq!(body.secrets, ["properties.adminPassword", "properties.nested.primaryKey"]);
    }
}
