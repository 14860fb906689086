//! Bootstrap tokens: expired ones go, and cluster-info is signed with the others.

use std::collections::{BTreeMap, BTreeSet};

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
    /// When they expire, with their names.
    by_expiration: BTreeSet<(String, String)>,
    /// What is signed, and the signatures made so far, by what they are made with.
    payload: String,
    signatures: BTreeMap<(String, String), String>,
}

impl Tokens {
    /// Takes down a token, or that there is none of this name.
    fn set(&mut self, name: &str, token: Option<Token>) {
        if let Some(old) = self.by_name.remove(name) {
            self.by_expiration.remove(&(old.expiration, name.to_owned()));
        }
        if let Some(token) = token {
            if !token.expiration.is_empty() {
                self.by_expiration.insert((token.expiration.clone(), name.to_owned()));
            }
            self.by_name.insert(name.to_owned(), token);
        }
    }
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
        round.tokens.set(name, token);
    }
    let now = moment(round.now);
    let mut has_expired = false;
    // Moments sort as text as they do in time.
    while let Some((expiration, name)) = round.tokens.by_expiration.first().cloned() {
        if expiration > now {
            if let Some(due) = parse(&expiration) {
                round.at(due);
            }
            break;
        }
        round.tokens.set(&name, None);
        round.store.remove("v1/secrets", "kube-system", &name);
        has_expired = true;
    }
    if !round.changes.tokens.is_empty() || has_expired || round.changes.has_new_cluster_info {
        sign(round);
    }
}

/// Signs cluster-info with every token that is for signing.
fn sign(round: &mut Round<'_>) {
    let Some(info) = round.store.get("v1/configmaps", "kube-public", "cluster-info") else { return };
    let Tokens { by_name, payload, signatures, .. } = &mut *round.tokens;
    let text = info["data"]["kubeconfig"].as_str().unwrap_or("");
    if payload != text {
        text.clone_into(payload);
        signatures.clear();
    }
    let signers = by_name.values().filter(|token| token.signs);
    let wanted: BTreeSet<_> = signers.map(|token| (token.id.clone(), token.secret.clone())).collect();
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
