//! The objects that let a node join.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazuli_core::Json;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::desired::{Registration, Role};
use crate::pki::derived::BootstrapToken;

/// How long a token lets its node in.
pub(super) const VALID: Duration = Duration::minutes(30);

/// With less left than this it is made anew: a machine needs some minutes to get as far as using it.
const ENOUGH: Duration = Duration::minutes(10);

/// How long it holds while what goes with it is still missing: too short to be found good enough after a crash.
pub(super) const UNFINISHED: Duration = Duration::minutes(9);

/// The list of secrets in which kubeadm keeps tokens and certificates.
pub(super) const SECRETS: &str = "/api/v1/namespaces/kube-system/secrets";

/// The type of token secrets.
pub(super) const TOKEN_TYPE: &str = "bootstrap.kubernetes.io/token";

/// The secret with the certificates that joining control-plane nodes get.
pub(super) const CERTS: &str = "kubeadm-certs";

/// The group of nodes that join with a token.
const JOINING: &str = "system:bootstrappers:kubeadm:default-node-token";

/// What the token's secret remembers of its registration.
const ROLE: &str = "lazuli.dev/role";

/// The name of a token's secret.
pub(super) fn secret_name(token: &BootstrapToken) -> String {
    format!("bootstrap-token-{}", token.id())
}

/// The secret that makes a token valid from now on.
pub(super) fn token_secret(
    token: &BootstrapToken,
    registration: &Registration,
    now: OffsetDateTime,
    valid: Duration,
) -> Json {
    let expires = (now + valid).replace_nanosecond(0).unwrap_or(now);
    let text = |text: &str| STANDARD.encode(text);
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TOKEN_TYPE,
        "metadata": {
            "name": secret_name(token),
            "namespace": "kube-system",
            "annotations": {ROLE: registration.role},
        },
        "data": {
            "token-id": text(token.id()),
            "token-secret": text(token.secret()),
            "expiration": text(&expires.format(&Rfc3339).unwrap_or_default()),
            "usage-bootstrap-authentication": text("true"),
            "usage-bootstrap-signing": text("true"),
            "auth-extra-groups": text(JOINING),
            "description": text(&description(&registration.node)),
        },
    })
}

fn description(node: &str) -> String {
    format!("lets {node} join")
}

/// True for the secret of a token of this node: also when the key that it was derived from has been rotated since.
pub(super) fn is_of(secret: &Json, node: &str) -> bool {
    secret["data"]["description"].as_str() == Some(&STANDARD.encode(description(node)))
}

/// When a token's secret ends; `None` when it does not say so.
pub(super) fn expires(secret: &Json) -> Option<OffsetDateTime> {
    let bytes = STANDARD.decode(secret["data"]["expiration"].as_str()?).ok()?;
    OffsetDateTime::parse(std::str::from_utf8(&bytes).ok()?, &Rfc3339).ok()
}

/// True when a node still has time to join with it.
pub(super) fn is_enough(expires: OffsetDateTime, now: OffsetDateTime) -> bool {
    expires - now >= ENOUGH
}

/// The role for which a token was made.
pub(super) fn role(secret: &Json) -> Option<Role> {
    serde_json::from_value(secret["metadata"]["annotations"][ROLE].clone()).ok()
}

/// The secret with the encrypted certificates; it goes with its token, as kubeadm's own does.
pub(super) fn certs_secret(
    files: &BTreeMap<&'static str, Vec<u8>>,
    token: &BootstrapToken,
    token_uid: &str,
) -> Json {
    let data: serde_json::Map<String, Json> =
        files.iter().map(|(name, bytes)| ((*name).to_owned(), STANDARD.encode(bytes).into())).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": CERTS,
            "namespace": "kube-system",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Secret", "name": secret_name(token), "uid": token_uid}
            ],
        },
        "data": data,
    })
}

/// What lets joining nodes read the certificates, with the paths: role and binding, named as kubeadm names them.
pub(super) fn certs_access() -> [(String, Json); 2] {
    const NAME: &str = "kubeadm:kubeadm-certs";
    let api = "rbac.authorization.k8s.io";
    let path = |list: &str| format!("/apis/{api}/v1/namespaces/kube-system/{list}/{NAME}");
    let metadata = json!({"name": NAME, "namespace": "kube-system"});
    let version = format!("{api}/v1");
    [
        (
            path("roles"),
            json!({
                "apiVersion": version, "kind": "Role", "metadata": metadata,
                "rules": [
                    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [CERTS], "verbs": ["get"]}
                ],
            }),
        ),
        (
            path("rolebindings"),
            json!({
                "apiVersion": version, "kind": "RoleBinding", "metadata": metadata,
                "roleRef": {"apiGroup": api, "kind": "Role", "name": NAME},
                "subjects": [{"apiGroup": api, "kind": "Group", "name": JOINING}],
            }),
        ),
    ]
}
