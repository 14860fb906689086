//! A real TLS server of one connection, with a certificate of the cluster's authority.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use time::OffsetDateTime;

use super::{Connect, Direct};
use crate::api::{ApiError, Rest};
use crate::keyring::Server;
use crate::pki::{CertificateAuthority, admin_identity};

const HOST: &str = "prod.eastus2.cloudapp.azure.com";

/// Serves one request; returns the name that was asked for and the first line.
fn serve(ca: &CertificateAuthority) -> (SocketAddr, JoinHandle<Option<(String, String)>>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let ca_key = rcgen::KeyPair::from_pem(ca.private_key_pem.expose()).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_pem(&ca.certificate_pem, ca_key).unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.certificate_pem.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![leaf.der().clone()], private)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().ok()?;
        let connection = ServerConnection::new(Arc::new(config)).ok()?;
        let mut stream = StreamOwned::new(connection, stream);
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).ok()?;
        let line = String::from_utf8_lossy(&buffer[..length]).lines().next()?.to_owned();
        let name = stream.conn.server_name()?.to_owned();
        let body = r#"{"gitVersion": "v1.34.2"}"#;
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()?;
        stream.flush().ok()?;
        Some((name, line))
    });
    (address, served)
}

async fn version(ca: &CertificateAuthority, trusted: &str, address: SocketAddr) -> Result<String, ApiError> {
    let now = OffsetDateTime::now_utc();
    let identity = admin_identity(ca, "lazuli", &["system:masters"], Duration::from_secs(3600), now).unwrap();
    let direct = Direct { addresses: Arc::new(move |host| (host == HOST).then_some(address)) };
    let server = Server { host: HOST.to_owned(), port: 6443 };
    let client = direct.connect(&server, trusted, &identity).await?;
    let version = Rest::from(client).get("/version").await?.unwrap_or_default();
    Ok(version["gitVersion"].as_str().unwrap_or_default().to_owned())
}

fn authority() -> CertificateAuthority {
    CertificateAuthority::new("kubernetes", 1, OffsetDateTime::now_utc()).unwrap()
}

#[tokio::test]
async fn a_host_with_an_address_of_its_own_is_still_the_one_that_is_spoken_to() {
    let ca = authority();
    let (address, served) = serve(&ca);
    assert_eq!(version(&ca, &ca.certificate_pem, address).await.unwrap(), "v1.34.2");
    let (name, line) = served.join().unwrap().unwrap();
    assert_eq!((name.as_str(), line.split('?').next()), (HOST, Some("GET /version HTTP/1.1")));
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_spoken_to_and_not_waited_for() {
    let ca = authority();
    let (address, served) = serve(&ca);
    let error = version(&ca, &authority().certificate_pem, address).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { lasting: true, .. }), "{error:?}");
    assert_eq!(error.looking().code, "ClusterNotTrusted");
    assert_eq!(served.join().unwrap(), None);
}
