//! The provider `tls`: keys and certificates. They live in the state, encrypted, and nowhere else; what is observed of
//! them is what was recorded.

use std::fmt;
use std::sync::Arc;

use lazuli_core::Json;
use lazuli_core::plan::Operation;
use lazuli_core::provider::{Observation, Outcome, Provider, ProviderError, Put, Wanted, Watch};
use lazuli_core::resource::{ResourceId, ResourceType};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::keyring::KeyRing;
use crate::pki::{CertificateAuthority, PkiError, ServiceAccountKey, expiry, public_key_hash};

mod rotation;

pub use rotation::ROTATION_STEPS;
use rotation::steps;

/// Certificate authorities.
pub const CERTIFICATE_AUTHORITIES: &str = "Lazuli.Tls/clusters/certificateAuthorities";
/// Keys that sign tokens of service accounts.
pub const SERVICE_ACCOUNT_KEYS: &str = "Lazuli.Tls/clusters/serviceAccountKeys";

const DEFAULT_YEARS: u64 = 10;

/// Makes keys once and remembers them in a [`KeyRing`].
#[derive(Clone)]
pub struct TlsProvider {
    keys: KeyRing,
    now: Arc<dyn Fn() -> OffsetDateTime + Send + Sync>,
}

impl TlsProvider {
    /// A provider that works with these keys, at the time that `now` tells.
    pub fn new(keys: KeyRing, now: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        TlsProvider { keys, now: Arc::new(now) }
    }

    /// A new object's keys and what is told of them.
    fn make(&self, ty: &ResourceType, body: &Json) -> Result<Vec<(&'static str, String)>, ProviderError> {
        if ty.name.eq_ignore_ascii_case(CERTIFICATE_AUTHORITIES) {
            new_authority(body, (self.now)()).and_then(|ca| authority(&ca)).map_err(failed)
        } else if ty.name.eq_ignore_ascii_case(SERVICE_ACCOUNT_KEYS) {
            ServiceAccountKey::new().map(|key| service_account(&key)).map_err(failed)
        } else {
            let message = format!("the provider tls knows no type {}", ty.name);
            Err(ProviderError::own("UnknownType", message, Outcome::Nothing))
        }
    }
}

/// A new authority of this name.
fn new_authority(body: &Json, now: OffsetDateTime) -> Result<CertificateAuthority, PkiError> {
    let properties = &body["properties"];
    let name = properties["commonName"].as_str().unwrap_or("kubernetes");
    let years = properties["validityYears"].as_u64().unwrap_or(DEFAULT_YEARS);
    CertificateAuthority::new(name, u32::try_from(years).unwrap_or(u32::MAX), now)
}

/// What is observed of an authority that was made elsewhere.
///
/// # Errors
/// When its certificate cannot be read.
pub fn of_authority(body: &Json, ca: &CertificateAuthority) -> Result<Json, PkiError> {
    Ok(observed(body, authority(ca)?))
}

/// What is observed of a service account key that was made elsewhere.
pub fn of_service_account(body: &Json, key: &ServiceAccountKey) -> Json {
    observed(body, service_account(key))
}

fn service_account(key: &ServiceAccountKey) -> Vec<(&'static str, String)> {
    vec![("publicKey", key.public_pem.clone()), ("privateKey", key.private_pem.expose().to_owned())]
}

fn authority(ca: &CertificateAuthority) -> Result<Vec<(&'static str, String)>, PkiError> {
    let until = expiry(&ca.certificate_pem)?
        .format(&Rfc3339)
        .map_err(|e| PkiError::Read { what: "the certificate's end", why: e.to_string() })?;
    Ok(vec![
        ("publicKeyHash", public_key_hash(&ca.certificate_pem)?),
        ("notAfter", until),
        ("privateKey", ca.private_key_pem.expose().to_owned()),
        ("certificate", ca.certificate_pem.clone()),
    ])
}

/// An object: what is wanted of it, and what was made.
fn observed(body: &Json, made: Vec<(&'static str, String)>) -> Json {
    let mut object = body.clone();
    if object.pointer("/properties").is_none_or(|properties| !properties.is_object()) {
        object = serde_json::json!({ "properties": {} });
    }
    for (name, value) in made {
        object["properties"][name] = value.into();
    }
    object
}

fn failed(error: PkiError) -> ProviderError {
    ProviderError::own("KeyNotMade", error.to_string(), Outcome::Nothing)
}

/// What is made and never sent: an update keeps it.
const MADE: [&str; 9] = [
    "certificate",
    "privateKey",
    "publicKey",
    "publicKeyHash",
    "notAfter",
    "nextPrivateKey",
    "nextPublicKey",
    "previousPublicKey",
    "importedWith",
];

#[async_trait::async_trait]
impl Provider for TlsProvider {
    async fn observe(&self, wanted: &[Wanted]) -> Result<Observation, ProviderError> {
        let known = wanted.iter().filter_map(|w| Some((w.id.clone(), self.keys.recall(&w.id)?)));
        Ok(Observation { objects: known.collect(), requests: 0 })
    }

    async fn read(&self, _: &ResourceType, id: &ResourceId) -> Result<Option<Json>, ProviderError> {
        Ok(self.keys.recall(id))
    }

    /// Keys are made once. What exists already is kept whatever the operation is: keys that may be in use must not
    /// change because something else did. They are rotated when `rotation` is one step further; other new ones come from
    /// deleting and creating.
    async fn put(&self, request: Put<'_>, _: &dyn Watch) -> Result<Json, ProviderError> {
        let made = match self.keys.recall(request.id) {
            Some(known) if steps(request.body) == steps(&known) + 1 => {
                let is_authority = request.ty.name.eq_ignore_ascii_case(CERTIFICATE_AUTHORITIES);
                match is_authority {
                    true => rotation::authority(&known, request.body, (self.now)())?,
                    false => rotation::service_account(&known, steps(request.body))?,
                }
            }
            Some(known) if steps(request.body) != steps(&known) => {
                let (at, asked) = (steps(&known), steps(request.body));
                let message =
                    format!("{} was rotated {at} steps and cannot be at {asked} next", request.id.name());
                return Err(ProviderError::own("KeyNotRotated", message, Outcome::Nothing)
                    .advise("Plan again: the state has changed since this was planned."));
            }
            Some(known) => MADE
                .into_iter()
                .filter_map(|name| Some((name, known["properties"][name].as_str()?.to_owned())))
                .collect(),
            None if request.operation == Operation::Update => {
                let message = format!("the keys of {} are not in the state", request.id.name());
                return Err(ProviderError::own("KeyNotKnown", message, Outcome::Nothing).advise(
                    "Put back a backup of the state that has them: new keys would lock every node out.",
                ));
            }
            None => self.make(request.ty, request.body)?,
        };
        let object = observed(request.body, made);
        self.keys.learn(request.id, &object);
        Ok(object)
    }

    async fn delete(&self, _: &ResourceType, id: &ResourceId, _: &dyn Watch) -> Result<(), ProviderError> {
        self.keys.forget(id);
        Ok(())
    }

    /// Nothing here takes time.
    async fn resume(&self, _: &str, _: &dyn Watch) -> Result<(), ProviderError> {
        Ok(())
    }
}

impl fmt::Debug for TlsProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsProvider").field("keys", &self.keys).finish_non_exhaustive()
    }
}
