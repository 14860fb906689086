//! Bootstrap tokens: expired ones go, and cluster-info is signed with the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::look::{name, namespace};
use super::{Round, signature};
use crate::kubernetes::moment;

const PREFIX: &str = "jws-kubeconfig-";
const TOKEN: &str = "bootstrap-token-";

pub(super) fn act(round: &mut Round<'_>) {
    let secrets: Vec<Arc<Value>> = round
        .store
        .list_from("v1/secrets", Some("kube-system"), ("kube-system", TOKEN))
        .take_while(|secret| name(secret).starts_with(TOKEN))
        .cloned()
        .collect();
    let now = moment(round.now);
    let mut signers = BTreeMap::new();
    for secret in secrets.iter().filter(|secret| secret["type"] == "bootstrap.kubernetes.io/token") {
        let text = |field: &str| {
            let decoded = secret["data"][field].as_str().and_then(|text| STANDARD.decode(text).ok());
            decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
        };
        let expiration = text("expiration");
        if !expiration.is_empty() && expiration <= now {
            round.store.remove("v1/secrets", namespace(secret), name(secret));
            continue;
        }
        if let Some(due) = parse(&expiration) {
            round.at(due);
        }
        if text("usage-bootstrap-signing") == "true" {
            signers.insert(text("token-id"), text("token-secret"));
        }
    }
    round.store.edit("v1/configmaps", "kube-public", "cluster-info", |info| {
        let payload = info["data"]["kubeconfig"].as_str().unwrap_or("").to_owned();
        let Some(data) = info["data"].as_object_mut() else { return };
        data.retain(|key, _| key.strip_prefix(PREFIX).is_none_or(|id| signers.contains_key(id)));
        for (id, secret) in &signers {
            data.insert(format!("{PREFIX}{id}"), json!(signature(id, secret, &payload)));
        }
    });
}

fn parse(moment: &str) -> Option<u64> {
    use time::format_description::well_known::Rfc3339;
    let parsed = time::OffsetDateTime::parse(moment, &Rfc3339).ok()?;
    u64::try_from(parsed.unix_timestamp_nanos() / 1_000_000).ok()
}
