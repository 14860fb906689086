//! The kinds of all providers.

use lazuli_azure::AzureKinds;
use lazuli_core::kind::{Kind, Kinds};
use lazuli_core::resource::ResourceType;
use lazuli_kubernetes::kinds::KubernetesKinds;

/// Whatever a type is of, its kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllKinds;

impl Kinds for AllKinds {
    fn kind(&self, ty: &ResourceType) -> &Kind {
        match is_ours(ty) {
            true => KubernetesKinds.kind(ty),
            false => AzureKinds.kind(ty),
        }
    }
}

/// Of a type, what its provider returns and nobody may see.
pub fn hidden(ty: &ResourceType) -> &'static [&'static str] {
    match &*ty.name {
        name if name.starts_with("Lazuli.Tls/") => &["properties.privateKey", "properties.nextPrivateKey"],
        // What controllers fill in as well.
        name if is_ours_by_name(name) => &["properties.objects.v1/Secret/*"],
        _ => &[],
    }
}

/// True for the types of the providers `tls` and `kubernetes`, whose namespaces Azure does not have.
fn is_ours(ty: &ResourceType) -> bool {
    is_ours_by_name(&ty.name)
}

fn is_ours_by_name(name: &str) -> bool {
    name.starts_with("Lazuli.")
}

#[cfg(test)]
mod tests {
    use super::{ResourceType, hidden};

    #[test]
    fn secrets_in_sets_of_objects_are_hidden_and_nothing_of_azure_is() {
        let of = |name: &str| hidden(&ResourceType::new(name, "v1"));
        for set in ["layers", "addons", "namespaces"] {
            assert_eq!(of(&format!("Lazuli.Kubernetes/clusters/{set}")), ["properties.objects.v1/Secret/*"]);
        }
        assert!(of("Lazuli.Tls/certificateAuthorities").contains(&"properties.privateKey"));
        assert!(of("Microsoft.Network/routeTables").is_empty());
    }
}
