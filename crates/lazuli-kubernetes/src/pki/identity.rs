//! Client certificates for people and for Lazuli itself.

use std::time::Duration;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;

use super::authority::{period, unix};
use super::{CertificateAuthority, PkiError, Secret};

/// The attribute `O` once more: the library keeps one value for each type, and a user may be in two groups.
const ORGANISATION: [u64; 4] = [2, 5, 4, 10];

/// A client certificate with its private key.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key, PKCS#8 in PEM.
    pub private_key_pem: Secret,
    /// Until when it is accepted.
    pub not_after: OffsetDateTime,
}

/// Makes a client certificate of the cluster CA for a user of one or two groups; `system:masters` may do everything,
/// before any role exists.
///
/// # Errors
/// When there are more than two groups, or the certificate cannot be made.
pub fn admin_identity(
    ca: &CertificateAuthority,
    user: &str,
    groups: &[&str],
    valid: Duration,
    now: OffsetDateTime,
) -> Result<ClientIdentity, PkiError> {
    let what = "the client certificate";
    let mut name = DistinguishedName::new();
    for (index, group) in groups.iter().enumerate() {
        let ty = match index {
            0 => DnType::OrganizationName,
            1 => DnType::CustomDnType(ORGANISATION.to_vec()),
            _ => return Err(PkiError::TooManyGroups(groups.len())),
        };
        name.push(ty, *group);
    }
    name.push(DnType::CommonName, user);
    let key = KeyPair::generate().map_err(|e| PkiError::make(what, e))?;
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = time::Duration::try_from(valid)
        .ok()
        .and_then(|valid| period(now, valid))
        .ok_or_else(|| PkiError::make(what, "its validity is out of range"))?;
    Ok(ClientIdentity {
        certificate_pem: ca.sign(&params, &key)?,
        private_key_pem: Secret::new(unix(key.serialize_pem())),
        not_after: params.not_after,
    })
}
