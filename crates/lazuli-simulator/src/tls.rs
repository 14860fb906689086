//! TLS with a certificate authority of its own.
//!
//! The authority signs one server certificate and its key is then forgotten: nothing else can ever be signed with
//! it. A client trusts the simulator by trusting that authority and nobody else.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use time::{Duration, OffsetDateTime};

use crate::world_file::private;

/// Where the server's certificate comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TlsIdentity {
    /// Made at the start, never written anywhere.
    #[default]
    Ephemeral,
    /// Kept in this folder (`simulator-ca.pem`, `simulator-cert.pem`, `simulator-key.pem`), so that clients go on
    /// trusting it after a restart.
    Persist(PathBuf),
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate cannot be made.
    #[error("the simulator's certificate cannot be made")]
    Make(#[from] rcgen::Error),
    /// A kept certificate cannot be read or written.
    #[error("the simulator's certificate file {path} cannot be used")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A kept certificate is broken.
    #[error(
        "the simulator's certificate is not usable; delete the simulator-*.pem files to get new ones: {0}"
    )]
    Unusable(String),
}

/// A server certificate with what a client needs to trust it.
pub(crate) struct Identity {
    pub(crate) ca_pem: String,
    cert_pem: String,
    key_pem: String,
}

impl Identity {
    pub(crate) fn obtain(from: &TlsIdentity) -> Result<Self, TlsError> {
        let TlsIdentity::Persist(folder) = from else { return Self::make() };
        let [ca, cert, key] = ["ca", "cert", "key"].map(|part| folder.join(format!("simulator-{part}.pem")));
        if ca.exists() && cert.exists() && key.exists() {
            return Ok(Self { ca_pem: read(&ca)?, cert_pem: read(&cert)?, key_pem: read(&key)? });
        }
        let made = Self::make()?;
        std::fs::create_dir_all(folder).map_err(|source| TlsError::File { path: folder.clone(), source })?;
        write(&key, &made.key_pem)?;
        write(&cert, &made.cert_pem)?;
        write(&ca, &made.ca_pem)?;
        Ok(made)
    }

    fn make() -> Result<Self, TlsError> {
        let now = OffsetDateTime::now_utc();
        let (from, until) = (now - Duration::days(1), now + Duration::days(3650));
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "Lazuli simulator CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (ca.not_before, ca.not_after) = (from, until);
        let ca_pem = ca.self_signed(&ca_key)?.pem();

        let key = KeyPair::generate()?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut server = CertificateParams::new(names)?;
        server.distinguished_name.push(DnType::CommonName, "Lazuli simulator");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        (server.not_before, server.not_after) = (from, until);
        let cert = server.signed_by(&key, &Issuer::new(ca, ca_key))?;
        Ok(Self { ca_pem, cert_pem: cert.pem(), key_pem: key.serialize_pem() })
    }

    /// The server's side of TLS: HTTP/2 and HTTP/1.1, ring, no client certificates.
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let unusable = |error: &dyn std::fmt::Display| TlsError::Unusable(error.to_string());
        let cert = CertificateDer::from_pem_slice(self.cert_pem.as_bytes()).map_err(|e| unusable(&e))?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(|e| unusable(&e))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| unusable(&e))?
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .map_err(|e| unusable(&e))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}

fn write(path: &Path, text: &str) -> Result<(), TlsError> {
    private(OpenOptions::new().create(true).truncate(true).write(true))
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| TlsError::File { path: path.to_owned(), source })
}
