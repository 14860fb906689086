//! Which authority signed a certificate, and which authorities its owner trusts, by the hashes that kubeadm pins them by.

use serde::{Deserialize, Serialize};
use x509_parser::parse_x509_certificate;
use x509_parser::pem::Pem;

use crate::random;

/// What one has by a file of certificates: the first is that of the authority which signs, all are trusted.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trust {
    pub(crate) signs: String,
    pub(crate) trusts: Vec<String>,
}

impl Trust {
    /// Of such a file.
    pub(crate) fn of(bundle_pem: &str) -> Self {
        let trusts = hashes(bundle_pem);
        Self { signs: trusts.first().cloned().unwrap_or_default(), trusts }
    }

    /// Whether a certificate of the other is good here. Where nothing is known of either, nobody models it.
    pub(crate) fn accepts(&self, other: &Self) -> bool {
        self.trusts.is_empty() || other.signs.is_empty() || self.trusts.contains(&other.signs)
    }

    /// Whether both accept each other.
    pub(crate) fn gets_on_with(&self, other: &Self) -> bool {
        self.accepts(other) && other.accepts(self)
    }
}

/// The certificates of a file, each as a text of its own.
pub(crate) fn certificates(pem: &str) -> impl Iterator<Item = &str> {
    let blocks = pem.split_inclusive("-----END CERTIFICATE-----");
    blocks.filter_map(|block| block.find("-----BEGIN CERTIFICATE-----").map(|at| &block[at..]))
}

/// `sha256:` and the hash of the public key, of each certificate in a file.
pub(crate) fn hashes(pem: &str) -> Vec<String> {
    let blocks = Pem::iter_from_buffer(pem.as_bytes()).filter_map(Result::ok);
    let hash = |block: Pem| {
        let (_, certificate) = parse_x509_certificate(&block.contents).ok()?;
        Some(format!("sha256:{}", random::sha256_hex(certificate.public_key().raw)))
    };
    blocks.filter_map(hash).collect()
}
