//! The shell around the API servers of clusters: TLS by host name, HTTP, watches that stream, commands over WebSockets.
//!
//! Belongs here: connections. Not here: any rule about Kubernetes.

mod exec;
mod stream;
mod tls;

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc;

use crate::faults::{self, Answer, Faults};
use crate::gateway::Gateway;
use crate::kubernetes::{self, Refusal, Reply, User};
use crate::request::{Method, Request};
use crate::world::World;
use stream::ReplyBytes;
pub(crate) use tls::{Certificates, Found, Server};

/// The API server takes no more than this.
const BODY_BYTES: usize = 3 * 1024 * 1024;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Has shown no certificate; may still send a token.
    Unknown,
    /// Has shown a certificate that the cluster does not trust.
    Untrusted,
    /// Is known.
    Known(User),
}

/// What a planned fault does to a request, besides what the API server does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// Nothing comes back, and the connection stays open.
    Held,
    /// The connection is cut.
    Cut,
}

/// The connection is cut on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut by a planned fault")]
pub(crate) struct Cut;

/// Planned faults on the way to API servers, and who hears of requests that are held. Of all faults those that cut, hold
/// and reset mean something here, and the failures of a server; the others are Azure's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Misfortune {
    pub(crate) faults: Arc<Faults>,
    pub(crate) held: Option<mpsc::UnboundedSender<String>>,
}

/// Answers one request on a connection to the cluster `host`.
pub(crate) async fn answer(
    gateway: Arc<Gateway>,
    host: Arc<str>,
    peer: Peer,
    misfortune: Misfortune,
    mut request: hyper::Request<Incoming>,
) -> Result<hyper::Response<ReplyBytes>, Cut> {
    let upgrade = exec::Upgrade::take(&mut request);
    let request = match read(request).await {
        Ok(request) => request,
        Err(refusal) => return Ok(to_wire(refusal.into())),
    };
    let name = format!("{} https://{host}{}", request.method.as_str(), request.path);
    // Once read, a request is carried out to its end, even when the client hangs up meanwhile.
    let task = {
        let (gateway, host, faults) = (Arc::clone(&gateway), Arc::clone(&host), misfortune.faults);
        tokio::spawn(async move {
            let mutates = request.method.mutates();
            gateway.run(mutates, |world, now| suffer(world, &faults, &host, &peer, &request, now)).await
        })
    };
    let (reply, fate) = match task.await {
        Ok(Ok(suffered)) => suffered,
        Ok(Err(failure)) => (Refusal::internal(failure).into(), Fate::Answered),
        Err(_) => (Refusal::internal("the simulator failed to answer").into(), Fate::Answered),
    };
    match fate {
        Fate::Answered => {}
        Fate::Cut => return Err(Cut),
        Fate::Held => {
            // nobody watches: it is held all the same
            let _ = misfortune.held.map(|held| held.send(name));
            std::future::pending().await
        }
    }
    Ok(match reply {
        Reply::Watch(watch) => {
            let mut response = hyper::Response::new(stream::watch(gateway, host, *watch));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Reply::Exec(command) => match upgrade {
            Some(upgrade) => upgrade.run(gateway, host, command),
            None => to_wire(Refusal::bad_request("Upgrade request required").into()),
        },
        answer @ Reply::Answer { .. } => to_wire(answer),
    })
}

/// Carries a request out, or not, as a planned fault says.
fn suffer(
    world: &mut World,
    faults: &Faults,
    host: &str,
    peer: &Peer,
    request: &Request,
    now_ms: u64,
) -> (Reply, Fate) {
    let carry_out = |world: &mut World| carry_out(world, host, peer, request, now_ms);
    let nothing = || -> Reply { Refusal::unavailable().into() };
    let wholly = |world: &mut World| {
        let reply = carry_out(world);
        // A command runs once the connection is switched, which it never will be.
        if let (Reply::Exec(command), Some(cluster)) = (&reply, world.clusters.get_mut(host)) {
            kubernetes::exec(
                cluster,
                &command.namespace,
                &command.pod,
                &command.container,
                &command.argv,
                now_ms,
            );
        }
        reply
    };
    match faults::decide(world, faults, request) {
        Some(Answer::HoldBeforeAccept) => (nothing(), Fate::Held),
        Some(Answer::HoldAfterAccept) => (wholly(world), Fate::Held),
        Some(Answer::DropBeforeAccept | Answer::ResetBeforeAccept) => (nothing(), Fate::Cut),
        Some(Answer::DropAfterAccept | Answer::ResetAfterAccept) => (wholly(world), Fate::Cut),
        Some(Answer::ServerError { after_accept: true, .. }) => {
            wholly(world);
            (nothing(), Fate::Answered)
        }
        Some(Answer::ServerError { .. }) => (nothing(), Fate::Answered),
        _ => (carry_out(world), Fate::Answered),
    }
}

fn carry_out(world: &mut World, host: &str, peer: &Peer, request: &Request, now_ms: u64) -> Reply {
    world.advance(now_ms);
    let Some(cluster) = world.clusters.get_mut(host) else { return Refusal::unavailable().into() };
    let bearer = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    let user = match (peer, bearer) {
        (Peer::Known(user), _) => user.clone(),
        (Peer::Unknown, None) => User::anonymous(),
        (Peer::Unknown, Some(token)) => match User::of_token(&cluster.store, token.trim(), now_ms) {
            Ok(user) => user,
            Err(refusal) => return refusal.into(),
        },
        (Peer::Untrusted, _) => return Refusal::unauthorized().into(),
    };
    let reply = kubernetes::handle(cluster, request, &user, now_ms);
    if request.method.mutates() {
        world.advance(now_ms); // the controllers see at once what was written
    }
    reply
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, Refusal> {
    let (parts, body) = request.into_parts();
    let method = Method::parse(parts.method.as_str()).ok_or_else(Refusal::method_not_allowed)?;
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut read = Request::new(method, target);
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            read = read.with_header(name.as_str(), value);
        }
    }
    match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => read.body = body.to_bytes().to_vec(),
        Err(_) => return Err(Refusal::too_large()),
    }
    Ok(read)
}

fn to_wire(reply: Reply) -> hyper::Response<ReplyBytes> {
    let Reply::Answer { status, body } = reply else {
        return hyper::Response::new(ReplyBytes::whole(Vec::new()));
    };
    let kind = body.content_type();
    let mut response = hyper::Response::new(ReplyBytes::whole(body.bytes()));
    *response.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}
