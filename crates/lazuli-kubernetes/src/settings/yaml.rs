//! The text in kubeadm's config maps: YAML.

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};

/// The text as data.
pub(super) fn read(text: &str, place: &str) -> Result<Json, ProviderError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let first = error.to_string();
        let first = first.lines().next().unwrap_or_default().to_owned();
        ProviderError::own("NotYaml", format!("{place} is not YAML: {first}"), Outcome::Nothing)
            .advise("Somebody has edited it by hand: correct it with kubectl, then run it again.")
    })
}

/// Data as text.
pub(super) fn write(data: &Json, place: &str) -> Result<String, ProviderError> {
    serde_saphyr::to_string(data)
        .map_err(|error| ProviderError::own("NotYaml", format!("{place}: {error}"), Outcome::Nothing))
}
