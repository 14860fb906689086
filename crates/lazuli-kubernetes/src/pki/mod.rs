//! Keys and certificates of a cluster, and what is made from them.
//!
//! | module | what |
//! |---|---|
//! | [`CertificateAuthority`] | the cluster's own authorities: cluster CA, etcd CA, front-proxy CA |
//! | [`ServiceAccountKey`] | the key that signs tokens of service accounts |
//! | [`derived`] | bootstrap tokens and certificate keys: functions of the cluster CA's key, stored nowhere |
//! | [`ClientIdentity`], [`admin_identity`] | a short-lived client certificate, made when it is needed |
//! | [`public_key_hash`], [`expiry`], [`certificates`] | what is told of a certificate, and those of a bundle |
//! | [`kubeconfig`] | the file `kubectl` reads |
//! | [`ClusterPki`] | the files of `/etc/kubernetes/pki`, read and checked |
//!
//! All keys are ECDSA P-256. Time comes in as a value; only making a key or a nonce takes randomness.

mod authority;
mod certificate;
pub mod derived;
mod error;
mod files;
mod identity;
mod kubeconfig;
mod secret;
mod service_account;
#[cfg(test)]
mod tests;

pub use authority::CertificateAuthority;
pub use certificate::{certificates, expiry, public_key_hash};
pub use error::PkiError;
pub use files::{ClusterPki, PkiFileError};
pub use identity::{ClientIdentity, admin_identity};
pub use kubeconfig::{Kubeconfig, asking_kubeconfig, exec_credential, kubeconfig};
pub use secret::Secret;
pub use service_account::ServiceAccountKey;
