//! The certificates of API servers, and what clients show.
//!
//! A client whose certificate means nothing to the cluster is not refused by TLS: it is answered with 401, as by the
//! real server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};

use super::Peer;
use crate::kubernetes::{Leaf, User};
use crate::world::World;

/// What a host name leads to.
pub(crate) enum Found {
    /// No cluster has that name.
    Nothing,
    /// A cluster has it, but none of its API servers answers.
    Silence,
    /// An API server.
    Server(Arc<Server>),
}

/// An API server's side of TLS.
pub(crate) struct Server {
    pub(crate) config: Arc<ServerConfig>,
    clients: Arc<dyn ClientCertVerifier>,
    made_from: (Leaf, String),
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// The servers that were asked for so far, by host name.
#[derive(Debug, Default)]
pub(crate) struct Certificates(Mutex<BTreeMap<String, Arc<Server>>>);

impl Certificates {
    /// The API server behind a host name.
    pub(crate) fn find(&self, world: &World, host: &str) -> Found {
        let host = host.to_ascii_lowercase();
        let Some(cluster) = world.clusters.get(&host) else {
            let nobody_yet = crate::kubernetes::is_known(world, &host);
            return if nobody_yet { Found::Silence } else { Found::Nothing };
        };
        let Some(leaf) = crate::kubernetes::answering_leaf(world, &host) else { return Found::Silence };
        let trusted = leaf.authorities(&cluster.control().ca_pem).to_owned();
        let made_from = (leaf.clone(), trusted);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = known.get(&host)
            && server.made_from == made_from
        {
            return Found::Server(Arc::clone(server));
        }
        // A certificate that TLS cannot use leaves the port as silent as a crashed server would.
        let Some(server) = Server::make(made_from).map(Arc::new) else { return Found::Silence };
        known.insert(host, Arc::clone(&server));
        Found::Server(server)
    }
}

impl Server {
    fn make(made_from: (Leaf, String)) -> Option<Self> {
        let (leaf, ca_pem) = &made_from;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            roots.add(certificate.ok()?).ok()?;
        }
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .ok()?;
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(leaf.cert_pem.as_bytes()).collect::<Result<_, _>>().ok()?;
        let key = PrivateKeyDer::from_pem_slice(leaf.key_pem.as_bytes()).ok()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .with_client_cert_verifier(Arc::new(AskOnly(Arc::clone(&clients))))
            .with_single_cert(chain, key)
            .ok()?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Some(Self { config: Arc::new(config), clients, made_from })
    }

    /// Who a client is by the certificates it showed.
    pub(crate) fn peer(&self, chain: Option<&[CertificateDer<'_>]>, now_ms: u64) -> Peer {
        let Some((leaf, intermediates)) = chain.and_then(<[_]>::split_first) else { return Peer::Unknown };
        let now = UnixTime::since_unix_epoch(Duration::from_millis(now_ms));
        match self.clients.verify_client_cert(leaf, intermediates, now) {
            Ok(_) => User::of_certificate(leaf).map_or(Peer::Untrusted, Peer::Known),
            Err(_) => Peer::Untrusted,
        }
    }
}

/// Asks for a certificate and checks that the client holds its key; whether to trust it is decided afterwards.
#[derive(Debug)]
struct AskOnly(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for AskOnly {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
