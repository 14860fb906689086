//! Bootstrap tokens: expired ones go, and cluster-info is signed with the others.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Round, signature};
use crate::kubernetes::moment;

const PREFIX: &str = "jws-kubeconfig-";
pub(super) const TOKEN: &str = "bootstrap-token-";

/// The tokens there are.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    by_name: BTreeMap<String, Token>,
    /// What is signed, and the signatures made so far, by what they are made with.
    payload: String,
    signatures: BTreeMap<(String, String), String>,
}

#[derive(Debug)]
struct Token {
    id: String,
    secret: String,
    signs: bool,
    expiration: String,
}

impl Token {
    fn of(secret: &Value) -> Option<Self> {
        if secret["type"] != "bootstrap.kubernetes.io/token" {
            return None;
        }
        let text = |field: &str| {
            let decoded = secret["data"][field].as_str().and_then(|text| STANDARD.decode(text).ok());
            decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
        };
        Some(Self {
            id: text("token-id"),
            secret: text("token-secret"),
            signs: text("usage-bootstrap-signing") == "true",
            expiration: text("expiration"),
        })
    }
}

pub(super) fn act(round: &mut Round<'_>) {
    for name in &round.changes.tokens {
        let token = round.store.get("v1/secrets", "kube-system", name).and_then(|secret| Token::of(secret));
        match token {
            Some(token) => drop(round.tokens.by_name.insert(name.clone(), token)),
            None => drop(round.tokens.by_name.remove(name)),
        }
    }
    let now = moment(round.now);
    let is_expired = |token: &Token| !token.expiration.is_empty() && token.expiration <= now;
    let by_name = &mut round.tokens.by_name;
    let expired: Vec<String> =
        by_name.iter().filter(|(_, token)| is_expired(token)).map(|(name, _)| name.clone()).collect();
    for name in &expired {
        by_name.remove(name);
        round.store.remove("v1/secrets", "kube-system", name);
    }
    // Their text sorts as they do in time.
    let next = by_name.values().map(|token| &token.expiration).filter(|text| !text.is_empty()).min().cloned();
    if let Some(due) = next.and_then(|next| parse(&next)) {
        round.at(due);
    }
    if !round.changes.tokens.is_empty() || !expired.is_empty() || round.changes.has_new_cluster_info {
        sign(round);
    }
}

/// Signs cluster-info with every token that is for signing.
fn sign(round: &mut Round<'_>) {
    let Some(info) = round.store.get("v1/configmaps", "kube-public", "cluster-info") else { return };
    let Tokens { by_name, payload, signatures } = &mut *round.tokens;
    let text = info["data"]["kubeconfig"].as_str().unwrap_or("");
    if payload != text {
        text.clone_into(payload);
        signatures.clear();
    }
    let with = |token: &Token| (token.id.clone(), token.secret.clone());
    let signers = || by_name.values().filter(|token| token.signs).map(with);
    let wanted: std::collections::BTreeSet<_> = signers().collect();
    signatures.retain(|with, _| wanted.contains(with));
    for (id, secret) in wanted {
        signatures.entry((id.clone(), secret.clone())).or_insert_with(|| signature(&id, &secret, payload));
    }
    round.store.edit("v1/configmaps", "kube-public", "cluster-info", |info| {
        let Some(data) = info["data"].as_object_mut() else { return };
        data.retain(|key, _| !key.starts_with(PREFIX));
        for ((id, _), signature) in &*signatures {
            data.insert(format!("{PREFIX}{id}"), json!(signature));
        }
    });
}

fn parse(moment: &str) -> Option<u64> {
    use time::format_description::well_known::Rfc3339;
    let parsed = time::OffsetDateTime::parse(moment, &Rfc3339).ok()?;
    u64::try_from(parsed.unix_timestamp_nanos() / 1_000_000).ok()
}
