//! Secrets that are functions of the cluster CA's key and a node's name.
//!
//! A node's name never comes back, so neither does its token. Whoever holds the cluster CA's key may do everything
//! anyway, so nothing is lost by deriving them from it; and much is won: they are stored nowhere, and the user-data of
//! a node is the same after any crash.

use std::collections::BTreeMap;
use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::certificate::hex;
use super::{CertificateAuthority, PkiError, Secret, ServiceAccountKey};

/// The token with which a node joins: `[a-z0-9]{6}.[a-z0-9]{16}`.
#[derive(Clone, PartialEq, Eq)]
pub struct BootstrapToken(Secret);

/// The key with which the files in the secret `kubeadm-certs` are encrypted: 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateKey(Zeroizing<[u8; 32]>);

/// The bootstrap token of a node.
pub fn bootstrap_token(ca: &CertificateAuthority, node: &str) -> BootstrapToken {
    let mut number = mac(ca, "bootstrap-token", node);
    let mut text = Zeroizing::new(String::with_capacity(23));
    for position in 0..22 {
        if position == 6 {
            text.push('.');
        }
        text.push(char::from(ALPHABET[usize::from(next_digit(&mut number))]));
    }
    BootstrapToken(Secret::new(text.as_str()))
}

/// The certificate key of a control-plane node that joins.
pub fn certificate_key(ca: &CertificateAuthority, node: &str) -> CertificateKey {
    CertificateKey(mac(ca, "certificate-key", node))
}

impl BootstrapToken {
    /// The first part, which is no secret: it names the Kubernetes secret `bootstrap-token-<id>`.
    pub fn id(&self) -> &str {
        self.0.expose().split('.').next().unwrap_or("")
    }

    /// The second part.
    pub fn secret(&self) -> &str {
        self.0.expose().split('.').nth(1).unwrap_or("")
    }

    /// The whole token in clear: for kubeadm's configuration only.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl CertificateKey {
    /// The key as kubeadm is told it: 64 hexadecimal digits.
    pub fn hex(&self) -> Secret {
        Secret::new(hex(self.0.as_slice()))
    }

    /// Encrypts one file as kubeadm does: AES-256-GCM, the nonce of 12 bytes in front.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, PkiError> {
        let what = "an encrypted file of kubeadm-certs";
        let failed = |_: ring::error::Unspecified| PkiError::make(what, "no randomness, or too large");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(failed)?;
        let mut text = Zeroizing::new(plain.to_vec());
        let key = self.key().map_err(failed)?;
        let nonce_of_key = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce_of_key, Aad::empty(), &mut text).map_err(failed)?;
        Ok([nonce.as_slice(), text.as_slice(), tag.as_ref()].concat())
    }

    /// Decrypts what [`seal`](Self::seal) or kubeadm encrypted.
    ///
    /// # Errors
    /// When it was changed or made with another key.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, PkiError> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(PkiError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| PkiError::Sealed)?;
        let mut text = Zeroizing::new(text.to_vec());
        let key = self.key().map_err(|_| PkiError::Sealed)?;
        let length = key.open_in_place(nonce, Aad::empty(), &mut text).map_err(|_| PkiError::Sealed)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// The data of the secret `kubeadm-certs`: all that a joining control-plane node needs, each file encrypted.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn kubeadm_certs(
        &self,
        cluster_ca: &CertificateAuthority,
        etcd_ca: &CertificateAuthority,
        front_proxy_ca: &CertificateAuthority,
        service_account: &ServiceAccountKey,
    ) -> Result<BTreeMap<&'static str, Vec<u8>>, PkiError> {
        let files = [
            ("ca.crt", cluster_ca.certificate_pem.as_str()),
            ("ca.key", cluster_ca.private_key_pem.expose()),
            ("etcd-ca.crt", &etcd_ca.certificate_pem),
            ("etcd-ca.key", etcd_ca.private_key_pem.expose()),
            ("front-proxy-ca.crt", &front_proxy_ca.certificate_pem),
            ("front-proxy-ca.key", front_proxy_ca.private_key_pem.expose()),
            ("sa.key", service_account.private_pem.expose()),
            ("sa.pub", &service_account.public_pem),
        ];
        files.into_iter().map(|(name, text)| Ok((name, self.seal(text.as_bytes())?))).collect()
    }

    fn key(&self) -> Result<LessSafeKey, ring::error::Unspecified> {
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, self.0.as_slice())?))
    }
}

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The number's last digit to the base of 36, and the number without it: 22 of 49 digits, so they are as good as even.
fn next_digit(number: &mut [u8; 32]) -> u8 {
    let mut rest = 0;
    for byte in number.iter_mut() {
        let part = rest * 256 + u16::from(*byte);
        *byte = u8::try_from(part / 36).unwrap_or(0); // a rest is below 36, so this is below 256
        rest = part % 36;
    }
    u8::try_from(rest).unwrap_or(0)
}

fn mac(ca: &CertificateAuthority, purpose: &str, node: &str) -> Zeroizing<[u8; 32]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, ca.key_der());
    let tag = hmac::sign(&key, format!("{purpose}:{node}").as_bytes());
    let mut bytes = Zeroizing::new([0; 32]);
    for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    bytes
}

impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootstrapToken({}.hidden)", self.id())
    }
}

impl fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateKey(hidden)")
    }
}
