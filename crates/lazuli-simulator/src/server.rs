//! The shell: HTTP/1.1 and HTTP/2 over TLS around the pure cloud.
//!
//! Belongs here: sockets, sleeping, waiting for the disk. Not here: any rule about Azure.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use crate::apiserver::{self, Certificates, Cut, Found, Misfortune};
use crate::arm::{self, Settings};
use crate::delivery::{Breakable, Outgoing};
use crate::faults::Faults;
use crate::gateway::Gateway;
use crate::recording::Recording;
use crate::refusals;
use crate::request::{Body, Delivery, Method, Request, Response};

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) certificates: Certificates,
    pub(crate) settings: Settings,
    /// Those of the settings, for the connections to clusters.
    pub(crate) faults: Arc<Faults>,
    pub(crate) recording: Option<Recording>,
    pub(crate) answers: Option<Recording>,
    /// Hears of requests that are held.
    pub(crate) held: mpsc::UnboundedSender<String>,
}

/// Accepts connections until the task is aborted; the connections end with it.
pub(crate) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely; breathe and go on.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            let (stream, is_broken) = Breakable::new(stream);
            let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
            let Ok(hello) = hello.await else { return };
            // One port serves all: the name that the client asks for decides.
            let host: Option<Arc<str>> = hello.client_hello().server_name().map(Arc::from);
            let found = host.as_ref().map_or(Found::Nothing, |host| {
                shared.gateway.act(|world, now| {
                    world.advance(now);
                    shared.certificates.find(world, host)
                })
            });
            match (found, host) {
                (Found::Server(server), Some(host)) => {
                    return serve_cluster(&shared, hello, &server, host).await;
                }
                (Found::Silence, _) => return,
                _ => {}
            }
            let Ok(stream) = hello.into_stream(Arc::clone(acceptor.config())).await else { return };
            let reset = Arc::new(Notify::new());
            let hit = Arc::clone(&reset);
            let service = service_fn(move |request| answer(Arc::clone(&shared), request, Arc::clone(&hit)));
            let builder = auto::Builder::new(TokioExecutor::new());
            tokio::select! {
                // A client that goes away is no error of ours.
                _ = builder.serve_connection(TokioIo::new(stream), service) => {}
                () = async {
                    reset.notified().await;
                    is_broken.store(true, Ordering::Release); // before the connection is dropped
                } => {}
            }
        });
    }
}

/// Serves a connection to the API server of a cluster.
async fn serve_cluster(
    shared: &Shared,
    hello: tokio_rustls::StartHandshake<Breakable>,
    server: &apiserver::Server,
    host: Arc<str>,
) {
    let Ok(stream) = hello.into_stream(Arc::clone(&server.config)).await else { return };
    let peer = server.peer(stream.get_ref().1.peer_certificates(), shared.gateway.now_ms());
    let host: Arc<str> = Arc::from(host.to_ascii_lowercase());
    let gateway = Arc::clone(&shared.gateway);
    let misfortune = Misfortune { faults: Arc::clone(&shared.faults), held: Some(shared.held.clone()) };
    let service = service_fn(move |request| {
        apiserver::answer(Arc::clone(&gateway), Arc::clone(&host), peer.clone(), misfortune.clone(), request)
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    // A client that goes away is no error of ours.
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

async fn answer(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
    reset: Arc<Notify>,
) -> Result<hyper::Response<Outgoing>, Cut> {
    let request = match read(request).await {
        Ok(request) => request,
        Err(refusal) => return Ok(to_wire(refusal)),
    };
    let (name, held) = (format!("{} {}", request.method.as_str(), request.path), shared.held.clone());
    // Once read, a request is carried out to its end, even when the client hangs up meanwhile, as a cloud does.
    let task = tokio::spawn(async move {
        let response = carry_out(&shared, &request).await;
        // A shutdown waits for what is being carried out, but not for answers that are only slow.
        drop(shared);
        if response.accept_ms > 0 {
            tokio::time::sleep(Duration::from_millis(response.accept_ms)).await;
        }
        response
    });
    let response = task.await.unwrap_or_else(|_| internal("The simulator failed to answer."));
    match response.delivery {
        Delivery::Answer | Delivery::Slow { .. } | Delivery::Stall => Ok(to_wire(response)),
        Delivery::Drop => Err(Cut),
        Delivery::Hold => {
            let _ = held.send(name); // nobody watches: it is held all the same
            std::future::pending().await
        }
        Delivery::Reset => {
            reset.notify_one();
            std::future::pending().await // not a byte more: the connection is about to be gone
        }
    }
}

async fn carry_out(shared: &Shared, request: &Request) -> Response {
    let carried_out = shared
        .gateway
        .run(request.method.mutates(), |world, now| arm::handle(world, &shared.settings, request, now));
    let response = match carried_out.await {
        Ok(response) => response,
        Err(failure) => return internal(&failure),
    };
    if let Some(recording) = &shared.recording
        && let Err(error) = recording.note(request, response.status)
    {
        return internal(&format!("The request could not be recorded: {error}"));
    }
    if let Some(answers) = &shared.answers
        && let Err(error) = answers.note_answer(request, &response)
    {
        return internal(&format!("The answer could not be recorded: {error}"));
    }
    response
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, Response> {
    let (parts, body) = request.into_parts();
    let Some(method) = Method::parse(parts.method.as_str()) else {
        return Err(arm_refusal(
            405,
            "MethodNotAllowed",
            "The requested resource does not support this http method.",
        ));
    };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut read = Request::new(method, target);
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            read = read.with_header(name.as_str(), value);
        }
    }
    // HTTP/2 carries the host in the request line.
    if !parts.headers.contains_key(HOST)
        && let Some(authority) = parts.uri.authority()
    {
        read = read.with_header("host", authority.as_str());
    }
    match Limited::new(body, refusals::BODY_BYTES).collect().await {
        Ok(body) => read.body = body.to_bytes().to_vec(),
        Err(_) => {
            return Err(refusals::dropped().into_response()); // or cut off, and nobody hears it
        }
    }
    Ok(read)
}

fn arm_refusal(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, json!({ "error": { "code": code, "message": message } }))
}

fn internal(message: &str) -> Response {
    arm_refusal(500, "InternalServerError", message)
}

fn to_wire(response: Response) -> hyper::Response<Outgoing> {
    let (kind, bytes) = match response.body {
        Body::Empty => (None, Bytes::new()),
        Body::Json(value) => (Some("application/json; charset=utf-8"), Bytes::from(value.to_string())),
        Body::Text(text) => (Some("text/plain; charset=utf-8"), Bytes::from(text)),
    };
    let mut wire = hyper::Response::new(Outgoing::new(bytes, response.delivery));
    *wire.status_mut() =
        hyper::StatusCode::from_u16(response.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(kind) = kind {
        wire.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            wire.headers_mut().append(name, value);
        }
    }
    wire
}
