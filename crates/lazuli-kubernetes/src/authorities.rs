//! What a cluster says of itself to one who brings its keys: are they its own, and which node made it?

use lazuli_core::Json;

use crate::api::{ApiError, Clusters, Rest, Selector};
use crate::keyring::ClusterId;
use crate::node::{member, registration::NODES};
use crate::pki::{CertificateAuthority, ClusterPki, certificates};

/// Every namespace has it.
const ROOT: &str = "/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt";
/// What the API server was started with.
const EXTENSION: &str = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The keys are its own.
    Own {
        /// The name of the node that made it, while that is one of its nodes.
        first: Option<String>,
    },
    /// They are not.
    Other(Differs),
}

/// A key that is not the cluster's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// What it is for.
    pub what: &'static str,
    /// The file it is in.
    pub file: &'static str,
}

/// Asks a cluster, whose keys are in the ring already, whether its authorities are these. What it does not say counts as
/// its own: etcd's authority and the key of service accounts are told nowhere in it.
///
/// # Errors
/// When the cluster cannot be asked: with the wrong cluster CA, [`is_untrusted`] is true of the error.
pub async fn ask(clusters: &Clusters, cluster: &ClusterId, keys: &ClusterPki) -> Result<Answer, ApiError> {
    let rest = Rest::from(clusters.client(cluster).await?);
    let root = rest.get(ROOT).await?;
    let extension = rest.get(EXTENSION).await?;
    let said = |map: &Option<Json>, key: &str| Some(map.as_ref()?["data"][key].as_str()?.to_owned());
    let rows = [
        ("certificate authority", "ca.crt", said(&root, "ca.crt"), &keys.cluster_ca),
        (
            "front-proxy authority",
            "front-proxy-ca.crt",
            said(&extension, "requestheader-client-ca-file"),
            &keys.front_proxy_ca,
        ),
    ];
    // While one is rotated, nodes do not all have the same two: that of the key must be among them.
    let same = |one: &str, other: &str| one.split_whitespace().eq(other.split_whitespace());
    let is_among = |ca: &CertificateAuthority, said: &str| {
        let own = ca.signer_pem();
        certificates(said).any(|one| same(one, &own))
    };
    let other = rows.into_iter().find(|(.., said, ca)| said.as_ref().is_some_and(|said| !is_among(ca, said)));
    if let Some((what, file, ..)) = other {
        return Ok(Answer::Other(Differs { what, file }));
    }
    let nodes = rest.list(NODES, Selector::default()).await?;
    let is_first =
        |node: &&Json| member::observed(Some(node), None).is_some_and(|m| m["properties"]["role"] == "init");
    let first = nodes.iter().find(is_first).and_then(|node| node["metadata"]["name"].as_str());
    Ok(Answer::Own { first: first.map(str::to_owned) })
}

/// True when the server has a certificate of another authority, or refuses ours.
pub fn is_untrusted(error: &ApiError) -> bool {
    matches!(error, ApiError::Unreachable { lasting: true, .. }) || matches!(error.status(), Some(401 | 403))
}
