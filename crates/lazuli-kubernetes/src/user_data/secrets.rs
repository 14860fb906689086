//! The secrets in a node's user-data.

use std::fmt;

use super::{NodeRole, SIGNING_CERTIFICATE, UserDataError};
use crate::keyring::ClusterKeys;
use crate::pki::derived::{BootstrapToken, CertificateKey, bootstrap_token, certificate_key};
use crate::pki::{CertificateAuthority, PkiError, ServiceAccountKey};

/// What a node is trusted with at its first boot.
#[derive(Clone)]
pub enum BootSecrets {
    /// The first node makes the cluster from its keys.
    Init {
        /// The cluster CA.
        cluster_ca: CertificateAuthority,
        /// The etcd CA.
        etcd_ca: CertificateAuthority,
        /// The front-proxy CA.
        front_proxy_ca: CertificateAuthority,
        /// The service account key.
        service_account: ServiceAccountKey,
    },
    /// A control-plane node that joins. It fetches the keys from the cluster.
    JoinControlPlane {
        /// With which it joins; valid for a short time, and once.
        token: BootstrapToken,
        /// By which it knows the cluster: `sha256:…` of the public keys of the authorities that are trusted.
        ca_hashes: Vec<String>,
        /// While two are trusted, the certificate of the one that signs.
        signing_certificate: Option<String>,
        /// With which the keys are encrypted on their way.
        certificate_key: CertificateKey,
    },
    /// A worker.
    JoinWorker {
        /// With which it joins; valid for a short time, and once.
        token: BootstrapToken,
        /// By which it knows the cluster: `sha256:…` of the public keys of the authorities that are trusted.
        ca_hashes: Vec<String>,
    },
}

/// Why a node's secrets cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootSecretsError {
    /// A key that is not made yet.
    #[error("the cluster's {0} is not made yet, and its first node needs it")]
    Missing(&'static str),
    /// A key that cannot be read.
    #[error(transparent)]
    Pki(#[from] PkiError),
}

impl BootSecrets {
    /// The secrets of a node, from its cluster's keys: the same at each call.
    ///
    /// # Errors
    /// When a key that the role needs is missing, or cannot be read.
    pub fn of(keys: &ClusterKeys, role: NodeRole, node: &str) -> Result<Self, BootSecretsError> {
        let missing = BootSecretsError::Missing;
        let token = bootstrap_token(&keys.cluster_ca, node);
        Ok(match role {
            NodeRole::FirstControlPlane => BootSecrets::Init {
                cluster_ca: keys.cluster_ca.clone(),
                etcd_ca: keys.etcd_ca.clone().ok_or(missing("etcd CA"))?,
                front_proxy_ca: keys.front_proxy_ca.clone().ok_or(missing("front-proxy CA"))?,
                service_account: keys.service_account.clone().ok_or(missing("service account key"))?,
            },
            NodeRole::FurtherControlPlane => BootSecrets::JoinControlPlane {
                token,
                ca_hashes: keys.cluster_ca.hashes()?,
                signing_certificate: keys.cluster_ca.has_another().then(|| keys.cluster_ca.signer_pem()),
                certificate_key: certificate_key(&keys.cluster_ca, node),
            },
            NodeRole::Worker => BootSecrets::JoinWorker { token, ca_hashes: keys.cluster_ca.hashes()? },
        })
    }

    /// Fails unless these are the secrets of that role.
    pub(super) fn fit(&self, node: &str, role: NodeRole) -> Result<(), UserDataError> {
        match (self, role) {
            (BootSecrets::Init { .. }, NodeRole::FirstControlPlane)
            | (BootSecrets::JoinControlPlane { .. }, NodeRole::FurtherControlPlane)
            | (BootSecrets::JoinWorker { .. }, NodeRole::Worker) => Ok(()),
            _ => Err(UserDataError::WrongSecrets { node: node.to_owned() }),
        }
    }

    /// The files with keys, by path, with the permissions they have: on the first node only. The others fetch them, or
    /// never get them; but for the certificate that kubeadm does not keep.
    pub(super) fn files(&self) -> Vec<(&'static str, &'static str, &str)> {
        if let BootSecrets::JoinControlPlane { signing_certificate: Some(certificate), .. } = self {
            return vec![(SIGNING_CERTIFICATE, "0644", certificate)];
        }
        let BootSecrets::Init { cluster_ca, etcd_ca, front_proxy_ca, service_account } = self else {
            return Vec::new();
        };
        vec![
            ("/etc/kubernetes/pki/ca.crt", "0644", &cluster_ca.certificate_pem),
            ("/etc/kubernetes/pki/ca.key", "0600", cluster_ca.private_key_pem.expose()),
            ("/etc/kubernetes/pki/etcd/ca.crt", "0644", &etcd_ca.certificate_pem),
            ("/etc/kubernetes/pki/etcd/ca.key", "0600", etcd_ca.private_key_pem.expose()),
            ("/etc/kubernetes/pki/front-proxy-ca.crt", "0644", &front_proxy_ca.certificate_pem),
            ("/etc/kubernetes/pki/front-proxy-ca.key", "0600", front_proxy_ca.private_key_pem.expose()),
            ("/etc/kubernetes/pki/sa.pub", "0644", &service_account.public_pem),
            ("/etc/kubernetes/pki/sa.key", "0600", service_account.private_pem.expose()),
        ]
    }
}

impl fmt::Debug for BootSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BootSecrets::Init { .. } => "Init(hidden)",
            BootSecrets::JoinControlPlane { .. } => "JoinControlPlane(hidden)",
            BootSecrets::JoinWorker { .. } => "JoinWorker(hidden)",
        })
    }
}
