//! The API servers of simulated clusters as `kube` reaches them: HTTP/1.1 over streams in memory.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::Body;
use lazuli::inside::Now;
use lazuli_kubernetes::api::{Connect, ConnectError};
use lazuli_kubernetes::keyring::Server;
use lazuli_kubernetes::pki::ClientIdentity;
use lazuli_simulator::User;
use time::OffsetDateTime;
use tokio::io::DuplexStream;
use tower::BoxError;

use super::client::Client;

/// The time of the simulated Azure, by which certificates and tokens end.
pub(super) fn clock(client: &Arc<Client>) -> Now {
    let client = client.clone();
    Arc::new(move || {
        let now = Duration::from_millis(client.azure.now_ms());
        OffsetDateTime::UNIX_EPOCH + now
    })
}

/// What is sent to the API servers of clusters.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    requests: Mutex<Vec<Request>>,
    faults: Mutex<Vec<Fault>>,
}

/// A request to an API server.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path with its query.
    pub(crate) path: String,
}

/// Something that goes wrong with the first requests that fit.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// The verb; `None` for every one.
    pub(crate) method: Option<Method>,
    /// Something the path contains.
    pub(crate) path: &'static str,
    /// How often it strikes.
    pub(crate) times: usize,
    pub(crate) trouble: Trouble,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The connection is cut before the server has heard of the request.
    ResetBefore,
    /// It is cut when the server has done what was asked.
    ResetAfter,
    /// The server answers with a status, and does nothing.
    Status(u16),
    /// The answer takes so many seconds longer.
    Slow(u64),
}

impl Traffic {
    pub(super) fn begin_run(&self) {
        self.requests.lock().unwrap().clear();
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn set_faults(&self, faults: Vec<Fault>) {
        *self.faults.lock().unwrap() = faults;
    }

    /// Notes a request and tells what is to go wrong with it.
    fn heard(&self, method: &Method, path: &str) -> Option<Trouble> {
        self.requests.lock().unwrap().push(Request { method: method.clone(), path: path.to_owned() });
        let mut faults = self.faults.lock().unwrap();
        let fits = |fault: &&mut Fault| {
            fault.times > 0 && fault.method.as_ref().is_none_or(|m| m == method) && path.contains(fault.path)
        };
        let fault = faults.iter_mut().find(fits)?;
        fault.times -= 1;
        Some(fault.trouble)
    }
}

/// Makes clients of simulated clusters, signed in as an administrator: who one is was proved below HTTP.
pub(super) struct Simulated(pub(super) Arc<Client>);

#[async_trait::async_trait]
impl Connect for Simulated {
    async fn connect(
        &self,
        server: &Server,
        _: &str,
        _: &ClientIdentity,
    ) -> Result<kube::Client, ConnectError> {
        let (client, pool) = (self.0.clone(), pool(&self.0, &server.host));
        let host = server.host.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (client, pool, host) = (client.clone(), pool.clone(), host.clone());
            async move {
                let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
                let trouble = client.inside.heard(request.method(), &path);
                let reset = || BoxError::from(io::Error::from(io::ErrorKind::ConnectionReset));
                match trouble {
                    Some(Trouble::ResetBefore) => return Err(reset()),
                    Some(Trouble::Status(status)) => return Ok(refusal(status)),
                    Some(Trouble::Slow(seconds)) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                    Some(Trouble::ResetAfter) | None => {}
                }
                let answer = send(&pool, &host, request).await?;
                if trouble == Some(Trouble::ResetAfter) { Err(reset()) } else { Ok(answer) }
            }
        });
        Ok(kube::Client::new(service, "default"))
    }
}

/// A client that no fault strikes and whose requests are not counted.
pub(super) fn undisturbed(client: &Arc<Client>, host: &str) -> kube::Client {
    let (pool, host) = (pool(client, host), host.to_owned());
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (pool, host) = (pool.clone(), host.clone());
        async move { send(&pool, &host, request).await }
    });
    kube::Client::new(service, "default")
}

/// Connections to one API server: one is made whenever none is idle.
type Connections = Pool<Connector, Body>;

type Answer = UnsyncBoxBody<Bytes, BoxError>;

fn pool(client: &Arc<Client>, host: &str) -> Connections {
    Pool::builder(TokioExecutor::new()).build(Connector { client: client.clone(), host: host.to_owned() })
}

async fn send(
    pool: &Connections,
    host: &str,
    mut request: http::Request<Body>,
) -> Result<Response<Answer>, BoxError> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = format!("http://{host}{path}").parse()?;
    let answer = pool.request(request).await?;
    Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
}

fn refusal(status: u16) -> Response<Answer> {
    let (reason, message) = match status {
        429 => ("TooManyRequests", "Too many requests, please try again later."),
        _ => ("ServiceUnavailable", "the server is currently unable to handle the request"),
    };
    let said = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status,
    });
    let body = Full::new(said.to_string().into_bytes().into()).map_err(|never: Infallible| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    let headers = answer.headers_mut();
    headers.insert("content-type", "application/json".parse().unwrap());
    if status == 429 {
        headers.insert("retry-after", "1".parse().unwrap());
    }
    answer
}

/// Connects to an API server.
#[derive(Clone)]
struct Connector {
    client: Arc<Client>,
    host: String,
}

impl tower::Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Stream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self.client.azure.connect(&self.host, Some(User::admin()));
        std::future::ready(match self.client.azure.answers(&self.host) {
            true => Ok(Stream(TokioIo::new(stream))),
            false => Err(io::ErrorKind::ConnectionRefused.into()),
        })
    }
}

/// A connection in memory.
struct Stream(TokioIo<DuplexStream>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
