//! The permission of a node to join: made before its machine, and its Node object removed after the machine.

use std::collections::HashMap;

use lazuli_core::Json;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::desired::{Registration, Role};
use super::{shape, token};
use crate::api::{ApiError, Rest, Selector, encode};
use crate::keyring::ClusterKeys;
use crate::pki::derived;

/// The list of nodes.
pub(crate) const NODES: &str = "/api/v1/nodes";

/// The path of a node.
pub(super) fn node_path(name: &str) -> String {
    format!("{NODES}/{}", encode(name))
}

/// Why a node cannot be let in.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RegistrationError {
    /// The API refused, or could not be asked.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A key that joining control-plane nodes need is not known.
    #[error("the {0} is not known, and a control-plane node cannot join without it")]
    NoKey(&'static str),
    /// The certificates could not be encrypted.
    #[error(transparent)]
    Pki(#[from] crate::pki::PkiError),
}

/// True when a node needs no token any more. The first node of a cluster is not asked for: there is nobody to ask yet.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub(crate) async fn has_joined(rest: &Rest, registration: &Registration) -> Result<bool, ApiError> {
    if registration.role == Role::Init {
        return Ok(false);
    }
    Ok(rest.get(&node_path(&registration.node)).await?.is_some())
}

/// Lets a node join for half an hour from now; may be called again and again. The first node of a cluster needs nobody's
/// permission.
pub(crate) async fn create(
    rest: &Rest,
    keys: &ClusterKeys,
    registration: &Registration,
    now: OffsetDateTime,
) -> Result<(), RegistrationError> {
    if registration.role == Role::Init {
        return Ok(());
    }
    let token = derived::bootstrap_token(&keys.cluster_ca, &registration.node);
    let path = format!("{}/{}", token::SECRETS, token::secret_name(&token));
    let secret = |valid| token::token_secret(&token, registration, now, valid);
    if registration.role != Role::ControlPlane {
        rest.apply(&path, &secret(token::VALID), false).await?;
        return Ok(());
    }
    // The certificates are bound to the token, so it comes first; only when they are there it is what is looked for after a
    // crash.
    let made = rest.apply(&path, &secret(token::UNFINISHED), false).await?;
    let key = |key: &'static str| RegistrationError::NoKey(key);
    let files = derived::certificate_key(&keys.cluster_ca, &registration.node).kubeadm_certs(
        &keys.cluster_ca,
        keys.etcd_ca.as_ref().ok_or_else(|| key("etcd certificate authority"))?,
        keys.front_proxy_ca.as_ref().ok_or_else(|| key("front-proxy certificate authority"))?,
        keys.service_account.as_ref().ok_or_else(|| key("service account key"))?,
    )?;
    for (path, object) in token::certs_access() {
        rest.apply(&path, &object, false).await?;
    }
    let uid = made["metadata"]["uid"].as_str().unwrap_or_default();
    let certs = token::certs_secret(&files, &token, uid);
    rest.apply(&format!("{}/{}", token::SECRETS, token::CERTS), &certs, false).await?;
    rest.apply(&path, &secret(token::VALID), false).await?;
    Ok(())
}

/// Takes the permission back: the node has joined, or never will.
pub(super) async fn revoke(rest: &Rest, keys: &ClusterKeys, node: &str, role: Role) -> Result<(), ApiError> {
    let token = derived::bootstrap_token(&keys.cluster_ca, node);
    if role == Role::ControlPlane {
        rest.delete(&format!("{}/{}", token::SECRETS, token::CERTS), &json!({})).await?;
    }
    rest.delete(&format!("{}/{}", token::SECRETS, token::secret_name(&token)), &json!({})).await?;
    Ok(())
}

/// Removes token and Node object of a node whose machine is gone. The token is looked for and not derived: the cluster's
/// key may be another one by now. (To derive all tokens from the first key for ever would make them known to whoever
/// has that one, and it is rotated because somebody may.)
pub(crate) async fn delete(rest: &Rest, node: &str) -> Result<(), ApiError> {
    for (name, _) in tokens(rest).await?.iter().filter(|(_, secret)| token::is_of(secret, node)) {
        rest.delete(&format!("{}/{name}", token::SECRETS), &json!({})).await?;
    }
    rest.delete(&node_path(node), &json!({})).await?;
    Ok(())
}

/// The tokens of a cluster, by the name of their secrets.
pub(crate) async fn tokens(rest: &Rest) -> Result<HashMap<String, Json>, ApiError> {
    let selector = Selector { fields: Some("type=bootstrap.kubernetes.io/token"), labels: None };
    let list = rest.list(token::SECRETS, selector).await?;
    let named = list.into_iter().filter_map(|secret| {
        let name = secret["metadata"]["name"].as_str()?.to_owned();
        Some((name, secret))
    });
    Ok(named.collect())
}

/// A registration as observed: there when its node has joined, or still has time to join with its token. `recorded` is
/// what it was made with, as far as that is known: nothing in a cluster keeps it. The first node of a cluster has no token,
/// so its registration is there once it is recorded.
pub(crate) fn observed(
    node: &str,
    object: Option<&Json>,
    tokens: &HashMap<String, Json>,
    recorded: Option<&Json>,
    now: OffsetDateTime,
) -> Option<Json> {
    let secret = tokens.values().find(|secret| token::is_of(secret, node));
    let expires = secret.and_then(token::expires).filter(|expires| token::is_enough(*expires, now));
    let is_first = recorded.is_some_and(|body| body["properties"]["role"] == "init");
    if object.is_none() && expires.is_none() && !is_first {
        return None;
    }
    let mut properties = recorded.map_or_else(
        || json!({"node": node, "role": role(object, secret)}),
        |body| body["properties"].clone(),
    );
    properties["joined"] = object.is_some().into();
    if let Some(expires) = expires.and_then(|expires| expires.format(&Rfc3339).ok()) {
        properties["expires"] = expires.into();
    }
    Some(json!({"properties": properties}))
}

/// The role of a node whose registration nobody remembers.
fn role(node: Option<&Json>, secret: Option<&Json>) -> Role {
    let made_with = node.and_then(shape::made_with);
    made_with
        .and_then(|properties| serde_json::from_value(properties["role"].clone()).ok())
        .or_else(|| secret.and_then(token::role))
        .unwrap_or_else(|| role_of(node))
}

/// The role of a node that has neither come in nor a token: only the first one needs no token.
fn role_of(node: Option<&Json>) -> Role {
    let label =
        |node: &Json| node["metadata"]["labels"].get("node-role.kubernetes.io/control-plane").is_some();
    if node.is_some_and(label) { Role::Init } else { Role::Worker }
}

#[cfg(test)]
pub(crate) mod tests;
