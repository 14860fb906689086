//! The config map `cluster-info`: by it joining nodes know the cluster, and from it workers and all kubelets have the
//! authorities that they trust. `kubeadm init` writes it, and nobody else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazuli_core::provider::{ProviderError, Watch};
use serde_json::json;

use super::edit::{change_text, read};
use super::{Trust, tell};
use crate::objects::wire::Wire;

const PATH: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
const NAME: &str = "cluster-info";
const KEY: &str = "kubeconfig";
const AUTHORITY: &str = "certificate-authority-data";

/// Writes the certificates that are trusted, before nodes join that are to trust them.
pub(super) async fn put(wire: &Wire, trust: &Trust, watch: &dyn Watch) -> Result<(), ProviderError> {
    let wanted = STANDARD.encode(&trust.bundle);
    let changed = change_text(wire, PATH, KEY, |config| {
        for entry in config["clusters"].as_array_mut().into_iter().flatten() {
            entry["cluster"][AUTHORITY] = json!(wanted);
        }
    })
    .await?;
    tell(changed, NAME, watch)
}

/// True when it has these certificates.
pub(super) async fn is_current(wire: &Wire, trust: &Trust) -> Result<bool, ProviderError> {
    let config = read(wire, PATH, KEY).await?.unwrap_or_default();
    let said = config.pointer("/clusters/0/cluster").and_then(|cluster| cluster[AUTHORITY].as_str());
    Ok(said == Some(&STANDARD.encode(&trust.bundle)))
}
