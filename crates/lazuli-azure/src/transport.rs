//! HTTP: one pooled client for Entra and Azure Resource Manager, and what can go wrong before an answer is there.
//!
//! Nothing here knows Azure; retries are the ARM client's business.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Method, Request};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::account::Trust;

/// The time a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time without a byte after which an answer counts as lost; ARM itself gives up after 60 s.
pub const SILENCE: Duration = Duration::from_secs(90);
/// The time for a whole request: an answer that only trickles is given up at last.
pub const WHOLE: Duration = Duration::from_secs(300);

/// Host names that lead somewhere else than the name service says.
#[derive(Debug, Clone, Default)]
pub struct HostOverrides(Vec<(String, SocketAddr)>);

impl HostOverrides {
    /// Sends `host` to `address`; `*.cloudapp.azure.com` means every name below. Port 0 keeps the URL's port.
    pub fn insert(&mut self, host: &str, address: SocketAddr) {
        self.0.push((host.to_ascii_lowercase(), address));
    }

    /// Where a host name leads, when it is overridden.
    pub fn get(&self, host: &str) -> Option<SocketAddr> {
        let host = host.to_ascii_lowercase();
        self.0.iter().find_map(|(pattern, address)| {
            let fits = match pattern.strip_prefix('*') {
                Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
                None => host == *pattern,
            };
            fits.then_some(*address)
        })
    }
}

impl Resolve for HostOverrides {
    fn resolve(&self, name: Name) -> Resolving {
        let overridden = self.get(name.as_str());
        Box::pin(async move {
            if let Some(address) = overridden {
                return Ok(Box::new(std::iter::once(address)) as Addrs);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The name service does not know the host.
    #[error("the host name {host} cannot be resolved: {reason}")]
    Name {
        /// The host.
        host: String,
        /// What the name service said.
        reason: String,
    },
    /// No connection.
    #[error("no connection to {host}: {reason}")]
    Connect {
        /// The host.
        host: String,
        /// What the operating system said.
        reason: String,
    },
    /// The server's certificate is not trusted, or TLS cannot be agreed on.
    #[error("no secure connection to {host}: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// What TLS said.
        reason: String,
    },
    /// The request may have arrived; the answer did not.
    #[error("the connection to {host} broke before the answer was complete: {reason}")]
    Lost {
        /// The host.
        host: String,
        /// What happened.
        reason: String,
    },
    /// The request could not even be made.
    #[error("the request to {host} cannot be made: {reason}")]
    Request {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
}

impl TransportError {
    /// The library's error; its kind decides whether a token request is tried again.
    pub fn into_core(self) -> azure_core::Error {
        let kind = match &self {
            TransportError::Connect { .. } => ErrorKind::Connection,
            TransportError::Lost { .. } => ErrorKind::Io,
            TransportError::Name { .. } | TransportError::Tls { .. } | TransportError::Request { .. } => {
                ErrorKind::Other
            }
        };
        azure_core::Error::new(kind, self)
    }

    /// Finds the transport's error below the library's.
    pub(crate) fn below(error: &azure_core::Error) -> Option<&TransportError> {
        let mut source: Option<&(dyn std::error::Error + 'static)> = error.source();
        while let Some(error) = source {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            source = error.source();
        }
        None
    }
}

/// Why the client cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportSetupError {
    /// The extra certificate authority cannot be read.
    #[error("the certificate authority is not PEM: {0}")]
    BadCertificate(String),
    /// The HTTP library refuses.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// The client. Cheap to share, keeps its connections.
#[derive(Debug)]
pub struct Transport {
    client: reqwest::Client,
}

impl Transport {
    /// Makes the client. `direct` leaves proxies of the environment out, for servers on this machine. After `silence`
    /// without a byte an answer counts as lost.
    ///
    /// # Errors
    /// When the extra certificate authority is not PEM.
    pub fn new(
        trust: &Trust,
        hosts: HostOverrides,
        direct: bool,
        silence: Duration,
    ) -> Result<Self, TransportSetupError> {
        // One crypto provider in the whole process; that another part has installed it before is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .tls_backend_rustls()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(silence)
            .timeout(WHOLE)
            .pool_idle_timeout(Duration::from_secs(90))
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_timeout(Duration::from_secs(20))
            .dns_resolver(Arc::new(hosts));
        if direct {
            builder = builder.no_proxy();
        }
        builder = match trust {
            Trust::System => builder,
            Trust::SystemAnd(pem) => builder.tls_certs_merge(certificates(pem)?),
            Trust::Only(pem) => builder.tls_certs_only(certificates(pem)?),
        };
        let client = builder.build().map_err(|error| TransportSetupError::Client(reasons(&error)))?;
        Ok(Transport { client })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, TransportSetupError> {
    let found = reqwest::Certificate::from_pem_bundle(pem)
        .map_err(|error| TransportSetupError::BadCertificate(reasons(&error)))?;
    if found.is_empty() {
        return Err(TransportSetupError::BadCertificate("no CERTIFICATE block in it".into()));
    }
    Ok(found)
}

#[async_trait::async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let mut outgoing = self.client.request(method(request.method()), request.url().clone());
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        outgoing = match request.body() {
            Body::Bytes(bytes) => outgoing.body(bytes.clone()),
            Body::SeekableStream(_) => {
                let reason = "streamed bodies are not used".to_owned();
                return Err(TransportError::Request { host, reason }.into_core());
            }
        };
        let response = outgoing.send().await.map_err(|error| failed(host.clone(), &error).into_core())?;
        let status = response.status().as_u16();
        let headers = headers(response.headers());
        let body = response
            .bytes()
            .await
            .map_err(|error| TransportError::Lost { host, reason: reasons(&error) }.into_core())?;
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
    }
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Delete => reqwest::Method::DELETE,
        Method::Head => reqwest::Method::HEAD,
        Method::Patch => reqwest::Method::PATCH,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        _ => reqwest::Method::GET,
    }
}

fn headers(map: &reqwest::header::HeaderMap) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in map {
        if let Ok(value) = value.to_str() {
            headers.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
        }
    }
    headers
}

/// Sorts out what happened. Whatever is not certainly before the request left counts as lost.
fn failed(host: String, error: &reqwest::Error) -> TransportError {
    let reason = reasons(error);
    if error.is_builder() {
        TransportError::Request { host, reason }
    } else if error.is_dns() {
        TransportError::Name { host, reason }
    } else if error.is_connect() {
        if below::<rustls::Error>(error) {
            TransportError::Tls { host, reason }
        } else {
            TransportError::Connect { host, reason }
        }
    } else {
        TransportError::Lost { host, reason }
    }
}

/// True when an error of this type is below. Errors of input and output hide theirs from `source`.
fn below<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<E>() {
            return true;
        }
        let hidden = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match hidden {
            Some(hidden) => Some(hidden),
            None => error.source(),
        };
    }
    false
}

/// The innermost reason: the outer ones only repeat the URL.
fn reasons(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    if error.is_timeout() && !error.is_connect() {
        return "no answer in time".to_owned();
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::{HostOverrides, Transport, TransportError, Trust};
    use azure_core::http::{HttpClient, Method, Request};

    #[test]
    fn a_star_stands_for_every_name_below() {
        let mut hosts = HostOverrides::default();
        hosts.insert("*.cloudapp.azure.com", ([127, 0, 0, 1], 8443).into());
        assert!(hosts.get("prod.eastus.CloudApp.azure.com").is_some());
        assert!(hosts.get("cloudapp.azure.com").is_none());
        assert!(hosts.get("management.azure.com").is_none());
    }

    #[test]
    fn a_certificate_authority_that_is_not_pem_is_refused() {
        let refused =
            Transport::new(&Trust::Only(b"no".to_vec()), HostOverrides::default(), true, super::SILENCE);
        assert!(refused.unwrap_err().to_string().contains("PEM"));
    }

    #[tokio::test]
    async fn a_closed_port_means_that_nothing_was_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let transport =
            Transport::new(&Trust::System, HostOverrides::default(), true, super::SILENCE).unwrap();
        let request = Request::new(format!("https://127.0.0.1:{port}/").parse().unwrap(), Method::Put);
        let error = transport.execute_request(&request).await.unwrap_err();
        assert!(matches!(TransportError::below(&error), Some(TransportError::Connect { .. })), "{error:?}");
    }
}
