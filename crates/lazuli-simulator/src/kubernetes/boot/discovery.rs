//! How a joining node finds out that it speaks to its cluster: by a token that both sides know, and by the authorities in the
//! config map `cluster-info`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::config::TokenDiscovery;
use crate::kubernetes::trust::Trust;
use crate::kubernetes::{Cluster, moment, yaml};

/// Why a cluster is not trusted.
pub(super) enum Distrust {
    /// The cluster may still learn of the token.
    NotYet(String),
    Never(String),
}

/// Finds the token that both sides know, compares the hashes of the authorities in cluster-info, and connects once more by
/// them; the token's Secret and what is trusted from now on come of it.
pub(super) fn trust(
    cluster: &Cluster,
    discovery: &TokenDiscovery,
    servers: &[Trust],
    now: u64,
) -> Result<(Value, Trust), Distrust> {
    let Some((id, secret)) = discovery.token.split_once('.') else {
        return Err(Distrust::Never(format!(
            "the bootstrap token \"{}\" was not of the form \"\\\\A([a-z0-9]{{6}})\\\\.([a-z0-9]{{16}})\\\\z\"",
            "***"
        )));
    };
    let unsigned = || {
        Distrust::NotYet(format!(
            "could not find a JWS signature in the cluster-info ConfigMap for token ID \"{id}\""
        ))
    };
    let known = cluster
        .store
        .get("v1/secrets", "kube-system", &format!("bootstrap-token-{id}"))
        .ok_or_else(unsigned)?;
    let expiration = secret_text(known, "expiration");
    if !expiration.is_empty() && expiration <= moment(now) {
        return Err(unsigned());
    }
    if secret_text(known, "usage-bootstrap-signing") != "true" {
        return Err(unsigned());
    }
    if secret_text(known, "token-secret") != secret {
        return Err(Distrust::Never(
            "failed to verify JWS signature of received cluster info object, can't trust this API Server"
                .to_owned(),
        ));
    }
    let Some(info) = cluster.store.get("v1/configmaps", "kube-public", "cluster-info") else {
        return Err(Distrust::NotYet(
            "failed to request the cluster-info ConfigMap: configmaps \"cluster-info\" not found".to_owned(),
        ));
    };
    let own = Trust::of(&published(info));
    let is_pinned =
        |hash: &String| discovery.ca_cert_hashes.iter().any(|pinned| pinned.eq_ignore_ascii_case(hash));
    if !discovery.unsafe_skip_ca_verification && !own.trusts.iter().any(is_pinned) {
        let keys = own.trusts.join(":");
        return Err(Distrust::Never(format!(
            "cluster CA found in cluster-info ConfigMap is invalid: none of the public keys \"{keys}\" are pinned"
        )));
    }
    if !servers.iter().all(|server| own.accepts(server)) {
        return Err(Distrust::Never(format!("failed to request the cluster-info ConfigMap: {UNKNOWN}")));
    }
    Ok((Value::clone(known), own))
}

/// What Go says of a certificate that nobody it knows has signed.
pub(super) const UNKNOWN: &str = "tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of \"crypto/rsa: verification error\" while trying to verify candidate authority certificate \"kubernetes\")";

/// The authorities in the config map cluster-info, in PEM.
fn published(info: &Value) -> String {
    let text = info["data"]["kubeconfig"].as_str().unwrap_or_default();
    let documents = yaml::documents(text, yaml::Repeated::Refused).unwrap_or_default();
    let data = documents
        .first()
        .and_then(|config| config.pointer("/clusters/0/cluster/certificate-authority-data")?.as_str());
    let decoded = data.and_then(|data| STANDARD.decode(data).ok());
    decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// A field of a Secret in clear.
pub(super) fn secret_text(secret: &Value, field: &str) -> String {
    let decoded = secret["data"][field].as_str().and_then(|text| STANDARD.decode(text).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.or_else(|| secret["stringData"][field].as_str().map(str::to_owned)).unwrap_or_default()
}
