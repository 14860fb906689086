//! Keys are rotated in three steps: the next key is trusted, it signs, the old one is trusted no more. After each of them
//! whatever signs or checks with the key has to be started anew: one that was not would refuse what others signed.

use lazuli_core::Json;
use lazuli_core::provider::{Outcome, ProviderError};
use time::OffsetDateTime;

use super::{failed, new_authority};
use crate::pki::{CertificateAuthority, ServiceAccountKey, certificates};

/// How many steps a key is rotated in.
pub const ROTATION_STEPS: i64 = 3;

/// How far a key has been rotated: steps since it was made.
pub(super) fn steps(object: &Json) -> i64 {
    object.pointer("/properties/rotation").and_then(Json::as_i64).unwrap_or(0)
}

type Made = Vec<(&'static str, String)>;

fn need(known: &Json, name: &'static str) -> Result<String, ProviderError> {
    known["properties"][name].as_str().map(str::to_owned).ok_or_else(|| {
        let message = format!("the state has no {name} of the key, which the rotation goes on with");
        ProviderError::own("KeyNotKnown", message, Outcome::Nothing)
            .advise("Put back a backup of the state that has it.")
    })
}

/// An authority after one more step. Of its certificates the first is that of the key which signs. The old private key
/// goes as soon as it signs no more: certificates are checked without it.
pub(super) fn authority(known: &Json, body: &Json, now: OffsetDateTime) -> Result<Made, ProviderError> {
    let (bundle, key) = (need(known, "certificate")?, need(known, "privateKey")?);
    let current = CertificateAuthority::from_pem(&bundle, &key).map_err(failed)?;
    let mut next_key = None;
    let after = match steps(body) % ROTATION_STEPS {
        1 => {
            let next = new_authority(body, now).map_err(failed)?;
            next_key = Some(next.private_key_pem.expose().to_owned());
            current.trusting(certificates(&next.certificate_pem))
        }
        2 => {
            let key = need(known, "nextPrivateKey")?;
            let own = |certificate: &&str| CertificateAuthority::from_pem(certificate, &key).is_ok();
            let next = certificates(&bundle).find(own).unwrap_or_default();
            let others = certificates(&bundle).filter(|certificate| *certificate != next);
            CertificateAuthority::from_pem(&format!("{next}\n"), &key).map_err(failed)?.trusting(others)
        }
        _ => CertificateAuthority::from_pem(&current.signer_pem(), &key).map_err(failed)?,
    };
    let mut made = super::authority(&after).map_err(failed)?;
    made.extend(next_key.map(|key| ("nextPrivateKey", key)));
    Ok(made)
}

/// The keys of a service account key after one more step.
pub(super) fn service_account(known: &Json, steps: i64) -> Result<Made, ProviderError> {
    let (private, public) = (need(known, "privateKey")?, need(known, "publicKey")?);
    Ok(match steps % ROTATION_STEPS {
        1 => {
            let next = ServiceAccountKey::new().map_err(failed)?;
            vec![
                ("privateKey", private),
                ("publicKey", public),
                ("nextPrivateKey", next.private_pem.expose().to_owned()),
                ("nextPublicKey", next.public_pem),
            ]
        }
        2 => vec![
            ("privateKey", need(known, "nextPrivateKey")?),
            ("publicKey", need(known, "nextPublicKey")?),
            ("previousPublicKey", public),
        ],
        _ => vec![("privateKey", private), ("publicKey", public)],
    })
}
