//! A client of a cluster's API.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::AuthInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::keyring::{ClusterId, Server};
use crate::pki::{ClientIdentity, PkiError};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// After how long without a byte an answer counts as lost.
const SILENCE: Duration = Duration::from_secs(60);

/// Makes clients.
#[async_trait::async_trait]
pub trait Connect: Send + Sync {
    /// A client of the API server, which must have a certificate of the authority `ca_pem`. Nothing need be sent yet.
    ///
    /// # Errors
    /// When the server's name, the authority or the identity cannot be used.
    async fn connect(
        &self,
        server: &Server,
        ca_pem: &str,
        identity: &ClientIdentity,
    ) -> Result<kube::Client, ConnectError>;
}

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nobody has told the cluster's keys.
    #[error("the certificate authority of the cluster {0} is not known, so nobody can sign in to its API")]
    NoKeys(ClusterId),
    /// No certificate could be made to sign in with.
    #[error("no certificate could be made to sign in to the cluster's API: {0}")]
    Identity(#[from] PkiError),
    /// The certificate authority or the identity cannot be used.
    #[error("the API of the cluster at {host} cannot be spoken to: {reason}")]
    Setup {
        /// The API server.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// The cluster is to be reached through Run Command, which this program was not given.
    #[error("the cluster {0} is reached through Azure Run Command, which is not available here")]
    NoRunCommand(ClusterId),
}

/// Where a host is found, when the name service does not know it.
pub type Addresses = Arc<dyn Fn(&str) -> Option<SocketAddr> + Send + Sync>;

/// Over TCP and TLS.
#[derive(Clone)]
pub struct Direct {
    /// Hosts that lead to an address of their own, such as those of a simulated cluster. The certificate must still be
    /// the host's.
    pub addresses: Addresses,
}

impl Default for Direct {
    fn default() -> Self {
        Direct { addresses: Arc::new(|_| None) }
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Direct")
    }
}

#[async_trait::async_trait]
impl Connect for Direct {
    async fn connect(
        &self,
        server: &Server,
        ca_pem: &str,
        identity: &ClientIdentity,
    ) -> Result<kube::Client, ConnectError> {
        let refuse = |reason: String| ConnectError::Setup { host: server.host.clone(), reason };
        let address = (self.addresses)(&server.host);
        let url = match address {
            Some(address) => format!("https://{address}"),
            None => format!("https://{}:{}", server.host, server.port),
        };
        let mut config = kube::Config::new(url.parse().map_err(|e| refuse(format!("{url}: {e}")))?);
        config.tls_server_name = address.map(|_| server.host.clone());
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(ca_pem.as_bytes())
            .map(|certificate| certificate.map(|der| der.to_vec()))
            .collect();
        config.root_cert =
            Some(roots.map_err(|e| refuse(format!("its certificate authority cannot be read: {e}")))?);
        config.auth_info = AuthInfo {
            client_certificate_data: Some(STANDARD.encode(&identity.certificate_pem)),
            client_key_data: Some(STANDARD.encode(identity.private_key_pem.expose()).into()),
            ..AuthInfo::default()
        };
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(SILENCE);
        config.write_timeout = Some(SILENCE);
        config.default_retry = false; // ours knows which requests may be sent again
        kube::Client::try_from(config).map_err(|e| refuse(e.to_string()))
    }
}

#[cfg(test)]
mod tests;
