//! Certificate authorities.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::certificate::{certificates, common_name, look_at, public_key_hash};
use super::{PkiError, Secret};

/// A certificate holds from a little before now: clocks of nodes may be behind.
pub(super) const CLOCK_SKEW: Duration = Duration::minutes(5);

/// A certificate authority of a cluster: a certificate that it signed itself, and its private key.
#[derive(Clone)]
#[non_exhaustive]
pub struct CertificateAuthority {
    /// The certificate, PEM; while the authority is rotated followed by the other one that is trusted. kubeadm signs with
    /// the first, everything that checks certificates takes each of them.
    pub certificate_pem: String,
    /// The private key, PKCS#8 in PEM.
    pub private_key_pem: Secret,
    key_der: Zeroizing<Vec<u8>>,
}

impl CertificateAuthority {
    /// Makes an authority that holds for `years` of 365 days from `now`.
    ///
    /// # Errors
    /// When no key can be made, or the time is out of range.
    pub fn new(common_name: &str, years: u32, now: OffsetDateTime) -> Result<Self, PkiError> {
        let what = "the certificate authority";
        let key = KeyPair::generate().map_err(|e| PkiError::make(what, e))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = period(now, Duration::days(365 * i64::from(years)))
            .ok_or_else(|| PkiError::make(what, format!("{years} years are out of range")))?;
        let certificate = params.self_signed(&key).map_err(|e| PkiError::make(what, e))?;
        Ok(CertificateAuthority {
            certificate_pem: pem(&certificate),
            private_key_pem: Secret::new(unix(key.serialize_pem())),
            key_der: Zeroizing::new(key.serialize_der()),
        })
    }

    /// Takes an authority that was made before.
    ///
    /// # Errors
    /// When one of the two cannot be read, or they do not belong together.
    pub fn from_pem(certificate_pem: &str, private_key_pem: &str) -> Result<Self, PkiError> {
        let key = KeyPair::from_pem(private_key_pem).map_err(|e| PkiError::read("the private key", e))?;
        let (same, common_name) = look_at(certificate_pem, |certificate| {
            let public_key = &certificate.public_key().subject_public_key.data;
            (public_key.as_ref() == key.public_key_raw(), common_name(certificate))
        })?;
        if !same {
            return Err(PkiError::Mismatch { common_name });
        }
        Ok(CertificateAuthority {
            certificate_pem: certificate_pem.to_owned(),
            private_key_pem: Secret::new(private_key_pem),
            key_der: Zeroizing::new(key.serialize_der()),
        })
    }

    /// The certificate of the key that signs, alone.
    pub fn signer_pem(&self) -> String {
        certificates(&self.certificate_pem).next().map_or_else(String::new, |first| format!("{first}\n"))
    }

    /// True when another authority is trusted beside it.
    pub fn has_another(&self) -> bool {
        certificates(&self.certificate_pem).nth(1).is_some()
    }

    /// The same, with other certificates that are trusted as well.
    #[must_use]
    pub fn trusting<'a>(mut self, others: impl Iterator<Item = &'a str>) -> Self {
        for other in others {
            self.certificate_pem.push_str(other);
            self.certificate_pem.push('\n');
        }
        self
    }

    /// The hashes that kubeadm pins by, of all certificates: any of them suffices.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn hashes(&self) -> Result<Vec<String>, PkiError> {
        certificates(&self.certificate_pem).map(public_key_hash).collect()
    }

    /// The private key, PKCS#8 in DER: what [`derived`](super::derived) secrets come from.
    pub(super) fn key_der(&self) -> &[u8] {
        &self.key_der
    }

    /// Signs a certificate for this public key.
    pub(super) fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Result<String, PkiError> {
        let what = "the certificate";
        let own = KeyPair::try_from(self.key_der()).map_err(|e| PkiError::make(what, e))?;
        let issuer =
            Issuer::from_ca_cert_pem(&self.certificate_pem, own).map_err(|e| PkiError::make(what, e))?;
        params
            .signed_by(key, &issuer)
            .map(|certificate| pem(&certificate))
            .map_err(|e| PkiError::make(what, e))
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}

/// From a little before `now` until `valid` after it.
pub(super) fn period(now: OffsetDateTime, valid: Duration) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let whole = now.replace_nanosecond(0).ok()?;
    Some((whole.checked_sub(CLOCK_SKEW)?, whole.checked_add(valid)?))
}

fn pem(certificate: &Certificate) -> String {
    unix(certificate.pem())
}

/// On Windows the library ends lines as Windows does; these files are read on Linux.
pub(super) fn unix(pem: String) -> String {
    if pem.contains('\r') { pem.replace('\r', "") } else { pem }
}
