//! Which requests are sent again, and when. The time is tokio's, so a paused clock works.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use kube::client::Body;
use tokio::time::{Instant, sleep};

use super::error::{Trouble, trouble};

/// How long a request may be tried again in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// No connection.
    pub connection: Duration,
    /// Too many requests, failures of the server.
    pub service: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { connection: Duration::from_secs(15), service: Duration::from_secs(60) }
    }
}

/// The longest wait when the server names none.
const LONGEST: Duration = Duration::from_secs(10);

/// A client that sends again what is safe to send again: what never arrived, what the server did not take up (429,
/// 503), and, of requests that do the same when they are sent twice, what was lost or failed inside the server.
///
/// An eviction that a disruption budget forbids is also a 429; its caller waits for that.
pub fn patient(client: kube::Client, patience: Patience) -> kube::Client {
    let service = tower::service_fn(move |request: Request<Body>| send(client.clone(), request, patience));
    kube::Client::new(service, "default")
}

async fn send(
    client: kube::Client,
    request: Request<Body>,
    patience: Patience,
) -> Result<Response<Body>, kube::Error> {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let body = body.collect_bytes().await?;
    let (mut own, mut tried) = (Duration::from_millis(500), 0);
    loop {
        let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
        let result = client.send(request).await;
        let (budget, asked) = match &result {
            Ok(response) if refused_for_now(&parts.method, parts.uri.path(), response.status()) => {
                (patience.service, retry_after(response))
            }
            Err(error) => match trouble(error) {
                Trouble::Unsent => (patience.connection, None),
                Trouble::Lost if repeatable(&parts.method) => (patience.connection, None),
                Trouble::Lost | Trouble::Untrusted => return result,
            },
            Ok(_) => return result,
        };
        let wait = asked.unwrap_or(own);
        // The first attempt may have used up all the time by waiting for an answer that got lost.
        let once_more = tried == 0 && asked.is_none();
        if begun.elapsed() + wait > budget && !once_more {
            return result;
        }
        sleep(wait).await;
        (own, tried) = ((own * 2).min(LONGEST), tried + 1);
    }
}

/// Whether the server asks to come back, in as many words.
fn refused_for_now(method: &Method, path: &str, status: StatusCode) -> bool {
    (status.as_u16() == 429 && !path.ends_with("/eviction")) || failed_inside(method, status)
}

/// Whether a failure of the server is no reason not to send the request again.
pub(super) fn failed_inside(method: &Method, status: StatusCode) -> bool {
    match status.as_u16() {
        503 => true,
        500 | 502 | 504 => repeatable(method),
        _ => false,
    }
}

/// Whether sending it twice does the same as once. A second POST makes a second object, or a conflict with the first.
pub(super) fn repeatable(method: &Method) -> bool {
    *method != Method::POST
}

fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
