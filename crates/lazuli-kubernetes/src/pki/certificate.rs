//! What is read from certificates.

use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::PkiError;

const CERTIFICATE: &str = "the certificate";

/// The hash that kubeadm pins a cluster's CA by: `sha256:` and the digest of its public key (SubjectPublicKeyInfo, DER).
///
/// # Errors
/// When this is not a certificate in PEM.
pub fn public_key_hash(certificate_pem: &str) -> Result<String, PkiError> {
    look_at(certificate_pem, |certificate| {
        format!("sha256:{}", hex(digest(&SHA256, certificate.public_key().raw).as_ref()))
    })
}

/// The certificates of a PEM text, each as a text of its own, in their order.
pub fn certificates(pem: &str) -> impl Iterator<Item = &str> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    pem.split_inclusive(END).filter_map(|block| block.find(BEGIN).map(|at| &block[at..]))
}

/// Until when a certificate holds.
///
/// # Errors
/// When this is not a certificate in PEM.
pub fn expiry(certificate_pem: &str) -> Result<OffsetDateTime, PkiError> {
    look_at(certificate_pem, |certificate| certificate.validity().not_after.to_datetime())
}

/// Reads the first certificate of a PEM text.
pub(super) fn look_at<T>(pem: &str, look: impl FnOnce(&X509Certificate<'_>) -> T) -> Result<T, PkiError> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| PkiError::read(CERTIFICATE, e))?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|e| PkiError::read(CERTIFICATE, e))?;
    Ok(look(&certificate))
}

/// The common name, for messages.
pub(super) fn common_name(certificate: &X509Certificate<'_>) -> String {
    let mut names = certificate.subject().iter_common_name();
    names.next().and_then(|name| name.as_str().ok()).unwrap_or("").to_owned()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
