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
    match ty.name.starts_with("Lazuli.Tls/") {
        true => &["properties.privateKey", "properties.nextPrivateKey"],
        false => &[],
    }
}

/// True for the types of the providers `tls` and `kubernetes`, whose namespaces Azure does not have.
fn is_ours(ty: &ResourceType) -> bool {
    ty.name.starts_with("Lazuli.")
}
