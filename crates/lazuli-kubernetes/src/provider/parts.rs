//! What a cluster holds beside its nodes: settings and sets of objects.

use lazuli_core::Json;
use lazuli_core::provider::{Observation, Outcome, ProviderError, Put, Wanted, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};

/// Looks at the wanted objects of one cluster.
pub(super) async fn observe(_client: &kube::Client, wanted: &[Wanted]) -> Result<Observation, ProviderError> {
    match wanted.first() {
        Some(wanted) => Err(unknown(&wanted.ty)),
        None => Ok(Observation::default()),
    }
}

/// Makes or changes an object.
pub(super) async fn put(
    _client: &kube::Client,
    request: Put<'_>,
    _watch: &dyn Watch,
) -> Result<Json, ProviderError> {
    Err(unknown(request.ty))
}

/// Deletes an object.
pub(super) async fn delete(
    _client: &kube::Client,
    ty: &ResourceType,
    _id: &ResourceId,
    _watch: &dyn Watch,
) -> Result<(), ProviderError> {
    Err(unknown(ty))
}

fn unknown(ty: &ResourceType) -> ProviderError {
    let message = format!("a cluster has no objects of the type {}", ty.name);
    ProviderError::own("UnknownType", message, Outcome::Nothing)
}
