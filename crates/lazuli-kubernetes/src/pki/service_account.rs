//! The key that signs tokens of service accounts.

use rcgen::KeyPair;

use super::authority::unix;
use super::{PkiError, Secret};

const KEY: &str = "the service account key";

/// The key pair with which the controller manager signs tokens of service accounts and the API server checks them.
#[derive(Debug, Clone)]
pub struct ServiceAccountKey {
    /// The public key, PEM; while it is rotated followed by another one that tokens may be signed with. kubeadm compares
    /// the first with the private key, API servers check tokens with each of them.
    pub public_pem: String,
    /// The private key, PKCS#8 in PEM.
    pub private_pem: Secret,
}

impl ServiceAccountKey {
    /// Makes one.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> Result<Self, PkiError> {
        let key = KeyPair::generate().map_err(|e| PkiError::make(KEY, e))?;
        Ok(ServiceAccountKey {
            public_pem: unix(key.public_key_pem()),
            private_pem: Secret::new(unix(key.serialize_pem())),
        })
    }

    /// The same, with another key whose tokens are good as well.
    #[must_use]
    pub fn trusting(mut self, public_pem: &str) -> Self {
        self.public_pem.push_str(public_pem);
        self
    }

    /// Takes one that was made before.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn from_pem(private_pem: &str) -> Result<Self, PkiError> {
        let key = KeyPair::from_pem(private_pem).map_err(|e| PkiError::read(KEY, e))?;
        Ok(ServiceAccountKey {
            public_pem: unix(key.public_key_pem()),
            private_pem: Secret::new(private_pem),
        })
    }
}
