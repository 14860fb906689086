//! What people call things whose own name tells them nothing.

use lazuli_core::address::{Address, Key};
use lazuli_core::resource::ResourceId;

/// Roles by the id of their definition, which is the same in every tenant.
const ROLES: &[(&str, &str)] = &[
    ("4d97b98b-1d4f-4787-a291-c67834d212e7", "Network Contributor"),
    ("9980e02c-c2be-4d73-94e8-173b1dc7cf3c", "Virtual Machine Contributor"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"),
    ("f1a07417-d97a-45cb-824c-7a7467783830", "Managed Identity Operator"),
    ("b12aa53e-6015-4669-85d0-8515ebb3ae7f", "Private DNS Zone Contributor"),
];

/// The name of a role, by the id of its definition or the last part of it.
pub fn role(definition: &str) -> Option<&'static str> {
    let id = definition.rsplit('/').next().unwrap_or(definition);
    ROLES.iter().find(|(known, _)| known.eq_ignore_ascii_case(id)).map(|(_, name)| *name)
}

/// The name of an object; of one that is named by a GUID or not at all, the last part of its address. What is inside a
/// cluster is called after its machine or by a plain word, so what it is stands before that: `member prod-cp-1-a41c`.
pub fn object(address: &Address, id: Option<&ResourceId>) -> String {
    if let Some(id) = id.filter(|id| id.as_str().contains("/providers/Lazuli.Kubernetes/")) {
        let what = address.segments().last().map(|last| last.name.clone()).unwrap_or_default();
        return format!("{what} {}", id.name());
    }
    match id.map(ResourceId::name) {
        Some(name) if !name.is_empty() && !is_guid(name) => name.to_owned(),
        _ => part(address),
    }
}

/// `role network-contributor`: the last part of an address, without its punctuation.
fn part(address: &Address) -> String {
    let segments = address.segments();
    let Some(last) = segments.last() else { return address.to_string() };
    match &last.key {
        Some(Key::Name(key)) => format!("{} {key}", last.name),
        Some(Key::Index(index)) => format!("{} {index}", last.name),
        None => last.name.clone(),
    }
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let hex = |group: &&str| group.bytes().all(|b| b.is_ascii_hexdigit());
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_no_name() {
        let address: Address = "cluster.prod.identity.role[\"network-contributor\"]".parse().unwrap();
        let id = |name: &str| {
            ResourceId::new(format!("/providers/Microsoft.Authorization/roleAssignments/{name}"))
        };
        assert_eq!(
            object(&address, Some(&id("57c43721-d017-5780-a8d5-4d7113768600"))),
            "role network-contributor"
        );
        assert_eq!(object(&address, Some(&id("prod-vnet"))), "prod-vnet");
        assert_eq!(object(&address, None), "role network-contributor");
        assert_eq!(role("/x/roleDefinitions/ACDD72A7-3385-48ef-bd42-f606fba81ae7"), Some("Reader"));
    }
}
