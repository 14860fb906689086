//! Client certificates: a PEM file to signed client assertions.
//!
//! Entra accepts, instead of a secret, a short-lived token that the application signs with the private key of a
//! certificate it has registered. The signature is PS256 and the certificate is named by `x5t#S256`, as Microsoft's own
//! libraries do it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{KeyPair as _, RSA_PSS_SHA256};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use time::OffsetDateTime;

use super::der;

/// How long an assertion is good for; a new one is signed for every token request.
const LIFETIME: Duration = Duration::from_secs(600);

/// Why a certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No `BEGIN CERTIFICATE`.
    #[error("there is no certificate in it (a block `BEGIN CERTIFICATE`)")]
    NoCertificate,
    /// No private key.
    #[error("there is no private key in it (a block `BEGIN PRIVATE KEY` or `BEGIN RSA PRIVATE KEY`)")]
    NoKey,
    /// The key has a passphrase of its own.
    #[error(
        "its private key is encrypted with a passphrase of its own: decrypt it with `openssl pkey -in KEY -out PLAIN`, \
         or let Lazuli keep it encrypted"
    )]
    Encrypted,
    /// An elliptic-curve key.
    #[error(
        "its private key is no RSA key; Entra takes RSA keys of 2048 bits or more for client certificates"
    )]
    NotRsa,
    /// Too short, or broken.
    #[error("its private key cannot be used: {0}")]
    BadKey(String),
    /// They do not belong together.
    #[error("its private key belongs to none of its certificates")]
    Mismatch,
    /// Its time is over.
    #[error("the certificate expired on {0}")]
    Expired(String),
    /// Its time has not come.
    #[error("the certificate is valid only from {0} on; is this computer's clock right?")]
    NotYet(String),
}

/// A certificate with its private key.
#[derive(Clone)]
pub struct SigningCertificate {
    key: Arc<KeyPair>,
    /// SHA-256 of the certificate, base64 without padding: `x5t#S256`.
    thumbprint: String,
    /// When it expires.
    pub expires: OffsetDateTime,
}

impl fmt::Debug for SigningCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningCertificate")
            .field("thumbprint", &self.thumbprint)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl SigningCertificate {
    /// Reads PEM: `private` holds the key, and the certificate too unless that is in `public`. Of several certificates
    /// the one of the key is taken.
    ///
    /// # Errors
    /// When one of them is missing, they do not belong together, or `now` is not in the certificate's time.
    pub fn read(
        private: &[u8],
        public: Option<&[u8]>,
        now: OffsetDateTime,
    ) -> Result<SigningCertificate, CertificateError> {
        let key = rsa_key(private)?;
        let modulus_and_exponent = key.public_key().as_ref();
        let certificates: Vec<CertificateDer<'_>> =
            CertificateDer::pem_slice_iter(public.unwrap_or(private)).filter_map(Result::ok).collect();
        if certificates.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        let certificate = certificates
            .iter()
            .find(|der| der.windows(modulus_and_exponent.len()).any(|part| part == modulus_and_exponent))
            .ok_or(CertificateError::Mismatch)?;
        let (from, expires) = der::validity(certificate).ok_or(CertificateError::NoCertificate)?;
        if now > expires {
            return Err(CertificateError::Expired(expires.date().to_string()));
        }
        if now < from {
            return Err(CertificateError::NotYet(from.date().to_string()));
        }
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate));
        Ok(SigningCertificate { key: Arc::new(key), thumbprint, expires })
    }

    /// A signed token that says who asks, for `audience`, good from `now` on.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    fn assertion(&self, client_id: &str, audience: &str, now: SystemTime) -> Result<String, &'static str> {
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let claims = json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": uuid::Uuid::new_v4(),
            "nbf": seconds, "iat": seconds, "exp": seconds + LIFETIME.as_secs(),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| "the client assertion cannot be signed")?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn rsa_key(pem: &[u8]) -> Result<KeyPair, CertificateError> {
    if pem.windows(27).any(|part| part == b"BEGIN ENCRYPTED PRIVATE KEY")
        || pem.windows(22).any(|part| part == b"Proc-Type: 4,ENCRYPTED")
    {
        return Err(CertificateError::Encrypted);
    }
    let read = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| CertificateError::NoKey)? {
        PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
        _ => return Err(CertificateError::NotRsa),
    };
    read.map_err(|rejected| match rejected.to_string().as_str() {
        "WrongAlgorithm" => CertificateError::NotRsa,
        "TooSmall" => CertificateError::BadKey("it has less than 2048 bits".to_owned()),
        other => CertificateError::BadKey(other.to_owned()),
    })
}

/// Signs an assertion whenever the identity library wants one.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) certificate: SigningCertificate,
    pub(crate) client_id: String,
    /// The address tokens are asked of.
    pub(crate) audience: String,
}

#[async_trait]
impl ClientAssertion for Signer {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.certificate
            .assertion(&self.client_id, &self.audience, SystemTime::now())
            .map_err(|reason| azure_core::Error::with_message(ErrorKind::Credential, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = include_str!("../../../../testdata/certificates/app.pem");
    const PKCS8: &str = include_str!("../../../../testdata/certificates/app-key.pem");
    const PKCS1: &str = include_str!("../../../../testdata/certificates/app-key-pkcs1.pem");
    const OTHER: &str = include_str!("../../../../testdata/certificates/other.pem");
    const EC: &str = include_str!("../../../../testdata/certificates/ec-key.pem");
    const ENCRYPTED: &str = include_str!("../../../../testdata/certificates/encrypted-key.pem");

    fn now() -> OffsetDateTime {
        time::macros::datetime!(2026-11-28 12:00 UTC)
    }

    fn read(private: &str, public: Option<&str>) -> Result<SigningCertificate, CertificateError> {
        SigningCertificate::read(private.as_bytes(), public.map(str::as_bytes), now())
    }

    #[test]
    fn one_file_or_two_and_both_forms_of_rsa_keys_give_the_same_certificate() {
        let whole = format!("{PKCS8}{CERTIFICATE}");
        let chain = format!("{OTHER}{CERTIFICATE}{PKCS8}");
        let expected = read(&whole, None).unwrap().thumbprint;
        for (private, public) in [
            (PKCS8, Some(CERTIFICATE)),
            (PKCS1, Some(CERTIFICATE)),
            (PKCS8, Some(whole.as_str())),
            (chain.as_str(), None),
        ] {
            assert_eq!(read(private, public).unwrap().thumbprint, expected);
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (private, public, expected) in [
            (CERTIFICATE, None, CertificateError::NoKey),
            (PKCS8, None, CertificateError::NoCertificate),
            (PKCS8, Some("nothing"), CertificateError::NoCertificate),
            (PKCS8, Some(OTHER), CertificateError::Mismatch),
            (EC, Some(CERTIFICATE), CertificateError::NotRsa),
            (ENCRYPTED, Some(CERTIFICATE), CertificateError::Encrypted),
            ("", None, CertificateError::NoKey),
        ] {
            assert_eq!(read(private, public).unwrap_err(), expected);
        }
        let late = time::macros::datetime!(2999-01-01 0:00 UTC);
        let early = time::macros::datetime!(1999-01-01 0:00 UTC);
        let at = |moment| {
            SigningCertificate::read(PKCS8.as_bytes(), Some(CERTIFICATE.as_bytes()), moment).unwrap_err()
        };
        assert!(matches!(at(late), CertificateError::Expired(_)));
        assert!(matches!(at(early), CertificateError::NotYet(_)));
    }

    #[test]
    fn an_assertion_is_signed_by_the_certificate_it_names() {
        let certificate = read(PKCS8, Some(CERTIFICATE)).unwrap();
        let moment = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let assertion = certificate.assertion("app", "https://login.example/t/token", moment).unwrap();
        let parts: Vec<&str> = assertion.split('.').collect();
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&decode(parts[0])).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&decode(parts[1])).unwrap();
        assert_eq!(
            header,
            json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": "7YQrAmW03GgrmpzRbj7ydwGdvc1J9YLmAS-svCcysXg" })
        );
        assert_eq!(claims["aud"], "https://login.example/t/token");
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("app"), &json!("app")));
        assert_eq!(claims["exp"], 1_800_000_600);
        let public = ring::signature::UnparsedPublicKey::new(
            &ring::signature::RSA_PSS_2048_8192_SHA256,
            certificate.key.public_key().as_ref(),
        );
        public.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &decode(parts[2])).unwrap();
    }

    #[test]
    fn debug_output_holds_no_key() {
        let shown = format!("{:?}", read(PKCS8, Some(CERTIFICATE)).unwrap());
        assert!(shown.contains("thumbprint") && !shown.to_lowercase().contains("key"), "{shown}");
    }
}
