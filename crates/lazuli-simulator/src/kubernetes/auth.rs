//! Who asks: client certificates and bootstrap tokens.
//!
//! The shell has checked that a client certificate was signed by the cluster's authority and is valid now.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::status::Refusal;
use super::store::Store;

/// Who sends a request to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user name: the common name of a client certificate.
    pub name: String,
    /// The groups: the organisations of a client certificate.
    pub groups: Vec<String>,
}

impl User {
    /// A user who has proved to be who they say.
    pub fn new(name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().chain(&["system:authenticated"]).map(|group| (*group).to_owned());
        Self { name: name.to_owned(), groups: groups.collect() }
    }

    /// Somebody who may do everything (`system:masters`).
    pub fn admin() -> Self {
        Self::new("kubernetes-admin", &["system:masters"])
    }

    /// Somebody who has shown nothing.
    pub fn anonymous() -> Self {
        Self { name: "system:anonymous".to_owned(), groups: vec!["system:unauthenticated".to_owned()] }
    }

    /// Whom a client certificate names.
    pub(crate) fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
        let groups: Vec<&str> =
            certificate.subject().iter_organization().filter_map(|group| group.as_str().ok()).collect();
        Some(Self::new(name, &groups))
    }

    /// Whom a bearer token names: a bootstrap token whose secret exists and has not expired.
    ///
    /// # Errors
    /// 401, as for every token that means nothing.
    pub(crate) fn of_token(store: &Store, token: &str, now_ms: u64) -> Result<Self, Refusal> {
        bootstrap(store, token, now_ms).ok_or_else(Refusal::unauthorized)
    }

    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|of| of == group)
    }

    /// The node that asks, if it is a kubelet.
    pub(crate) fn node(&self) -> Option<&str> {
        self.name.strip_prefix("system:node:").filter(|_| self.is_in("system:nodes"))
    }
}

fn bootstrap(store: &Store, token: &str, now_ms: u64) -> Option<User> {
    let (id, secret) = token.split_once('.')?;
    let object = store.get("v1/secrets", "kube-system", &format!("bootstrap-token-{id}"))?;
    if object["type"] != "bootstrap.kubernetes.io/token" || !object["metadata"]["deletionTimestamp"].is_null()
    {
        return None;
    }
    let data = |name: &str| decoded(&object["data"][name]);
    if data("token-id")? != id || data("token-secret")? != secret {
        return None;
    }
    if data("usage-bootstrap-authentication").as_deref() != Some("true") {
        return None;
    }
    if let Some(expiration) = data("expiration") {
        let until = OffsetDateTime::parse(&expiration, &Rfc3339).ok()?;
        if until.unix_timestamp_nanos() <= i128::from(now_ms) * 1_000_000 {
            return None;
        }
    }
    let extra = data("auth-extra-groups").unwrap_or_default();
    let mut groups = vec!["system:bootstrappers"];
    groups.extend(extra.split(',').map(str::trim).filter(|group| group.starts_with("system:bootstrappers:")));
    Some(User::new(&format!("system:bootstrap:{id}"), &groups))
}

fn decoded(value: &Value) -> Option<String> {
    String::from_utf8(STANDARD.decode(value.as_str()?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_bootstrap_token_is_good_until_it_expires() {
        let mut store = Store::new("");
        let text = |text: &str| json!(STANDARD.encode(text));
        let secret = json!({ "metadata": { "namespace": "kube-system", "name": "bootstrap-token-abcdef" },
            "type": "bootstrap.kubernetes.io/token", "data": {
            "token-id": text("abcdef"), "token-secret": text("0123456789abcdef"),
            "expiration": text("1970-01-01T01:00:00Z"), "usage-bootstrap-authentication": text("true"),
            "auth-extra-groups": text("system:bootstrappers:kubeadm:default-node-token") } });
        store.create("v1/secrets", secret, 0);
        let user = User::of_token(&store, "abcdef.0123456789abcdef", 0).unwrap();
        assert_eq!(user.name, "system:bootstrap:abcdef");
        assert!(user.is_in("system:bootstrappers:kubeadm:default-node-token"));
        for (token, now) in [("abcdef.0123456789abcdeX", 0), ("x", 0), ("abcdef.0123456789abcdef", 3_600_000)]
        {
            assert_eq!(User::of_token(&store, token, now), Err(Refusal::unauthorized()), "{token}");
        }
    }
}
